package run

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"xlab/instrument"
)

// clock is a wall clock that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 22, 14, 15, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

var formHeader = Header{
	Command: "form", Arguments: []string{"form", "--array", "A"}, Array: "A", Program: "1.0", Bench: "simulated",
	Simulated:   true,
	Instruments: map[string]instrument.Identity{"analyzer": {Vendor: "V", Model: "B1500A", Serial: "1", Firmware: "2"}},
	Limits: instrument.Limits{MinVoltage: -2, MaxVoltage: 3, MaxSpan: 4, MaxCurrent: 1e-3, MaxWidth: 0.1,
		Origin: "bench.yaml"},
	Chip: "default", Seed: 7, Spec: map[string]any{"attempts": 5},
}

func mustCreate(t *testing.T, root string, h Header, o Options) *Run {
	t.Helper()
	r, err := Create(root, h, o)
	must(t, err)
	return r
}

func TestRunFromStartToEnd(t *testing.T) {
	root, c := filepath.Join(t.TempDir(), "state", "runs"), newClock()
	c.advance(123 * time.Millisecond)
	r := mustCreate(t, root, formHeader, Options{Now: c.now})
	if want := "20261122T141500Z-form-a-1f7c"; r.ID() != want || r.Dir() != filepath.Join(root, want) ||
		r.Header().ID != want {
		t.Errorf("ID %s, want %s", r.ID(), want)
	}
	if spec, err := os.ReadFile(filepath.Join(r.Dir(), "spec.json")); err != nil ||
		string(spec) != "{\n  \"attempts\": 5\n}\n" {
		t.Errorf("spec.json: %q, %v", spec, err)
	}
	id, err := r.Journal().Intent("a")
	must(t, err)
	r.Journal().SetBenchTime(0)
	must(t, r.Journal().Result(id, "b"))
	r.Journal().SetBenchTime(2.5)
	must(t, r.WriteFile("defects.json", []byte("{}")))
	must(t, r.WriteFile("defects.json", []byte("{\"new\":1}")))
	c.advance(3 * time.Second)
	must(t, r.Finish(OutcomeComplete, map[string]int{"formed": 396}))

	s, err := Load(root, r.ID())
	must(t, err)
	bench := instrument.Seconds(2.5)
	want := Summary{ID: r.ID(), Command: "form", Array: "A", Started: c.now().Add(-3 * time.Second), Wall: 3,
		Bench:   &bench,
		Outcome: OutcomeComplete, Summary: s.Summary.Summary}
	if diff := cmp.Diff(want, s.Summary); diff != "" {
		t.Error(diff)
	}
	var figures map[string]int
	if err := json.Unmarshal(s.Summary.Summary, &figures); err != nil || figures["formed"] != 396 {
		t.Errorf("key figures %s", s.Summary.Summary)
	}
	header := formHeader
	header.ID, header.Started, header.Spec = r.ID(), want.Started, json.RawMessage(`{"attempts":5}`)
	if diff := cmp.Diff(header, s.Header); diff != "" {
		t.Error("header:", diff)
	}
	if s.Result.Exit != 0 || s.Result.Version != Version || !s.Result.Finished.Equal(c.now()) {
		t.Errorf("result %+v", s.Result)
	}
	h, err := readJournal(r.Dir())
	must(t, err)
	if len(h.Damage) != 0 || len(h.Unknown) != 0 || h.End == nil || h.End.Outcome != OutcomeComplete || h.End.Wall != 3 {
		t.Errorf("journal %+v", h.Report)
	}
	var names []string
	entries, err := os.ReadDir(r.Dir())
	must(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if want := []string{"defects.json", "journal.jsonl", "result.json", "spec.json"}; !slices.Equal(names, want) {
		t.Errorf("directory holds %v, want %v", names, want)
	}
}

// The real clock, disk and everything.
func TestCreateDefaults(t *testing.T) {
	root := t.TempDir()
	r, err := Create(root, Header{Command: "mlp import"}, Options{})
	must(t, err)
	if !regexp.MustCompile(`^\d{8}T\d{6}Z-mlp_import-[0-9a-f]{4}$`).MatchString(r.ID()) {
		t.Errorf("ID %s", r.ID())
	}
	must(t, r.End(nil, nil))
	if err := r.End(nil, nil); err == nil {
		t.Error("a run was ended twice")
	}
	s, err := Load(root, "last")
	if err != nil || s.Outcome != OutcomeComplete || s.Bench != nil || len(s.Problems) != 0 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestRunsThatStartTogether(t *testing.T) {
	root, c := t.TempDir(), newClock()
	c.advance(time.Second - 1) // the last fraction: the next one wraps around
	seen := make(map[string]bool)
	for range 5 {
		r := mustCreate(t, root, formHeader, Options{Now: c.now})
		if seen[r.ID()] {
			t.Fatalf("%s twice", r.ID())
		}
		seen[r.ID()] = true
		must(t, r.End(nil, nil))
	}
	if !seen["20261122T141500Z-form-a-ffff"] || !seen["20261122T141500Z-form-a-0000"] {
		t.Errorf("IDs %v", seen)
	}
}

func TestCreateRefuses(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, "file")
	must(t, os.WriteFile(file, nil, 0o644))
	for name, c := range map[string]struct {
		root string
		h    Header
		o    Options
		exit int
	}{
		"no command":      {root, Header{}, Options{}, ExitUsage},
		"root is a file":  {file, formHeader, Options{}, ExitUsage},
		"spec is no JSON": {root, Header{Command: "x", Spec: math.NaN()}, Options{}, ExitInternal},
		"limits NaN": {root, Header{Command: "x", Limits: instrument.Limits{MaxVoltage: instrument.Volts(math.NaN())}},
			Options{}, ExitInternal},
		"full disk": {root, formHeader, Options{Free: func(string) (uint64, error) { return 10, nil }},
			ExitInterrupted},
		"journal fails": {root, formHeader, Options{Create: func(string) (File, error) { return nil, errDiskWrite }},
			ExitTrip},
		"disk fails early": {root, formHeader, Options{Sync: func(File) error { return errDiskSync }}, ExitTrip},
	} {
		_, err := Create(c.root, c.h, c.o)
		if err == nil || ExitCode(err) != c.exit {
			t.Errorf("%s: %v (exit code %d, want %d)", name, err, ExitCode(err), c.exit)
		}
	}
	if list, err := List(root); err != nil || len(list) != 0 {
		t.Errorf("runs that never started are left: %+v, %v", list, err)
	}
}

func TestWriteFileRefusesNames(t *testing.T) {
	r := mustCreate(t, t.TempDir(), formHeader, Options{})
	for _, name := range []string{"", ".", "..", "../x", "a/b", `a\b`, "/etc/x", ".hidden", "journal.jsonl",
		"journal-0002.jsonl", "spec.json", "result.json", "c:x"} {
		if err := r.WriteFile(name, nil); err == nil {
			t.Errorf("%q was accepted", name)
		}
	}
	must(t, r.End(nil, nil))
}

func TestEveryEndIsComplete(t *testing.T) {
	trip := &instrument.Error{Op: "watch", Kind: instrument.KindTrip, Err: errors.New("too hot")}
	for name, c := range map[string]struct {
		end     func(r *Run) error
		outcome Outcome
		kind    instrument.Kind
		cause   string
		exit    int
		failed  bool
	}{
		"complete": {func(r *Run) error { return r.End(nil, 1) }, OutcomeComplete, "", "", 0, false},
		"partial": {func(r *Run) error { return r.Finish(OutcomePartial, 1) }, OutcomePartial, "", "", ExitPartial,
			false},
		"partial, told": {func(r *Run) error { return r.End(&Ended{OutcomePartial, errors.New("3 missing")}, 1) },
			OutcomePartial, "", "3 missing", ExitPartial, true},
		"tripped": {func(r *Run) error { return r.End(trip, 1) }, OutcomeTripped, instrument.KindTrip, "too hot",
			ExitTrip, true},
		"failed": {func(r *Run) error { return r.End(errors.New("oh"), 1) }, OutcomeFailed, "", "oh", ExitInternal,
			true},
		"bad figures": {func(r *Run) error { return r.End(nil, math.NaN()) }, OutcomeComplete, "", "", 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			r := mustCreate(t, root, formHeader, Options{})
			if err := c.end(r); (err != nil) != c.failed {
				t.Errorf("ended with %v", err)
			}
			s, err := Load(root, "last")
			must(t, err)
			if s.Result == nil || s.Outcome != c.outcome || s.Result.Kind != c.kind || s.Result.Exit != c.exit ||
				!strings.Contains(s.Cause, c.cause) {
				t.Errorf("%+v, result %+v", s.Summary, s.Result)
			}
			// The journal alone says the same.
			must(t, os.Remove(filepath.Join(r.Dir(), "result.json")))
			again, err := Load(root, "last")
			must(t, err)
			if again.Outcome != s.Outcome || again.Cause != s.Cause || again.Wall != s.Wall {
				t.Errorf("from the journal: %+v, from the result: %+v", again.Summary, s.Summary)
			}
		})
	}
}

// A run whose last results are lost is not complete, whatever the work says,
// and its directory still says how it ended.
func TestJournalFailureIsTheRunsFailure(t *testing.T) {
	root, disk := t.TempDir(), newSimDisk()
	o := disk.options()
	o.Create = func(path string) (File, error) {
		f, err := os.Create(path) // what marks the run as alive
		must(t, err)
		return disk, f.Close()
	}
	r := mustCreate(t, root, formHeader, o)
	disk.set(func(d *simDisk) { d.failSync = true })
	must(t, r.Journal().Event("x", nil))
	err := r.End(nil, 1)
	if !errors.Is(err, errDiskSync) || ExitCode(err) != ExitTrip {
		t.Errorf("ended with %v", err)
	}
	if n := strings.Count(err.Error(), errDiskSync.Error()); n != 1 {
		t.Errorf("the failure is told %d times: %v", n, err)
	}
	s, lerr := Load(root, "last")
	if lerr != nil || s.Outcome != OutcomeTripped || !strings.Contains(s.Cause, errDiskSync.Error()) {
		t.Errorf("%+v, %v", s, lerr)
	}
}

func TestEndKeepsTheCauseWhenEndingFails(t *testing.T) {
	root := t.TempDir()
	r := mustCreate(t, root, formHeader, Options{})
	must(t, os.Mkdir(filepath.Join(r.Dir(), "result.json"), 0o755)) // in the way
	cause := errors.New("the cause")
	err := r.End(cause, 1)
	if !errors.Is(err, cause) || !strings.Contains(err.Error(), "result.json cannot be written") {
		t.Errorf("ended with %v", err)
	}
	entries, rerr := os.ReadDir(r.Dir())
	must(t, rerr)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".new-") {
			t.Errorf("%s is left behind", e.Name())
		}
	}
	if err := r.End(nil, nil); err == nil {
		t.Error("ended twice")
	}
}

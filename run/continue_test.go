package run

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"xlab/instrument"
)

// interrupted makes a run that was interrupted in the middle of an intent.
func interrupted(t *testing.T, o Options) (dir string, open uint64) {
	t.Helper()
	r, err := Create(t.TempDir(), Header{Command: "form", Array: "A", Spec: map[string]int{"a": 1}, Program: "1"}, o)
	must(t, err)
	r.Journal().SetBenchTime(0)
	closed, err := r.Journal().Intent("one")
	must(t, err)
	must(t, r.Journal().Result(closed, "one"))
	open, err = r.Journal().Intent("two")
	must(t, err)
	r.Journal().SetBenchTime(7)
	if err := r.End(&Ended{Outcome: OutcomeInterrupted}, nil); OutcomeOf(err) != OutcomeInterrupted {
		t.Fatal(err)
	}
	return r.Dir(), open
}

func TestContinue(t *testing.T) {
	now := time.Date(2026, 11, 20, 17, 0, 0, 0, time.UTC)
	o := Options{Now: func() time.Time { now = now.Add(10 * time.Second); return now }}
	dir, open := interrupted(t, o)
	seen := 0
	c, err := NewClaim(dir, func(Record) error { seen++; return nil })
	must(t, err)
	if seen != c.Report.Records || c.Wall != 10 || c.Report.Bench != 7 || len(c.Unknown) != 1 || c.Unknown[0].Seq != open {
		t.Errorf("%d records, report %+v", seen, c.Report)
	}
	if _, err := os.Stat(filepath.Join(dir, resultFile)); err != nil {
		t.Errorf("claiming alone has removed the result: %v", err)
	}
	now = now.Add(time.Hour)
	r, err := c.Continue(Header{ID: "another", Command: "tune", Array: "B", Spec: "other", Program: "2"}, o)
	must(t, err)
	if h := r.Header(); h.ID != filepath.Base(dir) || h.Command != "form" || h.Array != "A" || h.Program != "2" ||
		h.Resumed == nil || h.Resumed.Before(h.Started) {
		t.Errorf("header %+v", h)
	}
	s := Read(dir)
	if s.Outcome != OutcomeRunning {
		t.Errorf("while it runs it is %s", s.Outcome)
	}
	if _, err := NewClaim(dir, nil); instrument.KindOf(err) != instrument.KindBusy {
		t.Errorf("a second claim: %v", err)
	}
	// The iterator gives what was there when the run was claimed.
	r.Journal().SetBenchTime(7)
	must(t, r.Journal().Result(open, "read"))
	n := 0
	for _, err := range c.Records() {
		must(t, err)
		n++
	}
	if n != seen {
		t.Errorf("%d records, claimed were %d", n, seen)
	}
	r.Journal().SetBenchTime(12)
	must(t, r.End(nil, map[string]int{"x": 1}))

	s = Read(dir)
	if len(s.Problems) > 0 || s.Outcome != OutcomeComplete || s.Result.Segments != 2 || s.Wall != 20 || s.Bench == nil ||
		*s.Bench != 12 || string(s.Spec) == "" {
		t.Errorf("at the end %+v, result %+v", s, s.Result)
	}
	report, err := ScanJournal(dir, nil)
	must(t, err)
	if report.Segments != 2 || report.Wall != 20 || report.Bench != 12 || len(report.Unknown)+len(report.Damage) > 0 ||
		report.End.Wall != 10 {
		t.Errorf("report %+v, end %+v", report, report.End)
	}
	// It is released: nothing more to do is for the caller to say.
	c, err = NewClaim(dir, nil)
	must(t, err)
	must(t, c.Release())
	must(t, c.Release())
}

func TestRecordsCanBeLeftEarly(t *testing.T) {
	dir, _ := interrupted(t, Options{})
	for r, err := range Records(dir) {
		must(t, err)
		if r.Type == TypeIntent {
			break
		}
	}
	must(t, os.Remove(filepath.Join(dir, firstSegment)))
	for r, err := range Records(dir) {
		if err == nil {
			t.Fatalf("record %+v of no journal", r)
		}
	}
}

func TestClaimRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, dir string)
		words string
	}{
		"no journal": {func(t *testing.T, dir string) { must(t, os.Remove(filepath.Join(dir, firstSegment))) },
			"journal.jsonl"},
		"no first segment": {func(t *testing.T, dir string) {
			must(t, os.Rename(filepath.Join(dir, firstSegment), filepath.Join(dir, segmentName(2))))
		}, "first segment"},
		"no header": {func(t *testing.T, dir string) {
			file := filepath.Join(dir, firstSegment)
			text, err := os.ReadFile(file)
			must(t, err)
			text[10] ^= 1
			must(t, os.WriteFile(file, text, 0o644))
		}, "no readable header"},
		"newer": {func(t *testing.T, dir string) {
			text, err := appendLine(nil, 1, 0, false, line{kind: TypeHeader, version: Version + 1, segment: 1, data: "x"})
			must(t, err)
			must(t, os.WriteFile(filepath.Join(dir, firstSegment), text, 0o644))
		}, "newer one"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, _ := interrupted(t, Options{})
			c.spoil(t, dir)
			_, err := NewClaim(dir, nil)
			if instrument.KindOf(err) != instrument.KindUsage || !strings.Contains(err.Error(), c.words) {
				t.Errorf("%v", err)
			}
		})
	}
	visitor := errors.New("visitor")
	dir, _ := interrupted(t, Options{})
	if _, err := NewClaim(dir, func(Record) error { return visitor }); !errors.Is(err, visitor) {
		t.Errorf("a visitor's error: %v", err)
	}
	c, err := NewClaim(dir, nil) // nothing was left locked
	must(t, err)
	must(t, c.Release())
}

// A disk that fails while a run is taken up leaves it as it was: interrupted.
func TestContinueOnAFullDisk(t *testing.T) {
	dir, _ := interrupted(t, Options{})
	c, err := NewClaim(dir, nil)
	must(t, err)
	full := Options{Free: func(string) (uint64, error) { return 1, nil }}
	if _, err := c.Continue(Header{}, full); instrument.KindOf(err) != instrument.KindTrip {
		t.Errorf("on a full disk: %v", err)
	}
	if s := Read(dir); s.Outcome != OutcomeInterrupted || len(s.Problems) > 0 {
		t.Errorf("it is %s, %q", s.Outcome, s.Problems)
	}
	c, err = NewClaim(dir, nil)
	must(t, err)
	must(t, c.Release())
}

// A segment that was killed counts with the time up to its last line.
func TestWallOfAKilledSegment(t *testing.T) {
	dir, _ := interrupted(t, Options{})
	c, err := NewClaim(dir, nil)
	must(t, err)
	before := c.Wall
	r, err := c.Continue(Header{}, Options{})
	must(t, err)
	must(t, r.Journal().Close())
	written := r.Header().Resumed.Add(100 * time.Second)
	must(t, os.Chtimes(filepath.Join(dir, segmentName(2)), written, written))
	report, err := ScanJournal(dir, nil)
	must(t, err)
	if d := report.Wall - before; d < 99.9 || d > 100.1 || !report.Written.Equal(written.Round(0)) {
		t.Errorf("wall time %v after %v, written %v", report.Wall, before, report.Written)
	}
	must(t, r.unmark())
}

func TestHeaderOfArrays(t *testing.T) {
	h := Header{Command: "tune", Arrays: []ArrayHeader{{Name: "A", Rows: 20, Cols: 20, Wiring: "abc"}}}
	text, err := json.Marshal(h)
	must(t, err)
	var back Header
	must(t, json.Unmarshal(text, &back))
	if len(back.Arrays) != 1 || back.Arrays[0] != h.Arrays[0] || back.Resumed != nil {
		t.Errorf("%+v", back)
	}
}

// Who runs the algorithm again over a record with a hole goes live in front of
// the hole, inside of an intent whose result is behind it.
func TestContinueInFrontOfAHole(t *testing.T) {
	r, err := Create(t.TempDir(), Header{Command: "form", Array: "A"}, Options{})
	must(t, err)
	cut, err := r.Journal().Intent("one")
	must(t, err)
	must(t, r.Journal().Part(cut, "the line that is lost"))
	must(t, r.Journal().Result(cut, "one"))
	later, err := r.Journal().Intent("two")
	must(t, err)
	must(t, r.Journal().Result(later, "two"))
	if err := r.End(&Ended{Outcome: OutcomeInterrupted}, nil); OutcomeOf(err) != OutcomeInterrupted {
		t.Fatal(err)
	}
	file := filepath.Join(r.Dir(), firstSegment)
	text, err := os.ReadFile(file)
	must(t, err)
	must(t, os.WriteFile(file, []byte(strings.Replace(string(text), "is lost", "is LOST", 1)), 0o644))
	c, err := NewClaim(r.Dir(), nil)
	must(t, err)
	if len(c.Damage) != 1 || len(c.Unknown) != 0 {
		t.Errorf("damage %v, unknown %v", c.Damage, c.Unknown)
	}
	again, err := c.Continue(Header{}, Options{})
	must(t, err)
	must(t, again.Journal().Part(cut, "read instead"))
	must(t, again.Journal().Result(cut, "one"))
	if err := again.Journal().Result(later, "two"); err == nil {
		t.Error("an intent that was closed in front of nothing missing was open")
	}
	must(t, again.End(nil, nil))
}

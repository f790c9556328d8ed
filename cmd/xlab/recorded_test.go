package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"xlab/lab/plan"
	"xlab/run"
)

// recordedVersions are those of which testdata has runs.
var recordedVersions = []string{"0.2.0", "0.3.0"}

// old is a small bench in a directory of its own, with runs that an older version
// has recorded; see the README beside them.
type old struct {
	t   *testing.T
	dir string
}

// recordedBy gives the bench of that name; "" has no runs and no chip yet.
func recordedBy(t *testing.T, version, bench string) old {
	t.Helper()
	o := old{t, t.TempDir()}
	from := filepath.Join("testdata", "recorded-"+version)
	if bench != "" {
		if err := os.CopyFS(o.dir, os.DirFS(filepath.Join(from, bench))); err != nil {
			t.Fatal(err)
		}
	}
	shared, err := filepath.Glob(filepath.Join(from, "*.*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range shared {
		text, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(filepath.Join(o.dir, filepath.Base(file)), text, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	other := "analyzer: {address: sim}\nboards: [{name: X, address: sim, wiring: a.yaml}]\nruns: runs\n" +
		"limits: {min_voltage: -0.3V, max_voltage: 0.3V, max_current: 1mA, max_width: 2ms}\n"
	if err := os.WriteFile(filepath.Join(o.dir, "other.yaml"), []byte(other), 0o644); err != nil {
		t.Fatal(err)
	}
	return o
}

// xlab runs the program there; the paths in the records are relative.
func (o old) xlab(args ...string) (code int, said string) {
	o.t.Helper()
	return o.program("xlab", nil, args...)
}

func (o old) program(name string, environment []string, args ...string) (code int, said string) {
	o.t.Helper()
	c := exec.Command(name, args...)
	c.Dir, c.Env = o.dir, append(os.Environ(), environment...)
	text, err := c.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		o.t.Fatal(err)
	}
	return c.ProcessState.ExitCode(), string(text)
}

// must is xlab with what has to come of it.
func (o old) must(code int, words string, args ...string) {
	o.t.Helper()
	if got, said := o.xlab(args...); got != code || !strings.Contains(said, words) {
		o.t.Errorf("%q ended with exit code %d, want %d and %q:\n%s", args, got, code, words, said)
	}
}

func (o old) runs() []run.Summary {
	o.t.Helper()
	list, err := run.List(filepath.Join(o.dir, "runs"))
	if err != nil {
		o.t.Fatal(err)
	}
	return list
}

// read replays, exports and reports a run.
func (o old) read(s run.Summary) {
	o.t.Helper()
	if s.Command != plan.Command {
		o.must(0, "no difference, to the end of the run and its result", "replay", s.ID)
		// Whatever bench there is now, nothing but the record is asked.
		o.must(0, "no difference, to the end of the run and its result", "replay", s.ID, "--config", "other.yaml")
		o.must(0, s.ID, "export", s.ID, "--format", "json")
	}
	o.must(0, "report.html", "report", s.ID)
}

// TestRecordedByOlderVersion: what older versions have recorded is still resumed,
// replayed, exported and reported.
func TestRecordedByOlderVersion(t *testing.T) {
	t.Parallel()
	for _, version := range recordedVersions {
		t.Run(version+" ended", func(t *testing.T) {
			t.Parallel()
			o := recordedBy(t, version, "ended")
			list := o.runs()
			if len(list) != 6 {
				t.Fatalf("%d runs are listed", len(list))
			}
			for _, s := range list {
				o.read(s)
			}
			o.must(0, "-characterize_endurance-", "runs", "--text", "r0c1") // the index is made from the journals
			o.must(0, "is complete (run", "run", "--continue", "night.yaml")
		})
		t.Run(version+" killed", func(t *testing.T) {
			t.Parallel()
			o := recordedBy(t, version, "killed")
			o.must(0, "taking up run", "resume")
			list := o.runs()
			s, err := run.Load(filepath.Join(o.dir, "runs"), "last")
			if err != nil || len(list) != 1 || s.Outcome != run.OutcomeComplete || s.Result.Segments != 3 {
				t.Fatalf("%v, %d runs, the last with %+v", err, len(list), s.Result)
			}
			if f := figuresOf(t, s); f.Overhead < 1 || f.Overhead > 1.5 {
				t.Errorf("bench time %.3f s, of which the instruments needed %.3f s", f.BenchSeconds, f.BusySeconds)
			}
			o.read(list[0])
		})
		t.Run(version+" plan", func(t *testing.T) {
			t.Parallel()
			o := recordedBy(t, version, "plan")
			before := o.runs()
			o.must(0, "read A", "resume")
			after := o.runs()
			if len(after) != len(before)+1 {
				t.Fatalf("%d runs after %d", len(after), len(before))
			}
			for _, s := range after {
				if s.Outcome != run.OutcomeComplete {
					t.Errorf("%s is %s: %s", s.ID, s.Outcome, s.Cause)
				}
				o.read(s)
			}
		})
	}
	t.Run("0.3.0 network", func(t *testing.T) {
		t.Parallel()
		o := recordedBy(t, "0.3.0", "network")
		o.must(0, "taking up run", "resume")
		list := o.runs()
		if len(list) != 3 {
			t.Fatalf("%d runs are listed", len(list))
		}
		for _, s := range list {
			if s.Outcome != run.OutcomeComplete {
				t.Errorf("%s is %s: %s", s.ID, s.Outcome, s.Cause)
			}
			o.read(s)
		}
	})
}

// TestDamagedRecordIsRefused: whoever draws conclusions from a record refuses one
// with a doubled line or a renamed segment, and says where.
func TestDamagedRecordIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(dir string) error
		place string
	}{
		"doubled line": {func(dir string) error {
			file := filepath.Join(dir, "journal.jsonl")
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			lines := strings.SplitAfter(string(text), "\n")
			return os.WriteFile(file, []byte(strings.Join(slices.Insert(lines, 3, lines[2]), "")), 0o600)
		}, "journal.jsonl:4: record 3 comes after record 3"},
		"renamed segment": {func(dir string) error {
			return os.Rename(filepath.Join(dir, "journal-0002.jsonl"), filepath.Join(dir, "journal-0003.jsonl"))
		}, "journal-0003.jsonl:1: the header is of segment 2: was the file renamed?"},
		"missing segment": {func(dir string) error { return os.Remove(filepath.Join(dir, "journal-0002.jsonl")) },
			"result.json: the run has 2 segments, and the files of 1 are there"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := recordedBy(t, "0.2.0", "killed")
			id := o.runs()[0].ID
			if err := c.spoil(filepath.Join(o.dir, "runs", id)); err != nil {
				t.Fatal(err)
			}
			for _, command := range []string{"replay", "resume", "export", "report"} {
				o.must(run.ExitUsage, c.place, command, id)
			}
			o.must(0, "1 with a damaged record (--accept)", "resume", "--list")
		})
	}
}

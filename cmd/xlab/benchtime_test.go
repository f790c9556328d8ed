package main

import (
	"encoding/json"
	"math"
	"path/filepath"
	"testing"

	"xlab/instrument"
	"xlab/lab/procedure"
	"xlab/run"
)

// figuresOf are the times in a run's key figures. The run's own bench time has to
// be the same, in its result and in the last line of its journal.
func figuresOf(t *testing.T, s *run.Stored) procedure.Figures {
	t.Helper()
	var f struct {
		procedure.Figures
		Nested *procedure.Figures `json:"figures"`
	}
	if err := json.Unmarshal(s.Result.Summary, &f); err != nil {
		t.Fatal(err)
	}
	if f.Nested != nil {
		f.Figures = *f.Nested
	}
	report, err := run.ScanJournal(s.Dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if bench := instrument.Seconds(f.BenchSeconds); *s.Bench != bench || report.Bench != bench {
		t.Errorf("bench time %v in the key figures, %v in the result, %v in the journal", bench, *s.Bench, report.Bench)
	}
	return f.Figures
}

// checkBenchTime compares the times of a run that was cut off n times with those of
// one that was not. Of what the instruments did, the overhead is the same; in
// addition devices were read, and what was under way at the end was cut off.
func checkBenchTime(t *testing.T, n int, whole, got procedure.Figures) {
	t.Helper()
	const (
		share   = 0.01 // of the whole, by which the overhead differs between steps
		perTime = 0.2  // s: reads of at most 12 devices, and a sweep or group of pulses
	)
	want := whole.Overhead * got.BusySeconds
	if math.Abs(got.BenchSeconds-want) > share*want+perTime*float64(n) || got.Overhead < 1 {
		t.Errorf("after %d times the bench time is %.3f s, want %.3f s; the instruments needed %.3f s of it (ratio %.3f)",
			n, got.BenchSeconds, want, got.BusySeconds, got.Overhead)
	}
	// Steps of unknown effect are not counted, and some others follow from them.
	if math.Abs(got.BusySeconds/whole.BusySeconds-1) > 0.2 {
		t.Errorf("after %d times the instruments needed %.3f s, want %.3f s", n, got.BusySeconds, whole.BusySeconds)
	}
}

// TestBenchTimeAfterInterruptions: however often a run was interrupted, its bench
// time is that of an uninterrupted one and of what was read in between.
func TestBenchTimeAfterInterruptions(t *testing.T) {
	t.Parallel()
	var whole procedure.Figures
	for n := range 6 {
		r := newKeptRig(t, 1)
		args := []string{"form", "--devices", "r0c0-5"}
		for range n {
			r.interruptAt(t, aPulse, 3)
			if code := r.run(args...); code != run.ExitInterrupted {
				t.Fatalf("exit code %d:\n%s", code, r.err)
			}
			args = []string{"resume"}
		}
		r.heard = nil
		if code := r.run(args...); code != run.ExitDone && code != run.ExitPartial {
			t.Fatalf("exit code %d:\n%s", code, r.err)
		}
		got := figuresOf(t, r.stored())
		if n == 0 {
			whole = got
		}
		checkBenchTime(t, n, whole, got)
	}
}

// TestBenchTimeAfterKills is the same for a process that is killed. The time of
// its last steps is lost, and its overhead is taken to be that of the others.
func TestBenchTimeAfterKills(t *testing.T) {
	t.Parallel()
	if raceDetector {
		t.Skip("the processes that are killed are not under the race detector")
	}
	var whole procedure.Figures
	for _, n := range []int{0, 1, 5} {
		o := recordedBy(t, "0.2.0", "")
		args := []string{"form"}
		for range n {
			if code, said := o.program("xlab-dying", []string{dieAt + "=4"}, args...); code != -1 {
				t.Fatalf("exit code %d instead of being killed:\n%s", code, said)
			}
			args = []string{"resume"}
		}
		o.must(0, "bench time", args...)
		s, err := run.Load(filepath.Join(o.dir, "runs"), "last")
		if err != nil {
			t.Fatal(err)
		}
		got := figuresOf(t, s)
		if n == 0 {
			whole = got
		}
		checkBenchTime(t, n, whole, got)
	}
}

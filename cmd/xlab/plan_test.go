package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"xlab/lab/plan"
	"xlab/run"
)

const shortNight = `
plan: short night
steps:
  - {step: forming, run: form, arrays: [A, B], with: {devices: r0-2c0-9}}
  - {run: read, arrays: [A, B], with: {devices: r0-2c0-9}}
`

// TestPlanIsTakenUp: a plan whose process is interrupted or killed in the middle
// of a task goes on with the very run of that task and does nothing twice.
func TestPlanIsTakenUp(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("processes there cannot be interrupted from outside")
	}
	interrupt := func(p *os.Process) error { return p.Signal(os.Interrupt) }
	for _, c := range []struct {
		name   string
		end    func(*os.Process) error
		formed int // devices of array B whose results are recorded when the process is ended
		code   int // its exit code; -1 = killed
		before run.Outcome
	}{
		{"interrupted", interrupt, 2, run.ExitInterrupted, run.OutcomeInterrupted},
		{"killed", (*os.Process).Kill, 3, -1, run.OutcomeUnknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file := filepath.Join(dir, "night.yaml")
			if err := os.WriteFile(file, []byte(shortNight), 0o644); err != nil {
				t.Fatal(err)
			}
			xlab := programIn(dir)
			first := xlab("run", file)
			said := start(t, first)
			awaitRecords(t, dir, "*-form-b-*", c.formed, run.TypeResult, said)
			if err := c.end(first.Process); err != nil {
				t.Fatal(err)
			}
			_ = first.Wait() // the exit code is looked at below
			if code := first.ProcessState.ExitCode(); code != c.code {
				t.Fatalf("exit code %d, want %d:\n%s", code, c.code, said)
			}
			if last := plansRun(t, dir); last.Outcome != c.before {
				t.Errorf("the plan is %s, want %s", last.Outcome, c.before)
			}

			second := xlab("resume", "--json")
			second.Stderr = io.Discard
			if testing.Verbose() {
				second.Stderr = os.Stderr
			}
			out, err := second.Output()
			if err != nil {
				t.Fatalf("resume: %v\n%s", err, out)
			}
			var result plan.Result
			if err := json.Unmarshal(out, &result); err != nil {
				t.Fatal(err)
			}
			runs := make(map[string]bool)
			for i, x := range result.Tasks {
				if x.State != plan.Ended || x.Outcome != run.OutcomeComplete || x.Run == "" || runs[x.Run] {
					t.Errorf("task %d: %+v", i, x)
				}
				runs[x.Run] = true
			}
			list, err := run.List(dir)
			if err != nil {
				t.Fatal(err)
			}
			if len(result.Tasks) != 4 || len(list) != 5 {
				t.Errorf("%d tasks in %d runs, want 4 in 5 with the plan's own", len(result.Tasks), len(list))
			}
			if last := plansRun(t, dir); last.Outcome != run.OutcomeComplete || last.Result.Segments != 2 {
				t.Errorf("the plan is %s in %d segments", last.Outcome, last.Result.Segments)
			}
		})
	}
}

func plansRun(t *testing.T, dir string) *run.Stored {
	t.Helper()
	list, err := run.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		if s.Command == plan.Command {
			stored, err := run.Load(dir, s.ID)
			if err != nil {
				t.Fatal(err)
			}
			return stored
		}
	}
	t.Fatal("the plan has no run")
	return nil
}

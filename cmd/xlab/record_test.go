package main

import (
	"context"
	"errors"
	"os"
	"testing"

	"xlab/instrument/array"
	"xlab/lab/boxes"
	"xlab/lab/config"
	"xlab/lab/procedure"
	"xlab/run"
)

// job is a test's work on array A.
type job struct {
	work    func(ctx context.Context, b procedure.Bench) error
	outcome func() any // of the work, when it is asked for; nil = none
}

func (job) Command() string  { return "test" }
func (job) Arrays() []string { return []string{"A"} }
func (job) Spec() any        { return nil }

func (j job) Work(ctx context.Context, b procedure.Bench) error { return j.work(ctx, b) }

func (j job) Summary(_ procedure.Bench, f procedure.Figures) any {
	if j.outcome == nil {
		return f
	}
	return j.outcome()
}

func (j job) Files(procedure.Bench) error {
	if j.outcome != nil {
		j.outcome()
	}
	return nil
}

// TestHungWorkIsLeftAlone lets work ignore that it was cancelled: the bench is
// made safe and the run ended without anything that the work may still write.
func TestHungWorkIsLeftAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	c, err := config.Load("", []string{"runs=" + r.runs}, boxes.Default())
	if err != nil {
		t.Fatal(err)
	}
	r.app.Config = c
	outcome, touched := 0, false // of the work alone, until it has returned
	release, returned := make(chan struct{}), make(chan struct{})
	err = r.app.perform(context.Background(), job{
		work: func(ctx context.Context, rec procedure.Bench) error {
			defer close(returned)
			if _, err := rec.Crossbar("A").Do(ctx, array.Cell{}, c.Read.Step()); err != nil {
				return err
			}
			r.signals <- os.Interrupt
			r.signals <- os.Interrupt
			for {
				outcome++
				select {
				case <-release:
					return nil
				default:
				}
			}
		},
		outcome: func() any { touched = true; return outcome },
	})
	close(release)
	<-returned
	if run.ExitCode(err) != run.ExitInterrupted {
		t.Errorf("%v", err)
	}
	if touched {
		t.Error("what the work has its hands on was used")
	}
	r.checkSafe(0)
	if s := r.stored(); s.Outcome != run.OutcomeInterrupted || s.Result.Segments != 1 {
		t.Errorf("the run ended as %s: %s", s.Outcome, s.Cause)
	}
}

// TestJobsCanBeRebuilt rebuilds nothing from a header that is not understood.
func TestJobsCanBeRebuilt(t *testing.T) {
	a := quietApp()
	c, err := config.Load("", nil, boxes.Default())
	if err != nil {
		t.Fatal(err)
	}
	a.Config = c
	for _, command := range a.commandsOfRuns() {
		for _, spec := range []any{nil, []byte("null")} {
			h := &run.Header{ID: "x", Command: command, Spec: spec}
			if _, err := a.Rebuild(h); err == nil {
				t.Errorf("%s was rebuilt from no specification", command)
			}
		}
	}
	if _, err := a.Rebuild(&run.Header{ID: "x", Command: "nonesuch", Program: "9"}); !errors.Is(err, run.ErrUsage) {
		t.Errorf("%v", err)
	}
}

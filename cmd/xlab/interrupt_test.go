package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"xlab/instrument/array"
	"xlab/lab/boxes"
	"xlab/lab/config"
	"xlab/lab/procedure"
	"xlab/run"
)

// TestInterruptOnce stops at the next device: the one under way is finished
// and its results are kept.
func TestInterruptOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	sweeps := 0
	r.heard = func(_ int, message string, _ io.Closer) {
		if !strings.Contains(message, aSweep) {
			return
		}
		if sweeps++; sweeps == 3 {
			r.signals <- os.Interrupt
			r.err.await(t, "interrupt: stopping at the next device; once more stops at once")
		}
	}
	code := r.run("form", "--devices", "r0c0-5", "--json")
	r.check(code, run.ExitInterrupted, run.OutcomeInterrupted, "",
		"the run is interrupted: asked to stop at the next device (interrupt)")
	r.checkSafe(0)
	var result procedure.FormResult
	if err := json.Unmarshal([]byte(r.out.String()), &result); err != nil {
		t.Fatal(err)
	}
	if result.Formed != 3 || result.Untried != 3 {
		t.Errorf("%d formed, %d untried; want 3, 3", result.Formed, result.Untried)
	}
	m := r.defects()
	for col := range 6 {
		want := array.StateFormed
		if col >= 3 {
			want = array.StateUntried
		}
		if state := m.At(array.Cell{Col: col}).State; state != want {
			t.Errorf("r0c%d is %s in the defect map, want %s", col, state, want)
		}
	}
	if u := r.journal().Unknown; len(u) > 0 {
		t.Errorf("intents without a result: %v", u)
	}
	if events := r.events(); !slices.Equal(events[len(events)-2:], []string{"interrupt", "safe"}) {
		t.Errorf("events %q", events)
	}
	// What became of it can be looked up.
	for _, args := range [][]string{{"runs"}, {"runs", "show", "last"}} {
		before := len(r.out.String())
		if code := r.run(args...); code != 0 {
			t.Errorf("%v: exit code %d", args, code)
		}
		shown := r.out.String()[before:]
		for _, want := range []string{"interrupted", "asked to stop at the next device"} {
			if !strings.Contains(shown, want) {
				t.Errorf("%v does not show %q:\n%s", args, want, shown)
			}
		}
	}
}

// TestInterruptTwice stops at once, in the middle of an exchange: the intent
// under way stays open, which says that its outcome is not known.
func TestInterruptTwice(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	pulses := 0
	r.heard = func(_ int, message string, _ io.Closer) {
		if !strings.Contains(message, aPulse) {
			return
		}
		if pulses++; pulses == 2 {
			r.signals <- os.Interrupt
			r.signals <- os.Interrupt
			r.err.await(t, "interrupt: stopping at once")
		}
	}
	code := r.run("form", "--devices", "r0c0-5", "--json")
	r.check(code, run.ExitInterrupted, run.OutcomeInterrupted, r.stored().Result.Kind, "the run is interrupted")
	r.checkSafe(0)
	if u := r.journal().Unknown; len(u) != 1 || u[0].Parts == 0 {
		t.Errorf("intents without a result: %+v, want one with its recorded parts", u)
	}
	if events := r.events(); !slices.Equal(events[len(events)-3:], []string{"interrupt", "interrupt", "safe"}) {
		t.Errorf("events %q", events)
	}
}

// TestPanic leaves the bench safe and the run's directory complete even when
// the program has a bug.
func TestPanic(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	c, err := config.Load("", []string{"runs=" + r.runs}, boxes.Default())
	if err != nil {
		t.Fatal(err)
	}
	r.app.Config = c
	work := func(ctx context.Context, rec procedure.Bench) error {
		if _, err := rec.Crossbar("A").Do(ctx, array.Cell{Row: 3, Col: 7}, c.Read.Step()); err != nil {
			return err
		}
		r.sim.Netlist.Do(func() {
			if r.sim.Netlist.ClosedSwitches() == 0 {
				t.Error("nothing is connected: the test shows nothing")
			}
		})
		panic("a bug")
	}
	err = r.app.perform(context.Background(), job{work: work})
	var panicked *run.PanicError
	if !errors.As(err, &panicked) || run.ExitCode(err) != run.ExitInternal {
		t.Errorf("record gave %v with exit code %d", err, run.ExitCode(err))
	}
	r.checkSafe(0)
	if s := r.stored(); s.Outcome != run.OutcomeFailed || !strings.Contains(s.Cause, "panic: a bug") {
		t.Errorf("the run ended as %s: %s", s.Outcome, s.Cause)
	}
	if events := r.events(); !slices.Equal(events, []string{"read", "panic", "safe"}) {
		t.Errorf("events %q", events)
	}
}

// TestInterruptedProcess sends real signals to a real process in the middle of
// a long run: it ends with its exit code, with the chip kept, and the next
// command goes on with that chip.
func TestInterruptedProcess(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("another process cannot be interrupted on this system")
	}
	for name, signals := range map[string][]os.Signal{
		// Two of a kind might be taken for one.
		"once": {os.Interrupt}, "twice": {os.Interrupt, syscall.SIGTERM},
		"terminated": {syscall.SIGTERM}, "hung up": {syscall.SIGHUP},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if signal.Ignored(signals[0]) {
				t.Skip("this signal is ignored here, as under nohup")
			}
			dir := t.TempDir()
			xlab := programIn(dir)
			form := xlab("form")
			said := start(t, form)
			awaitRecords(t, dir, "*", 1, run.TypeResult, said) // r0c0
			for _, s := range signals {
				if err := form.Process.Signal(s); err != nil {
					t.Fatal(err)
				}
			}
			err := form.Wait()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != run.ExitInterrupted {
				t.Fatalf("form ended with %v:\n%s", err, said)
			}
			if !strings.Contains(said.String(), ": stopping at ") {
				t.Errorf("nothing was said about the signal:\n%s", said)
			}
			s, err := run.Load(dir, "last")
			if err != nil || s.Outcome != run.OutcomeInterrupted || len(s.Problems) > 0 {
				t.Errorf("run %+v, %v", s, err)
			}
			// The first device has been formed and is not formed again.
			out, err := xlab("form", "--devices", "r0c0", "--json").Output()
			if err != nil {
				t.Fatal(err)
			}
			var result procedure.FormResult
			if err := json.Unmarshal(out, &result); err != nil || result.Preformed != 1 {
				t.Errorf("%v in %s", err, out)
			}
		})
	}
}

// An interrupt opens what --route has closed, as Enter does.
func TestRouteUntilInterrupt(t *testing.T) {
	r := newRig(t, 1)
	t.Chdir(t.TempDir())
	in, typing := io.Pipe()
	defer typing.Close()
	r.app.In = in
	done := make(chan int, 1)
	go func() { done <- r.run("doctor", "--route", "r0=S1,c3=S5") }()
	r.err.await(t, "Enter or Ctrl-C")
	r.sim.Netlist.Do(func() {
		if n := r.sim.Netlist.ClosedSwitches(); n != 2 {
			t.Errorf("%d switches are closed, want 2", n)
		}
		for i, o := range r.sim.Netlist.Outputs() {
			if o.Mode != 0 {
				t.Errorf("unit %d is connected: %+v", i+1, o)
			}
		}
	})
	r.signals <- os.Interrupt
	if code := <-done; code != 0 {
		t.Errorf("exit code %d: %s", code, r.err)
	}
	r.checkSafe(0)
	r.noRuns()
}

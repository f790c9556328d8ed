package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"xlab/instrument"
	"xlab/mock/fault"
	"xlab/run"
	"xlab/run/guarded/trip"
	"xlab/run/recovery"
)

// A trip comes before the pulse, is in the journal with what, value and limit,
// and ends the run as the configuration says.
func TestTrips(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		temperature string
		args        []string
		code        int
		outcome     run.Outcome
		says        string
	}{
		"warm enough": {"24.5", nil, run.ExitDone, run.OutcomeComplete, ""},
		"too hot":     {"85", nil, run.ExitTrip, run.OutcomeTripped, "85 °C"},
		"suspended": {"-3", []string{"--set", "watch.suspend=true"}, run.ExitInterrupted, run.OutcomeInterrupted,
			"-3 °C"},
		"sensor is gone": {"", nil, run.ExitTrip, run.OutcomeTripped, "it cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 1)
			file := filepath.Join(t.TempDir(), "temperature")
			if c.temperature != "" {
				if err := os.WriteFile(file, []byte(c.temperature+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			stressed := 0
			r.heard = func(_ int, message string, _ io.Closer) {
				if strings.Contains(message, aSweep) || strings.Contains(message, aPulse) {
					stressed++
				}
			}
			args := append([]string{"form", "--devices", "r0c0-1", "--set", "watch.temperature.file=" + file}, c.args...)
			if code := r.run(args...); code != c.code {
				t.Fatalf("exit code %d, want %d:\n%s", code, c.code, r.err)
			}
			r.checkSafe(0)
			if s := r.stored(); s.Outcome != c.outcome {
				t.Errorf("the run is %s, want %s", s.Outcome, c.outcome)
			}
			if (stressed > 0) != (c.says == "") {
				t.Errorf("%d times stress was sent", stressed)
			}
			trips := 0
			for _, record := range r.journal().Records {
				if record.Kind != "trip" {
					continue
				}
				trips++
				var found trip.Trip
				if err := json.Unmarshal(record.Data, &found); err != nil || found.What != "the temperature" ||
					!strings.Contains(found.Value, c.says) || found.Limit != "15 °C to 35 °C" {
					t.Errorf("%s, %v", record.Data, err)
				}
			}
			if (trips == 1) != (c.says != "") || !strings.Contains(r.err.String(), c.says) {
				t.Errorf("%d trips:\n%s", trips, r.err)
			}
		})
	}
}

// A cable that is put back after a while is waited for, with a word to whoever
// is there.
func TestHeld(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	script(fault.Fault{On: "analyzer", What: fault.Cut, Command: aPulse, Attempts: 9})(r)
	if code := r.run("form", "--devices", "r0c0-5", "--set", "recovery.hold=1h"); code != run.ExitDone {
		t.Fatalf("exit code %d:\n%s", code, r.err)
	}
	r.checkSafe(0)
	for _, words := range []string{"waiting up to 1h0m0s for the bench to come back", "the bench is back after"} {
		if !strings.Contains(r.err.String(), words) {
			t.Errorf("nobody was told %q:\n%s", words, r.err)
		}
	}
	var states []recovery.State
	for _, record := range r.journal().Records {
		var e recovery.Event
		if record.Kind != "recovery" {
			continue
		}
		if err := json.Unmarshal(record.Data, &e); err != nil {
			t.Fatal(err)
		}
		states = append(states, e.State)
	}
	if len(states) != 2 || states[0] != recovery.Held || states[1] != recovery.Recovered {
		t.Errorf("states %q", states)
	}
}

// Whoever interrupts a run that is held does not wait for the bench. It cannot be
// made safe from here, and that is what the run says first.
func TestInterruptedWhileHeld(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	script(fault.Fault{On: "analyzer", What: fault.Cut, Command: aPulse, Attempts: forGood})(r)
	done := make(chan int, 1)
	go func() { done <- r.run("form", "--devices", "r0c0-5", "--set", "recovery.hold=1h") }()
	r.err.await(t, "waiting up to 1h0m0s")
	r.signals <- syscall.SIGTERM
	select {
	case code := <-done:
		r.check(code, run.ExitUnsafe, run.OutcomeTripped, instrument.KindTrip, "the bench could not be made safe",
			"switch the sources off by hand")
	case <-time.After(60 * time.Second):
		t.Fatalf("it is still held:\n%s", r.err)
	}
	r.checkSafe(outputsOn)
}

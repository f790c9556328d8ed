package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"xlab/run"
)

// A measurement that is interrupted ends at the next device, leaves the bench
// safe, and keeps the data it has.
func TestCharacterizeInterrupted(t *testing.T) {
	r := newRig(t, 1)
	devices := 0
	r.heard = func(_ int, message string, _ io.Closer) {
		// The chip is pristine: the first device takes all preparing pulses.
		if forces(message) {
			if devices++; devices == 100 {
				r.signals <- os.Interrupt
			}
		}
	}
	if code := r.run("characterize", "thresholds", "--defects", "none", "-d", "r0-9c0-9"); code != run.ExitInterrupted {
		t.Fatalf("exit code %d: %s", code, r.err)
	}
	r.checkSafe(0)
	s := r.stored()
	if s.Outcome != run.OutcomeInterrupted {
		t.Errorf("outcome %s", s.Outcome)
	}
	text, err := os.ReadFile(filepath.Join(s.Dir, "thresholds.csv"))
	if lines := strings.Count(string(text), "\n"); err != nil || lines < 2 || lines > 99 {
		t.Errorf("%d lines of data, %v", lines, err)
	}
}

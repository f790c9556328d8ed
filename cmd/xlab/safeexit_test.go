package main

import (
	"io"
	"strings"
	"testing"

	"xlab/lab/boxes"
	"xlab/run"
)

// At the end of a run the adapter is deaf for a third of a second, in which the
// device clear and the probes behind it are lost. The first thing that it hears
// again is another probe, half a second later at most (driver/prologix says when
// they come); from its answer on nothing is waited for: sources to 0 V, then all
// switches open, each in one attempt.
func TestDeafAdapterAtTheEnd(t *testing.T) {
	t.Parallel()
	const deafFor = 3 // probes: 50, 150 and 350 ms after the clear
	clears := 0
	plain := newRig(t, 1)
	plain.heard = func(_ int, m string, _ io.Closer) {
		if strings.Contains(m, "++clr") {
			clears++
		}
	}
	if code := plain.run("form", "--devices", "r0c0"); code != run.ExitDone {
		t.Fatalf("exit code %d: %s", code, plain.err)
	}

	r := newRig(t, 1)
	cleared, deaf, probes := 0, false, 0
	var after []string // what is sent once the adapter listens again
	say := func(what string) {
		if len(after) == 0 || after[len(after)-1] != what {
			after = append(after, what)
		}
	}
	r.heard = func(_ int, m string, _ io.Closer) {
		clear, probe := strings.Contains(m, "++clr"), strings.HasPrefix(m, "++eot_char")
		if clear {
			cleared++
		}
		switch {
		case clear && cleared == clears:
			deaf = true
			r.sim.Netlist.Do(func() { r.sim.Analyzer.(*boxes.SimulatedB1500).Silence(true) })
		case deaf && probe && probes == deafFor:
			deaf = false
			r.sim.Netlist.Do(func() { r.sim.Analyzer.(*boxes.SimulatedB1500).Silence(false) })
			say("probe")
		case deaf && probe:
			probes++
		case probes == deafFor && clear:
			say("clear")
		case probes == deafFor && strings.Contains(m, "DZ"):
			say("sources")
		case probes == deafFor:
			say(m)
		}
	}
	r.routed = func(_ int, frame []byte, _ io.Closer) {
		if probes == deafFor && len(frame) > 40 {
			say("switches")
		}
	}
	if code := r.run("form", "--devices", "r0c0"); code != run.ExitDone {
		t.Errorf("exit code %d: %s", code, r.err)
	}
	r.checkSafe(0)
	if got, want := strings.Join(after, ", "), "probe, clear, sources, switches"; got != want {
		t.Errorf("once the adapter listened again: %s; want %s", got, want)
	}
	if cleared != clears+1 {
		t.Errorf("%d device clears, %d without the silence", cleared, clears)
	}
}

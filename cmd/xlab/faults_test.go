package main

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"xlab/instrument"
	"xlab/lab/sim"
	mock "xlab/mock/fault"
	"xlab/mock/wire/adg1438"
	"xlab/run"
	"xlab/run/recovery"
)

// A failure is something that goes wrong on the bench while a few devices are
// formed. Whatever it is, the message says what happened, the exit code and
// the run's outcome follow its kind, and the bench is left safe.
type failure struct {
	name    string
	slow    bool // waits for a time-out of the driver, in real time
	tamper  func(r *rig)
	code    int
	outcome run.Outcome     // "" = no run was begun
	kind    instrument.Kind // of the run
	words   []string
	left    unreachable
	lost    instrument.Kind // what the run recovers from; "" = it ends. words are then those of the record
}

// unreachable is what cannot be made safe from the computer, by the nature of a fault.
type unreachable uint8

const (
	outputsOn      unreachable = 1 << iota // the analyzer hears nothing: its outputs stay on, at 0 V between steps
	switchesClosed                         // the chain does not take what is sent
)

// Marks of messages to the analyzer.
const (
	whoAreYou = "*IDN?"
	modules   = "UNT?"
	aSweep    = "WNX"     // a forming sweep
	aPulse    = "MCPNX"   // reset pulses
	aCheck    = "*LRN? 0" // at the end of opening, and before every stress
)

// fromTheStart makes something that is wrong from the beginning.
func fromTheStart(do func(s *sim.Bench)) func(*rig) { return func(r *rig) { r.prepare = do } }

// atMessage makes something that happens on the bench at the first message with a
// mark, before the analyzer hears of it.
func atMessage(mark string, do func(s *sim.Bench)) func(*rig) { return atNthMessage(1, mark, do) }

// atNthMessage is atMessage for the n-th message with the mark.
func atNthMessage(n int, mark string, do func(s *sim.Bench)) func(*rig) {
	return func(r *rig) {
		marked := 0
		r.heard = func(_ int, message string, _ io.Closer) {
			if !strings.Contains(message, mark) {
				return
			}
			if marked++; marked == n {
				r.sim.Netlist.Do(func() { do(r.sim) })
			}
		}
	}
}

// answersTo makes answers to messages with a mark that are changed on their way
// to the host, the first only or every one.
func answersTo(mark string, every bool, change func([]byte) []byte) func(*rig) {
	return func(r *rig) {
		var marked, done bool
		r.heard = func(_ int, m string, _ io.Closer) { marked = strings.Contains(m, mark) }
		r.answered = func(_ int, answer []byte) []byte {
			if !marked || done {
				return answer
			}
			done = !every
			return change(answer)
		}
	}
}

func replaced(old, by string) func([]byte) []byte {
	return func(b []byte) []byte { return bytes.Replace(b, []byte(old), []byte(by), 1) }
}

// atFrame makes something that happens on the bench at the n-th frame to the
// switch board.
func atFrame(n int, do func(s *sim.Bench)) func(*rig) {
	return func(r *rig) {
		frames := 0
		r.routed = func(_ int, frame []byte, _ io.Closer) {
			if len(frame) < 40 {
				return
			}
			if frames++; frames == n {
				r.sim.Netlist.Do(func() { do(r.sim) })
			}
		}
	}
}

func onChain(do func(c *adg1438.Chain) error) func(*sim.Bench) {
	return func(s *sim.Bench) {
		if err := do(s.Chains["A"]); err != nil {
			panic(err)
		}
	}
}

func faults() []failure {
	return []failure{
		// Before anything can be stressed.
		{name: "analyzer missing", slow: true, tamper: fromTheStart(func(s *sim.Bench) { analyzer(s).Silence(true) }),
			code: run.ExitUnreachable, words: []string{"xlab: analyzer", "b1500 take over", "GPIB 17", "no answer within",
				"check that the instrument is switched on"}},
		{name: "other instrument", tamper: answersTo(whoAreYou, true, replaced("B1500A", "4155C")),
			code: run.ExitUnreachable, words: []string{"4155C answers, not a B1500A", "check the address of the analyzer"}},
		{name: "module missing", tamper: answersTo(modules, true, replaced("B1517A,0;B1517A,0", "B1517A,0;0,0")),
			code: run.ExitUnreachable, words: []string{"SMU 2", "slot is empty"}},
		{name: "power cut at opening", tamper: atMessage(aCheck, func(s *sim.Bench) { analyzer(s).PowerCycle() }),
			code: run.ExitDone, outcome: run.OutcomeComplete},
		{name: "interlock open", tamper: fromTheStart(func(s *sim.Bench) { s.Netlist.OpenInterlock(true) }),
			code: run.ExitTrip, words: []string{"the interlock circuit is open", "close the lid"}},
		{name: "chain broken", tamper: fromTheStart(onChain(func(c *adg1438.Chain) error { return c.Break(10, false) })),
			code: run.ExitUnreachable, words: []string{"board A", "adg1438 safe"}},
		{name: "chain broken with switches closed",
			tamper: fromTheStart(onChain(func(c *adg1438.Chain) error { return c.Break(10, true) })),
			code:   run.ExitUnreachable, words: []string{"board A", "switch off the board's supplies"}, left: switchesClosed},

		// In the middle: the bench is brought back, the device is read, and the run
		// goes on.
		{name: "garbled answer", tamper: answersTo(aPulse, false, replaced("E-0", "E#0")), lost: instrument.KindProtocol,
			words: []string{"E#0"}},
		{name: "answer cut short", slow: true, tamper: answersTo(aPulse, false,
			func(b []byte) []byte { return b[:len(b)/2] }), lost: instrument.KindTimeout},
		{name: "answer late", slow: true, tamper: lateAnswer, lost: instrument.KindTimeout,
			words: []string{"no answer within"}},
		{name: "error queue", tamper: atMessage(aPulse, func(s *sim.Bench) { analyzer(s).InjectError(121, 2) }),
			lost: instrument.KindInstrument, words: []string{"analyzer error 121"}},
		{name: "power cut of the analyzer", slow: true, tamper: atMessage(aPulse,
			func(s *sim.Bench) { analyzer(s).PowerCycle() }), lost: instrument.KindInstrument},
		{name: "power cut before a device", tamper: atNthMessage(2, aCheck, func(s *sim.Bench) { analyzer(s).PowerCycle() }),
			lost: instrument.KindInstrument, words: []string{"output switches of SMU 1, 2, 3, 4 are open"}},
		{name: "output opened at the front panel", slow: true, tamper: atMessage(aPulse, func(s *sim.Bench) {
			if err := analyzer(s).OpenOutput(2); err != nil {
				panic(err)
			}
		}), lost: instrument.KindInstrument},
		{name: "analyzer hangs", slow: true, tamper: atMessage(aPulse, func(s *sim.Bench) { analyzer(s).Hang() }),
			lost: instrument.KindTimeout, words: []string{"no answer within"}},
		{name: "adapter hangs", slow: true, tamper: script(mock.Fault{On: "analyzer", What: "adapter_hang", Command: aPulse}),
			lost: instrument.KindTimeout},
		{name: "chain upset", tamper: atFrame(4, onChain(func(c *adg1438.Chain) error { return c.Upset(7, 3) })),
			lost: instrument.KindChain, words: []string{"chip 7", "all switches were opened"}},
		{name: "cable pulled and put back", tamper: script(mock.Fault{On: "analyzer", What: mock.Cut, Command: aPulse}),
			lost: instrument.KindUnreachable},
		{name: "cable of the board pulled and put back", tamper: script(mock.Fault{On: "board A", What: mock.Cut, Piece: 9}),
			lost: instrument.KindUnreachable},

		// In the middle, for good, or for a person to look at.
		{name: "interlock opened", slow: true,
			tamper: atMessage(aPulse, func(s *sim.Bench) { s.Netlist.OpenInterlock(true) }),
			code:   run.ExitTrip, outcome: run.OutcomeTripped, kind: instrument.KindInterlock,
			words: []string{"interlock", "close the lid"}},
		{name: "disk full", tamper: script(mock.Fault{On: sim.Computer, What: "no_space", Piece: 3}),
			code: run.ExitInterrupted, outcome: run.OutcomeInterrupted, kind: instrument.KindTrip,
			words: []string{"the disk is full", "free some space"}},
		{name: "analyzer dies", slow: true, tamper: atMessage(aSweep, func(s *sim.Bench) { analyzer(s).Silence(true) }),
			code: run.ExitUnsafe, outcome: run.OutcomeTripped, kind: instrument.KindTrip, left: outputsOn,
			words: []string{"the bench could not be made safe", "switch the sources off by hand", "no answer within"}},
		{name: "chain breaks", tamper: atFrame(4, onChain(func(c *adg1438.Chain) error { return c.Break(40, false) })),
			code: run.ExitUnsafe, outcome: run.OutcomeTripped, kind: instrument.KindTrip,
			words: []string{"switch board A", "the bench could not be made safe"}},
		{name: "cable pulled", slow: true,
			tamper: script(mock.Fault{On: "analyzer", What: mock.Cut, Command: aPulse, Attempts: forGood}),
			code:   run.ExitUnsafe, outcome: run.OutcomeTripped, kind: instrument.KindTrip, left: outputsOn,
			words: []string{"the bench could not be made safe", "switch the sources off by hand"}},
		{name: "cable of the board pulled", slow: true,
			tamper: script(mock.Fault{On: "board A", What: mock.Cut, Piece: 9, Attempts: forGood}),
			code:   run.ExitUnsafe, outcome: run.OutcomeTripped, kind: instrument.KindTrip, left: switchesClosed,
			words: []string{"switch board A", "the bench could not be made safe"}},
	}
}

// forGood is more attempts to connect than anybody makes.
const forGood = 1 << 20

// script makes something go wrong on the way between the program and an
// instrument, or in an instrument.
func script(f mock.Fault) func(*rig) {
	return func(r *rig) {
		r.prepare = func(s *sim.Bench) {
			if err := s.Arm(&mock.Script{Faults: []mock.Fault{f}}); err != nil {
				panic(err)
			}
		}
	}
}

// lateAnswer keeps the answer to the first reset pulse back until the driver has
// given up and asks again; then it comes in front of the new answer.
func lateAnswer(r *rig) {
	var kept []byte
	var marked, done bool
	r.heard = func(_ int, m string, _ io.Closer) { marked = strings.Contains(m, aPulse) }
	r.answered = func(_ int, answer []byte) []byte {
		if marked && !done {
			kept, done = answer, true
			return nil
		}
		answer, kept = append(kept, answer...), nil
		return answer
	}
}

// checkRecovered checks that the only run was brought back from failures of this
// kind alone, with these words in the record, and that a device that was
// stressed in an unknown way was read.
func (r *rig) checkRecovered(kind instrument.Kind, words ...string) {
	r.t.Helper()
	var said strings.Builder
	n := 0
	for _, record := range r.journal().Records {
		if record.Type != run.TypeEvent || record.Kind != "recovery" {
			continue
		}
		var e recovery.Event
		if err := json.Unmarshal(record.Data, &e); err != nil || e.State != recovery.Recovered || e.Kind != kind {
			r.t.Errorf("recovery %s, %v; want one from %q", record.Data, err, kind)
		}
		n++
		said.WriteString(e.Cause)
	}
	if n == 0 {
		r.t.Error("the run has no recovery in its record")
	}
	for _, w := range words {
		if !strings.Contains(said.String(), w) {
			r.t.Errorf("the record does not say %q: %s", w, said.String())
		}
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for _, f := range faults() {
		t.Run(f.name, func(t *testing.T) {
			if f.slow && testing.Short() {
				t.Skip("waits for the driver's time-out")
			}
			t.Parallel()
			r := newRig(t, 1)
			f.tamper(r)
			if f.slow {
				prepare := r.prepare
				r.prepare = func(s *sim.Bench) {
					s.Hurry = 400 * time.Millisecond // the real time-outs are the same, only longer
					if prepare != nil {
						prepare(s)
					}
				}
			}
			if f.lost != "" {
				if code := r.run("form", "--devices", "r0c0-5"); code != run.ExitDone {
					t.Fatalf("exit code %d:\n%s", code, r.err)
				}
				r.checkSafe(0)
				r.checkRecovered(f.lost, f.words...)
				return
			}
			r.check(r.run("form", "--devices", "r0c0-5"), f.code, f.outcome, f.kind, f.words...)
			r.checkSafe(f.left)
			if f.outcome == "" {
				return
			}
			events := r.events()
			want := map[bool]string{true: "safe", false: "unsafe"}[f.code != run.ExitUnsafe]
			if last := events[len(events)-1]; last != want {
				t.Errorf("the journal's last event is %q, want %q", last, want)
			}
		})
	}
}

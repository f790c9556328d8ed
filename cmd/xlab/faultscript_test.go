package main

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"xlab/lab/sim"
	"xlab/mock/fault"
	"xlab/run"
)

// randomScript is a few things that go wrong on a bench with one board.
func randomScript(chance *rand.Rand) *fault.Script {
	s := &fault.Script{Seed: chance.Uint64()}
	for range 1 + chance.IntN(3) {
		s.Faults = append(s.Faults, randomFault(chance))
	}
	return s
}

func randomFault(chance *rand.Rand) fault.Fault {
	pick := func(list ...string) string { return list[chance.IntN(len(list))] }
	f := fault.Fault{On: pick("analyzer", "analyzer", "analyzer", "board A", "board A", sim.Computer)}
	bytes := []string{fault.Lose, fault.Duplicate, fault.Garble, fault.Delay}
	switch f.On {
	case "analyzer":
		f.What = pick(append(bytes, append(bytes, fault.Cut, "silence", "hang", "power_cycle", "interlock", "error",
			"open_output",
			"clock", "adapter_silence", "adapter_hang", "adapter_power_cycle")...)...)
	case "board A":
		f.What = pick(append(bytes, fault.Cut, "stick", "upset", "power_cycle", "unplug")...)
	case sim.Computer:
		f.What = pick("slow", "full", "no_space", "fail_sync", "clock")
	}
	switch f.What {
	case fault.Lose, fault.Duplicate, fault.Garble:
		f.Toward = pick(fault.TowardHost, fault.TowardHost, fault.TowardInstrument)
		f.Bytes = []int{1, 1, 1, 2, 3, fault.Rest, fault.All}[chance.IntN(7)]
	case fault.Delay:
		f.Toward = pick(fault.TowardHost, fault.TowardInstrument)
		f.For = time.Duration(1+chance.IntN(10)) * time.Millisecond
		if chance.IntN(2) == 0 {
			f.For = 250 * time.Millisecond // the driver has given up
		}
	case fault.Cut:
		if f.Attempts = chance.IntN(3); chance.IntN(5) == 0 {
			f.Attempts = 1000 // it stays out
		}
	case "silence", "adapter_silence", "interlock", "no_space", "full":
		f.Pieces = 1 + chance.IntN(3)
	case "stick":
		f.With.Chip, f.With.Wire, f.With.High, f.Pieces = 1+chance.IntN(16), pick("din", "sdo"), chance.IntN(2) == 0,
			2+chance.IntN(6)
	case "upset":
		f.With.Chip, f.With.Switch = 1+chance.IntN(16), 1+chance.IntN(8)
	case "error":
		f.With.Code, f.With.Slot = 100+chance.IntN(130), 1+chance.IntN(4)
	case "open_output":
		f.With.Slot = 1 + chance.IntN(4)
	case "clock":
		f.With.Seconds = float64(chance.IntN(200000)) - 100000.5
	case "slow":
		f.For, f.Pieces = 5*time.Millisecond, 5
	}
	switch onCommand := f.On == "analyzer" && chance.IntN(2) == 0; {
	case onCommand:
		f.Command, f.Number = pick("WNX", "MCPNX", "TI", "ERRX?", "DV", "++read"), 1+chance.IntN(20)
	case f.Toward != "" && chance.IntN(4) == 0:
		f.Rate, f.Times = 0.01, 3
	case f.On == sim.Computer:
		f.Piece = 1 + chance.IntN(12)
	default:
		f.Piece = 1 + chance.IntN(150)
	}
	return f
}

// Whatever goes wrong while a small chip is formed and tuned, no device sees
// more than the limits allow, nothing is taken for a reading that the analyzer
// did not give, the bench is left safe wherever it can be reached, every end has
// its cause, and with the bench in order again the work is taken up and
// completed.
func TestFaultScripts(t *testing.T) {
	t.Parallel()
	n := often(50, 1000)
	if testing.Short() {
		n = 8
	}
	for seed := range uint64(n) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			faultTrial(t, seed)
		})
	}
}

// A digit that became another digit is the gap that the protocol has: such
// readings are taken for right ones, and this test would not be worth anything
// if it did not find them. Nothing beyond the limits comes of it.
func TestAlteredDigits(t *testing.T) {
	t.Parallel()
	r := newTrial(t, 3)
	r.hurry = 5 * time.Second
	if code := r.run("form", "--devices", "r0-1c0-3"); code != 0 && code != run.ExitPartial {
		t.Fatal(r.said)
	}
	r.hurry = 500 * time.Millisecond
	altered, readings := 0, 0
	var wrong []string
	for seed := range uint64(12) {
		from := r.witness.matched
		r.script = &fault.Script{Seed: seed,
			Faults: []fault.Fault{{What: fault.Alter, On: "analyzer", Toward: fault.TowardHost, Command: "TI ",
				Number: 8 + int(seed)}}}
		before := r.stored().ID
		r.checkEnd(r.run("read", "--array", "A"), before)
		altered += len(r.sim.Faults.Happened())
		n, w := r.answers(r.stored().Dir, from)
		readings += n
		wrong = append(wrong, w...)
	}
	t.Logf("%d answers were altered; of %d readings %d are wrong: %q", altered, readings, len(wrong), wrong)
	if len(wrong) == 0 || len(wrong) >= altered {
		t.Errorf("%d answers were altered and %d readings are wrong: the formats find some, and this test finds the others",
			altered, len(wrong))
	}
}

func faultTrial(t *testing.T, seed uint64) {
	chance := rand.New(rand.NewPCG(seed, 5))
	r := newTrial(t, seed+1)
	for _, args := range [][]string{
		{"form", "--devices", "r0-1c0-3"},
		{"tune", "--target", "20uS", "--devices", "r0-1c0-3"},
	} {
		before := ""
		if s := r.stored(); s != nil {
			before = s.ID
		}
		r.script, r.hurry = randomScript(chance), 150*time.Millisecond
		from := r.witness.matched
		done := r.checkEnd(r.run(args...), before)
		end := r.said
		t.Logf("%s: %s", args[0], r.happened())
		if !done {
			t.Logf("%s ended with %.400s", args[0], lastLine(end))
		}
		for attempt := 0; !done; attempt++ {
			if attempt == 4 {
				t.Fatalf("%s cannot be completed on a bench in order:\n%s\nafter\n%s", args[0], r.said, end)
			}
			r.script, r.hurry = nil, time.Duration(5+5*attempt)*time.Second
			again := []string{"resume", "--accept"}
			if s := r.stored(); s == nil || s.ID == before {
				again = args
			}
			done = r.checkEnd(r.run(again...), before)
		}
		if s := r.stored(); s != nil && s.ID != before {
			n, wrong := r.answers(s.Dir, from)
			if n == 0 {
				t.Errorf("%s: no reading in the journal", args[0])
			}
			if len(wrong) > 0 {
				t.Errorf("%s: taken for readings and not what the analyzer answered: %q", args[0], wrong)
			}
		}
	}
}

func lastLine(text string) string {
	at := len(text) - 1
	for at > 0 && text[at-1] != '\n' {
		at--
	}
	return text[at:]
}

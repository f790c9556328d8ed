package main

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"xlab/instrument"
	"xlab/lab/sim"
	"xlab/mlp"
	"xlab/mock/device/devicetest"
	mock "xlab/mock/fault"
	"xlab/run"
	"xlab/run/recovery"
)

// aReading and aTrim are marks of messages to the neuron board.
const (
	aReading = "MEAS:VOLT?"
	aTrim    = "CAL:OFFS?"
)

// inferRig is a bench whose devices are formed, and the file of a network to
// classify with. What it makes of the letters does not matter.
func inferRig(t *testing.T) (*rig, string) {
	t.Helper()
	r := newKeptRig(t, 1)
	var once sync.Once
	r.prepare = func(s *sim.Bench) {
		once.Do(func() {
			for name, a := range s.Chip.Arrays {
				states := rand.New(rand.NewPCG(uint64(name[0]), 4))
				devicetest.Form(a, func(int) float64 { return -1.2 - 0.4*states.Float64() })
			}
		})
	}
	n, err := mlp.New(mlp.LetterDesign())
	if err != nil {
		t.Fatal(err)
	}
	for l := range n.G {
		n.G[l].Apply(func(r, c int, x float64) float64 { return x + 1e-6*float64((r*7+c*5)%13) }, n.G[l])
	}
	file := filepath.Join(t.TempDir(), "network.json")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	network := mlp.File{Provenance: mlp.Provenance{Approach: mlp.Oblivious}, Network: n,
		Placement: mlp.DefaultPlacement("A", "B")}
	if err := errors.Join(network.Write(f), f.Close()); err != nil {
		t.Fatal(err)
	}
	return r, file
}

// hasten makes time-outs short, for what is waited for in real time.
func (r *rig) hasten() {
	prepare := r.prepare
	r.prepare = func(s *sim.Bench) {
		prepare(s)
		s.Hurry = time.Second
	}
}

// script adds things that go wrong to what the rig prepares.
func (r *rig) script(faults ...mock.Fault) {
	prepare := r.prepare
	r.prepare = func(s *sim.Bench) {
		prepare(s)
		if err := s.Arm(&mock.Script{Faults: faults}); err != nil {
			panic(err)
		}
	}
}

// infer classifies the letters and gives the outputs, one row per pattern.
func (r *rig) infer(network string, more ...string) (code int, outputs [][]instrument.Volts) {
	r.t.Helper()
	code = r.run(append([]string{"mlp", "infer", "--network", network, "--defects", "none"}, more...)...)
	for _, record := range r.journal().Records {
		var e struct {
			What   string `json:"what"`
			Answer struct {
				Outputs [][]instrument.Volts `json:"outputs"`
			} `json:"answer"`
		}
		if record.Type != run.TypeEvent || json.Unmarshal(record.Data, &e) != nil || e.What != "classification" {
			continue
		}
		outputs = append(outputs, e.Answer.Outputs...)
	}
	return code, outputs
}

// recoveries gives the events about the link of the only run.
func (r *rig) recoveries() (list []recovery.Event) {
	r.t.Helper()
	for _, record := range r.journal().Records {
		if record.Type != run.TypeEvent || record.Kind != "recovery" {
			continue
		}
		var e recovery.Event
		if err := json.Unmarshal(record.Data, &e); err != nil {
			r.t.Fatal(err)
		}
		list = append(list, e)
	}
	return list
}

// In the middle of a classification the neuron board falls silent, hangs, loses
// its supply or its cable, with the line up or not: the bench is brought back,
// the neurons are trimmed again where the trims were lost, and what is measured
// is what would have been measured without.
func TestNeuronBoardIsBroughtBack(t *testing.T) {
	t.Parallel()
	plain, network := inferRig(t)
	code, want := plain.infer(network)
	if code != run.ExitDone || len(want) < 600 || len(plain.recoveries()) != 0 {
		t.Fatalf("exit code %d, %d patterns, %d recoveries: %s", code, len(want), len(plain.recoveries()), plain.err)
	}
	for name, c := range map[string]struct {
		fault mock.Fault
		none  bool // the driver brings it back by itself
		slow  bool
	}{
		"supply lost, line up":       {fault: mock.Fault{What: "power_cycle", Command: aReading, Number: 100}},
		"supply lost at the last":    {fault: mock.Fault{What: "power_cycle", Command: aReading, Number: len(want)}},
		"supply lost while trimming": {fault: mock.Fault{What: "power_cycle", Command: aTrim}},
		"cable out and back":         {fault: mock.Fault{What: mock.Cut, Command: aReading, Number: 100}, none: true},
		"cable out for a while":      {fault: mock.Fault{What: mock.Cut, Command: aReading, Number: 100, Attempts: 4}},
		"cable out while trimming":   {fault: mock.Fault{What: mock.Cut, Command: aTrim}},
		"silent for a moment": {fault: mock.Fault{What: "silence", Command: aReading, Number: 100, Pieces: 1},
			none: true, slow: true},
		"silent for a while": {fault: mock.Fault{What: "silence", Command: aReading, Number: 100, Pieces: 8},
			slow: true},
		"silent while trimming": {fault: mock.Fault{What: "silence", Command: aTrim, Pieces: 1}, slow: true},
		"an answer garbled": {fault: mock.Fault{What: mock.Garble, Command: aReading, Number: 100,
			Toward: mock.TowardHost, Bytes: 3}, none: true},
		"a question garbled on its way": {fault: mock.Fault{What: mock.Lose, Command: aReading, Number: 100,
			Toward: mock.TowardInstrument, Bytes: 1}, none: true, slow: true},
		"an error of the switches' link": {fault: mock.Fault{On: "board A", What: mock.Cut, Piece: 100}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.slow && testing.Short() {
				t.Skip("waits for the driver's time-out")
			}
			t.Parallel()
			r, network := inferRig(t)
			if c.slow {
				r.hasten()
			}
			if c.fault.On == "" {
				c.fault.On = sim.NeuronLink
			}
			r.script(c.fault)
			code, got := r.infer(network, "--set", "recovery.hold=1m")
			if code != run.ExitDone || len(got) != len(want) {
				t.Fatalf("exit code %d, %d patterns:\n%s", code, len(got), r.err)
			}
			r.checkSafe(0)
			events := r.recoveries()
			if (len(events) == 0) != c.none {
				t.Errorf("recoveries %+v", events)
			}
			for _, e := range events {
				if !strings.Contains(e.What, "sampl") && !strings.Contains(e.What, "neurons") {
					t.Errorf("it was not known what was being done: %+v", e)
				}
			}
			// Trims are found bit by bit in noise, so that they are not twice the
			// same; without them neurons are off by volts.
			far := 0
			for i, row := range got {
				for j, v := range row {
					if math.Abs(float64(v-want[i][j])) > 0.5 {
						far++
					}
				}
			}
			if far > len(got)*4/20 {
				t.Errorf("%d of %d outputs are more than 0.5 V away from those of a bench that nothing happens to", far, 4*len(got))
			}
		})
	}
}

// A board that is gone for good ends the run as one that can be taken up again,
// and taking it up measures what is left.
func TestNeuronBoardIsGone(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the driver's time-out")
	}
	t.Parallel()
	for name, what := range map[string]mock.Fault{
		"hangs":     {What: "hang", Command: aReading, Number: 100},
		"cable out": {What: mock.Cut, Command: aReading, Number: 100, Attempts: forGood},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, network := inferRig(t)
			whole := r.prepare
			r.hasten()
			what.On = sim.NeuronLink
			r.script(what)
			code, outputs := r.infer(network)
			if code != run.ExitInterrupted || len(outputs) == 0 || len(outputs) > 100 {
				t.Fatalf("exit code %d, %d patterns: %s", code, len(outputs), r.err)
			}
			r.checkSafe(0)
			if s := r.stored(); s.Outcome != run.OutcomeInterrupted {
				t.Errorf("the run ended as %s", s.Outcome)
			}
			if !strings.Contains(r.err.String(), "neuron") || !strings.Contains(r.err.String(), "xlab resume") {
				t.Errorf("the message names neither the board nor what to do next: %s", r.err)
			}
			r.prepare = whole
			if code := r.run("resume"); code != run.ExitDone {
				t.Errorf("taken up: exit code %d: %s", code, r.err)
			}
			r.checkSafe(0)
		})
	}
}

// Without trims of its own a classification cannot restore what the board has
// lost, and ends; a fault of the board itself is not repeated.
func TestNeuronBoardFaultsThatEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault mock.Fault
		args  []string
		words string
	}{
		"trims of somebody else": {mock.Fault{What: "power_cycle", Command: aReading, Number: 100}, []string{"--no-trim"},
			"its trims are gone"},
		"beyond the trim": {mock.Fault{What: "saturate", Command: aTrim, With: mock.Parameters{Slot: 12, High: true}}, nil,
			"O2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, network := inferRig(t)
			c.fault.On = sim.NeuronLink
			r.script(c.fault)
			code, _ := r.infer(network, c.args...)
			if code != run.ExitUnreachable || !strings.Contains(r.err.String(), c.words) || len(r.recoveries()) != 0 {
				t.Errorf("exit code %d, %d recoveries: %s", code, len(r.recoveries()), r.err)
			}
			r.checkSafe(0)
		})
	}
}

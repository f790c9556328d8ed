package session_test

import (
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/lab/boxes"
	"xlab/lab/config"
	"xlab/lab/session"
	"xlab/lab/sim"
	"xlab/mlp"
	"xlab/mock/device/devicetest"
	mock "xlab/mock/fault"
	"xlab/run/guarded"
)

// open opens a simulated bench in memory whose devices are formed, each to a state of
// its own.
func open(t testing.TB, overrides ...string) *session.Session {
	t.Helper()
	t.Chdir(t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	c, err := config.Load("", overrides, boxes.Default())
	if err != nil {
		t.Fatal(err)
	}
	chip, err := sim.NewChip(c, 3)
	if err != nil {
		t.Fatal(err)
	}
	for name, a := range chip.Arrays {
		r := rand.New(rand.NewPCG(uint64(name[0]), 4))
		devicetest.Form(a, func(int) float64 { return -1.2 - 0.4*r.Float64() })
	}
	b, err := sim.New(boxes.Default(), c, chip, "")
	if err != nil {
		t.Fatal(err)
	}
	o := session.Opener{Config: c, Messages: io.Discard}
	s, err := o.OpenOn(t.Context(), b, "A", "B")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// trueNetwork is the network that the devices of a simulated chip are, by their
// conductance at a voltage.
func trueNetwork(t *testing.T, b *sim.Bench, volts float64) *mlp.Network {
	t.Helper()
	n, err := mlp.New(mlp.LetterDesign())
	if err != nil {
		t.Fatal(err)
	}
	b.Netlist.Do(func() {
		for l, name := range []string{"A", "B"} {
			a := b.Chip.Arrays[name]
			n.G[l].Apply(func(row, col int, _ float64) float64 { return a.Conductance(row*a.Cols()+col, volts) }, n.G[l])
		}
	})
	return n
}

func letterFeatures(samples int) *mat.Dense {
	r := rand.New(rand.NewPCG(9, 9))
	m := mat.NewDense(samples, 16, nil)
	m.Apply(func(_, _ int, _ float64) float64 { return float64(2*r.IntN(2) - 1) }, m)
	return m
}

// Through the whole wire, with line resistance, offsets and noise, the bench
// computes what its devices say; bursts give what the host's own routing gives;
// and the analyzer measures the same before and after, although others have set
// the switches meanwhile.
func TestClassifierOnTheBench(t *testing.T) {
	s := open(t)
	place := mlp.DefaultPlacement("A", "B")
	ctx := t.Context()
	cell := array.Cell{Row: 3, Col: 7}
	conductance := func() float64 {
		t.Helper()
		got, err := guarded.New(guarded.Options{Turns: &s.Turns}).Crossbar("A").Do(ctx, cell, s.Config.Read.Step())
		if err != nil {
			t.Fatal(err)
		}
		return float64(got[0].Levels[0].Current) / float64(s.Config.Read.Voltage)
	}
	before := conductance()

	c, err := s.Classifier(mlp.LetterDesign(), place, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Trim(ctx); err != nil {
		t.Fatal(err)
	}
	features := letterFeatures(40)
	hidden, outputs, err := c.Layers(ctx, features)
	if err != nil {
		t.Fatal(err)
	}
	after := conductance()
	if before < 1e-6 || math.Abs(after/before-1) > 0.1 {
		t.Errorf("%v reads %g S after the classification and %g S before", cell, after, before)
	}

	n := trueNetwork(t, s.Sim, -0.2)
	v, err := n.Design.Drive(features)
	if err != nil {
		t.Fatal(err)
	}
	trace, err := n.Forward(v)
	if err != nil {
		t.Fatal(err)
	}
	wrong, clear := 0, 0
	for i := range 40 {
		for j := range 10 {
			if want := trace.Outputs[0].At(i, j); math.Abs(want) > 0.19 {
				clear++
				if hidden.At(i, j)*want < 0 {
					wrong++
				}
			}
		}
	}
	if clear < 100 || wrong > clear/20 {
		t.Errorf("%d of %d hidden neurons that are clearly at one side are measured at the other", wrong, clear)
	}

	s.Config.Neurons.Burst = true
	burst, err := s.Classifier(mlp.LetterDesign(), place, nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := burst.Outputs(ctx, features)
	if err != nil {
		t.Fatal(err)
	}
	far := 0
	for i := range 40 {
		for j := range 4 {
			if math.Abs(again.At(i, j)-outputs.At(i, j)) > 0.5 {
				far++
			}
		}
	}
	if far > 160/20 {
		t.Errorf("%d of 160 outputs of the burst are more than 0.5 V away from those without", far)
	}
	if last := conductance(); math.Abs(last/after-1) > 0.1 {
		t.Errorf("%v reads %g S after the burst and %g S before", cell, last, after)
	}
}

// The voltages of a computing array are checked against the bench's limits.
func TestClassifierKeepsTheLimits(t *testing.T) {
	s := open(t, "limits.min_voltage=-0.1V")
	if _, err := s.Classifier(mlp.LetterDesign(), mlp.DefaultPlacement("A", "B"),
		nil); instrument.KindOf(err) != instrument.KindLimit {
		t.Errorf("%v", err)
	}
}

// Without a neuron board the rest of the bench works, and a network is refused.
func TestNoNeuronBoard(t *testing.T) {
	s := open(t, "neurons.address=")
	if _, err := s.Classifier(mlp.LetterDesign(), mlp.DefaultPlacement("A", "B"),
		nil); instrument.KindOf(err) != instrument.KindUsage {
		t.Errorf("%v", err)
	}
}

// What can be done to the simulated neuron board shows in what is measured, and
// ends when it is undone.
func TestNeuronBoardFaults(t *testing.T) {
	s := open(t, "neurons.address=sim")
	board, known := s.Sim.Devices()[sim.NeuronLink]
	if !known || !board.Link {
		t.Fatalf("faults on %q are not possible: %+v", sim.NeuronLink, board)
	}
	c, err := s.Classifier(mlp.LetterDesign(), mlp.DefaultPlacement("A", "B"), nil)
	if err != nil {
		t.Fatal(err)
	}
	measure := func() (hidden, output float64) {
		t.Helper()
		h, o, err := c.Layers(t.Context(), letterFeatures(1))
		if err != nil {
			t.Fatal(err)
		}
		return h.At(0, 3), o.At(0, 2)
	}
	act := func(name string, undo bool, with mock.Parameters) {
		t.Helper()
		a, f := board.Acts[name], mock.Fault{What: name, With: with}
		if a.Valid != nil {
			if err := a.Valid(f); err != nil {
				t.Fatal(err)
			}
		}
		var err error
		s.Sim.Netlist.Do(func() {
			if undo {
				err = a.Undo(f)
			} else {
				err = a.Do(f)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	hidden, output := measure()
	act("saturate", false, mock.Parameters{Slot: 4, High: true})
	act("saturate", false, mock.Parameters{Slot: 13})
	if h, o := measure(); math.Abs(h-0.2) > 1e-4 || math.Abs(o+10) > 1e-2 {
		t.Errorf("saturated neurons at %g V and %g V", h, o)
	}
	act("saturate", true, mock.Parameters{Slot: 4})
	act("saturate", true, mock.Parameters{Slot: 13})
	if h, o := measure(); math.Abs(h-hidden) > 0.02 || math.Abs(o-output) > 0.5 {
		t.Errorf("%g V and %g V before, %g V and %g V afterwards", hidden, output, h, o)
	}
	if err := board.Acts["saturate"].Valid(mock.Fault{With: mock.Parameters{Slot: 15}}); err == nil {
		t.Error("a fifteenth neuron can be saturated")
	}
	act("error", false, mock.Parameters{Code: -310})
	if _, _, err := c.Layers(t.Context(), letterFeatures(1)); err == nil || !strings.Contains(err.Error(), "-310") {
		t.Errorf("an error of the board became %v", err)
	}
}

// BenchmarkClassify680 is the whole data set of letters through the full wire.
func BenchmarkClassify680(b *testing.B) {
	for name, overrides := range map[string][]string{"routing": nil, "burst": {"neurons.burst=true"}} {
		b.Run(name, func(b *testing.B) {
			s := open(b, overrides...)
			c, err := s.Classifier(mlp.LetterDesign(), mlp.DefaultPlacement("A", "B"), nil)
			if err != nil {
				b.Fatal(err)
			}
			features := letterFeatures(680)
			for b.Loop() {
				if _, err := c.Outputs(b.Context(), features); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

package main

import (
	"io"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"gonum.org/v1/gonum/mat"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/lab/boxes"
	"xlab/lab/config"
	"xlab/lab/session"
	"xlab/lab/sim"
	"xlab/mlp"
	"xlab/mock/device"
	"xlab/mock/device/devicetest"
	"xlab/run/guarded"
)

// formAtOnce brings every device of an array into its working range at once, each to
// a state of its own.
func formAtOnce(a *device.Array, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 4))
	devicetest.Form(a, func(int) float64 { return -1.2 - 0.4*r.Float64() })
}

// networkRig is a bench whose devices are formed, with an open session.
func networkRig(t testing.TB, overrides ...string) (*rig, *session.Session) {
	t.Helper()
	r := newRig(t, 3)
	r.prepare = func(s *sim.Bench) {
		for name, a := range s.Chip.Arrays {
			formAtOnce(a, uint64(name[0]))
		}
	}
	t.Chdir(t.TempDir())
	c, err := config.Load("", overrides, boxes.Default())
	if err != nil {
		t.Fatal(err)
	}
	r.app.Config = c
	s, err := r.app.Open(t.Context(), "A", "B")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return r, s
}

// trueNetwork is the network that the devices of a simulated chip are, by their
// conductance at a voltage.
func trueNetwork(t *testing.T, r *rig, volts float64) *mlp.Network {
	t.Helper()
	n, err := mlp.New(mlp.LetterDesign())
	if err != nil {
		t.Fatal(err)
	}
	r.sim.Netlist.Do(func() {
		for l, name := range []string{"A", "B"} {
			a := r.sim.Chip.Arrays[name]
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
	r, s := networkRig(t)
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

	n := trueNetwork(t, r, -0.2)
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
	_, s := networkRig(t, "limits.min_voltage=-0.1V")
	if _, err := s.Classifier(mlp.LetterDesign(), mlp.DefaultPlacement("A", "B"),
		nil); instrument.KindOf(err) != instrument.KindLimit {
		t.Errorf("%v", err)
	}
}

// Without a neuron board the rest of the bench works, and a network is refused.
func TestNoNeuronBoard(t *testing.T) {
	r := newRig(t, 1)
	t.Chdir(t.TempDir())
	c, err := config.Load("", nil, boxes.Default())
	if err != nil {
		t.Fatal(err)
	}
	r.app.Config = c
	c.Neurons.Address = ""
	s, err := r.app.Open(t.Context(), "A")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Classifier(mlp.LetterDesign(), mlp.DefaultPlacement("A", "B"),
		nil); instrument.KindOf(err) != instrument.KindUsage {
		t.Errorf("%v", err)
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

// BenchmarkClassify680 is the whole data set of letters through the full wire.
func BenchmarkClassify680(b *testing.B) {
	for name, overrides := range map[string][]string{"routing": nil, "burst": {"neurons.burst=true"}} {
		b.Run(name, func(b *testing.B) {
			_, s := networkRig(b, overrides...)
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

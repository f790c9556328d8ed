package mlp

import (
	"errors"
	"math"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"xlab/instrument"
)

func TestNeuronTransfer(t *testing.T) {
	for _, c := range []struct {
		neuron  Neuron
		dI, out float64
	}{
		{HiddenNeuron(), 0, 0},
		{HiddenNeuron(), 1e-6, 0.2 * math.Tanh(1)},
		{HiddenNeuron(), -2e-6, -0.2 * math.Tanh(2)},
		{HiddenNeuron(), 1, 0.2},
		{OutputNeuron(), 3e-6, 3},
		{OutputNeuron(), -9.99e-6, -9.99},
		{OutputNeuron(), 11e-6, 10},
		{OutputNeuron(), -1, -10},
	} {
		if v := c.neuron.Output(c.dI); math.Abs(v-c.out) > 1e-14 {
			t.Errorf("%s of %g A is %g V, want %g V", c.neuron.Kind, c.dI, v, c.out)
		}
	}
}

func TestNeuronSlope(t *testing.T) {
	n := HiddenNeuron()
	for _, dI := range []float64{-3e-6, -4e-7, 0, 1e-7, 2e-6} {
		const h = 1e-10
		want := (n.Output(dI+h) - n.Output(dI-h)) / (2 * h)
		if got := n.Slope(n.Output(dI)); math.Abs(got-want) > 1e-6*math.Abs(want)+1e-3 {
			t.Errorf("slope at %g A is %g V/A, finite difference %g V/A", dI, got, want)
		}
	}
	if s := n.Slope(0.21); s != 0 {
		t.Errorf("slope at an output beyond the swing is %g V/A", s)
	}
	if s := OutputNeuron().Slope(10); s != 1e6 {
		t.Errorf("slope of a saturated output is %g V/A: it could never learn", s)
	}
}

func TestDesignValidate(t *testing.T) {
	if err := LetterDesign().Validate(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		spoil func(*Design)
		want  string
	}{
		"one size":      {func(d *Design) { d.Sizes = []int{4} }, "its inputs and its outputs"},
		"empty layer":   {func(d *Design) { d.Sizes = []int{4, 0, 2} }, "size 1 is 0"},
		"no input":      {func(d *Design) { d.InputLevel = 0 }, "input level is 0 V"},
		"no bias":       {func(d *Design) { d.BiasLevel = instrument.Volts(math.NaN()) }, "bias level"},
		"range":         {func(d *Design) { d.Range.Min = 200e-6 }, "working range 200 µS to 100 µS is empty"},
		"hidden kind":   {func(d *Design) { d.Hidden.Kind = Linear }, "layer 0 of 2 has linear neurons: the board has tanh"},
		"output kind":   {func(d *Design) { d.Output.Kind = Tanh }, "layer 1 of 2 has tanh neurons: the board has linear"},
		"unknown kind":  {func(d *Design) { d.Hidden.Kind = "relu" }, `layer 0: neuron kind "relu" is unknown`},
		"gain":          {func(d *Design) { d.Output.Gain = -1 }, "layer 1: linear neuron has a gain of -1 V/A"},
		"neuron limit":  {func(d *Design) { d.Hidden.Limit = 0 }, "output limit of 0 V"},
		"infinite gain": {func(d *Design) { d.Hidden.Gain = math.Inf(1) }, "gain of +Inf"},
	} {
		t.Run(name, func(t *testing.T) {
			d := LetterDesign()
			c.spoil(&d)
			if err := d.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if _, err := New(d); err == nil {
				t.Error("New accepts it")
			}
		})
	}
}

func TestNetworkValidate(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*Network)
		want  string
	}{
		"layers": {func(n *Network) { n.G = n.G[:1] }, "1 layers of conductances, its sizes ask for 2"},
		"size": {func(n *Network) { n.G[1] = mat.NewDense(8, 10, nil) }, "layer 1 has 8 x 10 conductances, its sizes " +
			"ask for 8 x 11"},
		"negative": {func(n *Network) { n.G[0].Set(3, 4, -1e-6) }, "layer 0, row 3, column 4: -1e-06 S is not a conductance"},
		"NaN":      {func(n *Network) { n.G[0].Set(3, 4, math.NaN()) }, "row 3, column 4: NaN S"},
	} {
		t.Run(name, func(t *testing.T) {
			n := mustNew(t, LetterDesign())
			c.spoil(n)
			if err := n.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestDriveRefusesWhatIsNoInput(t *testing.T) {
	d := NewDesign(2, 2)
	for name, c := range map[string]struct {
		x    *mat.Dense
		want string
	}{
		"width":  {mat.NewDense(1, 3, nil), "3 features, the network has 2 inputs"},
		"NaN":    {mat.NewDense(1, 2, []float64{0, math.NaN()}), "sample 0, feature 1 is NaN"},
		"beyond": {mat.NewDense(2, 2, []float64{0, 0, 1.5, 0}), "sample 1, feature 0 is 1.5, outside -1 to 1: normalise"},
	} {
		if _, err := d.Drive(c.x); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
	v, err := d.Drive(mat.NewDense(1, 2, []float64{1, -0.5}))
	if err != nil || v.At(0, 0) != 0.2 || v.At(0, 1) != -0.1 {
		t.Errorf("driven with %v, %v", v, err)
	}
}

// The forward pass computed by hand: 1 input, 1 hidden neuron, 2 outputs.
func TestForwardByHand(t *testing.T) {
	n := mustNew(t, NewDesign(1, 1, 2))
	n.G[0] = mat.NewDense(2, 2, []float64{15e-6, 10e-6, 10e-6, 11e-6})
	n.G[1] = mat.NewDense(4, 2, []float64{40e-6, 10e-6, 10e-6, 10e-6, 10e-6, 30e-6, 20e-6, 10e-6})
	trace, err := n.Forward(mat.NewDense(2, 1, []float64{0.2, -0.1}))
	if err != nil {
		t.Fatal(err)
	}
	for s, x := range []float64{0.2, -0.1} {
		hidden := 0.2 * math.Tanh(1e6*(5e-6*x-1e-6*0.2))
		want := []float64{1e6 * 30e-6 * hidden, 1e6 * (-10e-6*hidden + 20e-6*0.2)}
		if math.Abs(trace.Outputs[0].At(s, 0)-hidden) > 1e-15 {
			t.Errorf("sample %d: hidden output %g V, want %g V", s, trace.Outputs[0].At(s, 0), hidden)
		}
		for k := range want {
			if math.Abs(trace.Out().At(s, k)-want[k]) > 1e-12 {
				t.Errorf("sample %d: output %d is %g V, want %g V", s, k, trace.Out().At(s, k), want[k])
			}
		}
	}
}

func TestForwardRefusesWhatDoesNotFit(t *testing.T) {
	n := mustNew(t, NewDesign(2, 3, 2))
	in := mat.NewDense(1, 2, nil)
	if _, err := n.Forward(mat.NewDense(1, 3, nil)); err == nil || !strings.Contains(err.Error(), "3 input voltages "+
		"per sample, the network has 2 inputs") {
		t.Errorf("width: %v", err)
	}
	if _, err := n.Forward(in, Ideal{}); err == nil || !strings.Contains(err.Error(),
		"network has 2 layers, but the physics of 1 were given") {
		t.Errorf("physics: %v", err)
	}
	broken := errors.New("array is on fire")
	if _, err := n.Forward(in, Ideal{}, refusing{broken}); !errors.Is(err, broken) ||
		!strings.Contains(err.Error(), "layer 1: ") {
		t.Errorf("failing physics: %v", err)
	}
	if _, err := n.Measured(in, mat.NewDense(1, 3, nil)); err == nil {
		t.Error("the outputs of one layer of two are accepted")
	}
	if _, err := n.Measured(in, mat.NewDense(1, 3, nil), mat.NewDense(1, 3, nil)); err == nil ||
		!strings.Contains(err.Error(), "layer 1: 1 x 3 outputs were measured, 1 samples x 2 neurons") {
		t.Errorf("measured size: %v", err)
	}
	if _, err := n.Measured(mat.NewDense(1, 1, nil), mat.NewDense(1, 3, nil), mat.NewDense(1, 2, nil)); err == nil {
		t.Error("inputs of another width are accepted")
	}
}

type refusing struct{ err error }

func (r refusing) Conduct(_, _ *mat.Dense) (Flow, error) { return nil, r.err }

func TestCloneSharesNothing(t *testing.T) {
	n := mustNew(t, NewDesign(2, 2))
	c := n.Clone()
	c.G[0].Set(0, 0, 5)
	c.Design.Sizes[0] = 9
	if n.G[0].At(0, 0) != 10e-6 || n.Design.Sizes[0] != 2 {
		t.Error("a change of the clone changes the network")
	}
}

func mustNew(t *testing.T, d Design) *Network {
	t.Helper()
	n, err := New(d)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

package mlp

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/mat"
)

// Conduction is the physics of a layer: how a block of devices turns column
// voltages into the currents that its neurons see. Ideal is the textbook's;
// Series knows line resistance and nonlinear devices; a simulated or measured
// array can be put in its place, in training too.
//
// It is asked with the conductances g in S, rows x columns with the rows in
// pairs of plus and minus lines, and the column voltages v in V, one sample per
// row, the bias among them. Neither may be kept beyond the life of the Flow, nor
// changed. It must be safe for concurrent use.
type Conduction interface {
	Conduct(g, v *mat.Dense) (Flow, error)
}

// Flow is the currents of one batch and the way back through them.
type Flow interface {
	// Differences is dI = I+ - I- of every neuron, samples x neurons, in A,
	// counted out of its lines into the virtual grounds.
	Differences() *mat.Dense
	// Pull takes dL/d(dI), samples x neurons, back to dL/dG, rows x columns and
	// summed over the samples, and dL/dV, samples x columns.
	Pull(d *mat.Dense) (dG, dV *mat.Dense, err error)
}

// Classifier is hardware that classifies.
type Classifier interface {
	// Trim nulls the neurons' offsets.
	Trim(ctx context.Context) error
	// Outputs gives the output neurons' voltages in V, samples x outputs, for
	// features between -1 and 1, samples x inputs.
	Outputs(ctx context.Context, features *mat.Dense) (*mat.Dense, error)
}

// Ideal is conduction without line resistance through ohmic devices: a neuron
// sees the weights of its pairs times the voltages.
type Ideal struct{}

type idealFlow struct{ weights, v, differences *mat.Dense }

// Conduct never fails.
func (Ideal) Conduct(g, v *mat.Dense) (Flow, error) {
	f := newIdealFlow(g, v)
	samples, _ := v.Dims()
	neurons, _ := f.weights.Dims()
	f.differences = mat.NewDense(samples, neurons, nil)
	f.differences.Mul(v, f.weights.T())
	return f, nil
}

func newIdealFlow(g, v *mat.Dense) *idealFlow { return &idealFlow{weights: weights(g), v: v} }

func (f *idealFlow) Differences() *mat.Dense { return f.differences }

func (f *idealFlow) Pull(d *mat.Dense) (dG, dV *mat.Dense, err error) {
	neurons, columns := f.weights.Dims()
	samples, _ := f.v.Dims()
	var dW mat.Dense
	dW.Mul(d.T(), f.v)
	dG, dV = mat.NewDense(2*neurons, columns, nil), mat.NewDense(samples, columns, nil)
	for j := range neurons {
		plus, minus := dG.RawRowView(2*j), dG.RawRowView(2*j+1)
		for i, x := range dW.RawRowView(j) {
			plus[i], minus[i] = x, -x
		}
	}
	dV.Mul(d, f.weights)
	return dG, dV, nil
}

// Trace is what happens in a network when a batch passes through it.
type Trace struct {
	Inputs  []*mat.Dense // per layer, samples x columns: column voltages in V, the bias last
	Outputs []*mat.Dense // per layer, samples x neurons: neuron outputs in V
	// Unclipped is the last layer's Gain dI in V, as it would be without rails.
	Unclipped *mat.Dense
	flows     []Flow
}

// Out is the network's outputs in V, samples x outputs.
func (t *Trace) Out() *mat.Dense { return t.Outputs[len(t.Outputs)-1] }

// Forward passes a batch through the network. inputs is samples x inputs in V,
// without the bias. physics has one Conduction per layer; none at all stands
// for Ideal everywhere.
func (n *Network) Forward(inputs *mat.Dense, physics ...Conduction) (*Trace, error) {
	samples, width := inputs.Dims()
	if width != n.Design.Sizes[0] {
		return nil, fmt.Errorf("batch has %d input voltages per sample, the network has %d inputs", width, n.Design.Sizes[0])
	}
	if len(physics) != 0 && len(physics) != len(n.G) {
		return nil, fmt.Errorf("network has %d layers, but the physics of %d were given", len(n.G), len(physics))
	}
	t := &Trace{
		Inputs:  make([]*mat.Dense, len(n.G)),
		Outputs: make([]*mat.Dense, len(n.G)),
		flows:   make([]Flow, len(n.G)),
	}
	signal := inputs
	for l, g := range n.G {
		var conduction Conduction = Ideal{}
		if len(physics) != 0 {
			conduction = physics[l]
		}
		t.Inputs[l] = n.withBias(signal)
		flow, err := conduction.Conduct(g, t.Inputs[l])
		if err != nil {
			return nil, fmt.Errorf("layer %d: %w", l, err)
		}
		t.flows[l] = flow
		neuron, differences := n.Design.Neuron(l), flow.Differences()
		out := mat.NewDense(samples, n.Design.Sizes[l+1], nil)
		for s := range samples {
			o := out.RawRowView(s)
			for j, dI := range differences.RawRowView(s) {
				o[j] = neuron.Output(dI)
			}
		}
		if l == len(n.G)-1 {
			t.Unclipped = new(mat.Dense)
			t.Unclipped.Scale(neuron.Gain, differences)
		}
		t.Outputs[l] = out
		signal = out
	}
	return t, nil
}

// Measured is the trace of a batch whose neuron outputs were measured on
// hardware: inputs in V without the bias, then the outputs of every layer in V,
// samples x neurons. Its gradient is that of the network's conductances with
// ideal conduction, at the measured outputs.
func (n *Network) Measured(inputs *mat.Dense, outputs ...*mat.Dense) (*Trace, error) {
	if len(outputs) != len(n.G) {
		return nil, fmt.Errorf("network has %d layers, but the outputs of %d were measured", len(n.G), len(outputs))
	}
	samples, width := inputs.Dims()
	if width != n.Design.Sizes[0] {
		return nil, fmt.Errorf("batch has %d input voltages per sample, the network has %d inputs", width, n.Design.Sizes[0])
	}
	t := &Trace{Unclipped: outputs[len(outputs)-1], Outputs: outputs}
	signal := inputs
	for l, g := range n.G {
		if s, w := outputs[l].Dims(); s != samples || w != n.Design.Sizes[l+1] {
			return nil, fmt.Errorf("layer %d: %d x %d outputs were measured, %d samples x %d neurons are expected", l, s, w,
				samples, n.Design.Sizes[l+1])
		}
		v := n.withBias(signal)
		t.Inputs = append(t.Inputs, v)
		t.flows = append(t.flows, newIdealFlow(g, v))
		signal = outputs[l]
	}
	return t, nil
}

// Backward is the gradient of a loss L with respect to every conductance, one
// matrix per layer as in G, summed over the batch. dOut is dL/dV of the last
// layer's unclipped outputs, samples x outputs. Its dimension is that of L per
// siemens. It fails only where the conduction does.
func (n *Network) Backward(t *Trace, dOut *mat.Dense) ([]*mat.Dense, error) {
	gradient := make([]*mat.Dense, len(n.G))
	for l := len(n.G) - 1; l >= 0; l-- {
		samples, neurons := t.Outputs[l].Dims()
		dI := mat.NewDense(samples, neurons, nil)
		neuron := n.Design.Neuron(l)
		for s := range samples {
			out, d, row := t.Outputs[l].RawRowView(s), dOut.RawRowView(s), dI.RawRowView(s)
			for j := range neurons {
				row[j] = d[j] * neuron.Slope(out[j])
			}
		}
		dG, dV, err := t.flows[l].Pull(dI)
		if err != nil {
			return nil, fmt.Errorf("layer %d: %w", l, err)
		}
		gradient[l] = dG
		if l > 0 {
			dOut = dV.Slice(0, samples, 0, n.Design.Sizes[l]).(*mat.Dense) // without the bias
		}
	}
	return gradient, nil
}

// withBias appends the bias column to a batch of voltages.
func (n *Network) withBias(v *mat.Dense) *mat.Dense {
	samples, width := v.Dims()
	b := mat.NewDense(samples, width+1, nil)
	for s := range samples {
		row := b.RawRowView(s)
		copy(row, v.RawRowView(s))
		row[width] = float64(n.Design.BiasLevel)
	}
	return b
}

// Classify passes feature values (-1 to 1, samples x features) through the
// network and returns its outputs in V, samples x outputs.
func (n *Network) Classify(features *mat.Dense, physics ...Conduction) (*mat.Dense, error) {
	v, err := n.Design.Drive(features)
	if err != nil {
		return nil, err
	}
	t, err := n.Forward(v, physics...)
	if err != nil {
		return nil, err
	}
	return t.Out(), nil
}

package mlp

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"xlab/instrument"
)

// Design is everything about a network but its conductances.
type Design struct {
	Sizes      []int            `json:"sizes"`   // inputs, neurons of each hidden layer, outputs; bias not counted
	InputLevel instrument.Volts `json:"input_v"` // voltage that stands for a feature value of 1, > 0
	BiasLevel  instrument.Volts `json:"bias_v"`  // voltage of the bias columns
	Range      Range            `json:"range"`   // working range of free devices
	Hidden     Neuron           `json:"hidden"`  // neurons of all layers but the last; Tanh
	Output     Neuron           `json:"output"`  // neurons of the last layer; Linear
}

// NewDesign is the published design with other sizes: +-0.2 V inputs, a bias
// of +0.2 V, 10 to 100 uS, 0.2 tanh(1e6 dI) and 1e6 dI.
func NewDesign(sizes ...int) Design {
	return Design{
		Sizes:      sizes,
		InputLevel: 0.2,
		BiasLevel:  0.2,
		Range:      WorkingRange(nil),
		Hidden:     HiddenNeuron(),
		Output:     OutputNeuron(),
	}
}

// LetterDesign is the published 16-10-4 network.
func LetterDesign() Design { return NewDesign(16, 10, 4) }

// Validate refuses a design that cannot be built.
func (d Design) Validate() error {
	if len(d.Sizes) < 2 {
		return fmt.Errorf("network has %d layer sizes: it needs its inputs and its outputs at least", len(d.Sizes))
	}
	for i, s := range d.Sizes {
		if s < 1 {
			return fmt.Errorf("network size %d is %d: every layer needs at least one line", i, s)
		}
	}
	if !(d.InputLevel > 0) || math.IsInf(float64(d.InputLevel), 0) {
		return fmt.Errorf("input level is %s: it must be more than 0 V", d.InputLevel.Exact())
	}
	if math.IsNaN(float64(d.BiasLevel)) || math.IsInf(float64(d.BiasLevel), 0) {
		return errors.New("bias level is not a finite voltage")
	}
	if err := d.Range.Validate(); err != nil {
		return err
	}
	for l := range d.Layers() {
		n := d.Neuron(l)
		if err := n.Validate(); err != nil {
			return fmt.Errorf("layer %d: %w", l, err)
		}
		if want := map[bool]NeuronKind{false: Tanh, true: Linear}[l == d.Layers()-1]; n.Kind != want {
			return fmt.Errorf("layer %d of %d has %s neurons: the board has %s there", l, d.Layers(), n.Kind, want)
		}
	}
	return nil
}

// Layers is the number of layers of devices, one less than of sizes.
func (d Design) Layers() int { return len(d.Sizes) - 1 }

// Block is the size of layer l's block of devices: two lines per neuron, one
// column per input and one for the bias.
func (d Design) Block(l int) (rows, columns int) { return 2 * d.Sizes[l+1], d.Sizes[l] + 1 }

// Neuron is the neuron of layer l.
func (d Design) Neuron(l int) Neuron {
	if l == d.Layers()-1 {
		return d.Output
	}
	return d.Hidden
}

// Devices is the number of devices of the whole network.
func (d Design) Devices() int {
	n := 0
	for l := range d.Layers() {
		rows, columns := d.Block(l)
		n += rows * columns
	}
	return n
}

// Drive turns feature values into input voltages. A value of 1 is +InputLevel
// and -1 is -InputLevel; values beyond that, and values that are not numbers,
// are refused, as is a data set of another width.
func (d Design) Drive(features *mat.Dense) (*mat.Dense, error) {
	samples, width := features.Dims()
	if width != d.Sizes[0] {
		return nil, fmt.Errorf("data set has %d features, the network has %d inputs", width, d.Sizes[0])
	}
	for s := range samples {
		for i, x := range features.RawRowView(s) {
			// The slack is for values that were scaled to the interval.
			if !(math.Abs(x) <= 1+1e-9) {
				return nil, fmt.Errorf("sample %d, feature %d is %g, outside -1 to 1: normalise the data set first", s, i, x)
			}
		}
	}
	v := mat.NewDense(samples, width, nil)
	v.Scale(float64(d.InputLevel), features)
	return v, nil
}

// Network is a design with the conductance of every device.
type Network struct {
	Design Design
	// G has one matrix per layer, in S: row 2j is the plus line of neuron j,
	// row 2j+1 its minus line, column i is input i, the last column the bias.
	G []*mat.Dense
}

// New is a network of the design with all devices at the minimum, so that
// every weight is zero.
func New(d Design) (*Network, error) {
	if err := d.Validate(); err != nil {
		return nil, err
	}
	n := &Network{Design: d, G: make([]*mat.Dense, d.Layers())}
	for l := range n.G {
		rows, columns := d.Block(l)
		n.G[l] = mat.NewDense(rows, columns, slices.Repeat([]float64{float64(d.Range.Min)}, rows*columns))
	}
	return n, nil
}

// Validate refuses a network whose matrices do not have the sizes of its
// design or hold something that is not a conductance. Conductances outside the
// working range are allowed: stuck devices have them.
func (n *Network) Validate() error {
	if err := n.Design.Validate(); err != nil {
		return err
	}
	if len(n.G) != n.Design.Layers() {
		return fmt.Errorf("network has %d layers of conductances, its sizes ask for %d", len(n.G), n.Design.Layers())
	}
	for l, g := range n.G {
		rows, columns := n.Design.Block(l)
		if r, c := g.Dims(); r != rows || c != columns {
			return fmt.Errorf("layer %d has %d x %d conductances, its sizes ask for %d x %d", l, r, c, rows, columns)
		}
		for r := range rows {
			for c, x := range g.RawRowView(r) {
				if !(x >= 0) || math.IsInf(x, 0) {
					return fmt.Errorf("layer %d, row %d, column %d: %g S is not a conductance", l, r, c, x)
				}
			}
		}
	}
	return nil
}

// Clone is a network that shares nothing with n.
func (n *Network) Clone() *Network {
	c := &Network{Design: n.Design, G: make([]*mat.Dense, len(n.G))}
	c.Design.Sizes = append([]int(nil), n.Design.Sizes...)
	for l, g := range n.G {
		c.G[l] = mat.DenseCopyOf(g)
	}
	return c
}

// Pair is the pair of one weight. The input with the number of the layer's
// inputs is the bias.
func (n *Network) Pair(layer, neuron, input int) Pair {
	g := n.G[layer]
	return Pair{
		Plus:  instrument.Siemens(g.At(2*neuron, input)),
		Minus: instrument.Siemens(g.At(2*neuron+1, input)),
	}
}

// SetPair sets both devices of one weight.
func (n *Network) SetPair(layer, neuron, input int, p Pair) {
	n.G[layer].Set(2*neuron, input, float64(p.Plus))
	n.G[layer].Set(2*neuron+1, input, float64(p.Minus))
}

func weights(g *mat.Dense) *mat.Dense {
	rows, columns := g.Dims()
	w := mat.NewDense(rows/2, columns, nil)
	for j := range rows / 2 {
		floats.SubTo(w.RawRowView(j), g.RawRowView(2*j), g.RawRowView(2*j+1))
	}
	return w
}

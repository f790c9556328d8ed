// Package network evaluates the letter network that the arrays of the simulated chip
// hold, without the instruments: by transfer matrices, and over time after its inputs
// change. The chip's file is not changed.
package network

import (
	"errors"
	"fmt"

	"gonum.org/v1/gonum/mat"

	"xlab/lab/config"
	"xlab/lab/procedure"
	"xlab/lab/sim"
	"xlab/mlp"
	"xlab/mlp/dataset"
	"xlab/mock/bench"
	"xlab/mock/chip"
	"xlab/mock/crossbar"
	"xlab/mock/inference"
	"xlab/run"
)

// network is what the chip in the configuration's file holds.
type network struct {
	lab       procedure.Lab
	config    *config.Config
	file      string
	chip      *chip.Chip
	design    mlp.Design
	placement mlp.Placement
	layers    []inference.Layer
	fast      *inference.Classifier
}

// described refuses a bench without neurons.
func described(c *config.Config) error {
	if c.Neurons.Address == "" {
		return run.Usage(fmt.Errorf("there is no neuron board on this bench; %s describes it without neurons", c.Origin()))
	}
	return nil
}

// load gives the network before it is connected.
func load(l procedure.Lab, c *config.Config) (*network, error) {
	state, err := chip.Load(c.Simulation.Chip)
	if err != nil {
		return nil, run.Usage(fmt.Errorf("%w; form, train and import first: `xlab mlp run` does", err))
	}
	return &network{lab: l, config: c, file: c.Simulation.Chip, chip: state, design: mlp.LetterDesign()}, nil
}

// connect puts the network into the arrays, connected as for classifying, with the
// same wires as the bench and ideal neurons.
func (n *network) connect() (err error) {
	if n.placement, err = procedure.PlaceOn(n.lab, n.design, "A,B"); err != nil {
		return err
	}
	wires := bench.DefaultWires()
	for l, block := range n.placement {
		devices, err := sim.AtTemperature(n.config, n.chip, n.file, block.Array)
		if err != nil {
			return err
		}
		rows, cols := n.design.Block(l)
		line := crossbar.Line{Kind: crossbar.Voltage, Resistance: wires.Contact + wires.SwitchOn}
		layer := inference.Layer{Devices: devices,
			Geometry: crossbar.Geometry{Rows: devices.Rows(), Cols: devices.Cols(), RowSegment: wires.RowSegment,
				ColSegment: wires.ColSegment}}
		for range devices.Rows() {
			layer.Rows = append(layer.Rows, line)
		}
		for range devices.Cols() {
			layer.Cols = append(layer.Cols, line)
		}
		for i := range cols - 1 {
			layer.Inputs = append(layer.Inputs, block.Column+i)
		}
		layer.Cols[block.Column+cols-1].Value = float64(n.design.BiasLevel)
		neuron := n.design.Neuron(l)
		for i := range rows / 2 {
			layer.Neurons = append(layer.Neurons, inference.Neuron{Plus: block.Row + 2*i, Minus: block.Row + 2*i + 1,
				Gain: neuron.Gain, Limit: float64(neuron.Limit), Saturating: neuron.Kind == mlp.Tanh})
		}
		n.layers = append(n.layers, layer)
	}
	if n.fast, err = inference.New(float64(n.design.InputLevel), n.layers...); err != nil {
		return run.Usage(fmt.Errorf("%w; the devices have to be formed and the network imported", err))
	}
	return nil
}

// Held is which network the arrays are taken to hold, and what speaks against it.
type Held struct {
	Network  string   `json:"network"` // file; "" = none is known
	Warnings []string `json:"warnings"`
}

// held compares what the arrays in the chip decide with a network in software, the
// named one or the newest of the runs, and warns where the arrays hold another one, or
// where none is known.
func (n *network) held(name string) (Held, error) {
	h := Held{Warnings: []string{}}
	f, file, err := procedure.FindNetwork(n.lab, name)
	var none procedure.NotMade
	switch {
	case name == "" && errors.As(err, &none):
		h.Warnings = append(h.Warnings, "no network is known that could be in the arrays (`xlab mlp train`, "+
			"`xlab mlp import`): the numbers are of whatever conductances the devices have")
		return h, nil
	case err != nil:
		return h, err
	}
	h.Network = file
	letters := dataset.Letters()
	if d := f.Network.Design; d.Sizes[0] != letters.X.RawMatrix().Cols || d.Sizes[len(d.Sizes)-1] != n.fast.Outputs() {
		h.Warnings = append(h.Warnings, fmt.Sprintf("network %s has other sizes (%s) than the letter network, "+
			"which is what is computed here: name one with --network", file, procedure.SizesText(d)))
		return h, nil
	}
	software, err := f.Network.Classify(letters.X)
	if err != nil {
		return h, fmt.Errorf("data set %s: %w", letters.Name, err)
	}
	fidelity, err := mlp.Compare(n.answers(letters), software)
	h.Warnings = append(h.Warnings, procedure.OtherWeights(letters.Name, fidelity)...)
	return h, err
}

// answers are the outputs in V for a set of two-level samples, samples x outputs.
func (n *network) answers(s *dataset.Set) *mat.Dense {
	out := mat.NewDense(s.Len(), n.fast.Outputs(), nil)
	pattern := make([]uint8, n.fast.PatternBytes())
	for i := range s.Len() {
		clear(pattern)
		for m, x := range s.X.RawRowView(i) {
			if x > 0 {
				pattern[m/8] |= 1 << (m % 8)
			}
		}
		n.fast.Classify(pattern, out.RawRowView(i))
	}
	return out
}

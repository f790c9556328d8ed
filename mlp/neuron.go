package mlp

import (
	"fmt"
	"math"

	"xlab/instrument"
)

// NeuronKind names the transfer function of an op-amp neuron.
type NeuronKind string

const (
	// Tanh is the hidden neuron: V = Limit tanh(Gain dI / 1 V).
	Tanh NeuronKind = "tanh"
	// Linear is the output neuron: V = Gain dI, up to the supply rails at +-Limit.
	Linear NeuronKind = "linear"
)

// Neuron is the transfer of one op-amp neuron from the difference dI of its
// line currents to its output voltage.
type Neuron struct {
	Kind  NeuronKind       `json:"kind"`
	Gain  float64          `json:"gain_v_per_a"` // V/A, > 0
	Limit instrument.Volts `json:"limit_v"`      // largest |output|, > 0: the swing of Tanh, the supply rail of Linear
}

// HiddenNeuron is the published hidden neuron, 0.2 V tanh(1e6 dI).
func HiddenNeuron() Neuron { return Neuron{Kind: Tanh, Gain: 1e6, Limit: 0.2} }

// OutputNeuron is the published output neuron, 1e6 V/A. Its rails are an
// assumption: +-12 V supplies, inside the 24 V that the AD8034 allows, less 2 V
// of headroom.
func OutputNeuron() Neuron { return Neuron{Kind: Linear, Gain: 1e6, Limit: 10} }

// Validate refuses a neuron that has no transfer.
func (n Neuron) Validate() error {
	if n.Kind != Tanh && n.Kind != Linear {
		return fmt.Errorf("neuron kind %q is unknown: use %q or %q", n.Kind, Tanh, Linear)
	}
	if !(n.Gain > 0) || math.IsInf(n.Gain, 0) {
		return fmt.Errorf("%s neuron has a gain of %g V/A: it must be more than 0", n.Kind, n.Gain)
	}
	if !(n.Limit > 0) || math.IsInf(float64(n.Limit), 0) {
		return fmt.Errorf("%s neuron has an output limit of %s: it must be more than 0 V", n.Kind, n.Limit.Exact())
	}
	return nil
}

// Output is the neuron's output in V for dI in A.
func (n Neuron) Output(dI float64) float64 {
	limit := float64(n.Limit)
	if n.Kind == Tanh {
		return limit * math.Tanh(n.Gain*dI)
	}
	return min(max(n.Gain*dI, -limit), limit)
}

// Input is the dI in A at which the output is v volts, below the limit.
func (n Neuron) Input(v float64) float64 {
	if n.Kind == Tanh {
		return math.Atanh(v/float64(n.Limit)) / n.Gain
	}
	return v / n.Gain
}

// Slope is dV/d(dI) in V/A at an output of v volts. It takes the output and
// not the current because the output is what a board measures. A measured
// output beyond the swing of a Tanh neuron has slope 0.
//
// The slope of a Linear neuron is its gain beyond the rails too: a saturated
// output is still wrong in a known direction, and with slope 0 it could never
// learn.
func (n Neuron) Slope(v float64) float64 {
	if n.Kind == Linear {
		return n.Gain
	}
	limit := float64(n.Limit)
	u := v / limit
	return max(0, n.Gain*limit*(1-u*u))
}

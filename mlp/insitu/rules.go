package insitu

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"xlab/instrument"
	"xlab/mlp"
	"xlab/mlp/train"
)

// Pulse is one programming pulse for one device.
type Pulse struct {
	Site      mlp.Site         `json:"site"`
	Amplitude instrument.Volts `json:"amplitude_v"` // > 0 SET, < 0 RESET
}

// Update is what a rule answers.
type Update struct {
	Pulses []Pulse // layer by layer, row by row; at most one per device
	// Unreachable are devices whose wanted change no allowed pulse makes.
	Unreachable []mlp.Site
	// AtBound counts devices that were to leave the working range and were
	// left alone.
	AtBound int
}

// State is what a rule may look at.
type State struct {
	// Gradient is that of the loss by every conductance, in V^2/S, as
	// mlp.Network.Backward gives it.
	Gradient []*mat.Dense
	// G is the conductances as last read, in S; nil where they are not read.
	G    []*mat.Dense
	Held []mlp.Constraint // devices that must not be pulsed or do not answer
}

// Rule chooses the pulses that follow a batch. It has no memory and uses no
// chance: the same state gives the same update.
type Rule interface {
	Update(s State) (Update, error)
}

// Gradient is the mean-square or shortfall loss of a batch in V^2 and its
// gradient by every conductance of n in V^2/S, at outputs that were measured on
// hardware. inputs are in V without the bias, then come the outputs of every
// layer in V, samples x neurons. n holds the conductances as they are known:
// errors reach the first layer through them.
func Gradient(n *mlp.Network, loss train.Loss, target instrument.Volts, labels []int, inputs *mat.Dense,
	outputs ...*mat.Dense) (float64, []*mat.Dense, error) {
	t, err := n.Measured(inputs, outputs...)
	if err != nil {
		return 0, nil, err
	}
	samples, classes := t.Out().Dims()
	if samples != len(labels) {
		return 0, nil, fmt.Errorf("outputs of %d samples were measured, there are %d labels", samples, len(labels))
	}
	for s, y := range labels {
		if y < 0 || y >= classes {
			return 0, nil, fmt.Errorf("sample %d has label %d, the network has %d outputs", s, y, classes)
		}
	}
	l, dOut := loss.Of(t.Out(), labels, float64(target))
	g, err := n.Backward(t, dOut)
	return l, g, err
}

// FixedAmplitude is the Manhattan rule.
type FixedAmplitude struct {
	Set   instrument.Volts // > 0, raises a conductance
	Reset instrument.Volts // < 0, lowers it
	// Threshold leaves devices alone whose gradient is smaller than this share
	// of the largest in their layer, 0 to 1. At 0 every device with a gradient
	// is pulsed.
	Threshold float64
	// Range keeps devices in the working range where their conductance is
	// known; zero = no bounds.
	Range mlp.Range
}

// Update implements Rule.
func (f FixedAmplitude) Update(s State) (Update, error) {
	if !(f.Set > 0) || !(f.Reset < 0) {
		return Update{}, fmt.Errorf("fixed amplitudes are %s and %s: SET must be positive and RESET negative", f.Set.Exact(),
			f.Reset.Exact())
	}
	if !(f.Threshold >= 0 && f.Threshold <= 1) {
		return Update{}, fmt.Errorf("threshold %g is not a share between 0 and 1", f.Threshold)
	}
	return s.walk(func(u *Update, at mlp.Site, gradient, largest, g float64) {
		if gradient == 0 || math.Abs(gradient) < f.Threshold*largest {
			return
		}
		amplitude := f.Set
		if gradient > 0 {
			amplitude = f.Reset
		}
		known := !math.IsNaN(g) && f.Range != mlp.Range{}
		if known && (amplitude > 0 && g >= float64(f.Range.Max) || amplitude < 0 && g <= float64(f.Range.Min)) {
			u.AtBound++
			return
		}
		u.Pulses = append(u.Pulses, Pulse{Site: at, Amplitude: amplitude})
	})
}

// Response is what is known about how devices answer pulses.
type Response interface {
	// Amplitude is the pulse that is expected to change the device at a site
	// from conductance g by change (both in S, change not 0). ok is false when
	// no allowed pulse is expected to come near.
	Amplitude(at mlp.Site, g, change instrument.Siemens) (v instrument.Volts, ok bool)
}

// VariableAmplitude changes every device in proportion to its gradient.
type VariableAmplitude struct {
	Rate     float64            // change per gradient, S^2/V^2, > 0; see RateFor
	Smallest instrument.Siemens // wanted changes below this are left for another batch, >= 0
	Largest  instrument.Siemens // wanted changes are no larger than this, > Smallest
	Range    mlp.Range          // no device is sent outside it
	Response Response
}

// RateFor is the rate at which the largest gradient asks for the given change:
// a place to start from with the first batch.
func RateFor(gradient []*mat.Dense, change instrument.Siemens) (float64, error) {
	most := largest(gradient)
	if !(most > 0) || !(change > 0) {
		return 0, fmt.Errorf("no rate makes a change of %s from a largest gradient of %g V^2/S", change.Exact(), most)
	}
	return float64(change) / most, nil
}

// largest is the largest magnitude in layers.
func largest(layers []*mat.Dense) float64 {
	most := 0.0
	for _, g := range layers {
		most = max(most, mat.Max(g), -mat.Min(g))
	}
	return most
}

// Update implements Rule. The conductances must be known.
func (a VariableAmplitude) Update(s State) (Update, error) {
	switch {
	case a.Response == nil:
		return Update{}, errors.New("variable amplitudes need a response model of the devices")
	case !(a.Rate > 0) || math.IsInf(a.Rate, 0):
		return Update{}, fmt.Errorf("rate is %g S^2/V^2: it must be more than 0", a.Rate)
	case !(a.Smallest >= 0) || !(a.Largest > a.Smallest):
		return Update{}, fmt.Errorf("changes from %s to %s: the bounds must be positive and in order", a.Smallest.Exact(),
			a.Largest.Exact())
	case s.G == nil:
		return Update{}, errors.New("variable amplitudes need the devices' conductances: read them first")
	}
	if err := a.Range.Validate(); err != nil {
		return Update{}, err
	}
	return s.walk(func(u *Update, at mlp.Site, gradient, _, g float64) {
		wanted := instrument.Siemens(-a.Rate * gradient)
		wanted = min(max(wanted, -a.Largest), a.Largest)
		goal := min(max(instrument.Siemens(g)+wanted, a.Range.Min), a.Range.Max)
		change := goal - instrument.Siemens(g)
		switch {
		case wanted == 0 || math.Abs(float64(wanted)) < float64(a.Smallest):
			return
		case change == 0 || (change > 0) != (wanted > 0) || math.Abs(float64(change)) < float64(a.Smallest):
			// At its bound, or beyond it: coming back is not this gradient's wish.
			u.AtBound++
			return
		}
		v, ok := a.Response.Amplitude(at, instrument.Siemens(g), change)
		if !ok {
			u.Unreachable = append(u.Unreachable, at)
			return
		}
		u.Pulses = append(u.Pulses, Pulse{Site: at, Amplitude: v})
	})
}

// walk visits every device that may be pulsed. largest is the largest
// |gradient| of the device's layer, g its conductance or NaN.
func (s State) walk(visit func(u *Update, at mlp.Site, gradient, largest, g float64)) (Update, error) {
	if s.G != nil && len(s.G) != len(s.Gradient) {
		return Update{}, fmt.Errorf("conductances of %d layers and gradients of %d do not fit", len(s.G), len(s.Gradient))
	}
	held := mlp.Sites(s.Held)
	var u Update
	for l, gradient := range s.Gradient {
		rows, columns := gradient.Dims()
		if s.G != nil {
			if r, c := s.G[l].Dims(); r != rows || c != columns {
				return Update{}, fmt.Errorf("layer %d: %d x %d conductances and %d x %d gradients do not fit", l, r, c, rows,
					columns)
			}
		}
		largest := max(mat.Max(gradient), -mat.Min(gradient))
		for r := range rows {
			for c := range columns {
				at := mlp.Site{Layer: l, Row: r, Col: c}
				x, g := gradient.At(r, c), math.NaN()
				if s.G != nil {
					g = s.G[l].At(r, c)
				}
				if math.IsNaN(x) || math.IsInf(x, 0) || s.G != nil && math.IsNaN(g) {
					return Update{}, fmt.Errorf("%s: gradient %g V^2/S at %g S is not a number to act on", at, x, g)
				}
				if !held[at] {
					visit(&u, at, x, largest, g)
				}
			}
		}
	}
	return u, nil
}

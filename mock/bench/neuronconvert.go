package bench

import (
	"fmt"
	"math"
)

// NeuronTerminals is the electrical side of a neuron board, as its protocol
// server uses it: converters, trim DACs and the passing of time. All calls are
// made under Do.
type NeuronTerminals interface {
	// Do runs f while nobody else acts on the bench.
	Do(f func())
	// Neurons gives the number of hidden and of output neurons.
	Neurons() (hidden, outputs int)
	// ConvertNeurons samples all neurons at the same moments, samples times one
	// after the other, and returns their averages, hidden neurons first. A
	// converter holds what it sees at the beginning of its sample time. Bench time
	// passes. The slice is the bench's and holds until the next call.
	ConvertNeurons(samples int) []Conversion
	// TrimNeurons sets the trim DACs, hidden neurons first, from the lowest code
	// -2^(bits-1) to the highest 2^(bits-1)-1. A higher code gives a higher output.
	// No time passes.
	TrimNeurons(codes []int)
	// Hold lets the present state last, in s.
	Hold(seconds float64)
}

var _ NeuronTerminals = (*Bench)(nil)

// Conversion is the averaged reading of one converter.
type Conversion struct {
	Volts float64 // not a number after a Fault
	Over  int     // sign of the end of the range that any sample was beyond, 0 for none
}

// conversionWork is scratch of a conversion.
type conversionWork struct {
	amps, slope []float64
	sigma       []float64   // V of a sample's noise at every neuron's output
	couple      [][]float64 // V/V, from hidden neurons' outputs to output neurons', output by hidden
	noise       []float64   // V, of one sample, at the hidden outputs
}

// Neurons gives the number of hidden and of output neurons, 0 without a board.
func (b *Bench) Neurons() (hidden, outputs int) {
	if b.neurons == nil {
		return 0, 0
	}
	return b.neurons.hidden, len(b.neurons.list) - b.neurons.hidden
}

// TrimNeurons sets the trim DACs at one moment. Another number of codes than
// neurons, or a code beyond the DAC's, is a programming error and panics.
func (b *Bench) TrimNeurons(codes []int) {
	n := b.neurons
	if n == nil || len(codes) != len(n.list) {
		panic(fmt.Sprintf("bench: %d trims set on a neuron board that has not as many neurons", len(codes)))
	}
	half := 1 << (n.parts.TrimBits - 1)
	for j, code := range codes {
		if code < -half || code >= half {
			panic(fmt.Sprintf("bench: trim code %d is beyond %d bits", code, n.parts.TrimBits))
		}
		if v := float64(code) / float64(half) * n.parts.TrimReach; v != n.list[j].trim {
			n.list[j].trim = v
			n.disturb()
		}
	}
}

// StickNeuron makes a neuron's output stay at a voltage in V, as a broken part
// does, and what it drives with it; not a number mends it. Neurons count from
// 0, hidden ones first. A neuron that does not exist is a programming error and
// panics.
func (b *Bench) StickNeuron(j int, volts float64) {
	b.neurons.list[j].stuck = volts
	b.neurons.disturb()
}

// ConvertNeurons samples all neurons. Without a board it panics.
func (b *Bench) ConvertNeurons(samples int) []Conversion {
	n := b.neurons
	if n == nil || samples < 1 {
		panic(fmt.Sprintf("bench: %d samples of the neuron board %v", samples, n != nil))
	}
	for j := range n.readings {
		n.readings[j] = Conversion{}
	}
	for left := samples; left > 0; {
		if n.unsettled > 0 {
			// What still moves is followed from sample to sample.
			n.spreads(b)
			n.sample(float64(samples))
			b.expose(n.parts.SampleTime)
			left--
			continue
		}
		b.expose(float64(left) * n.parts.SampleTime)
		n.spreads(b)
		for range left {
			n.sample(float64(samples))
		}
		left = 0
	}
	if b.fault != nil {
		for j := range n.readings {
			n.readings[j] = Conversion{Volts: math.NaN()}
		}
	}
	return n.readings
}

// sample converts every neuron's output once, as one of several that are averaged.
func (n *neurons) sample(of float64) {
	w, p := &n.work, &n.parts
	for j := range n.list {
		x := &n.list[j]
		v, full := x.now.out, p.OutputRange
		noise := w.sigma[j] * n.noise.NormFloat64()
		if x.hidden {
			full = p.HiddenRange
			w.noise[j] = noise
		} else {
			for k, c := range w.couple[j-n.hidden] {
				noise += c * w.noise[k]
			}
		}
		if math.IsNaN(x.stuck) {
			v = clip(v+noise, p.Rail)
		}
		half := math.Exp2(float64(p.ConverterBits - 1))
		code := math.Round(v / full * half)
		r := &n.readings[j]
		if code >= half || code < -half {
			r.Over = sign(code)
			code = min(max(code, -half), half-1)
		}
		r.Volts += code / half * full / of
	}
}

// spreads finds the noise of one sample at every output, from the conductance
// that the rows have at this moment. Noise of the summing amplifiers goes through
// their noise gain; that of the hidden neurons goes on through the next array,
// where line resistance is left out: it takes a tenth from a noise.
func (n *neurons) spreads(b *Bench) {
	w, p := &n.work, &n.parts
	if w.sigma == nil {
		most := 0
		for _, a := range b.crossbars {
			most = max(most, a.devices.Len())
		}
		w.amps, w.slope = make([]float64, most), make([]float64, most)
		w.sigma, w.noise = make([]float64, len(n.list)), make([]float64, n.hidden)
		for range len(n.list) - n.hidden {
			w.couple = append(w.couple, make([]float64, n.hidden))
		}
	}
	thermal := 4 * boltzmann * (p.Celsius + absoluteZero) * p.Feedback // V²/Hz of a feedback resistor
	for _, group := range []struct {
		array             string
		row, first, count int
	}{{n.board.Hidden.Array, n.board.Hidden.Row, 0, n.hidden}, {n.board.Outputs.Array, n.board.Outputs.Row, n.hidden,
		len(n.list) - n.hidden}} {
		if group.count == 0 {
			continue
		}
		a := b.arrayNamed(group.array)
		slope := w.slope[:a.devices.Len()]
		a.devices.Currents(a.out.DeviceVolts, w.amps[:len(slope)], slope)
		cols := len(a.cols)
		for k := range group.count {
			x := &n.list[group.first+k]
			density := 0.0 // V²/Hz at the difference stage's argument
			for side := range 2 {
				gain := 1.0
				row := group.row + 2*k + side
				if a.taps[row].onto != nil {
					gain += x.sum[side].feedback * b.rowConductance(slope[row*cols:(row+1)*cols])
				}
				density += p.NoiseDensity*p.NoiseDensity*gain*gain + thermal
			}
			own := p.NoiseDensity * (1 + p.DifferenceGain)
			density = density*x.gain*x.gain + own*own
			// The noise bandwidth of two poles is a quarter of the inverse of
			// their sum; the scaling stage's is far above.
			sigma := math.Sqrt(density / (4 * (n.delays.sum + n.delays.diff)))
			w.sigma[group.first+k] = sigma * x.transfer(p)
			if x.hidden {
				continue
			}
			couple := w.couple[group.first+k-n.hidden]
			clear(couple)
			if a != n.fed {
				continue
			}
			for i := range couple {
				col := n.board.Hidden.Feeds.Column + i
				if a.taps[len(a.rows)+col].onto == nil {
					continue
				}
				for side, sign := range []float64{1, -1} {
					if row := group.row + 2*k + side; a.taps[row].onto != nil {
						couple[i] += sign * slope[row*cols+col] * x.sum[side].feedback * x.gain * x.transfer(p)
					}
				}
			}
		}
	}
}

// rowConductance is what a summing amplifier sees of a row whose devices have
// the given slopes, with all columns held.
func (b *Bench) rowConductance(slope []float64) float64 {
	g := 0.0
	for _, s := range slope {
		g += s
	}
	return g / (1 + g*(b.config.Wires.SwitchOn+b.config.Wires.Contact))
}

// transfer is the slope from the difference stage's argument to the output.
func (n *neuron) transfer(p *NeuronParts) float64 {
	switch {
	case !math.IsNaN(n.stuck) || !n.hidden && math.Abs(n.now.diff) >= p.Rail:
		return 0
	case n.hidden:
		return n.scale * (1 - n.now.diff*n.now.diff)
	}
	return n.scale
}

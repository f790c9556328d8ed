package device

import (
	"math"
	"testing"
)

// probe reaches every device of an array at its own pads: an ideal source and meter per device, no lines. The
// experiments on a population use it, so that what they show is the devices' and not a network's.
type probe struct {
	a       *Array
	v, i, g []float64
	// capacitance of the line behind each device, F
	capacitance float64
}

func newProbe(t testing.TB, tech *Technology, rows, cols int, seed uint64) *probe {
	t.Helper()
	a, err := NewArray(tech, rows, cols, seed)
	if err != nil {
		t.Fatal(err)
	}
	n := a.Len()
	return &probe{a: a, v: make([]float64, n), i: make([]float64, n), g: make([]float64, n), capacitance: 200e-12}
}

// pulse applies volts(k) to every device k for the given time. A source that forms a device collapses: the device is
// left alone for the rest of the pulse.
func (p *probe) pulse(seconds float64, volts func(k int) float64) {
	for k := range p.v {
		p.v[k] = volts(k)
	}
	for left := seconds; left > 0; {
		p.a.Currents(p.v, p.i, p.g)
		formed, used := p.a.Stress(p.v, p.i, left, p.capacitance)
		if formed < 0 {
			return
		}
		p.v[formed] = 0
		left -= used
	}
}

// read returns the conductances at the given voltage as a meter reads them in a millisecond, noise included.
func (p *probe) read(volts float64) []float64 {
	for k := range p.v {
		p.v[k] = volts
	}
	p.a.SampleNoise(1e-3)
	p.a.Currents(p.v, p.i, p.g)
	p.a.Stress(p.v, p.i, 1e-3, 0)
	p.a.ClearNoise()
	out := make([]float64, len(p.v))
	for k := range out {
		out[k] = p.i[k] / volts
	}
	return out
}

// formAll forms whatever can be formed by a voltage ramp, then resets every device to low conductance.
func (p *probe) formAll() {
	for volts := 1.0; volts < 2.6; volts += 0.05 {
		p.pulse(1e-3, func(k int) float64 {
			if p.a.Condition(k) != Pristine {
				return 0
			}
			return volts
		})
	}
	for range 40 {
		now := p.read(0.1)
		p.pulse(10e-3, func(k int) float64 {
			if now[k] > 15e-6 {
				return -1.8
			}
			return 0
		})
	}
}

// write brings every working device to its target by write-and-verify with rising 500 us pulses, and returns how
// many are still off by more than the tolerance at the end.
func (p *probe) write(target []float64, tolerance float64, pulses int) (off int) {
	amplitude := make([]float64, len(target))
	for range pulses {
		now := p.read(0.2)
		off = 0
		p.pulse(500e-6, func(k int) float64 {
			if p.a.Condition(k) != Formed || math.Abs(now[k]/target[k]-1) < tolerance {
				return 0
			}
			off++
			switch a := &amplitude[k]; {
			case now[k] < target[k] && *a <= 0:
				*a = 0.6
			case now[k] > target[k] && *a >= 0:
				*a = -0.8
			case now[k] < target[k]:
				*a = math.Min(*a+0.05, 1.5)
			default:
				*a = math.Max(*a-0.05, -1.8)
			}
			return amplitude[k]
		})
	}
	return off
}

// edgeOf reports whether device k of a rows x cols array is an edge device.
func edgeOf(k, rows, cols int) bool {
	return k/cols == 0 || k/cols == rows-1 || k%cols == 0 || k%cols == cols-1
}

// allFormed puts every device of an array of the metal-oxide model into the same state g0.
func allFormed(a *Array, g0 float64) *metalOxide {
	m := a.model.(*metalOxide)
	for k := range m.g0 {
		m.conditions[k], m.g0[k] = Formed, g0
	}
	m.derive()
	return m
}

func meanAndSigma(x []float64) (mean, sigma float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		sigma += (v - mean) * (v - mean) / float64(len(x))
	}
	return mean, math.Sqrt(sigma)
}

func within(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %.4g, want %.4g +- %.2g", what, got, want, tolerance)
	}
}

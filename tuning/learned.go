package tuning

import (
	"math"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/instrument/profile"
)

// Learned is the law by which the adaptive policy expects devices to respond to
// pulses, for who chooses pulses by the change that they are to make and not by
// a target: it starts from what is published about such arrays and learns from
// every pulse, for all devices of an array and for each of them. It is not safe
// for concurrent use. The same pulses in the same order give the same law.
type Learned struct {
	response  *response
	cols      int
	pulses    Pulses
	readNoise float64 // relative, of one read
}

// NewLearned makes the law of an array of rows x cols devices of a profile, nil for
// the default one. pulses bound the amplitudes, readNoise is the relative deviation of
// repeated reads.
func NewLearned(rows, cols int, p *profile.Profile, pulses Pulses, readNoise float64) *Learned {
	return &Learned{response: newResponse(rows*cols, priorOf(p)), cols: cols, pulses: pulses, readNoise: readNoise}
}

func (l *Learned) index(c array.Cell) int { return c.Row*l.cols + c.Col }

// Learn tells what a pulse did to a device. What is no conductance is left out.
func (l *Learned) Learn(cell array.Cell, s Shot) {
	if s.Before <= 0 || s.After <= 0 {
		return
	}
	l.response.add(observation{device: l.index(cell), up: s.Voltage > 0, x: l.response.state(s.Before),
		volts: math.Abs(float64(s.Voltage)),
		sag:   s.Sag, change: s.change(), readNoise: l.readNoise * math.Hypot(float64(s.Before), float64(s.After))})
}

// near is the factor by which the expected change of an amplitude at the end of
// its range may miss the one asked for.
const near = 2

// Amplitude is the pulse whose median effect on the device, at conductance g
// in S, is the given change in S, when the lines keep the part sag of its
// voltage. ok is false when the strongest pulse does less than half of it, or
// the weakest more than twice as much, and when nothing is asked for.
func (l *Learned) Amplitude(cell array.Cell, g, change instrument.Siemens, sag float64) (v instrument.Volts, ok bool) {
	up := change > 0
	want := math.Log(math.Abs(float64(change)))
	if math.IsInf(want, 0) || math.IsNaN(want) || !(g > 0) {
		return 0, false
	}
	weakest, strongest := l.pulses.span(up)
	device := &l.response.devices[l.index(cell)]
	miss := func(volts float64) float64 {
		return l.response.predict(up, l.response.state(g), volts, sag, device, nil) - want
	}
	switch low, high := miss(weakest), miss(strongest); {
	case high < -math.Log(near) || low > math.Log(near):
		return 0, false
	case high <= 0:
		return signed(strongest, up), true
	case low >= 0:
		return signed(weakest, up), true
	}
	// The expected change rises with the amplitude.
	for strongest-weakest > 1e-4 {
		if middle := (weakest + strongest) / 2; miss(middle) > 0 {
			strongest = middle
		} else {
			weakest = middle
		}
	}
	return signed(math.Round(1e4*weakest)/1e4, up), true
}

package tuning

import (
	"xlab/instrument"
	"xlab/instrument/array"
)

// Shot is one write pulse and what the reads before and after it showed.
type Shot struct {
	Voltage instrument.Volts   `json:"v"`      // across the array's terminals
	Before  instrument.Siemens `json:"before"` // of the device, lines taken out as far as they are known
	After   instrument.Siemens `json:"after"`
	Sag     float64            `json:"sag"` // part of the voltage that the lines were expected to keep

	// What the reads themselves showed, as targets are meant; 0 where nobody kept it.
	ReadBefore instrument.Siemens `json:"read_before,omitempty"`
	ReadAfter  instrument.Siemens `json:"read_after,omitempty"`
}

// change is the change towards the pulse's own direction; positive when the
// device did what its sign asks for.
func (s Shot) change() float64 {
	if s.Voltage < 0 {
		return float64(s.Before - s.After)
	}
	return float64(s.After - s.Before)
}

// View is what a policy sees of the device that it chooses a pulse for.
type View struct {
	Cell   array.Cell
	Shots  []Shot             // all pulses the device has received in this run
	Visit  int                // index in Shots of the first pulse of this visit
	Now    instrument.Siemens // last read
	Target instrument.Siemens
	Band   float64               // relative distance from the target that counts as reached
	Sag    func(up bool) float64 // part of a pulse's voltage that the lines keep, as far as known
	// Harm estimates what a pulse does to the devices on the same lines, in pulses
	// that are needed to put them right again.
	Harm func(v instrument.Volts) float64
}

// visit gives the pulses of this visit.
func (v View) visit() []Shot { return v.Shots[v.Visit:] }

// up tells whether the conductance has to rise.
func (v View) up() bool { return v.Now < v.Target }

// Policy chooses write pulses. What it returns depends on what it was told and
// on nothing else, so that a recorded run can be repeated.
type Policy interface {
	// Next gives the amplitude of the next pulse for a device that is not
	// within its band: positive raises the conductance, negative lowers it. It
	// is within the bounds the policy was made with.
	Next(v View) instrument.Volts
	// Learn tells what a pulse did to a device, for all that follow.
	Learn(cell array.Cell, s Shot)
	// Coarse is the band of a first pass over all devices that is to be made
	// before the pass at full tolerance; 0 = no such pass.
	Coarse() float64
}

// Pulses bound the amplitudes of write pulses.
type Pulses struct {
	// weakest pulse that raises the conductance, > 0
	SetMin instrument.Volts `json:"vset_min" mapstructure:"vset_min"`
	SetMax instrument.Volts `json:"vset_max" mapstructure:"vset_max"` // strongest
	// weakest pulse that lowers the conductance, < 0
	ResetMin instrument.Volts `json:"vreset_min" mapstructure:"vreset_min"`
	ResetMax instrument.Volts `json:"vreset_max" mapstructure:"vreset_max"` // strongest, <= ResetMin
}

// span gives magnitudes of the weakest and strongest pulse of a direction.
func (p Pulses) span(up bool) (weakest, strongest float64) {
	if up {
		return float64(p.SetMin), float64(p.SetMax)
	}
	return -float64(p.ResetMin), -float64(p.ResetMax)
}

// signed gives a pulse of a magnitude and direction.
func signed(magnitude float64, up bool) instrument.Volts {
	if up {
		return instrument.Volts(magnitude)
	}
	return instrument.Volts(-magnitude)
}

// strongest tells whether a pulse is the strongest of its direction.
func (p Pulses) strongest(v instrument.Volts) bool { return v >= p.SetMax || v <= p.ResetMax }

// The policies' names.
const (
	PolicyAdaptive = "adaptive"
	PolicyRamp     = "ramp"
	PolicyTwoSpeed = "two-speed"
)

// Policies lists the valid names, the default first.
func Policies() []string { return []string{PolicyAdaptive, PolicyTwoSpeed, PolicyRamp} }

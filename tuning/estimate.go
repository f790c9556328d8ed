package tuning

import (
	"fmt"
	"io"
	"math"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/instrument/profile"
	"xlab/run"
)

// Estimate is what a tuning run may do, for people who want to know before.
type Estimate struct {
	Devices     int                `json:"devices"`
	Pulses      int                `json:"pulses"`       // at most, by the devices' budgets
	TypicalTime instrument.Seconds `json:"typical_time"` // instrument time with the usual number of pulses
	LongestTime instrument.Seconds `json:"longest_time"` // instrument time when every device uses its budget
	MinVoltage  instrument.Volts   `json:"min_voltage"`  // across a selected device
	MaxVoltage  instrument.Volts   `json:"max_voltage"`
	MaxCurrent  instrument.Amps    `json:"max_current"` // compliance of every source
	Lowest      instrument.Siemens `json:"lowest_target"`
	Highest     instrument.Siemens `json:"highest_target"`
	// Load is of the sources of the other lines, with all devices asked for at their targets.
	Load []Load `json:"load"`
	Spec Spec   `json:"spec"`
}

// Load is what the sources of the other lines have to give during the strongest
// pulses of one sign: about, by the published model.
type Load struct {
	Voltage instrument.Volts `json:"voltage"`
	Scheme  array.Scheme     `json:"scheme"`
	Bus     array.Bus        `json:"bus"` // whose source gives most
	Current instrument.Amps  `json:"current"`
	Held    instrument.Volts `json:"held"` // up to here the compliance is enough
}

// load estimates the pulses' loads, and refuses, with an error of kind limit, a
// compliance that is not enough for the reads, which every verdict is made by.
// During pulses it may be too low: the selected lines are driven all the same.
func (s Spec) load(rows, cols int) (list []Load, err error) {
	g := make([]float64, rows*cols)
	for _, c := range s.Targets.Cells() {
		target, _ := s.Targets.At(c)
		g[c.Row*cols+c.Col] = float64(target)
	}
	law := &profile.Of(s.Profile).Conduction
	reads := s.Lines.Demand(law, rows, cols, g, array.Grounded, s.Read)
	if most := max(reads[array.BusForce1], reads[array.BusOtherCols]); most > s.Compliance {
		return nil, &instrument.Error{Op: "tuning", Kind: instrument.KindLimit,
			Err: fmt.Errorf("reads at %v would draw about %v from the source of a row with its targets, "+
				"beyond the compliance of %v", s.Read, most, s.Compliance),
			Advice: "raise " + complianceKey + ", and limits.max_current where that is less, or read at a lower voltage"}
	}
	for _, v := range []instrument.Volts{s.SetMax, s.ResetMax} {
		l := Load{Voltage: v, Scheme: s.scheme(v > 0)}
		l.Bus, l.Current = s.Lines.Demand(law, rows, cols, g, l.Scheme, v).Most()
		held := s.Lines.Held(law, rows, cols, g, l.Scheme, instrument.Volts(math.Abs(float64(v))), s.Compliance)
		l.Held = instrument.Volts(math.Copysign(float64(held), float64(v)))
		list = append(list, l)
	}
	return list, nil
}

// typicalPulses and typicalReads are the usual numbers per device of the
// adaptive policy; only the estimate of time depends on them.
const (
	typicalPulses = 6
	typicalReads  = 4 // of the whole array
)

// Estimate costs the specification. cost gives the instrument time of steps
// and refuses those that are out of limits.
func (s Spec) Estimate(rows, cols int, cost func(steps ...array.Step) (instrument.Seconds, error)) (*Estimate, error) {
	if err := s.Validate(rows, cols); err != nil {
		return nil, err
	}
	read, err := cost(s.read())
	if err != nil {
		return nil, err
	}
	var write instrument.Seconds
	for _, v := range []instrument.Volts{s.SetMax, s.ResetMax} {
		t, err := cost(s.Pulse(v), s.read())
		if err != nil {
			return nil, err
		}
		write = max(write, t)
	}
	cells := s.Targets.Cells()
	budget, _ := s.budgets()
	n := instrument.Seconds(len(cells))
	array := instrument.Seconds(rows * cols)
	e := &Estimate{Devices: len(cells), Pulses: len(cells) * budget, MinVoltage: s.ResetMax, MaxVoltage: s.SetMax,
		MaxCurrent:  s.Compliance,
		TypicalTime: n*typicalPulses*write + typicalReads*array*read,
		LongestTime: n*instrument.Seconds(budget)*write + instrument.Seconds(s.Passes+3)*array*read,
		Lowest:      instrument.Siemens(math.Inf(1)), Spec: s}
	if e.Load, err = s.load(rows, cols); err != nil {
		return nil, err
	}
	for _, c := range cells {
		g, _ := s.Targets.At(c)
		e.Lowest, e.Highest = min(e.Lowest, g), max(e.Highest, g)
	}
	return e, nil
}

// Print writes the estimate for a person.
func (e *Estimate) Print(w io.Writer) error {
	s := e.Spec
	budget, _ := s.budgets()
	_, err := fmt.Fprintf(w, `%d devices to conductances from %v to %v within %.3g %%; nothing is touched by a dry run
policy %s; write pulses of %v, %v to %v and %v to %v; other lines %s for positive and %s for negative pulses
reads at %v over %v, other lines grounded
across a selected device: %v to %v, compliance %v
`+"at most %d pulses (%d per device) in %d passes and the last reads; "+
		"instrument time about %s, %s if every device uses its budget\n",
		e.Devices, e.Lowest, e.Highest, 100*s.Tolerance, s.Policy, s.Width, s.SetMin, s.SetMax,
		s.ResetMin, s.ResetMax, s.SetScheme, s.ResetScheme,
		s.Read, s.Aperture, e.MinVoltage, e.MaxVoltage, e.MaxCurrent, e.Pulses, budget, s.Passes+2,
		run.FormatDuration(e.TypicalTime), run.FormatDuration(e.LongestTime))
	for _, l := range e.Load {
		if err == nil && l.Current > 0 {
			_, err = fmt.Fprintf(w, "with all at their targets the source of %s gives about %v during pulses of %v",
				l.Bus.Lines(), l.Current, l.Voltage)
		}
		if err == nil && l.Held != l.Voltage {
			_, err = fmt.Fprintf(w, "; its compliance (%s) is enough up to about %v: "+
				"stronger pulses that do nothing to a device are no verdict on it", complianceKey, l.Held)
		}
		if err == nil && l.Current > 0 {
			_, err = fmt.Fprintln(w)
		}
	}
	return err
}

// Cost is what a plan has to know.
func (e *Estimate) Cost() run.Cost {
	return run.Cost{Devices: e.Devices, Pulses: e.Pulses, TypicalTime: e.TypicalTime, LongestTime: e.LongestTime,
		MinVoltage: e.MinVoltage, MaxVoltage: e.MaxVoltage, MaxCurrent: e.MaxCurrent}
}

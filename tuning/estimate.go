package tuning

import (
	"fmt"
	"io"
	"math"

	"xlab/instrument"
	"xlab/instrument/array"
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
	Spec        Spec               `json:"spec"`
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
		t, err := cost(s.pulse(v), s.read())
		if err != nil {
			return nil, err
		}
		write = max(write, t)
	}
	cells := s.Targets.Cells()
	budget, _ := s.budgets()
	n := instrument.Seconds(len(cells))
	array := instrument.Seconds(rows * cols)
	e := &Estimate{Devices: len(cells), Pulses: len(cells) * budget, MinVoltage: s.ResetMax, MaxVoltage: s.SetMax, MaxCurrent: s.Compliance,
		TypicalTime: n*typicalPulses*write + typicalReads*array*read,
		LongestTime: n*instrument.Seconds(budget)*write + instrument.Seconds(s.Passes+3)*array*read,
		Lowest:      instrument.Siemens(math.Inf(1)), Spec: s}
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
at most %d pulses (%d per device) in %d passes and the last reads; instrument time about %v, %v if every device uses its budget
`, e.Devices, e.Lowest, e.Highest, 100*s.Tolerance, s.Policy, s.Width, s.SetMin, s.SetMax, s.ResetMin, s.ResetMax, s.SetScheme, s.ResetScheme,
		s.Read, s.Aperture, e.MinVoltage, e.MaxVoltage, e.MaxCurrent, e.Pulses, budget, s.Passes+2, e.TypicalTime, e.LongestTime)
	return err
}

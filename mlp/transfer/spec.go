package transfer

import (
	"fmt"
	"io"
	"math"

	"xlab/input"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/mlp"
	"xlab/run"
	"xlab/run/screen"
	"xlab/tuning"
)

// Spec says how exactly weights are written.
type Spec struct {
	// relative error of a carrying device that is still right, above 0 and below 1
	Tolerance float64 `json:"tolerance" mapstructure:"tolerance"`
	Idle      float64 `json:"idle_tolerance" mapstructure:"idle_tolerance"` // the same of idle devices
	// Correct aims a carrying device at the weight, given what its idle partner
	// reads; otherwise at its own conductance.
	Correct bool `json:"correct" mapstructure:"correct"`
	// Share is the part of the weights, 0 to 1, that has to be in tolerance for
	// the import to count as good.
	Share float64 `json:"share" mapstructure:"share"`
}

// DefaultSpec writes to 30 %, the published tolerance, and idle devices to 50 %.
func DefaultSpec() Spec { return Spec{Tolerance: 0.3, Idle: 0.5, Correct: true, Share: 0.97} }

// Validate checks the parameters; all faults are reported at once.
func (s Spec) Validate() error {
	var f input.Faults
	for _, part := range []struct {
		name  string
		value float64
	}{{"tolerance", s.Tolerance}, {"idle_tolerance", s.Idle}} {
		f.Check(part.value > 0 && part.value < 1, "%s: %g must be above 0 and below 1, such as 0.3 for 30 %%", part.name,
			part.value)
	}
	f.Check(s.Share >= 0 && s.Share <= 1, "share: %g must be from 0 to 1", s.Share)
	return f.Err("weight import")
}

// step is one tuning of one array.
type step struct {
	array   string
	idle    bool // it writes the idle devices
	spec    tuning.Spec
	targets []mlp.Target
}

// plan is the tunings of an import in their order. Targets of carrying devices
// are those without correction.
func (s Spec) plan(n *mlp.Network, p mlp.Placement, held []mlp.Constraint, sizes map[string]mlp.ArraySize,
	how tuning.Spec) ([]step, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if err := n.Validate(); err != nil {
		return nil, err
	}
	if err := p.Validate(n.Design, sizes); err != nil {
		return nil, err
	}
	list, err := n.Targets(p)
	if err != nil {
		return nil, err
	}
	fixed := mlp.Sites(held)
	var steps []step
	for _, name := range p.Arrays() {
		for _, idle := range []bool{true, false} {
			t := step{array: name, idle: idle, spec: how}
			t.spec.Tolerance = s.Tolerance
			if idle {
				t.spec.Tolerance = s.Idle
			}
			for _, k := range list {
				if k.Device.Array == name && k.Idle == idle && !fixed[k.Site] {
					t.targets = append(t.targets, k)
				}
			}
			if len(t.targets) == 0 {
				continue
			}
			t.spec.Targets = targets(sizes[name], t.targets)
			if err := t.spec.Validate(sizes[name].Rows, sizes[name].Columns); err != nil {
				return nil, fmt.Errorf("array %s: %w", name, err)
			}
			steps = append(steps, t)
		}
	}
	return steps, nil
}

func targets(size mlp.ArraySize, list []mlp.Target) tuning.Targets {
	t := tuning.NewTargets(size.Rows, size.Columns)
	for _, k := range list {
		t[k.Device.Cell.Row][k.Device.Cell.Col] = k.Conductance
	}
	return t
}

// Cost gives the instrument time of steps on an array and refuses those that
// are out of limits.
type Cost func(array string, steps ...array.Step) (instrument.Seconds, error)

// Estimate is what an import may do, for people who want to know before.
type Estimate struct {
	Devices     int                `json:"devices"` // that are written
	Held        int                `json:"held"`    // that are not, because they are stuck
	Weights     int                `json:"weights"`
	Pulses      int                `json:"pulses"`       // at most, by the devices' budgets
	TypicalTime instrument.Seconds `json:"typical_time"` // instrument time with the usual number of pulses
	LongestTime instrument.Seconds `json:"longest_time"` // instrument time when every device uses its budget
	MinVoltage  instrument.Volts   `json:"min_voltage"`  // across a selected device
	MaxVoltage  instrument.Volts   `json:"max_voltage"`
	MaxCurrent  instrument.Amps    `json:"max_current"` // compliance of every source
	Spec        Spec               `json:"spec"`
}

// Estimate costs an import. It finds what Import would refuse without touching
// anything.
func (s Spec) Estimate(n *mlp.Network, p mlp.Placement, held []mlp.Constraint, sizes map[string]mlp.ArraySize,
	how tuning.Spec, cost Cost) (*Estimate, error) {
	steps, err := s.plan(n, p, held, sizes, how)
	if err != nil {
		return nil, err
	}
	e := &Estimate{Held: len(held), Weights: n.Design.Devices() / 2, Spec: s, MinVoltage: instrument.Volts(math.Inf(1)),
		MaxVoltage: instrument.Volts(math.Inf(-1))}
	for _, t := range steps {
		size := sizes[t.array]
		one, err := t.spec.Estimate(size.Rows, size.Columns,
			func(steps ...array.Step) (instrument.Seconds, error) { return cost(t.array, steps...) })
		if err != nil {
			return nil, fmt.Errorf("array %s: %w", t.array, err)
		}
		e.Devices += one.Devices
		e.Pulses += one.Pulses
		e.TypicalTime += one.TypicalTime
		e.LongestTime += one.LongestTime
		e.MinVoltage, e.MaxVoltage = min(e.MinVoltage, one.MinVoltage), max(e.MaxVoltage, one.MaxVoltage)
		e.MaxCurrent = max(e.MaxCurrent, one.MaxCurrent)
	}
	return e, nil
}

// Cost is what a plan has to know.
func (e *Estimate) Cost() run.Cost {
	return run.Cost{Devices: e.Devices, Pulses: e.Pulses, TypicalTime: e.TypicalTime, LongestTime: e.LongestTime,
		MinVoltage: e.MinVoltage, MaxVoltage: e.MaxVoltage, MaxCurrent: e.MaxCurrent}
}

// Print writes the estimate for a person.
func (e *Estimate) Print(w io.Writer) error {
	_, err := fmt.Fprintf(w, `%s on %s, carrying ones within %.3g %%, idle ones within %.3g %%; %d are held; `+
		`nothing is touched by a dry run
pulses             %d at most
instrument time    about %s, %s at most
voltage            %v to %v across a selected device
compliance         %v
`, screen.Count(e.Weights, "weight"), screen.Count(e.Devices, "device"), 100*e.Spec.Tolerance, 100*e.Spec.Idle, e.Held,
		e.Pulses, run.FormatDuration(e.TypicalTime), run.FormatDuration(e.LongestTime), e.MinVoltage, e.MaxVoltage,
		e.MaxCurrent)
	return err
}

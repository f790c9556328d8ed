package array

import (
	"cmp"
	"fmt"
	"reflect"

	"xlab/instrument"
)

// lower checks all steps and says what the lines do in each, and what the array's
// sources and switches do for it.
func (a *Array) lower(at Cell, steps []Step) ([]*performing, error) {
	if at != Whole && at.Within(a.wiring.Rows, a.wiring.Cols) != nil {
		return nil, a.usage(at, fmt.Errorf("array %s has %d rows and %d columns, counted from 0", a.wiring.Array,
			a.wiring.Rows, a.wiring.Cols))
	}
	on := a.wiring.Shape()
	list := make([]*performing, len(steps))
	for i, step := range steps {
		if v := reflect.ValueOf(step); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
			return nil, a.usage(at, fmt.Errorf("step %T is not known: it is none", step))
		}
		l, err := step.Lower(at, on)
		if err == nil {
			err = l.check(on)
		}
		if err != nil {
			return nil, a.usage(at, err)
		}
		e, err := l.Extent(on)
		if err != nil {
			return nil, a.usage(at, err)
		}
		if err := a.check(step, l, e); err != nil {
			return nil, &instrument.Error{Op: "array " + a.wiring.Array, Channel: at.String(), Kind: instrument.KindLimit,
				Err: err}
		}
		if err := a.harmless(step, e); err != nil {
			return nil, a.usage(at, err)
		}
		list[i] = &performing{Lowered: l}
		for k := range l.Parts {
			p := &l.Parts[k]
			p.Lines.Rows, p.Lines.Cols = cmp.Or(p.Lines.Rows, l.Rows), cmp.Or(p.Lines.Cols, l.Cols)
			b, err := a.wiring.bind(*p)
			if err != nil {
				return nil, a.usage(at, a.wiring.cannot(step, l.Scheme, err))
			}
			list[i].parts = append(list[i].parts, b)
		}
	}
	return list, nil
}

// performing is a step and how the bench performs it.
type performing struct {
	*Lowered
	parts []bound
}

// check applies the limits of the devices, which know their sign, to what the lines
// do, whatever the step says of itself; the driver's limits bound each source and
// their differences. Under V/3 the unselected devices see a third of the voltage
// with the other sign.
func (a *Array) check(step Step, l *Lowered, e Extent) error {
	within := func(what string, s Span) error {
		err := cmp.Or(a.limits.CheckVoltage(s.Lowest), a.limits.CheckVoltage(s.Highest))
		if err == nil || what == "" {
			return err
		}
		if l.Scheme != "" {
			return fmt.Errorf("the %s devices under %s: %w", what, l.Scheme, err)
		}
		return fmt.Errorf("the %s devices: %w", what, err)
	}
	if err := cmp.Or(within("", e.Selected), within("half-selected", e.HalfSelected),
		within("unselected", e.Unselected)); err != nil {
		return err
	}
	for _, p := range l.Parts {
		if err := a.checkSources(p.Step, step.Stress()); err != nil {
			return err
		}
	}
	return nil
}

// harmless refuses what is to change nothing, and does more than a read may by the
// device profile: it would not be journaled as a stress.
func (a *Array) harmless(step Step, e Extent) error {
	limit := a.profile.Read.Limit
	for _, s := range []Span{e.Selected, e.HalfSelected, e.Unselected} {
		if !step.Stress() && max(-s.Lowest, s.Highest) > limit {
			return fmt.Errorf("a %s at %v is beyond ±%v, read.limit of the device profile %s, and would have to be "+
				"journaled as a stress: use a sweep", step.Name(), s.Peak(), limit, a.profile.Name)
		}
	}
	return nil
}

// checkSources applies the limits to the times and currents of an instrument's step.
func (a *Array) checkSources(step instrument.Step, stress bool) error {
	switch s := step.(type) {
	case instrument.Spot:
		if stress {
			if err := a.limits.CheckWidth(s.Settle + s.Aperture); err != nil {
				return err
			}
		}
		return a.checkCompliances(s.Drives)
	case instrument.Pulse:
		return cmp.Or(a.limits.CheckWidth(s.Width), a.checkCompliances(s.Drives))
	case instrument.Sweep:
		for _, f := range s.Follow {
			if err := a.limits.CheckCompliance(f.Compliance); err != nil {
				return err
			}
		}
		if err := a.checkCompliances(s.Drives); err != nil {
			return err
		}
		if s.Kind != instrument.SweepCurrent {
			return a.limits.CheckCompliance(instrument.Amps(s.Compliance))
		}
		if !(s.Compliance > 0) {
			return &instrument.LimitError{Quantity: "voltage compliance", Value: instrument.Volts(s.Compliance).Exact(),
				Limit: "more than 0 V: every source needs one", Origin: a.limits.Origin}
		}
		return cmp.Or(a.limits.CheckCurrent(instrument.Amps(s.Start)), a.limits.CheckCurrent(instrument.Amps(s.Stop)))
	}
	return nil
}

func (a *Array) checkCompliances(drives []instrument.Drive) error {
	for _, d := range drives {
		if err := a.limits.CheckCompliance(d.Compliance); err != nil {
			return err
		}
	}
	return nil
}

func (a *Array) usage(at Cell, err error) error {
	return &instrument.Error{Op: "array " + a.wiring.Array, Channel: at.String(), Kind: instrument.KindUsage, Err: err}
}

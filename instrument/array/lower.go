package array

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"xlab/instrument"
)

// lowered is a step in the analyzer's terms.
type lowered struct {
	step  instrument.Step
	lines selection
	raise func(instrument.Result) Result // the way back
}

// lower checks all steps and translates them for the analyzer.
func (a *Array) lower(cell Cell, steps []Step) ([]lowered, error) {
	if cell.Row < 0 || cell.Row >= a.wiring.Rows || cell.Col < 0 || cell.Col >= a.wiring.Cols {
		return nil, a.usage(cell, fmt.Errorf("array %s has %d rows and %d columns, counted from 0", a.wiring.Array,
			a.wiring.Rows, a.wiring.Cols))
	}
	list := make([]lowered, len(steps))
	for i, step := range steps {
		if err := performable(step); err != nil {
			return nil, a.usage(cell, err)
		}
		if err := a.check(step); err != nil {
			return nil, &instrument.Error{Op: "array " + a.wiring.Array, Channel: cell.String(), Kind: instrument.KindLimit,
				Err: err}
		}
		switch s := step.(type) {
		case Read:
			if s.Voltage < -ReadLimit || s.Voltage > ReadLimit {
				return nil, a.usage(cell, fmt.Errorf("a read at %v is beyond ±%v and would have to be journaled as a stress: "+
					"use a sweep", s.Voltage, ReadLimit))
			}
			list[i] = a.read(s)
		case Pulse:
			list[i] = a.pulse(s)
		case Parallel:
			if err := a.wiring.check(s, cell); err != nil {
				return nil, a.usage(cell, err)
			}
			list[i] = a.pulse(s.pulse())
			list[i].lines = selection{rows: s.Rows, cols: s.Cols}
		case Sweep:
			list[i] = a.sweep(s)
		}
	}
	return list, nil
}

// performable refuses what a passive crossbar cannot do, whatever the limits.
func performable(step Step) error {
	switch s := step.(type) {
	case Read:
		return nil
	case Pulse:
		return s.Scheme.Validate()
	case Parallel:
		return s.performable()
	case Sweep:
		if err := s.Scheme.Validate(); err != nil {
			return err
		}
		switch s.Kind {
		case instrument.SweepVoltage:
			return nil
		case instrument.SweepCurrent:
			if s.Scheme != Floating && s.Scheme != Grounded {
				return fmt.Errorf("a current sweep needs the other lines floating or grounded, not %q: nothing can follow a "+
					"potential that is not forced", s.Scheme)
			}
			return nil
		}
		return fmt.Errorf("sweep %q is neither %q nor %q", s.Kind, instrument.SweepVoltage, instrument.SweepCurrent)
	}
	return fmt.Errorf("step %T is not known to a passive crossbar", step)
}

// check applies the limits of the devices, which know their sign; the driver's
// limits bound each source and their differences.
func (a *Array) check(step Step) error {
	lowest, highest := extent(step)
	if err := cmp.Or(a.limits.CheckVoltage(lowest), a.limits.CheckVoltage(highest)); err != nil {
		return err
	}
	switch s := step.(type) {
	case Read:
		return a.limits.CheckCompliance(s.Compliance)
	case Pulse:
		return a.checkPulse(s, lowest, highest)
	case Parallel:
		return a.checkPulse(s.pulse(), lowest, highest)
	case Sweep:
		if err := a.limits.CheckCompliance(s.Return); err != nil {
			return err
		}
		if s.Kind == instrument.SweepCurrent {
			if !(s.Compliance > 0) {
				return &instrument.LimitError{Quantity: "voltage compliance", Value: instrument.Volts(s.Compliance).Exact(),
					Limit: "more than 0 V: every source needs one", Origin: a.limits.Origin}
			}
			return cmp.Or(a.limits.CheckCurrent(instrument.Amps(s.Start)), a.limits.CheckCurrent(instrument.Amps(s.Stop)))
		}
		return cmp.Or(a.unselected(s.Scheme, lowest, highest), a.limits.CheckCompliance(instrument.Amps(s.Compliance)))
	}
	return nil
}

func (a *Array) checkPulse(p Pulse, lowest, highest instrument.Volts) error {
	return cmp.Or(a.unselected(p.Scheme, lowest, highest), a.limits.CheckWidth(p.Width),
		a.limits.CheckCompliance(p.Compliance))
}

// unselected applies the limits to the devices on no selected line. Under V/3
// they see a third of the voltage with the other sign; half-selected devices
// have the sign of the selected one and less of it in every scheme.
func (a *Array) unselected(scheme Scheme, lowest, highest instrument.Volts) error {
	if scheme != ThirdVoltage {
		return nil
	}
	if err := cmp.Or(a.limits.CheckVoltage(-lowest/3), a.limits.CheckVoltage(-highest/3)); err != nil {
		return fmt.Errorf("the unselected devices under v3: %w", err)
	}
	return nil
}

// extent is the most negative and the most positive voltage that the step may
// put across the selected device, 0 V among them: it is left at 0 V. The
// potential of a forced current may be anything up to its compliance, on the
// side to which the current flows. What is not a number is passed on.
func extent(step Step) (lowest, highest instrument.Volts) {
	span := func(v ...float64) (lowest, highest instrument.Volts) {
		return instrument.Volts(min(0, slices.Min(v))), instrument.Volts(max(0, slices.Max(v)))
	}
	switch s := step.(type) {
	case Read:
		return span(float64(s.Voltage))
	case Pulse:
		return span(float64(s.Voltage))
	case Parallel:
		return span(float64(s.Voltage))
	case Sweep:
		if s.Kind != instrument.SweepCurrent {
			return span(s.Start, s.Stop)
		}
		bound := func(i float64) float64 {
			if i == 0 {
				return 0
			}
			return math.Copysign(s.Compliance, i)
		}
		return span(bound(s.Start), bound(s.Stop))
	}
	return 0, 0
}

func (a *Array) drives(scheme Scheme, v instrument.Volts, compliance instrument.Amps) []instrument.Drive {
	f := scheme.Fractions()
	drive := func(bus Bus, fraction float64) instrument.Drive {
		return instrument.Drive{Channel: a.wiring.SMU[bus], Voltage: instrument.Volts(fraction * float64(v)),
			Compliance: compliance}
	}
	list := []instrument.Drive{drive(BusForce1, f.Row), drive(BusForce2, f.Col)}
	if !f.OthersFloat {
		list = append(list, drive(BusOtherRows, f.OtherRows), drive(BusOtherCols, f.OtherCols))
	}
	return list
}

func (a *Array) read(r Read) lowered {
	return lowered{
		step: instrument.Spot{
			Drives: a.drives(Grounded, r.Voltage, r.Compliance), Measure: []instrument.Channel{a.wiring.SMU[BusForce2]},
			Range: r.Range, Settle: r.Settle, Aperture: r.Aperture,
		},
		raise: func(raw instrument.Result) Result {
			return raising{cell: at(r.Voltage)}.result(raw)
		},
	}
}

func (a *Array) pulse(p Pulse) lowered {
	drives := a.drives(p.Scheme, p.Voltage, p.Compliance)
	sources := a.sources(p.Scheme, p.Compliance, p.Compliance)
	return lowered{
		step:  instrument.Pulse{Drives: drives, Width: p.Width, Measure: channels(sources), Range: p.Compliance},
		lines: selection{othersFloat: p.Scheme == Floating},
		raise: func(raw instrument.Result) Result {
			return raising{cell: at(p.Voltage), sources: sources}.result(raw)
		},
	}
}

func (a *Array) sweep(s Sweep) lowered {
	sources := a.sources(s.Scheme, instrument.Amps(s.Compliance), s.Return)
	step := instrument.Sweep{
		Kind: s.Kind, Source: a.wiring.SMU[BusForce1], Start: s.Start, Stop: s.Stop, Steps: s.Steps, TwoWay: s.TwoWay,
		Compliance: s.Compliance, Range: s.Return,
		Delay: s.Delay, Aperture: s.Aperture, StopAtCompliance: s.StopAtCompliance,
	}
	r := raising{sources: sources}
	if s.Kind == instrument.SweepCurrent {
		// The row gives volts, which belong to the cell, and comes first.
		sources[0], sources[1] = sources[1], sources[0]
		sources[0].compliance = 0
		step.Drives = a.drives(s.Scheme, 0, s.Return)[1:]
		r.cell, r.column = firstValue, 1
	} else {
		// The row has its share of the voltage; the others follow the row.
		f := s.Scheme.Fractions()
		step.Start, step.Stop = s.Start*f.Row, s.Stop*f.Row
		step.Range = max(s.Return, instrument.Amps(s.Compliance))
		for _, d := range a.drives(s.Scheme, 1, s.Return)[1:] {
			step.Follow = append(step.Follow,
				instrument.Follow{Channel: d.Channel, Ratio: float64(d.Voltage) / f.Row, Compliance: d.Compliance})
		}
		r.cell = func(p instrument.Point) float64 { return p.Source / f.Row }
		r.row = s.StopAtCompliance || s.Scheme == Grounded
		if s.ColumnOnly && !r.row && len(sources) > 2 {
			r.sources = sources[:1]
		}
	}
	step.Measure = channels(r.sources)
	return lowered{step: step, lines: selection{othersFloat: s.Scheme == Floating}, raise: r.result}
}

// source is a unit of a step and what bounds it.
type source struct {
	bus        Bus
	channel    instrument.Channel
	compliance instrument.Amps // 0 = it forces a current
}

// sources are the units of a scheme, the column's first: its current is the cell's.
func (a *Array) sources(scheme Scheme, row, rest instrument.Amps) []source {
	list := []source{{BusForce2, a.wiring.SMU[BusForce2], rest}, {BusForce1, a.wiring.SMU[BusForce1], row}}
	if !scheme.Fractions().OthersFloat {
		list = append(list,
			source{BusOtherRows, a.wiring.SMU[BusOtherRows], rest}, source{BusOtherCols, a.wiring.SMU[BusOtherCols], rest})
	}
	return list
}

func channels(sources []source) []instrument.Channel {
	list := make([]instrument.Channel, len(sources))
	for i, s := range sources {
		list[i] = s.channel
	}
	return list
}

// raising is the way back from an analyzer's result.
type raising struct {
	cell    func(instrument.Point) float64 // V across the cell
	column  int                            // index of the column's reading
	sources []source                       // what the readings are of; nil where only the column's was taken
	row     bool                           // the reading behind the column's is the row's current, and is kept
}

func at(v instrument.Volts) func(instrument.Point) float64 {
	return func(instrument.Point) float64 { return float64(v) }
}

// result takes the column's current from its reading. The meter counts current
// out of the source as positive, the device's current flows into the column's
// source. The status is the column's, which knows of the others' compliance, and
// that of the readings before it; of the others it is told which were limited.
func (r raising) result(raw instrument.Result) Result {
	out := Result{Busy: raw.Busy, Levels: make([]Level, 0, len(raw.Points))}
	for _, p := range raw.Points {
		level := Level{Voltage: instrument.Volts(r.cell(p))}
		if len(p.Readings) >= max(r.column+1, len(r.sources)) {
			level.Current = instrument.Amps(-p.Readings[r.column].Value)
			if r.row {
				level.Row = instrument.Amps(p.Readings[r.column+1].Value)
			}
			for _, reading := range p.Readings[:r.column+1] {
				out.Status |= reading.Status
			}
		} else {
			out.Status |= instrument.StatusInvalid // a current that was not measured is not 0 A
		}
		out.Levels = append(out.Levels, level)
		out.Limited = r.limited(out.Limited, p, level.Voltage)
	}
	return out
}

func firstValue(p instrument.Point) float64 {
	if len(p.Readings) == 0 {
		return 0
	}
	return p.Readings[0].Value
}

func (a *Array) usage(cell Cell, err error) error {
	return &instrument.Error{Op: "array " + a.wiring.Array, Channel: cell.String(), Kind: instrument.KindUsage, Err: err}
}

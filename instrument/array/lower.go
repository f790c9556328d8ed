package array

import (
	"fmt"

	"xlab/instrument"
)

// lowered is a step in the analyzer's terms.
type lowered struct {
	step  instrument.Step
	float bool                           // the other lines are connected to nothing
	raise func(instrument.Result) Result // the way back
}

// lower checks all steps and translates them for the analyzer.
func (a *Array) lower(cell Cell, steps []Step) ([]lowered, error) {
	if cell.Row < 0 || cell.Row >= a.wiring.Rows || cell.Col < 0 || cell.Col >= a.wiring.Cols {
		return nil, a.usage(cell, fmt.Errorf("array %s has %d rows and %d columns, counted from 0", a.wiring.Array, a.wiring.Rows, a.wiring.Cols))
	}
	list := make([]lowered, len(steps))
	for i, step := range steps {
		if err := a.check(step); err != nil {
			return nil, &instrument.Error{Op: "array " + a.wiring.Array, Channel: cell.String(), Kind: instrument.KindLimit, Err: err}
		}
		switch s := step.(type) {
		case Read:
			list[i] = a.read(s)
		case Pulse:
			list[i] = a.pulse(s)
		case Sweep:
			if s.Kind == instrument.SweepCurrent && s.Scheme != Floating && s.Scheme != Grounded {
				return nil, a.usage(cell, fmt.Errorf("a current sweep needs the other lines floating or grounded, not %q: nothing can follow a potential that is not forced", s.Scheme))
			}
			list[i] = a.sweep(s)
		default:
			return nil, a.usage(cell, fmt.Errorf("step %T is not known to a passive crossbar", step))
		}
	}
	return list, nil
}

// check applies the limits of the selected device, which know its sign; the
// driver's limits bound each source and their differences.
func (a *Array) check(step Step) error {
	v, i := step.Peak()
	if err := a.limits.CheckVoltage(v); err != nil {
		return err
	}
	switch s := step.(type) {
	case Pulse:
		if err := a.limits.CheckWidth(s.Width); err != nil {
			return err
		}
	case Sweep:
		if err := a.limits.CheckVoltage(instrument.Volts(sweepOtherEnd(s))); err != nil {
			return err
		}
		if err := a.limits.CheckCompliance(s.Return); err != nil {
			return err
		}
		if s.Kind == instrument.SweepCurrent {
			return a.limits.CheckCurrent(i)
		}
	}
	return a.limits.CheckCompliance(i)
}

// sweepOtherEnd is the voltage at the end of the sweep that Peak did not give.
func sweepOtherEnd(s Sweep) float64 {
	if s.Kind == instrument.SweepCurrent {
		return 0
	}
	if abs(s.Start) > abs(s.Stop) {
		return s.Stop
	}
	return s.Start
}

func (a *Array) drives(scheme Scheme, v instrument.Volts, compliance instrument.Amps) []instrument.Drive {
	f := scheme.Fractions()
	drive := func(bus Bus, fraction float64) instrument.Drive {
		return instrument.Drive{Channel: a.wiring.SMU[bus], Voltage: instrument.Volts(fraction * float64(v)), Compliance: compliance}
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
			return columnResult(raw, func(instrument.Point) float64 { return float64(r.Voltage) }, 0)
		},
	}
}

func (a *Array) pulse(p Pulse) lowered {
	return lowered{
		step: instrument.Pulse{
			Drives: a.drives(p.Scheme, p.Voltage, p.Compliance), Width: p.Width, Measure: []instrument.Channel{a.wiring.SMU[BusForce2]},
			Range: p.Compliance,
		},
		float: p.Scheme == Floating,
		raise: func(raw instrument.Result) Result {
			return columnResult(raw, func(instrument.Point) float64 { return float64(p.Voltage) }, 0)
		},
	}
}

func (a *Array) sweep(s Sweep) lowered {
	row, column := a.wiring.SMU[BusForce1], a.wiring.SMU[BusForce2]
	step := instrument.Sweep{
		Kind: s.Kind, Source: row, Start: s.Start, Stop: s.Stop, Steps: s.Steps, TwoWay: s.TwoWay,
		Compliance: s.Compliance, Measure: []instrument.Channel{column}, Range: s.Return,
		Delay: s.Delay, Aperture: s.Aperture, StopAtCompliance: s.StopAtCompliance,
	}
	voltage, index := func(p instrument.Point) float64 { return float64(p.Source) }, 0
	if s.Kind == instrument.SweepCurrent {
		step.Drives = a.drives(s.Scheme, 0, s.Return)[1:]
		step.Measure = []instrument.Channel{row, column}
		voltage, index = firstValue, 1
	} else {
		// The row has its share of the voltage; the others follow the row.
		f := s.Scheme.Fractions()
		step.Start, step.Stop = s.Start*f.Row, s.Stop*f.Row
		for _, d := range a.drives(s.Scheme, 1, s.Return)[1:] {
			step.Follow = append(step.Follow, instrument.Follow{Channel: d.Channel, Ratio: float64(d.Voltage) / f.Row, Compliance: d.Compliance})
		}
		voltage = func(p instrument.Point) float64 { return p.Source / f.Row }
	}
	return lowered{step: step, float: s.Scheme == Floating,
		raise: func(raw instrument.Result) Result { return columnResult(raw, voltage, index) }}
}

// columnResult takes the column's current from the given reading. The meter
// counts current out of the source as positive, the device's current flows
// into the column's source.
func columnResult(raw instrument.Result, voltage func(instrument.Point) float64, index int) Result {
	r := Result{Busy: raw.Busy, Levels: make([]Level, 0, len(raw.Points))}
	for _, p := range raw.Points {
		level := Level{Voltage: instrument.Volts(voltage(p))}
		for i, reading := range p.Readings {
			r.Status |= reading.Status
			if i == index {
				level.Current = instrument.Amps(-reading.Value)
			}
		}
		r.Levels = append(r.Levels, level)
	}
	return r
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

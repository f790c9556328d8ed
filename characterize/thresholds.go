package characterize

import (
	"context"
	"fmt"
	"math"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/instrument/profile"
	"xlab/run"
)

// ThresholdSpec says how thresholds are measured.
type ThresholdSpec struct {
	Conditions
	Devices []array.Cell         `json:"devices"` // in the order of measuring
	Change  float64              `json:"change"`  // relative change of resistance that counts, such as 0.05
	Mode    instrument.SweepKind `json:"mode"`    // what rises: voltage or current

	Start instrument.Volts `json:"start"` // first amplitude, of either sign
	Step  instrument.Volts `json:"step"`

	StartCurrent instrument.Amps `json:"start_current"` // the same when current rises
	StepCurrent  instrument.Amps `json:"step_current"`
	MaxCurrent   instrument.Amps `json:"max_current"`
}

// DefaultThresholdSpec is the published measurement for the devices given:
// 500 us pulses and a change by 5 %. The steps are an assumption.
func DefaultThresholdSpec(p *profile.Profile, devices []array.Cell) ThresholdSpec {
	m := &profile.Of(p).Measure
	return ThresholdSpec{Conditions: DefaultConditions(p), Devices: devices, Change: 0.05, Mode: instrument.SweepVoltage,
		Start: m.RampStart, Step: 50e-3, StartCurrent: m.RampCurrent, StepCurrent: m.RampCurrent, MaxCurrent: m.RampMaximum}
}

// Validate checks the parameters; all faults are reported at once.
func (s ThresholdSpec) Validate(rows, cols int) error {
	var f faults
	f.cells(s.Devices, rows, cols)
	f.conditions(s.Conditions)
	f.Check(s.Change > 0 && s.Change < 1, "change: %g must be above 0 and below 1, such as 0.05 for 5 %%", s.Change)
	switch s.Mode {
	case instrument.SweepVoltage:
		f.Check(s.Start > 0 && s.Start <= min(s.SetMax, -s.ResetMax), "start: %v must be above 0 V and at most %v", s.Start,
			min(s.SetMax, -s.ResetMax))
		f.Check(s.Step > 0, "step: %v must be more than 0 V", s.Step)
	case instrument.SweepCurrent:
		f.Check(s.StartCurrent > 0 && s.StartCurrent <= s.MaxCurrent, "start_current %v and max_current %v must be "+
			"positive, the second the larger", s.StartCurrent, s.MaxCurrent)
		f.Check(s.StepCurrent > 0, "step_current: %v must be more than 0 A", s.StepCurrent)
	default:
		f.Check(false, "mode: %q must be voltage or current", s.Mode)
	}
	return f.Err("threshold parameters")
}

// levels is the number of amplitudes of a sign, first and last included.
func (s ThresholdSpec) levels(positive bool) int {
	if s.Mode == instrument.SweepCurrent {
		return 1 + int(math.Floor(float64((s.MaxCurrent-s.StartCurrent)/s.StepCurrent)+1e-9))
	}
	limit := s.SetMax
	if !positive {
		limit = -s.ResetMax
	}
	return 1 + int(math.Floor(float64((limit-s.Start)/s.Step)+1e-9))
}

// stimulus is the pulse of level n, counted from 0. A current pulse is a
// staircase of one level, as wide as a voltage pulse; nothing can follow a
// potential that is not forced, so the other lines float.
func (s ThresholdSpec) stimulus(n int, positive bool) array.Step {
	sign, limit := 1.0, s.SetMax
	if !positive {
		sign, limit = -1, -s.ResetMax
	}
	// levels counts only those within the limit; the minimum keeps the rounding
	// of a sum from passing it.
	if s.Mode == instrument.SweepVoltage {
		return s.pulse(instrument.Volts(sign)*min(s.Start+instrument.Volts(n)*s.Step, limit), s.Width)
	}
	level := sign * float64(min(s.StartCurrent+instrument.Amps(n)*s.StepCurrent, s.MaxCurrent))
	aperture := s.Width * currentAperture
	return array.Sweep{Kind: instrument.SweepCurrent, Start: level, Stop: level, Steps: 1, Compliance: float64(limit),
		Return: s.Compliance,
		Scheme: array.Floating, Delay: s.Width - aperture, Aperture: aperture}
}

// currentAperture is the part of a current pulse in which it is measured.
const currentAperture = 0.32

func (s ThresholdSpec) bounds() array.Bounds {
	b := s.Conditions.bounds(s.PreparePulses + s.levels(true) + s.levels(false))
	if s.Mode == instrument.SweepCurrent {
		b.MaxCurrent = max(b.MaxCurrent, s.MaxCurrent)
	}
	return b
}

// Estimate costs the specification at its worst: no threshold below the
// strongest amplitude.
func (s ThresholdSpec) Estimate(_, _ int, cost Costing) (*Estimate, error) {
	n := len(s.Devices)
	list := s.preparing(2 * n)
	for _, positive := range []bool{true, false} {
		levels := s.levels(positive)
		list = append(list, work{n * levels, s.stimulus(levels-1, positive)}, work{n * levels, s.read()})
	}
	return estimate(n, cost, list...)
}

// Threshold is what was found for one sign on one device.
type Threshold struct {
	Found bool `json:"found"`
	// of the pulse that changed the resistance; measured when current was forced; signed
	Voltage instrument.Volts `json:"voltage"`
	// out of the column during it, with what half-selected devices add; forced in current mode
	Current instrument.Amps    `json:"current"`
	From    instrument.Siemens `json:"from"` // read just before the pulse
	To      instrument.Siemens `json:"to"`   // read just after
	Pulses  int                `json:"pulses"`
}

// DeviceThresholds is the result for one device.
type DeviceThresholds struct {
	Chip   uint64             `json:"chip,omitempty"` // which of several chips were measured; 0 = the only one
	Cell   array.Cell         `json:"cell"`
	Edge   bool               `json:"edge"`
	Set    Threshold          `json:"set"`
	Reset  Threshold          `json:"reset"`
	Left   instrument.Siemens `json:"left"` // conductance at the end, off
	Pulses int                `json:"pulses"`
	Reason string             `json:"reason,omitempty"` // why a threshold is missing
}

// Thresholds is the result of a threshold measurement.
type Thresholds struct {
	Rows    int                `json:"rows"`
	Cols    int                `json:"cols"`
	Spec    ThresholdSpec      `json:"spec"`
	Devices []DeviceThresholds `json:"devices"`
	Skipped []array.Cell       `json:"skipped"` // by the defect map
	Set     ThresholdSummary   `json:"set"`     // of the population
	Reset   ThresholdSummary   `json:"reset"`
}

// MeasureThresholds measures the devices one after the other. It blocks until
// done, until the guard around ctx asks it to stop at the next device, or until
// an error or the end of ctx; the result so far comes with an error too. The
// caller makes the bench safe.
func MeasureThresholds(ctx context.Context, bench array.DUT, spec ThresholdSpec, o Options) (*Thresholds, error) {
	rows, cols := bench.Size()
	if err := spec.Validate(rows, cols); err != nil {
		return nil, err
	}
	cells, skipped := o.usable(spec.Devices)
	out := &Thresholds{Rows: rows, Cols: cols, Spec: spec, Devices: []DeviceThresholds{}, Skipped: skipped}
	defer func() { out.Set, out.Reset = out.summary(true), out.summary(false) }()
	for i, cell := range cells {
		if err := run.CheckStop(ctx); err != nil {
			return out, err
		}
		d, err := spec.device(ctx, bench, cell)
		if err != nil {
			return out, fmt.Errorf("thresholds: %w", err)
		}
		d.Edge = Edge(cell, rows, cols)
		out.Devices = append(out.Devices, d)
		if err := bench.Settle(d); err != nil {
			return out, err
		}
		o.observe(Event{Done: i + 1, Total: len(cells), Note: fmt.Sprintf("%s %v %v", cell, d.Set.Voltage, d.Reset.Voltage)})
	}
	return out, nil
}

// Edge tells whether a cell is on the first or last row or column.
func Edge(c array.Cell, rows, cols int) bool {
	return c.Row == 0 || c.Row == rows-1 || c.Col == 0 || c.Col == cols-1
}

// device measures one device. An error is the bench's; what the device does not
// do is in its result.
func (s ThresholdSpec) device(ctx context.Context, bench array.DUT, cell array.Cell) (DeviceThresholds, error) {
	d := DeviceThresholds{Cell: cell}
	if err := bench.Expect(cell, s.bounds()); err != nil {
		return d, err
	}
	p := &probe{bench: bench, conditions: s.Conditions, cell: cell}
	err := s.both(ctx, p, &d)
	if err == nil {
		err = p.off(ctx)
	}
	d.Left, d.Pulses = p.last, p.pulses
	err = noVerdict(err, &d.Reason)
	return d, err
}

func (s ThresholdSpec) both(ctx context.Context, p *probe, d *DeviceThresholds) error {
	for _, sign := range []struct {
		name     string
		positive bool
		into     *Threshold
	}{{"set", true, &d.Set}, {"reset", false, &d.Reset}} {
		ok, err := p.bring(ctx, s.Low, s.High)
		if err != nil {
			return err
		}
		if !ok {
			d.Reason = fmt.Sprintf("%d pulses did not bring it between %v and %v before the %s ramp: it is at %v",
				s.PreparePulses, s.Low, s.High, sign.name, p.last)
			return nil
		}
		again, err := s.ramp(ctx, p, sign.positive, sign.into)
		for err == nil && again {
			// The pulse that changed it is one of which nothing else is known.
			if ok, err = p.bring(ctx, s.Low, s.High); err == nil && ok {
				again, err = s.ramp(ctx, p, sign.positive, sign.into)
			}
			if err == nil && !ok {
				d.Reason = fmt.Sprintf("%d pulses did not bring it back between %v and %v in the %s ramp: it is at %v",
					s.PreparePulses, s.Low, s.High, sign.name, p.last)
				return nil
			}
		}
		if err != nil {
			return err
		}
		if !sign.into.Found && d.Reason == "" {
			d.Reason = fmt.Sprintf("no pulse of the %s ramp changed it by more than %g %%", sign.name, 100*s.Change)
		}
	}
	return nil
}

// ramp applies rising pulses of one sign until one changes the resistance. It has
// to be done again where that was a pulse that was not measured, because the run
// was cut off there.
func (s ThresholdSpec) ramp(ctx context.Context, p *probe, positive bool, t *Threshold) (again bool, err error) {
	levels := s.levels(positive)
	for n := 0; n < levels; n++ {
		before := p.last
		level, err := p.measured(ctx, s.stimulus(n, positive))
		if err != nil {
			return false, err
		}
		t.Pulses = n + 1
		changed := math.Abs(float64(before)/float64(p.last)-1) > s.Change
		switch {
		case changed && p.unknown:
			return true, nil
		case changed:
			t.Found, t.Voltage, t.Current, t.From, t.To = true, level.Voltage, level.Current, before, p.last
			return false, nil
		case p.unknown:
			n-- // it may not have happened
		}
	}
	return false, nil
}

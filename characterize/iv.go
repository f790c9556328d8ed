package characterize

import (
	"context"
	"fmt"
	"io"
	"math"

	"xlab/figure"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/instrument/profile"
	"xlab/population"
	"xlab/published"
	"xlab/run"
	"xlab/run/keyfigure"
)

// IVSpec says how current-voltage curves are measured: one that changes nothing
// at small voltages, and a loop that switches the device there and back.
type IVSpec struct {
	Conditions
	Devices []array.Cell `json:"devices"`

	Static      instrument.Volts   `json:"static"`       // both ends of the curve that changes nothing
	StaticSteps int                `json:"static_steps"` // levels of it
	StaticDwell instrument.Seconds `json:"static_dwell"` // integration time at each, after the settling time of reads

	Set       instrument.Volts   `json:"set"`        // positive end of the loop; 0 = no loop
	Reset     instrument.Volts   `json:"reset"`      // negative end of the loop
	LoopSteps int                `json:"loop_steps"` // levels from 0 to one end
	Delay     instrument.Seconds `json:"delay"`      // at a level before it is measured
	Dwell     instrument.Seconds `json:"dwell"`      // integration time at a level of the loop
	Limit     instrument.Amps    `json:"limit"`      // compliance of the row in the loop
}

// DefaultIVSpec gives curves up to the largest voltage that changes nothing and
// loops over the published tuning range, 500 us at each level.
func DefaultIVSpec(p *profile.Profile, devices []array.Cell) IVSpec {
	m := &profile.Of(p).Measure
	return IVSpec{Conditions: DefaultConditions(p), Devices: devices, Static: m.Static, StaticSteps: 41,
		StaticDwell: 10e-3, Set: m.LoopSet, Reset: m.LoopReset, LoopSteps: 27, Delay: 340e-6, Dwell: 160e-6,
		Limit: m.LoopLimit}
}

// Validate checks the parameters; all faults are reported at once.
func (s IVSpec) Validate(rows, cols int) error {
	var f faults
	f.cells(s.Devices, rows, cols)
	f.conditions(s.Conditions)
	f.Check(s.Static > 0 && s.Static <= array.ReadLimit,
		"static: %v must be above 0 V and at most %v, which changes no device", s.Static, array.ReadLimit)
	f.Check(s.StaticSteps >= 3 && s.LoopSteps >= 2, "static_steps %d must be at least 3 and loop_steps %d at least 2",
		s.StaticSteps, s.LoopSteps)
	f.Check(s.Set >= 0 && s.Set <= s.SetMax, "set: %v must be 0 V for no loop, or at most set_max, %v", s.Set, s.SetMax)
	f.Check(s.Reset <= 0 && s.Reset >= s.ResetMax && (s.Set == 0) == (s.Reset == 0),
		"reset: %v must be negative beside a set of %v, and not beyond reset_max, %v", s.Reset, s.Set, s.ResetMax)
	f.Check(s.Delay >= 0 && s.Dwell > 0 && s.StaticDwell > 0 && s.Limit > 0,
		"delay %v must not be negative, dwell %v, static_dwell %v and limit %v be positive", s.Delay, s.Dwell, s.StaticDwell,
		s.Limit)
	return f.Err("iv parameters")
}

// static is a staircase with all other lines at ground: only the device's
// current flows into its column.
func (s IVSpec) static() array.Sweep {
	return array.Sweep{Kind: instrument.SweepVoltage, Start: -float64(s.Static), Stop: float64(s.Static),
		Steps:      s.StaticSteps,
		Compliance: float64(s.Compliance), Return: s.Compliance, Scheme: array.Grounded, Delay: s.Settle,
		Aperture: s.StaticDwell}
}

// loop is the positive or negative half of the switching loop.
func (s IVSpec) loop(positive bool) array.Sweep {
	stop := s.Set
	if !positive {
		stop = s.Reset
	}
	return array.Sweep{Kind: instrument.SweepVoltage, Start: 0, Stop: float64(stop), Steps: s.LoopSteps, TwoWay: true,
		Compliance: float64(s.Limit), Return: s.Compliance, Scheme: s.scheme(positive), Delay: s.Delay, Aperture: s.Dwell}
}

// Estimate costs the specification at its worst.
func (s IVSpec) Estimate(_, _ int, cost Costing) (*Estimate, error) {
	n := len(s.Devices)
	list := append(s.preparing(n), work{n, s.static()})
	if s.Set > 0 {
		list = append(list, work{n, s.loop(true)}, work{n, s.loop(false)}, work{3 * n, s.read()})
	}
	return estimate(n, cost, list...)
}

// Curve is the result for one device.
type Curve struct {
	Cell        array.Cell         `json:"cell"`
	Conductance instrument.Siemens `json:"conductance"` // read before the curves
	Static      []array.Level      `json:"static"`      // current of the device
	Loop        []array.Level      `json:"loop"`        // current of the column: half-selected devices add to the device's
	// their sum by reads; the part of the voltage that they see is the scheme's
	Background instrument.Siemens `json:"background"`
	On         instrument.Siemens `json:"on"`  // read after the positive half of the loop
	Off        instrument.Siemens `json:"off"` // read after the negative half
	Reason     string             `json:"reason,omitempty"`

	// Lines is what lies between the sources and the device's crosspoint, of the row
	// and of the column; 0 where nobody knows.
	Lines [2]instrument.Ohms `json:"lines"`
}

// own is the voltage in V across the device itself at a level of the static curve.
// The row's line carries the current of all devices on it.
func (c Curve) own(l array.Level) float64 {
	return float64(l.Voltage) - float64(l.Row)*float64(c.Lines[0]) - float64(l.Current)*float64(c.Lines[1])
}

// Ratio is the device's current at twice a voltage over its current at that
// voltage, for the largest of the static curve: 2 for an ohmic device. The lines
// are taken out: a linear and a cubic term are put through both currents at the
// voltages that the device has there. NaN where it was not measured.
func (c Curve) Ratio() float64 {
	if len(c.Static) == 0 {
		return math.NaN()
	}
	top := c.Static[len(c.Static)-1]
	for _, l := range c.Static {
		if math.Abs(float64(l.Voltage-top.Voltage/2)) < 1e-6 && l.Current > 0 {
			u, w := c.own(l), c.own(top)
			cubic := (float64(top.Current)/w - float64(l.Current)/u) / (w*w - u*u)
			linear := float64(l.Current)/u - cubic*u*u
			at := func(v float64) float64 { return linear*v + cubic*v*v*v }
			return at(float64(top.Voltage)) / at(float64(l.Voltage))
		}
	}
	return math.NaN()
}

// device takes what half-selected devices add out of a level of the loop.
func (c Curve) device(l array.Level, s IVSpec) float64 {
	half := s.scheme(l.Voltage > 0).HalfSelected(l.Voltage)
	return float64(l.Current) - float64(c.Background)*float64(half)
}

// IV is the result of a measurement of curves.
type IV struct {
	Spec    IVSpec       `json:"spec"`
	Devices []Curve      `json:"devices"`
	Skipped []array.Cell `json:"skipped"`
}

// MeasureIV measures the devices one after the other. It blocks and ends as
// MeasureThresholds does.
func MeasureIV(ctx context.Context, bench array.DUT, spec IVSpec, o Options) (*IV, error) {
	rows, cols := bench.Size()
	if err := spec.Validate(rows, cols); err != nil {
		return nil, err
	}
	cells, skipped := o.usable(spec.Devices)
	out := &IV{Spec: spec, Devices: []Curve{}, Skipped: skipped}
	for i, cell := range cells {
		if err := run.CheckStop(ctx); err != nil {
			return out, err
		}
		c, err := spec.device(ctx, bench, cell, rows)
		if err != nil {
			return out, fmt.Errorf("iv: %w", err)
		}
		out.Devices = append(out.Devices, c)
		if err := bench.Settle(nil); err != nil {
			return out, err
		}
		o.observe(Event{Done: i + 1, Total: len(cells), Note: cell.String()})
	}
	return out, nil
}

func (s IVSpec) device(ctx context.Context, bench array.DUT, cell array.Cell, rows int) (Curve, error) {
	toRow := s.Lines.Contact + s.Lines.RowSegment*instrument.Ohms(cell.Col+1)
	toCol := s.Lines.Contact + s.Lines.ColSegment*instrument.Ohms(rows-cell.Row)
	fresh := Curve{Cell: cell, Static: []array.Level{}, Loop: []array.Level{}, Lines: [2]instrument.Ohms{toRow, toCol}}
	c := fresh
	bounds := s.bounds(3)
	bounds.MaxCurrent = max(bounds.MaxCurrent, s.Limit)
	if err := bench.Expect(cell, bounds); err != nil {
		return c, err
	}
	p := &probe{bench: bench, conditions: s.Conditions, cell: cell}
	again, err := s.curves(ctx, p, &c, rows)
	for err == nil && again {
		c = fresh
		again, err = s.curves(ctx, p, &c, rows)
	}
	if err == nil {
		err = p.off(ctx)
	}
	err = noVerdict(err, &c.Reason)
	return c, err
}

// curves measures a device. It has to be done again where the run was cut off in
// a sweep, of which no level is known then.
func (s IVSpec) curves(ctx context.Context, p *probe, c *Curve, rows int) (again bool, err error) {
	ok, err := p.bring(ctx, s.Low, s.High)
	if err != nil {
		return false, err
	}
	c.Conductance = p.last
	if !ok {
		c.Reason = fmt.Sprintf("%d pulses did not bring it between %v and %v: it is at %v", s.PreparePulses, s.Low, s.High,
			p.last)
		return false, nil
	}
	static, err := p.bench.Do(ctx, p.cell, s.static())
	if err != nil || static[0].Unknown {
		return err == nil, err
	}
	if err := unheld(static); err != nil {
		return false, err
	}
	c.Static = static[0].Levels
	if s.Set == 0 {
		return false, nil
	}
	for r := range rows {
		if r == p.cell.Row {
			continue
		}
		other := &probe{bench: p.bench, conditions: s.Conditions, cell: array.Cell{Row: r, Col: p.cell.Col}}
		if err := other.read(ctx); err != nil {
			return false, err
		}
		c.Background += other.last
	}
	for _, half := range []struct {
		positive bool
		after    *instrument.Siemens
	}{{true, &c.On}, {false, &c.Off}} {
		results, err := p.bench.Do(ctx, p.cell, s.loop(half.positive), s.read())
		if err != nil {
			return false, err
		}
		if err := unheld(results); err != nil {
			return false, err
		}
		c.Loop = append(c.Loop, results[0].Levels...)
		if err := p.take(results[1], 1); err != nil || results[0].Unknown {
			return err == nil, err
		}
		*half.after = p.last
	}
	return false, nil
}

// Comparison lists measured beside published values.
func (v *IV) Comparison() []keyfigure.Comparison {
	var ratios, on, off []float64
	for _, c := range v.Devices {
		ratios = append(ratios, c.Ratio())
		if c.On > 0 && c.Off > 0 {
			on, off = append(on, float64(c.On)), append(off, float64(c.Off))
		}
	}
	list := []keyfigure.Comparison{
		{What: fmt.Sprintf("I(%v) / I(%v) of the device, lines taken out", v.Spec.Static, v.Spec.Static/2),
			Measured: population.Of(ratios).Text(population.Format("%.2f", 1))},
	}
	if v.Spec.Static == array.ReadLimit {
		list[0].Published, list[0].Source = publishedRatio, published.Model
	}
	if len(on) > 0 {
		list = append(
			list,
			keyfigure.Comparison{
				What:     "conductance after the positive half of the loop",
				Measured: population.Of(on).Text(siemens),
			},
			keyfigure.Comparison{
				What:     "conductance after the negative half of the loop",
				Measured: population.Of(off).Text(siemens),
			},
		)
	}
	return list
}

// publishedRatio is the calculated I(0.4 V) / I(0.2 V).
const publishedRatio = "2.4 to 2.7 (10 to 100 µS; 2 is ohmic)"

// Figures shows the curves that change nothing, and the switching loops with
// what half-selected devices add taken out.
func (v *IV) Figures() []figure.Figure {
	static := figure.Lines{Title: "Current against voltage", Subtitle: "other lines at ground",
		X: figure.Axis{Label: "voltage, row minus column", Unit: "V"}, Y: figure.Axis{Label: "current", Unit: "A"}}
	loop := figure.Lines{Title: "Switching loops", Subtitle: fmt.Sprintf("%v at each level", v.Spec.Delay+v.Spec.Dwell),
		X: static.X, Y: static.Y}
	for _, c := range v.Devices {
		a, b := behind(figure.Series{Name: c.Cell.String()}, len(v.Devices)),
			behind(figure.Series{Name: c.Cell.String()}, len(v.Devices))
		for _, l := range c.Static {
			a.X, a.Y = append(a.X, float64(l.Voltage)), append(a.Y, float64(l.Current))
		}
		for _, l := range c.Loop {
			b.X, b.Y = append(b.X, float64(l.Voltage)), append(b.Y, c.device(l, v.Spec))
		}
		static.Series, loop.Series = append(static.Series, a), append(loop.Series, b)
	}
	caption := fmt.Sprintf("Curves of %s up to a voltage that changes nothing, the other lines at ground. ",
		population.Devices(len(v.Devices)))
	list := v.Comparison()
	caption += fmt.Sprintf("%s: %s", list[0].What, list[0].Measured)
	if list[0].Published != "" {
		caption += fmt.Sprintf("; published %s, %s", list[0].Published, list[0].Source)
	}
	return []figure.Figure{{Name: "iv", Spec: static, Caption: caption + "."},
		{Name: "iv-loops", Spec: loop, Caption: "Voltage up to SET and back, then to RESET and back. " +
			"What half-selected devices add to the current of the column is taken out by their reads at a small voltage: " +
			"an assumption, because they do not conduct in proportion."}}
}

// WriteCSV writes one line per level.
func (v *IV) WriteCSV(w io.Writer) error {
	lines := table{{"row", "col", "curve", "voltage_V", "column_A", "device_A"}}
	for _, c := range v.Devices {
		for _, l := range c.Static {
			lines.add(c.Cell.Row, c.Cell.Col, "static", float64(l.Voltage), float64(l.Current), float64(l.Current))
		}
		for _, l := range c.Loop {
			lines.add(c.Cell.Row, c.Cell.Col, "loop", float64(l.Voltage), float64(l.Current), c.device(l, v.Spec))
		}
	}
	return lines.write(w)
}

// Notes says which devices were not measured.
func (v *IV) Notes() []string {
	return notes(v.Skipped, v.Devices, func(d Curve) (array.Cell, string) { return d.Cell, d.Reason })
}

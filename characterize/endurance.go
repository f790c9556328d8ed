package characterize

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"

	"xlab/figure"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/instrument/profile"
	"xlab/population"
	"xlab/run"
	"xlab/run/keyfigure"
)

// EnduranceSpec says how endurance is measured: cycles of switching on and off,
// either until two conductances are reached, as a population with its
// spread needs, or by one pulse of fixed amplitude each.
type EnduranceSpec struct {
	Conditions
	Devices   []array.Cell       `json:"devices"`
	Cycles    int                `json:"cycles"`
	PerDecade int                `json:"per_decade"` // recorded cycles per decade; 0 = every cycle
	On        instrument.Siemens `json:"on"`         // to be passed by positive pulses of rising amplitude
	OffState  instrument.Siemens `json:"off_state"`  // to be passed by negative ones
	HalfCycle int                `json:"half_cycle"` // pulses in one direction at most, before a device has failed

	Fixed    bool             `json:"fixed"`     // one pulse of fixed amplitude in each direction instead
	Set      instrument.Volts `json:"set"`       // its amplitude, > 0
	Reset    instrument.Volts `json:"reset"`     // its amplitude, < 0
	MinRatio float64          `json:"min_ratio"` // of the conductances after both, below which a device has failed
}

// DefaultEnduranceSpec switches between the states of the profile.
func DefaultEnduranceSpec(p *profile.Profile, devices []array.Cell) EnduranceSpec {
	m := &profile.Of(p).Measure
	return EnduranceSpec{Conditions: DefaultConditions(p), Devices: devices, Cycles: 1000, PerDecade: 10,
		On: m.CycleOn, OffState: m.CycleOff, HalfCycle: 60, Set: m.CycleSet, Reset: m.CycleReset, MinRatio: 1.1}
}

// Validate checks the parameters; all faults are reported at once.
func (s EnduranceSpec) Validate(rows, cols int) error {
	var f faults
	f.cells(s.Devices, rows, cols)
	f.conditions(s.Conditions)
	f.Check(s.Cycles >= 1 && s.Cycles <= 100_000_000, "cycles: %d must be 1 to 100 million", s.Cycles)
	f.Check(s.PerDecade >= 0, "per_decade: %d must be 0, for every cycle, or more", s.PerDecade)
	f.Check(s.OffState > 0 && s.OffState < s.On, "off_state %v and on %v must be positive, the second the higher",
		s.OffState, s.On)
	f.Check(s.HalfCycle >= 1, "half_cycle: %d must be at least 1", s.HalfCycle)
	f.Check(s.Set > 0 && s.Set <= s.SetMax, "set: %v must be above 0 V and at most set_max, %v", s.Set, s.SetMax)
	f.Check(s.Reset < 0 && s.Reset >= s.ResetMax, "reset: %v must be below 0 V and not beyond reset_max, %v", s.Reset,
		s.ResetMax)
	f.Check(s.MinRatio > 1, "min_ratio: %g must be more than 1", s.MinRatio)
	return f.Err("endurance parameters")
}

// recorded lists the cycles, counted from 1, after whose pulses the device is
// read.
func (s EnduranceSpec) recorded() []int {
	var list []int
	if s.PerDecade == 0 {
		for n := 1; n <= s.Cycles; n++ {
			list = append(list, n)
		}
		return list
	}
	for i := 0; ; i++ {
		n := int(math.Round(math.Pow(10, float64(i)/float64(s.PerDecade))))
		if n >= s.Cycles {
			return append(list, s.Cycles)
		}
		if len(list) == 0 || n > list[len(list)-1] {
			list = append(list, n)
		}
	}
}

// Estimate costs the specification at its worst.
func (s EnduranceSpec) Estimate(_, _ int, cost Costing) (*Estimate, error) {
	n, pulses, reads := len(s.Devices), s.HalfCycle*s.Cycles, 2*s.HalfCycle*s.Cycles
	set, reset := s.SetMax, s.ResetMax
	if s.Fixed {
		pulses, reads, set, reset = s.Cycles, 2*len(s.recorded()), s.Set, s.Reset
	}
	return estimate(n, cost, append(s.preparing(2*n), work{n * pulses, s.pulse(set, s.Width)},
		work{n * pulses, s.pulse(reset, s.Width)},
		work{n * reads, s.read()})...)
}

// Cycle is what was read in one cycle.
type Cycle struct {
	N      int                `json:"n"`      // from 1
	On     instrument.Siemens `json:"on"`     // after the positive pulses
	Off    instrument.Siemens `json:"off"`    // after the negative pulses
	Pulses int                `json:"pulses"` // of both signs in this cycle
}

// Endured is the result for one device.
type Endured struct {
	Cell   array.Cell `json:"cell"`
	Cycles []Cycle    `json:"cycles"`           // recorded ones
	Failed int        `json:"failed,omitempty"` // cycle in which it failed; cycling ended there
	Unsure int        `json:"unsure,omitempty"` // cycles that may not have happened: the run was cut off in them
	Reason string     `json:"reason,omitempty"`
}

// Endurance is the result of an endurance measurement.
type Endurance struct {
	Spec    EnduranceSpec `json:"spec"`
	Devices []Endured     `json:"devices"`
	Skipped []array.Cell  `json:"skipped"`
}

// burst is the number of cycles in one intent, and of fixed pulses in one
// exchange, between recorded cycles.
const burst = 20

// MeasureEndurance cycles the devices one after the other. It blocks and ends as
// MeasureThresholds does, but a request to stop is honoured between bursts of
// cycles too.
func MeasureEndurance(ctx context.Context, bench array.DUT, spec EnduranceSpec, o Options) (*Endurance, error) {
	if err := spec.Validate(bench.Size()); err != nil {
		return nil, err
	}
	cells, skipped := o.usable(spec.Devices)
	out := &Endurance{Spec: spec, Devices: []Endured{}, Skipped: skipped}
	for i, cell := range cells {
		out.Devices = append(out.Devices, Endured{Cell: cell, Cycles: []Cycle{}})
		d := &out.Devices[i]
		err := spec.device(ctx, bench, d, func(n int) {
			o.observe(Event{Done: i*spec.Cycles + n, Total: len(cells) * spec.Cycles, Note: fmt.Sprintf("%s cycle %d", cell, n)})
		})
		if err := noVerdict(err, &d.Reason); err != nil {
			return out, fmt.Errorf("endurance: %w", err)
		}
	}
	return out, spec.switchOff(ctx, bench, cells)
}

// device cycles one device. What the device does not do is in its result.
func (s EnduranceSpec) device(ctx context.Context, bench array.DUT, d *Endured, told func(n int)) error {
	c := cycler{EnduranceSpec: s, probe: &probe{bench: bench, conditions: s.Conditions, cell: d.Cell}, set: s.SetStart,
		reset: s.ResetStart}
	if err := s.switchOff(ctx, bench, []array.Cell{d.Cell}); err != nil { // where it was left is no part of a cycle
		return err
	}
	done := 0
	for _, next := range s.recorded() {
		for done < next && d.Reason == "" {
			if err := run.CheckStop(ctx); err != nil {
				return err
			}
			n := min(next-done, burst)
			pulses := 2 * n
			if !s.Fixed {
				pulses *= s.HalfCycle
			}
			if err := bench.Expect(d.Cell, s.bounds(pulses)); err != nil {
				return err
			}
			if err := c.burst(ctx, d, done, n, done+n == next); err != nil {
				return err
			}
			if err := bench.Settle(nil); err != nil {
				return err
			}
			done += n
		}
		told(done)
		if d.Reason != "" {
			return nil
		}
	}
	return nil
}

// cycler switches one device.
type cycler struct {
	EnduranceSpec
	probe      *probe
	set, reset instrument.Volts // where the next ramps begin
}

// burst does n cycles after those already done, and records the last of them if
// asked to.
func (c *cycler) burst(ctx context.Context, d *Endured, done, n int, record bool) error {
	if c.Fixed {
		blind := n
		if record {
			blind--
		}
		if blind > 0 {
			steps := make([]array.Step, 0, 2*blind)
			for range blind {
				steps = append(steps, c.pulse(c.Set, c.Width), c.pulse(c.Reset, c.Width))
			}
			results, err := c.probe.bench.Do(ctx, d.Cell, steps...)
			if err != nil {
				return err
			}
			if slices.ContainsFunc(results, func(r array.Result) bool { return r.Unknown }) {
				d.Unsure += blind
			}
		}
		if !record {
			return nil
		}
		done, n = done+blind, 1
	}
	for i := range n {
		cycle := Cycle{N: done + i + 1}
		failure, err := c.cycle(ctx, d, &cycle)
		if err != nil {
			return err // which is nothing that the device did
		}
		d.Reason = failure
		if record && i == n-1 || d.Reason != "" {
			d.Cycles = append(d.Cycles, cycle)
		}
		if d.Reason != "" {
			d.Failed = cycle.N
			return nil
		}
	}
	return nil
}

// cycle switches the device on and off once and reads it.
func (c *cycler) cycle(ctx context.Context, d *Endured, to *Cycle) (failure string, err error) {
	p, before := c.probe, c.probe.pulses
	defer func() { to.Pulses = p.pulses - before }()
	if c.Fixed {
		if err := p.do(ctx, c.pulse(c.Set, c.Width)); err != nil {
			return "", err
		}
		to.On = p.last
		cut := p.unknown
		err := p.do(ctx, c.pulse(c.Reset, c.Width))
		to.Off = p.last
		if cut = cut || p.unknown; cut && err == nil {
			// Of a cycle with a pulse that may not have happened nothing can be
			// told: it is done once more.
			d.Unsure++
			return c.cycle(ctx, d, to)
		}
		if err == nil && float64(to.On) < c.MinRatio*float64(to.Off) {
			failure = fmt.Sprintf("in cycle %d it was at %v and %v, a ratio below %g", to.N, to.On, to.Off, c.MinRatio)
		}
		return failure, err
	}
	ok, err := c.ramp(ctx, &c.set, c.SetStart, c.PrepareStep, c.SetMax, func() bool { return p.last >= c.On })
	to.On = p.last
	if err != nil || !ok {
		return fmt.Sprintf("in cycle %d pulses up to %v did not bring it to %v: it is at %v", to.N, c.SetMax, c.On, p.last),
			err
	}
	ok, err = c.ramp(ctx, &c.reset, c.ResetStart, -c.PrepareStep, c.ResetMax, func() bool { return p.last <= c.OffState })
	to.Off = p.last
	if err != nil || !ok {
		return fmt.Sprintf("in cycle %d pulses down to %v did not bring it to %v: it is at %v", to.N, c.ResetMax, c.OffState,
			p.last), err
	}
	return "", nil
}

// ramp applies pulses of rising amplitude until reached, and lets the next ramp
// begin a little below the amplitude that sufficed.
func (c *cycler) ramp(ctx context.Context, next *instrument.Volts, start, step, limit instrument.Volts,
	reached func() bool) (bool, error) {
	weaker := func(a, b instrument.Volts) instrument.Volts {
		if (a < b) == (step > 0) {
			return a
		}
		return b
	}
	v := *next
	for range c.HalfCycle {
		if err := c.probe.do(ctx, c.pulse(v, c.Width)); err != nil {
			return false, err
		}
		if reached() {
			// Not below where ramps begin at all.
			if *next = v - 2*step; weaker(*next, start) == *next {
				*next = start
			}
			return true, nil
		}
		if !c.probe.unknown { // else it may not have happened
			v = weaker(v+step, limit)
		}
	}
	return false, nil
}

// Comparison lists what was measured; no numbers are published for this stack.
func (e *Endurance) Comparison() []keyfigure.Comparison {
	var first, last, on, off, pulses []float64
	failed := 0
	for _, d := range e.Devices {
		if len(d.Cycles) > 0 {
			a, b := d.Cycles[0], d.Cycles[len(d.Cycles)-1]
			first, last = append(first, float64(a.On/a.Off)), append(last, float64(b.On/b.Off))
			on, off, pulses = append(on, float64(b.On)), append(off, float64(b.Off)), append(pulses, float64(b.Pulses))
		}
		if d.Reason != "" {
			failed++
		}
	}
	return []keyfigure.Comparison{
		{What: "on/off ratio in the first cycle", Measured: population.Of(first).Text(population.Format("%.2f", 1))},
		{What: "on/off ratio in the last cycle", Measured: population.Of(last).Text(population.Format("%.2f", 1))},
		{What: "on conductance in the last cycle", Measured: population.Of(on).Text(siemens)},
		{What: "off conductance in the last cycle", Measured: population.Of(off).Text(siemens)},
		{What: "pulses in the last cycle", Measured: population.Of(pulses).Text(population.Format("%.1f", 1))},
		{What: fmt.Sprintf("devices failed before %d cycles", e.Spec.Cycles), Measured: partOf(failed, len(e.Devices))},
	}
}

// Figures shows both conductances against the number of cycles.
func (e *Endurance) Figures() []figure.Figure {
	l := figure.Lines{Title: "Endurance", Subtitle: e.Spec.describe(),
		X: figure.Axis{Label: "cycle", Log: true}, Y: figure.Axis{Label: "conductance", Unit: "S", Log: true}}
	recorded := e.Spec.recorded()
	x := make([]float64, len(recorded))
	states := [2][][]float64{make([][]float64, len(recorded)), make([][]float64, len(recorded))}
	for k, n := range recorded {
		x[k] = float64(n)
	}
	for _, d := range e.Devices {
		for i, name := range []string{" on", " off"} {
			s := behind(figure.Series{Name: d.Cell.String() + name, Markers: true}, 2*len(e.Devices))
			for _, c := range d.Cycles {
				g := float64([]instrument.Siemens{c.On, c.Off}[i])
				s.X, s.Y = append(s.X, float64(c.N)), append(s.Y, g)
				if k, found := slices.BinarySearch(recorded, c.N); found {
					states[i][k] = append(states[i][k], g)
				}
			}
			l.Series = append(l.Series, s)
		}
	}
	if 2*len(e.Devices) > legendLimit {
		l.Series = append(l.Series, means("mean, on", x, states[0]), means("mean, off", x, states[1]))
	}
	return []figure.Figure{{Name: "endurance", Spec: l,
		Caption: fmt.Sprintf("Conductance of %s after the positive (on) and the negative pulses (off) of a cycle. "+
			"A curve that ends early is of a device that failed. Nothing is published for this stack. %s",
			population.Devices(len(e.Devices)), meanCaption)}}
}

func (s EnduranceSpec) describe() string {
	if s.Fixed {
		return fmt.Sprintf("one pulse of %v and one of %v, %v each", s.Set, s.Reset, s.Width)
	}
	return fmt.Sprintf("%v pulses of rising amplitude up to %v and down to %v", s.Width, s.On, s.OffState)
}

// WriteCSV writes one line per recorded cycle.
func (e *Endurance) WriteCSV(w io.Writer) error {
	lines := table{{"row", "col", "cycle", "on_S", "off_S", "pulses"}}
	for _, d := range e.Devices {
		for _, c := range d.Cycles {
			lines.add(d.Cell.Row, d.Cell.Col, c.N, float64(c.On), float64(c.Off), c.Pulses)
		}
	}
	return lines.write(w)
}

// Notes says which devices failed and why.
func (e *Endurance) Notes() []string {
	list := notes(e.Skipped, e.Devices, func(d Endured) (array.Cell, string) { return d.Cell, d.Reason })
	for _, d := range e.Devices {
		if d.Unsure > 0 {
			list = append(list, fmt.Sprintf(
				"%s: of %d cycles it is not known whether they happened: the run was cut off in them", d.Cell, d.Unsure))
		}
	}
	return list
}

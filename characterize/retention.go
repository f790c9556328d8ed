package characterize

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"xlab/figure"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/instrument/profile"
	"xlab/population"
	"xlab/run"
	"xlab/run/keyfigure"
)

// RetentionSpec says how retention is measured.
type RetentionSpec struct {
	Conditions
	Devices   []array.Cell         `json:"devices"`
	States    []instrument.Siemens `json:"states"`     // written to the devices in turn
	Tolerance float64              `json:"tolerance"`  // relative, of a written state
	First     instrument.Seconds   `json:"first"`      // age at the first read
	Last      instrument.Seconds   `json:"last"`       // age at the last read
	PerDecade int                  `json:"per_decade"` // reads per decade of time
}

// DefaultRetentionSpec follows states over the working range for a day.
func DefaultRetentionSpec(p *profile.Profile, devices []array.Cell) RetentionSpec {
	p = profile.Of(p)
	c := DefaultConditions(p)
	c.Low, c.High = p.Conductance.Low, p.Conductance.High
	return RetentionSpec{Conditions: c, Devices: devices, States: slices.Clone(p.Measure.Kept),
		Tolerance: 0.1, First: 10, Last: 86400, PerDecade: 4}
}

// Validate checks the parameters; all faults are reported at once.
func (s RetentionSpec) Validate(rows, cols int) error {
	var f faults
	f.cells(s.Devices, rows, cols)
	f.conditions(s.Conditions)
	f.states(s.States, s.Tolerance)
	f.Check(s.First > 0 && s.First < s.Last && s.Last <= 1e9, "first %v and last %v must be positive times, the second "+
		"the later", s.First, s.Last)
	f.Check(s.PerDecade >= 1 && s.PerDecade <= 100, "per_decade: %d must be 1 to 100", s.PerDecade)
	return f.Err("retention parameters")
}

func (f *faults) states(states []instrument.Siemens, tolerance float64) {
	f.Check(len(states) > 0, "no state is given")
	for _, g := range states {
		f.Check(g > 0 && !math.IsInf(float64(g), 0), "state %v must be a positive conductance", g)
	}
	f.Check(tolerance > 0 && tolerance < 1, "tolerance: %g must be above 0 and below 1", tolerance)
}

// ages are the times of the reads after writing.
func (s RetentionSpec) ages() []instrument.Seconds {
	n := int(math.Ceil(math.Log10(float64(s.Last/s.First))*float64(s.PerDecade) - 1e-9))
	list := make([]instrument.Seconds, n+1)
	for i := range list {
		list[i] = min(s.First*instrument.Seconds(math.Pow(10, float64(i)/float64(s.PerDecade))), s.Last)
	}
	list[n] = s.Last
	return list
}

// Estimate costs the specification at its worst.
func (s RetentionSpec) Estimate(_, _ int, cost Costing) (*Estimate, error) {
	n := len(s.Devices)
	e, err := estimate(n, cost, append(s.preparing(n), work{n * len(s.ages()), s.read()})...)
	if err == nil {
		e.Wait = s.Last
	}
	return e, err
}

// Aged is one read of a written state.
type Aged struct {
	Age         instrument.Seconds `json:"age"` // on the bench's clock, since the device was written
	Conductance instrument.Siemens `json:"conductance"`
}

// Retained is the result for one device.
type Retained struct {
	Cell   array.Cell         `json:"cell"`
	State  instrument.Siemens `json:"state"` // asked for
	Reads  []Aged             `json:"reads"`
	Reason string             `json:"reason,omitempty"`
}

// Exponent is nu in G ~ age^-nu by least squares over the logarithms, so
// positive where the conductance falls; NaN below three reads.
func (r Retained) Exponent() float64 {
	var x, y []float64
	for _, a := range r.Reads {
		if a.Age > 0 && a.Conductance > 0 {
			x, y = append(x, math.Log(float64(a.Age))), append(y, math.Log(float64(a.Conductance)))
		}
	}
	if len(x) < 3 {
		return math.NaN()
	}
	_, slope := stat.LinearRegression(x, y, nil, false)
	return -slope
}

// Change is the last conductance over the first, less 1; NaN below two reads.
func (r Retained) Change() float64 {
	if len(r.Reads) < 2 {
		return math.NaN()
	}
	return float64(r.Reads[len(r.Reads)-1].Conductance/r.Reads[0].Conductance) - 1
}

// Retention is the result of a retention measurement.
type Retention struct {
	Spec    RetentionSpec `json:"spec"`
	Devices []Retained    `json:"devices"`
	Skipped []array.Cell  `json:"skipped"`
}

// MeasureRetention writes all devices and then reads them again and again. It
// blocks and ends as MeasureThresholds does; asked to stop, it leaves the
// devices as written.
func MeasureRetention(ctx context.Context, bench array.DUT, clock instrument.Clock, waiter instrument.Waiter,
	spec RetentionSpec, o Options) (*Retention, error) {
	if err := spec.Validate(bench.Size()); err != nil {
		return nil, err
	}
	cells, skipped := o.usable(spec.Devices)
	out := &Retention{Spec: spec, Devices: []Retained{}, Skipped: skipped}
	written := make([]instrument.Seconds, len(cells))
	var last instrument.Seconds
	for i, cell := range cells {
		if err := run.CheckStop(ctx); err != nil {
			return out, err
		}
		r := Retained{Cell: cell, State: spec.States[i%len(spec.States)], Reads: []Aged{}}
		reason, err := spec.write(ctx, bench, cell, r.State, spec.Tolerance)
		if err != nil {
			return out, fmt.Errorf("retention: %w", err)
		}
		r.Reason = reason
		if written[i], err = clock.BenchTime(ctx); err != nil {
			return out, err
		}
		last = written[i]
		out.Devices = append(out.Devices, r)
		o.observe(spec.event("write", i+1, len(cells), 0, cell.String()))
	}
	ages := spec.ages()
	for i, age := range ages {
		now, err := clock.BenchTime(ctx)
		if err != nil {
			return out, err
		}
		if left := last + age - now; left > 0 {
			if err := waiter.Wait(ctx, left); err != nil {
				return out, fmt.Errorf("retention: %w", err)
			}
			o.observe(spec.event("wait", i+1, len(ages), age, "to "+age.String()))
		}
		for k := range out.Devices {
			if err := run.CheckStop(ctx); err != nil {
				return out, err
			}
			if err := spec.look(ctx, bench, clock, &out.Devices[k], written[k]); err != nil {
				return out, fmt.Errorf("retention: %w", err)
			}
		}
		o.observe(spec.event("read", i+1, len(ages), age, "after "+age.String()))
	}
	return out, spec.switchOff(ctx, bench, cells)
}

// event tells how far a measurement is: how many devices are written, or how many
// ages are waited for or read, the last of which is age.
func (s RetentionSpec) event(phase string, done, total int, age instrument.Seconds, note string) Event {
	ages := s.ages()
	work := []run.Work{{Kind: "write", Each: 10}, {Kind: "read", Steps: len(ages), Each: 1},
		{Kind: "wait", Steps: int(ages[len(ages)-1] - age), Each: 1}}
	e := Event{Phase: phase, Done: done, Total: total, Note: note}
	switch phase {
	case "write":
		work[0].Steps = total - done
	case "read":
		work[1].Steps = total - done
		work[0], work[1] = work[1], work[0]
	case "wait": // its steps are seconds
		work[1].Steps = total - done + 1
		work[0], work[2] = work[2], work[0]
		e.Steps = int(age)
		if done > 1 {
			e.Steps -= int(ages[done-2])
		}
	}
	e.Ahead = work
	return e
}

// look reads a device that was written, unless it was given up.
func (s RetentionSpec) look(ctx context.Context, bench array.DUT, clock instrument.Clock, r *Retained,
	written instrument.Seconds) error {
	if r.Reason != "" {
		return nil
	}
	p := &probe{bench: bench, conditions: s.Conditions, cell: r.Cell}
	if err := noVerdict(p.read(ctx), &r.Reason); err != nil || r.Reason != "" {
		return err
	}
	now, err := clock.BenchTime(ctx)
	if err != nil {
		return err
	}
	r.Reads = append(r.Reads, Aged{now - written, p.last})
	return nil
}

// write brings a device within the tolerance of a state; reason says why it is
// not there.
func (c Conditions) write(ctx context.Context, bench array.DUT, cell array.Cell, state instrument.Siemens,
	tolerance float64) (reason string, err error) {
	if err := bench.Expect(cell, c.bounds(0)); err != nil {
		return "", err
	}
	p := &probe{bench: bench, conditions: c, cell: cell}
	t := instrument.Siemens(tolerance)
	ok, err := p.bring(ctx, state*(1-t), state*(1+t))
	if err := noVerdict(err, &reason); err != nil {
		return "", err
	}
	if !ok && reason == "" {
		reason = fmt.Sprintf("%d pulses did not bring it within %g %% of %v: it is at %v", c.PreparePulses, 100*tolerance,
			state, p.last)
	}
	return reason, bench.Settle(nil)
}

// switchOff switches devices off at the end of a measurement.
func (c Conditions) switchOff(ctx context.Context, bench array.DUT, cells []array.Cell) error {
	for _, cell := range cells {
		if err := run.CheckStop(ctx); err != nil {
			return err
		}
		if err := bench.Expect(cell, c.bounds(0)); err != nil {
			return err
		}
		p := &probe{bench: bench, conditions: c, cell: cell}
		err := p.read(ctx)
		if err == nil {
			err = p.off(ctx)
		}
		if err != nil && !errors.Is(err, errUnreadable) {
			return fmt.Errorf("switching off: %w", err)
		}
		if err := bench.Settle(nil); err != nil {
			return err
		}
	}
	return nil
}

// Comparison lists what was measured; nothing is published for this stack.
func (r *Retention) Comparison() []keyfigure.Comparison {
	var list []keyfigure.Comparison
	for _, state := range r.Spec.States {
		var change, nu []float64
		for _, d := range r.Devices {
			if d.State == state {
				change, nu = append(change, d.Change()), append(nu, d.Exponent())
			}
		}
		c := population.Of(change)
		if c.N == 0 {
			continue
		}
		list = append(list,
			keyfigure.Comparison{What: fmt.Sprintf("change of %v from %v to %v", state, r.Spec.First, r.Spec.Last),
				Measured: c.Text(population.Format("%+.2f %%", 100))},
			keyfigure.Comparison{What: fmt.Sprintf("drift exponent of %v", state),
				Measured: population.Of(nu).Text(population.Format("%+.5f", 1))})
	}
	return list
}

// Figures shows the change since the first read, and the conductance itself,
// against age.
func (r *Retention) Figures() []figure.Figure {
	l := figure.Lines{Title: "Retention", Subtitle: fmt.Sprintf("read at %v", r.Spec.Read),
		X: figure.Axis{Label: "time since written", Unit: "s", Log: true},
		Y: figure.Axis{Label: "conductance", Unit: "S", Log: true}}
	change := figure.Lines{Title: "Retention: change since the first read", Subtitle: l.Subtitle, X: l.X,
		Y: figure.Axis{Label: "change of conductance", Unit: "%"}}
	ages := r.Spec.ages()
	for _, state := range r.Spec.States {
		x, values, changes, n := make([]float64, len(ages)), make([][]float64, len(ages)), make([][]float64, len(ages)), 0
		for _, d := range r.Devices {
			if d.State != state || len(d.Reads) == 0 {
				continue
			}
			n++
			s := behind(figure.Series{Name: fmt.Sprintf("%s, %v", d.Cell, state), Markers: true}, len(r.Devices))
			c := s
			for k, a := range d.Reads {
				moved := 100 * (float64(a.Conductance/d.Reads[0].Conductance) - 1)
				s.X, s.Y = append(s.X, float64(a.Age)), append(s.Y, float64(a.Conductance))
				c.X, c.Y = append(c.X, float64(a.Age)), append(c.Y, moved)
				if k < len(ages) {
					x[k], values[k], changes[k] = float64(a.Age), append(values[k], float64(a.Conductance)), append(changes[k], moved)
				}
			}
			l.Series, change.Series = append(l.Series, s), append(change.Series, c)
		}
		if len(r.Devices) > legendLimit && n > 0 {
			name := fmt.Sprintf("mean of %s at %v", population.Devices(n), state)
			l.Series, change.Series = append(l.Series, means(name, x, values)), append(change.Series, means(name, x, changes))
		}
	}
	caption := fmt.Sprintf(" of %s written to %d states, over the time since each was written. "+
		"Nothing is published for this stack. %s", population.Devices(len(r.Devices)), len(r.Spec.States), meanCaption)
	return []figure.Figure{{Name: "retention-change", Spec: change, Caption: "Change of the conductance" + caption},
		{Name: "retention", Spec: l, Caption: "Conductance" + caption}}
}

// WriteCSV writes one line per read.
func (r *Retention) WriteCSV(w io.Writer) error {
	lines := table{{"row", "col", "state_S", "age_s", "conductance_S"}}
	for _, d := range r.Devices {
		for _, a := range d.Reads {
			lines.add(d.Cell.Row, d.Cell.Col, float64(d.State), float64(a.Age), float64(a.Conductance))
		}
	}
	return lines.write(w)
}

// Notes says which devices were not followed.
func (r *Retention) Notes() []string {
	return notes(r.Skipped, r.Devices, func(d Retained) (array.Cell, string) { return d.Cell, d.Reason })
}

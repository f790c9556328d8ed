package tuning

import (
	"context"
	"fmt"
	"math"

	"xlab/instrument"
	"xlab/instrument/array"
)

// visit pulses one device until it is within the band, cannot get there or has
// used up its budget.
func (t *tuner) visit(ctx context.Context, d *device, band float64) error {
	budget := min(t.spec.PassBudget, t.spec.DeviceBudget-d.Pulses)
	if err := t.bench.Expect(d.Cell, t.spec.bounds(budget+deadTrials)); err != nil {
		return err
	}
	if err := t.approach(ctx, d, band, budget); err != nil {
		return err
	}
	return t.bench.Settle(d.Record)
}

func (t *tuner) approach(ctx context.Context, d *device, band float64, budget int) error {
	results, err := t.bench.Do(ctx, d.Cell, t.spec.read())
	if err != nil {
		return err
	}
	if !readable(results[0]) {
		t.unreadable(d, results[0])
		return nil
	}
	t.take(d, results[0])
	if d.last > 0 {
		d.Moved = math.Max(d.Moved, math.Abs(t.lines.g[d.index]/d.last-1))
	}
	d.Passes++
	first := len(d.Shots)
	accept := t.spec.Accept * t.spec.Tolerance
	most := 0.1
	if band <= t.spec.Tolerance {
		most = 0.3 * t.spec.Tolerance
	}
	harm := t.harm(d)
	for used := 0; ; used++ {
		now := t.lines.g[d.index]
		target := t.want[d.index] * (1 - t.disturb.toCome(d.index, d.Cell, now, most))
		d.last, d.guess, d.mark = now, now, t.disturb.mark(d.Cell)
		if math.Abs(now/target-1) <= band {
			if band <= t.spec.Tolerance {
				d.reached = true
			}
			return nil
		}
		if used >= budget {
			d.Reason = fmt.Sprintf("%d pulses were not enough", budget)
			return nil
		}
		v := t.policy.Next(View{Cell: d.Cell, Shots: d.Shots, Visit: first, Now: instrument.Siemens(now), Target: instrument.Siemens(target), Band: accept,
			Sag: func(up bool) float64 { return t.lines.sag(d.index, t.spec.scheme(up)) }, Harm: harm})
		scheme := t.spec.scheme(v > 0)
		sag := t.lines.sag(d.index, scheme)
		results, err := t.bench.Do(ctx, d.Cell, array.Pulse{Voltage: v, Width: t.spec.Width, Scheme: scheme, Compliance: t.spec.Compliance}, t.spec.read())
		if err != nil {
			return err
		}
		d.Pulses++
		t.disturb.pulse(d.Cell, v, scheme, sag)
		if !readable(results[1]) {
			t.unreadable(d, results[1])
			return nil
		}
		t.take(d, results[1])
		s := Shot{Voltage: v, Before: instrument.Siemens(now), After: instrument.Siemens(t.lines.g[d.index]), Sag: sag}
		d.Shots = append(d.Shots, s)
		t.policy.Learn(d.Cell, s)
		if t.exhausted(d.Shots[first:], v > 0) {
			return t.tryBothWays(ctx, d, v > 0)
		}
	}
}

func (t *tuner) take(d *device, r array.Result) {
	read := float64(r.Conductance())
	t.reads[d.index] = read
	t.lines.set(d.index, t.lines.device(d.index, read))
}

// readable tells whether a read is a measurement of the device and not of a
// source at its compliance.
func readable(r array.Result) bool { return r.Valid() && !r.InCompliance() }

// unreadable closes a device whose conductance cannot be told.
func (t *tuner) unreadable(d *device, r array.Result) {
	if d.closed != "" {
		return // it is not going to be touched anyway
	}
	d.closed = GaveUp
	d.Reason = fmt.Sprintf("the read at %v gives no conductance: ", t.spec.Read)
	if r.InCompliance() {
		d.Reason += "a source is in compliance; a short on this line, or a compliance too low for the array"
	} else {
		d.Reason += "beyond the measuring range or no value"
	}
}

const (
	// deadPulses is the number of strongest pulses in a row that must do
	// nothing before a device is suspected to be stuck.
	deadPulses = 5
	// deadChange is the relative change over them that counts as nothing. A
	// device near the end of its range still does more.
	deadChange = 0.01
)

// exhausted tells whether the last pulses of a visit were of the strongest in
// one direction and did nothing.
func (t *tuner) exhausted(shots []Shot, up bool) bool {
	if len(shots) < deadPulses {
		return false
	}
	_, strongest := t.spec.Pulses.span(up)
	last := shots[len(shots)-deadPulses:]
	for _, s := range last {
		if (s.Voltage > 0) != up || math.Abs(float64(s.Voltage)) < 0.999*strongest {
			return false
		}
	}
	return math.Abs(float64(last[deadPulses-1].After/last[0].Before)-1) < deadChange
}

// tryBothWays finds out whether a device that has stopped answering to the
// strongest pulses of one direction answers to those of the other. If not, it
// is stuck and is left alone; if it does, it has reached the end of what the
// allowed pulses can do.
func (t *tuner) tryBothWays(ctx context.Context, d *device, up bool) error {
	before := t.lines.g[d.index]
	_, strongest := t.spec.Pulses.span(!up)
	scheme := t.spec.scheme(!up)
	pulse := array.Pulse{Voltage: signed(strongest, !up), Width: t.spec.Width, Scheme: scheme, Compliance: t.spec.Compliance}
	results, err := t.bench.Do(ctx, d.Cell, pulse, pulse, pulse, t.spec.read())
	if err != nil {
		return err
	}
	d.Pulses += deadTrials
	for range deadTrials {
		t.disturb.pulse(d.Cell, pulse.Voltage, scheme, t.lines.sag(d.index, scheme))
	}
	if !readable(results[deadTrials]) {
		t.unreadable(d, results[deadTrials])
		return nil
	}
	t.take(d, results[deadTrials])
	now := t.lines.g[d.index]
	d.last, d.guess, d.mark = now, now, t.disturb.mark(d.Cell)
	if math.Abs(now/before-1) < deadChange {
		d.closed = Stuck
		d.Reason = fmt.Sprintf("answers to no pulse between %v and %v", t.spec.ResetMax, t.spec.SetMax)
		return nil
	}
	d.closed = GaveUp
	d.Reason = fmt.Sprintf("pulses of %v no longer move it", signed(strongestOf(t.spec.Pulses, up), up))
	return nil
}

// deadTrials is the number of pulses of the other direction.
const deadTrials = 3

func strongestOf(p Pulses, up bool) float64 {
	_, strongest := p.span(up)
	return strongest
}

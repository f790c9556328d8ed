package tuning

import (
	"context"
	"errors"
	"fmt"
	"math"

	"xlab/instrument"
	"xlab/instrument/array"
)

// complianceKey is the configuration key of every source's compliance.
const complianceKey = "tuning.compliance"

// faulty tells why a read cannot be used; "" when it can.
func faulty(r array.Result, v instrument.Volts) string {
	switch {
	case len(r.Limited) > 0:
		return fmt.Sprintf("the read at %v is no measurement: %s", v, array.Unheld(r.Limited, complianceKey))
	case r.InCompliance():
		return fmt.Sprintf("the read at %v was in compliance: a short on its lines, or a compliance too low", v)
	case !r.Valid():
		return fmt.Sprintf("the read at %v is not valid (status %08b): check range and connections", v, r.Status)
	}
	return ""
}

// visit pulses one device until it is within the band, cannot get there or has
// used up its budget. One intent covers all of it.
func (t *tuner) visit(ctx context.Context, d *device, band float64) error {
	perDevice, perPass := t.spec.budgets()
	budget := min(perPass, perDevice-d.Pulses)
	if budget <= 0 {
		d.close(GaveUp, "its budget of %d pulses is used up", perDevice)
		return nil
	}
	if err := t.bench.Expect(d.Cell, t.spec.bounds(budget)); err != nil {
		return err
	}
	if err := t.approach(ctx, d, band, budget); err != nil {
		return err
	}
	d.Final, d.Error = t.shown(d), t.error(d)
	return t.bench.Settle(d.Record)
}

// approach is the write-and-verify loop of one visit.
func (t *tuner) approach(ctx context.Context, d *device, band float64, budget int) error {
	results, err := t.do(ctx, d, t.spec.read())
	if err != nil || d.closed != "" {
		return err
	}
	t.take(d, results[0])
	d.unheld = nil
	if d.left > 0 {
		d.Moved = math.Max(d.Moved, math.Abs(t.lines.g[d.index]/d.left-1))
	}
	d.Passes++
	d.Reason = ""
	first := len(d.Shots)
	most := mostCoarse
	if band <= t.spec.Tolerance {
		most = mostFine * t.spec.Tolerance
	}
	harm := t.harm(d)
	for {
		now := t.lines.g[d.index]
		target := t.want[d.index] * (1 - t.disturb.toCome(d.index, d.Cell, now, most))
		d.left, d.guess, d.mark = now, now, t.disturb.mark(d.Cell)
		if math.Abs(now/target-1) <= band {
			d.reached = d.reached || band <= t.spec.Tolerance
			return nil
		}
		if len(d.Shots)-first == budget {
			d.Reason = fmt.Sprintf("%d pulses of one visit were not enough", budget)
			return nil
		}
		if stop, err := t.exhausted(ctx, d, first, target, harm); err != nil || stop {
			return err
		}
		v := t.policy.Next(View{Cell: d.Cell, Shots: d.Shots, Visit: first, Now: instrument.Siemens(now),
			Target: instrument.Siemens(target), Band: t.band,
			Sag: func(up bool) float64 { return t.lines.sag(d.index, t.spec.scheme(up)) }, Harm: harm})
		if err := t.shoot(ctx, d, v); err != nil || d.closed != "" {
			return err
		}
	}
}

// Targets are compensated for the disturb still to come by at most so much, in
// the coarse pass as a part of the target, later as a part of the tolerance:
// a forecast of a few pulses is mostly chance.
const (
	mostCoarse = 0.1
	mostFine   = 0.3
)

// shoot applies one pulse and reads the device.
func (t *tuner) shoot(ctx context.Context, d *device, v instrument.Volts) error {
	before, readBefore := t.lines.g[d.index], t.reads[d.index]
	scheme := t.spec.scheme(v > 0)
	sag := t.lines.sag(d.index, scheme)
	results, err := t.do(ctx, d, t.spec.Pulse(v), t.spec.read())
	if err != nil {
		return err
	}
	d.Pulses++
	t.disturb.pulse(d.Cell, v, scheme, sag)
	if d.closed != "" {
		return nil
	}
	t.take(d, results[1])
	if results[0].Unknown {
		return nil // it may not have happened: nothing can be learned from it
	}
	s := Shot{Voltage: v, Before: instrument.Siemens(before), After: instrument.Siemens(t.lines.g[d.index]), Sag: sag,
		ReadBefore: instrument.Siemens(readBefore), ReadAfter: instrument.Siemens(t.reads[d.index])}
	d.Shots = append(d.Shots, s)
	t.policy.Learn(d.Cell, s)
	return nil
}

// do performs steps on a device and closes it when one of them was faulty.
func (t *tuner) do(ctx context.Context, d *device, steps ...array.Step) ([]array.Result, error) {
	results, err := t.bench.Do(ctx, d.Cell, steps...)
	if err != nil {
		return nil, err
	}
	if len(results) != len(steps) {
		return nil, fmt.Errorf("device %s: %w", d.Cell, errNoResult)
	}
	for i, r := range results {
		// During a pulse the sources of the other lines carry the sum of all
		// unselected devices and may well be at their compliance; what the pulse
		// did is what the read behind it shows. What it did not do is no verdict.
		if steps[i].Stress() {
			if list := r.Unheld(); len(list) > 0 {
				d.unheld = list
			}
			continue
		}
		if fault := faulty(r, t.spec.read().Voltage); fault != "" && d.closed == "" {
			d.fault = true
			d.close(GaveUp, "%s", fault)
		}
	}
	return results, nil
}

func (t *tuner) take(d *device, r array.Result) {
	read := float64(r.Conductance())
	t.reads[d.index] = read
	t.lines.set(d.index, t.lines.device(d.index, read))
}

// tooMany is the number of further pulses of that effect that would be too
// many; fewer are when they harm others.
const tooMany = 40

// exhausted tells that the strongest pulses do not bring a device any nearer. A
// device that does not move at all is tried once in the other direction: one
// that answers to neither is stuck.
func (t *tuner) exhausted(ctx context.Context, d *device, first int, target float64,
	harm func(instrument.Volts) float64) (bool, error) {
	visit := d.Shots[first:]
	if len(visit) < without {
		return false, nil
	}
	latest := visit[len(visit)-without:]
	up := latest[0].Voltage > 0
	moved := 0.0
	for _, s := range latest {
		if !t.spec.Pulses.strongest(s.Voltage) || (s.Voltage > 0) != up {
			return false, nil
		}
		moved += s.change() / without
	}
	now := t.lines.g[d.index]
	limit := latest[0].Voltage
	if (now < target) != up || math.Abs(target-now) < tooMany/(1+harm(limit))*moved {
		return false, nil
	}
	if t.answers(latest) || d.tried {
		reason := fmt.Sprintf("pulses of %v move it by %.2g %% each, it is %.2g %% away", limit, 100*moved/now,
			100*math.Abs(target/now-1))
		if len(d.unheld) > 0 {
			reason += "; " + array.Unheld(d.unheld, complianceKey)
		}
		if d.Reason = reason; d.limited {
			d.close(GaveUp, "%s", reason)
		}
		d.limited = true
		return true, nil
	}
	d.tried = true
	_, strongest := t.spec.Pulses.span(!up)
	back := signed(strongest, !up)
	for before := len(d.Shots); len(d.Shots) < before+without; {
		if perDevice, _ := t.spec.budgets(); d.Pulses >= perDevice {
			break
		}
		if err := t.shoot(ctx, d, back); err != nil || d.closed != "" {
			return true, err
		}
		if made := d.Shots[before:]; len(made) > 0 && t.answers(made) {
			d.Reason = fmt.Sprintf("answers to %v but not to %v", back, limit)
			return true, nil
		}
	}
	d.left = t.lines.g[d.index]
	if len(d.unheld) > 0 {
		d.close(GaveUp, "no verdict at %v: answers neither to %v nor to %v, but %s", t.shown(d), limit, back,
			array.Unheld(d.unheld, complianceKey))
		return true, nil
	}
	d.close(Stuck, "at %v: answers neither to %v nor to %v", t.shown(d), limit, back)
	return true, nil
}

// answers tells whether pulses changed a device by more than the reads' noise.
func (t *tuner) answers(shots []Shot) bool {
	const deviations = 3
	sum := 0.0
	for _, s := range shots {
		sum += s.change()
	}
	return sum > deviations*t.spec.ReadNoise*float64(shots[0].Before)
}

// others lists the devices that pulses on d can put wrong: those on its lines
// that are open and not going to be visited in this pass any more.
func (t *tuner) others(d *device) []*device {
	var list []*device
	add := func(k int) {
		if o := t.devices[k]; o != nil && o != d && o.closed == "" && !t.disturb.waiting[k] {
			list = append(list, o)
		}
	}
	for c := range t.cols {
		add(d.Cell.Row*t.cols + c)
	}
	for r := range t.rows {
		add(r*t.cols + d.Cell.Col)
	}
	return list
}

const (
	// harmPerBand is the number of pulses that a device costs that is moved by
	// its band, on average: most are not at the edge of theirs.
	harmPerBand = 0.2
	// harmMost is what one device costs at most, however far it is moved.
	harmMost = 3
)

// harm prepares the estimate of what pulses on a device do to the others, in
// pulses that put them right again.
func (t *tuner) harm(d *device) func(v instrument.Volts) float64 {
	others := t.others(d)
	var tables [2]harm
	for _, up := range []bool{true, false} {
		weakest, strongest := t.spec.Pulses.span(up)
		scheme := t.spec.scheme(up)
		sag := t.lines.sag(d.index, scheme)
		tables[direction(up)] = newHarm(up, weakest, strongest, func(v instrument.Volts) float64 {
			e := t.disturb.law.halfSelected(v, scheme, sag)
			sum := 0.0
			for _, o := range others {
				bands := t.disturb.scale[direction(up)] * t.disturb.moved(o.index, t.lines.g[o.index], e) / t.band
				sum += harmPerBand * bands / (1 + bands*harmPerBand/harmMost)
			}
			return sum
		})
	}
	return func(v instrument.Volts) float64 { return tables[direction(v > 0)].at(math.Abs(float64(v))) }
}

var errNoResult = errors.New("the bench gave fewer results than steps")

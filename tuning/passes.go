package tuning

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run"
)

// run carries out all passes. Every return without an error follows a read of
// the whole array after which nothing was done.
func (t *tuner) run(ctx context.Context) error {
	if err := t.readAll(ctx); err != nil {
		return err
	}
	if err := t.formed(); err != nil {
		return err
	}
	if err := t.aim(); err != nil {
		return err
	}
	for _, d := range t.asked {
		d.Start = t.shown(d)
	}
	if coarse := t.policy.Coarse(); coarse > t.band {
		if err := t.pass(ctx, PhaseCoarse, coarse, t.largestFirst(t.outside(coarse))); err != nil {
			return err
		}
		if err := t.readAll(ctx); err != nil {
			return err
		}
		t.aimAgain()
	}
	if err := t.pass(ctx, PhaseFine, t.band, t.sensitiveLast(t.outside(t.band))); err != nil {
		return err
	}
	return t.touchUp(ctx)
}

// patience is the number of rounds without progress after which touching up
// ends at the next state that is no worse than the best one so far.
const patience = 2

// touchUp reads all devices and visits those that are not where they were left,
// until all are right or no progress is made.
func (t *tuner) touchUp(ctx context.Context) error {
	fewest, stalled := math.MaxInt, 0
	for pass := 0; ; pass++ {
		if err := t.readAll(ctx); err != nil {
			return err
		}
		t.aimAgain()
		wrong := len(t.outside(t.spec.Tolerance))
		stalled++
		if wrong < fewest {
			fewest, stalled = wrong, 0
		}
		// Chance decides about a few devices in each round, so it does not end
		// right after a bad one.
		if wrong == 0 || pass == t.spec.Passes || stalled >= patience && wrong <= fewest || stalled >= 2*patience {
			return nil
		}
		list := t.open(func(d *device) bool { return t.away(d) > t.band })
		if err := t.pass(ctx, PhaseTouchUp, t.band, t.sensitiveLast(list)); err != nil {
			return err
		}
	}
}

// outside lists the open devices farther from their target than a band.
func (t *tuner) outside(band float64) []*device {
	return t.open(func(d *device) bool { return math.Abs(t.error(d)) > band })
}

// largestFirst puts the largest changes first: their pulses disturb most, and
// the lines sag least while the neighbours still conduct little.
func (t *tuner) largestFirst(list []*device) []*device {
	distance := func(d *device) float64 {
		return math.Abs(math.Log(math.Max(t.lines.g[d.index], lowest) / t.want[d.index]))
	}
	slices.SortStableFunc(list, func(a, b *device) int { return cmp.Compare(distance(b), distance(a)) })
	return list
}

// sensitiveLast puts those last that the others' pulses move most.
func (t *tuner) sensitiveLast(list []*device) []*device {
	exposed := make(map[*device]float64, len(list))
	for _, d := range list {
		exposed[d] = t.disturb.exposed(d.index, t.lines.g[d.index])
	}
	slices.SortStableFunc(list, func(a, b *device) int { return cmp.Compare(exposed[a], exposed[b]) })
	return list
}

// pass visits devices until each is within the band.
func (t *tuner) pass(ctx context.Context, phase Phase, band float64, list []*device) error {
	if len(list) == 0 {
		return nil
	}
	t.passes++
	t.after = phase
	t.disturb.begin(list)
	for i, d := range list {
		if err := run.CheckStop(ctx); err != nil {
			return err
		}
		if err := t.visit(ctx, d, band); err != nil {
			return fmt.Errorf("tuning pass %d: %w", t.passes, err)
		}
		t.disturb.visited(d.Cell)
		// The formula that follows the lines from device to device is only good
		// near an exact solution.
		const often = 10
		if t.visits++; t.visits%often == 0 {
			t.lines.refresh()
		}
		t.observe(Event{Phase: phase, Pass: t.passes, Done: i + 1, Total: len(list), Record: d.Record})
	}
	return nil
}

// trust is the weight of a new read against those before it: part of what two
// reads differ by is noise.
const trust = 0.5

// readAll reads every cell of the array and takes the lines out.
func (t *tuner) readAll(ctx context.Context) error {
	failed := 0
	var limited []array.Limited             // sources of the last read that was none
	usable := make([]float64, len(t.reads)) // NaN where there is no usable read
	for k := range t.reads {
		if err := run.CheckStop(ctx); err != nil {
			return err
		}
		cell := array.Cell{Row: k / t.cols, Col: k % t.cols}
		results, err := t.bench.Do(ctx, cell, t.spec.read())
		if err != nil {
			return err
		}
		if len(results[0].Limited) > 0 {
			limited = results[0].Limited
		}
		fault := faulty(results[0], t.spec.Read)
		if fault != "" {
			failed++
			if d := t.devices[k]; d != nil && d.closed == "" {
				d.fault = true
				d.close(GaveUp, "%s", fault)
			}
		}
		t.reads[k] = float64(results[0].Conductance())
		if usable[k] = t.reads[k]; fault != "" {
			usable[k] = math.NaN()
		}
		t.observe(Event{Phase: PhaseRead, Pass: t.passes, Done: k + 1, Total: len(t.reads)})
	}
	if failed*4 > len(t.reads) {
		return &instrument.Error{Op: "tuning read of array " + t.name, Kind: instrument.KindInstrument,
			Err: fmt.Errorf("%d of %d reads are not valid or in compliance", failed, len(t.reads)),
			Advice: cmp.Or(array.Unheld(limited, complianceKey),
				"check the measuring range, the compliance and the connections of the array")}
	}
	g, err := t.lines.devices(usable)
	if err != nil {
		return usage(t.name, "taking the lines out of the reads: %w", "set tuning.lines to what the lines really have", err)
	}
	t.lines.assume(g)
	t.compare(g)
	return nil
}

// compare learns from the devices that were left alone since their last visit,
// and from the first read for those that were never asked for.
func (t *tuner) compare(g []float64) {
	if t.first == nil {
		t.first = slices.Clone(g)
	}
	var list []reread
	for k, now := range g {
		d := t.devices[k]
		switch {
		case d == nil:
			if before := t.first[k]; before > conducts(t.spec) {
				t.bystanders = math.Max(t.bystanders, math.Abs(now/before-1))
			}
		case d.left > 0:
			d.Moved = math.Max(d.Moved, math.Abs(now/d.left-1))
			d.guess += trust * (now - d.guess)
			list = append(list, reread{change: now/d.left - 1, predicted: t.disturb.received(k, d.Cell, d.left, d.mark)})
		default:
			d.guess = now
		}
	}
	// The coarse pass's own disturb hides any drift.
	t.disturb.learn(list, 2*t.spec.ReadNoise, t.passes > 1)
}

// conducts is the conductance below which a device does not count as formed.
func conducts(s Spec) float64 { return float64(s.RangeMin) / 10 }

// formed refuses an array of which most devices asked for do not conduct.
func (t *tuner) formed() error {
	open := len(t.open(nil))
	pristine := len(t.open(func(d *device) bool { return t.lines.g[d.index] < conducts(t.spec) }))
	if 2*pristine > open {
		return usage(t.name, "%d of %d devices read less than %v: they were never formed",
			"form the array first (`xlab form`)",
			pristine, open, instrument.Siemens(conducts(t.spec)))
	}
	return nil
}

// aim finds the device conductances that give the targets when all devices are
// at theirs.
func (t *tuner) aim() error {
	for _, d := range t.asked {
		t.want[d.index] = float64(d.Target)
	}
	if t.spec.Compensate {
		return nil
	}
	err := t.aimWhere(nil)
	if err == nil {
		return nil
	}
	if below, ok := errors.AsType[*hidden](err); ok {
		return usage(t.name, "the targets cannot all be read at once: the target of %s is %v, but %w", "raise that "+
			"target, lower those of the other devices of its row and column, or let the targets be those of the devices "+
			"(tuning.compensate)",
			below.cell, t.devices[below.cell.Row*t.cols+below.cell.Col].Target, below)
	}
	const text = "the targets cannot all be read at once: %w"
	o, ok := t.lines.overload(t.shownWith(nil))
	if !ok {
		return usage(t.name, text, "lower the targets, or let them be those of the devices (tuning.compensate)", err)
	}
	highest := instrument.Siemens(0)
	for _, d := range t.open(nil) {
		highest = max(highest, d.Target)
	}
	return usage(t.name, text+": row %d would have to show %v in sum and column %d %v, but behind contacts of %v "+
		"devices of up to %v show no more than %v and %v there",
		fmt.Sprintf("lower all targets to %.2f times what they are (the highest from %v to %v), or those of this row and "+
			"column further, or let the targets be those of the devices (tuning.compensate)",
			o.part, highest, highest*instrument.Siemens(o.part)),
		array.ErrUnreadable, o.row, o.rowSum, o.col, o.colSum, t.spec.Lines.Contact, instrument.Siemens(t.lines.most),
		o.rowMost, o.colMost)
}

// far is the relative distance beyond which a device is not expected to get to
// its target soon.
const far = 0.1

// aimAgain follows what the devices have become that are not at their targets:
// the others' reads depend on them. Where that makes the targets unreadable the
// aims stay as they were.
func (t *tuner) aimAgain() {
	if !t.spec.Compensate {
		_ = t.aimWhere(func(d *device) bool { return math.Abs(t.error(d)) < far })
	}
}

// shownWith gives what cells are to show when some devices are at their targets:
// NaN for the others, which stay as they are.
func (t *tuner) shownWith(there func(d *device) bool) []float64 {
	shown := slices.Repeat([]float64{math.NaN()}, len(t.reads))
	for _, d := range t.open(there) {
		shown[d.index] = float64(d.Target)
	}
	return shown
}

// aimWhere aims for the targets of some devices with the rest as they are. What
// the cells of the rest show changes with the targets, so that it is no use.
func (t *tuner) aimWhere(there func(d *device) bool) error {
	g, err := t.lines.aims(t.shownWith(there))
	if err != nil {
		return err
	}
	for _, d := range t.open(there) {
		t.want[d.index] = g[d.index]
	}
	return nil
}

// outcome collects the records; err is what ended the run.
func (t *tuner) outcome(err error) *Outcome {
	o := &Outcome{Reads: t.reads, Devices: t.lines.g, Passes: t.passes, Bystanders: t.bystanders}
	for _, d := range t.asked {
		d.Final, d.Error = t.shown(d), t.error(d)
		switch {
		case d.fault || d.closed != "" && d.closed != GaveUp:
			d.Verdict = d.closed
		case math.Abs(d.Error) <= t.spec.Tolerance:
			d.Verdict, d.Reason = InTolerance, ""
		case d.closed != "":
			d.Verdict = d.closed
		case err != nil && !d.reached:
			d.Verdict, d.Reason = GaveUp, "the run ended before it was there"
			if !d.Known() {
				d.Reason = "the run ended before it was read"
			}
		case d.reached:
			d.Verdict = Disturbed
			d.Reason = fmt.Sprintf("left within %.2g %% of its target after visit %d, now %+.2g %% away: moved by pulses on "+
				"its lines, or drifted", 100*t.band, d.Passes, 100*d.Error)
		default:
			d.Verdict = GaveUp
			d.Reason = cmp.Or(d.Reason, "out of tolerance when the passes were used up")
		}
		o.Records = append(o.Records, d.Record)
	}
	return o
}

func usage(name, format, advice string, args ...any) error {
	return &instrument.Error{Op: "tuning array " + name, Kind: instrument.KindUsage, Err: fmt.Errorf(format, args...),
		Advice: advice}
}

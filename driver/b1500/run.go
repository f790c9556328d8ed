package b1500

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"

	"xlab/driver/flex"
	"xlab/instrument"
)

// Cost checks the steps against the limits and gives the analyzer's own time
// for them by its data sheet, without any communication. It sends nothing and
// may be called before Open, when all units count as high-resolution ones. It
// waits for a Run that is under way.
func (d *Device) Cost(steps ...instrument.Step) (instrument.Seconds, error) {
	_ = d.turn.Acquire(context.Background(), 1) // without an end it does not fail
	defer d.give()
	checked, err := d.check(steps)
	if err != nil {
		return 0, err
	}
	total := instrument.Seconds(0)
	for _, step := range checked {
		total += step.busy()
	}
	return total, nil
}

func (d *Device) check(steps []instrument.Step) ([]checkedStep, error) {
	if err := d.checkOptions("b1500 run"); err != nil {
		return nil, err
	}
	c := &checker{limits: d.o.Limits, channels: d.o.Channels, lineFrequency: d.o.LineFrequency, ranges: d.ranges}
	return c.all(steps)
}

// Run performs the steps in order. All are checked before the first byte
// leaves. As many as fit into the adapter's read time-out make one
// conversation, the error queue read at its end; a step that is longer is
// started, polled for, and then read. Results are those of the conversations
// that the error queue confirmed, which with an error may be fewer than steps.
//
// A step that no byte was sent for leaves the device as it was. Any later
// error leaves the outputs' state unknown: see Open.
func (d *Device) Run(ctx context.Context, steps ...instrument.Step) ([]instrument.Result, error) {
	const op = "b1500 run"
	if len(steps) == 0 {
		return nil, nil
	}
	if err := d.take(ctx, op); err != nil {
		return nil, err
	}
	defer d.give()
	checked, err := d.check(steps)
	if err != nil {
		return nil, err
	}
	if err := d.runnable(op); err != nil {
		return nil, err
	}
	results := make([]instrument.Result, 0, len(checked))
	for len(checked) > 0 {
		n := d.fitting(checked)
		done, err := d.conversation(ctx, op, checked[:n])
		if err != nil {
			return results, err
		}
		results = append(results, done...)
		checked = checked[n:]
	}
	return results, nil
}

func (d *Device) runnable(op string) error {
	switch d.state {
	case ready:
		return nil
	case unknown:
		return &instrument.Error{Op: op, Kind: instrument.KindUsage,
			Err:    fmt.Errorf("the state of the outputs is unknown since an earlier error: %w", d.cause),
			Advice: "make the analyzer safe and open it again; nothing was sent"}
	}
	return &instrument.Error{Op: op, Kind: instrument.KindUsage,
		Err:    errors.New("the analyzer is not open: its outputs are switched off"),
		Advice: "open the analyzer first; nothing was sent"}
}

// budget is the part of the adapter's read time-out that the steps of one
// conversation may fill: range changes and the bus itself take some too.
func (d *Device) budget() instrument.Seconds {
	return instrument.Seconds(0.75 * d.o.ReadTimeout.Seconds())
}

// fitting is how many of the steps make one conversation, at least one.
func (d *Device) fitting(checked []checkedStep) int {
	total := instrument.Seconds(0)
	for i, step := range checked {
		total += step.busy()
		if total > d.budget() {
			return max(i, 1)
		}
	}
	return len(checked)
}

// conversation encodes, sends, reads and confirms. Whatever goes wrong in it
// makes the state unknown.
func (d *Device) conversation(ctx context.Context, op string, checked []checkedStep) ([]instrument.Result, error) {
	programs := make([]*program, len(checked))
	settings := d.settings.clone()
	var parts []flex.Part
	total := instrument.Seconds(0)
	for i, step := range checked {
		p, err := encode(settings, step, d.o.Channels, d.o.FixedRanges)
		if err != nil {
			return nil, &instrument.Error{Op: op, Kind: instrument.KindUsage, Err: err}
		}
		programs[i] = p
		total += p.busy
		for j, line := range p.lines {
			parts = append(parts, flex.Part{Command: line, Reply: p.answer && j == len(p.lines)-1})
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, &instrument.Error{Op: op, Kind: instrument.KindOf(err), Err: err}
	}
	d.settings = settings
	started := time.Now()
	var replies []string
	var err error
	if total > d.budget() {
		replies, err = d.converseLong(ctx, op, total, parts)
	} else {
		replies, err = d.converse(ctx, op, total, append(parts, ask("ERRX?"))...)
	}
	if err != nil {
		return nil, d.lose(ctx, op, err)
	}
	if d.log.Enabled(ctx, slog.LevelDebug) {
		d.log.Debug("analyzer conversation", "steps", len(checked), "parts", len(parts), "busy", float64(total), "wall",
			time.Since(started))
	}

	// The queue speaks before the answers: an error explains a strange answer.
	if err := d.confirm(ctx, op, replies[len(replies)-1]); err != nil {
		return nil, err
	}
	results := make([]instrument.Result, len(programs))
	for i, p := range programs {
		answer := ""
		if p.answer {
			answer, replies = replies[0], replies[1:]
		}
		if results[i], err = p.result(op, answer); err != nil {
			return nil, d.lose(ctx, op, err)
		}
	}
	return results, nil
}

// converseLong is for one step that takes longer than the adapter waits.
func (d *Device) converseLong(ctx context.Context, op string, busy instrument.Seconds,
	parts []flex.Part) ([]string, error) {
	last := &parts[len(parts)-1]
	answer := last.Reply
	last.Reply = false
	if _, err := d.converse(ctx, op, 0, parts...); err != nil {
		return nil, err
	}
	// From here on the step is under way, whatever was not sent after it.
	if err := d.bus.AwaitReady(ctx, flex.StatusSetReady, d.patience(busy)); err != nil {
		return nil, begun(linkError(op, err))
	}
	var reading []flex.Part
	if answer {
		reading = append(reading, ask(""))
	}
	replies, err := d.converse(ctx, op, 0, append(reading, ask("ERRX?"))...)
	return replies, begun(err)
}

// begun is for an error behind a step that was sent: where it says that nothing
// was sent, which is true of what followed, it must not say so of the step.
func begun(err error) error {
	if !errors.Is(err, instrument.ErrNotSent) {
		return err
	}
	return &instrument.Error{Op: "after the step was begun", Kind: instrument.KindOf(err), Err: errors.New(err.Error())}
}

// result turns the answer into readings. Records in another order, of another
// type or of another number are an error: they belong to another question.
func (p *program) result(op, answer string) (instrument.Result, error) {
	out := instrument.Result{Busy: p.busy, Points: make([]instrument.Point, len(p.levels))}
	if !p.answer {
		return out, nil
	}
	records, err := flex.ParseRecords(flex.FMT21, answer)
	if err != nil {
		return out, err
	}
	if len(records) != len(p.levels)*len(p.expect) {
		return out, &instrument.Error{Op: op, Kind: instrument.KindProtocol,
			Err: fmt.Errorf("%d records where %d were measured: %.80q", len(records), len(p.levels)*len(p.expect), answer)}
	}
	for i, level := range p.levels {
		readings := make([]instrument.Reading, len(p.expect))
		for j, want := range p.expect {
			r := records[i*len(p.expect)+j]
			if r.Channel != int(want.channel) || r.Type != want.kind {
				return out, &instrument.Error{Op: op, Channel: channelName(want.channel), Kind: instrument.KindProtocol,
					Err: fmt.Errorf("record %d is of channel %d and type %c, not of channel %d and type %c",
						i*len(p.expect)+j+1, r.Channel, r.Type, want.channel, want.kind)}
			}
			readings[j] = instrument.Reading{Channel: want.channel, Value: r.Value, Status: status(r)}
			if err := p.plausible(op, readings[j], want.kind); err != nil {
				return out, err
			}
		}
		out.Points[i] = instrument.Point{Source: level, Readings: readings}
	}
	if p.abort {
		out.Points = reached(out.Points)
		out.Busy *= instrument.Seconds(len(out.Points)) / instrument.Seconds(len(p.levels))
	}
	return out, nil
}

// aboveBound is how far a reading may be above the compliance that bounds it: a
// source that settles at its compliance overshoots, and its meter has an error.
const aboveBound = 1.5

// plausible refuses a value that no source of the step can have made: an exponent
// that was changed on the way still has the form of a number.
func (p *program) plausible(op string, r instrument.Reading, kind flex.Type) error {
	most, unit := p.mostAmps, instrument.Amps(r.Value).String()
	if kind == flex.TypeVoltage {
		most, unit = p.mostVolts, instrument.Volts(r.Value).String()
	}
	if most == 0 || r.Status&(instrument.StatusOverflow|instrument.StatusInvalid) != 0 ||
		math.Abs(r.Value) <= aboveBound*most {
		return nil
	}
	return &instrument.Error{Op: op, Channel: channelName(r.Channel), Kind: instrument.KindProtocol,
		Err:    fmt.Errorf("the answer says %s where the compliance allows %g", unit, most),
		Advice: "a digit may have been changed on the way; check the adapter's cable"}
}

func status(r flex.Record) instrument.Status {
	var s instrument.Status
	for _, bit := range []struct {
		flex flex.Status
		is   instrument.Status
	}{
		{flex.Overflow, instrument.StatusOverflow},
		{flex.Oscillation, instrument.StatusOscillating},
		{flex.OtherCompliance, instrument.StatusOtherCompliance},
		{flex.Compliance, instrument.StatusCompliance},
		{flex.Invalid | flex.NotFound | flex.SearchStopped | flex.Saturation, instrument.StatusInvalid},
	} {
		if r.Status&bit.flex != 0 {
			s |= bit.is
		}
	}
	if r.Missing() {
		s |= instrument.StatusOverflow
	}
	return s
}

// reached cuts off the levels behind the one at which the staircase stopped.
// The analyzer fills them with values that stand for "not measured"; a level
// behind the stop that does hold a value means it went on, and nothing is cut.
func reached(points []instrument.Point) []instrument.Point {
	stop := slices.IndexFunc(points, stops) + 1
	if stop == 0 {
		return points
	}
	for _, p := range points[stop:] {
		for _, r := range p.Readings {
			if r.Status&instrument.StatusOverflow == 0 {
				return points
			}
		}
	}
	return points[:stop]
}

// stops reports what ends a staircase under WM 2: compliance of any unit, a
// value beyond its range, oscillation.
func stops(p instrument.Point) bool {
	return slices.ContainsFunc(p.Readings, func(r instrument.Reading) bool { return r.Status != 0 })
}

// confirm reads the error queue's answer at the end of a conversation.
func (d *Device) confirm(ctx context.Context, op, answer string) error {
	entry, err := flex.ParseError(answer)
	if err != nil {
		return d.lose(ctx, op, err)
	}
	if entry == nil {
		return nil
	}
	return d.lose(ctx, op, entry)
}

// lose marks the state of the outputs as unknown because of err and finds out
// what else there is to know: the interlock, and the rest of the error queue.
// It asks nothing when ctx has ended, so that cancelling stays immediate.
func (d *Device) lose(ctx context.Context, op string, err error) error {
	var entry *flex.QueueError
	out := &instrument.Error{Op: op, Kind: instrument.KindOf(err), Err: err}
	if e, is := err.(*instrument.Error); is {
		known := *e
		if known.Op != op {
			known.Op = op + ", " + known.Op
		}
		out = &known
	}
	if errors.As(err, &entry) {
		out.Kind, out.Advice = entry.Kind(), entry.Advice()
	}
	d.state, d.cause = unknown, err
	if ctx.Err() != nil {
		return out
	}
	status, failed := d.bus.StatusByte(ctx)
	if failed != nil {
		d.log.Warn("status byte could not be read after an error", "error", failed)
		return out
	}
	if entry == nil {
		// Late answers may be on their way; they must not be taken for the
		// queue's. The clear comes after the poll, whose bits it resets.
		if failed := d.bus.Clear(ctx); failed != nil {
			d.log.Warn("device clear failed after an error", "error", failed)
			return out
		}
	}
	rest, failed := d.drainQueue(ctx, op)
	if failed != nil {
		d.log.Warn("error queue could not be read after an error", "error", failed)
	}
	for _, e := range rest {
		out.Err = fmt.Errorf("%w, and %w", out.Err, e)
		// The analyzer's own words explain a missing answer, and an open
		// interlock explains everything.
		if entry == nil || e.Kind() == instrument.KindInterlock {
			entry = e
			out.Kind, out.Advice = e.Kind(), e.Advice()
		}
	}
	if status&flex.StatusInterlockOpen != 0 {
		out = interlockOpen(op, out.Err)
	}
	d.cause = out.Err
	return out
}

func interlockOpen(op string, err error) *instrument.Error {
	said := errors.New("the status byte says that the interlock circuit is open")
	return &instrument.Error{Op: op, Kind: instrument.KindInterlock, Err: cmp.Or(err, said),
		Advice: (&flex.QueueError{Message: "interlock"}).Advice()}
}

// drainQueue reads the error queue until it is empty. The queue holds 30.
func (d *Device) drainQueue(ctx context.Context, op string) ([]*flex.QueueError, error) {
	const most = 31
	var entries []*flex.QueueError
	for range most {
		replies, err := d.converse(ctx, op, 0, ask("ERRX?"))
		if err != nil {
			return entries, err
		}
		entry, err := flex.ParseError(replies[0])
		if err != nil {
			return entries, err
		}
		if entry == nil {
			return entries, nil
		}
		d.log.Warn("analyzer error queue", "code", entry.Code, "message", entry.Message)
		entries = append(entries, entry)
	}
	return entries, &instrument.Error{Op: op, Kind: instrument.KindInstrument,
		Err:    fmt.Errorf("the error queue does not empty after %d entries", most),
		Advice: "power-cycle the analyzer"}
}

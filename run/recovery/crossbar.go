package recovery

import (
	"context"
	"errors"
	"fmt"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run"
	"xlab/run/record"
)

// Crossbar puts the ladder in front of a crossbar: steps that were not begun and
// steps that only read are repeated once the bench is back. Stress of which it
// is not known whether it happened is not: its results are Unknown, and of what
// was asked for only the reads are performed, one at least.
func (l *Ladder) Crossbar(name string, c array.Leaky) array.Leaky {
	return &crossbar{Leaky: c, name: name, ladder: l}
}

type crossbar struct {
	array.Leaky
	name   string // of the array
	ladder *Ladder

	checked bool
	busy    instrument.Seconds // of the instruments, since they were checked
}

// checkEvery is how long an exchange that went well, with an empty error queue at
// its end, vouches for the instruments, in time that they are busy. To ask
// before every pulse would make it a tenth longer.
const checkEvery instrument.Seconds = 1

// Do performs the steps; see Ladder.Crossbar.
func (c *crossbar) Do(ctx context.Context, cell array.Cell, steps ...array.Step) ([]array.Result, error) {
	l := c.ladder
	if l.o.Check != nil && stresses(steps) && (!c.checked || c.busy >= checkEvery) {
		c.checked = false
		if err := l.Repeat(ctx, fmt.Sprintf("looking at the instruments before device %s is stressed", cell),
			l.o.Check); err != nil {
			return nil, array.NotBegun(err)
		}
		c.checked, c.busy = true, 0
	}
	results := make([]array.Result, 0, len(steps))
	for attempt := 1; ; attempt++ {
		more, err := c.Leaky.Do(ctx, cell, steps[len(results):]...)
		for _, r := range more {
			c.busy += r.Busy
		}
		c.checked = c.checked && err == nil
		results = append(results, more...)
		if len(more) > 0 {
			attempt = 1
		}
		if err == nil || ctx.Err() != nil || !Recoverable(err) || len(results) > len(steps) {
			return results, err
		}
		what, begun := "device "+cell.String(), !errors.Is(err, array.ErrNotBegun)
		if begun && stresses(steps[len(results):]) {
			if lost := l.bring(ctx, what, err, false); lost != nil {
				return results, lost
			}
			return c.resolve(ctx, cell, steps, results)
		}
		if err := l.climb(ctx, what, err, attempt); err != nil {
			if !begun {
				err = array.NotBegun(err)
			}
			return results, err
		}
	}
}

// resolve goes on behind stress of which it is not known whether it happened, as
// a run that is taken up does: the device is read, and nothing else is done to
// it. Without a read among the steps Options.Read is performed and journaled.
func (c *crossbar) resolve(ctx context.Context, cell array.Cell, steps []array.Step,
	results []array.Result) ([]array.Result, error) {
	var reads []array.Step
	for _, s := range steps[len(results):] {
		if !s.Stress() {
			reads = append(reads, s)
		}
	}
	var measured []array.Result
	var err error
	if len(reads) > 0 {
		measured, err = c.Do(ctx, cell, reads...) // reads only: never comes back here
	} else {
		rows, cols := c.Size()
		err = record.ReadBack(ctx, c, c.name, cell.Devices(rows, cols), c.ladder.o.Read, c.ladder.o.Journal)
	}
	if err != nil {
		return results, begun(err)
	}
	for _, s := range steps[len(results):] {
		if s.Stress() {
			results = append(results, array.Result{Unknown: true})
			continue
		}
		results, measured = append(results, measured[0]), measured[1:]
	}
	return results, nil
}

// begun cuts the chain of an error that says that nothing was begun, when that
// is said of a read behind stress that was.
func begun(err error) error {
	if !errors.Is(err, array.ErrNotBegun) {
		return err
	}
	return &run.Ended{Outcome: run.OutcomeOf(err), Err: &instrument.Error{Op: "reading behind stress of which it is " +
		"not known whether it happened",
		Kind: instrument.KindOf(err), Err: errors.New(err.Error())}}
}

// Leakage measures until it succeeds, bringing the bench back in between.
func (c *crossbar) Leakage(ctx context.Context, v instrument.Volts, compliance instrument.Amps,
	aperture instrument.Seconds) (m array.Leakage, err error) {
	err = c.ladder.Repeat(ctx, "measuring the leakage of array "+c.name, func(ctx context.Context) (err error) {
		m, err = c.Leaky.Leakage(ctx, v, compliance, aperture)
		return err
	})
	return m, err
}

func stresses(steps []array.Step) bool {
	for _, s := range steps {
		if s.Stress() {
			return true
		}
	}
	return false
}

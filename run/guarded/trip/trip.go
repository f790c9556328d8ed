package trip

import (
	"context"
	"errors"
	"fmt"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run"
	"xlab/run/record"
)

// Trip is a condition that is not met.
type Trip struct {
	What  string `json:"what"`  // in words
	Value string `json:"value"` // that was found
	Limit string `json:"limit"` // that it should have kept
}

func (t *Trip) Error() string {
	return fmt.Sprintf("%s: %s; the limit is %s", t.What, t.Value, t.Limit)
}

// Condition is asked before every stress. Check returns nil to go on, a *Trip,
// or why it cannot be told, which ends the run as well.
type Condition interface {
	Check(ctx context.Context) error
}

// Options say what is watched and what a trip does.
type Options struct {
	Conditions []Condition
	Compliance int             // devices in a row whose read is in compliance; 0 = not watched
	Leakage    *LeakageOptions // nil = not watched
	Suspend    bool            // a trip ends the run as interrupted rather than as tripped
	Journal    func(kind string, data any) error
}

// Watch is the watching of one run. It is not safe for concurrent use.
type Watch struct {
	o     Options
	short []array.Cell // devices in a row whose read was in compliance
}

// New makes a watch.
func New(o Options) *Watch { return &Watch{o: o} }

// Crossbar puts the watch in front of an array's crossbar.
func (w *Watch) Crossbar(name string, c array.Leaky) array.Crossbar {
	out := &crossbar{Crossbar: c, watch: w}
	if w.o.Leakage != nil {
		out.leakage = newLeakage(*w.o.Leakage, name, c, w.o.Journal)
	}
	return out
}

type crossbar struct {
	array.Crossbar
	watch   *Watch
	leakage *leakage
}

// Do asks every condition before stress and looks at what came back. A trip
// before stress has array.ErrNotBegun in its chain.
func (c *crossbar) Do(ctx context.Context, cell array.Cell, steps ...array.Step) ([]array.Result, error) {
	w := c.watch
	for _, s := range steps {
		if !s.Stress() {
			continue
		}
		for _, condition := range w.o.Conditions {
			if err := condition.Check(ctx); err != nil {
				return nil, array.NotBegun(w.trip(cell, err))
			}
		}
		if c.leakage != nil {
			if err := c.leakage.check(ctx, cell); err != nil {
				return nil, array.NotBegun(w.trip(cell, err))
			}
		}
		break
	}
	results, err := c.Crossbar.Do(ctx, cell, steps...)
	if err == nil {
		if err = w.look(cell, steps, results); err != nil {
			err = w.trip(cell, err)
		}
	}
	return results, err
}

// look judges what instruments say of their readings.
func (w *Watch) look(cell array.Cell, steps []array.Step, results []array.Result) error {
	for i, r := range results[:min(len(results), len(steps))] {
		if r.Status&instrument.StatusOscillating != 0 {
			return &Trip{What: fmt.Sprintf("a source at device %s", cell), Value: "it oscillates",
				Limit: "a steady level: what the device sees is not known"}
		}
		if steps[i].Stress() || cell == array.Whole || w.o.Compliance <= 0 || r.Unknown {
			continue
		}
		// One device is a defect, which is the algorithm's business. Several in a
		// row are not the devices' fault.
		switch n := len(w.short); {
		case !r.InCompliance():
			w.short = w.short[:0]
		case n == 0 || w.short[n-1] != cell:
			w.short = append(w.short, cell)
		}
		if len(w.short) >= w.o.Compliance {
			return &Trip{What: "reads in compliance, where none is expected",
				Value: fmt.Sprintf("%d devices in a row: %v%s", len(w.short), w.short, named(r.Limited)),
				Limit: fmt.Sprintf("fewer than %d: a short between lines, a source that has failed, "+
					"or a compliance too low for so many devices on a line", w.o.Compliance)}
		}
	}
	return nil
}

// named says which sources it was in the last of them.
func named(list []array.Limited) string {
	text := ""
	for _, l := range list {
		text += "; " + l.String()
	}
	return text
}

// trip journals what ended the run and gives the error that does.
func (w *Watch) trip(cell array.Cell, err error) error {
	var t *Trip
	if !errors.As(err, &t) {
		if kind := instrument.KindOf(err); kind != instrument.KindUnknown {
			return err // of an instrument, which has its own kind and way out
		}
		t = &Trip{What: "a condition that is watched", Value: err.Error(), Limit: "that it can be told"}
		err = fmt.Errorf("a condition that is watched cannot be told: %w", err)
	}
	if w.o.Journal != nil {
		if failed := w.o.Journal(record.Trip, t); failed != nil {
			err = errors.Join(err, failed)
		}
	}
	err = &instrument.Error{Op: "watch", Channel: cell.String(), Kind: instrument.KindTrip, Err: err,
		Advice: "find the cause before the run is taken up again with `xlab resume`; the section watch of the " +
			"configuration has the limits"}
	if w.o.Suspend {
		return &run.Ended{Outcome: run.OutcomeInterrupted, Err: err}
	}
	return err
}

package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"xlab/instrument/array"
	"xlab/run/record"
)

// crossbar answers from the tape while it lasts.
type crossbar struct {
	tape       *Tape
	name       string
	rows, cols int
	bench      array.Crossbar // nil where nothing can go live
}

// Crossbar is an array's crossbar for an array.Journaled whose journal is the
// tape. bench is where steps go when the run is live; it may be nil for a tape
// that never does.
func (t *Tape) Crossbar(name string, rows, cols int, bench array.Crossbar) array.Crossbar {
	return &crossbar{t, name, rows, cols, bench}
}

// Size gives the number of rows and columns.
func (c *crossbar) Size() (rows, cols int) { return c.rows, c.cols }

// Do gives the recorded results, or performs the steps. The journal has been
// asked for an intent before, so that stress behind the end of the record that
// finds the run not yet live is stress whose intent is on disk.
func (c *crossbar) Do(ctx context.Context, cell array.Cell, steps ...array.Step) ([]array.Result, error) {
	t := c.tape
	if t.live {
		if t.ending != nil {
			return nil, t.ending
		}
		return c.bench.Do(ctx, cell, steps...)
	}
	text, err := json.Marshal(steps)
	if err != nil {
		return nil, err
	}
	var before []array.Result // of steps that were confirmed before an error
	for t.broken() && c.matches(t.ahead[0], cell, text) {
		if r := t.ahead[0].done.Results; len(r) > len(before) {
			before = r
		}
		if err := t.drop(); err != nil {
			return nil, err
		}
	}
	e, err := t.peek()
	if err != nil {
		return nil, err
	}
	if e == nil {
		return c.resolve(ctx, cell, steps, before)
	}
	if !c.matches(e, cell, text) {
		return nil, t.differ(e, "steps", array.Done{Array: c.name, Cell: cell, Steps: steps})
	}
	if e.done.Error != "" {
		return e.done.Results, errors.New(e.done.Error)
	}
	return e.done.Results, nil
}

func (c *crossbar) matches(e *entry, cell array.Cell, steps []byte) bool {
	return e.done != nil && e.done.Array == c.name && e.done.Cell == cell && SameJSON(e.done.Steps, steps)
}

// resolve performs what was asked for when the record ended. Steps that were
// confirmed are not done again; of stress behind them it is not known whether it
// happened, so that only reads are performed, one at least.
func (c *crossbar) resolve(ctx context.Context, cell array.Cell, steps []array.Step,
	before []array.Result) ([]array.Result, error) {
	if err := c.tape.goLive(); err != nil {
		return nil, err
	}
	results := append([]array.Result{}, before...)
	var reads []array.Step
	unknown := false
	for _, s := range steps[len(before):] {
		if s.Stress() {
			unknown = true
		} else {
			reads = append(reads, s)
		}
	}
	if unknown && len(reads) == 0 {
		return c.look(ctx, cell, steps, results)
	}
	measured, err := c.bench.Do(ctx, cell, reads...)
	if err == nil && len(measured) != len(reads) {
		err = fmt.Errorf("device %s: the bench gave %d results for %d reads", cell, len(measured), len(reads))
	}
	if err != nil {
		return results, err // what was confirmed before remains so
	}
	for _, s := range steps[len(before):] {
		if s.Stress() {
			results = append(results, array.Result{Unknown: true})
			continue
		}
		results, measured = append(results, measured[0]), measured[1:]
	}
	return results, nil
}

// look resolves a request without a read: what was stressed is read all the same, so
// that the record says what became of it.
func (c *crossbar) look(ctx context.Context, cell array.Cell, steps []array.Step,
	results []array.Result) ([]array.Result, error) {
	o := &c.tape.options
	err := record.ReadBack(ctx, c.bench, c.name, cell.Devices(c.rows, c.cols), o.Read, o.Journal.Event)
	if err != nil {
		return results, err
	}
	for range steps[len(results):] {
		results = append(results, array.Result{Unknown: true})
	}
	return results, nil
}

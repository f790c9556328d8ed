package array

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"xlab/instrument"
)

// Journal is where intents go before a device is stressed and what came of them
// after. An Intent returns only when it is safely on disk. Part records some of
// what an intent covers and leaves it open, Result closes it, Event records
// what needed no intent. An error means that nothing more may be done to devices.
type Journal interface {
	Intent(data any) (id uint64, err error)
	Part(intent uint64, data any) error
	Result(intent uint64, data any) error
	Event(kind string, data any) error
}

// EventRead is the kind of the journal's events for steps that only read.
const EventRead = "read"

// Bounds describe a group of next steps on one device that one intent covers,
// so that the disk is not waited for at every pulse.
type Bounds struct {
	Steps      int              `json:"steps"`       // stressing steps at most
	MinVoltage instrument.Volts `json:"min_voltage"` // across the device, <= 0
	MaxVoltage instrument.Volts `json:"max_voltage"` // across the device, >= 0
	MaxCurrent instrument.Amps  `json:"max_current"` // largest compliance or forced current
}

// Intent is what the journal holds before stress.
type Intent struct {
	Array  string  `json:"array"`
	Cell   Cell    `json:"cell"`
	Bounds *Bounds `json:"bounds,omitempty"` // of a group of steps not yet chosen
	Steps  []Step  `json:"steps,omitempty"`  // of a single group of known steps
}

// Done is what the journal holds after one or more steps on a device.
type Done struct {
	Array   string   `json:"array"`
	Cell    Cell     `json:"cell"`
	Steps   []Step   `json:"steps"`   // as asked for
	Results []Result `json:"results"` // of the steps that were confirmed
	Error   string   `json:"error,omitempty"`
}

// Journaled performs steps on a crossbar with the intent on disk before every
// stress. Steps that only read need no intent; their results are recorded all
// the same.
type Journaled struct {
	crossbar Crossbar
	name     string
	journal  Journal

	open   uint64 // intent of the present group, 0 = none
	cell   Cell   // device of the present group
	bounds Bounds // what is left of it
	busy   instrument.Seconds
}

var _ DUT = (*Journaled)(nil)

// NewJournaled wraps a crossbar; name is the array's.
func NewJournaled(c Crossbar, name string, j Journal) *Journaled {
	return &Journaled{crossbar: c, name: name, journal: j}
}

// Size gives the number of rows and columns.
func (j *Journaled) Size() (rows, cols int) { return j.crossbar.Size() }

// Busy is the time that the instruments needed by themselves for everything
// done so far; the rest of the bench time is overhead.
func (j *Journaled) Busy() instrument.Seconds { return j.busy }

// Expect writes one intent for a bounded group of next steps on a device and
// waits until it is on disk. Steps on the device that stay within the bounds
// then need no intent of their own. The group ends with the next Expect, with
// Settle, or with a step that it does not cover.
func (j *Journaled) Expect(cell Cell, b Bounds) error {
	if err := j.Settle(nil); err != nil {
		return err
	}
	id, err := j.journal.Intent(Intent{Array: j.name, Cell: cell, Bounds: &b})
	if err != nil {
		return err
	}
	j.open, j.cell, j.bounds = id, cell, b
	return nil
}

// Settle ends the present group, with data on what became of the device (nil
// for nothing to say): later steps need an intent of their own.
func (j *Journaled) Settle(data any) error {
	if j.open == 0 {
		return nil
	}
	id := j.open
	j.open = 0
	return j.journal.Result(id, data)
}

// Do performs the steps on a cell. When the crossbar gives an error while
// devices are stressed, the intent stays open: what happened to the device is not
// known. A ctx that has ended before is returned as it is, with no intent.
func (j *Journaled) Do(ctx context.Context, cell Cell, steps ...Step) ([]Result, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("device %s: nothing was begun: %w", cell, context.Cause(ctx))
	}
	id, err := j.intent(cell, steps)
	if err != nil {
		return nil, err
	}
	results, err := j.crossbar.Do(ctx, cell, steps...)
	done := Done{Array: j.name, Cell: cell, Steps: steps, Results: results}
	for _, r := range results {
		j.busy += r.Busy
	}
	if err != nil {
		done.Error = err.Error()
	}
	var recordErr error
	switch {
	case id == 0:
		recordErr = j.journal.Event(EventRead, done)
	case err != nil:
		// Whether the step happened is not known; the intent stays open, which
		// says so.
		recordErr = j.journal.Part(id, done)
		j.open = 0
	case id == j.open:
		recordErr = j.journal.Part(id, done)
	default:
		recordErr = j.journal.Result(id, done)
	}
	if errors.Is(err, recordErr) {
		return results, err // a journal that fails says so once
	}
	return results, errors.Join(err, recordErr)
}

// intent makes sure that an intent covers the steps; 0 when none is needed.
func (j *Journaled) intent(at Cell, steps []Step) (uint64, error) {
	stressing := 0
	covered := j.open != 0 && at == j.cell
	for _, s := range steps {
		if !s.Stress() {
			continue
		}
		stressing++
		covered = covered && j.bounds.admit(s, at)
	}
	if stressing == 0 {
		return 0, nil
	}
	if covered && stressing <= j.bounds.Steps {
		j.bounds.Steps -= stressing
		return j.open, nil
	}
	if err := j.Settle(nil); err != nil {
		return 0, err
	}
	return j.journal.Intent(Intent{Array: j.name, Cell: at, Steps: steps})
}

// admit tells whether all that the step may do, in both directions of a sweep and
// at all of its sources, it does to the device alone and within the bounds.
func (b Bounds) admit(step Step, at Cell) bool {
	e, err := ExtentOf(step, at, Shape{})
	return err == nil && slices.Equal(e.Cells(), []Cell{at}) && e.Current <= b.MaxCurrent &&
		e.Selected.Lowest >= b.MinVoltage && e.Selected.Highest <= b.MaxVoltage
}

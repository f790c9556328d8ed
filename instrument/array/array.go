package array

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"xlab/instrument"
)

// Crossbar is an array of cells that steps can be
// performed on. Arrays of other kinds (a transistor per cell, reading from the
// other side) come behind the same interface.
type Crossbar interface {
	// Size gives the number of rows and columns.
	Size() (rows, cols int)
	// Do performs the steps on one cell in order, in as few exchanges as the
	// bench allows, and blocks until they are done. Results of the steps that
	// were confirmed come with an error too. After an error the caller makes
	// the bench safe. ErrNotBegun in its chain tells that the steps without
	// results did not happen.
	Do(ctx context.Context, cell Cell, steps ...Step) ([]Result, error)
}

// DUT is the device under test as procedures work on it: a crossbar, and one
// intent for a bounded group of next steps on a cell before the first of them, as
// Journaled keeps it.
type DUT interface {
	Crossbar
	Expect(cell Cell, b Bounds) error
	Settle(data any) error
}

// Array is a passive crossbar behind a switch board and an analyzer. It is not
// safe for concurrent use: the bench can do one thing at a time.
type Array struct {
	wiring  *Wiring
	source  instrument.Sequencer
	router  instrument.Router
	limits  instrument.Limits // of what a device may see, signed
	routing []instrument.Switches
	routed  bool // routing is what the board has
	next    []instrument.Switches
}

var _ Crossbar = (*Array)(nil)

// New makes an array of the wiring's lines. limits bound what the devices see
// (signed: row minus column; the unselected ones under V/3 have the other sign)
// and what may flow; the drivers below have their own. It touches no instrument.
func New(w *Wiring, source instrument.Sequencer, router instrument.Router, limits instrument.Limits) (*Array, error) {
	if router.Lines() != w.Lines() {
		return nil, &instrument.Error{Op: "array " + w.Array, Kind: instrument.KindUsage,
			Err:    fmt.Errorf("the wiring map has %d lines, switch board %s has %d chips", w.Lines(), w.Board, router.Lines()),
			Advice: "correct the wiring map or the board's chain length"}
	}
	return &Array{wiring: w, source: source, router: router, limits: limits,
		routing: make([]instrument.Switches, w.Lines()), next: make([]instrument.Switches, w.Lines())}, nil
}

// Size gives the number of rows and columns.
func (a *Array) Size() (rows, cols int) { return a.wiring.Rows, a.wiring.Cols }

// Wiring is the array's line map.
func (a *Array) Wiring() *Wiring { return a.wiring }

// Do performs the steps on one cell. Consecutive steps that need the same
// switch setting go to the analyzer as one sequence. Nothing is sent when any
// step is out of limits or cannot be carried out.
func (a *Array) Do(ctx context.Context, cell Cell, steps ...Step) ([]Result, error) {
	lowered, err := a.lower(cell, steps)
	if err != nil {
		return nil, err
	}
	results := make([]Result, 0, len(steps))
	for first := 0; first < len(lowered); {
		last := first + 1
		for last < len(lowered) && lowered[last].lines == lowered[first].lines {
			last++
		}
		if err := a.route(ctx, cell, lowered[first].lines); err != nil {
			return results, err
		}
		sequence := make([]instrument.Step, 0, last-first)
		for _, l := range lowered[first:last] {
			sequence = append(sequence, l.step)
		}
		raw, err := a.source.Run(ctx, sequence...)
		if len(raw) > len(sequence) || err == nil && len(raw) < len(sequence) {
			// Which result belongs to which step is not known, so none is used.
			err = errors.Join(err, &instrument.Error{Op: "array " + a.wiring.Array, Channel: cell.String(),
				Kind: instrument.KindProtocol,
				Err:  fmt.Errorf("the analyzer gave %d results for %d steps", len(raw), len(sequence))})
			raw = nil
		}
		for i, r := range raw {
			results = append(results, lowered[first+i].raise(r))
		}
		for i := first; i < last && err == nil; i++ {
			if r := &results[i]; len(r.Levels) > 0 && (r.InCompliance() || len(r.Limited) > 0) {
				err = a.explain(ctx, steps[i], r)
			}
		}
		if err != nil {
			// What the switches carry now is unknown to the caller; the next
			// use sets them anew.
			a.routed = false
			return results, judged(fmt.Errorf("device %s: %w", cell, err))
		}
		first = last
	}
	return results, nil
}

// Forget makes the next step set all switches again, because somebody else has
// changed them: a safe exit, another array on the same board.
func (a *Array) Forget() { a.routed = false }

// Instructions lists what the analyzer will be asked to do for the steps, for
// costing without touching anything. The limits are checked.
func (a *Array) Instructions(cell Cell, steps ...Step) ([]instrument.Step, error) {
	lowered, err := a.lower(cell, steps)
	if err != nil {
		return nil, err
	}
	list := make([]instrument.Step, len(lowered))
	for i, l := range lowered {
		list[i] = l.step
	}
	return list, nil
}

func (a *Array) route(ctx context.Context, cell Cell, s selection) error {
	a.wiring.choose(a.next, cell, s)
	if a.routed && slices.Equal(a.next, a.routing) {
		return nil
	}
	a.routed = false
	if err := a.router.Route(ctx, a.next); err != nil {
		return NotBegun(fmt.Errorf("device %s: %w", cell, err))
	}
	copy(a.routing, a.next)
	a.routed = true
	return nil
}

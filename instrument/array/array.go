package array

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"xlab/instrument"
	"xlab/instrument/profile"
)

// Crossbar is an array of cells that steps can be
// performed on. Arrays of other kinds (a transistor per cell, reading from the
// other side) come behind the same interface.
type Crossbar interface {
	// Size gives the number of rows and columns.
	Size() (rows, cols int)
	// Do performs the steps in order, at one cell or those with whole lines at Whole,
	// in as few exchanges as the bench allows, and blocks until they are done. Results
	// of the steps that were confirmed come with an error too. After an error the
	// caller makes the bench safe. ErrNotBegun in its chain tells that the steps
	// without results did not happen.
	Do(ctx context.Context, at Cell, steps ...Step) ([]Result, error)
}

// DUT is the device under test as procedures work on it: a crossbar, and one
// intent for a bounded group of next steps on a cell before the first of them, as
// Journaled keeps it.
type DUT interface {
	Crossbar
	Expect(cell Cell, b Bounds) error
	Settle(data any) error
}

// Array is a passive crossbar behind an analyzer, and a switch board unless it is wired by hand. It is not
// safe for concurrent use: the bench can do one thing at a time.
type Array struct {
	wiring  *Wiring
	source  instrument.Sequencer
	router  instrument.Router
	limits  instrument.Limits // of what a device may see, signed
	routing []instrument.Switches
	routed  bool // routing is what the board has
	next    []instrument.Switches
	profile *profile.Profile // what is believed of the devices
}

var _ Crossbar = (*Array)(nil)

// New makes an array of the wiring's lines. limits bound what the devices see
// (signed: row minus column; the unselected ones under V/3 have the other sign)
// and what may flow; the drivers below have their own. router is nil for an array
// that is wired by hand. New touches no instrument.
func New(w *Wiring, source instrument.Sequencer, router instrument.Router, limits instrument.Limits) (*Array, error) {
	if !w.ByHand() && router.Lines() != w.Lines() {
		return nil, &instrument.Error{Op: "array " + w.Array, Kind: instrument.KindUsage,
			Err:    fmt.Errorf("the wiring map has %d lines, switch board %s has %d chips", w.Lines(), w.Board, router.Lines()),
			Advice: "correct the wiring map or the board's chain length"}
	}
	return &Array{wiring: w, source: source, router: router, limits: limits, profile: profile.Of(nil),
		routing: make([]instrument.Switches, w.Lines()), next: make([]instrument.Switches, w.Lines())}, nil
}

// Suppose tells what is believed of the devices, in place of the default profile.
func (a *Array) Suppose(p *profile.Profile) { a.profile = profile.Of(p) }

// Size gives the number of rows and columns.
func (a *Array) Size() (rows, cols int) { return a.wiring.Rows, a.wiring.Cols }

// Wiring is the array's line map.
func (a *Array) Wiring() *Wiring { return a.wiring }

// Do performs the steps at one place. Consecutive ones that need the same
// switch setting go to the analyzer as one sequence. Nothing is sent when any
// step is out of limits or cannot be carried out.
func (a *Array) Do(ctx context.Context, at Cell, steps ...Step) ([]Result, error) {
	lowered, err := a.lower(at, steps)
	if err != nil {
		return nil, err
	}
	var parts []bound
	for _, l := range lowered {
		parts = append(parts, l.parts...)
	}
	results := make([]Result, 0, len(steps))
	var raw []instrument.Result // of the parts behind the steps that have results
	for len(parts) > 0 {
		n := 1
		for n < len(parts) && parts[n].lines == parts[0].lines {
			n++
		}
		if err := a.route(ctx, at, parts[0].lines); err != nil {
			return results, err
		}
		more, err := a.run(ctx, at, parts[:n])
		raw, parts = append(raw, more...), parts[n:]
		for len(results) < len(steps) && len(raw) >= len(lowered[len(results)].Parts) {
			l := lowered[len(results)]
			r := l.Raise(raw[:len(l.Parts)])
			a.name(r.Limited, l.Parts[0].Lines)
			if raw = raw[len(l.Parts):]; err == nil && len(r.Levels) > 0 && (r.InCompliance() || len(r.Limited) > 0) {
				err = a.explain(ctx, at, l.asking, l.Parts[0].Lines, &r)
				a.name(r.Limited, l.Parts[0].Lines)
			}
			results = append(results, r)
		}
		if err != nil {
			// What the switches carry now is unknown to the caller; the next
			// use sets them anew.
			a.routed = false
			return results, judged(fmt.Errorf("device %s: %w", at, err))
		}
	}
	return results, nil
}

// name says which units the limited sources are, where it is one that drives the lines.
func (a *Array) name(list []Limited, s Selection) {
	if len(list) == 0 {
		return
	}
	for lines, at := range a.wiring.places(s) {
		for i := range list {
			if list[i].Bus == buses[instrument.Channel(lines)] && len(at.units) == 1 {
				list[i].Unit = at.units[0]
			}
		}
	}
}

// run performs parts in the present setting of the switches.
func (a *Array) run(ctx context.Context, at Cell, parts []bound) ([]instrument.Result, error) {
	sequence := make([]instrument.Step, len(parts))
	for i, p := range parts {
		sequence[i] = p.step
	}
	raw, err := a.source.Run(ctx, sequence...)
	if len(raw) > len(sequence) || err == nil && len(raw) < len(sequence) {
		// Which result belongs to which step is not known, so none is used.
		return nil, errors.Join(err, &instrument.Error{Op: "array " + a.wiring.Array, Channel: at.String(),
			Kind: instrument.KindProtocol,
			Err:  fmt.Errorf("the analyzer gave %d results for %d steps", len(raw), len(sequence))})
	}
	for i := range raw {
		raw[i] = parts[i].raise(raw[i])
	}
	return raw, err
}

// Forget makes the next step set all switches again, because somebody else has
// changed them: a safe exit, another array on the same board.
func (a *Array) Forget() { a.routed = false }

// Instructions lists what the analyzer will be asked to do for the steps, for
// costing without touching anything. The limits are checked.
func (a *Array) Instructions(at Cell, steps ...Step) ([]instrument.Step, error) {
	lowered, err := a.lower(at, steps)
	if err != nil {
		return nil, err
	}
	var list []instrument.Step
	for _, l := range lowered {
		for _, p := range l.parts {
			list = append(list, p.step)
		}
	}
	return list, nil
}

func (a *Array) route(ctx context.Context, at Cell, s Selection) error {
	if a.wiring.ByHand() {
		return nil
	}
	a.wiring.Select(a.next, s)
	if a.routed && slices.Equal(a.next, a.routing) {
		return nil
	}
	a.routed = false
	if err := a.router.Route(ctx, a.next); err != nil {
		return NotBegun(fmt.Errorf("device %s: %w", at, err))
	}
	copy(a.routing, a.next)
	a.routed = true
	return nil
}

package guarded

import (
	"context"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run"
)

// Array is what a bench gives of an array; an array.Array is one.
type Array interface {
	array.Leaky
	// Forget makes the next use set all switches, which somebody else has changed.
	Forget()
}

// Turns lets the arrays of a bench take turns: all switch boards hang on the
// same sources, so that what another array has left connected would take its
// share of the pulses. There is one for a bench, whatever stacks are built on it.
// The zero value has no array.
type Turns struct {
	arrays map[string]*turn
	holder *turn // array whose switches may be closed; nil = none
}

// Add gives turns to an array; board opens its switches.
func (t *Turns) Add(name string, a Array, board instrument.Safer) {
	if t.arrays == nil {
		t.arrays = make(map[string]*turn)
	}
	t.arrays[name] = &turn{a, board, t}
}

// Forget makes an array's next use set all its switches, because somebody else has
// changed them. Of an array that takes no turns there is nothing to forget.
func (t *Turns) Forget(name string) {
	if turn := t.arrays[name]; turn != nil {
		turn.Forget()
	}
}

// turn is one array's way to the bench.
type turn struct {
	Array
	board instrument.Safer
	turns *Turns
}

// Do opens the switches of the array that was used before and performs the
// steps.
func (t *turn) Do(ctx context.Context, cell array.Cell, steps ...array.Step) (results []array.Result, err error) {
	begun := false
	err = t.use(ctx, func(ctx context.Context) (err error) {
		begun = true
		results, err = t.Array.Do(ctx, cell, steps...)
		return err
	})
	if !begun {
		err = array.NotBegun(err)
	}
	return results, err
}

// Leakage opens the switches of the array that was used before and measures.
func (t *turn) Leakage(ctx context.Context, v instrument.Volts, compliance instrument.Amps,
	aperture instrument.Seconds) (m array.Leakage, err error) {
	err = t.use(ctx, func(ctx context.Context) (err error) {
		m, err = t.Array.Leakage(ctx, v, compliance, aperture)
		return err
	})
	return m, err
}

// use makes it this array's turn and does something with it.
func (t *turn) use(ctx context.Context, do func(ctx context.Context) error) error {
	return run.AtBench(ctx, func(ctx context.Context) error {
		if before := t.turns.holder; before != t {
			if before != nil {
				if err := before.board.Safe(ctx); err != nil {
					return err
				}
				before.Forget()
			}
			t.turns.holder = t
		}
		return do(ctx)
	})
}

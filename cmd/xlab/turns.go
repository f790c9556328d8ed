package main

import (
	"context"

	"xlab/instrument/array"
	"xlab/run"
)

// turns lets the arrays of a session take turns: all switch boards hang on the
// same sources, so that what another array has left connected would take its
// share of the pulses.
type turns struct {
	session *session
	holder  string // array whose switches may be closed; "" = none
}

// turn is one array's way to the bench.
type turn struct {
	*array.Array
	name  string
	turns *turns
}

var _ array.Crossbar = turn{}

// crossbar is the array of this name with all others disconnected while it is
// used. Its name must be among those that the session was opened for.
func (s *session) crossbar(name string) array.Crossbar {
	if s.turns == nil {
		s.turns = &turns{session: s}
	}
	return turn{s.arrays[name], name, s.turns}
}

// Do opens the switches of the array that was used before and performs the
// steps.
func (t turn) Do(ctx context.Context, cell array.Cell, steps ...array.Step) (results []array.Result, err error) {
	begun := false
	err = run.AtBench(ctx, func(ctx context.Context) error {
		if err := t.turns.session.claim(ctx, t.name); err != nil {
			return err
		}
		begun = true
		results, err = t.Array.Do(ctx, cell, steps...)
		return err
	})
	if !begun {
		err = array.NotBegun(err)
	}
	return results, err
}

// claim makes it an array's turn.
func (s *session) claim(ctx context.Context, name string) error {
	if s.turns == nil {
		s.turns = &turns{session: s}
	}
	if before := s.turns.holder; before != name {
		if before != "" {
			if err := s.boards[before].Safe(ctx); err != nil {
				return err
			}
			s.arrays[before].Forget()
		}
		s.turns.holder = name
	}
	return nil
}

package hardware_test

import (
	"context"
	"errors"
	"testing"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/mlp/hardware"
)

// forgetting is a bench whose neuron board tells once that it has lost its supply.
type forgetting struct {
	*fakeBench
	tells bool
}

func (r *forgetting) Hidden(ctx context.Context) ([]instrument.Volts, error) {
	if r.tells {
		r.tells = false
		return nil, instrument.ErrRestarted
	}
	return r.fakeBench.Hidden(ctx)
}

// Trim is that of a board whose outputs are wired to nothing that is routed.
func (r *forgetting) Trim(context.Context) (hidden, outputs []instrument.Volts, err error) {
	r.trims++
	return nil, nil, nil
}

// Every request trims once before its first product is measured; all switches are open
// behind it.
func TestPairsTrim(t *testing.T) {
	b := &forgetting{fakeBench: letterBench(t)}
	board := b.boards["A"]
	a, err := array.New(board.wiring, nil, board, limits)
	if err != nil {
		t.Fatal(err)
	}
	p := hardware.NewPairs(a, hardware.Board{Wiring: board.wiring, Router: board}, b, b.wiring, 0.2, limits)
	inputs := make([]instrument.Volts, board.wiring.Cols)
	inputs[3] = -0.2
	multiply := func() error {
		m := array.Multiply{From: array.Cols, Voltages: inputs, Pairs: true}
		_, err := p.Do(t.Context(), array.Whole, m, m)
		for line, switches := range board.closed {
			if switches != 0 {
				t.Errorf("line %d is still connected", line)
			}
		}
		return err
	}
	for i, c := range []struct {
		tells bool
		trims int
	}{{false, 1}, {false, 2}, {true, 3}, {false, 4}} {
		b.tells = c.tells
		if err := multiply(); errors.Is(err, instrument.ErrRestarted) != c.tells || !c.tells && err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		if b.trims != c.trims {
			t.Errorf("%d: %d trims, want %d", i, b.trims, c.trims)
		}
	}
	// A list of which one is refused is not begun.
	routes := board.routes
	_, err = p.Do(t.Context(), array.Whole, array.Multiply{From: array.Cols, Voltages: inputs, Pairs: true},
		array.Multiply{From: array.Rows, Voltages: inputs, Pairs: true})
	if instrument.KindOf(err) != instrument.KindUsage || !errors.Is(err, array.ErrNotBegun) || board.routes != routes {
		t.Errorf("%v, %d settings of the switches", err, board.routes-routes)
	}
}

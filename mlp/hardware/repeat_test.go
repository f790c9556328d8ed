package hardware_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"xlab/instrument"
	"xlab/mlp/hardware"
)

// restarting is a bench whose neuron board loses its supply at a reading while
// its line stays up: its trims are gone, the reading comes all the same, and only
// Check tells.
type restarting struct {
	*fakeBench
	at        int // reading, from 1; 0 = never
	n         int
	restarted bool
	losing    bool // the reading is lost as well
	untrimmed func()
}

var _ hardware.Checker = (*restarting)(nil)

func (r *restarting) Outputs(ctx context.Context) ([]instrument.Volts, error) {
	if r.n++; r.n == r.at {
		r.untrimmed()
		r.restarted = true
		if r.losing {
			return nil, &instrument.Error{Op: "fake", Kind: instrument.KindTimeout, Err: errors.New("no answer")}
		}
	}
	return r.fakeBench.Outputs(ctx)
}

func (r *restarting) Trim(ctx context.Context) (hidden, outputs []instrument.Volts, err error) {
	r.restarted = false
	return r.fakeBench.Trim(ctx)
}

func (r *restarting) Check(context.Context) error {
	if !r.restarted {
		return nil
	}
	r.restarted = false
	return &instrument.Error{Op: "fake", Kind: instrument.KindInstrument, Err: instrument.ErrRestarted}
}

// restartingBench has a board with offsets, and a way to bring the bench back
// that opens all switches.
func restartingBench(t *testing.T, at int, losing bool) (r *restarting, c *hardware.Classifier, restores *int) {
	b := letterBench(t)
	untrimmed := func() {
		for i := range b.offset {
			b.offset[i] = 0.3 * float64(i)
		}
		for i := range b.hiddenOffset {
			b.hiddenOffset[i] = 0.01 * float64(i)
		}
	}
	untrimmed()
	r, restores = &restarting{fakeBench: b, at: at, losing: losing, untrimmed: untrimmed}, new(int)
	boards := make(map[string]hardware.Board)
	for name, board := range b.boards {
		boards[name] = hardware.Board{Wiring: board.wiring, Router: board}
	}
	o := b.options()
	o.Repeat = func(ctx context.Context, _ string, do func(context.Context) error) error {
		err := do(ctx)
		for ; err != nil && *restores < 5; *restores++ {
			for _, board := range b.boards {
				clear(board.closed)
			}
			err = do(ctx)
		}
		return err
	}
	c, err := hardware.New(b.network.Design, b.place, boards, r, o)
	if err != nil {
		t.Fatal(err)
	}
	return r, c, restores
}

// Wherever the board loses its supply, with its answer or without, everything
// that was measured without trims is measured again, with switches and trims as
// they are to be.
func TestRestartIsMeasuredAgain(t *testing.T) {
	features := patterns(100, 16)
	_, c, _ := restartingBench(t, 0, false)
	if err := c.Trim(t.Context()); err != nil {
		t.Fatal(err)
	}
	hidden, outputs, err := c.Layers(t.Context(), features)
	if err != nil {
		t.Fatal(err)
	}
	for _, losing := range []bool{false, true} {
		for _, at := range []int{1, 2, 50, 64, 65, 100} {
			r, c, restores := restartingBench(t, at, losing)
			if err := c.Trim(t.Context()); err != nil {
				t.Fatal(err)
			}
			h, o, err := c.Layers(t.Context(), features)
			if err != nil {
				t.Fatalf("at reading %d: %v", at, err)
			}
			if !mat.EqualApprox(h, hidden, 1e-9) || !mat.EqualApprox(o, outputs, 1e-9) {
				t.Errorf("at reading %d, lost %v: another result", at, losing)
			}
			if *restores != 1 || r.trims != 2 {
				t.Errorf("at reading %d, lost %v: brought back %d times, trimmed %d times", at, losing, *restores, r.trims)
			}
		}
	}
}

// Trims that somebody else has made cannot be made again: the classification
// ends rather than to go on without them.
func TestTrimsOfSomebodyElse(t *testing.T) {
	_, c, restores := restartingBench(t, 10, false)
	if _, err := c.Outputs(t.Context(), patterns(20, 16)); !errors.Is(err, instrument.ErrRestarted) || *restores != 0 {
		t.Errorf("%v, brought back %d times", err, *restores)
	}
}

// What routing fails with is repeated too, that at the end among it.
func TestRoutingIsRepeated(t *testing.T) {
	b := letterBench(t)
	failures := 0
	c := b.classifier(func(o *hardware.Options) {
		o.Repeat = func(ctx context.Context, _ string, do func(context.Context) error) error {
			err := do(ctx)
			for ; err != nil && failures < 10; failures++ {
				for _, board := range b.boards {
					clear(board.closed)
					board.fail = nil
				}
				err = do(ctx)
			}
			return err
		}
	})
	readings := 0
	b.after = func(v []instrument.Volts) ([]instrument.Volts, error) {
		if readings++; readings == 10 || readings == 10+60 { // in the middle, and behind the last one of the second attempt
			b.boards["A"].fail = errors.New("the chain did not take it")
		}
		return v, nil
	}
	out, err := c.Outputs(t.Context(), patterns(60, 16))
	if err != nil || failures != 2 {
		t.Fatalf("%v, %d failures", err, failures)
	}
	b.after = nil
	want, err := b.classifier(nil).Outputs(t.Context(), patterns(60, 16))
	if err != nil {
		t.Fatal(err)
	}
	if !mat.EqualApprox(out, want, 1e-9) || math.IsNaN(out.At(0, 0)) {
		t.Error("another result")
	}
}

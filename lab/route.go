package lab

import (
	"context"
	"errors"
	"fmt"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run"
)

// RouteByHand closes single switches of one board for somebody with an ohmmeter, and
// nothing else: all sources are at 0 V and disconnected before, and after wait or an
// interrupt all switches are opened again. text is what array.Wiring.ParseRouting reads.
func (l *Lab) RouteByHand(ctx context.Context, on, text string,
	wait func(ctx context.Context, closed Routed) error) error {
	b, err := l.Config.Board(on)
	if err != nil {
		return err
	}
	if !b.Switched() {
		return run.Usage(fmt.Errorf("array %s has no switch board: its lines are wired by hand, and there is nothing to "+
			"close", b.Name))
	}
	w, err := b.LoadWiring()
	if err != nil {
		return err
	}
	routing, err := w.ParseRouting(text)
	if err != nil {
		return run.Usage(fmt.Errorf("--route: %w", err))
	}
	opening, release := l.interruptible(ctx)
	defer release()
	s, err := l.Open(opening, b.Name)
	if err != nil {
		return fmt.Errorf("%w; no switch was closed", err)
	}
	err = run.Guard(ctx, run.GuardOptions{Safers: s.Safers(), Timeout: s.SafeTimeout(), Signals: l.Signals},
		func(ctx context.Context) error {
			if opening.Err() != nil {
				return run.ErrInterrupted
			}
			// Opening left the sources connected at 0 V; an ohmmeter would measure them.
			if err := s.Analyzer.Safe(ctx); err != nil {
				return fmt.Errorf("%w; no switch was closed", err)
			}
			if err := s.Boards[b.Name].Route(ctx, routing.Lines()); err != nil {
				return err
			}
			shown := Routed{Board: b.Name, Closed: routing.Describe()}
			if s.Neurons != nil && routing.Uses(array.BusNeuron) {
				if shown.Hidden, err = s.Neurons.Hidden(ctx); err != nil {
					return err
				}
				if shown.Outputs, err = s.Neurons.Outputs(ctx); err != nil {
					return err
				}
			}
			return wait(ctx, shown)
		})
	if stopped := (*run.Ended)(nil); errors.As(err, &stopped) && errors.Is(err, run.ErrInterrupted) &&
		!errors.Is(err, run.ErrUnsafe) {
		err = nil // the way that this ends
	}
	if err == nil {
		fmt.Fprintln(l.Messages, "all switches are open again")
	}
	return errors.Join(err, s.Close())
}

// Routed is what RouteByHand has closed.
type Routed struct {
	Board  string   `json:"board"`
	Closed []string `json:"closed"`
	// What the neurons show, where a line is connected to one.
	Hidden  []instrument.Volts `json:"hidden_v,omitempty"`
	Outputs []instrument.Volts `json:"outputs_v,omitempty"`
}

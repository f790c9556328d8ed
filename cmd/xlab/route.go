package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run"
)

// routeByHand closes single switches for somebody with an ohmmeter, and nothing
// else: all sources are at 0 V and disconnected before, and after Enter or an
// interrupt all switches are opened again.
func (a *app) routeByHand(ctx context.Context, on, text string) error {
	b, err := a.Config.Board(on)
	if err != nil {
		return err
	}
	w, err := b.LoadWiring()
	if err != nil {
		return err
	}
	routing, err := w.ParseRouting(text)
	if err != nil {
		return run.Usage(fmt.Errorf("--route: %w", err))
	}
	opening, release := a.Interruptible(ctx)
	defer release()
	s, err := a.Open(opening, b.Name)
	if err != nil {
		return fmt.Errorf("%w; no switch was closed", err)
	}
	err = run.Guard(ctx, run.GuardOptions{Safers: s.Safers(), Timeout: s.SafeTimeout(), Signals: a.Signals},
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
			shown := routed{Board: b.Name, Closed: routing.Describe()}
			if s.Neurons != nil && routing.Uses(array.BusNeuron) {
				if shown.Hidden, err = s.Neurons.Hidden(ctx); err != nil {
					return err
				}
				if shown.Outputs, err = s.Neurons.Outputs(ctx); err != nil {
					return err
				}
			}
			return a.awaitEnter(ctx, shown)
		})
	if stopped := (*run.Ended)(nil); errors.As(err, &stopped) && errors.Is(err, run.ErrInterrupted) &&
		!errors.Is(err, run.ErrUnsafe) {
		err = nil // the way that this ends
	}
	if err == nil {
		fmt.Fprintln(a.Messages, "all switches are open again")
	}
	return errors.Join(err, s.Close())
}

// routed is what --route shows.
type routed struct {
	Board  string   `json:"board"`
	Closed []string `json:"closed"`
	// What the neurons show, where a line is connected to one.
	Hidden  []instrument.Volts `json:"hidden_v,omitempty"`
	Outputs []instrument.Volts `json:"outputs_v,omitempty"`
}

// awaitEnter shows what is closed and waits for Enter, the end of the input, or
// an interrupt.
func (a *app) awaitEnter(ctx context.Context, r routed) error {
	if a.json {
		if err := a.writeJSON(r); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(a.out, "board %s, closed: %s\n", r.Board, strings.Join(r.Closed, "; "))
		if r.Outputs != nil {
			fmt.Fprintf(a.out, "hidden neurons: %s\noutput neurons: %s\n", voltageList(r.Hidden), voltageList(r.Outputs))
		}
	}
	fmt.Fprintln(a.Messages, "all sources are at 0 V and disconnected; every other switch is open. Enter or Ctrl-C opens "+
		"these too")
	enter := make(chan error, 1)
	go func() { // it outlives this call when nobody types anything
		_, err := bufio.NewReader(a.In).ReadString('\n')
		enter <- err
	}()
	select {
	case err := <-enter:
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("waiting for Enter: %w", err)
		}
		return nil
	case <-run.Stopping(ctx):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func voltageList(values []instrument.Volts) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = v.String()
	}
	return strings.Join(words, ", ")
}

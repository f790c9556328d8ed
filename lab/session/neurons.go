package session

import (
	"context"
	"fmt"

	"xlab/driver/adg1438"
	"xlab/driver/neuron"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/lab/boxes"
	"xlab/lab/config"
	"xlab/mlp"
	"xlab/mlp/hardware"
	"xlab/run"
)

// openNeurons connects to the neuron board, if the bench has one. What its
// amplifiers do is of no consequence as long as the switches are open.
func (s *Session) openNeurons(ctx, serving context.Context, a *Opener) error {
	c := s.Config
	if c.Neurons.Address == "" {
		return nil
	}
	w, err := c.NeuronWiring()
	if err != nil {
		return err
	}
	line, err := s.connect(ctx, serving, a, "neuron board", c.Neurons.Address,
		func() boxes.Server { return s.Sim.Neurons })
	if err != nil {
		return fmt.Errorf("%s: %w", c.Place("neurons.address"), err)
	}
	board := neuron.New(line.Conn, neuron.Options{Hidden: w.Hidden.Count, Outputs: w.Outputs.Count, Serial: w.Serial,
		Average: c.Neurons.Average, Margin: s.patience(), Retries: c.Recovery.Retries, Reopen: line.Reopen, Logger: a.Log})
	s.closers = append(s.closers, board)
	if s.NeuronIdentity, err = board.Identify(ctx); err == nil {
		err = s.lockIdentity(ctx, s.NeuronIdentity)
	}
	if err == nil {
		err = board.Open(ctx)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", c.Place("neurons.address"), err)
	}
	s.Neurons, s.neuronLines, s.log = board, w, a.Log
	return nil
}

// withNeurons puts the neurons beside an array's sources where some are wired to it.
func withNeurons(c *config.Config, bar *array.Array, board hardware.Board, neurons instrument.Neurons,
	lines *array.NeuronWiring) hardware.Passive {
	if !board.Wiring.ByHand() {
		if p := hardware.NewPairs(bar, board, neurons, lines, c.Neurons.Reference, c.DeviceLimits()); p != nil {
			return p
		}
	}
	return bar
}

// lentBoard is a switch board in the hands of somebody else than its array,
// which sets all switches anew afterwards.
type lentBoard struct {
	*adg1438.Chain
	forget func()
}

var _ hardware.Chain = lentBoard{}

func (b lentBoard) Route(ctx context.Context, lines []instrument.Switches) error {
	b.forget()
	return b.Chain.Route(ctx, lines)
}

func (b lentBoard) Release(ctx context.Context) error {
	b.forget()
	return b.Chain.Release(ctx)
}

// Classifier is the network of this design and placement on the open bench.
// What it measures goes through the recorder. It uses all switch boards of the
// placement; the session's arrays may be used before and after it, not during a
// call.
func (s *Session) Classifier(design mlp.Design, placement mlp.Placement,
	recorder hardware.Recorder) (*hardware.Classifier, error) {
	boards := make(map[string]hardware.Board)
	for _, b := range s.Config.SwitchBoards() {
		board := hardware.Board{Wiring: s.Wirings[b.Name],
			Router: lentBoard{s.Boards[b.Name], func() { s.Turns.Forget(b.Name) }}}
		if board.Wiring == nil {
			var err error
			if board.Wiring, err = b.LoadWiring(); err != nil {
				return nil, err
			}
		}
		boards[b.Name] = board
	}
	o := hardware.Options{Recorder: recorder, Limits: s.Config.DeviceLimits(), Reference: s.Config.Neurons.Reference,
		Wiring: s.neuronLines, Burst: s.Config.Neurons.Burst, Logger: s.log}
	if s.Up != nil {
		o.Repeat = s.repeat
	}
	if s.Neurons == nil { // a nil board in an interface would not be nil
		return hardware.New(design, placement, boards, nil, o)
	}
	return hardware.New(design, placement, boards, s.Neurons, o)
}

// repeat makes a measurement of the neurons, which changes no device, until it
// succeeds, and brings the bench back in between. What the board has found to
// be wrong with itself ends it: it would say the same again.
func (s *Session) repeat(ctx context.Context, what string, do func(context.Context) error) error {
	s.classifying = true
	var finding error
	err := s.Up.Repeat(ctx, what, func(ctx context.Context) error {
		finding = nil
		err := run.AtBench(ctx, func(ctx context.Context) error {
			if s.stoodStill {
				s.stoodStill = false
				// The classifier has to learn that its switches are open: by an
				// attempt that sends nothing, after which it makes them anew.
				ended, cancel := context.WithCancel(ctx)
				cancel()
				return &instrument.Error{Op: "neuron board", Kind: instrument.KindTimeout,
					Err: fmt.Errorf("the process stood still: %w", do(ended))}
			}
			return do(ctx)
		})
		if neuron.Finding(err) {
			finding = err
			return nil
		}
		return err
	})
	if err == nil {
		err = finding
	}
	return err
}

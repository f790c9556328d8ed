package main

import (
	"context"
	"fmt"
	"math"
	"strings"

	"xlab/driver/adg1438"
	"xlab/driver/neuron"
	"xlab/driver/transport"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/mlp"
	"xlab/mlp/hardware"
	"xlab/run"
)

// checkNeurons tells what is wrong with the section neurons.
func (c *Config) checkNeurons() (faults []error) {
	n := c.Neurons
	if n.Address == "" {
		if _, given := c.places["neurons"]; given {
			faults = append(faults, fmt.Errorf("%s: address must be given; without a neuron board leave the section out",
				c.place("neurons")))
		}
		return faults
	}
	if (n.Address == simAddress) != c.simulated() {
		faults = append(faults, fmt.Errorf("%s is %q and the analyzer's %q: a bench is either simulated or real",
			c.place("neurons.address"), n.Address, c.Analyzer.Address))
	}
	if n.Address != simAddress {
		if _, err := transport.ParseAddress(n.Address); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", c.place("neurons.address"), err))
		}
	}
	for other, address := range c.otherAddresses() {
		if n.Address != simAddress && n.Address == address {
			faults = append(faults, fmt.Errorf("%s is %q, where %s is too: each has a port of its own",
				c.place("neurons.address"), n.Address, other))
		}
	}
	if n.Wiring == "" {
		faults = append(faults, fmt.Errorf("%s must name the neuron board's wiring map", c.place("neurons.wiring")))
	}
	if !(n.Reference > 0) || math.IsInf(float64(n.Reference), 0) {
		faults = append(faults, fmt.Errorf("%s is %s; it must be more than 0 V", c.place("neurons.reference"),
			n.Reference.Exact()))
	}
	if n.Average < 1 || n.Average > 1024 {
		faults = append(faults, fmt.Errorf("%s is %d; it is 1 to 1024", c.place("neurons.average"), n.Average))
	}
	return faults
}

// otherAddresses are the addresses of the instruments that are no neuron board.
func (c *Config) otherAddresses() map[string]string {
	list := map[string]string{"the analyzer": c.Analyzer.Address}
	for _, b := range c.Boards {
		list["switch board "+b.Name] = strings.TrimPrefix(b.Address, "buspirate:")
	}
	return list
}

// neuronWiring loads the neuron board's wiring map, with the arrays under the
// names that they have on this bench.
func (c *Config) neuronWiring() (*array.NeuronWiring, error) {
	f, shown, err := openWiring(c.Neurons.Wiring)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.place("neurons.wiring"), err)
	}
	w, err := array.LoadNeuronWiring(f, shown)
	if err != nil {
		return nil, run.Usage(err)
	}
	sizes := make(map[string][2]int) // rows and columns
	for _, name := range []*string{&w.Hidden.Array, &w.Hidden.Feeds.Array, &w.Outputs.Array, &w.PatternPort} {
		if *name == "" {
			continue // the pattern port may be on none
		}
		b, err := c.board(*name)
		if err != nil {
			return nil, fmt.Errorf("wiring map %s: %w", shown, err)
		}
		lines, err := b.wiring()
		if err != nil {
			return nil, err
		}
		*name, sizes[b.Name] = b.Name, [2]int{lines.Rows, lines.Cols}
	}
	for _, side := range []struct {
		key, array, what string
		side, end        int // rows or columns; first line behind the last
	}{
		{"hidden", w.Hidden.Array, "row", 0, w.Hidden.Row + 2*w.Hidden.Count},
		{"outputs", w.Outputs.Array, "row", 0, w.Outputs.Row + 2*w.Outputs.Count},
		{"hidden.feeds", w.Hidden.Feeds.Array, "column", 1, w.Hidden.Feeds.Column + w.Hidden.Count},
	} {
		if have := sizes[side.array][side.side]; side.end > have {
			return nil, run.Usage(fmt.Errorf("wiring map %s: neuron_board.%s needs array %s up to %s %d, it has %d, counted "+
				"from 0", shown, side.key, side.array, side.what, side.end-1, have))
		}
	}
	return w, nil
}

// openNeurons connects to the neuron board, if the bench has one. What its
// amplifiers do is of no consequence as long as the switches are open.
func (s *session) openNeurons(ctx, serving context.Context, a *Lab) error {
	c := s.config
	if c.Neurons.Address == "" {
		return nil
	}
	w, err := c.neuronWiring()
	if err != nil {
		return err
	}
	conn, reopen, err := s.connect(ctx, serving, c.Neurons.Address, func() server { return s.sim.neurons })
	if err != nil {
		return fmt.Errorf("%s: %w", c.place("neurons.address"), err)
	}
	board := neuron.New(conn, neuron.Options{Hidden: w.Hidden.Count, Outputs: w.Outputs.Count, Serial: w.Serial,
		Average: c.Neurons.Average, Margin: s.patience(), Retries: c.Recovery.Retries, Reopen: reopen, Logger: a.Log})
	s.closers = append(s.closers, board)
	if s.neuronIdentity, err = board.Identify(ctx); err == nil {
		err = s.lockIdentity(ctx, s.neuronIdentity)
	}
	if err == nil {
		err = board.Open(ctx)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", c.place("neurons.address"), err)
	}
	s.neurons, s.neuronLines, s.log = board, w, a.Log
	return nil
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

// classifier is the network of this design and placement on the open bench.
// What it measures goes through the recorder. It uses all switch boards of the
// placement; the session's arrays may be used before and after it, not during a
// call.
func (s *session) classifier(design mlp.Design, placement mlp.Placement,
	recorder hardware.Recorder) (*hardware.Classifier, error) {
	boards := make(map[string]hardware.Board)
	for _, b := range s.config.Boards {
		board := hardware.Board{Wiring: s.wirings[b.Name],
			Router: lentBoard{s.boards[b.Name], func() { s.turns.Forget(b.Name) }}}
		if board.Wiring == nil {
			var err error
			if board.Wiring, err = b.wiring(); err != nil {
				return nil, err
			}
		}
		boards[b.Name] = board
	}
	o := hardware.Options{Recorder: recorder, Limits: s.config.limits(), Reference: s.config.Neurons.Reference,
		Wiring: s.neuronLines, Burst: s.config.Neurons.Burst, Logger: s.log}
	if s.up != nil {
		o.Repeat = s.repeat
	}
	if s.neurons == nil { // a nil board in an interface would not be nil
		return hardware.New(design, placement, boards, nil, o)
	}
	return hardware.New(design, placement, boards, s.neurons, o)
}

// repeat makes a measurement of the neurons, which changes no device, until it
// succeeds, and brings the bench back in between. What the board has found to
// be wrong with itself ends it: it would say the same again.
func (s *session) repeat(ctx context.Context, what string, do func(context.Context) error) error {
	s.classifying = true
	var finding error
	err := s.up.Repeat(ctx, what, func(ctx context.Context) error {
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

// testNeurons measures with all switches open, which shows the offsets of the
// amplifiers and that converters and line work.
func testNeurons(ctx context.Context, board instrument.Neurons) (string, error) {
	hidden, err := board.Hidden(ctx)
	if err != nil {
		return "", err
	}
	outputs, err := board.Outputs(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d hidden neurons within ±%v, %d outputs within ±%v with all switches open",
		len(hidden), largest(hidden), len(outputs), largest(outputs)), nil
}

func largest(values []instrument.Volts) (most instrument.Volts) {
	for _, v := range values {
		most = max(most, instrument.Volts(math.Abs(float64(v))))
	}
	return most
}

// describeNeurons says what the neuron board is wired to.
func describeNeurons(w *array.NeuronWiring) string {
	words := []string{fmt.Sprintf("%d hidden neurons on %s rows %d-%d, feeding %s columns %d-%d", w.Hidden.Count,
		w.Hidden.Array, w.Hidden.Row, w.Hidden.Row+2*w.Hidden.Count-1,
		w.Hidden.Feeds.Array, w.Hidden.Feeds.Column, w.Hidden.Feeds.Column+w.Hidden.Count-1),
		fmt.Sprintf("%d output neurons on %s rows %d-%d", w.Outputs.Count, w.Outputs.Array, w.Outputs.Row,
			w.Outputs.Row+2*w.Outputs.Count-1)}
	if w.PatternPort != "" {
		words = append(words, "pattern port on "+w.PatternPort)
	}
	return strings.Join(words, "; ")
}

package hardware

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"

	"gonum.org/v1/gonum/mat"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/mlp"
)

// Recorder journals what was asked of the hardware and what it answered. When
// a run is taken up again, it fills answer (a pointer) from the record and does
// not call do.
type Recorder interface {
	Recall(kind string, asked, answer any, do func() error) error
}

// Board is the switch board of one array. The router is used for whole batches;
// whoever else routes on the same board sets all switches anew afterwards.
type Board struct {
	Wiring *array.Wiring
	Router instrument.Router
}

// Chain is a router whose chain can be handed over to the neuron board, for
// bursts.
type Chain interface {
	instrument.Router
	// Frame is what Route would send for lines.
	Frame(lines []instrument.Switches) ([]byte, error)
	// Release opens all switches and leaves the chain alone until the next Route.
	Release(ctx context.Context) error
}

// Checker is a neuron board that knows whether it has had its supply all the time
// since it was opened, trimmed or checked last. One that has not is told as
// instrument.ErrRestarted. It is asked behind every part that is recorded.
type Checker interface {
	Check(ctx context.Context) error
}

// Options are the settings of a classifier. Limits must be given: the zero
// value allows nothing.
type Options struct {
	Recorder Recorder          // nil: nothing is recorded
	Limits   instrument.Limits // of what a device may see, row minus column
	// Reference is the bench's read reference, the voltage of VREAD+ and of
	// -VREAD-; 0 = the design's input level is trusted to be that.
	Reference instrument.Volts
	// Wiring tells which lines the board's neurons are on, to check the placement
	// against; nil = neuron j of each layer is the pair j of its block.
	Wiring *array.NeuronWiring
	Burst  bool // let the neuron board drive the patterns by itself
	// Repeat makes a measurement, or a routing, until it succeeds, and brings the
	// bench back in between; what names it. All switches may be open and all trims
	// gone before each attempt: both are made anew. nil = there is one attempt.
	Repeat func(ctx context.Context, what string, do func(context.Context) error) error
	Logger *slog.Logger // is told of saturated outputs and of trims; nil = nobody
}

// Classifier drives patterns through the switch boards and reads the neuron
// board. It is not safe for concurrent use: the bench can do one thing at a
// time.
type Classifier struct {
	design    mlp.Design
	placement mlp.Placement
	boards    map[string]Board
	neurons   instrument.Neurons
	o         Options
	log       *slog.Logger

	bias    array.Bus
	hidden  span // of the network's neurons among the board's
	outputs span

	trim trimming
}

// span is a run of neurons: the network's neuron j is the board's first+j of all.
type span struct{ first, count, all int }

// New makes a classifier of a network's design, placed on the arrays of the
// boards, which are named as in the placement. It touches no instrument.
//
// It refuses, as KindUsage, what the boards cannot compute: networks of other than
// two layers, a placement that the neuron board is not wired to, voltages that
// are no reference; and, as KindLimit, references that a device may not see.
func New(design mlp.Design, placement mlp.Placement, boards map[string]Board, neurons instrument.Neurons,
	o Options) (*Classifier, error) {
	c := &Classifier{design: design, placement: placement, boards: boards, neurons: neurons, o: o, log: o.Logger}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if neurons == nil {
		return nil, refused(errors.New("there is no neuron board on this bench"),
			"add a section neurons to bench.yaml, or classify in software")
	}
	if err := c.checkPlacement(); err != nil {
		return nil, refused(err, "")
	}
	if err := c.checkVoltages(); err != nil {
		return nil, err
	}
	if err := c.assign(); err != nil {
		return nil, refused(err, "place the network where the neuron board is wired, or correct its wiring map")
	}
	if o.Burst {
		if err := c.checkBurst(); err != nil {
			return nil, refused(err, "classify without bursts")
		}
	}
	// Every routing is one of a few; that they are possible shows now.
	for _, name := range c.placement.Arrays() {
		if _, err := c.lines(name, make([]int8, c.design.Sizes[0])); err != nil {
			return nil, err
		}
		if _, err := c.lines(name, nil); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Recorded makes a classifier that has all answers from its recorder: there is no bench
// but the sizes of its arrays. It refuses networks and limits as New does.
func Recorded(design mlp.Design, placement mlp.Placement, sizes map[string]mlp.ArraySize, o Options) (*Classifier,
	error) {
	c := &Classifier{design: design, placement: placement, o: o, log: slog.New(slog.DiscardHandler)}
	if err := c.fits(sizes); err != nil {
		return nil, refused(err, "")
	}
	c.hidden.count, c.outputs.count = design.Sizes[1], design.Sizes[2]
	return c, c.checkVoltages()
}

func (c *Classifier) checkPlacement() error {
	sizes := make(map[string]mlp.ArraySize)
	for name, b := range c.boards {
		if b.Wiring == nil || b.Router == nil {
			return fmt.Errorf("the board of array %s has no wiring map or no router", name)
		}
		if n := b.Router.Lines(); n != b.Wiring.Lines() {
			return fmt.Errorf("the wiring map of array %s has %d lines, its switch board %d", name, b.Wiring.Lines(), n)
		}
		sizes[name] = mlp.ArraySize{Rows: b.Wiring.Rows, Columns: b.Wiring.Cols}
	}
	return c.fits(sizes)
}

// fits tells whether the network is one for two layers of neurons on arrays of these
// sizes.
func (c *Classifier) fits(sizes map[string]mlp.ArraySize) error {
	if err := c.placement.Validate(c.design, sizes); err != nil {
		return err
	}
	if n := c.design.Layers(); n != 2 {
		return fmt.Errorf("the network has %d layers of devices; the neuron board computes two, with hidden neurons "+
			"between them", n)
	}
	return nil
}

// checkVoltages checks what the columns will be at. A device sees its row at
// 0 V minus its column, so each reference with both signs, and what the hidden
// neurons put out.
func (c *Classifier) checkVoltages() error {
	d := c.design
	reference := cmp.Or(c.o.Reference, d.InputLevel)
	if !near(reference, d.InputLevel) {
		return refused(fmt.Errorf("the network's inputs are ±%s and the bench's read reference is %s", d.InputLevel.Exact(),
			reference.Exact()),
			"train the network for that level, or set the reference")
	}
	switch {
	case near(d.BiasLevel, reference):
		c.bias = array.BusReadPlus
	case near(d.BiasLevel, -reference):
		c.bias = array.BusReadMinus
	case d.BiasLevel == 0:
		c.bias = array.BusGround
	default:
		return refused(fmt.Errorf("the network's bias is at %s; the bench has ±%s and ground", d.BiasLevel.Exact(),
			reference.Exact()), "train the network with one of these")
	}
	for _, v := range []instrument.Volts{reference, -reference, d.Hidden.Limit, -d.Hidden.Limit} {
		if err := c.o.Limits.CheckVoltage(v); err != nil {
			return &instrument.Error{Op: "classifier", Kind: instrument.KindLimit,
				Err: fmt.Errorf("a device of a computing array: %w", err)}
		}
	}
	return nil
}

func near(a, b instrument.Volts) bool {
	return math.Abs(float64(a-b)) <= 1e-9*math.Max(math.Abs(float64(a)), math.Abs(float64(b)))
}

// assign finds the network's neurons among those of the board.
func (c *Classifier) assign() error {
	hidden, outputs := c.neurons.Neurons()
	c.hidden = span{count: c.design.Sizes[1], all: hidden}
	c.outputs = span{count: c.design.Sizes[2], all: outputs}
	if w := c.o.Wiring; w != nil {
		if w.Hidden.Count != hidden || w.Outputs.Count != outputs {
			return fmt.Errorf("the neuron board has %d hidden and %d output neurons, its wiring map %d and %d", hidden, outputs,
				w.Hidden.Count, w.Outputs.Count)
		}
		first, second := c.placement[0], c.placement[1]
		var err error
		if c.hidden.first, err = pairAt("hidden", w.Hidden.NeuronLines, first); err != nil {
			return err
		}
		if c.outputs.first, err = pairAt("output", w.Outputs, second); err != nil {
			return err
		}
		if f := w.Hidden.Feeds; f.Array != second.Array || f.Column+c.hidden.first != second.Column {
			return fmt.Errorf("hidden neuron %d drives column %d of array %s, layer 1 begins at column %d of array %s",
				c.hidden.first, f.Column+c.hidden.first, f.Array, second.Column, second.Array)
		}
	}
	for _, s := range []struct {
		what string
		span
	}{{"hidden", c.hidden}, {"output", c.outputs}} {
		if s.first+s.count > s.all {
			return fmt.Errorf("the network needs %s neurons %d to %d, the board has %d of them", s.what, s.first,
				s.first+s.count-1, s.all)
		}
	}
	return nil
}

// pairAt is the neuron whose plus line is the block's first row.
func pairAt(what string, lines array.NeuronLines, b mlp.Block) (int, error) {
	offset := b.Row - lines.Row
	if lines.Array != b.Array || offset < 0 || offset%2 != 0 {
		return 0, fmt.Errorf("the %s neurons are on array %s in pairs of rows from row %d, the layer's block begins at "+
			"row %d of array %s",
			what, lines.Array, lines.Row, b.Row, b.Array)
	}
	return offset / 2, nil
}

func (c *Classifier) checkBurst() error {
	if _, can := c.neurons.(instrument.Burster); !can {
		return errors.New("the neuron board has no bursts")
	}
	input := c.placement[0].Array
	if c.o.Wiring == nil || c.o.Wiring.PatternPort != input {
		port := ""
		if c.o.Wiring != nil {
			port = c.o.Wiring.PatternPort
		}
		return fmt.Errorf("the pattern port of the neuron board is on array %q, the inputs are on array %s", port, input)
	}
	if _, can := c.boards[input].Router.(Chain); !can {
		return fmt.Errorf("the switch board of array %s cannot hand its chain over", input)
	}
	return nil
}

// Outputs classifies features, samples x inputs, each -1, 0 or +1, and returns
// the output neurons' voltages in V, samples x outputs. Errors name the sample.
// It blocks until all samples are done or ctx ends; after an error the caller
// makes the bench safe.
func (c *Classifier) Outputs(ctx context.Context, features *mat.Dense) (*mat.Dense, error) {
	_, outputs, err := c.classify(ctx, features, false)
	return outputs, err
}

// Layers is Outputs with the hidden neurons' voltages in V, samples x hidden,
// at the same routing.
func (c *Classifier) Layers(ctx context.Context, features *mat.Dense) (hidden, outputs *mat.Dense, err error) {
	return c.classify(ctx, features, true)
}

func refused(err error, advice string) error {
	return &instrument.Error{Op: "classifier", Kind: instrument.KindUsage, Err: err, Advice: advice}
}

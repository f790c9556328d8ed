package hardware

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"xlab/instrument"
)

// How many patterns are recorded together: little is lost when a run is cut off,
// and the journal's lines stay short.
const (
	perRecord = 64
	perBurst  = 1024
)

// asked is what the record says of a question.
type asked struct {
	Patterns []string `json:"patterns,omitempty"` // one character per feature: +, 0, -
	Hidden   bool     `json:"hidden,omitempty"`   // hidden neurons were read too
}

// answered is what was measured: one row per pattern, or the two rows that are
// left after trimming. All neurons of the network, in V.
type answered struct {
	Hidden  [][]instrument.Volts `json:"hidden,omitempty"`
	Outputs [][]instrument.Volts `json:"outputs"`
}

// classify measures a batch in parts.
func (c *Classifier) classify(ctx context.Context, features *mat.Dense,
	layers bool) (hidden, outputs *mat.Dense, err error) {
	patterns, err := c.patterns(features)
	if err != nil {
		return nil, nil, err
	}
	size := perRecord
	if c.o.Burst {
		size = perBurst
	}
	p := c.newPass()
	var all answered
	for first := 0; first < len(patterns); first += size {
		part := patterns[first:min(first+size, len(patterns))]
		answer, err := c.recall(ctx, p, first, part, layers)
		if err != nil {
			return nil, nil, fmt.Errorf("samples %d to %d: %w", first, first+len(part)-1, err)
		}
		all.Hidden, all.Outputs = append(all.Hidden, answer.Hidden...), append(all.Outputs, answer.Outputs...)
	}
	if err := c.repeat(ctx, "opening the switches behind a classification", p, p.end); err != nil {
		return nil, nil, err
	}
	if err := c.judge(patterns, all.Outputs); err != nil {
		return nil, nil, err
	}
	if layers {
		hidden = dense(all.Hidden, c.hidden.count)
	}
	return hidden, dense(all.Outputs, c.outputs.count), nil
}

// recall measures a part whose first sample is numbered, or takes it from the record.
func (c *Classifier) recall(ctx context.Context, p *pass, first int, part [][]int8, layers bool) (answered, error) {
	question := asked{Hidden: layers}
	for _, pattern := range part {
		question.Patterns = append(question.Patterns, text(pattern))
	}
	var answer answered
	do := func() error {
		return c.repeat(ctx, fmt.Sprintf("classifying samples %d to %d", first, first+len(part)-1), p,
			func(ctx context.Context) (err error) {
				if err := c.trim.restore(ctx, c); err != nil {
					return err
				}
				if answer, err = p.measure(ctx, part, layers); err != nil {
					return err
				}
				return c.checkBoard(ctx)
			})
	}
	if err := c.record("classification", question, &answer, do); err != nil {
		return answered{}, err
	}
	rows := 0
	if layers {
		rows = len(part)
	}
	return answer, answer.check(rows, c.hidden.count, len(part), c.outputs.count)
}

// repeat makes something of a pass, as often as the options allow.
func (c *Classifier) repeat(ctx context.Context, what string, p *pass, do func(context.Context) error) error {
	if c.o.Repeat == nil {
		return p.attempt(ctx, do)
	}
	var untrimmed error
	err := c.o.Repeat(ctx, what, func(ctx context.Context) error {
		untrimmed = nil
		err := p.attempt(ctx, do)
		if errors.Is(err, instrument.ErrRestarted) && !c.trim.wanted {
			// Trims of somebody else, as which it was to be measured, cannot be
			// made again.
			untrimmed = err
			return nil
		}
		return err
	})
	if err == nil {
		err = untrimmed
	}
	return err
}

// attempt makes something of the pass. After a failure it is not known what is
// routed, nor whether the board still has its trims.
func (p *pass) attempt(ctx context.Context, do func(context.Context) error) error {
	err := do(ctx)
	if err != nil {
		clear(p.held)
		p.c.trim.made = false
	}
	return err
}

// checkBoard makes sure that what was measured was measured with the trims that
// were made.
func (c *Classifier) checkBoard(ctx context.Context) error {
	if checker, can := c.neurons.(Checker); can {
		return checker.Check(ctx)
	}
	return nil
}

func (c *Classifier) record(kind string, question, answer any, do func() error) error {
	if c.o.Recorder == nil {
		return do()
	}
	return c.o.Recorder.Recall(kind, question, answer, do)
}

// check refuses answers that are not of the question's size, also those of a
// record.
func (a answered) check(hiddenRows, hidden, outputRows, outputs int) error {
	for _, m := range []struct {
		what          string
		rows          [][]instrument.Volts
		count, values int
	}{{"hidden", a.Hidden, hiddenRows, hidden}, {"output", a.Outputs, outputRows, outputs}} {
		if len(m.rows) != m.count {
			return garbled(fmt.Errorf("%d rows of %s voltages for %d patterns", len(m.rows), m.what, m.count))
		}
		for i, row := range m.rows {
			if len(row) != m.values {
				return garbled(fmt.Errorf("%d %s voltages, the network has %d such neurons", len(row), m.what, m.values))
			}
			for j, v := range row {
				if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
					return garbled(fmt.Errorf("pattern %d: %s neuron %d shows %v", i, m.what, j, v))
				}
			}
		}
	}
	return nil
}

func garbled(err error) error {
	return &instrument.Error{Op: "classifier", Kind: instrument.KindProtocol,
		Err: fmt.Errorf("the neuron board's answer, or its record, does not fit: %w", err)}
}

// judge looks for a board that measures and does not compute: every output at
// one rail, whatever the input.
func (c *Classifier) judge(patterns [][]int8, outputs [][]instrument.Volts) error {
	rail := c.design.Output.Limit * 0.99
	stuck := differ(patterns)
	saturated := 0
	for _, row := range outputs {
		for j, v := range row {
			at := instrument.Volts(math.Abs(float64(v))) >= rail
			if at {
				saturated++
			}
			stuck = stuck && at && (v > 0) == (outputs[0][j] > 0)
		}
	}
	if stuck {
		return &instrument.Error{Op: "classifier", Kind: instrument.KindInstrument,
			Err: fmt.Errorf("all %d outputs stand at a supply rail for all %d patterns, whatever the input", c.outputs.count,
				len(outputs)),
			Advice: "check the neuron board's supply, that the rows reach its inputs (S8), and that the array's devices are " +
				"in their working range (xlab read)"}
	}
	if saturated > 0 {
		c.log.Warn("output neurons at their supply rails", "readings", saturated, "of", len(outputs)*c.outputs.count)
	}
	return nil
}

// differ tells whether there are two different patterns.
func differ(patterns [][]int8) bool {
	return slices.ContainsFunc(patterns, func(p []int8) bool { return !slices.Equal(p, patterns[0]) })
}

// pass is what one batch has routed so far. It begins knowing nothing: between
// two batches others use the switch boards.
type pass struct {
	c    *Classifier
	held map[string][]instrument.Switches
}

func (c *Classifier) newPass() *pass {
	return &pass{c: c, held: make(map[string][]instrument.Switches)}
}

// route sets a board unless it is set so already.
func (p *pass) route(ctx context.Context, name string, pattern []int8) error {
	lines, err := p.c.lines(name, pattern)
	if err != nil {
		return err
	}
	return p.set(ctx, name, lines)
}

func (p *pass) set(ctx context.Context, name string, lines []instrument.Switches) error {
	if held, known := p.held[name]; known && slices.Equal(held, lines) {
		return nil
	}
	delete(p.held, name)
	if err := p.c.boards[name].Router.Route(ctx, lines); err != nil {
		return err
	}
	p.held[name] = lines
	return nil
}

// others sets the boards of the network that do not depend on the pattern.
func (p *pass) others(ctx context.Context) error {
	still := make([]int8, p.c.design.Sizes[0])
	for _, b := range p.c.placement[1:] {
		if b.Array == p.c.placement[0].Array {
			continue // it is set together with the inputs
		}
		if err := p.route(ctx, b.Array, still); err != nil {
			return err
		}
	}
	return nil
}

// end opens all switches that the pass has closed, so that no reference stays
// on a device longer than it is measured.
func (p *pass) end(ctx context.Context) error {
	for _, b := range p.c.placement {
		if held, set := p.held[b.Array]; set {
			if err := p.set(ctx, b.Array, make([]instrument.Switches, len(held))); err != nil {
				return err
			}
		}
	}
	return nil
}

// measure measures patterns one after the other.
func (p *pass) measure(ctx context.Context, patterns [][]int8, layers bool) (answered, error) {
	if err := p.others(ctx); err != nil {
		return answered{}, err
	}
	if p.c.o.Burst {
		return p.burst(ctx, patterns, layers)
	}
	var a answered
	for i, pattern := range patterns {
		if err := p.one(ctx, pattern, layers, &a); err != nil {
			return answered{}, fmt.Errorf("pattern %d (%s): %w", i, text(pattern), err)
		}
	}
	return a, nil
}

func (p *pass) one(ctx context.Context, pattern []int8, layers bool, a *answered) error {
	if err := p.route(ctx, p.c.placement[0].Array, pattern); err != nil {
		return err
	}
	if layers {
		v, err := p.c.neurons.Hidden(ctx)
		if err == nil {
			v, err = p.c.hidden.of(v)
		}
		if err != nil {
			return err
		}
		a.Hidden = append(a.Hidden, v)
	}
	v, err := p.c.neurons.Outputs(ctx)
	if err == nil {
		v, err = p.c.outputs.of(v)
	}
	a.Outputs = append(a.Outputs, v)
	return err
}

// of picks the network's neurons out of the board's.
func (s span) of(board []instrument.Volts) ([]instrument.Volts, error) {
	if len(board) != s.all {
		return nil, garbled(fmt.Errorf("%d values from a board of %d such neurons", len(board), s.all))
	}
	return board[s.first : s.first+s.count : s.first+s.count], nil
}

// burst hands the input array's chain to the neuron board for a whole part. With
// layers the board does the part twice, because a burst reads one kind of
// neuron.
func (p *pass) burst(ctx context.Context, patterns [][]int8, layers bool) (answered, error) {
	input := p.c.placement[0].Array
	chain, burster := p.c.boards[input].Router.(Chain), p.c.neurons.(instrument.Burster)
	frames := make([][]byte, len(patterns))
	for i, pattern := range patterns {
		lines, err := p.c.lines(input, pattern)
		if err != nil {
			return answered{}, err
		}
		if frames[i], err = chain.Frame(lines); err != nil {
			return answered{}, fmt.Errorf("pattern %d: %w", i, err)
		}
	}
	delete(p.held, input)
	if err := chain.Release(ctx); err != nil {
		return answered{}, err
	}
	var a answered
	for _, kind := range []struct {
		hidden bool
		span   span
		into   *[][]instrument.Volts
	}{{true, p.c.hidden, &a.Hidden}, {false, p.c.outputs, &a.Outputs}} {
		if kind.hidden && !layers {
			continue
		}
		rows, err := burster.Burst(ctx, frames, kind.hidden)
		if err != nil {
			return answered{}, fmt.Errorf("after %d of %d patterns: %w", len(rows), len(frames), err)
		}
		for _, row := range rows {
			v, err := kind.span.of(row)
			if err != nil {
				return answered{}, err
			}
			*kind.into = append(*kind.into, v)
		}
	}
	return a, nil
}

func dense(rows [][]instrument.Volts, columns int) *mat.Dense {
	m := mat.NewDense(len(rows), columns, nil)
	for i, row := range rows {
		for j, v := range row {
			m.Set(i, j, float64(v))
		}
	}
	return m
}

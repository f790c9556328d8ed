package hardware

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/mlp"
)

// Passive is an array behind sources and switches.
type Passive interface {
	array.Leaky
	// Instructions lists what the analyzer will be asked to do; see Array.Instructions.
	Instructions(at array.Cell, steps ...array.Step) ([]instrument.Step, error)
	// Forget makes the next use set all switches, which somebody else has changed.
	Forget()
}

// Pairs is an array whose rows a neuron board can hold at virtual ground. It performs
// multiplications for pairs of rows with the board, forwards only, and everything else
// as the array does.
type Pairs struct {
	Passive
	wiring    *array.Wiring
	router    instrument.Router
	neurons   instrument.Neurons
	rows      array.NeuronLines
	hidden    bool // they are hidden neurons
	reference instrument.Volts
	limits    instrument.Limits
}

// NewPairs puts the neurons that are wired to an array beside its sources; nil where
// none are. reference is the voltage of VREAD+ and of -VREAD-; 0 = nobody has said it,
// and multiplications with the board are refused. It touches no instrument.
func NewPairs(a Passive, board Board, neurons instrument.Neurons, lines *array.NeuronWiring,
	reference instrument.Volts, limits instrument.Limits) *Pairs {
	p := &Pairs{Passive: a, wiring: board.Wiring, router: board.Router, neurons: neurons, reference: reference,
		limits: limits}
	switch board.Wiring.Array {
	case lines.Hidden.Array:
		p.rows, p.hidden = lines.Hidden.NeuronLines, true
	case lines.Outputs.Array:
		p.rows = lines.Outputs
	default:
		return nil
	}
	return p
}

// ForPairs tells whether a step is a multiplication for pairs, which the board performs.
func ForPairs(step array.Step) bool {
	m, is := step.(array.Multiply)
	return is && m.Pairs
}

// Instructions lists what the analyzer will be asked to do for the steps, which is nothing
// for those that the board performs. What cannot be performed is refused.
func (p *Pairs) Instructions(at array.Cell, steps ...array.Step) ([]instrument.Step, error) {
	for _, step := range steps {
		if !ForPairs(step) {
			continue
		}
		kind, err := instrument.KindUsage, p.performable(at, step.(array.Multiply))
		if err == nil {
			kind, err = instrument.KindLimit, cmp.Or(p.limits.CheckVoltage(p.reference), p.limits.CheckVoltage(-p.reference))
		}
		if err != nil {
			return nil, &instrument.Error{Op: "array " + p.wiring.Array, Channel: at.String(), Kind: kind,
				Err: array.NotBegun(err)}
		}
	}
	return p.Passive.Instructions(at, slices.DeleteFunc(slices.Clone(steps), ForPairs)...)
}

// Do performs the steps, none of them if one is refused. Of a multiplication for pairs
// the result has a level for every neuron that is wired to the array: the difference of
// the currents out of its plus and its minus row. Beyond what the neuron can show the
// status is an overflow, and the current is the largest that it can.
func (p *Pairs) Do(ctx context.Context, at array.Cell, steps ...array.Step) ([]array.Result, error) {
	var results []array.Result
	if slices.ContainsFunc(steps, ForPairs) {
		if _, err := p.Instructions(at, steps...); err != nil {
			return nil, err
		}
	}
	// Between two requests the board may have lost its supply, or been trimmed for
	// another array.
	trimmed := false
	for first := 0; first < len(steps); {
		if ForPairs(steps[first]) {
			r, err := p.multiply(ctx, steps[first].(array.Multiply), trimmed)
			if err != nil {
				return results, fmt.Errorf("%s: %w", at, err)
			}
			results, trimmed = append(results, r), true
			first++
			continue
		}
		last := first
		for ; last < len(steps) && !ForPairs(steps[last]); last++ {
			trimmed = trimmed && !steps[last].Stress()
		}
		more, err := p.Passive.Do(ctx, at, steps[first:last]...)
		results = append(results, more...)
		if err != nil {
			return results, err
		}
		first = last
	}
	return results, nil
}

// multiply puts the references on the columns and reads the neurons. All switches are
// open behind it, so that no reference stays on a device longer than it is measured.
func (p *Pairs) multiply(ctx context.Context, m array.Multiply, trimmed bool) (r array.Result, err error) {
	defer func() {
		p.Forget()
		open := p.router.Route(context.WithoutCancel(ctx), make([]instrument.Switches, p.router.Lines()))
		err = errors.Join(err, open)
	}()
	if !trimmed {
		if err := p.trim(ctx); err != nil {
			return r, err
		}
	}
	if err := p.route(ctx, m.Voltages); err != nil {
		return r, err
	}
	read := p.neurons.Outputs
	if p.hidden {
		read = p.neurons.Hidden
	}
	values, err := read(ctx)
	if err != nil {
		return r, err
	}
	if checker, can := p.neurons.(Checker); can {
		if err := checker.Check(ctx); err != nil {
			return r, err
		}
	}
	if len(values) < p.rows.Count {
		return r, garbled(fmt.Errorf("%d values of %d neurons", len(values), p.rows.Count))
	}
	return p.raise(values[:p.rows.Count]), nil
}

// performable refuses what the board cannot do.
func (p *Pairs) performable(at array.Cell, m array.Multiply) error {
	switch {
	case at != array.Whole:
		return fmt.Errorf("a multiplication is with whole lines, not on device %s alone", at)
	case m.From != array.Cols:
		return fmt.Errorf("the neuron board multiplies from the columns only, not from the %s: its amplifiers hold rows",
			m.From)
	case p.reference <= 0:
		return errors.New("the bench's read reference is not known: measure it and set neurons.reference")
	case len(m.Voltages) != p.wiring.Cols:
		return fmt.Errorf("a multiplication from the %d columns needs as many voltages, not %d", p.wiring.Cols,
			len(m.Voltages))
	}
	for col, v := range m.Voltages {
		if v != 0 && v != p.reference && v != -p.reference {
			return fmt.Errorf("column %d: with the neuron board an input is +%v, 0 V or -%[2]v, not %v", col, p.reference, v)
		}
	}
	return nil
}

// trim nulls the neurons' offsets with all columns grounded, if the board can: what
// an offset drives through the devices of its row depends on what they have become.
func (p *Pairs) trim(ctx context.Context) error {
	trimmer, can := p.neurons.(instrument.Trimmer)
	if !can {
		return nil
	}
	if err := p.route(ctx, make([]instrument.Volts, p.wiring.Cols)); err != nil {
		return err
	}
	_, _, err := trimmer.Trim(ctx)
	return err
}

// route connects the neurons' rows to them, the columns to their inputs, and all else
// to ground.
func (p *Pairs) route(ctx context.Context, inputs []instrument.Volts) error {
	r := p.wiring.NewRouting()
	for i := range 2 * p.rows.Count {
		if err := r.Row(p.rows.Row+i, array.BusNeuron); err != nil {
			return err
		}
	}
	for col, v := range inputs {
		bus := array.BusGround
		switch {
		case v > 0:
			bus = array.BusReadPlus
		case v < 0:
			bus = array.BusReadMinus
		}
		if err := r.Col(col, bus); err != nil {
			return err
		}
	}
	if err := r.Others(array.BusGround); err != nil {
		return err
	}
	return p.router.Route(ctx, r.Lines())
}

// mostOfLimit is how near to its limit a neuron's output tells its current.
const mostOfLimit = 0.99

// raise gives the currents at which the neurons show these values.
func (p *Pairs) raise(values []instrument.Volts) array.Result {
	r := array.Result{How: array.Pairs, Levels: make([]array.Level, len(values))}
	for j, v := range values {
		neuron := mlp.OutputNeuron()
		if p.hidden {
			neuron = mlp.HiddenNeuron()
		}
		if most := mostOfLimit * neuron.Limit; instrument.Volts(math.Abs(float64(v))) > most {
			r.Status |= instrument.StatusOverflow
			v = instrument.Volts(math.Copysign(float64(most), float64(v)))
		}
		r.Levels[j].Current = instrument.Amps(neuron.Input(float64(v)))
	}
	return r
}

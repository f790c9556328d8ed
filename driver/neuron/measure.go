package neuron

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"xlab/driver/scpi"
	"xlab/instrument"
)

// group is one of the two kinds of neurons.
type group struct {
	letter string
	query  string // for all of them
	count  int
	scale  float64 // converter's range, V
	advice string  // for a value beyond it
}

func (b *Board) outputs() group {
	return group{"O", "MEAS:VOLT?", b.o.Outputs, outputsRange,
		"an output cannot go beyond its rails: check the board's supply and the output's cable"}
}

func (b *Board) hidden() group {
	return group{"H", "MEAS:VOLT:HID?", b.o.Hidden, hiddenRange,
		"a hidden neuron cannot go beyond 0.2 V: check the board's supply and the neuron's scaling stage"}
}

// label is a neuron as the board names it, for the neuron counted from 0.
func (g group) label(neuron int) string { return g.letter + strconv.Itoa(neuron+1) }

func (b *Board) average() string { return "CONF:AVER " + strconv.Itoa(b.o.Average) }

// conversion is how long n values take.
func (b *Board) conversion(n int) time.Duration {
	return time.Duration(n*b.o.Average) * sampleTime
}

// valueLength is the longest form of a value, with its comma.
const valueLength = len("+1.234500E-01,")

// Outputs reads the output neurons; see instrument.Neurons.
func (b *Board) Outputs(ctx context.Context) ([]instrument.Volts, error) {
	// Hidden neurons have no rail to flag: their outputs are limited by design.
	return b.measure(ctx, b.outputs(), conditionQuery)
}

// Hidden reads the hidden neurons; see instrument.Neurons.
func (b *Board) Hidden(ctx context.Context) ([]instrument.Volts, error) {
	return b.measure(ctx, b.hidden())
}

// measure reads a group, and what more is asked for.
//
// A reading changes nothing, so it may be repeated when its answer is lost.
func (b *Board) measure(ctx context.Context, g group, more ...string) ([]instrument.Volts, error) {
	const op = "measure"
	if err := b.begin(ctx, op); err != nil {
		return nil, err
	}
	defer b.give()
	for attempt := 0; ; attempt++ {
		values, err := b.once(ctx, op, g, more...)
		if err == nil {
			err = b.kept(ctx, op)
		}
		if err == nil {
			return values, nil
		}
		if kind := instrument.KindOf(err); attempt == b.o.Retries || ctx.Err() != nil ||
			kind != instrument.KindTimeout && kind != instrument.KindProtocol && kind != instrument.KindUnreachable {
			return nil, err
		}
		b.o.Logger.Warn("a reading of the neurons is repeated", "address", b.box.String(), "error", err)
	}
}

// kept makes sure that the trims with which something was measured are those
// that were made: a board that was switched off and on has none.
func (b *Board) kept(ctx context.Context, op string) error {
	restarted, err := b.box.Restarted(ctx)
	if err != nil {
		return err
	}
	b.restarted = b.restarted || restarted
	if !b.restarted || !b.trimmed {
		return nil
	}
	return b.gone(op)
}

// gone tells, once, that the board was switched off and on.
func (b *Board) gone(op string) error {
	b.trimmed, b.restarted = false, false
	return b.failed(op, "", instrument.KindInstrument, instrument.ErrRestarted,
		"check its supply and USB plug, then trim again")
}

// finding is an error with what the board itself has found out about its analog
// part.
type finding struct{ error }

func (f finding) Unwrap() error { return f.error }

// Finding tells errors with which the board says clearly what is wrong with it,
// such as an offset that is beyond the trim's reach or a converter over its
// range: it would say the same when asked again.
func Finding(err error) bool {
	var f finding
	return errors.As(err, &f)
}

// once is one attempt at a reading.
func (b *Board) once(ctx context.Context, op string, g group, more ...string) ([]instrument.Volts, error) {
	answers, err := b.box.Converse(ctx, b.conversion(g.count), g.count*valueLength,
		append([]string{b.average(), g.query}, more...)...)
	if err != nil {
		return nil, b.explain(op, err)
	}
	values, err := b.values(ctx, op, g, answers[0])
	if err == nil && len(more) > 0 {
		err = b.condition(ctx, op, g, answers[1])
	}
	if err != nil {
		return nil, err
	}
	return values, nil
}

// values reads one list of voltages.
func (b *Board) values(ctx context.Context, op string, g group, text string) ([]instrument.Volts, error) {
	numbers, err := scpi.Numbers(text, g.count)
	var place *scpi.PlaceError
	if errors.As(err, &place) && (errors.Is(err, scpi.ErrOverRange) || errors.Is(err, scpi.ErrNoValue)) {
		return nil, b.failed(op, g.label(place.Index), instrument.KindInstrument,
			finding{fmt.Errorf("the converter is %w (%s)", place.Err, instrument.Volts(g.scale))}, g.advice)
	}
	if err != nil {
		return nil, b.box.OutOfStep(ctx, err)
	}
	values := make([]instrument.Volts, g.count)
	for i, x := range numbers {
		if math.Abs(x) > g.scale {
			return nil, b.box.OutOfStep(ctx, fmt.Errorf("%s shows %s, which its converter of ±%s cannot measure", g.label(i),
				instrument.Volts(x).Exact(), instrument.Volts(g.scale)))
		}
		values[i] = instrument.Volts(x)
	}
	return values, nil
}

// condition looks at the register that goes with the last measurement.
func (b *Board) condition(ctx context.Context, op string, g group, text string) error {
	bits, err := scpi.Integer(text)
	if err == nil && bits&^conditionKnown != 0 {
		err = fmt.Errorf("%w: the condition register is %d, with bits that have no meaning", scpi.ErrForm, bits)
	}
	if err != nil {
		return b.box.OutOfStep(ctx, err)
	}
	if bits&conditionOverRange != 0 {
		return b.failed(op, "", instrument.KindInstrument, finding{errors.New("the board says that its converter was over " +
			"range, and shows no value that is")}, g.advice)
	}
	if bits&conditionChain != 0 {
		return b.chainBroken(op, errors.New("the condition register says that the chain at the pattern port does not read "+
			"back"))
	}
	railed := bits&conditionRail != 0
	if railed && !b.railed {
		b.o.Logger.Warn("an output neuron is at its supply rail", "address", b.box.String())
	}
	b.railed = railed
	return nil
}

// faultyTrim is what the board says of a neuron that cannot be trimmed.
var faultyTrim = regexp.MustCompile(`trim of ([HO]\d+) out of reach`)

// Trim nulls the offset of every neuron as the lines are now, which must be
// with all columns grounded, and returns what is left.
func (b *Board) Trim(ctx context.Context) (hidden, outputs []instrument.Volts, err error) {
	const op = "trim"
	if err := b.begin(ctx, op); err != nil {
		return nil, nil, err
	}
	defer b.give()
	h, o := b.hidden(), b.outputs()
	// The board searches each neuron's trim bit by bit, 12 of them.
	working := b.conversion(12*(h.count+o.count)) + time.Second
	answers, queue := b.box.Converse(ctx, working, (h.count+o.count)*valueLength, b.average(), "CAL:OFFS?")
	if queue != nil {
		queue = b.explain(op, queue)
	}
	if len(answers) != 1 {
		return nil, nil, queue
	}
	fields := strings.Split(answers[0], ",")
	if len(fields) != h.count+o.count {
		err := b.box.OutOfStep(ctx, fmt.Errorf("%w: %d offsets in %s, the board has %d neurons", scpi.ErrForm, len(fields),
			scpi.Excerpt(answers[0]), h.count+o.count))
		return nil, nil, errors.Join(queue, err)
	}
	if hidden, err = b.values(ctx, op, h, strings.Join(fields[:h.count], ",")); err != nil {
		return nil, nil, errors.Join(queue, err)
	}
	if outputs, err = b.values(ctx, op, o, strings.Join(fields[h.count:], ",")); err != nil {
		return nil, nil, errors.Join(queue, err)
	}
	if _, err := b.box.Restarted(ctx); err != nil {
		return hidden, outputs, errors.Join(queue, err)
	}
	b.trimmed, b.restarted = queue == nil, false
	return hidden, outputs, queue
}

// explain gives the error queue's entries that this board has its own words for
// their kind and advice.
func (b *Board) explain(op string, err error) error {
	var queue *scpi.QueueError
	if !errors.As(err, &queue) {
		return err
	}
	for _, e := range queue.Entries {
		if strings.Contains(e.Detail(), "switch chain") {
			return b.chainBroken(op, err)
		}
		if m := faultyTrim.FindStringSubmatch(e.Detail()); m != nil {
			return b.failed(op, m[1], instrument.KindInstrument, finding{err},
				"ground all inputs before trimming; an offset this large is a short at the neuron's lines, a row that is not "+
					"connected to it alone, or a faulty amplifier")
		}
	}
	return err
}

func (b *Board) chainBroken(op string, err error) error {
	return b.failed(op, "", instrument.KindChain, err,
		"check the cable from the board's pattern port to the switch board, and that the host's own controller leaves the "+
			"chain alone; then let the host verify the chain (xlab doctor)")
}

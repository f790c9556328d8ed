package array

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"xlab/instrument"
)

// Side is one side of an array: its rows or its columns.
type Side string

// The sides.
const (
	Rows Side = "rows"
	Cols Side = "cols"
)

// How says how a multiplication was performed.
type How string

const (
	// Together: every current was measured with all inputs applied.
	Together How = "together"
	// LineByLine: every current is the sum of separate reads, one per input that is not
	// 0 V. That is not what would flow with all of them applied when lines have
	// resistance: every read is spared the voltage that the others' currents take away.
	LineByLine How = "line by line"
	// Pairs: amplifiers have given the difference of the currents of two lines each,
	// bounded by their saturation.
	Pairs How = "pairs"
)

// Multiply puts voltages on all lines of one side, the inputs, with the lines of the
// other side at 0 V, and measures the currents out of these, the outputs: the product
// of the conductances with the voltages. Forwards and backwards are the same step from
// the other side. It is performed at Whole.
//
// An analyzer that drives lines through buses has two sources on the side of the
// inputs. With inputs of at most two voltages, and 0 V where the lines can be
// connected to ground, it measures all inputs together, one output after the other;
// with more voltages, or without the second source, it reads line by line (Result.How).
type Multiply struct {
	From       Side               `json:"from"` // the side that is driven
	Voltages   []instrument.Volts `json:"v"`    // one per line of it, against ground
	Compliance instrument.Amps    `json:"comp"` // of every source; in the inputs' it bounds their sum
	Range      instrument.Amps    `json:"range,omitempty"`
	Settle     instrument.Seconds `json:"settle,omitempty"`
	Aperture   instrument.Seconds `json:"aperture"` // of each output

	// Pairs asks for the differences of the currents out of pairs of lines instead, as
	// amplifiers give them. What else than the voltages bounds and times it is the
	// amplifiers' then.
	Pairs bool `json:"pairs,omitempty"`
}

func (Multiply) Name() string { return "multiply" }

// Stress tells whether a voltage is beyond ReadLimit.
func (m Multiply) Stress() bool {
	return slices.ContainsFunc(m.Voltages,
		func(v instrument.Volts) bool { return !(math.Abs(float64(v)) <= float64(ReadLimit)) })
}

func (m Multiply) MarshalJSON() ([]byte, error) {
	type plain Multiply
	return Tagged("multiply", plain(m))
}

// Validate refuses what is not driven from a side.
func (m Multiply) Validate() error {
	if m.From != Rows && m.From != Cols {
		return fmt.Errorf("a multiplication is from %s or %s, not %q", Rows, Cols, string(m.From))
	}
	return nil
}

// Lower takes all inputs together where the sources are enough for it, and otherwise
// one after the other.
func (m Multiply) Lower(at Cell, on Shape) (*Lowered, error) {
	if at != Whole {
		return nil, fmt.Errorf("a multiplication is with whole lines, not on device %s alone", at)
	}
	if err := m.Validate(); err != nil {
		return nil, err
	}
	if m.Pairs {
		return nil, errors.New("sources cannot measure differences of pairs of lines: that needs a neuron board on the " +
			"array's lines")
	}
	inputs, outputs := on.Rows, on.Cols
	if m.From == Cols {
		inputs, outputs = outputs, inputs
	}
	if inputs > 0 && len(m.Voltages) != inputs {
		return nil, fmt.Errorf("a multiplication from the %d %s needs as many voltages, not %d", inputs, m.From,
			len(m.Voltages))
	}
	if m.Stress() {
		return nil, fmt.Errorf("a multiplication beyond ±%v needs a board that measures all lines at once: an analyzer "+
			"measures one after the other, and every device would see its voltage as often", ReadLimit)
	}
	var driven, read []int
	for line, v := range m.Voltages {
		if v != 0 {
			driven = append(driven, line)
		}
	}
	for line := range outputs {
		read = append(read, line)
	}
	l := &Lowered{Rows: LinesOf(driven...), Cols: LinesOf(read...)}
	if m.From == Cols {
		l.Rows, l.Cols = l.Cols, l.Rows
	}
	biases, how := m.biases(driven, on)
	for _, b := range biases {
		for _, line := range read {
			l.Parts = append(l.Parts, m.part(b, line))
		}
	}
	l.Raise = func(raw []instrument.Result) Result { return m.sum(raw, outputs, how) }
	return l, nil
}

// inputs are what the lines of the driven side are at.
type inputs struct {
	one    Lines            // on a source of their own
	v      instrument.Volts // of these
	others instrument.Volts // of those that are neither on it nor at ground
	ground Lines
}

// biases are the settings of the inputs that make up the product.
func (m Multiply) biases(driven []int, on Shape) ([]inputs, How) {
	two := !on.FixedRows
	if m.From == Cols {
		two = !on.FixedCols
	}
	byVoltage := make(map[instrument.Volts][]int)
	var order []instrument.Volts
	var rest []int // at 0 V
	for line, v := range m.Voltages {
		if v == 0 {
			rest = append(rest, line)
			continue
		}
		if byVoltage[v] == nil {
			order = append(order, v)
		}
		byVoltage[v] = append(byVoltage[v], line)
	}
	switch {
	case len(order) == 0:
		return []inputs{{}}, Together
	case len(order) == 1:
		return []inputs{{one: LinesOf(driven...), v: order[0]}}, Together
	case len(order) == 2 && two && (len(rest) == 0 || on.Ground):
		return []inputs{{one: LinesOf(byVoltage[order[0]]...), v: order[0], others: order[1], ground: LinesOf(rest...)}},
			Together
	}
	list := make([]inputs, len(driven))
	for i, line := range driven {
		list[i] = inputs{one: LinesOf(line), v: m.Voltages[line]}
	}
	return list, LineByLine
}

// part measures one output.
func (m Multiply) part(in inputs, output int) Part {
	drive := func(lines instrument.Channel, v instrument.Volts) instrument.Drive {
		return instrument.Drive{Channel: lines, Voltage: v, Compliance: m.Compliance}
	}
	p := Part{Lines: Selection{Rows: in.one, Cols: LinesOf(output), GroundRows: in.ground}}
	spot := instrument.Spot{Range: m.Range, Settle: m.Settle, Aperture: m.Aperture}
	one, others, read, unread := Row, OtherRows, Column, OtherCols
	if m.From == Cols {
		one, others, read, unread = read, unread, one, others
		p.Lines = Selection{Cols: in.one, Rows: LinesOf(output), GroundCols: in.ground}
	}
	spot.Measure = []instrument.Channel{read}
	spot.Drives = []instrument.Drive{drive(one, in.v), drive(read, 0), drive(others, in.others), drive(unread, 0)}
	p.Step = spot
	return p
}

// sum adds up the outputs' currents over all settings of the inputs.
func (m Multiply) sum(raw []instrument.Result, outputs int, how How) Result {
	out := Result{Levels: make([]Level, outputs), How: how}
	read := Column
	if m.From == Cols {
		read = Row
	}
	most := slices.MaxFunc(m.Voltages, func(a, b instrument.Volts) int { return cmp.Compare(max(a, -a), max(b, -b)) })
	r := raising{cell: fixed(most), sources: []source{{read, m.Compliance}}}
	for i, one := range raw {
		part := r.result(one)
		out.Levels[i%outputs].Current += part.Last().Current
		out.Status, out.Busy = out.Status|part.Status, out.Busy+part.Busy
		for _, l := range part.Limited {
			if !slices.Contains(out.Limited, l) {
				out.Limited = append(out.Limited, l)
			}
		}
	}
	return out
}

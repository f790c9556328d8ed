package array

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"xlab/instrument"
)

// Lines names rows or columns, counted from 0, in ascending order: "0,3,7". It
// is a text so that steps can be compared and read in the journal.
type Lines string

// LinesOf names the given lines, in any order, each once.
func LinesOf(lines ...int) Lines {
	words := make([]string, 0, len(lines))
	for _, line := range slices.Compact(slices.Sorted(slices.Values(lines))) {
		words = append(words, strconv.Itoa(line))
	}
	return Lines(strings.Join(words, ","))
}

// Indices lists the lines. What LinesOf would not have written is an error.
func (l Lines) Indices() ([]int, error) {
	if l == "" {
		return nil, nil
	}
	var list []int
	for word := range strings.SplitSeq(string(l), ",") {
		line, err := strconv.Atoi(word)
		if err != nil || line < 0 || strconv.Itoa(line) != word || len(list) > 0 && line <= list[len(list)-1] {
			return nil, fmt.Errorf("lines %q are not numbers in ascending order, such as \"0,3,7\"", string(l))
		}
		list = append(list, line)
	}
	return list, nil
}

// Parallel puts a voltage across several cells at once for a time: all those on
// one of Rows and on one of Cols. A line of an array is written with one line on
// one side and several on the other. The cell that the step is performed on lies
// on a selected line and stands for it in the journal and in messages, so that
// all steps for one line can be performed, and journaled, together.
//
// The selected lines share a source per side, so that one compliance bounds
// the sum of their currents, and the selected cells see less than Voltage by
// what that sum takes away on the common lines. Cells on a selected line of one
// side only are half-selected, as in a Pulse: under V/2 there are more of them
// with every line that is written at once. The Result's current is that of all
// selected columns together.
type Parallel struct {
	Rows       Lines              `json:"rows"`
	Cols       Lines              `json:"cols"`
	Voltage    instrument.Volts   `json:"v"`
	Width      instrument.Seconds `json:"width"`
	Scheme     Scheme             `json:"scheme"` // HalfVoltage or ThirdVoltage
	Compliance instrument.Amps    `json:"comp"`   // of every source
}

func (Parallel) Name() string { return "parallel" }
func (Parallel) Stress() bool { return true }
func (p Parallel) MarshalJSON() ([]byte, error) {
	type plain Parallel
	return Tagged("parallel", plain(p))
}

// Validate refuses what cannot have been written of one.
func (p Parallel) Validate() error {
	_, rows := p.Rows.Indices()
	_, cols := p.Cols.Indices()
	return cmp.Or(rows, cols, p.Scheme.Validate())
}

// Lower gives what each selected cell sees as in a Pulse. Schemes are refused in
// which the cells on a selected line do not see a known part of the voltage: floating
// lines would take theirs from all selected lines together, and with grounded ones
// every cell on a selected row is selected.
func (p Parallel) Lower(at Cell, on Shape) (*Lowered, error) {
	if p.Scheme != HalfVoltage && p.Scheme != ThirdVoltage {
		return nil, fmt.Errorf("a parallel write needs the scheme %s or %s, not %q", HalfVoltage, ThirdVoltage,
			string(p.Scheme))
	}
	if err := p.covers(at); err != nil {
		return nil, err
	}
	l, err := Pulse{Voltage: p.Voltage, Width: p.Width, Scheme: p.Scheme, Compliance: p.Compliance}.Lower(at, on)
	if err != nil {
		return nil, err
	}
	l.Rows, l.Cols, l.Parts[0].Lines = p.Rows, p.Cols, Selection{Rows: p.Rows, Cols: p.Cols}
	return l, nil
}

// covers refuses a write that selects no line of a side, and a cell on none of its
// lines.
func (p Parallel) covers(at Cell) error {
	on := false
	for _, side := range []struct {
		what  string
		lines Lines
		of    int
	}{{"row", p.Rows, at.Row}, {"column", p.Cols, at.Col}} {
		list, err := side.lines.Indices()
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return fmt.Errorf("the parallel write selects no %s", side.what)
		}
		on = on || slices.Contains(list, side.of)
	}
	if !on {
		return fmt.Errorf("device %s is on none of the lines that the parallel write selects: rows %s and columns %s", at,
			p.Rows, p.Cols)
	}
	return nil
}

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

func (Parallel) Stress() bool                                { return true }
func (p Parallel) Peak() (instrument.Volts, instrument.Amps) { return p.Voltage, p.Compliance }
func (p Parallel) MarshalJSON() ([]byte, error) {
	type plain Parallel
	return tagged("parallel", plain(p))
}

func (p Parallel) valid() error {
	_, rows := p.Rows.Indices()
	_, cols := p.Cols.Indices()
	return cmp.Or(rows, cols, p.Scheme.Validate())
}

// pulse is the Pulse that each selected cell sees.
func (p Parallel) pulse() Pulse {
	return Pulse{Voltage: p.Voltage, Width: p.Width, Scheme: p.Scheme, Compliance: p.Compliance}
}

// performable refuses schemes in which the cells on a selected line do not see a
// known part of the voltage: floating lines would take theirs from all selected
// lines together, and with grounded ones every cell on a selected row is selected.
func (p Parallel) performable() error {
	if p.Scheme != HalfVoltage && p.Scheme != ThirdVoltage {
		return fmt.Errorf("a parallel write needs the scheme %s or %s, not %q", HalfVoltage, ThirdVoltage, string(p.Scheme))
	}
	return nil
}

// selection is which lines of an array are on the selected buses. The zero
// value stands for the row and the column of the cell.
type selection struct {
	rows, cols  Lines
	othersFloat bool
}

// check refuses lines that the array does not have and a cell that lies on none
// of those selected.
func (w *Wiring) check(p Parallel, cell Cell) error {
	on := false
	for _, side := range []struct {
		what  string
		lines Lines
		n, of int
	}{{"row", p.Rows, w.Rows, cell.Row}, {"column", p.Cols, w.Cols, cell.Col}} {
		list, err := side.lines.Indices()
		switch {
		case err != nil:
			return err
		case len(list) == 0:
			return fmt.Errorf("the parallel write selects no %s", side.what)
		case list[len(list)-1] >= side.n:
			return fmt.Errorf("%s %d is outside 0-%d", side.what, list[len(list)-1], side.n-1)
		}
		on = on || slices.Contains(list, side.of)
	}
	if !on {
		return fmt.Errorf("device %s is on none of the lines that the parallel write selects: rows %s and columns %s", cell,
			p.Rows, p.Cols)
	}
	return nil
}

// choose fills the chain's setting for a selection.
func (w *Wiring) choose(into []instrument.Switches, cell Cell, s selection) {
	if s.rows == "" {
		w.Select(into, cell, s.othersFloat)
		return
	}
	rows, _ := s.rows.Indices() // checked when the step was lowered
	cols, _ := s.cols.Indices()
	w.Select(into, Cell{Row: rows[0], Col: cols[0]}, s.othersFloat)
	for _, row := range rows {
		into[w.RowChip[row]] = w.Switch[BusForce1]
	}
	for _, col := range cols {
		into[w.ColChip[col]] = w.Switch[BusForce2]
	}
}

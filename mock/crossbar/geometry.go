package crossbar

import (
	"fmt"
	"math"
	"slices"
)

// Geometry describes the wires of an array. Resistances are in ohm and may be zero.
type Geometry struct {
	Rows, Cols int
	// RowSegment is the resistance of one piece of row wire: between the terminal and column 0, and between
	// neighbouring columns.
	RowSegment float64
	// ColSegment is the resistance of one piece of column wire: between the last row and the terminal, and between
	// neighbouring rows.
	ColSegment float64
}

// Devices returns the number of crosspoints, Rows*Cols.
func (g Geometry) Devices() int { return g.Rows * g.Cols }

// Validate returns an error that says what is wrong with the geometry, or nil.
func (g Geometry) Validate() error {
	if g.Rows < 1 || g.Cols < 1 {
		return fmt.Errorf("crossbar: an array of %d x %d lines: give at least one row and one column", g.Rows, g.Cols)
	}
	if !isResistance(g.RowSegment) {
		return fmt.Errorf("crossbar: row segment of %g ohm: give a finite resistance of 0 ohm or more", g.RowSegment)
	}
	if !isResistance(g.ColSegment) {
		return fmt.Errorf("crossbar: column segment of %g ohm: give a finite resistance of 0 ohm or more", g.ColSegment)
	}
	return nil
}

func isResistance(r float64) bool { return r >= 0 && !math.IsInf(r, 1) }

// Kind says what is connected to a line's terminal.
type Kind uint8

const (
	// Floating: nothing is connected. It is the zero value.
	Floating Kind = iota
	// Voltage: an ideal voltage source behind the terminal resistance.
	Voltage
	// Current: an ideal current source.
	Current
)

func (k Kind) String() string {
	names := [...]string{Floating: "floating", Voltage: "voltage", Current: "current"}
	if int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Line is what is connected to the terminal of one line.
type Line struct {
	Kind Kind
	// Value is the source voltage in V, or the current in A injected into the line; a negative current is drawn out
	// of it, on columns as on rows. It is ignored for a floating line.
	Value float64
	// Resistance in ohm (>= 0) lies between the source and the line's first segment: driver, contact, switch. Behind
	// a current source it changes nothing in the array, only the voltage that source has to supply. It is ignored for
	// a floating line.
	Resistance float64
}

func (l Line) validate() error {
	switch {
	case l.Kind == Floating:
	case l.Kind > Current:
		return fmt.Errorf("unknown kind %d: use Floating, Voltage or Current", uint8(l.Kind))
	case math.IsNaN(l.Value) || math.IsInf(l.Value, 0):
		return fmt.Errorf("%s source of %g: give a finite value", l.Kind, l.Value)
	case !isResistance(l.Resistance):
		return fmt.Errorf("terminal resistance of %g ohm: give a finite resistance of 0 ohm or more", l.Resistance)
	}
	return nil
}

// Solution is the operating point of an array. Solve fills the slices it finds and allocates those that are too short,
// so a Solution used again costs nothing.
type Solution struct {
	// RowCurrents are in A, from the row's terminal into the array. ColCurrents are in A, from the array out of
	// the column's terminal. A floating line's entry is exactly 0: no current flows in an open terminal. A
	// current-driven line's entry is its source's current with that sign.
	RowCurrents, ColCurrents []float64
	// DeviceVolts holds Rows*Cols voltages in V, row-major: row node minus column node, across the device itself.
	DeviceVolts []float64
	// RowVolts and ColVolts are in V at the source side of the terminal resistance: the source value for a voltage,
	// the voltage the source must supply for a current, the potential of the line's first node for a floating line.
	RowVolts, ColVolts []float64
	// Iterations counts the Newton steps.
	Iterations int
}

func (s *Solution) size(g Geometry) {
	s.RowCurrents = resize(s.RowCurrents, g.Rows)
	s.ColCurrents = resize(s.ColCurrents, g.Cols)
	s.RowVolts = resize(s.RowVolts, g.Rows)
	s.ColVolts = resize(s.ColVolts, g.Cols)
	s.DeviceVolts = resize(s.DeviceVolts, g.Devices())
}

func resize(x []float64, n int) []float64 {
	return slices.Grow(x[:0], n)[:n]
}

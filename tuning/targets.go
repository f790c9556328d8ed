package tuning

import (
	"errors"
	"fmt"
	"math"

	"xlab/instrument"
	"xlab/instrument/array"
)

// Targets are the conductances asked for, one row of the array after the other.
// NaN stands for a device that is not asked for and is left alone.
type Targets [][]instrument.Siemens

// NewTargets makes targets for an array in which nothing is asked for.
func NewTargets(rows, cols int) Targets {
	t := make(Targets, rows)
	for r := range t {
		t[r] = make([]instrument.Siemens, cols)
		for c := range t[r] {
			t[r][c] = instrument.Siemens(math.NaN())
		}
	}
	return t
}

// Size gives the number of rows and columns.
func (t Targets) Size() (rows, cols int) {
	if len(t) == 0 {
		return 0, 0
	}
	return len(t), len(t[0])
}

// At gives the target of a cell; ok is false where none is asked for.
func (t Targets) At(c array.Cell) (g instrument.Siemens, ok bool) {
	g = t[c.Row][c.Col]
	return g, !math.IsNaN(float64(g))
}

// Cells lists the devices asked for, row by row.
func (t Targets) Cells() []array.Cell {
	var cells []array.Cell
	for r, row := range t {
		for c, g := range row {
			if !math.IsNaN(float64(g)) {
				cells = append(cells, array.Cell{Row: r, Col: c})
			}
		}
	}
	return cells
}

// Uniform asks for the same conductance of a list of devices.
func Uniform(rows, cols int, cells []array.Cell, g instrument.Siemens) (Targets, error) {
	t := NewTargets(rows, cols)
	for _, c := range cells {
		if err := c.Within(rows, cols); err != nil {
			return nil, err
		}
		t[c.Row][c.Col] = g
	}
	return t, nil
}

// Place puts the targets of a smaller array into a rows x cols one, with their
// first device at the given cell; nothing is asked of the rest.
func (t Targets) Place(rows, cols int, at array.Cell) (Targets, error) {
	h, w := t.Size()
	if at.Row < 0 || at.Col < 0 || at.Row+h > rows || at.Col+w > cols {
		return nil, fmt.Errorf("targets of %d x %d devices do not fit into the %d x %d array at %s", h, w, rows, cols, at)
	}
	placed := NewTargets(rows, cols)
	for r, row := range t {
		copy(placed[at.Row+r][at.Col:], row)
	}
	return placed, nil
}

// Check refuses targets of another size than the array's, targets that are no
// conductances, and those outside low to high. The places are named, the first
// ten of them.
func (t Targets) Check(rows, cols int, low, high instrument.Siemens) error {
	if h, w := t.Size(); h != rows || w != cols {
		return fmt.Errorf("targets: %d x %d values for an array of %d x %d devices; a part of the array needs a place to "+
			"be put at", h, w, rows, cols)
	}
	var invalid, outside []string
	asked := 0
	for r, row := range t {
		if len(row) != cols {
			return fmt.Errorf("targets: row %d has %d values, the array has %d columns", r, len(row), cols)
		}
		for c, g := range row {
			cell := array.Cell{Row: r, Col: c}
			switch {
			case math.IsNaN(float64(g)):
				continue
			case !(g > 0) || math.IsInf(float64(g), 0):
				invalid = append(invalid, fmt.Sprintf("%s (%v)", cell, g))
			case g < low || g > high:
				outside = append(outside, fmt.Sprintf("%s (%v = %v)", cell, g, instrument.Ohms(1/float64(g))))
			}
			asked++
		}
	}
	if len(invalid) > 0 {
		return fmt.Errorf("targets: not a positive conductance: %s", places(invalid))
	}
	if len(outside) > 0 {
		return fmt.Errorf("targets: outside the range of %v to %v (%v to %v): %s", low, high,
			instrument.Ohms(1/float64(high)), instrument.Ohms(1/float64(low)), places(outside))
	}
	if asked == 0 {
		return errors.New("targets: no device is asked for")
	}
	return nil
}

// places joins a list of places, cut after the first ten.
func places(list []string) string {
	const most = 10
	text := ""
	for i, place := range list {
		if i == most {
			return fmt.Sprintf("%s and %d more", text, len(list)-most)
		}
		if i > 0 {
			text += ", "
		}
		text += place
	}
	return text
}

package figure

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Map shows one value for each device of an array as a colour, row 0 at the
// top and column 0 at the left, with a colour bar.
type Map struct {
	Title, Subtitle string

	Rows, Cols int
	Values     []float64 // row after row, in the unit; NaN: no value, the cell is hatched

	Label string // what the colour means, such as "conductance"
	Unit  string // as in Axis
	Scale Scale

	Marks   []CellMark
	Numbers bool // writes each value into its cell; an error where the cells are too small for it

	// RowLabel and ColLabel name the axes, "row" and "column" if empty.
	// RowNames and ColNames, where given, replace the numbers of all rows and
	// columns, such as the classes of a confusion matrix.
	RowLabel, ColLabel string
	RowNames, ColNames []string
}

// CellMark is a sign in some cells, such as × for defective devices.
type CellMark struct {
	Name   string   // in the legend; without a name there is no entry
	Symbol string   // one or two letters; "×" is drawn as large as the cell
	Cells  [][2]int // row and column, from zero
}

// Scale says which colour a value has.
type Scale struct {
	// Min and Max are the values of the first and the last colour, in the
	// unit; both zero: from the data. Values beyond them have the colour of
	// the end, and that end of the colour bar is pointed.
	Min, Max float64
	// Log makes equal ratios equal distances. Values at or below zero count as
	// below the scale.
	Log bool
	// Diverging is for deviations: grey is zero, blue below and red above, and
	// the scale reaches equally far to both sides. Min may be left zero then.
	Diverging bool
}

// Over is the scale with its range taken from the values, for figures that
// are to share it. NaN and infinite values do not count. Without any value
// that the scale can show, the error is ErrNoData.
func (s Scale) Over(values ...[]float64) (Scale, error) {
	var data span
	for _, v := range values {
		Axis{Log: s.Log}.measure(&data, v)
	}
	if data.n == 0 {
		return s, fmt.Errorf("colour scale: %w", ErrNoData)
	}
	if s.Diverging {
		s.Max = max(-data.lo, data.hi)
		if s.Max < 1e-100 {
			s.Max = 1 // zeros: everything is in the middle
		}
		s.Min = -s.Max
		return s, nil
	}
	s.Min, s.Max = widen(data.lo, data.hi, s.Log)
	return s, nil
}

// given reports whether the range is settled.
func (s Scale) given() bool { return s.Min != 0 || s.Max != 0 }

func (s Scale) check() error {
	switch {
	case s.Diverging && s.Log:
		return errors.New("colour scale: a diverging scale has zero in its middle and cannot be logarithmic")
	case s.given() && s.Diverging && s.Min != 0 && s.Min != -s.Max:
		return fmt.Errorf("colour scale: a diverging scale from %g to %g has not zero in its middle: give Max only", s.Min,
			s.Max)
	case s.given() && s.Diverging && !(s.Max > 0):
		return fmt.Errorf("colour scale: a diverging scale to %g: give a Max above zero", s.Max)
	}
	return nil
}

// ruler settles the scale as an axis along the colour bar.
func (s Scale) ruler(label, unit string) (ruler, error) {
	if s.Diverging {
		s.Min = -s.Max
	}
	return Axis{Label: label, Unit: unit, Log: s.Log, Min: s.Min, Max: s.Max}.over(span{}, 0)
}

// Draw lays the map out. A map without any value is drawn all the same, with
// every cell hatched: that nothing could be measured is a result.
func (m Map) Draw() (_ *Drawing, err error) {
	defer about(&err, "map %q", m.Title)
	whole := Maps{Title: m.Title, Subtitle: m.Subtitle}
	m.Title, m.Subtitle = "", ""
	whole.Panels = []Map{m}
	return whole.draw()
}

// largestArray bounds rows and columns: beyond it a cell would be smaller
// than a pixel of the PNG.
const largestArray = 1024

func (m Map) check() error {
	switch {
	case m.Rows < 1 || m.Cols < 1 || m.Rows > largestArray || m.Cols > largestArray:
		return fmt.Errorf("%d x %d cells: 1 x 1 to %d x %d can be drawn", m.Rows, m.Cols, largestArray, largestArray)
	case len(m.Values) != m.Rows*m.Cols:
		return fmt.Errorf("%d values for %d x %d cells: give one for each, NaN where there is none", len(m.Values), m.Rows,
			m.Cols)
	case m.RowNames != nil && len(m.RowNames) != m.Rows:
		return fmt.Errorf("%d names for %d rows: give one for each, or none", len(m.RowNames), m.Rows)
	case m.ColNames != nil && len(m.ColNames) != m.Cols:
		return fmt.Errorf("%d names for %d columns: give one for each, or none", len(m.ColNames), m.Cols)
	}
	for _, k := range m.Marks {
		if clean(k.Symbol) == "" || len([]rune(k.Symbol)) > 2 {
			return fmt.Errorf("mark %q has the symbol %q: give one or two letters", k.Name, k.Symbol)
		}
		for _, c := range k.Cells {
			if c[0] < 0 || c[0] >= m.Rows || c[1] < 0 || c[1] >= m.Cols {
				return fmt.Errorf("mark %q on r%dc%d, outside of the %d x %d cells (rows and columns count from 0)", k.Name, c[0],
					c[1], m.Rows, m.Cols)
			}
		}
	}
	return m.Scale.check()
}

// hollow reports whether some cell has no value.
func (m Map) hollow() bool { return slices.ContainsFunc(m.Values, math.IsNaN) }

// exceeds reports on which sides values lie beyond the scale.
func (m Map) exceeds(r ruler) (below, above bool) {
	for _, v := range m.Values {
		below = below || v < r.min*(1-1e-12*sign(r.min))
		above = above || v > r.max*(1+1e-12*sign(r.max))
	}
	return below, above
}

func sign(x float64) float64 { return math.Copysign(1, x) }

// place is where on the scale a value lies, from 0 to 1.
func (r ruler) place(v float64) float64 {
	if r.log && v <= 0 {
		return 0
	}
	return min(max(r.norm(v), 0), 1)
}

// Blank are n values of which none is known yet.
func Blank(n int) []float64 {
	return slices.Repeat([]float64{math.NaN()}, n)
}

package array

import (
	"errors"
	"fmt"
	"math"

	"xlab/instrument"
)

// Resistance is what lies between the sources and the devices of an array. All
// rows are fed at column 0 and all columns at the last row, every line through
// the same Contact; a Segment lies between neighbouring crosspoints and between
// the contact and the first crosspoint. The zero value is an ideal array.
//
// In a read with all other lines grounded every device of the selected lines
// takes part of the current or of the voltage, so that the conductance that the
// meter shows (the path's) is lower than the device's by an amount that depends
// on all the neighbours; a device that hardly conducts among such that do may
// also show more than it has. Reads and Devices go from the one to the other for
// ohmic devices.
type Resistance struct {
	// of a line with its switch, at its terminal
	Contact    instrument.Ohms `json:"contact" mapstructure:"contact"`
	RowSegment instrument.Ohms `json:"row_segment" mapstructure:"row_segment"` // between neighbouring crosspoints of a row
	// between neighbouring crosspoints of a column
	ColSegment instrument.Ohms `json:"col_segment" mapstructure:"col_segment"`
}

// Validate refuses negative resistances and values that are no numbers.
func (l Resistance) Validate() error {
	for _, part := range []struct {
		name  string
		value instrument.Ohms
	}{{"contact", l.Contact}, {"row_segment", l.RowSegment}, {"col_segment", l.ColSegment}} {
		if !(part.value >= 0) || math.IsInf(float64(part.value), 0) {
			return fmt.Errorf("line resistance: %s %v must be 0 Ω or more", part.name, part.value)
		}
	}
	return nil
}

// Reads gives the conductances that reads of all cells show, for device
// conductances g, both in S and row by row (cell r, c at r*cols+c).
func (l Resistance) Reads(rows, cols int, g []float64) []float64 {
	n := newNodal(l, rows, cols)
	n.factor(g)
	return n.reads(g, 1e-9)
}

// ErrUnreadable is in the chain of the error of Devices when no device
// conductances could give the reads: so much current cannot pass the lines.
var ErrUnreadable = errors.New("the lines' resistance does not let these conductances be read")

// Devices gives the device conductances of which reads of all cells show the
// given conductances, both in S and row by row. Each device's conductance is the
// one at the voltage that it really has, which is below the read voltage. It
// takes a few milliseconds for 20 x 20.
//
// A cell that shows no more than what gets to it through the other devices, as
// cells of devices that hardly conduct do, has 0 S: less is noise, or devices
// that are not ohmic. Heavily loaded lines have a largest conductance that can be
// read through them (a quarter of what the contacts alone would pass); beyond it
// the error is ErrUnreadable.
func (l Resistance) Devices(rows, cols int, reads []float64) ([]float64, error) {
	for k, m := range reads {
		if math.IsNaN(m) {
			return nil, fmt.Errorf("device %s: its read is not a number: %w", Cell{k / cols, k % cols}, ErrUnreadable)
		}
	}
	return l.Complete(rows, cols, reads, nil)
}

// Complete gives the device conductances of which reads show the given
// conductances where reads has one, and which are those of devices where reads
// is NaN: what the ones have to be while the others stay as they are. All is in S
// and row by row; devices is not looked at where there is a read. Otherwise it is
// like Devices.
//
// Every free device's value is divided by the attenuation that the present values
// of all devices give it, until nothing changes. Where most of a read is the
// others' current that attenuation is no property of the device, and the
// difference goes to the device alone.
func (l Resistance) Complete(rows, cols int, reads, devices []float64) ([]float64, error) {
	g := make([]float64, len(reads))
	for k, m := range reads {
		if math.IsNaN(m) {
			if m = devices[k]; !(m >= 0 && m < mostConductance) {
				return nil, fmt.Errorf("device %s: %v is not the conductance of a device", Cell{k / cols, k % cols},
					instrument.Siemens(m))
			}
		}
		g[k] = max(m, 0) // noise around zero of a device that does not conduct
	}
	if l == (Resistance{}) {
		return g, nil
	}
	n := newNodal(l, rows, cols)
	tolerance := 1e-2
	for range 400 {
		n.factor(g)
		model := n.reads(g, tolerance*1e-2)
		worst := 0.0
		for k, m := range reads {
			if !(m > 0) {
				continue
			}
			change := m / model[k]
			if part := n.part(k); part > 0 && g[k]*part <= model[k]/2 {
				next := max(g[k]+(m-model[k])/part, 0)
				if next > 0 || g[k] > 0 {
					worst = max(worst, math.Abs(change-1))
				}
				g[k] = next
			} else {
				worst = max(worst, math.Abs(change-1))
				g[k] *= change
			}
			if !(g[k] < mostConductance) {
				return nil, fmt.Errorf("device %s at %v: %w", Cell{k / cols, k % cols}, instrument.Siemens(m), ErrUnreadable)
			}
		}
		if worst < 1e-7 {
			return g, nil
		}
		tolerance = worst
	}
	return nil, ErrUnreadable
}

// mostConductance is the conductance in S that no device has.
const mostConductance = 1

// nodal solves the array's node voltages for all reads. The lines' ends are the
// same in every read but for the source, so that one factorisation of every
// line serves them all; between rows and columns the solution goes back and
// forth (block Gauss-Seidel), which converges for any positive conductances
// because the matrix is symmetric and diagonally dominant.
type nodal struct {
	rows, cols int
	row, col   chain     // one line after the other
	u, w       []float64 // node voltages per read of a row: [driven row][cell]
	byCol      []float64 // conductances column by column, terminal first
	rhs        []float64
	leaving    []float64 // by cell, part of a current into the column's node that leaves at its terminal, rows at 0 V
}

// chain holds the factors of the tridiagonal matrices of a set of equal lines.
type chain struct {
	length  int
	first   float64   // conductance terminal to first node
	segment float64   // conductance node to node
	pivot   []float64 // of every node, 1/diagonal after elimination
}

func newNodal(l Resistance, rows, cols int) *nodal {
	conductance := func(r instrument.Ohms) float64 { return 1 / math.Max(float64(r), 1e-3) } // 1 mΩ stands for none
	return &nodal{rows: rows, cols: cols,
		row: chain{length: cols, first: conductance(l.Contact + l.RowSegment), segment: conductance(l.RowSegment),
			pivot: make([]float64, rows*cols)},
		col: chain{length: rows, first: conductance(l.Contact + l.ColSegment), segment: conductance(l.ColSegment),
			pivot: make([]float64, rows*cols)},
		u: make([]float64, rows*rows*cols), w: make([]float64, rows*rows*cols),
		byCol: make([]float64, rows*cols), rhs: make([]float64, max(rows, cols)), leaving: make([]float64, rows*cols)}
}

// factor prepares all lines for the device conductances g.
func (n *nodal) factor(g []float64) {
	for r := range n.rows {
		n.row.factor(r, g[r*n.cols:(r+1)*n.cols])
	}
	for c := range n.cols {
		line := n.byCol[c*n.rows : (c+1)*n.rows]
		for i := range line {
			line[i] = g[(n.rows-1-i)*n.cols+c] // columns leave at the last row
		}
		n.col.factor(c, line)
		pivot := n.col.pivot[c*n.rows : (c+1)*n.rows]
		leaving := n.col.first * pivot[0]
		for i, p := range pivot {
			if i > 0 {
				leaving *= n.col.segment * p
			}
			n.leaving[(n.rows-1-i)*n.cols+c] = leaving
		}
	}
}

// part gives what of a device's conductance its own read shows, at the voltages of
// the last call of reads; the rest of the read are the other devices.
func (n *nodal) part(k int) float64 {
	at := k/n.cols*n.rows*n.cols + k
	return (n.u[at] - n.w[at]) * n.leaving[k]
}

func (c *chain) factor(line int, g []float64) {
	pivot := c.pivot[line*c.length : (line+1)*c.length]
	// Elimination runs from the open end to the terminal: the admittance of the
	// rest of the line in series with the segment, no differences.
	rest := 0.0
	for i := c.length - 1; i >= 0; i-- {
		toTerminal := c.segment
		if i == 0 {
			toTerminal = c.first
		}
		below := g[i] + rest
		pivot[i] = 1 / (toTerminal + below)
		rest = toTerminal * below * pivot[i]
	}
}

// solve gives the node voltages of a line for currents into its nodes; rhs is
// overwritten.
func (c *chain) solve(line int, rhs, v []float64) {
	pivot := c.pivot[line*c.length : (line+1)*c.length]
	for i := c.length - 1; i > 0; i-- {
		rhs[i-1] += c.segment * pivot[i] * rhs[i]
	}
	v[0] = pivot[0] * rhs[0]
	for i := 1; i < c.length; i++ {
		v[i] = pivot[i] * (rhs[i] + c.segment*v[i-1])
	}
}

// reads gives the conductances that all reads show, to the given relative
// accuracy; it starts from the voltages of the last call.
func (n *nodal) reads(g []float64, accuracy float64) []float64 {
	size := n.rows * n.cols
	out := make([]float64, size)
	column := make([]float64, n.rows)
	for driven := range n.rows {
		u, w := n.u[driven*size:(driven+1)*size], n.w[driven*size:(driven+1)*size]
		for range 1000 {
			for r := range n.rows {
				rhs := n.rhs[:n.cols]
				for c := range rhs {
					rhs[c] = g[r*n.cols+c] * w[r*n.cols+c]
				}
				if r == driven {
					rhs[0] += n.row.first // the source's volt
				}
				n.row.solve(r, rhs, u[r*n.cols:(r+1)*n.cols])
			}
			moved := 0.0
			for c := range n.cols {
				rhs := n.rhs[:n.rows]
				for i := range rhs {
					k := (n.rows-1-i)*n.cols + c
					rhs[i] = g[k] * u[k]
				}
				n.col.solve(c, rhs, column)
				for i, v := range column {
					w[(n.rows-1-i)*n.cols+c] = v
				}
				current := column[0] * n.col.first
				moved = max(moved, math.Abs(current-out[driven*n.cols+c])/max(current, 1e-30))
				out[driven*n.cols+c] = current
			}
			if moved <= accuracy {
				break
			}
		}
	}
	return out
}

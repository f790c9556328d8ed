package tuning

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"xlab/instrument"
	"xlab/instrument/array"
)

// devices goes back from reads of all cells to the devices; devices whose read is
// NaN stay as they are. When the lines' resistance does not allow the reads, the
// error says where and which resistance would.
func (l *lines) devices(reads []float64) ([]float64, error) {
	g, err := l.resistance.Complete(l.rows, l.cols, reads, l.g)
	if !errors.Is(err, array.ErrUnreadable) {
		return g, err
	}
	scaled := func(part float64) array.Resistance {
		r, p := l.resistance, instrument.Ohms(part)
		return array.Resistance{Contact: p * r.Contact, RowSegment: p * r.RowSegment, ColSegment: p * r.ColSegment}
	}
	part, at := largest(func(part float64) ([]float64, error) { return scaled(part).Complete(l.rows, l.cols, reads, l.g) })
	if at == nil {
		return nil, err
	}
	worst := l.worst(reads, at, 1)
	row, col := l.sums(reads, worst)
	return nil, fmt.Errorf("%w: row %d reads %v in sum and column %d %v, which cannot be behind contacts of %v with "+
		"segments of %v and %v; of resistances it could be behind, the largest are %.2f times these",
		err, worst.Row, row, worst.Col, col, l.resistance.Contact, l.resistance.RowSegment, l.resistance.ColSegment, part)
}

// complete gives the device conductances of which reads show the given
// conductances while devices without one (NaN) stay as they are.
func (l *lines) complete(shown []float64) ([]float64, error) {
	g, err := l.resistance.Complete(l.rows, l.cols, shown, l.g)
	if err != nil {
		return nil, err
	}
	for k, m := range shown {
		if !math.IsNaN(m) && g[k] > l.most {
			return nil, fmt.Errorf("device %s would have to conduct %v: %w", array.Cell{Row: k / l.cols, Col: k % l.cols},
				instrument.Siemens(g[k]), array.ErrUnreadable)
		}
	}
	return g, nil
}

// aims is complete for conductances that devices can be set to: none that hardly
// conducts.
func (l *lines) aims(shown []float64) ([]float64, error) {
	g, err := l.complete(shown)
	if err != nil {
		return nil, err
	}
	for k, m := range shown {
		if !math.IsNaN(m) && g[k] < lowest {
			return nil, &hidden{cell: array.Cell{Row: k / l.cols, Col: k % l.cols},
				least: instrument.Siemens(l.resistance.Reads(l.rows, l.cols, g)[k])}
		}
	}
	return g, nil
}

// hidden is the error of an aim that cannot be: the cell shows at least so much
// whatever its device does.
type hidden struct {
	cell  array.Cell
	least instrument.Siemens
}

func (h *hidden) Error() string {
	return fmt.Sprintf("cell %s shows %v through the other devices of its lines alone", h.cell, h.least)
}

// overload says which lines cannot let through what reads are to show, and what
// part of the conductances they could show.
type overload struct {
	row, col         int
	rowSum, colSum   instrument.Siemens // to be shown
	rowMost, colMost instrument.Siemens // can be shown, all conductances to be shown being the same part of what they are
	part             float64
}

// overload finds out why aims gave array.ErrUnreadable; ok is false when no part
// of the conductances could be shown either. It takes up to a second or so.
func (l *lines) overload(shown []float64) (o overload, ok bool) {
	of := func(part float64) []float64 {
		list := slices.Clone(shown)
		for k := range list {
			list[k] *= part // NaN stays
		}
		return list
	}
	part, g := largest(func(part float64) ([]float64, error) { return l.complete(of(part)) })
	if g == nil {
		return overload{}, false
	}
	worst := l.worst(shown, g, part)
	most := l.resistance.Reads(l.rows, l.cols, g)
	all := slices.Clone(shown)
	for k := range all {
		if math.IsNaN(all[k]) {
			all[k] = most[k]
		}
	}
	o = overload{row: worst.Row, col: worst.Col, part: part}
	o.rowSum, o.colSum = l.sums(all, worst)
	o.rowMost, o.colMost = l.sums(most, worst)
	return o, true
}

// worst is the cell that the lines weaken most of those with a conductance to be
// shown, part of it by devices of conductances g.
func (l *lines) worst(shown, g []float64, part float64) array.Cell {
	best, least := 0, math.Inf(1)
	for k, m := range shown {
		if m > 0 && g[k] > 0 && part*m/g[k] < least {
			best, least = k, part*m/g[k]
		}
	}
	return array.Cell{Row: best / l.cols, Col: best % l.cols}
}

// sums adds up the conductances shown by a cell's row and column.
func (l *lines) sums(shown []float64, at array.Cell) (row, col instrument.Siemens) {
	for k, m := range shown {
		if !(m > 0) {
			continue
		}
		if k/l.cols == at.Row {
			row += instrument.Siemens(m)
		}
		if k%l.cols == at.Col {
			col += instrument.Siemens(m)
		}
	}
	return row, col
}

// largest is the largest part, 0 to 1, to which try has an answer, to a percent
// and from below, with that answer; nil when there is none above 0.
func largest(try func(part float64) ([]float64, error)) (part float64, g []float64) {
	low, high := 0.0, 1.0
	for high-low > 0.01 {
		middle := (low + high) / 2
		if list, err := try(middle); err == nil {
			low, g = middle, list
		} else {
			high = middle
		}
	}
	return math.Floor(100*low) / 100, g
}

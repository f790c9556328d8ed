package inference

import "math"

// slope is the voltage that the devices of a row see beside what their own
// inputs make: the drop along the row, taken as a straight line over its columns.
// Most of it is the row's contact, common to all; the rest falls along the wire.
type slope struct {
	restLevel, restTilt float64   // V, what the constant sources make on input columns
	level, tilt         []float64 // V by input: in the middle of the row, and from there to its end
}

// place is a column's place on the row, -1 to 1.
func place(column, columns int) float64 {
	if columns == 1 {
		return 0
	}
	return 2*float64(column)/float64(columns-1) - 1
}

// slope fits the slopes of a row to the devices' voltages, with the devices'
// own inputs left out. A device counts by what its curvature makes of a drop.
// Without a tilt it is one level for all.
func (o *operation) slope(k []float64, r int, tilted bool) slope {
	cols, inputs := o.layer.Geometry.Cols, o.inputs
	first := r * cols
	weight := func(d int) float64 { return math.Abs(k[d] * o.law.b[d] * o.at[d]) }
	fit := func(volts []float64, include func(m int) bool) (level, tilt float64) {
		var n, x, y, xx, xy float64
		for c, m := range o.owner {
			if !include(m) {
				continue
			}
			w, p, v := weight(first+c), place(c, cols), volts[first+c]
			n, x, y, xx, xy = n+w, x+w*p, y+w*v, xx+w*p*p, xy+w*p*v
		}
		det := n*xx - x*x
		if !tilted || !(det > 1e-12*n*n) {
			if n > 0 {
				level = y / n
			}
			return level, 0
		}
		return (xx*y - x*xy) / det, (n*xy - x*y) / det
	}
	s := slope{level: make([]float64, len(inputs)), tilt: make([]float64, len(inputs))}
	s.restLevel, s.restTilt = fit(o.rest.volts, func(m int) bool { return m >= 0 })
	for p := range inputs {
		s.level[p], s.tilt[p] = fit(inputs[p].volts, func(m int) bool { return m != p })
	}
	return s
}

// along gives the slope that all sources together make.
func (s *slope) along(inputs []float64) (level, tilt float64) {
	level = s.across(inputs)
	tilt = s.restTilt
	odd, tilts := 0.0, s.tilt[:len(inputs)]
	p := 0
	for ; p+1 < len(inputs); p += 2 {
		tilt += inputs[p] * tilts[p]
		odd += inputs[p+1] * tilts[p+1]
	}
	if p < len(inputs) {
		tilt += inputs[p] * tilts[p]
	}
	return level, tilt + odd
}

// across gives the level alone.
func (s *slope) across(inputs []float64) float64 {
	// Two sums, so that the additions need not wait for one another.
	level, odd, levels := s.restLevel, 0.0, s.level[:len(inputs)]
	p := 0
	for ; p+1 < len(inputs); p += 2 {
		level += inputs[p] * levels[p]
		odd += inputs[p+1] * levels[p+1]
	}
	if p < len(inputs) {
		level += inputs[p] * levels[p]
	}
	return level + odd
}

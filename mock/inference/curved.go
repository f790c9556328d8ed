package inference

import "math"

// curved is a device beyond its straight line: d volts away from where the
// tangent touches, it gives the neuron square d^2 s + cube d^3 for an input s = ±1.
type curved struct {
	place        float64 // of its column, see slope
	own          float64 // V: what its own input makes of the slope at its place
	square, cube float64
}

// curved is the device on a column of the row whose first device is given.
func (o *operation) curved(k []float64, first, c int) curved {
	d := first + c
	return curved{place: place(c, o.layer.Geometry.Cols), square: 3 * k[d] * o.law.b[d] * o.at[d], cube: k[d] * o.law.b[d]}
}

// rest is the devices of a row whose columns no input drives. Those on columns
// near 0 V see the row's drop only and are taken together, at the place where
// most of them are.
type rest struct {
	hadLevel, hadTilt float64 // V, what the constant sources make of the slope: their tangents have it already
	biased            []curved
	grounded          curved
}

// grounded is the voltage below which a column counts as grounded, as a part of
// the largest one.
const grounded = 0.05

// others are the devices of a row, whose first device is given, that no input
// drives.
func (o *operation) others(k []float64, first int, s *slope) rest {
	r := rest{hadLevel: s.restLevel, hadTilt: s.restTilt}
	largest, weight := 0.0, 0.0
	for c := range o.owner {
		largest = max(largest, math.Abs(o.at[first+c]))
	}
	for c, m := range o.owner {
		if m >= 0 {
			continue
		}
		x := o.curved(k, first, c)
		if math.Abs(o.at[first+c]) > grounded*largest {
			r.biased = append(r.biased, x)
			continue
		}
		w := math.Abs(x.cube)
		r.grounded.place += w * x.place
		weight += w
		r.grounded.square += x.square
		r.grounded.cube += x.cube
	}
	if weight > 0 {
		r.grounded.place /= weight
	}
	return r
}

// still is what these devices add at a slope.
func (r *rest) still(level, tilt float64) float64 {
	level -= r.hadLevel
	tilt -= r.hadTilt
	d := level + r.grounded.place*tilt
	sum := d * d * (r.grounded.square + d*r.grounded.cube)
	for i := range r.biased {
		x := &r.biased[i]
		d := level + x.place*tilt
		sum += d * d * (x.square + d*x.cube)
	}
	return sum
}

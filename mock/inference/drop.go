package inference

import "math"

// drop is the voltage that the devices of a row see beside what their own inputs
// make: what the row's currents lose on the way to its terminal. Most of that is
// the contact, common to all, so that one value stands for the whole row.
type drop struct {
	rest  float64   // V, of the constant sources, on the columns of inputs
	input []float64 // V, of each input
	// Devices whose columns no input drives stray from their tangents by the inputs'
	// drop d alone, and give the neuron square d^2 + cube d^3 together.
	square, cube float64
}

// drop averages over the row's devices, each of which counts by what its
// curvature makes of a drop.
func (o *operation) drop(k []float64, r int) drop {
	first := r * o.layer.Geometry.Cols
	mean := func(volts []float64, include func(m int) bool) float64 {
		var n, sum float64
		for c, m := range o.owner {
			if d := first + c; include(m) {
				weight := math.Abs(k[d] * o.law.b[d] * o.at[d])
				n, sum = n+weight, sum+weight*volts[d]
			}
		}
		if n == 0 {
			return 0
		}
		return sum / n
	}
	w := drop{rest: mean(o.rest.volts, func(m int) bool { return m >= 0 }), input: make([]float64, len(o.inputs))}
	for p := range o.inputs {
		w.input[p] = mean(o.inputs[p].volts, func(m int) bool { return m != p })
	}
	for c, m := range o.owner {
		if d := first + c; m < 0 {
			w.square += 3 * k[d] * o.law.b[d] * o.at[d]
			w.cube += k[d] * o.law.b[d]
		}
	}
	return w
}

// across is the drop that all sources together make.
func (w *drop) across(inputs []float64) float64 {
	// Two sums, so that the additions need not wait for one another.
	level, odd, of := w.rest, 0.0, w.input[:len(inputs)]
	p := 0
	for ; p+1 < len(inputs); p += 2 {
		level += inputs[p] * of[p]
		odd += inputs[p+1] * of[p+1]
	}
	if p < len(inputs) {
		level += inputs[p] * of[p]
	}
	return level + odd
}

// still is what the devices that no input drives give the neuron at a drop.
func (w *drop) still(level float64) float64 {
	d := level - w.rest
	return d * d * (w.square + d*w.cube)
}

package inference

import (
	"math"
	"math/rand/v2"

	"xlab/mock/crossbar"
)

const (
	tableBits = 8 // inputs that one look-up covers
	// saturation is the argument of tanh beyond which it is 1 within 1e-6.
	saturation = 7.25
	// draws is the number of random patterns from which the mean effect of
	// devices on other neurons' rows is found.
	draws = 4096
)

// twoLevel is a layer whose inputs are plus or minus one level.
type twoLevel struct {
	neurons []Neuron
	owner   []int       // input that drives each column, -1 for none
	tables  [][]float64 // by eight inputs: pattern x neurons, A; the first one holds the constant part too
	rows    []row       // plus and minus row of every neuron
	reach   []float64   // V by neuron: the furthest that its devices' curvature moves Gain dI
}

// row is one row of a neuron: what its devices do beyond their straight lines.
// The voltage by which a device strays from its tangent is looked up like the
// currents: it is as much a sum over the inputs.
type row struct {
	astray       [][]float64 // V, by eight inputs: pattern x columns
	square, cube []float64   // by column: what a device gives the neuron d volts astray is square d^2 s + cube d^3
}

func newTwoLevel(l *Layer, level float64) (*twoLevel, error) {
	o, err := newOperation(l, level)
	if err != nil {
		return nil, err
	}
	t := &twoLevel{neurons: l.Neurons, owner: o.owner}
	for i, n := range l.Neurons {
		t.rows = append(t.rows, o.row(o.k[i], n.Plus), o.row(o.k[i], n.Minus))
	}
	t.correct(o)
	t.tables = tabulate(len(l.Neurons), len(o.inputs), o.rest.currents,
		func(m, i int) float64 { return o.inputs[m].currents[i] })
	return t, nil
}

func (o *operation) row(k []float64, r int) row {
	cols := o.layer.Geometry.Cols
	first := r * cols
	w := row{square: make([]float64, cols), cube: make([]float64, cols)}
	rest := make([]float64, cols)
	for c, m := range o.owner {
		d := first + c
		w.square[c], w.cube[c] = 3*k[d]*o.law.b[d]*o.at[d], k[d]*o.law.b[d]
		if m >= 0 {
			rest[c] = o.rest.volts[d]
		}
	}
	w.astray = tabulate(cols, len(o.inputs), rest, func(m, c int) float64 {
		if o.owner[c] == m {
			return 0 // its own input leads along the tangent
		}
		return o.inputs[m].volts[first+c]
	})
	return w
}

// correct puts into the inputs' responses what the curvature of devices on
// other neurons' rows does on the average, and finds how far a neuron's own may
// reach.
func (t *twoLevel) correct(o *operation) {
	l, f, owner, rest, inputs, at, k := o.layer, o.law, o.owner, o.rest, o.inputs, o.at, o.k
	random := rand.New(rand.NewPCG(1, uint64(len(inputs))))
	cols := l.Geometry.Cols
	signs := make([]float64, len(inputs))
	d := make([]float64, len(at))
	mean := make([][]float64, len(l.Neurons)) // by input, then the constant
	for i := range mean {
		mean[i] = make([]float64, len(inputs)+1)
	}
	t.reach = make([]float64, len(l.Neurons))
	for range draws {
		copy(d, rest.volts)
		for c, m := range owner {
			if m < 0 {
				for x := c; x < len(d); x += cols {
					d[x] -= at[x]
				}
			}
		}
		for m := range signs {
			signs[m] = float64(2*random.IntN(2) - 1)
			for x, v := range inputs[m].volts {
				d[x] += signs[m] * v
			}
		}
		for x := range d {
			sign := 1.0
			if m := owner[x%cols]; m >= 0 {
				sign = signs[m]
				d[x] -= sign * at[x]
			}
			d[x] = f.b[x] * d[x] * d[x] * (3*at[x]*sign + d[x])
		}
		for i, n := range l.Neurons {
			other, own := 0.0, 0.0
			for x, e := range d {
				if r := x / cols; r == n.Plus || r == n.Minus {
					own += k[i][x] * e
				} else {
					other += k[i][x] * e
				}
			}
			t.reach[i] = max(t.reach[i], math.Abs(n.Gain*own))
			for m, sign := range signs {
				mean[i][m] += sign * other / draws
			}
			mean[i][len(signs)] += other / draws
		}
	}
	for i := range l.Neurons {
		for m := range inputs {
			inputs[m].currents[i] += mean[i][m]
		}
		rest.currents[i] += mean[i][len(signs)]
		t.reach[i] *= 1.5 // the furthest of a sample is not the furthest of all
	}
}

// tabulate makes tables of sums over the inputs: by eight inputs, and for each
// pattern of theirs, n values. The first table holds the constant part too.
func tabulate(n, inputs int, constant []float64, part func(input, i int) float64) [][]float64 {
	var tables [][]float64
	for first := 0; first < inputs || first == 0; first += tableBits {
		group := min(tableBits, inputs-first)
		table := make([]float64, n<<group)
		for p := range 1 << group {
			entry := table[p*n : (p+1)*n]
			if first == 0 {
				copy(entry, constant)
			}
			for m := range group {
				sign := -1.0
				if p>>m&1 == 1 {
					sign = 1
				}
				for i := range entry {
					entry[i] += sign * part(first+m, i)
				}
			}
		}
		tables = append(tables, table)
	}
	return tables
}

// outputs gives the neurons' voltages for a pattern, bit m set for input m at
// the plus level. signs is work space, one per column.
func (t *twoLevel) outputs(pattern []uint8, signs, out []float64) {
	n := len(t.neurons)
	out = out[:n]
	copy(out, t.tables[0][int(pattern[0])*n:])
	for g := 1; g < len(t.tables); g++ {
		entry := t.tables[g][int(pattern[g])*n:]
		entry = entry[:n]
		for i, x := range entry {
			out[i] += x
		}
	}
	expanded := false
	for i := range t.neurons {
		neuron := &t.neurons[i]
		x := neuron.Gain*out[i] + neuron.Offset
		if neuron.Saturating && math.Abs(x) > saturation+t.reach[i] {
			out[i] = math.Copysign(neuron.Limit, x)
			continue
		}
		if !expanded {
			for c, m := range t.owner {
				signs[c] = 1
				if m >= 0 {
					signs[c] = float64(int(pattern[m/tableBits]>>(m%tableBits)&1)*2 - 1)
				}
			}
			expanded = true
		}
		x += neuron.Gain * (t.rows[2*i].beyond(pattern, signs) + t.rows[2*i+1].beyond(pattern, signs))
		out[i] = neuron.output(x)
	}
}

// beyond is what the row's devices add to the neuron's current difference
// beyond their straight lines, A.
func (r *row) beyond(pattern []uint8, signs []float64) float64 {
	n := len(signs)
	square, cube := r.square[:n], r.cube[:n]
	sum := 0.0
	if len(r.astray) == 2 { // the usual case, without a copy
		a, b := r.astray[0][int(pattern[0])*n:], r.astray[1][int(pattern[1])*n:]
		a, b = a[:n], b[:n]
		for c, s := range signs {
			d := a[c] + b[c]
			sum += d * d * (s*square[c] + d*cube[c])
		}
		return sum
	}
	for c, s := range signs {
		d := 0.0
		for g, table := range r.astray {
			d += table[int(pattern[g])*n+c]
		}
		sum += d * d * (s*square[c] + d*cube[c])
	}
	return sum
}

func (n *Neuron) output(x float64) float64 {
	if n.Saturating {
		return n.Limit * math.Tanh(x)
	}
	return max(-n.Limit, min(n.Limit, x))
}

var _ crossbar.Devices = (*straight)(nil)

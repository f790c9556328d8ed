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
	draws = 1024
)

// twoLevel is a layer whose inputs are plus or minus one level.
type twoLevel struct {
	neurons []Neuron
	tables  [][]float64 // by eight inputs: pattern x neurons, A; the first one holds the constant part too
	rows    []row       // plus and minus row of every neuron
	reach   []float64   // V by neuron: the furthest that its devices' curvature moves Gain dI
}

// row is one row of a neuron: what its devices do beyond their straight lines.
type row struct {
	slope
	rest
	devices []curved // by input
}

func newTwoLevel(l *Layer, level float64) (*twoLevel, error) {
	o, err := newOperation(l, level)
	if err != nil {
		return nil, err
	}
	t := &twoLevel{neurons: l.Neurons}
	for i, n := range l.Neurons {
		t.rows = append(t.rows, o.lumped(o.k[i], n.Plus), o.lumped(o.k[i], n.Minus))
	}
	t.correct(o)
	t.tabulate(o.rest, o.inputs)
	return t, nil
}

// lumped is a row whose drop is taken as a straight slope along it.
func (o *operation) lumped(k []float64, r int) row {
	first := r * o.layer.Geometry.Cols
	w := row{slope: o.slope(k, r, true), devices: make([]curved, len(o.inputs))}
	w.rest = o.others(k, first, &w.slope)
	for c, m := range o.owner {
		if m < 0 {
			continue
		}
		x := o.curved(k, first, c)
		x.own = w.level[m] + x.place*w.tilt[m]
		w.devices[m] = x
	}
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

func (t *twoLevel) tabulate(rest response, inputs []response) {
	n := len(t.neurons)
	for first := 0; first < len(inputs) || first == 0; first += tableBits {
		group := inputs[first:min(first+tableBits, len(inputs))]
		table := make([]float64, n<<len(group))
		for p := range 1 << len(group) {
			entry := table[p*n : (p+1)*n]
			if first == 0 {
				copy(entry, rest.currents)
			}
			for m := range group {
				sign := -1.0
				if p>>m&1 == 1 {
					sign = 1
				}
				for i, x := range group[m].currents {
					entry[i] += sign * x
				}
			}
		}
		t.tables = append(t.tables, table)
	}
}

// outputs gives the neurons' voltages for a pattern, bit m set for input m at
// the plus level. signs is work space, one per input.
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
			for m := range signs {
				signs[m] = float64(int(pattern[m/tableBits]>>(m%tableBits)&1)*2 - 1)
			}
			expanded = true
		}
		x += neuron.Gain * (t.rows[2*i].beyond(signs) + t.rows[2*i+1].beyond(signs))
		out[i] = neuron.output(x)
	}
}

// beyond is what the row's devices add to the neuron's current difference
// beyond their straight lines, A.
func (r *row) beyond(signs []float64) float64 {
	level, tilt := r.along(signs)
	sum := r.still(level, tilt)
	for m := range r.devices {
		x := &r.devices[m]
		s := signs[m]
		d := level + x.place*tilt - s*x.own
		sum += d * d * (s*x.square + d*x.cube)
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

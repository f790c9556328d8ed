package inference

import (
	"math"
	"math/rand/v2"
)

// analogue is a layer whose inputs lie anywhere between ±level. Its straight
// lines are the tangents at the level, where the outputs of saturating neurons
// mostly are. Below it the tangent is moved in parallel to where the device is:
// for an input of x times the level by q = (3 x - x^3)/2 of what it is moved at
// the level, the same for all devices. So the straight network has two inputs
// per column, x and q.
type analogue struct {
	neurons []Neuron
	level   float64
	rest    []float64 // A by neuron: what the constant sources give
	matrix  []float64 // A, neurons x (x, q by input)
	across  []float64 // neurons x inputs: what a current past any device of a column gives to a neuron of other rows
	rows    []bent    // plus and minus row of every neuron
	// Work space: x by input, x and q by input, what the devices of each input's
	// column carry beyond their straight lines.
	x, xq, columns []float64
}

// bent is one row of a neuron with the curvature of its devices. For its drop,
// which the curvature feels in second order only, q is as good as x.
type bent struct {
	drop
	devices []bend // by input
}

// bend is the curvature of a device.
type bend struct {
	own float64 // V: what its own input makes of the row's drop
	// Beyond its straight line it carries (linear (x^2 - 1) + (square x + cube d) d) d
	// amperes when it is d volts away from its tangent, of which k get to the neuron
	// along its row.
	linear, square, cube, k float64
}

func newAnalogue(l *Layer, level float64) (*analogue, error) {
	o, err := newOperation(l, level)
	if err != nil {
		return nil, err
	}
	s, inputs, k := o.straight, o.inputs, o.k
	// The responses to an input and to its tangents' move were found together;
	// now one by one.
	parts := make([]response, 0, 2*len(inputs))
	for m, col := range l.Inputs {
		s.silence()
		s.cols[col].Value = level
		x, err := s.solve()
		if err != nil {
			return nil, err
		}
		parts = append(parts, x, inputs[m].less(x))
	}
	a := &analogue{neurons: l.Neurons, level: level, matrix: make([]float64, len(l.Neurons)*len(parts)),
		across: make([]float64, len(l.Neurons)*len(inputs)),
		x:      make([]float64, len(inputs)), xq: make([]float64, len(parts)), columns: make([]float64, len(inputs))}
	computed := make([]bool, l.Geometry.Rows)
	for _, n := range l.Neurons {
		computed[n.Plus], computed[n.Minus] = true, true
	}
	for i, n := range l.Neurons {
		across := a.across[i*len(inputs) : (i+1)*len(inputs)]
		for m, c := range l.Inputs {
			others := 0.0
			for r, computed := range computed {
				if computed && r != n.Plus && r != n.Minus {
					across[m] += k[i][r*l.Geometry.Cols+c]
					others++
				}
			}
			if others > 0 {
				across[m] /= others
			}
		}
		for _, r := range []int{n.Plus, n.Minus} {
			a.rows = append(a.rows, o.bent(k[i], across, r))
		}
	}
	a.correct(o, computed, parts)
	a.rest = o.rest.currents
	for i := range l.Neurons {
		for m := range parts {
			a.matrix[i*len(parts)+m] = parts[m].currents[i]
		}
	}
	return a, nil
}

// bent is a row whose drop is taken as one level; across is what is left out of
// each input's k, because it is common to the other neurons' rows.
func (o *operation) bent(k, across []float64, r int) bent {
	f, at := o.law, o.at
	first := r * o.layer.Geometry.Cols
	w := bent{drop: o.drop(k, r), devices: make([]bend, len(o.inputs))}
	for c, m := range o.owner {
		d := first + c
		if m < 0 {
			continue
		}
		w.devices[m] = bend{own: w.input[m], linear: 3 * f.b[d] * at[d] * at[d], square: 3 * f.b[d] * at[d], cube: f.b[d],
			k: k[d] - across[m]}
	}
	return w
}

// correct puts into the responses what the curvature of devices does that are
// not computed for each pattern, on the average of inputs of which four in five
// are saturated, as those behind saturating neurons are: devices on rows without
// a neuron, and those on other neurons' rows whose columns are no inputs.
func (a *analogue) correct(o *operation, computed []bool, parts []response) {
	l, f, owner, rest, at, k := o.layer, o.law, o.owner, o.rest, o.at, o.k
	random := rand.New(rand.NewPCG(2, uint64(len(parts))))
	cols := l.Geometry.Cols
	d := make([]float64, len(at))
	mean := make([][]float64, len(l.Neurons))
	for i := range mean {
		mean[i] = make([]float64, len(l.Inputs)+1)
	}
	power := 0.0
	for range draws {
		for m := range l.Inputs {
			x := 2*random.Float64() - 1
			if random.IntN(5) > 0 {
				x = math.Copysign(1, x)
			}
			a.set(m, x)
			power += x * x / float64(draws*len(l.Inputs))
		}
		copy(d, rest.volts)
		for m, part := range parts {
			for i, v := range part.volts {
				d[i] += a.xq[m] * v
			}
		}
		for i := range d {
			w := at[i]
			if m := owner[i%cols]; m >= 0 {
				w *= a.xq[2*m]
			}
			d[i] -= w
			d[i] *= f.b[i] * (3*(w*w-at[i]*at[i]) + d[i]*(3*w+d[i]))
		}
		for i, n := range l.Neurons {
			other := 0.0
			for x, e := range d {
				if r := x / cols; r != n.Plus && r != n.Minus && (!computed[r] || owner[x%cols] < 0) {
					other += k[i][x] * e
				}
			}
			for m := range l.Inputs {
				mean[i][m] += a.xq[2*m] * other / draws
			}
			mean[i][len(l.Inputs)] += other / draws
		}
	}
	for i := range l.Neurons {
		for m := range l.Inputs {
			parts[2*m].currents[i] += mean[i][m] / power
		}
		rest.currents[i] += mean[i][len(l.Inputs)]
	}
}

func (a *analogue) set(m int, x float64) { a.x[m], a.xq[2*m], a.xq[2*m+1] = x, x, x*(1.5-0.5*x*x) }

// outputs gives the neurons' voltages for input voltages h.
func (a *analogue) outputs(h, out []float64) {
	for m, v := range h {
		a.set(m, v/a.level)
	}
	clear(a.columns)
	for i := range a.neurons {
		out[i] = a.rows[2*i].beyond(a.x, a.columns) + a.rows[2*i+1].beyond(a.x, a.columns)
	}
	n := len(a.xq)
	for i := range a.neurons {
		neuron := &a.neurons[i]
		sum := a.rest[i] + out[i]
		line := a.matrix[i*n : (i+1)*n]
		for m, x := range a.xq {
			sum += x * line[m]
		}
		across := a.across[i*len(h) : (i+1)*len(h)]
		for m, x := range a.columns {
			sum += x * across[m]
		}
		out[i] = neuron.output(neuron.Gain*sum + neuron.Offset)
	}
}

// beyond is what the row's devices add to the neuron's current difference along
// the row beyond their straight lines, A. What they carry is added to columns.
func (r *bent) beyond(x, columns []float64) float64 {
	level := r.across(x)
	sum := r.still(level)
	x, columns = x[:len(r.devices)], columns[:len(r.devices)]
	for m := range r.devices {
		c := &r.devices[m]
		x := x[m]
		d := level - x*c.own
		e := d * (c.linear*(x*x-1) + d*(c.square*x+d*c.cube))
		columns[m] += e
		sum += c.k * e
	}
	return sum
}

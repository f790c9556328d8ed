package inference

import (
	"errors"
	"math"
	"math/rand/v2"

	"xlab/mock/crossbar"
)

const (
	tableBits = 8 // inputs that one look-up covers
	// settled is where the tangents' places are known well enough, V.
	settled = 1e-7
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

// tangents finds the straight network of a layer whose inputs are at ±level:
// the responses to the constant sources and to each input, and where every
// device's tangent touches (V, for an input at +level).
func tangents(l *Layer, f *law, level float64) (rest response, inputs []response, at []float64, s *straight, err error) {
	n := l.Geometry.Devices()
	at = make([]float64, n)
	owner := owners(l)
	for k := range at {
		if owner[k%l.Geometry.Cols] >= 0 {
			at[k] = -level // rows are near 0 V, the voltage is row minus column
		}
	}
	inputs = make([]response, len(l.Inputs))
	for range 50 {
		g := make([]float64, n)
		for k := range g {
			g[k] = f.a[k] + 3*f.b[k]*at[k]*at[k]
		}
		if s, err = newStraight(l, g); err != nil {
			return
		}
		s.restore()
		for k := range n {
			if owner[k%l.Geometry.Cols] < 0 {
				s.c[k] = -2 * f.b[k] * at[k] * at[k] * at[k]
			}
		}
		if rest, err = s.solve(); err != nil {
			return
		}
		for m, col := range l.Inputs {
			s.silence()
			s.cols[col].Value = level
			for k := col; k < n; k += l.Geometry.Cols {
				s.c[k] = -2 * f.b[k] * at[k] * at[k] * at[k]
			}
			if inputs[m], err = s.solve(); err != nil {
				return
			}
		}
		moved := 0.0
		for k := range at {
			own := rest.volts[k]
			if m := owner[k%l.Geometry.Cols]; m >= 0 {
				own = inputs[m].volts[k]
			}
			moved = max(moved, math.Abs(own-at[k]))
			at[k] = own
		}
		if moved < settled {
			return
		}
	}
	return rest, nil, nil, nil, errors.New("the devices' operating points do not settle: the lines are too resistive for this evaluation; use the full solution")
}

// owners gives the input that drives each column, -1 for none.
func owners(l *Layer) []int {
	owner := make([]int, l.Geometry.Cols)
	for c := range owner {
		owner[c] = -1
	}
	for m, c := range l.Inputs {
		owner[c] = m
	}
	return owner
}

// influence is how much each neuron's current difference answers to a current
// that flows past each device from its row to its column. By reciprocity it is
// the voltage that the devices see when the neuron's two terminals are moved
// apart by 1 V each.
func influence(s *straight) ([][]float64, error) {
	var list [][]float64
	for _, n := range s.layer.Neurons {
		s.silence()
		s.rows[n.Plus].Value, s.rows[n.Minus].Value = -1, 1
		r, err := s.solve()
		if err != nil {
			return nil, err
		}
		list = append(list, r.volts)
	}
	return list, nil
}

func newTwoLevel(l *Layer, level float64) (*twoLevel, error) {
	f, err := l.fit(2 * level)
	if err != nil {
		return nil, err
	}
	rest, inputs, at, s, err := tangents(l, f, level)
	if err != nil {
		return nil, err
	}
	k, err := influence(s)
	if err != nil {
		return nil, err
	}
	t := &twoLevel{neurons: l.Neurons}
	owner := owners(l)
	for i, n := range l.Neurons {
		t.rows = append(t.rows, lumped(l, f, owner, rest, inputs, at, k[i], n.Plus), lumped(l, f, owner, rest, inputs, at, k[i], n.Minus))
	}
	t.correct(l, f, owner, rest, inputs, at, k)
	t.tabulate(rest, inputs)
	return t, nil
}

// lumped is a row whose drop is taken as a straight slope along it.
func lumped(l *Layer, f *law, owner []int, rest response, inputs []response, at, k []float64, r int) row {
	first := r * l.Geometry.Cols
	o := row{slope: slopeOf(l, owner, rest, inputs, r, true, func(d int) float64 { return math.Abs(k[d] * f.b[d] * at[d]) })}
	o.rest = restOf(l, f, owner, at, k, first, &o.slope)
	o.devices = make([]curved, len(inputs))
	for c, m := range owner {
		if m < 0 {
			continue
		}
		x := curvedAt(l, f, at, k, first, c)
		x.own = o.level[m] + x.place*o.tilt[m]
		o.devices[m] = x
	}
	return o
}

// correct puts into the inputs' responses what the curvature of devices on
// other neurons' rows does on the average, and finds how far a neuron's own may
// reach.
func (t *twoLevel) correct(l *Layer, f *law, owner []int, rest response, inputs []response, at []float64, k [][]float64) {
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

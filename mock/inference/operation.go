package inference

import (
	"errors"
	"math"
	"slices"
)

// settled is where the tangents' places are known well enough, V.
const settled = 1e-7

// operation is a layer whose inputs are at ±level, around where its devices then
// work: each is replaced by the tangent of its law there, and what it does beyond
// is small. Both evaluations begin with it.
type operation struct {
	layer    *Layer
	law      *law
	owner    []int       // input that drives each column, -1 for none
	rest     response    // to the constant sources
	inputs   []response  // to each input at +level
	at       []float64   // V by device: where its tangent touches, for its input at +level
	straight *straight   // the network of the tangents
	k        [][]float64 // by neuron and device; see influence
}

func newOperation(l *Layer, level float64) (*operation, error) {
	f, err := l.fit(2 * level)
	if err != nil {
		return nil, err
	}
	o := &operation{layer: l, law: f, owner: owners(l), at: make([]float64, l.Geometry.Devices()),
		inputs: make([]response, len(l.Inputs))}
	if err := o.settle(level); err != nil {
		return nil, err
	}
	o.k, err = influence(o.straight)
	return o, err
}

// settle finds the tangents, which depend on what the straight network makes of
// them.
func (o *operation) settle(level float64) error {
	l, f, at := o.layer, o.law, o.at
	n := len(at)
	for k := range at {
		if o.owner[k%l.Geometry.Cols] >= 0 {
			at[k] = -level // rows are near 0 V, the voltage is row minus column
		}
	}
	for range 50 {
		g := make([]float64, n)
		for k := range g {
			g[k] = f.a[k] + 3*f.b[k]*at[k]*at[k]
		}
		s, err := newStraight(l, g)
		if err != nil {
			return err
		}
		o.straight = s
		s.restore()
		for k := range n {
			if o.owner[k%l.Geometry.Cols] < 0 {
				s.c[k] = -2 * f.b[k] * at[k] * at[k] * at[k]
			}
		}
		if o.rest, err = s.solve(); err != nil {
			return err
		}
		for m, col := range l.Inputs {
			s.silence()
			s.cols[col].Value = level
			for k := col; k < n; k += l.Geometry.Cols {
				s.c[k] = -2 * f.b[k] * at[k] * at[k] * at[k]
			}
			if o.inputs[m], err = s.solve(); err != nil {
				return err
			}
		}
		moved := 0.0
		for k := range at {
			own := o.rest.volts[k]
			if m := o.owner[k%l.Geometry.Cols]; m >= 0 {
				own = o.inputs[m].volts[k]
			}
			moved = max(moved, math.Abs(own-at[k]))
			at[k] = own
		}
		if moved < settled {
			return nil
		}
	}
	return errors.New("the devices' operating points do not settle: the lines are too resistive for this evaluation; " +
		"use the full solution")
}

// owners gives the input that drives each column, -1 for none.
func owners(l *Layer) []int {
	owner := slices.Repeat([]int{-1}, l.Geometry.Cols)
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

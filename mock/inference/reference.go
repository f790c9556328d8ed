package inference

import (
	"slices"

	"xlab/mock/crossbar"
)

// Reference classifies by the nodal solution of every layer: what Classifier is
// measured by. It needs hundreds of microseconds per pattern.
type Reference struct {
	level   float64
	layers  []Layer
	solvers []*crossbar.Solver
}

// NewReference makes the reference for the same layers as New.
func NewReference(level float64, layers ...Layer) (*Reference, error) {
	r := &Reference{level: level, layers: layers}
	for _, l := range layers {
		s, err := crossbar.New(l.Geometry)
		if err != nil {
			return nil, err
		}
		r.solvers = append(r.solvers, s)
	}
	return r, nil
}

// Classify gives the outputs of every layer's neurons for a pattern, in V. The
// slices are the caller's.
func (r *Reference) Classify(pattern []uint8) ([][]float64, error) {
	var values []float64
	for m := range r.layers[0].Inputs {
		values = append(values, r.level*float64(int(pattern[m/8]>>(m%8)&1)*2-1))
	}
	var all [][]float64
	for i, l := range r.layers {
		cols := slices.Clone(l.Cols)
		for m, c := range l.Inputs {
			cols[c].Value = values[m]
		}
		var solution crossbar.Solution
		if err := r.solvers[i].Solve(l.Rows, cols, l.Devices, &solution); err != nil {
			return nil, err
		}
		values = nil
		for _, n := range l.Neurons {
			x := n.Gain*(solution.RowCurrents[n.Minus]-solution.RowCurrents[n.Plus]) + n.Offset
			values = append(values, n.output(x))
		}
		all = append(all, values)
	}
	return all, nil
}

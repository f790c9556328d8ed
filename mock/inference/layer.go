package inference

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"xlab/mock/crossbar"
)

// Neuron is what turns the currents of two rows into a voltage: the difference
// stage and the output stage of an op-amp neuron.
type Neuron struct {
	Plus, Minus int     // rows of the layer's array that its two lines are
	Gain        float64 // V/A of the difference of the currents; negative for an inverting stage
	Offset      float64 // V, added to the difference stage's output
	Limit       float64 // V, > 0: swing of a saturating neuron, supply rail of a linear one
	Saturating  bool    // output is Limit tanh(x / V) for x = Gain dI + Offset; otherwise x, within ±Limit
}

// Layer is one array with what its lines are connected to during a
// classification.
type Layer struct {
	Geometry crossbar.Geometry
	// Devices is the static law of the devices, row-major, without noise. It
	// must be odd and cubic: i = a v + b v^3 up to the largest voltage across them.
	Devices crossbar.Devices
	// Rows and Cols are the terminals of all lines, with their resistance. The
	// values of lines that are not inputs stay as they are: the potential of a
	// summing node (its offset), a bias, ground. Inputs must be of kind Voltage.
	Rows, Cols []crossbar.Line
	Inputs     []int // columns that the inputs drive, in the order of the inputs
	Neurons    []Neuron
}

// law is the cubic law of every device of a layer.
type law struct{ a, b []float64 }

// fit reads the law off the devices and checks that it is one.
func (l *Layer) fit(level float64) (*law, error) {
	n := l.Geometry.Devices()
	at := func(v float64) []float64 {
		i, g := make([]float64, n), make([]float64, n)
		l.Devices.Currents(slices.Repeat([]float64{v}, n), i, g)
		return i
	}
	low, high, middle, other := at(level/2), at(level), at(0.7*level), at(-level)
	f := &law{a: make([]float64, n), b: make([]float64, n)}
	for k := range n {
		// i/v = a + b v^2 at two voltages.
		x, y := low[k]/(level/2), high[k]/level
		f.b[k] = (y - x) / (level * level * 3 / 4)
		f.a[k] = y - f.b[k]*level*level
		want := 0.7 * level * (f.a[k] + f.b[k]*0.49*level*level)
		scale := math.Abs(high[k])
		if math.Abs(middle[k]-want) > 1e-6*scale || math.Abs(other[k]+high[k]) > 1e-9*scale {
			return nil, fmt.Errorf("device r%dc%d does not follow i = a v + b v^3 up to %g V: only formed devices without "+
				"noise can be evaluated so; use the full solution",
				k/l.Geometry.Cols, k%l.Geometry.Cols, level)
		}
	}
	return f, nil
}

func (l *Layer) validate(inputs int) error {
	switch {
	case len(l.Rows) != l.Geometry.Rows || len(l.Cols) != l.Geometry.Cols:
		return fmt.Errorf("terminals of %d rows and %d columns for an array of %d x %d", len(l.Rows), len(l.Cols),
			l.Geometry.Rows, l.Geometry.Cols)
	case len(l.Inputs) != inputs:
		return fmt.Errorf("%d input columns for %d inputs", len(l.Inputs), inputs)
	case len(l.Neurons) == 0:
		return errors.New("no neurons")
	}
	for _, c := range l.Inputs {
		if c < 0 || c >= l.Geometry.Cols || l.Cols[c].Kind != crossbar.Voltage {
			return fmt.Errorf("input column %d is not a driven column of the array", c)
		}
	}
	for i, n := range l.Neurons {
		if n.Plus < 0 || n.Plus >= l.Geometry.Rows || n.Minus < 0 || n.Minus >= l.Geometry.Rows || n.Plus == n.Minus {
			return fmt.Errorf("neuron %d: rows %d and %d are not two rows of the array", i, n.Plus, n.Minus)
		}
		if !(n.Limit > 0) || n.Gain == 0 {
			return fmt.Errorf("neuron %d: a gain and a limit are needed", i)
		}
	}
	return nil
}

// response is what one solution of the straightened network gives.
type response struct {
	volts    []float64 // across every device
	currents []float64 // into the neurons: plus row less minus row, counted out of the array
}

// less is r without what other gives.
func (r response) less(other response) response {
	return response{difference(r.volts, other.volts), difference(r.currents, other.currents)}
}

func difference(a, b []float64) []float64 {
	d := make([]float64, len(a))
	for i := range d {
		d[i] = a[i] - b[i]
	}
	return d
}

// straight is a layer whose devices are straight lines: i = g v + c.
type straight struct {
	layer      *Layer
	solver     *crossbar.Solver
	rows, cols []crossbar.Line
	g, c       []float64
	solution   crossbar.Solution
}

// Currents implements crossbar.Devices.
func (s *straight) Currents(v, i, g []float64) {
	for k := range v {
		i[k] = s.g[k]*v[k] + s.c[k]
	}
	copy(g, s.g)
}

func newStraight(l *Layer, g []float64) (*straight, error) {
	solver, err := crossbar.New(l.Geometry)
	if err != nil {
		return nil, err
	}
	return &straight{layer: l, solver: solver, rows: slices.Clone(l.Rows), cols: slices.Clone(l.Cols),
		g: g, c: make([]float64, len(g))}, nil
}

// silence takes all sources away.
func (s *straight) silence() {
	for _, side := range [2][]crossbar.Line{s.rows, s.cols} {
		for i := range side {
			side[i].Value = 0
		}
	}
	clear(s.c)
}

// restore puts the sources that stay as they are back; the inputs are at 0 V.
func (s *straight) restore() {
	copy(s.rows, s.layer.Rows)
	copy(s.cols, s.layer.Cols)
	for _, c := range s.layer.Inputs {
		s.cols[c].Value = 0
	}
	clear(s.c)
}

func (s *straight) solve() (response, error) {
	if err := s.solver.Solve(s.rows, s.cols, s, &s.solution); err != nil {
		return response{}, err
	}
	r := response{volts: slices.Clone(s.solution.DeviceVolts),
		currents: make([]float64, len(s.layer.Neurons))}
	for i, n := range s.layer.Neurons {
		r.currents[i] = s.solution.RowCurrents[n.Minus] - s.solution.RowCurrents[n.Plus]
	}
	return r, nil
}

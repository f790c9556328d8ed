package crossbar

import (
	"fmt"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
)

// Side is one of the two sets of lines of an array.
type Side uint8

const (
	Rows Side = iota
	Cols
)

func (s Side) String() string {
	names := [...]string{Rows: "rows", Cols: "columns"}
	if int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("Side(%d)", uint8(s))
}

// Transfer is the map from source voltages on the lines of one side to the terminal currents of one side, with wire
// and terminal resistance in it, for an array of ohmic devices whose conductances and line pattern stay as they are.
// It costs one solve per input line to build and one matrix-vector product per vector to use: for 64 x 64 about 10 ms
// and 1 us. After a conductance has changed it has to be built anew. It may be used by several goroutines at once.
type Transfer struct {
	matrix blas64.General // S, output current per input voltage
	offset []float64      // A, output currents with all input voltages at 0
	in     []int          // input line of each column of the matrix; nil if all lines are inputs
	lines  int            // lines on the input side
}

// Transfer builds the transfer matrix for the conductances g in S (row-major, Rows*Cols). rows and cols are the
// pattern: what is connected to every line, with which resistance, and the values of everything that is not an input.
// The inputs are the lines of side in that the pattern holds at a Voltage; their values in the pattern do not count.
// The outputs are all lines of side out. The result keeps nothing of the arguments. Errors are those of Solve.
func (s *Solver) Transfer(rows, cols []Line, g []float64, in, out Side) (*Transfer, error) {
	if len(g) != s.geo.Devices() {
		return nil, fmt.Errorf("crossbar: %d conductances given for %d x %d devices", len(g), s.geo.Rows, s.geo.Cols)
	}
	if in > Cols || out > Cols {
		return nil, fmt.Errorf("crossbar: transfer from %v to %v: use Rows or Cols", in, out)
	}
	warm := s.warm
	s.SetWarmStart(false) // neighbouring solves have nothing in common
	defer s.SetWarmStart(warm)

	r, c := slices.Clone(rows), slices.Clone(cols)
	inputs := r
	if in == Cols {
		inputs = c
	}
	t := &Transfer{lines: len(inputs)}
	for k := range inputs {
		if inputs[k].Kind == Voltage {
			inputs[k].Value = 0
			t.in = append(t.in, k)
		}
	}
	var sol Solution
	solve := func() ([]float64, error) {
		if err := s.Solve(r, c, Linear(g), &sol); err != nil {
			return nil, err
		}
		if out == Rows {
			return sol.RowCurrents, nil
		}
		return sol.ColCurrents, nil
	}
	rest, err := solve()
	if err != nil {
		return nil, err
	}
	t.offset = append(t.offset, rest...)
	// The matrix belongs to the devices alone: everything that is not an input goes to zero.
	for _, side := range [2][]Line{r, c} {
		for k := range side {
			side[k].Value = 0
		}
	}
	t.matrix = blas64.General{
		Rows: len(rest), Cols: len(t.in), Stride: max(1, len(t.in)), Data: make([]float64, len(rest)*len(t.in)),
	}
	for n, k := range t.in {
		inputs[k].Value = 1
		current, err := solve()
		if err != nil {
			return nil, err
		}
		inputs[k].Value = 0
		for m, i := range current {
			t.matrix.Data[m*t.matrix.Stride+n] = i
		}
	}
	if len(t.in) == t.lines {
		t.in = nil
	}
	return t, nil
}

// Apply computes the terminal currents in A for source voltages in V. volts has one entry per line of the input side
// (those of lines that are not inputs are ignored), currents one per line of the output side, with the signs of
// Solution. It allocates nothing if every line of the input side is an input.
func (t *Transfer) Apply(volts, currents []float64) error {
	if len(volts) != t.lines || len(currents) != len(t.offset) {
		return fmt.Errorf("crossbar: transfer of %d lines to %d lines applied to %d voltages and %d currents",
			t.lines, len(t.offset), len(volts), len(currents))
	}
	if t.in != nil {
		all := volts
		volts = make([]float64, len(t.in))
		for n, k := range t.in {
			volts[n] = all[k]
		}
	}
	copy(currents, t.offset)
	if len(volts) == 0 {
		return nil
	}
	blas64.Gemv(blas.NoTrans, 1, t.matrix, vector(volts), 1, vector(currents))
	return nil
}

func vector(x []float64) blas64.Vector { return blas64.Vector{N: len(x), Inc: 1, Data: x} }

package crossbar_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"xlab/mock/crossbar"
)

// TestTransfer compares the transfer matrix with full solutions, for every choice of sides and for patterns with
// floating and current-driven lines and voltages on the far side.
func TestTransfer(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 11))
	geo := crossbar.Geometry{Rows: 9, Cols: 7, RowSegment: 2, ColSegment: 3}
	g := conductances(rng, geo.Devices(), 1e-5, 1e-4)
	s := newSolver(t, geo)
	sides := []crossbar.Side{crossbar.Rows, crossbar.Cols}
	for _, b := range biases {
		for _, in := range sides {
			for _, out := range sides {
				rows, cols := make([]crossbar.Line, geo.Rows), make([]crossbar.Line, geo.Cols)
				b.set(rng, rows, cols, 300)
				tr, err := s.Transfer(rows, cols, g, in, out)
				if err != nil {
					t.Fatal(err)
				}
				for range 3 {
					lines := rows
					if in == crossbar.Cols {
						lines = cols
					}
					volts := make([]float64, len(lines))
					for k := range lines {
						volts[k] = rng.Float64() - 0.5
						if lines[k].Kind == voltage {
							lines[k].Value = volts[k]
						}
					}
					var want crossbar.Solution
					if err := s.Solve(rows, cols, crossbar.Linear(g), &want); err != nil {
						t.Fatal(err)
					}
					ref := want.RowCurrents
					if out == crossbar.Cols {
						ref = want.ColCurrents
					}
					got := make([]float64, len(ref))
					if err := tr.Apply(volts, got); err != nil {
						t.Fatal(err)
					}
					for k := range ref {
						// The matrix adds up contributions of all inputs, so only their sum's size can be kept.
						if math.Abs(got[k]-ref[k]) > 1e-9*math.Abs(ref[k])+1e-13*1e-3 {
							t.Errorf("%s, %v to %v: line %d carries %.12g A, full solution %.12g A", b.name, in, out, k, got[k], ref[k])
						}
					}
				}
			}
		}
	}
}

func TestTransferErrors(t *testing.T) {
	geo := crossbar.Geometry{Rows: 2, Cols: 3}
	s := newSolver(t, geo)
	rows, cols := make([]crossbar.Line, 2), make([]crossbar.Line, 3)
	if _, err := s.Transfer(rows, cols, make([]float64, 5), crossbar.Rows, crossbar.Cols); err == nil {
		t.Error("5 conductances for 6 devices were accepted")
	}
	if _, err := s.Transfer(rows, cols, make([]float64, 6), crossbar.Rows, 7); err == nil {
		t.Error("a third side was accepted")
	}
	if _, err := s.Transfer(rows, cols, make([]float64, 6), crossbar.Rows, crossbar.Cols); err == nil {
		t.Error("a floating array was accepted")
	}
	rows[0].Kind, cols[0].Kind = voltage, voltage
	g := []float64{1e-5, 1e-5, 1e-5, 1e-5, 1e-5, 1e-5}
	tr, err := s.Transfer(rows, cols, g, crossbar.Rows, crossbar.Cols)
	if err != nil {
		t.Fatal(err)
	}
	if tr.Apply(make([]float64, 3), make([]float64, 3)) == nil || tr.Apply(make([]float64, 2), make([]float64, 2)) == nil {
		t.Error("vectors of the wrong length were accepted")
	}
}

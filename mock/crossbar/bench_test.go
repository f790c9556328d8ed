package crossbar_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"xlab/mock/crossbar"
)

// benchArray is the array of the published figures: conductances 10 to 100 uS, 2 ohm per segment, square.
func benchArray(n int) (crossbar.Geometry, []float64) {
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	g := make([]float64, n*n)
	for k := range g {
		g[k] = 10e-6 + 90e-6*rng.Float64()
	}
	return crossbar.Geometry{Rows: n, Cols: n, RowSegment: 2, ColSegment: 2}, g
}

// inputVector drives the rows with voltages of -0.2 to 0.2 V and grounds the columns.
func inputVector(rng *rand.Rand, n int) (rows, cols []crossbar.Line) {
	rows, cols = make([]crossbar.Line, n), make([]crossbar.Line, n)
	for k := range n {
		rows[k] = crossbar.Line{Kind: crossbar.Voltage, Value: 0.4*rng.Float64() - 0.2}
		cols[k] = crossbar.Line{Kind: crossbar.Voltage}
	}
	return rows, cols
}

// halfWrite selects one device with the full voltage, all other lines at half of it.
func halfWrite(g crossbar.Geometry, row, col int, v float64) (rows, cols []crossbar.Line) {
	rows, cols = make([]crossbar.Line, g.Rows), make([]crossbar.Line, g.Cols)
	for k := range rows {
		rows[k] = crossbar.Line{Kind: crossbar.Voltage, Value: v / 2}
	}
	for k := range cols {
		cols[k] = crossbar.Line{Kind: crossbar.Voltage, Value: v / 2}
	}
	rows[row].Value, cols[col].Value = v, 0
	return rows, cols
}

func newSolver(tb testing.TB, g crossbar.Geometry) *crossbar.Solver {
	tb.Helper()
	s, err := crossbar.New(g)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// BenchmarkSolve is cold: every solve starts from the ideal array.
func BenchmarkSolve(b *testing.B) {
	for _, n := range []int{20, 64, 128, 256, 512} {
		b.Run(fmt.Sprintf("linear/%d", n), func(b *testing.B) {
			geo, g := benchArray(n)
			rows, cols := inputVector(rand.New(rand.NewPCG(2, 2)), n)
			benchSolve(b, geo, rows, cols, crossbar.Linear(g))
		})
	}
	for _, n := range []int{20, 64, 256} {
		b.Run(fmt.Sprintf("sinh-half-write/%d", n), func(b *testing.B) {
			geo, g := benchArray(n)
			rows, cols := halfWrite(geo, n/2, n/2, 1.2)
			benchSolve(b, geo, rows, cols, crossbar.Sinh{G: g, V0: 0.25})
		})
	}
}

func benchSolve(b *testing.B, geo crossbar.Geometry, rows, cols []crossbar.Line, dev crossbar.Devices) {
	s := newSolver(b, geo)
	var out crossbar.Solution
	if err := s.Solve(rows, cols, dev, &out); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Solve(rows, cols, dev, &out); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(out.Iterations), "newton/op")
}

// BenchmarkWarm is the simulated bench's hot loop: the same bias, or one that moved a little, on a 20 x 20 array of
// which
// some conductances have changed a little.
func BenchmarkWarm(b *testing.B) {
	const n = 20
	for _, m := range models {
		b.Run(fmt.Sprintf("%s-conductances/%d", m.name, n), func(b *testing.B) {
			geo, g := benchArray(n)
			rows, cols := halfWrite(geo, n/2, n/2, 1.2)
			base := append([]float64(nil), g...)
			rng := rand.New(rand.NewPCG(3, 3))
			benchWarm(b, geo, rows, cols, m.dev(g), func(int) {
				for k := range n {
					for _, d := range []int{n/2*n + k, k*n + n/2} { // half selected: disturbed a little
						g[d] = base[d] * (1 + 0.002*(rng.Float64()-0.5))
					}
				}
				d := n/2*n + n/2
				g[d] = base[d] * (1 + 0.1*(rng.Float64()-0.5))
			})
		})
		b.Run(fmt.Sprintf("%s-ramp/%d", m.name, n), func(b *testing.B) {
			geo, g := benchArray(n)
			rows, cols := halfWrite(geo, n/2, n/2, 1.2)
			benchWarm(b, geo, rows, cols, m.dev(g), func(k int) {
				v := 0.8 + 0.01*float64(k%50)
				for j := range rows {
					rows[j].Value, cols[j].Value = v/2, v/2
				}
				rows[n/2].Value, cols[n/2].Value = v, 0
			})
		})
	}
}

func benchWarm(b *testing.B, geo crossbar.Geometry, rows, cols []crossbar.Line, dev crossbar.Devices,
	change func(k int)) {
	s := newSolver(b, geo)
	s.SetWarmStart(true)
	var out crossbar.Solution
	if err := s.Solve(rows, cols, dev, &out); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	steps, k := 0, 0
	for b.Loop() {
		change(k)
		if err := s.Solve(rows, cols, dev, &out); err != nil {
			b.Fatal(err)
		}
		steps += out.Iterations
		k++
	}
	b.ReportMetric(float64(steps)/float64(k), "newton/op")
}

// BenchmarkTransfer is one more input vector on a 64 x 64 array whose transfer matrix is known.
func BenchmarkTransfer(b *testing.B) {
	const n = 64
	geo, g := benchArray(n)
	rows, cols := inputVector(rand.New(rand.NewPCG(2, 2)), n)
	s := newSolver(b, geo)
	volts, currents := make([]float64, n), make([]float64, n)
	for k := range rows {
		volts[k] = rows[k].Value
	}
	b.Run(fmt.Sprintf("build/%d", n), func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Transfer(rows, cols, g, crossbar.Rows, crossbar.Cols); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run(fmt.Sprintf("apply/%d", n), func(b *testing.B) {
		t, err := s.Transfer(rows, cols, g, crossbar.Rows, crossbar.Cols)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if err := t.Apply(volts, currents); err != nil {
				b.Fatal(err)
			}
		}
	})
}

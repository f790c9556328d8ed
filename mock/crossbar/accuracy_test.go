package crossbar_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"xlab/mock/crossbar"
)

const (
	floating = crossbar.Floating
	voltage  = crossbar.Voltage
	current  = crossbar.Current
)

// model is a device model with its reference.
type model struct {
	name string
	dev  func(g []float64) crossbar.Devices
	laws func(g []float64) []law
}

var models = []model{
	{"linear",
		func(g []float64) crossbar.Devices { return crossbar.Linear(g) }, linearLaws},
	{"sinh",
		func(g []float64) crossbar.Devices { return crossbar.Sinh{G: g, V0: 0.25} },
		func(g []float64) []law { return sinhLaws(g, 0.25) }},
	{"cubic",
		func(g []float64) crossbar.Devices { return crossbar.Cubic{G: g, Vc: 0.6} },
		func(g []float64) []law { return cubicLaws(g, 0.6) }},
}

// bias fills in the lines of an array with terminal resistance r.
type bias struct {
	name string
	set  func(rng *rand.Rand, rows, cols []crossbar.Line, r float64)
}

// scheme selects one row at v and one column at 0, the other rows and columns at fractions of v.
func scheme(v, otherRows, otherCols float64) func(rng *rand.Rand, rows, cols []crossbar.Line, r float64) {
	return func(rng *rand.Rand, rows, cols []crossbar.Line, r float64) {
		for k := range rows {
			rows[k] = crossbar.Line{Kind: voltage, Value: v * otherRows, Resistance: r}
		}
		for k := range cols {
			cols[k] = crossbar.Line{Kind: voltage, Value: v * otherCols, Resistance: r}
		}
		rows[rng.IntN(len(rows))].Value = v
		cols[rng.IntN(len(cols))].Value = 0
	}
}

var biases = []bias{
	{"inputs", func(rng *rand.Rand, rows, cols []crossbar.Line, r float64) {
		for k := range rows {
			rows[k] = crossbar.Line{Kind: voltage, Value: 0.4*rng.Float64() - 0.2, Resistance: r}
		}
		for k := range cols {
			cols[k] = crossbar.Line{Kind: voltage, Resistance: r}
		}
	}},
	{"read", scheme(0.2, 0, 0)},
	{"half", scheme(1.2, 1./2, 1./2)},
	{"third", scheme(-1.5, 1./3, 2./3)},
	{"floating", func(rng *rand.Rand, rows, cols []crossbar.Line, r float64) {
		clear(rows)
		clear(cols)
		rows[rng.IntN(len(rows))] = crossbar.Line{Kind: voltage, Value: 1.2, Resistance: r}
		cols[rng.IntN(len(cols))] = crossbar.Line{Kind: voltage, Resistance: r}
	}},
	{"mixed", func(rng *rand.Rand, rows, cols []crossbar.Line, r float64) {
		for _, side := range [][]crossbar.Line{rows, cols} {
			for k := range side {
				switch rng.IntN(3) {
				case 0:
					side[k] = crossbar.Line{}
				case 1:
					side[k] = crossbar.Line{Kind: current, Value: 1e-4 * (rng.Float64() - 0.3), Resistance: r}
				case 2:
					side[k] = crossbar.Line{Kind: voltage, Value: 2*rng.Float64() - 1, Resistance: r}
				}
			}
		}
		cols[rng.IntN(len(cols))] = crossbar.Line{Kind: voltage, Value: 0.1, Resistance: r}
	}},
}

// wires are the resistances of an array in ohm.
type wires struct{ row, col, terminal float64 }

func (w wires) String() string { return fmt.Sprintf("r%g-c%g-t%g", w.row, w.col, w.terminal) }

// conductances is a random array of lo to hi, spread evenly over the decades.
func conductances(rng *rand.Rand, n int, lo, hi float64) []float64 {
	g := make([]float64, n)
	for k := range g {
		g[k] = lo * math.Pow(hi/lo, rng.Float64())
	}
	return g
}

// TestAgainstDense compares every device model under every bias and all sorts of wires with the dense reference.
func TestAgainstDense(t *testing.T) {
	sizes := [][2]int{{6, 5}, {1, 1}, {1, 7}, {9, 1}, {4, 9}}
	allWires := []wires{
		{0, 0, 0}, {0, 0, 400}, {2, 2, 0}, {2, 3.5, 800}, {0, 5, 0}, {5, 0, 50}, {1000, 1000, 0}, {700, 1500, 3000},
		{1e-6, 1e-3, 0},
	}
	for _, m := range models {
		for _, b := range biases {
			t.Run(m.name+"/"+b.name, func(t *testing.T) {
				for n, w := range allWires {
					size := sizes[n%len(sizes)]
					if n > 0 && n%len(sizes) == 1 {
						size = sizes[0]
					}
					rng := rand.New(rand.NewPCG(7, uint64(n)))
					geo := crossbar.Geometry{Rows: size[0], Cols: size[1], RowSegment: w.row, ColSegment: w.col}
					g := conductances(rng, geo.Devices(), 1e-5, 1e-3)
					rows, cols := make([]crossbar.Line, geo.Rows), make([]crossbar.Line, geo.Cols)
					b.set(rng, rows, cols, w.terminal)
					t.Run(fmt.Sprintf("%dx%d-%v", size[0], size[1], w), func(t *testing.T) {
						check(t, geo, rows, cols, m, g)
					})
				}
			})
		}
	}
}

// check solves cold and compares with the reference.
func check(t *testing.T, geo crossbar.Geometry, rows, cols []crossbar.Line, m model, g []float64) {
	t.Helper()
	var got crossbar.Solution
	if err := newSolver(t, geo).Solve(rows, cols, m.dev(g), &got); err != nil {
		t.Fatal(err)
	}
	compare(t, rows, cols, &got, reference(t, geo, rows, cols, m.laws(g)))
}

// TestStrongWires holds the solver to every current's own last digits where line resistance makes them fall by many
// orders of magnitude across the array.
func TestStrongWires(t *testing.T) {
	for _, m := range models {
		for _, b := range biases {
			t.Run(m.name+"/"+b.name, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(3, 3))
				geo := crossbar.Geometry{Rows: 12, Cols: 11, RowSegment: 1000, ColSegment: 1000}
				g := conductances(rng, geo.Devices(), 0.9e-3, 1.1e-3)
				rows, cols := make([]crossbar.Line, geo.Rows), make([]crossbar.Line, geo.Cols)
				b.set(rng, rows, cols, 100)
				check(t, geo, rows, cols, m, g)
			})
		}
	}
}

// TestOpenAndStuck mixes open devices and shorts of 1 S into the array, whole lines of them too.
func TestOpenAndStuck(t *testing.T) {
	for _, m := range models {
		for _, b := range biases {
			for _, w := range []wires{{2, 2, 0}, {2, 2, 500}, {0, 0, 100}, {1000, 1, 0}} {
				t.Run(fmt.Sprintf("%s/%s/%v", m.name, b.name, w), func(t *testing.T) {
					rng := rand.New(rand.NewPCG(4, 4))
					geo := crossbar.Geometry{Rows: 8, Cols: 10, RowSegment: w.row, ColSegment: w.col}
					g := conductances(rng, geo.Devices(), 1e-5, 1e-4)
					for range 12 {
						g[rng.IntN(len(g))] = 0
						g[rng.IntN(len(g))] = 1
					}
					rows, cols := make([]crossbar.Line, geo.Rows), make([]crossbar.Line, geo.Cols)
					b.set(rng, rows, cols, w.terminal)
					// A whole line of open devices, driven.
					for c := range geo.Cols {
						g[3*geo.Cols+c] = 0
					}
					rows[3] = crossbar.Line{Kind: voltage, Value: 0.7}
					check(t, geo, rows, cols, m, g)
				})
			}
		}
	}
}

// TestFullSize is the 20 x 20 array of the bench.
func TestFullSize(t *testing.T) {
	for _, m := range models {
		for n, b := range biases {
			t.Run(m.name+"/"+b.name, func(t *testing.T) {
				if testing.Short() && n%2 == 1 {
					t.Skip("the dense reference of 800 nodes is slow")
				}
				rng := rand.New(rand.NewPCG(5, 5))
				geo := crossbar.Geometry{Rows: 20, Cols: 20, RowSegment: 2, ColSegment: 2}
				g := conductances(rng, geo.Devices(), 1e-5, 1e-4)
				rows, cols := make([]crossbar.Line, geo.Rows), make([]crossbar.Line, geo.Cols)
				b.set(rng, rows, cols, 400)
				check(t, geo, rows, cols, m, g)
			})
		}
	}
}

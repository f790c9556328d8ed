package crossbar_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"
	"xlab/mock/crossbar"
)

func TestZZ(t *testing.T) {
	if os.Getenv("ZZ") == "" {
		t.Skip()
	}
	run := func(name string, geo crossbar.Geometry, rows, cols []crossbar.Line, dev crossbar.Devices, reps int) {
		s := newSolver(t, geo)
		var out crossbar.Solution
		ds := make([]time.Duration, reps)
		for k := range ds {
			t0 := time.Now()
			if err := s.Solve(rows, cols, dev, &out); err != nil {
				t.Fatal(err)
			}
			ds[k] = time.Since(t0)
		}
		slices.Sort(ds)
		fmt.Printf("%-20s min %8.1f us  p10 %8.1f  median %8.1f  newton %d\n", name, float64(ds[0])/1e3, float64(ds[reps/10])/1e3, float64(ds[reps/2])/1e3, out.Iterations)
	}
	for _, c := range [][2]int{{20, 20000}, {64, 2000}, {128, 400}, {256, 60}, {512, 20}} {
		n := c[0]
		geo, g := benchArray(n)
		rows, cols := inputVector(rand.New(rand.NewPCG(2, 2)), n)
		run(fmt.Sprintf("linear/%d", n), geo, rows, cols, crossbar.Linear(g), c[1])
	}
	for _, c := range [][2]int{{20, 10000}, {64, 500}, {256, 50}} {
		n := c[0]
		geo, g := benchArray(n)
		rows, cols := halfWrite(geo, n/2, n/2, 1.2)
		run(fmt.Sprintf("hw/%d", n), geo, rows, cols, crossbar.Sinh{G: g, V0: .25}, c[1])
	}
}
func TestZT(t *testing.T) {
	if os.Getenv("ZZ") == "" {
		t.Skip()
	}
	const n = 64
	geo, g := benchArray(n)
	rows, cols := inputVector(rand.New(rand.NewPCG(2, 2)), n)
	s := newSolver(t, geo)
	volts, currents := make([]float64, n), make([]float64, n)
	for k := range rows {
		volts[k] = rows[k].Value
	}
	t0 := time.Now()
	tr, _ := s.Transfer(rows, cols, g, crossbar.Rows, crossbar.Cols)
	fmt.Println("build", time.Since(t0))
	best := time.Hour
	for range 3000 {
		t0 := time.Now()
		for range 10 {
			tr.Apply(volts, currents)
		}
		best = min(best, time.Since(t0)/10)
	}
	fmt.Println("apply min", best)
	for _, m := range models {
		n := 20
		geo, g := benchArray(n)
		g0 := append([]float64(nil), g...)
		s := newSolver(t, geo)
		s.SetWarmStart(true)
		var out crossbar.Solution
		rows, cols := halfWrite(geo, n/2, n/2, 1.2)
		rng := rand.New(rand.NewPCG(3, 3))
		for _, kind := range []string{"cond", "ramp", "same", "select"} {
			copy(g, g0)
			var ds []time.Duration
			it := 0
			for k := range 3000 {
				switch kind {
				case "cond":
					for k := range g {
						if k%n == n/2 || k/n == n/2 {
							g[k] *= 1 + 0.002*(rng.Float64()-0.5)
						}
					}
					g[n/2*n+n/2] *= 1 + 0.1*(rng.Float64()-0.5)
				case "ramp":
					v := 0.8 + 0.01*float64(k%50)
					for j := range rows {
						rows[j].Value, cols[j].Value = v/2, v/2
					}
					rows[n/2].Value, cols[n/2].Value = v, 0
				case "select":
					rows, cols = halfWrite(geo, k%n, (k/n)%n, 1.2)
				}
				t0 := time.Now()
				if err := s.Solve(rows, cols, m.dev(g), &out); err != nil {
					t.Fatal(err)
				}
				ds = append(ds, time.Since(t0))
				it += out.Iterations
			}
			slices.Sort(ds)
			fmt.Printf("warm %s %s p5 %v median %v newton %.2f\n", m.name, kind, ds[len(ds)/20], ds[len(ds)/2], float64(it)/3000)
		}
	}
}

package crossbar_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"xlab/mock/crossbar"
)

// One device between two drivers is a voltage divider.
func TestSingleDevice(t *testing.T) {
	s := newSolver(t, crossbar.Geometry{Rows: 1, Cols: 1, RowSegment: 100, ColSegment: 200})
	rows := []crossbar.Line{{Kind: voltage, Value: 1.3, Resistance: 300}}
	cols := []crossbar.Line{{Kind: voltage, Value: 0.3, Resistance: 400}}
	var sol crossbar.Solution
	if err := s.Solve(rows, cols, crossbar.Linear{1e-3}, &sol); err != nil {
		t.Fatal(err)
	}
	for what, v := range map[string][2]float64{
		"row current":    {sol.RowCurrents[0], 0.5e-3},
		"column current": {sol.ColCurrents[0], 0.5e-3},
		"device voltage": {sol.DeviceVolts[0], 0.5},
		"row voltage":    {sol.RowVolts[0], 1.3},
		"column voltage": {sol.ColVolts[0], 0.3},
	} {
		if math.Abs(v[0]-v[1]) > 1e-15 {
			t.Errorf("%s %g, want %g", what, v[0], v[1])
		}
	}
}

// A current source has to supply the drop in its terminal resistance on top; a floating line shows its first node.
func TestTerminalVolts(t *testing.T) {
	s := newSolver(t, crossbar.Geometry{Rows: 2, Cols: 1, RowSegment: 100, ColSegment: 200})
	rows := []crossbar.Line{{Kind: current, Value: 1e-3, Resistance: 300}, {}}
	cols := []crossbar.Line{{Kind: voltage, Value: 0.5, Resistance: 400}}
	var sol crossbar.Solution
	if err := s.Solve(rows, cols, crossbar.Linear{1e-3, 1e-3}, &sol); err != nil {
		t.Fatal(err)
	}
	// Column: 600 ohm to the second row's node, 800 ohm to the first's; device 1000 ohm; row 400 ohm.
	for what, v := range map[string][2]float64{
		"driven row":   {sol.RowVolts[0], 0.5 + 2.2},
		"floating row": {sol.RowVolts[1], 0.5 + 0.6},
		"column":       {sol.ColCurrents[0], 1e-3},
		"row current":  {sol.RowCurrents[0], 1e-3},
		"no current":   {sol.RowCurrents[1], 0},
	} {
		if math.Abs(v[0]-v[1]) > 1e-14 {
			t.Errorf("%s: %g, want %g", what, v[0], v[1])
		}
	}
	// Drawn out of a column, the current has the other sign: the value says what enters the line.
	rows[0] = crossbar.Line{Kind: voltage}
	cols[0] = crossbar.Line{Kind: current, Value: -2e-3}
	if err := s.Solve(rows, cols, crossbar.Linear{1e-3, 1e-3}, &sol); err != nil {
		t.Fatal(err)
	}
	if sol.ColCurrents[0] != 2e-3 || math.Abs(sol.RowCurrents[0]-2e-3) > 1e-15 {
		t.Errorf("2 mA drawn from the column: %g A out of it, %g A into the row", sol.ColCurrents[0], sol.RowCurrents[0])
	}
}

// Ideal wires and drivers give every device exactly the difference of its sources.
func TestIdealArrayIsExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	geo := crossbar.Geometry{Rows: 7, Cols: 5}
	rows, cols := inputVector(rng, 7)
	cols = cols[:5]
	g := conductances(rng, geo.Devices(), 1e-9, 1)
	var sol crossbar.Solution
	if err := newSolver(t, geo).Solve(rows, cols, crossbar.Sinh{G: g, V0: 0.25}, &sol); err != nil {
		t.Fatal(err)
	}
	for k, v := range sol.DeviceVolts {
		if want := rows[k/5].Value - cols[k%5].Value; v != want {
			t.Errorf("device %d: %g V, want %g V", k, v, want)
		}
	}
}

func TestLargeArrays(t *testing.T) {
	for _, size := range [][2]int{{512, 512}, {300, 40}, {1, 512}, {511, 2}} {
		for _, m := range models[:2] {
			t.Run(fmt.Sprintf("%s/%dx%d", m.name, size[0], size[1]), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(8, 8))
				p := problem{geo: crossbar.Geometry{Rows: size[0], Cols: size[1], RowSegment: 2, ColSegment: 1.5}}
				g := conductances(rng, p.geo.Devices(), 1e-5, 1e-4)
				p.rows, p.cols = halfWrite(p.geo, size[0]/3, size[1]/2, 1.2)
				p.dev, p.laws = m.dev(g), m.laws(g)
				var sol crossbar.Solution
				if err := newSolver(t, p.geo).Solve(p.rows, p.cols, p.dev, &sol); err != nil {
					t.Fatal(err)
				}
				p.kirchhoff(t, &sol)
			})
		}
	}
}

// A warm start must not change the result, whatever came before.
func TestWarmStart(t *testing.T) {
	const n = 12
	geo := crossbar.Geometry{Rows: n, Cols: n, RowSegment: 20, ColSegment: 15}
	for _, m := range models {
		t.Run(m.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(9, 9))
			warm, cold := newSolver(t, geo), newSolver(t, geo)
			warm.SetWarmStart(true)
			g := conductances(rng, geo.Devices(), 1e-5, 1e-4)
			rows, cols := make([]crossbar.Line, n), make([]crossbar.Line, n)
			var got, want crossbar.Solution
			saved := 0
			for k := range 60 {
				if k%4 == 0 { // another bias, else the same one with other devices or a little more of it
					biases[k/4%len(biases)].set(rng, rows, cols, 100)
				}
				for l := range rows {
					rows[l].Value *= 1.01
				}
				for d := range g {
					g[d] *= 1 + 0.02*(rng.Float64()-0.5)
				}
				if err := warm.Solve(rows, cols, m.dev(g), &got); err != nil {
					t.Fatal(err)
				}
				if err := cold.Solve(rows, cols, m.dev(g), &want); err != nil {
					t.Fatal(err)
				}
				saved += want.Iterations - got.Iterations
				for side, x := range map[string][2][]float64{
					"row": {got.RowCurrents, want.RowCurrents}, "column": {got.ColCurrents, want.ColCurrents},
				} {
					for l := range x[0] {
						if math.Abs(x[0][l]-x[1][l]) > 1e-9*math.Abs(x[1][l]) {
							t.Errorf("solve %d, %s %d: warm %.12g A, cold %.12g A", k, side, l, x[0][l], x[1][l])
						}
					}
				}
			}
			if m.name != "linear" && saved <= 0 {
				t.Errorf("warm starts saved %d Newton steps", saved)
			}
		})
	}
}

func TestNoAllocations(t *testing.T) {
	const n = 16
	geo := crossbar.Geometry{Rows: n, Cols: n, RowSegment: 2, ColSegment: 2}
	rng := rand.New(rand.NewPCG(10, 10))
	g := conductances(rng, geo.Devices(), 1e-5, 1e-4)
	for _, m := range models {
		for _, b := range biases {
			for _, warm := range []bool{false, true} {
				rows, cols := make([]crossbar.Line, n), make([]crossbar.Line, n)
				b.set(rng, rows, cols, 300)
				s, dev := newSolver(t, geo), m.dev(g)
				s.SetWarmStart(warm)
				var sol crossbar.Solution
				allocs := testing.AllocsPerRun(3, func() {
					if err := s.Solve(rows, cols, dev, &sol); err != nil {
						t.Fatal(err)
					}
				})
				if allocs != 0 {
					t.Errorf("%s, %s, warm %t: %g allocations per solve", m.name, b.name, warm, allocs)
				}
			}
		}
	}
}

func TestUndeterminedLines(t *testing.T) {
	geo := crossbar.Geometry{Rows: 4, Cols: 4, RowSegment: 2, ColSegment: 2}
	open := func(devices ...[2]int) []float64 {
		g := make([]float64, 16)
		for k := range g {
			g[k] = 1e-5
		}
		for _, d := range devices {
			g[d[0]*4+d[1]] = 0
		}
		return g
	}
	drive := func(rows, cols string) (r, c []crossbar.Line) {
		kinds := map[rune]crossbar.Kind{'V': voltage, 'I': current, '-': floating}
		for _, k := range rows {
			r = append(r, crossbar.Line{Kind: kinds[k], Value: 1e-6})
		}
		for _, k := range cols {
			c = append(c, crossbar.Line{Kind: kinds[k], Value: 1e-6})
		}
		return r, c
	}
	tests := []struct {
		name       string
		rows, cols string
		g          []float64
		wantRows   []int
		wantCols   []int
		says       string
	}{
		{"all floating", "----", "----", open(), []int{0, 1, 2, 3}, []int{0, 1, 2, 3}, "(4 in all)"},
		{"nothing but currents", "IIII", "----", open(), []int{0, 1, 2, 3}, []int{0, 1, 2, 3}, "voltage"},
		{"open floating row", "V-VV", "VVVV", open([2]int{1, 0}, [2]int{1, 1}, [2]int{1, 2}, [2]int{1, 3}),
			[]int{1}, nil, "row 1 is undetermined"},
		{"open floating column", "VVVV", "VV-V", open([2]int{0, 2}, [2]int{1, 2}, [2]int{2, 2}, [2]int{3, 2}),
			nil, []int{2}, "column 2 is undetermined"},
		{"open current-driven row", "VIVV", "VVVV", open([2]int{1, 0}, [2]int{1, 1}, [2]int{1, 2}, [2]int{1, 3}),
			[]int{1}, nil, "row 1"},
		{"island", "VV--", "VV--", open([2]int{0, 2}, [2]int{0, 3}, [2]int{1, 2}, [2]int{1, 3},
			[2]int{2, 0}, [2]int{2, 1}, [2]int{3, 0}, [2]int{3, 1}), []int{2, 3}, []int{2, 3}, "rows 2, 3 and columns 2, 3"},
		{"joined in a chain", "V---", "----", open([2]int{0, 1}, [2]int{0, 2}, [2]int{0, 3}), nil, nil, ""},
	}
	for _, m := range models {
		for _, test := range tests {
			t.Run(m.name+"/"+test.name, func(t *testing.T) {
				rows, cols := drive(test.rows, test.cols)
				sol := crossbar.Solution{Iterations: -1}
				err := newSolver(t, geo).Solve(rows, cols, m.dev(test.g), &sol)
				if test.says == "" {
					if err != nil {
						t.Fatal(err)
					}
					return
				}
				var undetermined *crossbar.FloatingError
				if !errors.As(err, &undetermined) {
					t.Fatalf("error %v", err)
				}
				if fmt.Sprint(undetermined.Rows, undetermined.Cols) != fmt.Sprint(test.wantRows, test.wantCols) {
					t.Errorf("rows %v, columns %v; want %v, %v", undetermined.Rows, undetermined.Cols, test.wantRows, test.wantCols)
				}
				if !strings.Contains(err.Error(), test.says) {
					t.Errorf("error %q does not say %q", err, test.says)
				}
				if sol.Iterations != -1 || sol.DeviceVolts != nil {
					t.Error("the solution was changed")
				}
			})
		}
	}
}

// brokenDevices are devices that no physics allows.
type brokenDevices func(v, i, g []float64)

func (d brokenDevices) Currents(v, i, g []float64) { d(v, i, g) }

func TestBrokenDevices(t *testing.T) {
	geo := crossbar.Geometry{Rows: 2, Cols: 3, RowSegment: 10, ColSegment: 10}
	rows, cols := halfWrite(geo, 0, 0, 1)
	good := crossbar.Linear{1e-4, 1e-4, 1e-4, 1e-4, 1e-4, 1e-4}
	s := newSolver(t, geo)
	var want crossbar.Solution
	if err := s.Solve(rows, cols, good, &want); err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string][2]float64{
		"negative conductance": {1e-5, -1e-5},
		"current NaN":          {math.NaN(), 1e-5},
		"current Inf":          {math.Inf(1), 1e-5},
		"conductance NaN":      {1e-5, math.NaN()},
		"conductance Inf":      {1e-5, math.Inf(1)},
	} {
		err := s.Solve(rows, cols, brokenDevices(func(v, i, g []float64) {
			good.Currents(v, i, g)
			i[4], g[4] = x[0], x[1]
		}), &want)
		var device *crossbar.DeviceError
		if !errors.As(err, &device) {
			t.Errorf("%s: error %v", name, err)
			continue
		}
		if device.Row != 1 || device.Col != 1 {
			t.Errorf("%s: named row %d, column %d", name, device.Row, device.Col)
		}
	}
	// A derivative that is none: Newton's method has nothing to go by.
	var convergence *crossbar.ConvergenceError
	err := s.Solve(rows, cols, brokenDevices(func(v, i, g []float64) {
		for k := range v {
			i[k], g[k] = 1e-2*math.Sin(1e9*v[k]), 1e-9
		}
	}), &want)
	if !errors.As(err, &convergence) {
		t.Errorf("a wild device: error %v", err)
	}
	// None of it must spoil the solver.
	var again crossbar.Solution
	if err := s.Solve(rows, cols, good, &again); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(again) != fmt.Sprint(want) {
		t.Errorf("after errors %v, before %v", again, want)
	}
}

func TestBadInput(t *testing.T) {
	for _, g := range []crossbar.Geometry{
		{Rows: 0, Cols: 1}, {Rows: 1, Cols: -1}, {Rows: 1, Cols: 1, RowSegment: -1},
		{Rows: 1, Cols: 1, ColSegment: math.Inf(1)},
		{Rows: 1, Cols: 1, RowSegment: math.NaN()},
	} {
		if _, err := crossbar.New(g); err == nil {
			t.Errorf("%+v was accepted", g)
		}
	}
	s := newSolver(t, crossbar.Geometry{Rows: 1, Cols: 1})
	if s.Geometry().Devices() != 1 {
		t.Errorf("%d devices", s.Geometry().Devices())
	}
	ground := crossbar.Line{Kind: voltage}
	for says, l := range map[string]crossbar.Line{
		"voltage source of NaN":              {Kind: voltage, Value: math.NaN()},
		"current source of +Inf":             {Kind: current, Value: math.Inf(1)},
		"terminal resistance of -1 ohm":      {Kind: voltage, Resistance: -1},
		"terminal resistance of NaN ohm":     {Kind: current, Resistance: math.NaN()},
		"unknown kind 9: use Floating, Volt": {Kind: 9},
	} {
		var sol crossbar.Solution
		for side, lines := range map[string][2]crossbar.Line{"row 0": {l, ground}, "column 0": {ground, l}} {
			err := s.Solve([]crossbar.Line{lines[0]}, []crossbar.Line{lines[1]}, crossbar.Linear{1}, &sol)
			if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), side) {
				t.Errorf("%s %+v: error %v", side, l, err)
			}
		}
	}
	var sol crossbar.Solution
	if err := s.Solve(nil, []crossbar.Line{ground}, crossbar.Linear{1}, &sol); err == nil {
		t.Error("no rows were accepted")
	}
	for _, dev := range []crossbar.Devices{
		crossbar.Linear{1, 1}, crossbar.Sinh{G: nil, V0: 1}, crossbar.Cubic{G: []float64{1, 1, 1}, Vc: 1},
	} {
		if err := s.Solve([]crossbar.Line{ground}, []crossbar.Line{ground}, dev, &sol); err == nil {
			t.Errorf("%T of the wrong size was accepted", dev)
		}
	}
	if got := fmt.Sprint(floating, voltage, current, crossbar.Kind(7), crossbar.Rows, crossbar.Cols,
		crossbar.Side(3)); got !=
		"floating voltage current Kind(7) rows columns Side(3)" {
		t.Error(got)
	}
}

// Devices whose current rises by e-folds every few tens of millivolts, driven by volts through kilohms, from voltage
// and current sources: whole Newton steps alone do not get there.
func TestSteepDevices(t *testing.T) {
	for _, v0 := range []float64{0.1, 0.05, 0.03} {
		for _, b := range biases {
			t.Run(fmt.Sprintf("%g/%s", v0, b.name), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(13, 13))
				p := problem{geo: crossbar.Geometry{Rows: 9, Cols: 8, RowSegment: 1000, ColSegment: 700}}
				p.rows, p.cols = make([]crossbar.Line, 9), make([]crossbar.Line, 8)
				g := conductances(rng, p.geo.Devices(), 1e-7, 1e-4)
				b.set(rng, p.rows, p.cols, 2000)
				p.dev, p.laws = crossbar.Sinh{G: g, V0: v0}, sinhLaws(g, v0)
				var sol crossbar.Solution
				if err := newSolver(t, p.geo).Solve(p.rows, p.cols, p.dev, &sol); err != nil {
					t.Fatal(err)
				}
				p.kirchhoff(t, &sol)
				if sol.Iterations > 40 {
					t.Errorf("%d Newton steps", sol.Iterations)
				}
			})
		}
	}
}

// The device at row 0, column 0 is read at 0.2 V: its row is driven, all columns are held at 0 V and row 1 floats.
func ExampleSolver_Solve() {
	s, err := crossbar.New(crossbar.Geometry{Rows: 2, Cols: 2, RowSegment: 2, ColSegment: 2})
	if err != nil {
		panic(err)
	}
	rows := []crossbar.Line{{Kind: crossbar.Voltage, Value: 0.2, Resistance: 400}, {}}
	cols := []crossbar.Line{{Kind: crossbar.Voltage}, {Kind: crossbar.Voltage}}
	var sol crossbar.Solution
	if err := s.Solve(rows, cols, crossbar.Linear{50e-6, 20e-6, 10e-6, 80e-6}, &sol); err != nil {
		panic(err)
	}
	fmt.Printf("out of the columns: %.4g uA, %.4g uA\n", sol.ColCurrents[0]*1e6, sol.ColCurrents[1]*1e6)
	fmt.Printf("across the device: %.6f V\n", sol.DeviceVolts[0])
	fmt.Printf("the floating row: %.3g uV\n", sol.RowVolts[1]*1e6)
	// Output:
	// out of the columns: 9.724 uA, 3.89 uA
	// across the device: 0.194488 V
	// the floating row: 9.08 uV
}

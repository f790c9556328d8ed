package array_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"xlab/instrument"
	"xlab/instrument/array"
)

// denseReads solves every read of a small array by Gaussian elimination on its
// full nodal matrix: terminals, row nodes and column nodes.
func denseReads(l array.Resistance, rows, cols int, g []float64) []float64 {
	n := 2 * rows * cols
	row := func(r, c int) int { return r*cols + c }
	col := func(r, c int) int { return rows*cols + r*cols + c }
	out := make([]float64, rows*cols)
	for driven := range rows {
		m, rhs := make([][]float64, n), make([]float64, n)
		for i := range m {
			m[i] = make([]float64, n)
		}
		join := func(a, b int, g float64) {
			m[a][a] += g
			m[b][b] += g
			m[a][b] -= g
			m[b][a] -= g
		}
		terminal := func(a int, g, volts float64) {
			m[a][a] += g
			rhs[a] += g * volts
		}
		for r := range rows {
			for c := range cols {
				join(row(r, c), col(r, c), g[r*cols+c])
				if c+1 < cols {
					join(row(r, c), row(r, c+1), 1/float64(l.RowSegment))
				}
				if r+1 < rows {
					join(col(r, c), col(r+1, c), 1/float64(l.ColSegment))
				}
			}
			volts := 0.0
			if r == driven {
				volts = 1
			}
			terminal(row(r, 0), 1/float64(l.Contact+l.RowSegment), volts)
		}
		for c := range cols {
			terminal(col(rows-1, c), 1/float64(l.Contact+l.ColSegment), 0)
		}
		v := eliminate(m, rhs)
		for c := range cols {
			out[driven*cols+c] = v[col(rows-1, c)] / float64(l.Contact+l.ColSegment)
		}
	}
	return out
}

func eliminate(m [][]float64, rhs []float64) []float64 {
	n := len(m)
	for i := range n {
		p := i
		for k := i + 1; k < n; k++ {
			if math.Abs(m[k][i]) > math.Abs(m[p][i]) {
				p = k
			}
		}
		m[i], m[p], rhs[i], rhs[p] = m[p], m[i], rhs[p], rhs[i]
		for k := i + 1; k < n; k++ {
			f := m[k][i] / m[i][i]
			for j := i; j < n; j++ {
				m[k][j] -= f * m[i][j]
			}
			rhs[k] -= f * rhs[i]
		}
	}
	v := make([]float64, n)
	for i := n - 1; i >= 0; i-- {
		v[i] = rhs[i]
		for j := i + 1; j < n; j++ {
			v[i] -= m[i][j] * v[j]
		}
		v[i] /= m[i][i]
	}
	return v
}

func drawConductances(t *rapid.T, n int, low, high float64) []float64 {
	g := make([]float64, n)
	for k := range g {
		g[k] = math.Exp(rapid.Float64Range(math.Log(low), math.Log(high)).Draw(t, "ln g"))
	}
	return g
}

func TestReadsAgainstADenseSolution(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, cols := rapid.IntRange(1, 5).Draw(t, "rows"), rapid.IntRange(1, 5).Draw(t, "cols")
		ohms := func(name string, low, high float64) instrument.Ohms {
			return instrument.Ohms(rapid.Float64Range(low, high).Draw(t, name))
		}
		l := array.Resistance{Contact: ohms("contact", 0, 1000), RowSegment: ohms("row", 0.1, 20),
			ColSegment: ohms("col", 0.1, 20)}
		g := drawConductances(t, rows*cols, 1e-7, 3e-4)
		want := denseReads(l, rows, cols, g)
		for k, got := range l.Reads(rows, cols, g) {
			if math.Abs(got-want[k]) > 1e-7*want[k] {
				t.Fatalf("device %d of %d x %d: %v, want %v (relative %.2g)", k, rows, cols, got, want[k], got/want[k]-1)
			}
		}
	})
}

// Reads and Devices undo each other in the range that the array is made for.
func TestDevicesUndoReads(t *testing.T) {
	l := array.Resistance{Contact: 200, RowSegment: 2, ColSegment: 2}
	rapid.Check(t, func(t *rapid.T) {
		rows, cols := rapid.IntRange(1, 12).Draw(t, "rows"), rapid.IntRange(1, 12).Draw(t, "cols")
		g := drawConductances(t, rows*cols, 1e-6, 1e-4)
		back, err := l.Devices(rows, cols, l.Reads(rows, cols, g))
		if err != nil {
			t.Fatal(err)
		}
		for k := range g {
			if math.Abs(back[k]-g[k]) > 1e-5*g[k] {
				t.Fatalf("device %d: %v, was %v", k, back[k], g[k])
			}
		}
	})
}

// drawPartlyFormed gives an array in which only some devices were formed.
func drawPartlyFormed(t *rapid.T, rows, cols int) []float64 {
	g := drawConductances(t, rows*cols, 1e-6, 1e-4)
	pristine := drawConductances(t, rows*cols, 1e-11, 1e-7)
	for k, formed := range rapid.SliceOfN(rapid.Bool(), rows*cols, rows*cols).Draw(t, "formed") {
		if !formed {
			g[k] = pristine[k]
		}
	}
	return g
}

var usual = array.Resistance{Contact: 200, RowSegment: 2, ColSegment: 2}

// What a cell of a pristine device shows is nearly all the current of the others.
func TestDevicesUndoReadsOfPartlyFormedArrays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, cols := rapid.IntRange(1, 12).Draw(t, "rows"), rapid.IntRange(1, 12).Draw(t, "cols")
		g := drawPartlyFormed(t, rows, cols)
		back, err := usual.Devices(rows, cols, usual.Reads(rows, cols, g))
		if err != nil {
			t.Fatal(err)
		}
		for k := range g {
			// A pristine device is the small difference of two large numbers.
			if math.Abs(back[k]-g[k]) > 1e-5*g[k]+2e-12 {
				t.Fatalf("device %d: %v, was %v", k, back[k], g[k])
			}
		}
	})
}

// Cells that show less than what gets to them through the other devices have no
// conductance; all others show what they should beside them.
func TestReadsBelowTheOthersCurrent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, cols := rapid.IntRange(2, 12).Draw(t, "rows"), rapid.IntRange(2, 12).Draw(t, "cols")
		g := drawPartlyFormed(t, rows, cols)
		reads := usual.Reads(rows, cols, g)
		for k := range reads {
			if g[k] < 1e-7 {
				reads[k] *= rapid.Float64Range(-1, 1).Draw(t, "part")
			}
		}
		back, err := usual.Devices(rows, cols, reads)
		if err != nil {
			t.Fatal(err)
		}
		for k, shown := range usual.Reads(rows, cols, back) {
			switch {
			case back[k] == 0 && shown < reads[k]*(1-1e-6)-1e-15:
				t.Fatalf("device %d of 0 S shows %v, the read is %v", k, shown, reads[k])
			case back[k] > 0 && math.Abs(shown-reads[k]) > 1e-5*reads[k]+1e-15: // 1e-15 S is nothing
				t.Fatalf("device %d of %v shows %v, the read is %v", k, back[k], shown, reads[k])
			case back[k] < 0:
				t.Fatalf("device %d of %v", k, back[k])
			}
		}
	})
}

// Targets of some cells among devices that stay as they are.
func TestComplete(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, cols := rapid.IntRange(1, 12).Draw(t, "rows"), rapid.IntRange(1, 12).Draw(t, "cols")
		g := drawPartlyFormed(t, rows, cols)
		lines := rapid.SampledFrom([]array.Resistance{{}, usual, {Contact: 50, RowSegment: 10}}).Draw(t, "lines")
		reads := lines.Reads(rows, cols, g)
		known := make([]float64, len(g))
		for k, held := range rapid.SliceOfN(rapid.Bool(), len(g), len(g)).Draw(t, "held") {
			known[k] = math.NaN() // is not looked at
			if held {
				reads[k], known[k] = math.NaN(), g[k]
			}
		}
		back, err := lines.Complete(rows, cols, reads, known)
		if err != nil {
			t.Fatal(err)
		}
		for k := range g {
			if math.Abs(back[k]-g[k]) > 1e-5*g[k]+2e-12 || math.IsNaN(reads[k]) && back[k] != g[k] {
				t.Fatalf("device %d: %v, is %v", k, back[k], g[k])
			}
		}
	})
	nan := math.NaN()
	for _, held := range []float64{nan, -1e-6, math.Inf(1), 2} {
		if g, err := usual.Complete(1, 2, []float64{1e-5, nan}, []float64{nan, held}); err == nil ||
			!strings.Contains(err.Error(), "r0c1") {
			t.Errorf("a device of %v S gives %v, %v", held, g, err)
		}
	}
	for _, lines := range []array.Resistance{{}, usual} {
		if g, err := lines.Devices(1, 2, []float64{1e-5, nan}); !errors.Is(err, array.ErrUnreadable) ||
			!strings.Contains(err.Error(), "r0c1") {
			t.Errorf("a read of nothing gives %v, %v", g, err)
		}
	}
}

func TestIdealLines(t *testing.T) {
	reads := []float64{1e-5, -1e-9, 3e-5, 0}
	g, err := array.Resistance{}.Devices(2, 2, reads)
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range []float64{1e-5, 0, 3e-5, 0} { // noise around zero is no conductance
		if g[k] != want {
			t.Errorf("device %d: %v, want %v", k, g[k], want)
		}
	}
	for k, got := range (array.Resistance{}).Reads(2, 2, g) {
		if math.Abs(got-g[k]) > 1e-6*g[k] {
			t.Errorf("device %d reads %v of %v", k, got, g[k])
		}
	}
	// A noisy zero among conducting devices stays zero.
	l := array.Resistance{Contact: 200, RowSegment: 2, ColSegment: 2}
	if g, err := l.Devices(2, 2, reads); err != nil || g[1] != 0 || g[3] != 0 || !(g[0] > 1e-5) {
		t.Errorf("%v, %v", g, err)
	}
}

// More current than the contacts let through cannot have been measured.
func TestUnreadable(t *testing.T) {
	l := array.Resistance{Contact: 200, RowSegment: 2, ColSegment: 2}
	reads := make([]float64, 16)
	for k := range reads {
		reads[k] = 2e-3
	}
	if g, err := l.Devices(4, 4, reads); !errors.Is(err, array.ErrUnreadable) {
		t.Errorf("got %v, %v", g, err)
	}
	if g, err := l.Devices(1, 1, []float64{math.NaN()}); err == nil {
		t.Errorf("a read of nothing is %v", g)
	}
}

func TestResistanceValidate(t *testing.T) {
	if err := (array.Resistance{Contact: 200}).Validate(); err != nil {
		t.Error(err)
	}
	for name, l := range map[string]array.Resistance{
		"contact": {Contact: -1}, "row_segment": {RowSegment: instrument.Ohms(math.NaN())},
		"col_segment": {ColSegment: instrument.Ohms(math.Inf(1))},
	} {
		if err := l.Validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

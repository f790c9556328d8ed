package mlp

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"

	"xlab/instrument"
	"xlab/instrument/array"
)

// randomNetwork has conductances all over the working range.
func randomNetwork(d Design, seed uint64) *Network {
	n, err := New(d)
	if err != nil {
		panic(err)
	}
	r := rand.New(rand.NewPCG(seed, 99))
	for _, g := range n.G {
		g.Apply(func(_, _ int, _ float64) float64 {
			return float64(d.Range.Min) + r.Float64()*float64(d.Range.Span())
		}, g)
	}
	return n
}

func randomBatch(samples, width int, level float64, seed uint64) *mat.Dense {
	r := rand.New(rand.NewPCG(seed, 7))
	v := mat.NewDense(samples, width, nil)
	v.Apply(func(_, _ int, _ float64) float64 { return level * (2*r.Float64() - 1) }, v)
	return v
}

func cubic(t testing.TB) Cubic {
	t.Helper()
	c, err := NewCubic(0.2, 2.6)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// physicsOf lists the kinds of conduction for both layers of a network.
func physicsOf(t testing.TB, d Design) map[string][]Conduction {
	kinds := map[string][]Conduction{"none": nil}
	lossy := func(law Law) []Conduction {
		var list []Conduction
		for l := range d.Layers() {
			rows, columns := d.Block(l)
			s := UniformSeries(rows, columns, 300, 500, law)
			for i := range s.Rows {
				s.Rows[i] += instrument.Ohms(20 * i)
			}
			list = append(list, s)
		}
		return list
	}
	kinds["ohmic series"] = lossy(nil)
	kinds["cubic series"] = lossy(cubic(t))
	for range d.Layers() {
		kinds["cubic without resistance"] = append(kinds["cubic without resistance"], Series{Law: cubic(t)})
		kinds["ideal"] = append(kinds["ideal"], Ideal{})
	}
	return kinds
}

// The gradient must be that of finite differences, by every conductance, for
// every kind of conduction, through two layers.
func TestBackwardAgainstFiniteDifferences(t *testing.T) {
	d := NewDesign(3, 4, 2)
	// Outputs in the linear range of the hidden neurons; saturated ones have no
	// gradient to check.
	d.Hidden.Gain = 1e5
	n := randomNetwork(d, 1)
	in := randomBatch(5, 3, 0.2, 2)
	// L = sum of c V over all outputs with fixed random c, and of V^2 / 2.
	c := randomBatch(5, 2, 1, 3)
	for name, physics := range physicsOf(t, d) {
		t.Run(name, func(t *testing.T) {
			loss := func() float64 {
				trace, err := n.Forward(in, physics...)
				if err != nil {
					t.Fatal(err)
				}
				sum := 0.0
				for s := range 5 {
					for k := range 2 {
						v := trace.Unclipped.At(s, k)
						sum += c.At(s, k)*v + v*v/2
					}
				}
				return sum
			}
			trace, err := n.Forward(in, physics...)
			if err != nil {
				t.Fatal(err)
			}
			dOut := mat.NewDense(5, 2, nil)
			dOut.Add(c, trace.Unclipped)
			gradient, err := n.Backward(trace, dOut)
			if err != nil {
				t.Fatal(err)
			}
			for l, g := range n.G {
				rows, columns := g.Dims()
				largest := max(mat.Max(gradient[l]), -mat.Min(gradient[l]))
				for r := range rows {
					for col := range columns {
						x := g.At(r, col)
						h := 1e-4 * x
						g.Set(r, col, x+h)
						up := loss()
						g.Set(r, col, x-h)
						down := loss()
						g.Set(r, col, x)
						want := (up - down) / (2 * h)
						if got := gradient[l].At(r, col); math.Abs(got-want) > 1e-6*largest {
							t.Errorf("layer %d, row %d, column %d: gradient %g, finite difference %g", l, r, col, got, want)
						}
					}
				}
			}
		})
	}
}

// dV must be right as well: it is what reaches the layer before.
func TestPullOfVoltagesAgainstFiniteDifferences(t *testing.T) {
	d := NewDesign(4, 3)
	n := randomNetwork(d, 4)
	v := n.withBias(randomBatch(2, 4, 0.4, 5))
	weights := randomBatch(2, 3, 1, 6)
	for name, physics := range physicsOf(t, d) {
		if physics == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			loss := func() float64 {
				f, err := physics[0].Conduct(n.G[0], v)
				if err != nil {
					t.Fatal(err)
				}
				var product mat.Dense
				product.MulElem(f.Differences(), weights)
				return mat.Sum(&product)
			}
			f, err := physics[0].Conduct(n.G[0], v)
			if err != nil {
				t.Fatal(err)
			}
			_, dV, err := f.Pull(weights)
			if err != nil {
				t.Fatal(err)
			}
			for s := range 2 {
				for c := range 5 {
					x := v.At(s, c)
					const h = 1e-5
					v.Set(s, c, x+h)
					up := loss()
					v.Set(s, c, x-h)
					down := loss()
					v.Set(s, c, x)
					want := (up - down) / (2 * h)
					if got := dV.At(s, c); math.Abs(got-want) > 1e-7*mat.Max(n.G[0]) {
						t.Errorf("sample %d, column %d: %g S, finite difference %g S", s, c, got, want)
					}
				}
			}
		})
	}
}

// Measured outputs that are those of the forward pass must give its gradient.
func TestMeasuredTraceGivesTheSameGradient(t *testing.T) {
	n := randomNetwork(NewDesign(5, 4, 3, 2), 8)
	n.Design.Output.Limit = 1e3 // no rails in the way
	in := randomBatch(6, 5, 0.2, 9)
	trace, err := n.Forward(in)
	if err != nil {
		t.Fatal(err)
	}
	measured, err := n.Measured(in, trace.Outputs...)
	if err != nil {
		t.Fatal(err)
	}
	dOut := randomBatch(6, 2, 1, 10)
	want, err := n.Backward(trace, dOut)
	if err != nil {
		t.Fatal(err)
	}
	got, err := n.Backward(measured, dOut)
	if err != nil {
		t.Fatal(err)
	}
	for l := range want {
		if !mat.EqualApprox(got[l], want[l], 1e-9*mat.Norm(want[l], 2)) {
			t.Errorf("layer %d: gradients differ", l)
		}
	}
}

// An independent solution of the ohmic array: nodal analysis of the whole
// network with conductances instead of the line equations.
func nodal(g *mat.Dense, v, row, column []float64) []float64 {
	rows, columns := g.Dims()
	y := mat.NewDense(rows+columns, rows+columns, nil)
	source := mat.NewVecDense(rows+columns, nil)
	add := func(i, j int, x float64) { y.Set(i, j, y.At(i, j)+x) }
	for c := range columns {
		add(c, c, 1/column[c])
		source.SetVec(c, v[c]/column[c])
	}
	for r := range rows {
		add(columns+r, columns+r, 1/row[r])
		for c := range columns {
			x := g.At(r, c)
			add(c, c, x)
			add(columns+r, columns+r, x)
			add(c, columns+r, -x)
			add(columns+r, c, -x)
		}
	}
	var potential mat.VecDense
	if err := potential.SolveVec(y, source); err != nil {
		panic(err)
	}
	current := make([]float64, rows)
	for r := range rows {
		current[r] = potential.AtVec(columns+r) / row[r]
	}
	return current
}

func TestSeriesAgainstNodalAnalysis(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, columns := rapid.IntRange(1, 20).Draw(t, "rows"), rapid.IntRange(1, 20).Draw(t, "columns")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		g, v := mat.NewDense(rows, columns, nil), mat.NewDense(1, columns, nil)
		g.Apply(func(_, _ int, _ float64) float64 { return 200e-6 * r.Float64() }, g)
		v.Apply(func(_, _ int, _ float64) float64 { return 0.4 * (r.Float64() - 0.5) }, v)
		var s Series
		var row, column []float64
		for range rows {
			row = append(row, 1+2000*r.Float64())
			s.Rows = append(s.Rows, instrument.Ohms(row[len(row)-1]))
		}
		for range columns {
			column = append(column, 1+2000*r.Float64())
			s.Columns = append(s.Columns, instrument.Ohms(column[len(column)-1]))
		}
		f, err := s.Conduct(g, v)
		if err != nil {
			t.Fatal(err)
		}
		want := nodal(g, v.RawRowView(0), row, column)
		for j := range want {
			if got := f.(*seriesFlow).currents.At(0, j); math.Abs(got-want[j]) > 1e-12*(math.Abs(want[j])+1e-6) {
				t.Fatalf("row %d: %g A, nodal analysis %g A", j, got, want[j])
			}
		}
	})
}

// A read of one cell with all other lines grounded is one entry of the transfer
// matrix that a layer's currents are the product with. Contacts alone are
// lumped exactly, but for the milliohm that array.Resistance takes for no
// segment; segments only nearly.
func TestSeriesAgainstTheArraysLines(t *testing.T) {
	d := NewDesign(16, 10)
	n := randomNetwork(d, 16)
	// A block in the middle of a larger array whose other devices do not
	// conduct.
	size, b := ArraySize{Rows: 26, Columns: 22}, Block{Row: 2, Column: 3}
	g := make([]float64, size.Rows*size.Columns)
	for r := range 20 {
		for c := range 17 {
			g[(b.Row+r)*size.Columns+b.Column+c] = n.G[0].At(r, c)
		}
	}
	v := n.withBias(randomBatch(1, 16, 0.2, 17))
	for name, c := range map[string]struct {
		lines     array.Resistance
		tolerance float64 // of the largest current
	}{
		"contacts": {array.Resistance{Contact: 400}, 1e-4},
		"segments": {array.Resistance{Contact: 400, RowSegment: 2, ColSegment: 2}, 0.02},
	} {
		reads := c.lines.Reads(size.Rows, size.Columns, g)
		f, err := BlockSeries(c.lines, size, b, 20, 17, nil).Conduct(n.G[0], v)
		if err != nil {
			t.Fatal(err)
		}
		largest, ideal, worst := 0.0, 0.0, 0.0
		for r := range 20 {
			want, without := 0.0, 0.0
			for c := range 17 {
				want += reads[(b.Row+r)*size.Columns+b.Column+c] * v.At(0, c)
				without += n.G[0].At(r, c) * v.At(0, c)
			}
			largest = max(largest, math.Abs(want))
			ideal = max(ideal, math.Abs(want-without))
			worst = max(worst, math.Abs(f.(*seriesFlow).currents.At(0, r)-want))
		}
		t.Logf("%s: off by %.3g of the largest current; ideal conduction by %.3g", name, worst/largest, ideal/largest)
		if worst > c.tolerance*largest || ideal < 0.1*largest {
			t.Errorf("%s: currents are off by %g A of %g A, ideal conduction by %g A", name, worst, largest, ideal)
		}
	}
}

// The operating point of nonlinear devices must satisfy the line equations.
func TestSeriesOfNonlinearDevicesClosesTheLoops(t *testing.T) {
	law := cubic(t)
	n := randomNetwork(NewDesign(16, 10), 12)
	v := n.withBias(randomBatch(4, 16, 0.4, 13))
	f, err := UniformSeries(20, 17, 400, 400, law).Conduct(n.G[0], v)
	if err != nil {
		t.Fatal(err)
	}
	y := f.(*seriesFlow).potentials
	for s := range 4 {
		into := 0.0
		for c := range 17 {
			sum := 0.0
			for r := range 20 {
				i, _, _ := law.Current(n.G[0].At(r, c), y.At(s, c)-y.At(s, 17+r))
				sum += i
			}
			into += sum
			if drop := v.At(s, c) - y.At(s, c); math.Abs(drop-400*sum) > 1e-13 {
				t.Errorf("sample %d, column %d drops %g V, its current needs %g V", s, c, drop, 400*sum)
			}
		}
		out := 0.0
		for r := range 20 {
			out += f.(*seriesFlow).currents.At(s, r)
			if math.Abs(400*f.(*seriesFlow).currents.At(s, r)-y.At(s, 17+r)) > 1e-13 {
				t.Errorf("sample %d, row %d lies at %g V with a current of %g A", s, r, y.At(s, 17+r),
					f.(*seriesFlow).currents.At(s, r))
			}
		}
		if math.Abs(into-out) > 1e-15 {
			t.Errorf("sample %d: %g A flow in and %g A out", s, into, out)
		}
	}
}

func TestSeriesWithoutResistanceIsIdeal(t *testing.T) {
	n := randomNetwork(NewDesign(6, 5), 14)
	v := n.withBias(randomBatch(3, 6, 0.2, 15))
	ideal, err := Ideal{}.Conduct(n.G[0], v)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []Series{{}, UniformSeries(10, 7, 0, 0, nil)} {
		f, err := s.Conduct(n.G[0], v)
		if err != nil {
			t.Fatal(err)
		}
		if !mat.EqualApprox(f.Differences(), ideal.Differences(), 1e-18) {
			t.Errorf("%+v differs from ideal conduction", s)
		}
	}
}

func TestSeriesErrors(t *testing.T) {
	g, v := mat.NewDense(2, 3, []float64{1e-5, 1e-5, 1e-5, 1e-5, 1e-5, 1e-5}), mat.NewDense(1, 3, []float64{0.1, 0.1, 0.1})
	for name, c := range map[string]struct {
		s    Series
		want string
	}{
		"rows": {Series{Rows: make([]instrument.Ohms, 3)}, "line resistances of 3 rows were given, the block has 2"},
		"columns": {Series{Columns: make([]instrument.Ohms, 1)},
			"line resistances of 1 columns were given, the block has 3"},
		"negative": {Series{Rows: []instrument.Ohms{1, -2}}, "line resistance 1 of the rows is -2 Ω"},
		"law":      {UniformSeries(2, 3, 1e9, 1e9, jumping{}), "no operating point found"},
	} {
		if _, err := c.s.Conduct(g, v); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

// jumping is no physical law: between its two currents there is none.
type jumping struct{}

func (jumping) Current(g, v float64) (i, dg, dv float64) {
	return math.Copysign(g, v), math.Copysign(1, v), 0
}

func TestCubicLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ratio := rapid.Float64Range(2, 7.9).Draw(t, "ratio")
		g := rapid.Float64Range(1e-6, 2e-4).Draw(t, "g")
		c, err := NewCubic(0.2, ratio)
		if err != nil {
			t.Fatal(err)
		}
		at := func(v float64) float64 { i, _, _ := c.Current(g, v); return i }
		if i := at(0.2); math.Abs(i/0.2/g-1) > 1e-12 {
			t.Fatalf("conductance at the read voltage is %g S, want %g S", i/0.2, g)
		}
		if r := at(0.4) / at(0.2); math.Abs(r-ratio) > 1e-9 {
			t.Fatalf("current ratio %g, want %g", r, ratio)
		}
		v := rapid.Float64Range(-0.5, 0.5).Draw(t, "v")
		_, dg, dv := c.Current(g, v)
		const h = 1e-6
		if want := (at(v+h) - at(v-h)) / (2 * h); math.Abs(dv-want) > 1e-6*g {
			t.Fatalf("dI/dV = %g, finite difference %g", dv, want)
		}
		if want := at(v) / g; math.Abs(dg-want) > 1e-12 {
			t.Fatalf("dI/dG = %g, want %g", dg, want)
		}
	})
	for _, ratio := range []float64{1.9, 8, math.NaN()} {
		if _, err := NewCubic(0.2, ratio); err == nil {
			t.Errorf("a ratio of %g is accepted", ratio)
		}
	}
	if _, err := NewCubic(0, 2.5); err == nil {
		t.Error("a read voltage of 0 V is accepted")
	}
}

// A line resistance of 400 ohm takes a known share of a single device's
// current.
func ExampleSeries() {
	g := mat.NewDense(2, 1, []float64{100e-6, 0}) // 10 kohm, and none
	v := mat.NewDense(1, 1, []float64{0.2})
	f, err := UniformSeries(2, 1, 400, 400, Ohmic{}).Conduct(g, v)
	if err != nil {
		panic(err)
	}
	fmt.Println(instrument.Amps(f.Differences().At(0, 0)))
	// Output: 18.5 µA
}

package crossbar_test

import (
	"fmt"
	"math"
	"math/big"

	"gonum.org/v1/gonum/mat"

	"xlab/mock/crossbar"
)

// The independent reference: a general network of resistors and devices between named nodes, a dense nodal matrix
// solved
// by LU, damped Newton around it. Node potentials are kept to 200 bits and Kirchhoff's current law is evaluated in
// them, so that the reference is good to the last digits of every current however small. It shares neither
// formulation nor assembly nor device code with the package.

const bits = 200

// law is a device's current and conductance at a voltage.
type law func(v float64) (i, g float64)

type network struct {
	index   map[string]int // node name to node
	alias   []int          // node joined to another by a wire of zero ohm
	source  map[int]*big.Float
	inject  map[int]float64
	wires   []wire
	devices []device
}

type wire struct {
	a, b int
	ohm  float64
}

type device struct {
	a, b int
	law  law
}

func newNetwork() *network {
	return &network{index: map[string]int{}, source: map[int]*big.Float{}, inject: map[int]float64{}}
}

func (n *network) node(format string, args ...any) int {
	name := fmt.Sprintf(format, args...)
	k, ok := n.index[name]
	if !ok {
		k = len(n.alias)
		n.index[name] = k
		n.alias = append(n.alias, k)
	}
	return k
}

func (n *network) root(k int) int {
	for n.alias[k] != k {
		k = n.alias[k]
	}
	return k
}

func (n *network) wire(a, b int, ohm float64) {
	if ohm == 0 {
		n.alias[n.root(a)] = n.root(b)
		return
	}
	n.wires = append(n.wires, wire{a, b, ohm})
}

// crossbarNetwork draws the array of the package comment.
func crossbarNetwork(geo crossbar.Geometry, rows, cols []crossbar.Line, laws []law) *network {
	n := newNetwork()
	type terminal struct {
		line crossbar.Line
		node int
	}
	var terminals []terminal
	for r, l := range rows {
		t := n.node("row %d terminal", r)
		terminals = append(terminals, terminal{l, t})
		if l.Kind == crossbar.Voltage {
			t2 := n.node("row %d pad", r)
			n.wire(t, t2, l.Resistance)
			t = t2
		}
		for c := range cols {
			next := n.node("row %d over column %d", r, c)
			n.wire(t, next, geo.RowSegment)
			t = next
		}
	}
	for c, l := range cols {
		t := n.node("column %d terminal", c)
		terminals = append(terminals, terminal{l, t})
		if l.Kind == crossbar.Voltage {
			t2 := n.node("column %d pad", c)
			n.wire(t, t2, l.Resistance)
			t = t2
		}
		for r := len(rows) - 1; r >= 0; r-- {
			next := n.node("column %d under row %d", c, r)
			n.wire(t, next, geo.ColSegment)
			t = next
		}
	}
	for _, t := range terminals {
		k := n.root(t.node)
		switch t.line.Kind {
		case crossbar.Voltage:
			n.source[k] = new(big.Float).SetPrec(bits).SetFloat64(t.line.Value)
		case crossbar.Current:
			n.inject[k] += t.line.Value
		}
	}
	for r := range rows {
		for c := range cols {
			n.devices = append(n.devices, device{
				n.node("row %d over column %d", r, c), n.node("column %d under row %d", c, r), laws[r*len(cols)+c],
			})
		}
	}
	return n
}

// solve returns the potential of every node.
func (n *network) solve(t failer) []*big.Float {
	t.Helper()
	pot := make([]*big.Float, len(n.alias))
	free := make([]int, len(n.alias)) // unknown's number, or -1
	unknowns := 0
	var mean float64
	for _, v := range n.source {
		f, _ := v.Float64()
		mean += f / float64(len(n.source))
	}
	for k := range n.alias {
		free[k] = -1
		if n.root(k) != k {
			continue
		}
		if v, ok := n.source[k]; ok {
			pot[k] = v
			continue
		}
		pot[k] = new(big.Float).SetPrec(bits).SetFloat64(mean)
		free[k] = unknowns
		unknowns++
	}
	if unknowns == 0 {
		return n.expand(pot)
	}
	residual := func(jac *mat.Dense) ([]*big.Float, float64) {
		f := make([]*big.Float, unknowns)
		for k := range f {
			f[k] = new(big.Float).SetPrec(bits)
		}
		stamp := func(a, b int, i *big.Float, g float64) {
			if ka := free[a]; ka >= 0 {
				f[ka].Sub(f[ka], i)
				if jac != nil {
					jac.Set(ka, ka, jac.At(ka, ka)+g)
					if kb := free[b]; kb >= 0 {
						jac.Set(ka, kb, jac.At(ka, kb)-g)
					}
				}
			}
			if kb := free[b]; kb >= 0 {
				f[kb].Add(f[kb], i)
				if jac != nil {
					jac.Set(kb, kb, jac.At(kb, kb)+g)
					if ka := free[a]; ka >= 0 {
						jac.Set(kb, ka, jac.At(kb, ka)-g)
					}
				}
			}
		}
		v := new(big.Float).SetPrec(bits)
		for _, w := range n.wires {
			a, b := n.root(w.a), n.root(w.b)
			v.Sub(pot[a], pot[b])
			stamp(a, b, v.Quo(v, new(big.Float).SetPrec(bits).SetFloat64(w.ohm)), 1/w.ohm)
		}
		for _, d := range n.devices {
			a, b := n.root(d.a), n.root(d.b)
			vf, _ := v.Sub(pot[a], pot[b]).Float64()
			i, g := d.law(vf)
			if math.IsInf(i, 0) || math.IsNaN(i) {
				return nil, math.Inf(1)
			}
			if vf != 0 {
				// The secant conductance to 53 bits, the voltage to all: an ohmic device is exact.
				v.Mul(v, new(big.Float).SetFloat64(i/vf))
			} else {
				v.SetFloat64(i)
			}
			stamp(a, b, v, g)
		}
		for k, i := range n.inject {
			if free[k] >= 0 {
				f[free[k]].Add(f[free[k]], new(big.Float).SetPrec(bits).SetFloat64(i))
			}
		}
		norm := 0.0
		for _, x := range f {
			xf, _ := x.Float64()
			norm += xf * xf
		}
		return f, norm
	}
	var lu mat.LU
	rhs, dx := mat.NewVecDense(unknowns, nil), mat.NewVecDense(unknowns, nil)
	quiet := 0
	for round := range 300 {
		jac := mat.NewDense(unknowns, unknowns, nil)
		f, norm := residual(jac)
		for k, x := range f {
			xf, _ := x.Float64()
			rhs.SetVec(k, xf)
		}
		lu.Factorize(jac)
		if err := lu.SolveVecTo(dx, false, rhs); err != nil {
			if _, ok := err.(mat.Condition); !ok {
				t.Fatalf("reference: %v", err)
			}
		}
		old := make([]*big.Float, len(pot))
		copy(old, pot)
		for step := 1.0; ; step /= 2 {
			if step < 1e-15 {
				t.Fatalf("reference: no descent, residual %g", norm)
			}
			for k, u := range free {
				if u >= 0 {
					d := new(big.Float).SetPrec(bits).SetFloat64(step * dx.AtVec(u))
					pot[k] = d.Add(d, old[k])
				}
			}
			if _, now := residual(nil); now < norm || norm == 0 || step == 1 && now < 1e-36 {
				break
			}
		}
		// Done when no potential difference over a device moves any more.
		moved := false
		v := new(big.Float).SetPrec(bits)
		for _, d := range n.devices {
			a, b := n.root(d.a), n.root(d.b)
			now, _ := v.Sub(pot[a], pot[b]).Float64()
			before, _ := v.Sub(old[a], old[b]).Float64()
			// The laws' own rounding may keep a weakly held node moving.
			still := 1e-13*math.Abs(now) + 1e-20
			if round > 50 {
				still = 1e-11*math.Abs(now) + 1e-15
			}
			if math.Abs(now-before) > still {
				moved = true
				break
			}
		}
		if !moved {
			if quiet++; quiet == 2 {
				return n.expand(pot)
			}
		}
	}
	t.Fatalf("reference: no convergence")
	return nil
}

func (n *network) expand(pot []*big.Float) []*big.Float {
	for k := range pot {
		pot[k] = pot[n.root(k)]
	}
	return pot
}

// exact is the reference solution of an array; sums holds the sum of the magnitudes of each line's device currents.
type exact struct {
	rowCurrents, colCurrents []float64
	rowSums, colSums         []float64
	deviceVolts              []float64
	siemens                  []float64 // device conductances
	rowFirst, colFirst       []float64 // first nodes' potentials
}

func reference(t failer, geo crossbar.Geometry, rows, cols []crossbar.Line, laws []law) exact {
	t.Helper()
	n := crossbarNetwork(geo, rows, cols, laws)
	pot := n.solve(t)
	e := exact{
		rowCurrents: make([]float64, geo.Rows), colCurrents: make([]float64, geo.Cols),
		rowSums: make([]float64, geo.Rows), colSums: make([]float64, geo.Cols),
		deviceVolts: make([]float64, geo.Devices()), siemens: make([]float64, geo.Devices()),
		rowFirst: make([]float64, geo.Rows), colFirst: make([]float64, geo.Cols),
	}
	row := make([]*big.Float, geo.Rows)
	col := make([]*big.Float, geo.Cols)
	for k := range row {
		row[k] = new(big.Float).SetPrec(bits)
		e.rowFirst[k], _ = pot[n.node("row %d over column 0", k)].Float64()
	}
	for k := range col {
		col[k] = new(big.Float).SetPrec(bits)
		e.colFirst[k], _ = pot[n.node("column %d under row %d", k, geo.Rows-1)].Float64()
	}
	for k, d := range n.devices {
		r, c := k/geo.Cols, k%geo.Cols
		v, _ := new(big.Float).SetPrec(bits).Sub(pot[d.a], pot[d.b]).Float64()
		i, g := d.law(v)
		e.deviceVolts[k], e.siemens[k] = v, g
		bi := new(big.Float).SetFloat64(i)
		row[r].Add(row[r], bi)
		col[c].Add(col[c], bi)
		e.rowSums[r] += math.Abs(i)
		e.colSums[c] += math.Abs(i)
	}
	for k := range row {
		e.rowCurrents[k], _ = row[k].Float64()
	}
	for k := range col {
		e.colCurrents[k], _ = col[k].Float64()
	}
	return e
}

// The device laws, written with the standard library's hyperbolic functions.

func linearLaws(g []float64) []law {
	return laws(g, func(g, v float64) (float64, float64) { return g * v, g })
}

func sinhLaws(g []float64, v0 float64) []law {
	return laws(g, func(g, v float64) (float64, float64) {
		if g == 0 {
			return 0, 0
		}
		return g * v0 * math.Sinh(v/v0), g * math.Cosh(v/v0)
	})
}

func cubicLaws(g []float64, vc float64) []law {
	return laws(g, func(g, v float64) (float64, float64) {
		return g * (v + v*v*v/(vc*vc)), g * (1 + 3*v*v/(vc*vc))
	})
}

func laws(g []float64, f func(g, v float64) (float64, float64)) []law {
	l := make([]law, len(g))
	for k, gk := range g {
		l[k] = func(v float64) (float64, float64) { return f(gk, v) }
	}
	return l
}

// failer is a *testing.T or a *rapid.T.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// accuracy is what every driven line's current is held to, relative to itself.
const accuracy = 1e-9

// compare reports every driven current that is off by more than the accuracy, relative to itself, and every device
// voltage off
// by more than the accuracy relative to the largest. A current that is the difference of device currents a
// hundred thousand times larger is allowed their rounding, one that is as good as nothing that of the voltages.
func compare(t failer, rows, cols []crossbar.Line, got *crossbar.Solution, want exact) {
	t.Helper()
	// What the last digit of the voltages makes of a line's conductance.
	largest, siemens := 0.0, 0.0
	for k, v := range want.deviceVolts {
		largest = max(largest, math.Abs(v))
		siemens = max(siemens, want.siemens[k])
	}
	floor := 0x1p-52 * largest * siemens
	line := func(side string, k int, l crossbar.Line, got, want, sum float64, into float64) {
		switch l.Kind {
		case crossbar.Floating:
			if got != 0 {
				t.Errorf("%s %d floats but carries %g A", side, k, got)
			}
		case crossbar.Current:
			if got != into*l.Value {
				t.Errorf("%s %d: %g A, driven with %g A", side, k, got, into*l.Value)
			}
		case crossbar.Voltage:
			if diff := math.Abs(got - want); !(diff <= accuracy*math.Abs(want)+1e-14*sum+floor) {
				t.Errorf("%s %d: %.15g A, reference %.15g A: off by %.2g of itself, %.2g of its devices' currents",
					side, k, got, want, diff/math.Abs(want), diff/sum)
			}
		}
	}
	for k, l := range rows {
		line("row", k, l, got.RowCurrents[k], want.rowCurrents[k], want.rowSums[k], 1)
	}
	for k, l := range cols {
		line("column", k, l, got.ColCurrents[k], want.colCurrents[k], want.colSums[k], -1)
	}
	for k, v := range want.deviceVolts {
		if diff := math.Abs(got.DeviceVolts[k] - v); !(diff <= accuracy*largest) {
			t.Errorf("device %d: %.15g V, reference %.15g V, largest %g V", k, got.DeviceVolts[k], v, largest)
			return
		}
	}
}

package bench_test

import (
	"encoding/json"
	"math"
	"testing"

	"xlab/mock/bench"
	"xlab/mock/device"
)

// dense is an independent account of the bench with ohmic devices: every piece
// of wire, switch and contact is an entry of one full nodal matrix, and the
// regimes of the units are found by trying all of them.
type dense struct {
	wires  bench.Wires
	arrays []denseArray
	units  []bench.Output
}

type denseArray struct {
	rows, cols int
	g          []float64 // S, row by row
	closed     []uint8   // rows, then columns
}

// leak holds what nothing else holds near 0 V.
const leak = 1e-14 // S

// units of the rig's switches, and the potential of those that have none.
func whereTo(s int) (unit int, fixed float64, connected bool) {
	switch {
	case s < 4:
		return s + 1, 0, true
	case s == 4:
		return 0, 0, true
	case s == 5:
		return 0, 0.2, true
	}
	return 0, 0, false
}

type denseSolution struct {
	volts, amps []float64 // of the units
	limited     []bool
	devices     [][]float64 // V, by array
}

// solve tries the regimes of all units: 0 = at its level, 1 and 2 = at plus and
// minus its compliance. It gives every consistent solution.
func (d *dense) solve() []denseSolution {
	var found []denseSolution
	regimes := make([]int, len(d.units))
	for {
		if s, ok := d.attempt(regimes); ok {
			found = append(found, s)
		}
		u := 0
		for ; u < len(regimes); u++ {
			if regimes[u]++; regimes[u] < 3 && d.units[u].Mode != bench.Off {
				break
			}
			regimes[u] = 0
		}
		if u == len(regimes) {
			return found
		}
	}
}

func (d *dense) attempt(regimes []int) (denseSolution, bool) {
	// Nodes: the units, then for each array the terminals of its lines, then the
	// row nodes and the column nodes of its crosspoints.
	n := len(d.units)
	base := make([]int, len(d.arrays))
	for i, a := range d.arrays {
		base[i] = n
		n += a.rows + a.cols + 2*a.rows*a.cols
	}
	m, rhs := make([][]float64, n), make([]float64, n)
	for i := range m {
		m[i] = make([]float64, n)
		m[i][i] = leak
	}
	join := func(a, b int, ohms float64) {
		g := 1 / ohms
		m[a][a] += g
		m[b][b] += g
		m[a][b] -= g
		m[b][a] -= g
	}
	for i, a := range d.arrays {
		terminal := func(line int) int { return base[i] + line }
		row := func(r, c int) int { return base[i] + a.rows + a.cols + r*a.cols + c }
		col := func(r, c int) int { return row(r, c) + a.rows*a.cols }
		for line, set := range a.closed {
			for s := range 8 {
				unit, fixed, connected := whereTo(s)
				switch {
				case set&(1<<s) == 0 || !connected:
				case unit > 0:
					join(unit-1, terminal(line), d.wires.SwitchOn)
				default:
					m[terminal(line)][terminal(line)] += 1 / d.wires.SwitchOn
					rhs[terminal(line)] += fixed / d.wires.SwitchOn
				}
			}
		}
		for r := range a.rows {
			join(terminal(r), row(r, 0), d.wires.Contact+d.wires.RowSegment)
			for c := range a.cols {
				join(row(r, c), col(r, c), 1/a.g[r*a.cols+c])
				if c+1 < a.cols {
					join(row(r, c), row(r, c+1), d.wires.RowSegment)
				}
				if r+1 < a.rows {
					join(col(r, c), col(r+1, c), d.wires.ColSegment)
				}
			}
		}
		for c := range a.cols {
			join(terminal(a.rows+c), col(a.rows-1, c), d.wires.Contact+d.wires.ColSegment)
		}
	}
	s := denseSolution{volts: make([]float64, len(d.units)), amps: make([]float64, len(d.units)),
		limited: make([]bool, len(d.units))}
	network := make([][]float64, len(d.units)) // the units' rows before they are replaced
	for u, o := range d.units {
		network[u] = append([]float64(nil), m[u]...)
		hold := func(v float64) {
			clear(m[u])
			m[u][u], rhs[u] = 1, v
		}
		sign := []float64{0, 1, -1}[regimes[u]]
		switch {
		case o.Mode == bench.ForceVoltage && sign == 0:
			hold(o.Level)
		case o.Mode == bench.ForceVoltage:
			rhs[u] = sign * o.Compliance
		case o.Mode == bench.ForceCurrent && sign == 0:
			rhs[u] = o.Level
		case o.Mode == bench.ForceCurrent:
			hold(sign * o.Compliance)
		}
		s.limited[u] = sign != 0
	}
	v := eliminateDense(m, rhs)
	for u, o := range d.units {
		s.volts[u] = v[u]
		for k, g := range network[u] {
			s.amps[u] += g * v[k]
		}
		sign := []float64{0, 1, -1}[regimes[u]]
		const slack = 1e-7
		switch {
		case o.Mode == bench.ForceVoltage && sign == 0 && math.Abs(s.amps[u]) > o.Compliance*(1+slack)+1e-11,
			o.Mode == bench.ForceVoltage && sign*(v[u]-o.Level) > slack,
			o.Mode == bench.ForceCurrent && sign == 0 && math.Abs(v[u]) > o.Compliance*(1+slack),
			o.Mode == bench.ForceCurrent && sign*(s.amps[u]-o.Level) > slack*math.Abs(o.Level)+1e-11:
			return s, false
		}
	}
	for i, a := range d.arrays {
		drops := make([]float64, a.rows*a.cols)
		for k := range drops {
			row := base[i] + a.rows + a.cols + k
			drops[k] = v[row] - v[row+a.rows*a.cols]
		}
		s.devices = append(s.devices, drops)
	}
	return s, true
}

// eliminateDense is Gaussian elimination with row exchange.
func eliminateDense(m [][]float64, rhs []float64) []float64 {
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
			if f == 0 {
				continue
			}
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

// setConductances makes the devices of a linear technology what the test
// wants, with a clean ledger: it edits the save of a new array.
func setConductances(t testing.TB, a *device.Array, g []float64) {
	t.Helper()
	fresh, err := device.NewArray(a.Technology(), a.Rows(), a.Cols(), a.Seed())
	if err != nil {
		t.Fatal(err)
	}
	text, err := fresh.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var saved map[string]any
	if err := json.Unmarshal(text, &saved); err != nil {
		t.Fatal(err)
	}
	saved["model"] = map[string]any{"g_s": g}
	if text, err = json.Marshal(saved); err != nil {
		t.Fatal(err)
	}
	if err := a.UnmarshalJSON(text); err != nil {
		t.Fatal(err)
	}
}

// deviceVolts are the voltages that a ledger of one single interval has seen.
func deviceVolts(a *device.Array) []float64 {
	v := make([]float64, a.Len())
	for k, e := range a.Ledger() {
		v[k] = e.MaxV
		if e.MinV < 0 {
			v[k] = e.MinV
		}
	}
	return v
}

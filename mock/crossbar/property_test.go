package crossbar_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"xlab/mock/crossbar"
)

// problem is a random array with a random bias.
type problem struct {
	geo        crossbar.Geometry
	rows, cols []crossbar.Line
	dev        crossbar.Devices
	laws       []law
}

// drawProblem draws anything from one device to an array of largest lines a side: wires from ideal to kilohms, devices
// from open to shorted, any bias on any line, at least one line held at a voltage.
func drawProblem(t *rapid.T, largest int) problem {
	ohms := rapid.OneOf(rapid.Just(0.0), rapid.Float64Range(0.1, 10), rapid.Float64Range(10, 3000))
	p := problem{geo: crossbar.Geometry{
		Rows: rapid.IntRange(1, largest).Draw(t, "rows"), Cols: rapid.IntRange(1, largest).Draw(t, "cols"),
		RowSegment: ohms.Draw(t, "row segment"), ColSegment: ohms.Draw(t, "column segment"),
	}}
	// A device of 1 S at 0 V that is steep on top would be a kiloampere's matter.
	model := rapid.IntRange(0, 2).Draw(t, "model")
	v0 := rapid.Float64Range(0.1, 0.5).Draw(t, "v0")
	short := 1.0
	if model == 1 && v0 < 0.2 {
		short = 1e-3
	}
	siemens := rapid.Custom(func(t *rapid.T) float64 {
		switch rapid.IntRange(0, 9).Draw(t, "device kind") {
		case 0:
			return 0
		case 1:
			return short
		}
		return math.Pow(10, rapid.Float64Range(-6, -3).Draw(t, "log G"))
	})
	g := rapid.SliceOfN(siemens, p.geo.Devices(), p.geo.Devices()).Draw(t, "G")
	line := rapid.Custom(func(t *rapid.T) crossbar.Line {
		l := crossbar.Line{
			Kind:       rapid.SampledFrom([]crossbar.Kind{voltage, voltage, floating, current}).Draw(t, "kind"),
			Resistance: ohms.Draw(t, "terminal"),
		}
		switch l.Kind {
		case voltage:
			l.Value = rapid.SampledFrom([]float64{0, 0.1, -0.2, 0.6, 1.2, -1.5}).Draw(t, "V")
		case current:
			l.Value = rapid.SampledFrom([]float64{-1e-4, -3e-6, 1e-7, 2e-5, 1e-4}).Draw(t, "I")
		}
		return l
	})
	p.rows = rapid.SliceOfN(line, p.geo.Rows, p.geo.Rows).Draw(t, "row lines")
	p.cols = rapid.SliceOfN(line, p.geo.Cols, p.geo.Cols).Draw(t, "column lines")
	p.cols[0].Kind, p.cols[0].Value = voltage, 0.3
	switch model {
	case 0:
		p.dev, p.laws = crossbar.Linear(g), linearLaws(g)
	case 1:
		p.dev, p.laws = crossbar.Sinh{G: g, V0: v0}, sinhLaws(g, v0)
	case 2:
		vc := rapid.Float64Range(0.1, 1).Draw(t, "vc")
		p.dev, p.laws = crossbar.Cubic{G: g, Vc: vc}, cubicLaws(g, vc)
	}
	return p
}

// solve solves the problem, or reports false if the lines it says are undetermined are indeed joined to nothing.
func (p problem) solve(t *rapid.T) (crossbar.Solution, bool) {
	s, err := crossbar.New(p.geo)
	if err != nil {
		t.Fatal(err)
	}
	var sol crossbar.Solution
	err = s.Solve(p.rows, p.cols, p.dev, &sol)
	if undetermined, ok := err.(*crossbar.FloatingError); ok {
		p.checkUndetermined(t, undetermined)
		return sol, false
	}
	if err != nil {
		t.Fatal(err)
	}
	return sol, true
}

func (p problem) checkUndetermined(t *rapid.T, e *crossbar.FloatingError) {
	inRow, inCol := map[int]bool{}, map[int]bool{}
	for _, r := range e.Rows {
		inRow[r] = true
		if p.rows[r].Kind == voltage {
			t.Errorf("row %d is held at a voltage", r)
		}
	}
	for _, c := range e.Cols {
		inCol[c] = true
		if p.cols[c].Kind == voltage {
			t.Errorf("column %d is held at a voltage", c)
		}
	}
	if len(inRow)+len(inCol) == 0 {
		t.Error("no line named")
	}
	for k, law := range p.laws {
		r, c := k/p.geo.Cols, k%p.geo.Cols
		if _, g := law(0); g > 0 && inRow[r] != inCol[c] {
			t.Errorf("the device at row %d, column %d leads out of the undetermined group", r, c)
		}
	}
}

// TestRandomAgainstDense compares random small arrays with the dense reference.
func TestRandomAgainstDense(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := drawProblem(rt, 5)
		got, ok := p.solve(rt)
		if !ok {
			return
		}
		want := reference(rt, p.geo, p.rows, p.cols, p.laws)
		compare(rt, p.rows, p.cols, &got, want)
	})
}

// TestKirchhoff checks both of Kirchhoff's laws on random arrays.
func TestKirchhoff(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := drawProblem(rt, 12)
		if sol, ok := p.solve(rt); ok {
			p.kirchhoff(rt, &sol)
		}
	})
}

// kirchhoff checks a solution from itself alone: the device voltages give the device currents, those the line currents
// and the drops along the wires, and everything has to fit together.
func (p problem) kirchhoff(t failer, sol *crossbar.Solution) {
	t.Helper()
	n := p.geo.Cols
	i := make([]float64, len(p.laws))
	largest := 0.0
	for k, law := range p.laws {
		i[k], _ = law(sol.DeviceVolts[k])
		largest = max(largest, math.Abs(sol.DeviceVolts[k]))
	}
	// An undriven line may miss what no driven one would notice, and what its own potential's accuracy amounts to.
	allowance := func(k int) float64 {
		_, g := p.laws[k](sol.DeviceVolts[k])
		return 1e-9*math.Abs(i[k]) + 1e-9*largest*g
	}
	// rowNode and colNode are the node potentials that the currents make.
	rowNode, colNode := make([]float64, len(i)), make([]float64, len(i))
	for r, l := range p.rows {
		sum, slack := 0.0, 0.0
		for c := range n {
			sum += i[r*n+c]
			slack += allowance(r*n + c)
		}
		checkLine(t, "row", r, l, sol.RowCurrents[r], sum, slack, 1)
		v := sol.RowVolts[r]
		if l.Kind != floating {
			v -= sol.RowCurrents[r] * (l.Resistance + p.geo.RowSegment)
		}
		for c := range n {
			rowNode[r*n+c] = v
			sum -= i[r*n+c]
			v -= sum * p.geo.RowSegment
		}
	}
	for c, l := range p.cols {
		sum, slack := 0.0, 0.0
		for r := range p.rows {
			sum += i[r*n+c]
			slack += allowance(r*n + c)
		}
		checkLine(t, "column", c, l, sol.ColCurrents[c], sum, slack, -1)
		v := sol.ColVolts[c]
		if l.Kind != floating {
			v += sol.ColCurrents[c] * (l.Resistance + p.geo.ColSegment)
		}
		for r := len(p.rows) - 1; r >= 0; r-- {
			colNode[r*n+c] = v
			sum -= i[r*n+c]
			v += sum * p.geo.ColSegment
		}
	}
	// A short's current is only as good as the rounding of the voltage left across it.
	for k := range i {
		_, g := p.laws[k](sol.DeviceVolts[k])
		slack := 1e-9*largest + 1e-13*g*(p.geo.RowSegment+p.geo.ColSegment)*float64(len(p.rows)+len(p.cols))
		if d := rowNode[k] - colNode[k] - sol.DeviceVolts[k]; !(math.Abs(d) <= slack) {
			t.Errorf("device %d: the wires leave %.12g V, the solution has %.12g V", k, rowNode[k]-colNode[k],
				sol.DeviceVolts[k])
			return
		}
	}
}

// checkLine checks that the terminal current is what the line's devices draw.
func checkLine(t failer, side string, k int, l crossbar.Line, terminal, sum, slack, into float64) {
	t.Helper()
	if l.Kind == current && terminal != into*l.Value {
		t.Errorf("%s %d is driven with %g A and carries %g A", side, k, l.Value, terminal)
	}
	if !(math.Abs(terminal-sum) <= slack) {
		t.Errorf("%s %d: %.12g A at the terminal, %.12g A in the devices", side, k, terminal, sum)
	}
}

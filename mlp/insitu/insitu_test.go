package insitu

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"

	"xlab/instrument"
	"xlab/mlp"
	"xlab/mlp/dataset"
	"xlab/mlp/train"
)

func fixed() FixedAmplitude { return FixedAmplitude{Set: 1.1, Reset: -1.3} }

func TestFixedAmplitudeFollowsTheSign(t *testing.T) {
	gradient := []*mat.Dense{mat.NewDense(2, 3, []float64{5, -5, 0, -1, 1, -0.4})}
	held := []mlp.Constraint{{Site: mlp.Site{Row: 0, Col: 1}}}
	u, err := fixed().Update(State{Gradient: gradient, Held: held})
	if err != nil {
		t.Fatal(err)
	}
	want := []Pulse{
		{mlp.Site{Row: 0, Col: 0}, -1.3}, // the loss grows with G: lower it
		{mlp.Site{Row: 1, Col: 0}, 1.1},
		{mlp.Site{Row: 1, Col: 1}, -1.3},
		{mlp.Site{Row: 1, Col: 2}, 1.1},
	}
	if !slices.Equal(u.Pulses, want) {
		t.Errorf("pulses %v, want %v", u.Pulses, want)
	}
	f := fixed()
	f.Threshold = 0.15 // of the largest, 5
	if u, err = f.Update(State{Gradient: gradient, Held: held}); err != nil || len(u.Pulses) != 3 {
		t.Errorf("with a threshold of 0.75 V^2/S: %v, %v", u.Pulses, err)
	}
	f.Range = mlp.WorkingRange(nil)
	g := []*mat.Dense{mat.NewDense(2, 3, []float64{10e-6, 50e-6, 50e-6, 100e-6, 50e-6, 50e-6})}
	if u, err = f.Update(State{Gradient: gradient, G: g, Held: held}); err != nil || u.AtBound != 2 || len(u.Pulses) != 1 {
		t.Errorf("at the bounds of the range: %+v, %v", u, err)
	}
}

// The two devices of a pair always move against each other.
func TestFixedAmplitudePairsAreOpposed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, inputs, labels := randomTask(rapid.Uint64().Draw(t, "seed"))
		trace, err := n.Forward(inputs)
		if err != nil {
			t.Fatal(err)
		}
		_, gradient, err := Gradient(n, train.MeanSquare, 5, labels, inputs, trace.Outputs...)
		if err != nil {
			t.Fatal(err)
		}
		u, err := fixed().Update(State{Gradient: gradient})
		if err != nil {
			t.Fatal(err)
		}
		amplitude := map[mlp.Site]instrument.Volts{}
		for _, p := range u.Pulses {
			amplitude[p.Site] = p.Amplitude
		}
		for _, p := range u.Pulses {
			partner := p.Site
			partner.Row ^= 1
			if other, ok := amplitude[partner]; !ok || (other > 0) == (p.Amplitude > 0) {
				t.Fatalf("%s gets %s, its partner %s", p.Site, p.Amplitude, other)
			}
		}
	})
}

// randomTask is a network with random conductances, a batch and its labels.
func randomTask(seed uint64) (*mlp.Network, *mat.Dense, []int) {
	r := rand.New(rand.NewPCG(seed, 1))
	n, err := mlp.New(mlp.NewDesign(4, 3, 2))
	if err != nil {
		panic(err)
	}
	for _, g := range n.G {
		g.Apply(func(_, _ int, _ float64) float64 { return 10e-6 + 20e-6*r.Float64() }, g)
	}
	v := mat.NewDense(5, 4, nil)
	v.Apply(func(_, _ int, _ float64) float64 { return 0.4*r.Float64() - 0.2 }, v)
	return n, v, []int{0, 1, 0, 0, 1}
}

// linear is a response without any uncertainty: beyond a threshold the
// conductance changes in proportion to the amplitude.
type linear struct {
	threshold, largest instrument.Volts
	slope              float64 // S/V
}

func (l linear) Amplitude(_ mlp.Site, _, change instrument.Siemens) (instrument.Volts, bool) {
	v := l.threshold + instrument.Volts(math.Abs(float64(change))/l.slope)
	if v > l.largest {
		return 0, false
	}
	return instrument.Volts(math.Copysign(float64(v), float64(change))), true
}

// change is what a device with that response does.
func (l linear) change(v instrument.Volts) float64 {
	excess := math.Abs(float64(v)) - float64(l.threshold)
	return math.Copysign(max(excess, 0)*l.slope, float64(v))
}

func TestVariableAmplitudeAsksForTheGradientsChange(t *testing.T) {
	response := linear{threshold: 0.8, largest: 1.6, slope: 20e-6}
	a := VariableAmplitude{Rate: 1e-12, Smallest: 0.1e-6, Largest: 10e-6, Range: mlp.WorkingRange(nil),
		Response: response}
	gradient := []*mat.Dense{mat.NewDense(2, 4, []float64{
		-4e6, 2e6, 0, 0.05e6, // +4 uS, -2 uS, nothing, too little
		-30e6, -5e6, 5e6, 17e6, // limited to +10 uS, beyond the range, at the minimum, held
	})}
	g := []*mat.Dense{mat.NewDense(2, 4, []float64{50e-6, 50e-6, 50e-6, 50e-6, 50e-6, 99e-6, 10e-6, 50e-6})}
	held := []mlp.Constraint{{Site: mlp.Site{Row: 1, Col: 3}}}
	u, err := a.Update(State{Gradient: gradient, G: g, Held: held})
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		row, col int
		v        float64
	}{{0, 0, 1.0}, {0, 1, -0.9}, {1, 0, 1.3}, {1, 1, 0.85}}
	if len(u.Pulses) != len(want) || u.AtBound != 1 || len(u.Unreachable) != 0 {
		t.Fatalf("update %+v", u)
	}
	for i, w := range want {
		p := u.Pulses[i]
		if p.Site.Row != w.row || p.Site.Col != w.col || math.Abs(float64(p.Amplitude)-w.v) > 1e-12 {
			t.Errorf("pulse %d is %v, want %+v", i, p, w)
		}
	}
	a.Response = linear{threshold: 0.8, largest: 1.2, slope: 20e-6}
	if u, err = a.Update(State{Gradient: gradient, G: g, Held: held}); err != nil || len(u.Unreachable) != 1 ||
		u.Unreachable[0] != (mlp.Site{Row: 1}) {
		t.Errorf("with 1.2 V at most: %+v, %v", u, err)
	}
}

func TestRulesRefuse(t *testing.T) {
	gradient := []*mat.Dense{mat.NewDense(1, 2, []float64{1, 2})}
	g := []*mat.Dense{mat.NewDense(1, 2, []float64{20e-6, 20e-6})}
	variable := VariableAmplitude{Rate: 1, Largest: 1e-6, Range: mlp.WorkingRange(nil), Response: linear{slope: 1}}
	with := func(change func(*VariableAmplitude)) Rule {
		v := variable
		change(&v)
		return v
	}
	for name, c := range map[string]struct {
		rule  Rule
		state State
		want  string
	}{
		"polarity":  {FixedAmplitude{Set: -1, Reset: 1}, State{Gradient: gradient}, "SET must be positive"},
		"threshold": {FixedAmplitude{Set: 1, Reset: -1, Threshold: 2}, State{Gradient: gradient}, "threshold 2"},
		"NaN": {fixed(), State{Gradient: []*mat.Dense{mat.NewDense(1, 1, []float64{math.NaN()})}},
			"layer 0, neuron 0, input 0, plus device: gradient NaN"},
		"NaN read": {fixed(),
			State{Gradient: gradient, G: []*mat.Dense{mat.NewDense(1, 2, []float64{1e-5, math.NaN()})}}, "at NaN S"},
		"layers": {fixed(), State{Gradient: gradient, G: append(g, g...)},
			"conductances of 2 layers and gradients of 1"},
		"size": {fixed(), State{Gradient: gradient, G: []*mat.Dense{mat.NewDense(1, 3, nil)}},
			"1 x 3 conductances and 1 x 2 gradients"},
		"no response": {with(func(v *VariableAmplitude) { v.Response = nil }), State{Gradient: gradient, G: g},
			"need a response model"},
		"rate": {with(func(v *VariableAmplitude) { v.Rate = 0 }), State{Gradient: gradient, G: g}, "rate is 0"},
		"bounds": {with(func(v *VariableAmplitude) { v.Smallest = 2e-6 }), State{Gradient: gradient, G: g},
			"must be positive and in order"},
		"range": {with(func(v *VariableAmplitude) { v.Range = mlp.Range{} }), State{Gradient: gradient, G: g},
			"working range"},
		"not read":      {variable, State{Gradient: gradient}, "read them first"},
		"read too much": {variable, State{Gradient: gradient, G: append(g, g...)}, "conductances of 2 layers"},
	} {
		if _, err := c.rule.Update(c.state); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
	if _, err := RateFor([]*mat.Dense{mat.NewDense(1, 1, nil)}, 1e-6); err == nil {
		t.Error("a rate for no gradient is found")
	}
	if rate, err := RateFor([]*mat.Dense{mat.NewDense(1, 2, []float64{3, -5})}, 1e-6); err != nil ||
		math.Abs(rate-2e-7) > 1e-20 {
		t.Errorf("rate %g, %v", rate, err)
	}
	n, inputs, labels := randomTask(1)
	trace, err := n.Forward(inputs)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Gradient(n, train.MeanSquare, 5, labels[:3], inputs, trace.Outputs...); err == nil {
		t.Error("missing labels are accepted")
	}
	if _, _, err := Gradient(n, train.MeanSquare, 5, []int{0, 1, 2, 0, 0}, inputs, trace.Outputs...); err == nil {
		t.Error("a label without output is accepted")
	}
	if _, _, err := Gradient(n, train.MeanSquare, 5, labels, inputs, trace.Outputs[1]); err == nil {
		t.Error("missing hidden outputs are accepted")
	}
}

func TestParallel(t *testing.T) {
	at := func(layer, row, col int, v instrument.Volts) Pulse {
		return Pulse{Site: mlp.Site{Layer: layer, Row: row, Col: col}, Amplitude: v}
	}
	pulses := []Pulse{at(0, 0, 0, 1), at(0, 0, 1, -1), at(0, 0, 2, 1.2), at(0, 1, 0, -1), at(1, 0, 0, -1)}
	rows := Parallel(pulses, Rows)
	want := []Write{
		{0, 0, true, []Pulse{pulses[0], pulses[2]}}, {0, 0, false, []Pulse{pulses[1]}},
		{0, 1, false, []Pulse{pulses[3]}}, {1, 0, false, []Pulse{pulses[4]}},
	}
	equal := func(a, b Write) bool {
		return a.Layer == b.Layer && a.Line == b.Line && a.Set == b.Set && slices.Equal(a.Pulses, b.Pulses)
	}
	if !slices.EqualFunc(rows, want, equal) {
		t.Errorf("by rows %v, want %v", rows, want)
	}
	if n := len(Parallel(pulses, Columns)); n != 5 {
		t.Errorf("%d writes by columns, want 5", n)
	}
	rapid.Check(t, func(t *rapid.T) {
		var pulses []Pulse
		for row := range 6 {
			for col := range 5 {
				if v := rapid.SampledFrom([]instrument.Volts{0, -1, 1, 1.2}).Draw(t, "v"); v != 0 {
					pulses = append(pulses, at(0, row, col, v))
				}
			}
		}
		for along, most := range map[Along]int{Rows: 12, Columns: 10} {
			seen := map[mlp.Site]bool{}
			writes := Parallel(pulses, along)
			for _, w := range writes {
				for _, p := range w.Pulses {
					line := map[Along]int{Rows: p.Site.Row, Columns: p.Site.Col}[along]
					if seen[p.Site] || line != w.Line || (p.Amplitude > 0) != w.Set {
						t.Fatalf("%v is in %+v", p, w)
					}
					seen[p.Site] = true
				}
			}
			if len(seen) != len(pulses) || len(writes) > most {
				t.Fatalf("%d of %d pulses in %d writes", len(seen), len(pulses), len(writes))
			}
		}
	})
}

// trainInSitu trains letters on ideal devices and gives the best accuracy that
// was reached on the training set.
func trainInSitu(t *testing.T, classes []string, seed uint64, epochs int, rule func(first []*mat.Dense) Rule,
	apply func(g float64, v instrument.Volts) float64) float64 {
	t.Helper()
	set, err := dataset.Letters().Only(classes...)
	if err != nil {
		t.Fatal(err)
	}
	d := mlp.NewDesign(16, 10, len(classes))
	n, err := mlp.New(d)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(seed, 2))
	for _, g := range n.G {
		g.Apply(func(_, _ int, _ float64) float64 { return 20e-6 + 10e-6*r.Float64() }, g)
	}
	v, err := d.Drive(set.X)
	if err != nil {
		t.Fatal(err)
	}
	best := 0.0
	var chosen Rule
	for range epochs {
		trace, err := n.Forward(v) // stands for the measurement
		if err != nil {
			t.Fatal(err)
		}
		e, err := mlp.Evaluate(trace.Out(), set.Labels)
		if err != nil {
			t.Fatal(err)
		}
		best = max(best, e.Accuracy)
		_, gradient, err := Gradient(n, train.Shortfall, 5, set.Labels, v, trace.Outputs...)
		if err != nil {
			t.Fatal(err)
		}
		if chosen == nil {
			chosen = rule(gradient)
		}
		u, err := chosen.Update(State{Gradient: gradient, G: n.G})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range u.Pulses {
			g := n.G[p.Site.Layer]
			x := apply(g.At(p.Site.Row, p.Site.Col), p.Amplitude)
			g.Set(p.Site.Row, p.Site.Col, min(max(x, 10e-6), 100e-6))
		}
	}
	return best
}

func TestInSituOnIdealDevices(t *testing.T) {
	// Every pulse of the fixed amplitude changes a device by 0.5 uS, whatever
	// its state; the response of the variable one is known exactly.
	step := func(g float64, v instrument.Volts) float64 { return g + math.Copysign(0.5e-6, float64(v)) }
	response := linear{threshold: 0.8, largest: 1.5, slope: 20e-6}
	exact := func(g float64, v instrument.Volts) float64 { return g + response.change(v) }
	fixedRule := func([]*mat.Dense) Rule {
		f := fixed()
		f.Range, f.Threshold = mlp.WorkingRange(nil), 0.02
		return f
	}
	variableRule := func(first []*mat.Dense) Rule {
		rate, err := RateFor(first, 4e-6)
		if err != nil {
			t.Fatal(err)
		}
		return VariableAmplitude{Rate: rate, Smallest: 1e-9, Largest: 5e-6, Range: mlp.WorkingRange(nil),
			Response: response}
	}
	three, four := []string{"A", "T", "X"}, []string{"A", "T", "V", "X"}
	for _, c := range []struct {
		name    string
		classes []string
		rule    func([]*mat.Dense) Rule
		device  func(float64, instrument.Volts) float64
		least   float64
	}{
		{"fixed, 3 classes", three, fixedRule, step, 99},
		{"fixed, 4 classes", four, fixedRule, step, 99},
		{"variable, 3 classes", three, variableRule, exact, 99},
		{"variable, 4 classes", four, variableRule, exact, 99},
	} {
		t.Run(c.name, func(t *testing.T) {
			sum, worst := 0.0, 100.0
			const seeds = 5
			for seed := range seeds {
				a := trainInSitu(t, c.classes, uint64(seed), 250, c.rule, c.device)
				sum, worst = sum+a, min(worst, a)
			}
			t.Logf("mean %.1f %%, worst %.1f %%", sum/seeds, worst)
			if sum/seeds < c.least {
				t.Errorf("mean %.1f %%, want %.1f %% or more", sum/seeds, c.least)
			}
		})
	}
}

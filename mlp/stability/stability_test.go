package stability

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"xlab/instrument"
	"xlab/mlp"
	"xlab/mlp/dataset"
	"xlab/mlp/train"
)

// chip is a network on devices that conduct more when they are warm, all by the
// same factor, and that lose conductance with time.
type chip struct {
	t        *testing.T
	network  *mlp.Network
	written  []*mlp.Network
	gain     float64
	at       instrument.Celsius
	now, set instrument.Seconds
	trims    int
	fail     error
}

func (c *chip) factor() float64 {
	return (1 + 0.004*float64(c.at-25)) * math.Pow(1+float64(c.now-c.set), -0.03)
}

func (c *chip) write(_ context.Context, n *mlp.Network) error {
	c.written, c.network, c.set = append(c.written, n), n, c.now
	return c.fail
}

func (c *chip) Trim(context.Context) error { c.trims++; return nil }

func (c *chip) Outputs(_ context.Context, x *mat.Dense) (*mat.Dense, error) {
	n := c.network.Clone()
	n.Design.Hidden.Gain *= c.gain
	n.Design.Output.Gain *= c.gain
	for _, g := range n.G {
		g.Scale(c.factor(), g)
	}
	return n.Classify(x)
}

func (c *chip) Reference(context.Context) (instrument.Siemens, error) {
	return instrument.Siemens(30e-6 * c.factor()), nil
}
func (c *chip) Gain(_ context.Context, factor float64) error { c.gain = factor; return nil }

func (c *chip) Reach(_ context.Context, t instrument.Celsius) (instrument.Celsius, error) {
	c.at = t
	return t + 0.5, nil
}
func (c *chip) Wait(_ context.Context, t instrument.Seconds) error    { c.now += t; return nil }
func (c *chip) BenchTime(context.Context) (instrument.Seconds, error) { c.now++; return c.now, nil }
func (c *chip) bench() Bench {
	return Bench{Write: c.write, Classifier: c,
		Feedback: c}
}
func (c *chip) options() Options { return Options{Clock: c, Waiter: c, Thermostat: c} }
func newChip(t *testing.T) *chip { return &chip{t: t, gain: 1, at: 25} }
func of(points []Point, v Variant) []Point {
	return slices.DeleteFunc(slices.Clone(points), func(p Point) bool { return p.Variant != v })
}

func letters(t *testing.T) Task {
	t.Helper()
	set, err := dataset.Letters().Only("A", "T", "X")
	if err != nil {
		t.Fatal(err)
	}
	o := train.Defaults()
	o.Epochs, o.Restarts, o.Trials = 60, 1, 1
	design := mlp.NewDesign(16, 10, 3)
	held := []mlp.Constraint{{Site: mlp.Site{Layer: 0, Row: 3, Col: 2}, Conductance: 150e-6, Reason: "stuck"}}
	r, err := train.Train(t.Context(), train.Task{Design: design, Set: set, Constraints: held}, o)
	if err != nil {
		t.Fatal(err)
	}
	flipped, err := dataset.Flip(set)
	if err != nil {
		t.Fatal(err)
	}
	return Task{Network: r.Network, Held: held, Train: set, Test: flipped}
}

// Where the reference device follows the same law as the weights, the memristor in
// the feedback keeps the outputs where they were; without it they follow the
// temperature.
func TestTemperature(t *testing.T) {
	task, c := letters(t), newChip(t)
	var seen []int
	o := c.options()
	o.Observe = func(e Event) { seen = append(seen, e.Done, e.Total) }
	spec := Spec{Variants: Variants(), Temperatures: []instrument.Celsius{25, 55, 85}}
	points, err := Measure(t.Context(), c.bench(), task, spec, o)
	if err != nil || len(points) != 9 || len(seen) != 18 || seen[17] != 9 || c.trims != 9 || c.gain != 1 {
		t.Fatalf("%d points, %d events, %d trims, gain %g: %v", len(points), len(seen)/2, c.trims, c.gain, err)
	}
	plain, kept := of(points, Plain), of(points, Feedback)
	for i, p := range plain {
		if *p.Temperature != spec.Temperatures[i]+0.5 || p.Age != nil || p.Test == nil || p.Train < 90 || p.Gain != 1 {
			t.Errorf("point %d: %+v", i, p)
		}
		if want := 1 / (1 + 0.004*float64(spec.Temperatures[i]-25)); math.Abs(kept[i].Gain-want) > 1e-9 {
			t.Errorf("gain %g at %v, want %g", kept[i].Gain, spec.Temperatures[i], want)
		}
	}
	if plain[0].Fidelity.RMS != 0 || plain[2].Fidelity.RMS < 0.1 || kept[2].Fidelity.RMS > 1e-9 {
		t.Errorf("change of the outputs: plain %g V and %g V, with feedback %g V", plain[0].Fidelity.RMS,
			plain[2].Fidelity.RMS, kept[2].Fidelity.RMS)
	}
	if len(c.written) != 2 || c.written[0] != task.Network {
		t.Errorf("%d networks were written", len(c.written))
	}
}

func TestAges(t *testing.T) {
	task, c := letters(t), newChip(t)
	task.Test = nil
	ages, err := LogarithmicAges(10, 1e5, 2)
	if err != nil || len(ages) != 9 || ages[0] != 10 || ages[8] != 1e5 || math.Abs(float64(ages[2]/100)-1) > 1e-9 {
		t.Fatalf("ages %v, %v", ages, err)
	}
	points, err := Measure(t.Context(), c.bench(), task, Spec{Variants: []Variant{Biased, Plain}, Ages: ages}, c.options())
	if err != nil || len(points) != 18 {
		t.Fatalf("%d points, %v", len(points), err)
	}
	for _, v := range []Variant{Plain, Biased} {
		list := of(points, v)
		for i, p := range list {
			// Asking for the time takes a second here.
			if *p.Age < ages[i] || *p.Age > ages[i]+3 || p.Test != nil || p.Temperature != nil {
				t.Errorf("%s, age %v asked for: %+v", v, ages[i], p)
			}
		}
		if list[8].Fidelity.RMS <= list[1].Fidelity.RMS {
			t.Errorf("%s: outputs change by %g V and then %g V", v, list[1].Fidelity.RMS, list[8].Fidelity.RMS)
		}
	}
}

// Biased pairs have the weights of the plain ones, around the lowest bias that
// fits; a pair with a device that cannot be changed stays as it is.
func TestBiasedPairs(t *testing.T) {
	task := letters(t)
	n, err := task.biased(0)
	if err != nil {
		t.Fatal(err)
	}
	lowest := math.Inf(1)
	for l, g := range n.G {
		rows, columns := g.Dims()
		for j := range rows / 2 {
			for i := range columns {
				p, want := n.Pair(l, j, i), task.Network.Pair(l, j, i)
				if math.Abs(float64(p.Weight()-want.Weight())) > 1e-15 {
					t.Fatalf("layer %d, neuron %d, input %d: weight %v, want %v", l, j, i, p.Weight(), want.Weight())
				}
				if l == 0 && j == 1 && i == 2 {
					if p != want || p.Minus != 150e-6 {
						t.Errorf("the pair with a stuck device is %+v, was %+v", p, want)
					}
					continue
				}
				lowest = math.Min(lowest, math.Min(float64(p.Plus), float64(p.Minus)))
				if middle := float64(p.Plus+p.Minus) / 2; math.Abs(middle-float64(task.NarrowestBias())) > 1e-12 {
					t.Fatalf("a pair lies around %g S", middle)
				}
			}
		}
	}
	if math.Abs(lowest-10e-6) > 1e-12 {
		t.Errorf("the lowest conductance is %g S: the bias could be another one", lowest)
	}
}

func TestMeasureRefuses(t *testing.T) {
	task := letters(t)
	for name, c := range map[string]struct {
		spec Spec
		want string
	}{
		"none":       {Spec{Ages: []instrument.Seconds{1}}, "no variant"},
		"unknown":    {Spec{Variants: []Variant{"cooled"}, Ages: []instrument.Seconds{1}}, `"cooled"`},
		"twice":      {Spec{Variants: []Variant{Plain, Plain}, Ages: []instrument.Seconds{1}}, "twice"},
		"conditions": {Spec{Variants: []Variant{Plain}}, "either ages or temperatures"},
		"both": {Spec{Variants: []Variant{Plain}, Ages: []instrument.Seconds{1},
			Temperatures: []instrument.Celsius{25}}, "either"},
		"order": {Spec{Variants: []Variant{Plain}, Ages: []instrument.Seconds{5, 1}}, "must be times that grow"},
		"cold":  {Spec{Variants: []Variant{Plain}, Temperatures: []instrument.Celsius{-300}}, "not one that a chip can have"},
		"bias":  {Spec{Variants: []Variant{Biased}, Bias: 12e-6, Ages: []instrument.Seconds{1}}, "beyond the range"},
	} {
		if points, err := Measure(t.Context(), newChip(t).bench(), task, c.spec, Options{}); err == nil || points != nil ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	b := newChip(t).bench()
	b.Feedback = nil
	if _, err := Measure(t.Context(), b, task, Spec{Variants: []Variant{Feedback}, Temperatures: []instrument.Celsius{25}},
		Options{}); err == nil || !strings.Contains(err.Error(), "leave the variant feedback out") {
		t.Errorf("a bench without feedback: %v", err)
	}
	if _, err := LogarithmicAges(10, 1, 2); err == nil {
		t.Error("ages that run backwards are accepted")
	}
	c := newChip(t)
	c.fail = errors.New("broken on purpose")
	if _, err := Measure(t.Context(), c.bench(), task, Spec{Variants: []Variant{Plain},
		Temperatures: []instrument.Celsius{25}}, c.options()); !errors.Is(err, c.fail) {
		t.Errorf("a failed import: %v", err)
	}
}

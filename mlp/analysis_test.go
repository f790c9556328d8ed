package mlp

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"
)

func TestDecide(t *testing.T) {
	for _, c := range []struct {
		out  []float64
		want int
	}{
		{[]float64{1}, 0},
		{[]float64{1, 2, 0}, 1},
		{[]float64{-3, -2, -1}, 2},
		{[]float64{10, 10, -10}, Undecided},
		{[]float64{3, 3, 4}, 2},
		{[]float64{4, 3, 3}, 0},
		{[]float64{-10, -10}, Undecided},
	} {
		if got := Decide(c.out); got != c.want {
			t.Errorf("%v decides %d, want %d", c.out, got, c.want)
		}
	}
}

func TestEvaluate(t *testing.T) {
	out := mat.NewDense(5, 3, []float64{
		1, -1, -2, // class 0, right
		-1, 3, 1, // class 1, right
		5, -5, 0, // class 2, taken for 0
		10, 10, 0, // class 1, undecided
		0, 1, 2, // class 2, right
	})
	e, err := Evaluate(out, []int{0, 1, 2, 1, 2})
	if err != nil {
		t.Fatal(err)
	}
	if e.Correct != 3 || e.Samples != 5 || e.Accuracy != 60 {
		t.Errorf("%d of %d correct, %g %%", e.Correct, e.Samples, e.Accuracy)
	}
	if !slices.Equal(e.Margins, []float64{2, 2, -5, 0, 1}) {
		t.Errorf("margins %v", e.Margins)
	}
	want := [][]int{{1, 0, 0, 0}, {0, 1, 0, 1}, {1, 0, 1, 0}}
	for y := range want {
		if !slices.Equal(e.Confusion[y], want[y]) {
			t.Errorf("confusion of class %d is %v, want %v", y, e.Confusion[y], want[y])
		}
	}
	for name, c := range map[string]struct {
		out    *mat.Dense
		labels []int
		want   string
	}{
		"count":      {out, []int{0}, "outputs of 5 samples cannot be compared with 1 labels"},
		"label":      {out, []int{0, 1, 2, 3, 0}, "sample 3 has label 3, the network has 3 outputs"},
		"one output": {mat.NewDense(1, 1, nil), []int{0}, "1 output decides nothing"},
		"NaN":        {mat.NewDense(1, 2, []float64{1, math.NaN()}), []int{0}, "sample 0, output 1 is not a number"},
	} {
		if _, err := Evaluate(c.out, c.labels); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

// Accuracy, margins and confusion must tell the same story.
func TestEvaluationIsConsistent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		samples, classes := rapid.IntRange(1, 30).Draw(t, "samples"), rapid.IntRange(2, 5).Draw(t, "classes")
		volts := rapid.SampledFrom([]float64{-10, -2, 0, 0.5, 3, 10})
		out := mat.NewDense(samples, classes, nil)
		out.Apply(func(_, _ int, _ float64) float64 { return volts.Draw(t, "v") }, out)
		labels := rapid.SliceOfN(rapid.IntRange(0, classes-1), samples, samples).Draw(t, "labels")
		e, err := Evaluate(out, labels)
		if err != nil {
			t.Fatal(err)
		}
		positive, diagonal, total := 0, 0, 0
		for _, m := range e.Margins {
			if m > 0 {
				positive++
			}
		}
		for y, row := range e.Confusion {
			diagonal += row[y]
			for _, n := range row {
				total += n
			}
		}
		if positive != e.Correct || diagonal != e.Correct || total != samples {
			t.Fatalf("%d correct, %d positive margins, %d on the diagonal, %d of %d counted", e.Correct, positive, diagonal,
				total, samples)
		}
	})
}

func ExampleEvaluation_Table() {
	out := mat.NewDense(5, 2, []float64{1, -1, 2, 1, -3, 3, 10, 10, 0, 1})
	e, err := Evaluate(out, []int{0, 1, 1, 1, 0})
	if err != nil {
		panic(err)
	}
	table, err := e.Table([]string{"benign", "malignant"})
	if err != nil {
		panic(err)
	}
	fmt.Print(table)
	// Output:
	// true class benign malignant undecided  recall
	// benign          1         1         0  50.00%
	// malignant       1         1         1  33.33%
}

func TestTableOfOtherClasses(t *testing.T) {
	e := &Evaluation{Confusion: [][]int{{0, 0, 0}, {0, 1, 0}}}
	if _, err := e.Table([]string{"a"}); err == nil {
		t.Error("one name for two classes is accepted")
	}
	text, err := e.Table([]string{"a", "b"})
	if err != nil || !strings.Contains(text, "a              0     0         0       -") {
		t.Errorf("a class without samples:\n%s%v", text, err)
	}
}

func TestCompare(t *testing.T) {
	a := mat.NewDense(2, 2, []float64{1, -1, -2, 2})
	f, err := Compare(a, a)
	if err != nil || f.Agreement != 100 || f.RMS != 0 || f.Largest != 0 || math.Abs(f.Correlation-1) > 1e-12 {
		t.Errorf("of itself: %+v, %v", f, err)
	}
	b := mat.NewDense(2, 2, []float64{1, -1, 2, -1})
	f, err = Compare(b, a)
	if err != nil || f.Agreement != 50 || math.Abs(f.RMS-2.5) > 1e-12 || f.Largest != 4 {
		t.Errorf("of another: %+v, %v", f, err)
	}
	constant, err := Compare(mat.NewDense(2, 2, nil), a)
	if err != nil || constant.Correlation != 0 {
		t.Errorf("of a constant: %+v, %v", constant, err)
	}
	if _, err := Compare(a, mat.NewDense(2, 3, nil)); err == nil {
		t.Error("other sizes are accepted")
	}
	if _, err := Compare(a, mat.NewDense(2, 2, []float64{0, 0, 0, math.NaN()})); err == nil {
		t.Error("NaN is accepted")
	}
	// A part of a larger matrix counts like a copy of it.
	wide := mat.NewDense(2, 3, []float64{1, -1, 99, -2, 2, 99})
	f, err = Compare(wide.Slice(0, 2, 0, 2).(*mat.Dense), a)
	if err != nil || f.RMS != 0 {
		t.Errorf("of a slice: %+v, %v", f, err)
	}
}

func TestScatterFactors(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	s := Scatter{Shape: Uniform, Relative: 0.3, IdleRelative: 0.5}
	var sum, idle float64
	const n = 20000
	for range n {
		x := s.Factor(false, r)
		if math.Abs(x-1) > 0.3 {
			t.Fatalf("factor %g at a tolerance of 30 %%", x)
		}
		sum += (x - 1) * (x - 1)
		y := s.Factor(true, r)
		idle = max(idle, math.Abs(y-1))
	}
	if sigma := math.Sqrt(sum / n); math.Abs(sigma-0.3/math.Sqrt(3)) > 0.003 {
		t.Errorf("uniform factors have sigma %g", sigma)
	}
	if idle < 0.45 || idle > 0.5 {
		t.Errorf("idle devices are up to %g off, want up to 0.5", idle)
	}
	g := Scatter{Shape: Gaussian, Relative: 0.6}
	lowest := 1.0
	sum = 0
	for range n {
		x := g.Factor(false, r)
		lowest = min(lowest, x)
		if x > 1 { // this half is not cut
			sum += (x - 1) * (x - 1)
		}
	}
	if lowest != 0 {
		t.Errorf("the smallest Gaussian factor is %g, not cut at 0", lowest)
	}
	if sigma := math.Sqrt(2 * sum / n); math.Abs(sigma-0.6) > 0.02 {
		t.Errorf("Gaussian factors have sigma %g", sigma)
	}
	for _, bad := range []Scatter{{Relative: 0.1}, {Shape: Uniform, Relative: 1.1},
		{Shape: Gaussian, Relative: math.NaN()}, {Shape: Gaussian, IdleRelative: -1}} {
		if bad.Validate() == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}

func TestPerturbLeavesHeldDevicesAlone(t *testing.T) {
	n := randomNetwork(NewDesign(3, 2), 30)
	held := []Constraint{{Site: Site{0, 1, 2}}, {Site: Site{0, 3, 0}}}
	p := n.Perturb(Tolerance(0.3), held, rand.New(rand.NewPCG(5, 5)))
	for r := range 4 {
		for c := range 4 {
			same := p.G[0].At(r, c) == n.G[0].At(r, c)
			fixed := Site{0, r, c} == held[0].Site || Site{0, r, c} == held[1].Site
			if same != fixed {
				t.Errorf("row %d, column %d: unchanged %v, held %v", r, c, same, fixed)
			}
		}
	}
	again := n.Perturb(Tolerance(0.3), held, rand.New(rand.NewPCG(5, 5)))
	if !mat.Equal(p.G[0], again.G[0]) {
		t.Error("the same seed perturbs differently")
	}
}

func TestSurvive(t *testing.T) {
	n := mustNew(t, NewDesign(1, 2))
	n.SetPair(0, 0, 0, Pair{Plus: 30e-6, Minus: 10e-6})
	x, labels := mat.NewDense(2, 1, []float64{1, -1}), []int{0, 1}
	ctx := context.Background()
	exact, err := n.Survive(ctx, x, labels, Tolerance(0), nil, 3, 1)
	if err != nil || exact.Mean != 100 || exact.Std != 0 || exact.Perfect != 100 || exact.Trials != 3 {
		t.Errorf("without errors: %+v, %v", exact, err)
	}
	wide := Scatter{Shape: Gaussian, Relative: 1, IdleRelative: 1}
	rough, err := n.Survive(ctx, x, labels, wide, nil, 200, 1)
	if err != nil || rough.Mean <= 50 || rough.Mean >= 99 || rough.Min >= rough.Max || rough.Perfect >= 100 ||
		rough.Std <= 0 {
		t.Errorf("with large errors: %+v, %v", rough, err)
	}
	again, err := n.Survive(ctx, x, labels, wide, nil, 200, 1)
	if err != nil || again != rough {
		t.Errorf("the same seed gives %+v and %+v, %v", rough, again, err)
	}
	if _, err := n.Survive(ctx, x, labels, wide, nil, 0, 1); err == nil {
		t.Error("no trials are accepted")
	}
	if _, err := n.Survive(ctx, x, labels, Scatter{}, nil, 1, 1); err == nil {
		t.Error("a scatter without shape is accepted")
	}
	if _, err := n.Survive(ctx, x, []int{0}, wide, nil, 1, 1); err == nil {
		t.Error("missing labels are accepted")
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := n.Survive(ended, x, labels, wide, nil, 5, 1); err != context.Canceled {
		t.Errorf("after the end of its context: %v", err)
	}
}

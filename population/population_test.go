package population_test

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"xlab/population"
)

// What is said, and how it is stored, of nothing, of one and of two values.
func TestOf(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		values     []float64
		text, json string
	}{
		{nil, "-", `{"n":0,"mean":null,"sigma":null}`},
		{[]float64{nan}, "-", `{"n":0,"mean":null,"sigma":null}`},
		{[]float64{0.02, nan}, "+2.0 % (1 device)", `{"n":1,"mean":0.02,"sigma":null}`},
		{[]float64{0.5, 1.5}, "+100.0 %, sigma 70.7 % (2 devices)", `{"n":2,"mean":1,"sigma":0.7071067811865476}`},
	} {
		p := population.Of(c.values)
		if got := p.Text(population.Format("%+.1f %%", 100)); got != c.text {
			t.Errorf("of %v: %q, want %q", c.values, got, c.text)
		}
		text, err := json.Marshal(p)
		if err != nil || string(text) != c.json {
			t.Errorf("of %v: %s (%v), want %s", c.values, text, err, c.json)
		}
		var back population.Population
		if err := json.Unmarshal(text, &back); err != nil || back.N != p.N || back.Mean.Known() != p.Mean.Known() ||
			back.Sigma.Known() != p.Sigma.Known() {
			t.Errorf("%s reads back as %+v (%v)", text, back, err)
		}
		if low, high := p.Ends(); (p.N < 2) != (math.IsNaN(low) && math.IsNaN(high)) {
			t.Errorf("of %v: a bar from %g to %g", c.values, low, high)
		}
	}
}

func TestQuantile(t *testing.T) {
	for _, c := range []struct {
		values []float64
		p      float64
		text   string
	}{{nil, 0.5, "-"}, {[]float64{7}, 0.9, "7.0"}, {[]float64{3, 1}, 0.5, "2.0"}, {[]float64{5, 1, 4, 2, 3}, 0.9, "4.6"}} {
		if got := population.Quantile(c.values, c.p).Text(population.Format("%.1f", 1)); got != c.text {
			t.Errorf("%g of %v is %s, want %s", c.p, c.values, got, c.text)
		}
	}
}

// The interval of a share stays within 0 and 1, holds the share, is never empty
// and is the usual root where there are many.
func TestShare(t *testing.T) {
	for _, n := range []int{1, 2, 30, 640} {
		for k := range n + 1 {
			share := float64(k) / float64(n)
			if low, high := population.Share(share, n); !(low >= 0 && high <= 1 && low <= share && share <= high && low < high) {
				t.Errorf("%d of %d: from %g to %g", k, n, low, high)
			}
		}
	}
	if low, high := population.Share(0.8, 100000); math.Abs(high-low-2*math.Sqrt(0.8*0.2/1e5)) > 1e-6 {
		t.Errorf("80 %% of 100000: from %g to %g", low, high)
	}
	if low, _ := population.Share(0, 0); !math.IsNaN(low) {
		t.Error("a share of nothing has an interval")
	}
}

// A quantile lies among the values and rises with p.
func TestQuantilesRise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(-10, 10), 1, 20).Draw(t, "values")
		p, more := rapid.Float64Range(0, 1).Draw(t, "p"), rapid.Float64Range(0, 1).Draw(t, "more")
		a, b := float64(population.Quantile(values, p)), float64(population.Quantile(values, p+(1-p)*more))
		if a < slices.Min(values)-1e-9 || b > slices.Max(values)+1e-9 || a > b+1e-9 {
			t.Fatalf("%v and %v of %v", a, b, values)
		}
	})
}

package inference_test

import (
	"math"
	"strings"
	"testing"

	"xlab/mock/crossbar"
	"xlab/mock/inference"
)

// TestOhmicDevices: without curvature the straight network is the whole truth,
// so that nothing but rounding is left.
func TestOhmicDevices(t *testing.T) {
	layers := network(4)
	for i := range layers {
		clear(layers[i].Devices.(cubic).b)
	}
	c, err := inference.New(0.2, layers...)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float64, c.Outputs())
	for p := range 64 {
		pattern := []uint8{uint8(37 * p), uint8(91 * p)}
		want := solved(t, layers, pattern)[1]
		c.Classify(pattern, out)
		for i := range out {
			// 1e-6 of full scale: where tanh counts as saturated.
			if math.Abs(out[i]-want[i]) > 2e-5 {
				t.Fatalf("pattern %v, output %d: %.9f V, solved %.9f V", pattern, i, out[i], want[i])
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(l []inference.Layer) []inference.Layer
		want  string
	}{
		{"nothing", func([]inference.Layer) []inference.Layer { return nil }, "at least one layer"},
		{"another law", func(l []inference.Layer) []inference.Layer {
			l[1].Devices = crossbar.Sinh{G: make([]float64, 400), V0: 0.1}
			for k := range 400 {
				l[1].Devices.(crossbar.Sinh).G[k] = 1e-5
			}
			return l
		}, "layer 1: device r0c0 does not follow"},
		{"inputs that do not fit", func(l []inference.Layer) []inference.Layer { l[1].Inputs = l[1].Inputs[:9]; return l },
			"9 input columns for 10 inputs"},
		{"input that is not driven",
			func(l []inference.Layer) []inference.Layer { l[0].Cols[3].Kind = crossbar.Floating; return l }, "input column 3"},
		{"row outside", func(l []inference.Layer) []inference.Layer { l[0].Neurons[2].Plus = 20; return l }, "rows 20 and 5"},
		{"no limit", func(l []inference.Layer) []inference.Layer { l[1].Neurons[0].Limit = 0; return l },
			"a gain and a limit"},
		{"no neurons", func(l []inference.Layer) []inference.Layer { l[1].Neurons = nil; return l }, "no neurons"},
		{"terminals missing", func(l []inference.Layer) []inference.Layer { l[0].Rows = l[0].Rows[:19]; return l },
			"terminals of 19 rows"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := inference.New(0.2, c.spoil(network(1))...); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestClassifyAllocatesNothing(t *testing.T) {
	c, err := inference.New(0.2, network(2)...)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float64, c.Outputs())
	pattern := make([]uint8, c.PatternBytes())
	if n := testing.AllocsPerRun(100, func() { c.Classify(pattern, out) }); n != 0 {
		t.Errorf("%g allocations per pattern", n)
	}
}

package inference_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"xlab/mock/crossbar"
	"xlab/mock/inference"
)

// cubic is an array of devices with a law of their own each, as the published
// fit gives them: i = a v + b v^3.
type cubic struct{ a, b []float64 }

func (d cubic) Currents(v, i, g []float64) {
	for k, x := range v {
		i[k], g[k] = x*(d.a[k]+d.b[k]*x*x), d.a[k]+3*d.b[k]*x*x
	}
}

// network is the published 16-10-4 network with random weights of the working
// range, one device of each pair at the minimum.
func network(seed uint64) []inference.Layer {
	r := rand.New(rand.NewPCG(seed, 1))
	layer := func(inputs, neurons int, gain, limit float64, saturating bool) inference.Layer {
		const rows, cols = 20, 20
		d := cubic{make([]float64, rows*cols), make([]float64, rows*cols)}
		for k := range d.a {
			g := 10e-6
			if row, col := k/cols, k%cols; row < 2*neurons && col <= inputs {
				// One of the two carries the weight.
				if r.IntN(2) == row%2 {
					g = 10e-6 + 90e-6*r.Float64()*r.Float64()
				}
			}
			g *= 1 + 0.2*r.NormFloat64()*0.5
			d.a[k] = 0.977*g + 0.3e-6
			d.b[k] = 1.18*g + 6596*g*g + 2.2e-5
		}
		l := inference.Layer{Geometry: crossbar.Geometry{Rows: rows, Cols: cols, RowSegment: 2, ColSegment: 2}, Devices: d}
		for row := range rows {
			line := crossbar.Line{Kind: crossbar.Voltage, Resistance: 200}
			if row < 2*neurons {
				line.Value = 2e-5 * r.NormFloat64() // what is left of the offset
			}
			l.Rows = append(l.Rows, line)
		}
		for col := range cols {
			line := crossbar.Line{Kind: crossbar.Voltage, Resistance: 200}
			if col == inputs {
				line.Value = 0.2
			}
			l.Cols = append(l.Cols, line)
		}
		for m := range inputs {
			l.Inputs = append(l.Inputs, m)
		}
		for n := range neurons {
			l.Neurons = append(l.Neurons, inference.Neuron{Plus: 2 * n, Minus: 2*n + 1, Gain: gain, Limit: limit,
				Saturating: saturating})
		}
		return l
	}
	return []inference.Layer{layer(16, 10, 1e6, 0.2, true), layer(10, 4, 1e6, 10, false)}
}

// solved classifies with the nodal solution of every layer.
func solved(t testing.TB, layers []inference.Layer, pattern []uint8) [][]float64 {
	t.Helper()
	r, err := inference.NewReference(0.2, layers...)
	if err != nil {
		t.Fatal(err)
	}
	all, err := r.Classify(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// fullScale is what errors are measured against.
var fullScale = []float64{0.2, 10}

func TestAgainstTheFullSolution(t *testing.T) {
	chips, patterns := 10, 1000
	if testing.Short() {
		chips, patterns = 2, 200
	}
	for seed := range uint64(chips) {
		layers := network(seed)
		hidden, err := inference.New(0.2, layers[0])
		if err != nil {
			t.Fatal(err)
		}
		whole, err := inference.New(0.2, layers...)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(seed, 3))
		var worst [2]float64
		var square [2]float64
		h, out := make([]float64, 10), make([]float64, 4)
		for range patterns {
			p := []uint8{uint8(r.Uint32()), uint8(r.Uint32())}
			want := solved(t, layers, p)
			hidden.Classify(p, h)
			whole.Classify(p, out)
			for l, got := range [][]float64{h, out} {
				for i := range got {
					e := math.Abs(got[i]-want[l][i]) / fullScale[l]
					worst[l] = max(worst[l], e)
					square[l] += e * e / float64(len(got)*patterns)
				}
			}
		}
		t.Logf("seed %d: hidden: worst %.5f %%, rms %.5f %%; outputs: worst %.5f %%, rms %.5f %%", seed, 100*worst[0],
			100*math.Sqrt(square[0]), 100*worst[1], 100*math.Sqrt(square[1]))
		for l := range worst {
			if worst[l] > 1e-3 {
				t.Errorf("seed %d: layer %d is off by %.4f %% of full scale", seed, l, 100*worst[l])
			}
		}
	}
}

func BenchmarkPatterns(b *testing.B) {
	layers := network(1)
	for _, n := range []int{1, 2} {
		b.Run(fmt.Sprintf("layers=%d", n), func(b *testing.B) {
			c, err := inference.New(0.2, layers[:n]...)
			if err != nil {
				b.Fatal(err)
			}
			r := rand.New(rand.NewPCG(5, 5))
			patterns := make([][]uint8, 1024)
			for i := range patterns {
				patterns[i] = []uint8{uint8(r.Uint32()), uint8(r.Uint32())}
			}
			out := make([]float64, c.Outputs())
			i := 0
			for b.Loop() {
				c.Classify(patterns[i%len(patterns)], out)
				i++
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "patterns/s")
		})
	}
}

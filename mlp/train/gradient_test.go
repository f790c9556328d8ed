package train

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"

	"xlab/instrument"
	"xlab/mlp"
	"xlab/mlp/dataset"
)

// toy is a small set of two classes of two features.
func toy() *dataset.Set {
	return &dataset.Set{
		Name:    "toy",
		Classes: []string{"no", "yes"},
		X:       mat.NewDense(4, 2, []float64{-1, -1, -1, 1, 1, -1, 0.9, 0.8}),
		Labels:  []int{0, 1, 1, 0},
	}
}

// someConstraints hold the plus device of one pair, the minus device of
// another, both of a third, and a dead one.
func someConstraints() []mlp.Constraint {
	return []mlp.Constraint{
		{Site: mlp.Site{Layer: 0, Row: 0, Col: 1}, Conductance: 60e-6},
		{Site: mlp.Site{Layer: 0, Row: 3, Col: 0}, Conductance: 35e-6},
		{Site: mlp.Site{Layer: 1, Row: 0, Col: 0}, Conductance: 20e-6},
		{Site: mlp.Site{Layer: 1, Row: 1, Col: 0}, Conductance: 80e-6},
		{Site: mlp.Site{Layer: 1, Row: 2, Col: 2}, Conductance: 0},
	}
}

// The gradient by the weights must be that of finite differences, with held
// devices, perturbed copies and every kind of conduction.
func TestGradientByWeights(t *testing.T) {
	d := mlp.NewDesign(2, 3, 2)
	d.Hidden.Gain = 1e5 // not saturated, so that there is a gradient to compare
	law, err := mlp.NewCubic(0.2, 2.6)
	if err != nil {
		t.Fatal(err)
	}
	var lossy []mlp.Conduction
	for l := range d.Layers() {
		rows, columns := d.Block(l)
		lossy = append(lossy, mlp.UniformSeries(rows, columns, 300, 500, law))
	}
	set := toy()
	for _, c := range []struct {
		name        string
		constraints []mlp.Constraint
		scatter     mlp.Scatter
		physics     []mlp.Conduction
		loss        Loss
	}{
		{"plain", nil, mlp.Tolerance(0), nil, MeanSquare},
		{"constrained", someConstraints(), mlp.Tolerance(0), nil, MeanSquare},
		{"perturbed", someConstraints(), mlp.Scatter{Shape: mlp.Uniform, Relative: 0.3, IdleRelative: 0.6}, nil, Shortfall},
		{"lossy and perturbed", someConstraints(), mlp.Scatter{Shape: mlp.Gaussian, Relative: 0.2, IdleRelative: 0.1}, lossy,
			MeanSquare},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := d.Drive(set.X)
			if err != nil {
				t.Fatal(err)
			}
			o := Defaults()
			o.Loss, o.Scatter, o.Target = c.loss, c.scatter, 3
			p := newPairs(d, c.constraints)
			w := p.draw(30e-6, rand.New(rand.NewPCG(3, 4)))
			// Off its bounds: where a device reaches the minimum it becomes idle,
			// and its error jumps.
			for l := range w {
				for i, q := range p.layers[l] {
					w[l][i] = min(max(w[l][i], q.low+1e-6), q.high-1e-6)
				}
			}
			n, err := mlp.New(d)
			if err != nil {
				t.Fatal(err)
			}
			epoch := func() (float64, [][]float64) {
				// The same draws every time: the loss is then a function of w.
				r := &restart{task: Task{Design: d, Set: set, Physics: c.physics}, o: o, voltages: v, pairs: p,
					random: rand.New(rand.NewPCG(1, 1))}
				loss, _, gradient, err := r.epoch(n, w, p.newFactors())
				if err != nil {
					t.Fatal(err)
				}
				return loss, gradient
			}
			_, gradient := epoch()
			checked := 0
			for l := range w {
				largest := 0.0
				for _, g := range gradient[l] {
					largest = max(largest, math.Abs(g))
				}
				for i := range w[l] {
					if q := p.layers[l][i]; q.plusHeld && q.minusHeld {
						if gradient[l][i] != 0 {
							t.Errorf("layer %d, weight %d of two held devices has the gradient %g", l, i, gradient[l][i])
						}
						continue
					}
					x, h := w[l][i], 1e-9
					w[l][i] = x + h
					up, _ := epoch()
					w[l][i] = x - h
					down, _ := epoch()
					w[l][i] = x
					want := (up - down) / (2 * h)
					if math.Abs(gradient[l][i]-want) > 1e-4*largest {
						t.Errorf("layer %d, weight %d: gradient %g, finite difference %g", l, i, gradient[l][i], want)
					}
					checked++
				}
			}
			if checked < 15 {
				t.Errorf("only %d weights were compared", checked)
			}
		})
	}
}

func TestLosses(t *testing.T) {
	out := mat.NewDense(1, 3, []float64{7, -6, 1})
	// Target 5 for class 0, -5 for the others: misses of 2, -1 and 6, the first
	// two beyond their targets.
	loss, d := MeanSquare.Of(out, []int{0}, 5)
	if math.Abs(loss-(4+1+36)/3.0) > 1e-12 || math.Abs(d.At(0, 0)-4/3.0) > 1e-12 || math.Abs(d.At(0, 1)+2/3.0) > 1e-12 ||
		math.Abs(d.At(0, 2)-4) > 1e-12 {
		t.Errorf("mean square %g, derivatives %v", loss, d.RawRowView(0))
	}
	loss, d = Shortfall.Of(out, []int{0}, 5)
	if math.Abs(loss-12) > 1e-12 || d.At(0, 0) != 0 || d.At(0, 1) != 0 || math.Abs(d.At(0, 2)-4) > 1e-12 {
		t.Errorf("shortfall %g, derivatives %v", loss, d.RawRowView(0))
	}
}

// Whatever is held, the conductances of a pair make its weight, stay in the
// working range where they are free, and one of a free pair is at the minimum.
func TestPairsMakeWeights(t *testing.T) {
	d := mlp.NewDesign(1, 1)
	d.Sizes = []int{1, 2}
	lowest, highest := float64(d.Range.Min), float64(d.Range.Max)
	rapid.Check(t, func(t *rapid.T) {
		var held []mlp.Constraint
		stuck := rapid.Float64Range(0, 300e-6)
		for row := range 2 {
			if rapid.Bool().Draw(t, fmt.Sprintf("held %d", row)) {
				held = append(held, mlp.Constraint{Site: mlp.Site{Row: row},
					Conductance: instrument.Siemens(stuck.Draw(t, "stuck"))})
			}
		}
		p := newPairs(d, held)
		q := &p.layers[0][0]
		w := p.draw(100e-6, rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)))
		n, err := p.network(w)
		if err != nil {
			t.Fatal(err)
		}
		pair := n.Pair(0, 0, 0)
		if w[0][0] < q.low || w[0][0] > q.high || math.Abs(float64(pair.Weight())-w[0][0]) > resolution {
			t.Fatalf("weight %g S in %g to %g makes %v", w[0][0], q.low, q.high, pair)
		}
		for row, g := range []float64{float64(pair.Plus), float64(pair.Minus)} {
			fixed := math.NaN()
			for _, k := range held {
				if k.Site.Row == row {
					fixed = float64(k.Conductance)
				}
			}
			switch {
			case !math.IsNaN(fixed) && g != fixed:
				t.Fatalf("device %d is held at %g S and has %g S", row, fixed, g)
			case math.IsNaN(fixed) && (g < lowest || g > highest):
				t.Fatalf("device %d has %g S", row, g)
			}
		}
		if len(held) == 0 && float64(min(pair.Plus, pair.Minus)) != lowest {
			t.Fatalf("neither device of %v is at the minimum", pair)
		}
	})
}

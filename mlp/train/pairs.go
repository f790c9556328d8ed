package train

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"xlab/instrument"
	"xlab/mlp"
)

// pairs is the layer of code between weights, which are trained, and
// conductances, which exist.
type pairs struct {
	design mlp.Design
	layers [][]pair // per layer, neuron by neuron, input by input
}

// pair is one weight: what it may be and how it is made of two devices.
type pair struct {
	plusHeld, minusHeld bool
	plus, minus         float64 // conductance of a held device, S
	low, high           float64 // bounds of the weight, S
}

func newPairs(d mlp.Design, constraints []mlp.Constraint) *pairs {
	p := &pairs{design: d}
	for l := range d.Layers() {
		rows, columns := d.Block(l)
		p.layers = append(p.layers, make([]pair, rows/2*columns))
	}
	for _, k := range constraints {
		_, columns := d.Block(k.Site.Layer)
		q := &p.layers[k.Site.Layer][k.Site.Neuron()*columns+k.Site.Col]
		if k.Site.Plus() {
			q.plusHeld, q.plus = true, float64(k.Conductance)
		} else {
			q.minusHeld, q.minus = true, float64(k.Conductance)
		}
	}
	lowest, highest := float64(d.Range.Min), float64(d.Range.Max)
	for _, layer := range p.layers {
		for i := range layer {
			q := &layer[i]
			switch {
			case q.plusHeld && q.minusHeld:
				q.low, q.high = q.plus-q.minus, q.plus-q.minus
			case q.plusHeld:
				q.low, q.high = q.plus-highest, q.plus-lowest
			case q.minusHeld:
				q.low, q.high = lowest-q.minus, highest-q.minus
			default:
				q.low, q.high = lowest-highest, highest-lowest
			}
		}
	}
	return p
}

// conductances of a pair of weight w, and how they change with it. At w = 0 a
// free pair changes over from one device to the other.
func (q *pair) conductances(w, lowest float64) (plus, minus, dPlus, dMinus float64) {
	switch {
	case q.plusHeld && q.minusHeld:
		return q.plus, q.minus, 0, 0
	case q.plusHeld:
		return q.plus, q.plus - w, 0, -1
	case q.minusHeld:
		return q.minus + w, q.minus, 1, 0
	case w >= 0:
		return lowest + w, lowest, 1, 0
	default:
		return lowest, lowest - w, 0, -1
	}
}

// draw makes initial weights, normally distributed and within bounds.
func (p *pairs) draw(spread float64, r *rand.Rand) [][]float64 {
	w := make([][]float64, len(p.layers))
	for l, layer := range p.layers {
		w[l] = make([]float64, len(layer))
		for i, q := range layer {
			w[l][i] = min(max(spread*r.NormFloat64(), q.low), q.high)
		}
	}
	return w
}

// factors is what the conductances of one perturbed copy are multiplied with.
type factors [][][2]float64

// perturb writes the conductances of weights w into n, each off by a draw from
// the scatter, and keeps the draws in f for the gradient. Held devices are as
// they were measured.
func (p *pairs) perturb(n *mlp.Network, w [][]float64, s mlp.Scatter, f factors, r *rand.Rand) {
	lowest := float64(p.design.Range.Min)
	for l, layer := range p.layers {
		_, columns := n.G[l].Dims()
		for i := range layer {
			q := &layer[i]
			plus, minus, _, _ := q.conductances(w[l][i], lowest)
			k := [2]float64{1, 1}
			if !s.None() {
				if !q.plusHeld {
					k[0] = s.Factor(p.design.Range.Idle(instrument.Siemens(plus)), r)
				}
				if !q.minusHeld {
					k[1] = s.Factor(p.design.Range.Idle(instrument.Siemens(minus)), r)
				}
			}
			f[l][i] = k
			n.G[l].Set(2*(i/columns), i%columns, plus*k[0])
			n.G[l].Set(2*(i/columns)+1, i%columns, minus*k[1])
		}
	}
}

func (p *pairs) newFactors() factors {
	f := make(factors, len(p.layers))
	for l, layer := range p.layers {
		f[l] = make([][2]float64, len(layer))
	}
	return f
}

// chain adds to sum, times share, what the gradient by the conductances of a
// perturbed copy is by the weights.
func (p *pairs) chain(sum [][]float64, gradient []*mat.Dense, w [][]float64, f factors, share float64) {
	lowest := float64(p.design.Range.Min)
	for l, layer := range p.layers {
		_, columns := gradient[l].Dims()
		for i := range layer {
			_, _, dPlus, dMinus := layer[i].conductances(w[l][i], lowest)
			plus := gradient[l].At(2*(i/columns), i%columns)
			minus := gradient[l].At(2*(i/columns)+1, i%columns)
			sum[l][i] += share * (plus*dPlus*f[l][i][0] + minus*dMinus*f[l][i][1])
		}
	}
}

// resolution is what trained conductances are rounded to: 0.1 nS is far finer
// than any bench can set, and it keeps network files readable.
const resolution = 1e-10

// network is the network of weights w.
func (p *pairs) network(w [][]float64) (*mlp.Network, error) {
	n, err := mlp.New(p.design)
	if err != nil {
		return nil, err
	}
	lowest, highest := p.design.Range.Min, p.design.Range.Max
	round := func(g float64, held bool) instrument.Siemens {
		if held {
			return instrument.Siemens(g)
		}
		// Dividing by 1e10 instead of multiplying gives the float that is
		// nearest to the decimal number.
		g = math.Round(g/resolution) / (1 / resolution)
		return min(max(instrument.Siemens(g), lowest), highest)
	}
	for l, layer := range p.layers {
		_, columns := p.design.Block(l)
		for i := range layer {
			q := &layer[i]
			plus, minus, _, _ := q.conductances(w[l][i], float64(lowest))
			n.SetPair(l, i/columns, i%columns, mlp.Pair{
				Plus: round(plus, q.plusHeld), Minus: round(minus, q.minusHeld),
			})
		}
	}
	return n, nil
}

package mlp

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"xlab/instrument"
)

// ScatterShape names a distribution of relative conductance errors.
type ScatterShape string

const (
	// Uniform errors lie anywhere within +-Relative: write-and-verify that
	// stops as soon as a device is in tolerance.
	Uniform ScatterShape = "uniform"
	// Gaussian errors have the standard deviation Relative; a conductance is
	// never taken below zero.
	Gaussian ScatterShape = "gaussian"
)

// Scatter is how far conductances lie from what they were meant to be.
type Scatter struct {
	Shape    ScatterShape `json:"shape"`
	Relative float64      `json:"relative"` // of the conductance, >= 0
	// IdleRelative is the same for the devices at the minimum, which carry no
	// weight and may be set more crudely.
	IdleRelative float64 `json:"idle_relative"`
}

// Tolerance is the scatter of an import at one tolerance for all devices.
func Tolerance(relative float64) Scatter {
	return Scatter{Shape: Uniform, Relative: relative, IdleRelative: relative}
}

// Validate refuses errors that no conductance can have.
func (s Scatter) Validate() error {
	if s.Shape != Uniform && s.Shape != Gaussian {
		return fmt.Errorf("scatter shape %q is unknown: use %q or %q", s.Shape, Uniform, Gaussian)
	}
	for _, x := range []float64{s.Relative, s.IdleRelative} {
		if !(x >= 0) || math.IsInf(x, 0) || s.Shape == Uniform && x > 1 {
			return fmt.Errorf("relative conductance error %g: it must be 0 or more, and 1 at most when uniform", x)
		}
	}
	return nil
}

// None tells whether the scatter changes nothing.
func (s Scatter) None() bool { return s.Relative == 0 && s.IdleRelative == 0 }

// Factor draws what a conductance is multiplied with.
func (s Scatter) Factor(idle bool, r *rand.Rand) float64 {
	x := s.Relative
	if idle {
		x = s.IdleRelative
	}
	if s.Shape == Gaussian {
		return max(0, 1+x*r.NormFloat64())
	}
	return 1 + x*(2*r.Float64()-1)
}

// Perturb is the network with every device off by a draw from the scatter,
// except those held by constraints, which are not written. The draws are made
// layer by layer, row by row.
func (n *Network) Perturb(s Scatter, held []Constraint, r *rand.Rand) *Network {
	fixed := Sites(held)
	p := n.Clone()
	for l, g := range p.G {
		g.Apply(func(row, col int, x float64) float64 {
			if fixed[Site{Layer: l, Row: row, Col: col}] {
				return x
			}
			return x * s.Factor(n.Design.Range.Idle(instrument.Siemens(x)), r)
		}, g)
	}
	return p
}

// Robustness is what is left of a network's accuracy when its devices are off.
type Robustness struct {
	Scatter Scatter `json:"scatter"`
	Trials  int     `json:"trials"`
	// Accuracy over the trials, in percent.
	Mean float64 `json:"mean_percent"`
	Std  float64 `json:"std_percent"`
	Min  float64 `json:"min_percent"`
	Max  float64 `json:"max_percent"`
	// Perfect is the share of trials that classified everything, in percent.
	Perfect float64 `json:"perfect_percent"`
}

// Survive classifies a labelled set with trials perturbed copies of the
// network. features is samples x features (-1 to 1). Trial k is drawn from its
// own stream of the seed, so the same seed gives the same result.
func (n *Network) Survive(ctx context.Context, features *mat.Dense, labels []int, s Scatter, held []Constraint,
	trials int, seed uint64, physics ...Conduction) (Robustness, error) {
	if err := s.Validate(); err != nil {
		return Robustness{}, err
	}
	if trials < 1 {
		return Robustness{}, fmt.Errorf("%d trials: at least 1 is needed", trials)
	}
	accuracy := make([]float64, trials)
	perfect := 0
	for k := range accuracy {
		if err := ctx.Err(); err != nil {
			return Robustness{}, err
		}
		out, err := n.Perturb(s, held, rand.New(rand.NewPCG(seed, uint64(k)))).Classify(features, physics...)
		if err != nil {
			return Robustness{}, err
		}
		e, err := Evaluate(out, labels)
		if err != nil {
			return Robustness{}, err
		}
		accuracy[k] = e.Accuracy
		if e.Correct == e.Samples {
			perfect++
		}
	}
	mean, std := stat.PopMeanStdDev(accuracy, nil)
	return Robustness{
		Scatter: s, Trials: trials, Mean: mean, Std: std,
		Min: floats.Min(accuracy), Max: floats.Max(accuracy),
		Perfect: 100 * float64(perfect) / float64(trials),
	}, nil
}

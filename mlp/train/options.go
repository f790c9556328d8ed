package train

import (
	"fmt"
	"math"
	"slices"

	"xlab/instrument"
	"xlab/mlp"
	"xlab/mlp/dataset"
)

// Loss names what training makes small.
type Loss string

const (
	MeanSquare Loss = "mean-square" // the squared difference from the target
	Shortfall  Loss = "shortfall"   // the squared amount by which the target is missed
)

// Options are the settings of a training. They are written into the network's
// provenance.
type Options struct {
	Seed     uint64 `json:"seed"`
	Restarts int    `json:"restarts"` // networks trained from different initial weights, >= 1
	Epochs   int    `json:"epochs"`   // at most, per restart; one epoch is one step of all weights
	// Patience is the number of epochs without a lower loss after which a
	// restart ends early; 0 = never.
	Patience int                `json:"patience"`
	Loss     Loss               `json:"loss"`
	Target   instrument.Volts   `json:"target_v"`  // outputs are to reach +Target or -Target, > 0
	Rate     instrument.Siemens `json:"rate_s"`    // length of the first steps of a weight
	Initial  instrument.Siemens `json:"initial_s"` // standard deviation of the initial weights
	Scatter  mlp.Scatter        `json:"scatter"`   // conductance errors to train with
	Replicas int                `json:"replicas"`  // perturbed copies per epoch, >= 1
	Trials   int                `json:"trials"`    // perturbed copies that a finished restart is judged with
}

// Defaults train the 16-10-4 network so that it survives a weight import at a
// tolerance of 30 %. The scatter is wider than that tolerance: it costs nothing
// on the training set and gives larger margins. Features that are not black and
// white want hidden neurons that are not saturated: a quarter of the rate, a
// quarter of the target and a scatter of 10 % or none.
func Defaults() Options {
	return Options{
		Seed:     1,
		Restarts: 4,
		Epochs:   600,
		Patience: 200,
		Loss:     Shortfall,
		Target:   8,
		Rate:     2e-6,
		Initial:  2e-6,
		Scatter:  mlp.Tolerance(0.5),
		Replicas: 4,
		Trials:   50,
	}
}

// Validate refuses options that cannot be trained with.
func (o Options) Validate() error {
	positive := func(x float64) bool { return x > 0 && !math.IsInf(x, 0) }
	switch {
	case o.Restarts < 1, o.Epochs < 1, o.Replicas < 1:
		return fmt.Errorf("training with %d restarts of %d epochs with %d replicas: each must be 1 or more", o.Restarts,
			o.Epochs, o.Replicas)
	case o.Patience < 0, o.Trials < 0:
		return fmt.Errorf("training with a patience of %d epochs and %d trials: neither may be negative", o.Patience,
			o.Trials)
	case o.Loss != MeanSquare && o.Loss != Shortfall:
		return fmt.Errorf("loss %q is unknown: use %q or %q", o.Loss, MeanSquare, Shortfall)
	case !positive(float64(o.Target)):
		return fmt.Errorf("target output is %s: it must be more than 0 V", o.Target.Exact())
	case !positive(float64(o.Rate)), !positive(float64(o.Initial)):
		return fmt.Errorf("rate is %s and initial weights are %s: both must be more than 0 S", o.Rate.Exact(),
			o.Initial.Exact())
	}
	return o.Scatter.Validate()
}

// Suggested are the options that suit a data set: Defaults for black and white,
// gentler ones for features with values between.
func Suggested(s *dataset.Set) Options {
	o := Defaults()
	if s.X == nil {
		return o
	}
	if slices.ContainsFunc(s.X.RawMatrix().Data, func(x float64) bool { return x != 1 && x != -1 }) {
		o.Rate, o.Target, o.Scatter = o.Rate/4, o.Target/4, mlp.Tolerance(0.1)
	}
	return o
}

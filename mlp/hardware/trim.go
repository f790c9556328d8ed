package hardware

import (
	"context"
	"errors"
	"math"

	"xlab/instrument"
)

// trimming knows whether the board's trims are those of this run.
type trimming struct {
	wanted bool // the run has trimmed, as far as it has come
	made   bool // this process has
}

// Trim nulls the neurons' offsets with all inputs grounded, the bias and the
// second layer's columns among them. An amplifier's offset drives a current
// through all devices of its row, so that a trim is good for the conductances it
// was made with: trim again after devices were written. What is left is recorded and logged. A
// neuron that cannot be trimmed is an error.
func (c *Classifier) Trim(ctx context.Context) error {
	var left answered
	do := func() error {
		p := c.newPass()
		return c.repeat(ctx, "trimming the neurons", p, func(ctx context.Context) (err error) {
			left, err = c.calibrate(ctx, p)
			return err
		})
	}
	if err := c.record("neuron trim", asked{}, &left, do); err != nil {
		return err
	}
	c.trim.wanted = true
	return left.check(1, c.hidden.count, 1, c.outputs.count)
}

// calibrate trims on the bench.
func (c *Classifier) calibrate(ctx context.Context, p *pass) (answered, error) {
	trimmer, can := c.neurons.(instrument.Trimmer)
	if !can {
		return answered{}, refused(errors.New("the neuron board cannot trim its neurons"),
			"leave the calibration of offsets out")
	}
	for _, b := range c.placement {
		if err := p.route(ctx, b.Array, nil); err != nil {
			return answered{}, err
		}
	}
	h, o, err := trimmer.Trim(ctx)
	if err != nil {
		return answered{}, err
	}
	if h, err = c.hidden.of(h); err != nil {
		return answered{}, err
	}
	if o, err = c.outputs.of(o); err != nil {
		return answered{}, err
	}
	if err := p.end(ctx); err != nil {
		return answered{}, err
	}
	c.trim.made = true
	c.log.Info("neurons trimmed", "hidden_left_v", largest(h), "outputs_left_v", largest(o))
	return answered{Hidden: [][]instrument.Volts{h}, Outputs: [][]instrument.Volts{o}}, nil
}

// restore trims again when the run has trimmed before it was taken up again, or
// before something went wrong: the record has the result, the board may have
// lost it.
func (t *trimming) restore(ctx context.Context, c *Classifier) error {
	if !t.wanted || t.made {
		return nil
	}
	_, err := c.calibrate(ctx, c.newPass())
	return err
}

func largest(v []instrument.Volts) float64 {
	most := 0.0
	for _, x := range v {
		most = math.Max(most, math.Abs(float64(x)))
	}
	return most
}

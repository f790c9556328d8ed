package inference

import (
	"errors"
	"fmt"
)

// Classifier evaluates patterns of two-level inputs on a stack of layers. It is
// made for the devices as they are: after one has changed it has to be made
// anew. It is not safe for concurrent use.
type Classifier struct {
	first  *twoLevel
	later  []*analogue
	signs  []float64
	values [2][]float64
}

// New solves what there is to solve for the given layers, the first of which
// has its inputs at ±level volts; the outputs of each layer's neurons are the
// inputs of the next. It takes some tens of solutions of every array.
func New(level float64, layers ...Layer) (*Classifier, error) {
	if len(layers) == 0 || !(level > 0) {
		return nil, errors.New("inference: at least one layer and an input level of more than 0 V are needed")
	}
	c := &Classifier{signs: make([]float64, layers[0].Geometry.Cols)}
	widest := 0
	for i := range layers {
		l := &layers[i]
		inputs, swing := len(layers[0].Inputs), level
		if i > 0 {
			inputs, swing = len(layers[i-1].Neurons), 0
			for _, n := range layers[i-1].Neurons {
				swing = max(swing, n.Limit)
			}
		}
		err := l.validate(inputs)
		if err == nil && i == 0 {
			c.first, err = newTwoLevel(l, level)
		} else if err == nil {
			var a *analogue
			a, err = newAnalogue(l, swing)
			c.later = append(c.later, a)
		}
		if err != nil {
			return nil, fmt.Errorf("inference: layer %d: %w", i, err)
		}
		widest = max(widest, len(l.Neurons))
	}
	c.values = [2][]float64{make([]float64, widest), make([]float64, widest)}
	return c, nil
}

// PatternBytes is the length of a pattern: one bit per input.
func (c *Classifier) PatternBytes() int { return len(c.first.tables) }

// Outputs is the number of neurons of the last layer.
func (c *Classifier) Outputs() int {
	if n := len(c.later); n > 0 {
		return len(c.later[n-1].neurons)
	}
	return len(c.first.neurons)
}

// Classify writes the last layer's voltages for a pattern to out. Bit m%8 of
// byte m/8 is set where input m is at the plus level, the others are at the
// minus level. It allocates nothing.
func (c *Classifier) Classify(pattern []uint8, out []float64) {
	if len(c.later) == 0 {
		c.first.outputs(pattern, c.signs, out)
		return
	}
	values := c.values[0][:len(c.first.neurons)]
	c.first.outputs(pattern, c.signs, values)
	for i, l := range c.later {
		next := c.values[(i+1)%2][:len(l.neurons)]
		if i == len(c.later)-1 {
			next = out
		}
		l.outputs(values, next)
		values = next
	}
}

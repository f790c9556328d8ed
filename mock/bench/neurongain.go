package bench

import (
	"errors"
	"fmt"
	"math"
)

// ScaleDifference makes the gain of the difference stages of all neurons so many
// times what it is: what a change of the resistors in their feedback does, such
// as a memristor there that warms up with the chip. A back door: no command of
// the board does it. It must be called under Do.
func (b *Bench) ScaleDifference(by float64) error {
	if b.neurons == nil {
		return errors.New("there is no neuron board on the bench")
	}
	if !(by > 0) || math.IsInf(by, 1) {
		return fmt.Errorf("a gain cannot be made %g times what it is: give a number above 0", by)
	}
	for j := range b.neurons.list {
		b.neurons.list[j].gain *= by
	}
	return nil
}

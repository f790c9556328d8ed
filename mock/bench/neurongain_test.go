package bench

import (
	"math"
	"testing"
)

func TestScaleDifference(t *testing.T) {
	b := &Bench{}
	if err := b.ScaleDifference(1); err == nil {
		t.Error("a bench without neurons has gains")
	}
	b.neurons = &neurons{list: []neuron{{gain: 50}, {gain: 49}}}
	for _, by := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if err := b.ScaleDifference(by); err == nil || b.neurons.list[0].gain != 50 {
			t.Errorf("a factor of %g is taken: %v", by, err)
		}
	}
	if err := b.ScaleDifference(0.5); err != nil || b.neurons.list[0].gain != 25 || b.neurons.list[1].gain != 24.5 {
		t.Errorf("half of the gain is %+v, %v", b.neurons.list, err)
	}
}

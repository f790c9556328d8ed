package tuning

import (
	"math"
	"math/rand/v2"
	"testing"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/population"
)

// The law is learnt of devices that are not the prior's; then the changes made
// are those asked for, in the middle and within the spread from pulse to pulse.
func TestLearnedAmplitudesMakeTheChange(t *testing.T) {
	s := newStub(10, 10, 3)
	s.half = false
	pulses := DefaultSpec(nil).Pulses
	l := NewLearned(10, 10, nil, pulses, 0.002)
	r := rand.New(rand.NewPCG(5, 6))
	miss := func() (size float64) {
		var ratios []float64
		for k := range s.g {
			s.g[k] = 20e-6 + 20e-6*r.Float64()
			cell := array.Cell{Row: k / 10, Col: k % 10}
			change := (1e-6 + 3e-6*r.Float64()) * float64(1-2*r.IntN(2))
			before := s.g[k]
			v, ok := l.Amplitude(cell, instrument.Siemens(before), instrument.Siemens(change), 0)
			if !ok {
				continue
			}
			if float64(v)*change <= 0 || v > pulses.SetMax || v < pulses.ResetMax || v > 0 && v < pulses.SetMin || v < 0 &&
				v > pulses.ResetMin {
				t.Fatalf("a change of %g S gets %v", change, v)
			}
			s.hit(k, float64(v))
			l.Learn(cell, Shot{Voltage: v, Before: instrument.Siemens(before), After: instrument.Siemens(s.g[k])})
			ratios = append(ratios, math.Abs(math.Log((s.g[k]-before)/change)))
		}
		if len(ratios) < 90 {
			t.Fatalf("only %d of 100 changes are possible", len(ratios))
		}
		return float64(population.Quantile(ratios, 0.5))
	}
	first := miss()
	for range 8 {
		miss()
	}
	last := miss()
	t.Logf("median miss, as a factor: %.2f at first, %.2f later", math.Exp(first), math.Exp(last))
	// The median of a normal spread's magnitude is two thirds of it.
	if limit := 0.9 * s.cycle; last > limit || first < 1.3*last {
		t.Errorf("median of |ln| %.2f at first, %.2f later: want %.2f or less, and learning", first, last, limit)
	}
}

func TestLearnedAmplitudeRefuses(t *testing.T) {
	l := NewLearned(2, 2, nil, DefaultSpec(nil).Pulses, 0.002)
	for _, c := range []struct{ g, change instrument.Siemens }{
		{30e-6, 0}, {30e-6, 500e-6}, {30e-6, 1e-12}, {0, 1e-6}, {30e-6, instrument.Siemens(math.NaN())}, {-1e-6, 1e-6},
	} {
		if v, ok := l.Amplitude(array.Cell{}, c.g, c.change, 0); ok {
			t.Errorf("a change of %v from %v gets %v", c.change, c.g, v)
		}
	}
	straight, ok1 := l.Amplitude(array.Cell{}, 30e-6, 3e-6, 0)
	sagging, ok2 := l.Amplitude(array.Cell{}, 30e-6, 3e-6, 0.05)
	if !ok1 || !ok2 || !(sagging > straight) {
		t.Errorf("%v without, %v with a loss of 5 %% in the lines", straight, sagging)
	}
	l.Learn(array.Cell{}, Shot{Voltage: 1, Before: -1e-6, After: 1e-6})
	if len(l.response.all) != 0 {
		t.Error("what is no conductance is learnt from")
	}
}

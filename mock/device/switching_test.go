package device

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// TestSwitchingAgainstTheFormula compares the fast form with the published formula written out with tanh, at the
// middles of the ranges, where no interpolation is involved.
func TestSwitchingAgainstTheFormula(t *testing.T) {
	tech := Default()
	c := tech.MetalOxide
	c.Reset.StateExponent, c.Reset.Gain, c.Reset.Shift = 1, 1, 0 // the published constants, uncalibrated
	a, err := NewArray(tech, 4, 4, 1)
	if err != nil {
		t.Fatal(err)
	}
	for n := range c.Set.Ranges {
		set, reset := c.Set.Ranges[n], c.Reset.Ranges[n]
		m := allFormed(a, math.Sqrt(set.Low*set.High))
		for _, seconds := range []float64{1e-7, 500e-6, 0.1} {
			for _, volts := range []float64{0.8, 1.15, -0.8, -1.5} {
				const k = 5
				shape := m.shape(seconds, 1)
				got := m.change(k, volts, &shape)
				var want float64
				if l := math.Log(seconds); volts > 0 {
					want = c.Set.C0 * (1 - math.Tanh(c.Set.C1*(l-set.C2))) *
						(math.Tanh(set.C3*(volts-m.setShift[k])-set.C4) + 1)
				} else {
					want = c.Reset.C0 * (-1 - math.Tanh(reset.C1*(l-reset.C2))) *
						(math.Tanh(c.Reset.C3*(volts-m.resetShift[k])-reset.C4) - 1)
				}
				// tanh near +-1 loses digits that the fast form keeps.
				if math.Abs(got-want) > 1e-6*math.Abs(want)+1e-19 {
					t.Errorf("range %d, %v V, %v s: change %v, formula %v", n, volts, seconds, got, want)
				}
			}
		}
	}
}

// TestNothingRunsAway: whatever is applied, short of over-stress, states stay in their bounds; positive voltage never
// lowers and
// negative voltage never raises one.
func TestNothingRunsAway(t *testing.T) {
	tech := Default()
	rapid.Check(t, func(t *rapid.T) {
		a, err := NewArray(tech, 5, 5, rapid.Uint64().Draw(t, "seed"))
		if err != nil {
			t.Fatal(err)
		}
		m := allFormed(a, rapid.Float64Range(1e-6, 330e-6).Draw(t, "g0"))
		v, i := make([]float64, 25), make([]float64, 25)
		for range rapid.IntRange(1, 40).Draw(t, "pulses") {
			volts := rapid.Float64Range(-2.2, 2.2).Draw(t, "volts")
			before := make([]float64, 25)
			for k := range v {
				v[k], before[k] = volts, m.state(k)
			}
			a.Stress(v, i, math.Exp(rapid.Float64Range(math.Log(1e-7), math.Log(10)).Draw(t, "ln seconds")), 0)
			for k, was := range before {
				now := m.state(k)
				if now < 1e-6*(1-1e-3) || now > 330e-6*(1+1e-3) {
					t.Fatalf("device %d went to %v S", k, now)
				}
				// Drift may move a state against the pulse, by far less than 1 %.
				if volts > 0 && now < was*0.99 || volts < 0 && now > was*1.01 {
					t.Fatalf("%v V moved device %d from %v to %v S", volts, k, was, now)
				}
			}
		}
	})
}

// TestCycleSpread: the same pulse on the same state varies by 0.3 in ln, and not otherwise.
func TestCycleSpread(t *testing.T) {
	a, err := NewArray(Default(), 3, 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	v, i := make([]float64, 9), make([]float64, 9)
	v[4] = 1.0
	var ln []float64
	for range 4000 {
		m := allFormed(a, 50e-6)
		a.Stress(v, i, 500e-6, 0)
		ln = append(ln, math.Log(m.state(4)-50e-6))
	}
	_, sigma := meanAndSigma(ln)
	within(t, "spread of ln dG from cycle to cycle", sigma, 0.3, 0.015)
}

// TestSplittingAPulse documents that an interval is one pulse: two halves are not the whole.
func TestSplittingAPulse(t *testing.T) {
	final := func(parts int) float64 {
		tech := Default()
		tech.MetalOxide.Spread.CycleSigmaLn = 0
		a, err := NewArray(tech, 3, 3, 1)
		if err != nil {
			t.Fatal(err)
		}
		m := allFormed(a, 50e-6)
		v, i := make([]float64, 9), make([]float64, 9)
		v[4] = -1.3
		for range parts {
			a.Stress(v, i, 1e-3/float64(parts), 0)
		}
		return 50e-6 - m.state(4)
	}
	one, four := final(1), final(4)
	if !(four > 1.2*one) {
		t.Errorf("a 1 ms RESET pulse lowers by %.3g S, four of 0.25 ms by %.3g S: the published law adds up to more", one,
			four)
	}
}

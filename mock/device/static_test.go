package device

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func coefficientsAt(g0, celsius, xi float64) (a, b float64) {
	c := &Default().MetalOxide.Static
	return c.coefficients(g0, celsius, c.a3AtTemperature(celsius), xi)
}

// TestStaticFigures checks the figures calculated from the published polynomial at 25 degrees Celsius.
func TestStaticFigures(t *testing.T) {
	a, _ := coefficientsAt(50e-6, 25, 0)
	within(t, "A1 of 50 uS", a, 49.2e-6, 0.05e-6)
	for _, c := range []struct{ g0, ratio float64 }{
		{5e-6, 3.07}, {10e-6, 2.72}, {20e-6, 2.53}, {50e-6, 2.44}, {100e-6, 2.47}, {200e-6, 2.58},
	} {
		a, b := coefficientsAt(c.g0, 25, 0)
		i4, _ := cubic(0.4, a, b, 0.4)
		i2, _ := cubic(0.2, a, b, 0.4)
		within(t, "I(0.4)/I(0.2)", i4/i2, c.ratio, 0.006)
	}
	for _, c := range []struct{ g0, rise float64 }{{10e-6, 0.65}, {20e-6, 0.33}, {50e-6, 0.14}, {100e-6, 0.07},
		{200e-6, 0.034}} {
		at := func(celsius float64) float64 {
			a, b := coefficientsAt(c.g0, celsius, 0)
			i, _ := cubic(0.1, a, b, 0.4)
			return i / 0.1
		}
		within(t, "rise of conductance from 25 to 85 degrees", at(85)/at(25)-1, c.rise, 0.01)
	}
}

// TestStaticSpread checks the spread of the conductance at 0.1 V over a large population of one state.
func TestStaticSpread(t *testing.T) {
	a, err := NewArray(Default(), 100, 100, 3)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ g0, sigma float64 }{{5e-6, 0.15}, {10e-6, 0.20}, {20e-6, 0.21}, {50e-6, 0.18},
		{100e-6, 0.12}} {
		m := allFormed(a, c.g0)
		x := make([]float64, a.Len())
		for k := range x {
			x[k] = m.conductance(k, 0.1)
		}
		mean, sigma := meanAndSigma(x)
		within(t, "relative spread at 0.1 V", sigma/mean, c.sigma, 0.012)
	}
}

// TestTemperatureOfAnArray: conductance rises with temperature, less in higher states; and it comes back.
func TestTemperatureOfAnArray(t *testing.T) {
	rise := func(g0 float64) float64 {
		a, err := NewArray(Default(), 20, 20, 1)
		if err != nil {
			t.Fatal(err)
		}
		allFormed(a, g0)
		cold := a.Truth().Conductance
		if err := a.SetTemperature(85); err != nil {
			t.Fatal(err)
		}
		hot := a.Truth().Conductance
		if err := a.SetTemperature(25); err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for k, g := range a.Truth().Conductance {
			if g != cold[k] {
				t.Fatalf("device %d reads %v S after the temperature went up and back, %v before", k, g, cold[k])
			}
			sum += hot[k]/cold[k] - 1
		}
		return sum / float64(len(hot))
	}
	if low, high := rise(15e-6), rise(90e-6); !(low > 0.3 && high > 0.04 && high < 0.15) {
		t.Errorf("85 degrees raise 15 uS by %.3f and 90 uS by %.3f on average", low, high)
	}
	a, err := NewArray(Default(), 2, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, celsius := range []float64{-40, 0, 300, math.NaN()} {
		if err := a.SetTemperature(celsius); err == nil || a.Temperature() != 25 {
			t.Errorf("temperature %v: error %v, the array is at %v", celsius, err, a.Temperature())
		}
	}
}

// TestCurrentsAreMonotonic: for any draw, state, condition, temperature and noise sample the curve passes through zero,
// rises strictly, is continuous, and the slope is its derivative.
func TestCurrentsAreMonotonic(t *testing.T) {
	tech := Default()
	rapid.Check(t, func(t *rapid.T) {
		a, err := NewArray(tech, 3, 4, rapid.Uint64().Draw(t, "seed"))
		if err != nil {
			t.Fatal(err)
		}
		m := a.model.(*metalOxide)
		for k := range m.g0 {
			m.conditions[k] = rapid.SampledFrom([]Condition{Pristine, Formed, Stuck, Shorted, Open}).Draw(t, "condition")
			if c := m.conditions[k]; c == Formed || c == Stuck {
				m.g0[k] = rapid.Float64Range(1e-6, 330e-6).Draw(t, "g0")
			}
			m.xi[k] = rapid.Float64Range(-3, 3).Draw(t, "xi")
		}
		if err := a.SetTemperature(rapid.Float64Range(5, 125).Draw(t, "celsius")); err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "noise") {
			a.SampleNoise(rapid.Float64Range(1e-6, 10).Draw(t, "seconds"))
		}
		v0 := rapid.Float64Range(-8, 8).Draw(t, "volts")
		dv := rapid.SampledFrom([]float64{1e-6, 1e-4, 1e-2, 1}).Draw(t, "step")
		at := func(volts float64) (i, g []float64) {
			v := make([]float64, a.Len())
			i, g = make([]float64, len(v)), make([]float64, len(v))
			for k := range v {
				v[k] = volts
			}
			a.Currents(v, i, g)
			return i, g
		}
		i0, g0 := at(v0)
		i1, g1 := at(v0 + dv)
		zero, _ := at(0)
		for k := range i0 {
			if !(i1[k] > i0[k]) || !(g0[k] > 0) || zero[k] != 0 {
				t.Fatalf("device %d (%v): I(%v) = %v, I(%v) = %v, slope %v, I(0) = %v",
					k, m.conditions[k], v0, i0[k], v0+dv, i1[k], g0[k], zero[k])
			}
			if v0 > 0 != (i0[k] > 0) && v0 != 0 {
				t.Fatalf("device %d: current %v at %v volts has the wrong sign", k, i0[k], v0)
			}
			// Over a small step the mean of the slopes at its ends is the secant, except within rounding.
			secant := (i1[k] - i0[k]) / (v0 + dv - v0)
			if dv <= 1e-4 && math.Abs(secant/((g0[k]+g1[k])/2)-1) > 1e-3 {
				t.Fatalf("device %d (%v) at %v V: slope %v, secant %v", k, m.conditions[k], v0, g0[k], secant)
			}
		}
	})
}

// TestReadConductanceRisesWithState: whatever the draw, a higher state reads higher, so tuning has a direction.
func TestReadConductanceRisesWithState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		xi := rapid.Float64Range(-3, 3).Draw(t, "xi")
		celsius := rapid.Float64Range(20, 85).Draw(t, "celsius")
		low := rapid.Float64Range(2e-6, 320e-6).Draw(t, "g0")
		high := low * rapid.Float64Range(1.001, 1.03).Draw(t, "ratio")
		read := func(g0 float64) float64 {
			a, b := coefficientsAt(g0, celsius, xi)
			i, _ := cubic(0.2, a, b, 0.4)
			return i / 0.2
		}
		if read(high) <= read(low) {
			t.Fatalf("xi %v: state %v reads %v, state %v reads %v", xi, low, read(low), high, read(high))
		}
	})
}

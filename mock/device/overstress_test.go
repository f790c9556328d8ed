package device

import (
	"math"
	"testing"
)

// TestOverstressDestroys: what certainly kills, what certainly does not, and that it is for good.
func TestOverstressDestroys(t *testing.T) {
	for _, c := range []struct {
		name           string
		formed         bool
		volts, amperes float64
		seconds        float64
		destroyed      bool
	}{
		{"formed, +5 V", true, 5, 0, 1e-6, true},
		{"formed, -5 V", true, -5, 0, 1e-6, true},
		{"formed, largest SET pulse", true, 1.5, 0.4e-3, 500e-6, false},
		{"formed, largest RESET pulse", true, -1.8, -0.45e-3, 500e-6, false},
		{"formed, long RESET", true, -2.0, -0.45e-3, 1, false},
		{"formed, 3 mA", true, 1, 3e-3, 1e-6, true},
		{"formed, 1 mA for a pulse", true, 1.2, 1e-3, 500e-6, false},
		{"formed, 1 mA for 3 seconds", true, 1.2, 1e-3, 3, true},
		{"formed, read for a day", true, 0.2, 20e-6, 86400, false},
		{"pristine, +6 V", false, 6, 1e-6, 1e-6, true},
		{"pristine, -4 V", false, -4, -1e-6, 1e-6, true},
		{"pristine, -2 V", false, -2, -1e-6, 1, false},
		{"pristine, +1.2 V", false, 1.2, 1e-8, 1e-3, false},
	} {
		destroyed := 0
		for seed := uint64(1); seed <= 5; seed++ {
			a, err := NewArray(Default(), 8, 8, seed)
			if err != nil {
				t.Fatal(err)
			}
			m := a.model.(*metalOxide)
			v, i := make([]float64, 64), make([]float64, 64)
			for k := range v {
				m.conditions[k], m.g0[k] = Formed, 50e-6
				if !c.formed {
					m.conditions[k], m.g0[k] = Pristine, 1e-8
				}
				v[k], i[k] = c.volts, c.amperes
			}
			m.derive()
			a.Stress(v, i, c.seconds, 0)
			destroyed += len(a.Truth().Destroyed)
		}
		if want := map[bool]int{true: 5 * 64}[c.destroyed]; destroyed != want {
			t.Errorf("%s: %d of %d destroyed, want %d", c.name, destroyed, 5*64, want)
		}
	}
}

// TestDestroyedForGood: shorts and opens in their proportion, ohmic, and nothing brings a device back.
func TestDestroyedForGood(t *testing.T) {
	a, err := NewArray(Default(), 30, 30, 1)
	if err != nil {
		t.Fatal(err)
	}
	n := a.Len()
	v, i := make([]float64, n), make([]float64, n)
	for k := range v {
		v[k] = 6
	}
	a.Stress(v, i, 1e-3, 0)
	shorted := 0
	before := a.Truth().Conductance
	for k, g := range before {
		switch a.Condition(k) {
		case Shorted:
			shorted++
			if g < 4e-3 || g > 11e-3 {
				t.Errorf("device %d is shorted with %v S", k, g)
			}
		case Open:
			if g > 1e-10 {
				t.Errorf("device %d is open with %v S", k, g)
			}
		default:
			t.Fatalf("device %d is %v after 6 V", k, a.Condition(k))
		}
		if r := a.Conductance(k, 1.5) / g; math.Abs(r-1) > 1e-12 {
			t.Errorf("destroyed device %d is not ohmic: %v", k, r)
		}
	}
	within(t, "share of shorts", float64(shorted)/float64(n), 0.8, 0.04)
	for _, volts := range []float64{2, -2, 10} {
		for k := range v {
			v[k], i[k] = volts, volts*1e-2
		}
		a.Stress(v, i, 1, 1e-6)
	}
	a.Idle(1e6)
	for k, g := range a.Truth().Conductance {
		if g != before[k] {
			t.Fatalf("destroyed device %d went from %v to %v S", k, before[k], g)
		}
	}
}

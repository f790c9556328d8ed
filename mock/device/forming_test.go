package device

import (
	"math"
	"slices"
	"testing"
)

// TestFormingPopulation: statistics of the defects over chips 1 to 20.
func TestFormingPopulation(t *testing.T) {
	unformable, preformed := 0, 0
	var lnR []float64
	for seed := uint64(1); seed <= 20; seed++ {
		a, err := NewArray(Default(), 20, 20, seed)
		if err != nil {
			t.Fatal(err)
		}
		truth := a.Truth()
		if n := len(truth.Unformable); n > 10 || n < 4 {
			t.Errorf("chip %d has %d unformable devices", seed, n)
		}
		unformable += len(truth.Unformable)
		preformed += len(truth.Preformed)
		if len(truth.Formed) != len(truth.Preformed) || len(truth.Pristine)+len(truth.Formed) != 400 {
			t.Errorf("chip %d: %d pristine, %d formed, %d pre-formed before anything was done",
				seed, len(truth.Pristine), len(truth.Formed), len(truth.Preformed))
		}
		for k, g := range truth.Conductance {
			switch a.Origin(k) {
			case Normal:
				lnR = append(lnR, math.Log(1/g))
				if g > 1e-7 {
					t.Errorf("chip %d: pristine device %d has %.3g S", seed, k, g)
				}
			case Unformable:
				if g > 1/2.9e6 {
					t.Errorf("chip %d: unformable device %d has %.3g S before forming, it would pass for formed", seed, k, g)
				}
			case Preformed:
				if g < 2e-6 {
					t.Errorf("chip %d: pre-formed device %d has only %.3g S", seed, k, g)
				}
			}
		}
	}
	share := float64(unformable) / 8000
	t.Logf("chips 1 to 20: %.2f %% unformable, %.2f %% pre-formed", 100*share, float64(preformed)/80)
	if share < 0.01 || share > 0.025 {
		t.Errorf("%.2f %% unformable on average", 100*share)
	}
	within(t, "share of pre-formed devices", float64(preformed)/8000, 0.03, 0.008)
	mean, sigma := meanAndSigma(lnR)
	within(t, "median pristine resistance (ohm)", math.Exp(mean), 1e8, 5e6)
	within(t, "spread of ln pristine resistance", sigma, 0.8*0.95, 0.04)
}

// TestHonestFormingFindsTheTruth runs a forming procedure that knows only what a meter shows: read at 0.1 V, ramp,
// compare the current at 0.1 V, reset, check that the resistance went up. What it calls defective is the ground truth.
func TestHonestFormingFindsTheTruth(t *testing.T) {
	const rth, ratio = 1e6, 10.0
	wrong := 0
	for seed := uint64(1); seed <= 20; seed++ {
		p := newProbe(t, Default(), 20, 20, seed)
		n := p.a.Len()
		pristine := p.read(0.1)
		formed := make([]bool, n)
		for k, g := range pristine {
			formed[k] = g > 1/rth
		}
		preformed := slices.Clone(formed)
		for volts := 1.0; volts <= 2.6; volts += 0.05 {
			p.pulse(500e-6, func(k int) float64 {
				if formed[k] {
					return 0
				}
				return volts
			})
			for k, g := range p.read(0.1) {
				formed[k] = formed[k] || g > ratio*pristine[k]
			}
		}
		before := p.read(0.1)
		for range 8 {
			p.pulse(10e-3, func(int) float64 { return -1.8 })
		}
		after := p.read(0.1)
		truth := p.a.Truth()
		var defective []Cell
		for k := range formed {
			if !formed[k] || after[k] > 0.8*before[k] {
				defective = append(defective, Cell{k / 20, k % 20})
			}
			if preformed[k] != (p.a.Origin(k) == Preformed) {
				t.Errorf("chip %d, device %d: pre-formed by the 0.1 V rule %v, in truth %v", seed, k, preformed[k], p.a.Origin(k))
			}
		}
		if !slices.Equal(defective, truth.Unformable) {
			t.Logf("chip %d: found %v, truth %v", seed, defective, truth.Unformable)
			wrong++
		}
		if len(truth.Destroyed) > 0 {
			t.Errorf("chip %d: %v destroyed by a regular procedure", seed, truth.Destroyed)
		}
		if len(truth.Stuck) != len(truth.Unformable) {
			t.Errorf("chip %d: %d stuck of %d unformable after forming", seed, len(truth.Stuck), len(truth.Unformable))
		}
		for _, c := range truth.Stuck {
			if g := truth.Conductance[c[0]*20+c[1]]; g < 2e-6 || g > 150e-6 {
				t.Errorf("chip %d: stuck at %.3g S, not comparable to the working range", seed, g)
			}
		}
	}
	if wrong > 1 {
		t.Errorf("the defect map was wrong on %d of 20 chips", wrong)
	}
}

// TestStuckDevicesDoNotMove: no pulse changes a stuck device.
func TestStuckDevicesDoNotMove(t *testing.T) {
	p := newProbe(t, Default(), 20, 20, 4)
	p.formAll()
	stuck := p.a.Truth().Stuck
	if len(stuck) == 0 {
		t.Fatal("chip 4 has no stuck device")
	}
	before := p.a.Truth().Conductance
	for _, volts := range []float64{1.5, -1.8, 1.5} {
		p.pulse(10e-3, func(k int) float64 {
			if p.a.Condition(k) == Stuck {
				return volts
			}
			return 0
		})
	}
	after := p.a.Truth().Conductance
	for _, c := range stuck {
		if k := c[0]*20 + c[1]; before[k] != after[k] {
			t.Errorf("stuck device %v moved from %v to %v S", c, before[k], after[k])
		}
	}
}

// pristineNormal returns a pristine device of the array that can be formed.
func pristineNormal(t *testing.T, a *Array) int {
	t.Helper()
	for k := range a.Len() {
		if a.Condition(k) == Pristine && a.Origin(k) == Normal && !edgeOf(k, a.Rows(), a.Cols()) {
			return k
		}
	}
	t.Fatal("no pristine device")
	return -1
}

// hold applies constant bias to one device until it forms; it returns the time it took, or the limit.
func hold(t *testing.T, seed uint64, volts, amperes, limit,
	capacitance float64) (a *Array, k int, after float64, formed bool) {
	t.Helper()
	a, err := NewArray(Default(), 5, 5, seed)
	if err != nil {
		t.Fatal(err)
	}
	k = pristineNormal(t, a)
	v, i := make([]float64, 25), make([]float64, 25)
	v[k], i[k] = volts, amperes
	got, used := a.Stress(v, i, limit, capacitance)
	return a, k, used, got == k
}

// TestFormingTakesTimeAndCurrent: a lower voltage takes longer (a decade per 80 mV), too little current or the wrong
// sign
// never forms, and an interval cut by forming reports the time that passed.
func TestFormingTakesTimeAndCurrent(t *testing.T) {
	_, _, long, formed := hold(t, 1, 1.5, 1e-6, 1e4, 0)
	if !formed || long >= 1e4 {
		t.Fatalf("1.5 V formed %v after %v s", formed, long)
	}
	_, _, short, formed := hold(t, 1, 1.66, 1e-6, 1e4, 0)
	if !formed {
		t.Fatal("1.66 V did not form")
	}
	within(t, "ratio of forming times 160 mV apart", long/short, 100, 0.5)
	if _, _, _, formed := hold(t, 1, 2.0, 1e-9, 10, 0); formed {
		t.Error("formed with 1 nA")
	}
	if a, k, _, formed := hold(t, 1, -2.0, -1e-6, 10, 0); formed || a.Condition(k) != Pristine {
		t.Error("formed by a negative voltage")
	}
	if _, _, used, formed := hold(t, 1, 1.0, 1e-6, 1e-3, 0); formed || used != 1e-3 {
		t.Errorf("1.0 V for a millisecond: formed %v after %v s", formed, used)
	}
}

// TestFormingAddsUp: forming in many short intervals takes as long as in one.
func TestFormingAddsUp(t *testing.T) {
	_, _, whole, _ := hold(t, 2, 1.5, 1e-6, 1e4, 0)
	a, err := NewArray(Default(), 5, 5, 2)
	if err != nil {
		t.Fatal(err)
	}
	k := pristineNormal(t, a)
	v, i := make([]float64, 25), make([]float64, 25)
	v[k], i[k] = 1.5, 1e-6
	total := 0.0
	for range 200 {
		formed, used := a.Stress(v, i, whole/100, 0)
		total += used
		if formed == k {
			break
		}
	}
	within(t, "forming time in pieces (s)", total, whole, whole*1e-6)
}

// TestOneDeviceFormsAtATime: with every device overdriven, they form one by one, the most overdriven first, and the
// time used adds up.
func TestOneDeviceFormsAtATime(t *testing.T) {
	a, err := NewArray(Default(), 6, 6, 3)
	if err != nil {
		t.Fatal(err)
	}
	v, i := make([]float64, 36), make([]float64, 36)
	for k := range v {
		if a.Condition(k) == Pristine {
			v[k], i[k] = 2.0, 1e-6
		}
	}
	m := a.model.(*metalOxide)
	count, left, pristine := 0, 1.0, len(a.Truth().Pristine)
	for left > 0 {
		want, lowest := -1, math.Inf(1)
		for _, k := range m.pristine {
			if v[k] > 0 && m.formingVoltage[k] < lowest {
				want, lowest = k, m.formingVoltage[k]
			}
		}
		formed, used := a.Stress(v, i, left, 0)
		left -= used
		if formed < 0 {
			break
		}
		if formed != want {
			t.Fatalf("device %d formed, %d has the lowest forming voltage", formed, want)
		}
		v[formed], i[formed] = 0, 0
		count++
	}
	if count != pristine {
		t.Errorf("%d of %d devices formed in a second at 2 V", count, pristine)
	}
}

// TestFormedConductance: more charge behind the device forms it higher, beyond the working range, and the
// ledger has the discharge.
func TestFormedConductance(t *testing.T) {
	last := 0.0
	for _, capacitance := range []float64{0, 200e-12, 1e-9} {
		a, k, _, formed := hold(t, 1, 1.8, 1e-6, 1, capacitance)
		if !formed {
			t.Fatal("did not form")
		}
		g := a.Conductance(k, 0.1)
		if g <= last || g > 400e-6 {
			t.Errorf("%v F: formed to %.3g S after %.3g", capacitance, g, last)
		}
		last = g
		within(t, "discharge in the ledger (C)", a.LedgerOf(k).DischargeCharge, capacitance*1.8, 1e-15)
	}
	if last < 120e-6 {
		t.Errorf("a nanofarad forms to %.3g S, which does not overshoot the working range", last)
	}
	if a, k, _, _ := hold(t, 1, 1.8, 1e-6, 1, 100e-9); !a.Condition(k).Destroyed() {
		t.Errorf("100 nF at 1.8 V left the device %v", a.Condition(k))
	}
}

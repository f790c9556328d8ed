package tuning

import (
	"testing"

	"pgregory.net/rapid"

	"xlab/instrument"
	"xlab/instrument/array"
)

func TestRamps(t *testing.T) {
	spec := testSpec(2, 2)
	shots := func(volts ...instrument.Volts) (list []Shot) {
		for _, v := range volts {
			list = append(list, Shot{Voltage: v, Before: 1e-5, After: 1e-5})
		}
		return list
	}
	for _, c := range []struct {
		name           string
		policy         string
		shots          []Shot
		visit          int
		now, target, v float64
	}{
		{"begins with the weakest", PolicyRamp, nil, 0, 10e-6, 50e-6, 0.8},
		{"downwards too", PolicyRamp, nil, 0, 50e-6, 10e-6, -0.8},
		{"a step more", PolicyRamp, shots(0.8, 0.81), 0, 10e-6, 50e-6, 0.82},
		{"a step more downwards", PolicyRamp, shots(-1.2), 0, 50e-6, 10e-6, -1.21},
		{"up to the strongest", PolicyRamp, shots(1.495), 0, 10e-6, 50e-6, 1.5},
		{"and stays there", PolicyRamp, shots(-1.8), 0, 50e-6, 10e-6, -1.8},
		{"begins anew after an overshoot", PolicyRamp, shots(1.2), 0, 60e-6, 50e-6, -0.8},
		{"begins anew with a visit", PolicyRamp, shots(1.2), 1, 10e-6, 50e-6, 0.8},
		{"fast far away", PolicyTwoSpeed, shots(1.0), 0, 10e-6, 50e-6, 1.06},
		{"slow within near", PolicyTwoSpeed, shots(1.0), 0, 40e-6, 50e-6, 1.024},
	} {
		spec.Policy = c.policy
		p, err := NewPolicy(spec)
		if err != nil {
			t.Fatal(err)
		}
		v := p.Next(View{Shots: c.shots, Visit: c.visit, Now: instrument.Siemens(c.now),
			Target: instrument.Siemens(c.target)})
		if d := float64(v) - c.v; d > 1e-12 || d < -1e-12 {
			t.Errorf("%s: %v, want %v V", c.name, v, c.v)
		}
		if p.Coarse() != 0 {
			t.Errorf("%s has a coarse pass of %v", c.policy, p.Coarse())
		}
	}
	spec.Policy = "guess"
	if _, err := NewPolicy(spec); err == nil {
		t.Error("an unknown policy was made")
	}
}

// Whatever a policy has seen, its pulse is within the bounds and has the sign
// that the target asks for.
func TestPulsesAreWithinTheirBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := testSpec(2, 2)
		spec.Policy = rapid.SampledFrom(Policies()).Draw(t, "policy")
		p, err := NewPolicy(spec)
		if err != nil {
			t.Fatal(err)
		}
		conductance := rapid.Float64Range(0, 300e-6)
		var shots []Shot
		for range 12 {
			v := View{Cell: array.Cell{Row: 1}, Shots: shots, Now: instrument.Siemens(conductance.Draw(t, "now")),
				Target: instrument.Siemens(rapid.Float64Range(5e-6, 200e-6).Draw(t, "target")), Band: 0.03,
				Sag: func(bool) float64 { return 0.1 }, Harm: func(instrument.Volts) float64 { return 0.01 }}
			pulse := p.Next(v)
			weakest, strongest := spec.span(v.up())
			if m := float64(max(pulse, -pulse)); (pulse > 0) != v.up() || m < weakest-1e-9 || m > strongest+1e-9 {
				t.Fatalf("%s gives %v from %v to %v", spec.Policy, pulse, v.Now, v.Target)
			}
			s := Shot{Voltage: pulse, Before: v.Now, After: instrument.Siemens(conductance.Draw(t, "after")), Sag: 0.1}
			shots = append(shots, s)
			p.Learn(v.Cell, s)
		}
	})
}

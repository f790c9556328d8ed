package array_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"xlab/instrument"
	"xlab/instrument/array"
)

// signed are limits with a different bound in each direction.
var signed = instrument.Limits{MinVoltage: -1, MaxVoltage: 3, MaxSpan: 3, MaxCurrent: 1e-3, MaxWidth: 10e-3,
	Origin: "bench.yaml:7: limits"}

func TestLimitsAreSignedAtTheDevice(t *testing.T) {
	const ok = ""
	pulse := func(v instrument.Volts, s array.Scheme) array.Pulse { return aPulse(v, s) }
	sweep := func(start, stop float64, s array.Scheme) array.Sweep {
		w := aVoltageSweep(s)
		w.Start, w.Stop, w.Return = start, stop, 1e-3
		return w
	}
	current := func(start, stop, compliance float64) array.Sweep {
		w := aCurrentSweep(array.Floating)
		w.Start, w.Stop, w.Compliance, w.Return = start, stop, compliance, 1e-3
		return w
	}
	for _, c := range []struct {
		name string
		step array.Step
		says string
	}{
		{"set at the limit", pulse(3, array.HalfVoltage), ok},
		{"set beyond", pulse(3.001, array.HalfVoltage), "3.001 V is beyond the limit of 3 V"},
		{"reset at the limit", pulse(-1, array.HalfVoltage), ok},
		// The sources force only half of it; the device sees it all.
		{"reset beyond", pulse(-1.001, array.HalfVoltage), "-1.001 V is beyond the limit of -1 V"},
		{"V/3 at the limit of the others", pulse(3, array.ThirdVoltage), ok},
		{"V/3 at both limits", pulse(-1, array.ThirdVoltage), ok},
		{"sweep within", sweep(-1, 3, array.HalfVoltage), ok},
		{"sweep down, back end beyond", sweep(2, -1.5, array.HalfVoltage), "-1.5 V"},
		{"sweep up, front end beyond", sweep(-1.5, 2, array.HalfVoltage), "-1.5 V"},
		{"sweep, larger end beyond", sweep(0, 3.5, array.HalfVoltage), "3.5 V"},
		{"current sweep within", current(1e-6, 1e-3, 3), ok},
		{"current sweep, compliance beyond", current(1e-6, 1e-3, 3.5), "3.5 V"},
		{"negative current sweep within", current(-1e-6, -1e-4, 1), ok},
		{"negative current sweep, compliance beyond", current(-1e-6, -1e-4, 1.5), "-1.5 V"},
		// The smaller current has the same compliance as the larger one.
		{"current sweep through zero", current(-1e-6, 1e-4, 2), "-2 V"},
		{"current sweep down through zero", current(1e-4, -1e-6, 2), "-2 V"},
		{"current beyond", current(1e-6, 1.1e-3, 1), "1.1 mA"},
		{"current beyond at the start", current(1.1e-3, 1e-6, 1), "1.1 mA"},
		{"no voltage compliance", current(1e-6, 1e-4, 0), "voltage compliance"},
		{"negative voltage compliance", current(1e-6, 1e-4, -1), "voltage compliance"},
		{"pulse too long", array.Pulse{Voltage: 1, Width: 11e-3, Scheme: array.HalfVoltage, Compliance: 1e-3}, "11 ms"},
		{"no compliance", array.Pulse{Voltage: 1, Width: 1e-3, Scheme: array.HalfVoltage}, "every drive needs one"},
		{"compliance beyond", array.Pulse{Voltage: 1, Width: 1e-3, Scheme: array.HalfVoltage, Compliance: 2e-3}, "2 mA"},
		{"read without compliance", array.Read{Voltage: 0.1, Aperture: 1e-3}, "every drive needs one"},
		{"sweep without compliance of the column", array.Sweep{Kind: instrument.SweepVoltage, Stop: 1, Steps: 2,
			Compliance: 1e-3, Scheme: array.HalfVoltage}, "every drive needs one"},
		{"sweep with too much compliance", array.Sweep{Kind: instrument.SweepVoltage, Stop: 1, Steps: 2, Compliance: 2e-3,
			Return: 1e-3, Scheme: array.HalfVoltage}, "2 mA"},
		{"not a number", pulse(instrument.Volts(math.NaN()), array.HalfVoltage), "NaN"},
		{"sweep from nowhere", sweep(math.NaN(), 1, array.HalfVoltage), "NaN"},
		{"sweep to nowhere", sweep(0, math.Inf(1), array.HalfVoltage), "Inf"},
		{"current not a number", current(math.NaN(), 1e-4, 1), "NaN"},
		{"infinite compliance of a current sweep", current(1e-6, 1e-4, math.Inf(1)), "Inf"},
	} {
		a, f := newArray(t, signed)
		// A good step in front must not get through either.
		_, err := a.Do(ctx, array.Cell{}, array.Read{Voltage: 0.1, Compliance: 1e-3, Aperture: 1e-3}, c.step)
		if c.says == ok {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		var limit *instrument.LimitError
		if instrument.KindOf(err) != instrument.KindLimit || !errors.As(err, &limit) ||
			!strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), signed.Origin) {
			t.Errorf("%s: got %v, want a limit error with %q and the origin", c.name, err, c.says)
		}
		if len(f.events) != 0 {
			t.Errorf("%s: the bench heard %v", c.name, f.events)
		}
	}
}

// Under V/3 most of the array sees a third of the voltage with the other sign.
func TestLimitsOfUnselectedDevices(t *testing.T) {
	limits := signed
	limits.MinVoltage = -0.5
	a, _ := newArray(t, limits)
	if _, err := a.Do(ctx, array.Cell{}, aPulse(1.5, array.ThirdVoltage)); err != nil {
		t.Error(err)
	}
	_, err := a.Do(ctx, array.Cell{}, aPulse(1.8, array.ThirdVoltage))
	if instrument.KindOf(err) != instrument.KindLimit || !strings.Contains(err.Error(), "unselected devices under v3") {
		t.Errorf("got %v", err)
	}
	if _, err := a.Do(ctx, array.Cell{}, aPulse(1.8, array.HalfVoltage)); err != nil {
		t.Error(err)
	}
	s := aVoltageSweep(array.ThirdVoltage)
	s.Return = 1e-3
	if _, err := a.Do(ctx, array.Cell{}, s); instrument.KindOf(err) != instrument.KindLimit {
		t.Errorf("got %v", err)
	}
}

// The zero value of the limits allows nothing at all.
func TestZeroLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := loadShippedOnce()
		f := &fakeBench{lines: w.Lines(), g: 1e-6}
		a, err := array.New(w, f, f, instrument.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Do(ctx, array.Cell{}, drawStep(t)); instrument.KindOf(err) != instrument.KindLimit ||
			len(f.events) != 0 {
			t.Fatalf("got %v, the bench heard %v", err, f.events)
		}
	})
}

func TestUsageErrors(t *testing.T) {
	read := aRead()
	var nilRead *array.Read
	noKind := aVoltageSweep(array.HalfVoltage)
	noKind.Kind = ""
	for _, c := range []struct {
		name string
		cell array.Cell
		step array.Step
		says string
	}{
		{"row outside", array.Cell{Row: 20}, read, "20 rows"},
		{"column outside", array.Cell{Col: 20}, read, "20 columns"},
		{"negative row", array.Cell{Row: -1}, read, "20 rows"},
		{"current sweep under V/2", array.Cell{}, aCurrentSweep(array.HalfVoltage), "floating or grounded"},
		{"current sweep under V/3", array.Cell{}, aCurrentSweep(array.ThirdVoltage), "floating or grounded"},
		{"pulse without a scheme", array.Cell{}, aPulse(1, ""), "bias scheme"},
		{"pulse with an unknown scheme", array.Cell{}, aPulse(1, "v5"), "v5"},
		{"sweep without a scheme", array.Cell{}, aVoltageSweep(""), "bias scheme"},
		{"sweep of nothing", array.Cell{}, noKind, "neither"},
		// It would stress a device without an intent.
		{"read that is a stress", array.Cell{}, array.Read{Voltage: 0.41, Compliance: 1e-3, Aperture: 1e-3},
			"beyond ±400 mV"},
		{"negative read that is a stress", array.Cell{}, array.Read{Voltage: -0.41, Compliance: 1e-3, Aperture: 1e-3},
			"beyond ±400 mV"},
		{"no step", array.Cell{}, nil, "not known"},
		{"pointer", array.Cell{}, nilRead, "not known"},
		{"read of no device", array.Whole, read, "none is named"},
	} {
		a, f := newArray(t, wide)
		_, err := a.Do(ctx, c.cell, c.step)
		if instrument.KindOf(err) != instrument.KindUsage || !strings.Contains(err.Error(), c.says) || len(f.events) != 0 {
			t.Errorf("%s: got %v, the bench heard %v", c.name, err, f.events)
		}
		if _, err := a.Instructions(c.cell, c.step); instrument.KindOf(err) != instrument.KindUsage {
			t.Errorf("%s: Instructions gave %v", c.name, err)
		}
	}
}

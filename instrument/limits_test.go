package instrument_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"xlab/instrument"
)

var (
	nan = math.NaN()
	inf = math.Inf(1)
)

func bench() instrument.Limits {
	return instrument.Limits{MinVoltage: -2, MaxVoltage: 3, MaxSpan: 4, MaxCurrent: 1e-3, MaxWidth: 0.1,
		Origin: "bench.yaml: limits"}
}

// The zero value is what a forgotten configuration gives.
func TestZeroLimitsAllowNothing(t *testing.T) {
	var l instrument.Limits
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.OneOf(anyFinite,
			rapid.SampledFrom([]float64{nan, inf, -inf})).Filter(func(x float64) bool { return x != 0 }).Draw(t, "x")
		for what, err := range map[string]error{
			"voltage":    l.CheckVoltage(instrument.Volts(x)),
			"span":       l.CheckSpan(instrument.Volts(x)),
			"current":    l.CheckCurrent(instrument.Amps(x)),
			"compliance": l.CheckCompliance(instrument.Amps(x)),
			"width":      l.CheckWidth(instrument.Seconds(x)),
		} {
			var refusal *instrument.LimitError
			if !errors.As(err, &refusal) {
				t.Fatalf("%s %v: %v", what, x, err)
			}
			if !strings.Contains(err.Error(), "no limits were configured") {
				t.Fatalf("%s: %q does not say that limits are missing", what, err)
			}
		}
	})
	if err := l.CheckVoltage(0); err != nil {
		t.Errorf("0 V is the safe state and must be possible on every bench: %v", err)
	}
	if err := l.CheckSpan(0, 0); err != nil {
		t.Errorf("all at 0 V is the safe state: %v", err)
	}
	if l.CheckCompliance(0) == nil || l.CheckWidth(0) == nil {
		t.Error("a compliance or a width of 0 must be refused")
	}
}

func TestLimits(t *testing.T) {
	l := bench()
	next := func(x float64) float64 { return math.Nextafter(x, inf) }
	for _, c := range []struct {
		what string
		err  error
		ok   bool
	}{
		{"lowest voltage", l.CheckVoltage(-2), true},
		{"below it", l.CheckVoltage(instrument.Volts(-next(2))), false},
		{"highest voltage", l.CheckVoltage(3), true},
		{"above it", l.CheckVoltage(instrument.Volts(next(3))), false},
		{"NaN V", l.CheckVoltage(instrument.Volts(nan)), false},
		{"infinite voltage", l.CheckVoltage(instrument.Volts(inf)), false},
		{"negative infinite voltage", l.CheckVoltage(instrument.Volts(-inf)), false},
		{"widest span", l.CheckSpan(-2, 1, 2), true},
		{"wider span", l.CheckSpan(-2, 1, 2.000000001), false},
		{"span against ground", l.CheckSpan(4.5), false},
		{"span against ground, negative", l.CheckSpan(-4.5, -4.4), false},
		{"two high voltages against ground", l.CheckSpan(5, 5), false},
		{"no channel", l.CheckSpan(), true},
		{"NaN in a span", l.CheckSpan(1, instrument.Volts(nan)), false},
		{"infinity in a span", l.CheckSpan(instrument.Volts(inf)), false},
		{"highest current", l.CheckCurrent(-1e-3), true},
		{"higher current", l.CheckCurrent(instrument.Amps(-next(1e-3))), false},
		{"NaN A", l.CheckCurrent(instrument.Amps(nan)), false},
		{"infinite current", l.CheckCurrent(instrument.Amps(-inf)), false},
		{"highest compliance", l.CheckCompliance(1e-3), true},
		{"higher compliance", l.CheckCompliance(instrument.Amps(next(1e-3))), false},
		{"no compliance", l.CheckCompliance(0), false},
		{"negative compliance", l.CheckCompliance(-1e-3), false},
		{"NaN compliance", l.CheckCompliance(instrument.Amps(nan)), false},
		{"longest width", l.CheckWidth(0.1), true},
		{"longer width", l.CheckWidth(instrument.Seconds(next(0.1))), false},
		{"no width", l.CheckWidth(0), false},
		{"negative width", l.CheckWidth(-1), false},
		{"NaN width", l.CheckWidth(instrument.Seconds(nan)), false},
	} {
		if (c.err == nil) != c.ok {
			t.Errorf("%s: %v", c.what, c.err)
		}
	}
}

// A limit that is not a number, or infinite, must not open the gate.
func TestBrokenLimitsRefuse(t *testing.T) {
	for _, bad := range []float64{nan, inf} {
		v := instrument.Volts(bad)
		l := instrument.Limits{MinVoltage: -v, MaxVoltage: v, MaxSpan: v, MaxCurrent: instrument.Amps(bad),
			MaxWidth: instrument.Seconds(bad)}
		for what, err := range map[string]error{
			"voltage":    l.CheckVoltage(instrument.Volts(inf)),
			"negative":   l.CheckVoltage(instrument.Volts(-inf)),
			"span":       l.CheckSpan(instrument.Volts(inf)),
			"current":    l.CheckCurrent(instrument.Amps(inf)),
			"compliance": l.CheckCompliance(instrument.Amps(inf)),
			"width":      l.CheckWidth(instrument.Seconds(inf)),
		} {
			if err == nil {
				t.Errorf("limits of %v: an infinite %s was allowed", bad, what)
			}
		}
	}
	v := instrument.Volts(nan)
	l := instrument.Limits{MinVoltage: v, MaxVoltage: v, MaxSpan: v, MaxCurrent: instrument.Amps(nan),
		MaxWidth: instrument.Seconds(nan)}
	for what, err := range map[string]error{
		"voltage":    l.CheckVoltage(1e-3),
		"negative":   l.CheckVoltage(-1e-3),
		"span":       l.CheckSpan(1e-3),
		"current":    l.CheckCurrent(1e-9),
		"compliance": l.CheckCompliance(1e-9),
		"width":      l.CheckWidth(1e-6),
	} {
		if err == nil {
			t.Errorf("limits of NaN: a %s was allowed", what)
		}
	}
	swapped := instrument.Limits{MinVoltage: 1, MaxVoltage: -1}
	if swapped.CheckVoltage(0.5) == nil || swapped.CheckVoltage(-0.5) == nil {
		t.Error("limits the wrong way round allow a voltage")
	}
}

func TestLimitErrorSaysWhatAndWhere(t *testing.T) {
	err := bench().CheckVoltage(3.0004)
	for _, part := range []string{"voltage", "3.0004 V", "limit of 3 V", "bench.yaml: limits", "nothing was sent"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say %q", err, part)
		}
	}
	if kind := instrument.KindOf(err); kind != instrument.KindLimit {
		t.Errorf("kind %q", kind)
	}
}

func TestLimitsReadBackFromJSON(t *testing.T) {
	b, err := json.Marshal(bench())
	if err != nil {
		t.Fatal(err)
	}
	var back instrument.Limits
	if err := json.Unmarshal(b, &back); err != nil || back != bench() {
		t.Errorf("%s is read as %+v, %v", b, back, err)
	}
}

package figure

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func labels(r ruler) []string {
	var all []string
	for _, t := range r.ticks {
		if t.Label != "" {
			all = append(all, t.Label)
		}
	}
	return all
}

func TestAxes(t *testing.T) {
	for _, c := range []struct {
		axis  Axis
		text  string
		ticks string
	}{
		{Axis{Label: "conductance", Unit: "S", Min: 7e-6, Max: 148e-6}, "conductance (µS)", "20 40 60 80 100 120 140"},
		{Axis{Label: "conductance", Unit: "S", Min: 7e-6, Max: 148e-6, Log: true}, "conductance (µS)", "10 20 50 100"},
		{Axis{Label: "resistance", Unit: "Ω", Min: 7e3, Max: 96.6e3, Log: true}, "resistance (kΩ)", "10 20 50"},
		{Axis{Label: "resistance", Unit: "Ω", Min: 800, Max: 1200}, "resistance (kΩ)",
			"0.80 0.85 0.90 0.95 1.00 1.05 1.10 1.15 1.20"},
		{Axis{Label: "threshold", Unit: "V", Min: -1.7, Max: 1.4}, "threshold (V)", "−1.5 −1.0 −0.5 0 0.5 1.0"},
		{Axis{Label: "time", Unit: "s", Min: 1e-3, Max: 1e4, Log: true}, "time",
			"1 ms|10 ms|100 ms|1 s|10 s|100 s|1 ks|10 ks"},
		{Axis{Label: "time", Unit: "s", Min: 1e-3, Max: 1, Log: true}, "time (s)", "0.001 0.01 0.1 1"},
		{Axis{Label: "current", Unit: "A", Min: 1e-16, Max: 1e-3, Log: true}, "current", "1 fA|1 pA|1 nA|1 µA|1 mA"},
		{Axis{Label: "error", Unit: "%", Min: -5, Max: 5}, "error (%)", "−4 −2 0 2 4"},
		{Axis{Label: "error", Unit: "%", Min: -5e-5, Max: 5e-5}, "error (1e-5 %)", "−4 −2 0 2 4"},
		{Axis{Label: "pulses", Min: 0, Max: 100}, "pulses", "0 20 40 60 80 100"},
		{Axis{Label: "pulses", Min: 1, Max: 1e5, Log: true}, "pulses", "1 10 100 1000 10000 100000"},
		{Axis{Label: "temperature", Unit: "°C", Min: 25, Max: 85}, "temperature (°C)", "30 40 50 60 70 80"},
		{Axis{Unit: "V", Min: 0, Max: 0.2}, "mV", "0 50 100 150 200"},
		{Axis{Label: "current", Unit: "A", Min: 0, Max: 3e-20}, "current (1e-21 A)", "0 5 10 15 20 25 30"},
	} {
		r, err := c.axis.over(span{}, 0)
		if err != nil {
			t.Errorf("%+v: %v", c.axis, err)
			continue
		}
		if r.label != c.text {
			t.Errorf("%+v is labelled %q, want %q", c.axis, r.label, c.text)
		}
		got := strings.Join(labels(r), " ")
		if strings.Contains(c.ticks, "|") {
			got = strings.Join(labels(r), "|")
		}
		if got != c.ticks {
			t.Errorf("%+v has the ticks %q, want %q", c.axis, got, c.ticks)
		}
	}
}

func TestAxisErrors(t *testing.T) {
	for _, c := range []struct {
		axis Axis
		says string
	}{
		{Axis{Label: "time", Min: 2, Max: 1}, "time axis: the range from 2 to 1 is empty"},
		{Axis{Label: "time", Min: 1, Max: 1}, "empty"},
		{Axis{Min: math.NaN(), Max: 1}, "unnamed axis"},
		{Axis{Label: "time", Min: 1, Max: math.Inf(1)}, "cannot be drawn"},
		{Axis{Label: "time", Min: -1, Max: 1, Log: true}, "give a Min above zero"},
		{Axis{Label: "time", Max: 1, Log: true}, "give a Min above zero"},
		{Axis{Label: "time", Min: 1, Max: 1 + 1e-12}, "too narrow"},
		{Axis{Label: "time", Min: -1e300, Max: 1e300}, "is the unit right?"},
	} {
		if _, err := c.axis.over(span{}, 0); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v, want an error that says %q", c.axis, err, c.says)
		}
	}
	if _, err := (Axis{Label: "time"}).over(span{}, 0); !errors.Is(err, ErrNoData) {
		t.Errorf("axis without data: %v", err)
	}
}

// value reads a label back: number, prefix and power of ten.
func value(label string, r ruler, unit string) (float64, error) {
	label = strings.ReplaceAll(label, "−", "-")
	text, own, _ := strings.Cut(label, " ")
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, err
	}
	if own == "" {
		return x * math.Pow10(r.exponent), nil
	}
	scale := strings.TrimSuffix(own, unit)
	i := slices.Index(prefixes[:], scale)
	if i < 0 {
		return 0, fmt.Errorf("unknown prefix %q in %q", scale, label)
	}
	return x * math.Pow10(3*i-15), nil
}

// On whatever range: ticks are on the axis, in order, some are labelled, not
// so many that labels would meet, and every label says the value it stands at.
func TestTicksSayWhereTheyAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		log := rapid.Bool().Draw(t, "log")
		unit := rapid.SampledFrom([]string{"S", "V", "Ω", "%", ""}).Draw(t, "unit")
		lo := rapid.Float64Range(-1, 1).Draw(t, "lo")
		size := math.Pow(10, rapid.Float64Range(-12, 9).Draw(t, "size"))
		a := Axis{Unit: unit, Log: log, Min: lo * size, Max: lo*size + size*math.Pow(10,
			rapid.Float64Range(-4, 1).Draw(t, "span"))}
		if log {
			a.Min = size
			a.Max = size * math.Pow(10, rapid.Float64Range(0.001, 12).Draw(t, "decades"))
		}
		r, err := a.over(span{}, 0)
		if err != nil {
			t.Fatal(err)
		}
		labelled, previous := 0, math.Inf(-1)
		for _, k := range r.ticks {
			if k.Value < a.Min || k.Value > a.Max || k.Value <= previous {
				t.Fatalf("tick at %g after %g on an axis from %g to %g", k.Value, previous, a.Min, a.Max)
			}
			previous = k.Value
			if k.Label == "" {
				continue
			}
			labelled++
			says, err := value(k.Label, r, unit)
			if err != nil {
				t.Fatal(err)
			}
			if tolerance := 1e-5 * max(a.Max-a.Min, math.Abs(k.Value)); math.Abs(says-k.Value) > tolerance {
				t.Fatalf("tick at %g is labelled %q, which is %g", k.Value, k.Label, says)
			}
		}
		if labelled < 1 || labelled > 11 {
			t.Fatalf("%d labels from %g to %g (logarithmic: %v)", labelled, a.Min, a.Max, log)
		}
	})
}

// An axis from the data shows all of the data.
func TestRangeHoldsTheData(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := Axis{Log: rapid.Bool().Draw(t, "log")}
		values := rapid.SliceOfN(rapid.Float64Range(-1e30, 1e30), 1, 5).Draw(t, "values")
		if rapid.Bool().Draw(t, "equal") {
			values = values[:1]
		}
		var data span
		a.measure(&data, values)
		r, err := a.over(data, 0.05)
		if data.n == 0 {
			if !errors.Is(err, ErrNoData) {
				t.Fatalf("no value can be placed, and the error is %v", err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			if !a.shows(v) {
				continue
			}
			if at := r.norm(v); !r.contains(v) || at < 0 || at > 1 {
				t.Fatalf("%g is at %g of an axis from %g to %g", v, at, r.min, r.max)
			}
		}
		if data.lo >= 0 && data.hi > 1e-90 && r.min < 0 {
			t.Fatalf("axis begins at %g though no value is below %g", r.min, data.lo)
		}
	})
}

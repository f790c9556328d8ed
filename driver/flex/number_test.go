package flex

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNumber(t *testing.T) {
	for x, want := range map[float64]string{
		0: "0", math.Copysign(0, -1): "0", 1: "1", -0.2: "-0.2", 1.2345: "1.2345", 1e-4: "0.0001", 5e-5: "5E-05",
		20e-6: "2E-05", 300e-6: "0.0003", 123: "123", 1e-9: "1E-09",
	} {
		if got := Number(x); got != want {
			t.Errorf("%g is written %q, want %q", x, got, want)
		}
	}
}

func TestQuantize(t *testing.T) {
	for _, tc := range []struct {
		x, step float64
		want    string
	}{
		{0.3, 100e-6, "0.3"},
		{0.1 + 0.2, 100e-6, "0.3"},
		{1.23456, 100e-6, "1.2346"},
		{-1.23456, 250e-6, "-1.2345"},
		{0.00005, 100e-6, "0"}, // tie to even
		{1.5, 1, "2"},
		{2.5, 1, "2"},
		{-0.00001, 100e-6, "0"},
		{100e-6, 5e-9, "0.0001"},
		{19.9996, 1e-3, "20"},
		{1e-9, 50e-15, "1E-09"},
		{7, 2.5, "7.5"}, // no whole number of steps in 1
		{-0.71, 0.3, "-0.6"},
	} {
		got, err := Quantize(tc.x, tc.step)
		if err != nil || Number(got) != tc.want {
			t.Errorf("%g in steps of %g: %q (%v), want %q", tc.x, tc.step, Number(got), err, tc.want)
		}
	}
	for _, tc := range [][2]float64{{math.NaN(), 1}, {math.Inf(1), 1}, {math.Inf(-1), 1}, {1, 0}, {1, -1}, {1, math.NaN()},
		{1, math.Inf(1)}, {1e300, 1e-300}} {
		if got, err := Quantize(tc[0], tc[1]); err == nil {
			t.Errorf("%g in steps of %g gives %g", tc[0], tc[1], got)
		}
	}
}

// What is written is what was checked, it is at most half a step away from
// what was asked for, and rounding again changes nothing.
func TestQuantizeProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		step := rapid.SampledFrom([]float64{100e-6, 250e-6, 1e-3, 2e-3, 50e-15, 5e-9}).Draw(t, "step")
		x := rapid.Float64Range(-20000, 20000).Draw(t, "multiple") * step
		q, err := Quantize(x, step)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(q-x) > step/2*(1+1e-9) {
			t.Fatalf("%g became %g in steps of %g", x, q, step)
		}
		if again, err := Quantize(q, step); err != nil || again != q {
			t.Fatalf("%g became %g on the second go", q, again)
		}
		if back, err := strconv.ParseFloat(Number(q), 64); err != nil || back != q {
			t.Fatalf("%q does not read back as %g", Number(q), q)
		}
		if len(Number(q)) > 12 {
			t.Fatalf("%q has more digits than a step of %g needs", Number(q), step)
		}
	})
}

func TestLines(t *testing.T) {
	if got, err := Lines("MM 1,1", "XE"); err != nil || len(got) != 1 || got[0] != "MM 1,1;XE" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := Lines(); err != nil || len(got) != 0 {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range []string{"", "DV 1\nDV 2", "DV 1;DV 2", "DV 1\r", strings.Repeat("x", MaxLine+1)} {
		if got, err := Lines("XE", bad); err == nil {
			t.Errorf("%.20q is taken as one command: %q", bad, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		commands := rapid.SliceOf(rapid.StringMatching(`[A-Z]{2,5}( [0-9,.E-]{1,250})?`)).Draw(t, "commands")
		lines, err := Lines(commands...)
		for _, c := range commands {
			if len(c) > MaxLine {
				if err == nil {
					t.Fatalf("command of %d characters was accepted", len(c))
				}
				return
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range lines {
			if len(line) > MaxLine {
				t.Fatalf("line of %d characters", len(line))
			}
			if first, _, _ := strings.Cut(line, ";"); i > 0 && len(lines[i-1])+1+len(first) <= MaxLine {
				t.Fatalf("%q would have fitted into the line before", first)
			}
		}
		if strings.Join(lines, ";") != strings.Join(commands, ";") {
			t.Fatal("commands were lost or changed")
		}
	})
}

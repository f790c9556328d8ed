package array_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"xlab/instrument"
	"xlab/instrument/array"
)

func TestParseScheme(t *testing.T) {
	for text, want := range map[string]array.Scheme{
		"v2": array.HalfVoltage, "V/2": array.HalfVoltage, " v/3 ": array.ThirdVoltage, "V3": array.ThirdVoltage,
		"Floating": array.Floating, "GROUNDED": array.Grounded,
	} {
		var s array.Scheme
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want || s.Validate() != nil {
			t.Errorf("%q: %q, %v; want %q", text, s, err, want)
		}
	}
	for _, text := range []string{"", "v4", "half", "f/loating", "v//2", "v2 v3"} {
		s := array.Grounded
		if err := s.Set(text); err == nil {
			t.Errorf("%q: accepted as %q", text, s)
		}
		if array.Scheme(text).Validate() == nil {
			t.Errorf("%q is valid", text)
		}
	}
	for _, s := range array.Schemes() {
		if back, err := array.ParseScheme(s.String()); err != nil || back != s {
			t.Errorf("%q is read back as %q, %v", s, back, err)
		}
	}
}

// What the schemes are named after: the whole voltage on the selected device,
// a half or a third of it on the half-selected ones, nothing or a third with
// the other sign on the rest, and no source forces more than the device sees.
func TestFractions(t *testing.T) {
	type shares struct{ half, rest float64 }
	want := map[array.Scheme]shares{
		array.HalfVoltage: {0.5, 0}, array.ThirdVoltage: {1.0 / 3, -1.0 / 3},
	}
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Float64Range(-10, 10).Draw(t, "v")
		near := func(got, want float64) bool { return math.Abs(got-want) <= 1e-15*math.Max(1, math.Abs(v)) }
		for _, s := range array.Schemes() {
			f := s.Fractions()
			if (f.Row-f.Col)*v != v {
				t.Fatalf("%s: the selected device sees %v of %v", s, (f.Row-f.Col)*v, v)
			}
			if f.OthersFloat != (s == array.Floating) {
				t.Fatalf("%s: OthersFloat is %v", s, f.OthersFloat)
			}
			if s == array.Floating {
				continue
			}
			onRow, onCol, rest := (f.Row-f.OtherCols)*v, (f.OtherRows-f.Col)*v, (f.OtherRows-f.OtherCols)*v
			if s == array.Grounded {
				if onRow != v || onCol != 0 || rest != 0 {
					t.Fatalf("grounded: %v %v %v", onRow, onCol, rest)
				}
				continue
			}
			w := want[s]
			if !near(onRow, w.half*v) || !near(onCol, w.half*v) || !near(rest, w.rest*v) {
				t.Fatalf("%s at %v V: %v on the row, %v on the column, %v on the rest", s, v, onRow, onCol, rest)
			}
			if got := float64(s.HalfSelected(instrument.Volts(v))); !near(got, w.half*v) {
				t.Fatalf("%s: HalfSelected gives %v", s, got)
			}
			for _, share := range []float64{f.Row, f.Col, f.OtherRows, f.OtherCols} {
				if math.Abs(share) > 0.5 {
					t.Fatalf("%s: a source has to force %v of the voltage", s, share)
				}
			}
		}
	})
}

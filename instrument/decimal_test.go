package instrument_test

import (
	"math"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"xlab/instrument"
)

func TestDecimal(t *testing.T) {
	for x, want := range map[float64]string{
		2.6509e-06 / 0.2: "1.32545e-05", 2.649013e-06 / 0.2: "1.3245065e-05", 0.1 + 0.2: "0.3", -0.2: "-0.2",
		0: "0", math.Copysign(0, -1): "0", 1e-6: "1e-06", 1.5e-7: "1.5e-07", 1.0 / 3: "0.33333333",
		200.0 / 3: "66.666667", 9.9999999999: "10", 12345.678901234: "12345.678901",
		98.30000000000001: "98.3", 123456789: "123456789", 3e12: "3e+12", math.Inf(-1): "-Inf",
	} {
		if got := instrument.Decimal(x); got != want {
			t.Errorf("%v became %q, want %q", x, got, want)
		}
	}
	if got := instrument.Decimal(math.NaN()); got != "" {
		t.Errorf("no value became %q", got)
	}
}

// What an analyzer answers is written as it was answered, and nothing is further
// from its text than half a unit of the eighth digit.
func TestDecimalKeepsReadings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		answer := strconv.FormatFloat(rapid.Float64Range(-10, 10).Draw(t, "value"), 'e', 6, 64)
		x, err := strconv.ParseFloat(answer, 64)
		if err != nil {
			t.Fatal(err)
		}
		back, err := strconv.ParseFloat(instrument.Decimal(x), 64)
		if err != nil || back != x {
			t.Fatalf("%s became %s", answer, instrument.Decimal(x))
		}
		any := rapid.Float64Range(-1e8, 1e8).Draw(t, "any")
		back, err = strconv.ParseFloat(instrument.Decimal(any), 64)
		if err != nil || math.Abs(back-any) > 5.1e-8*math.Abs(any) {
			t.Fatalf("%v became %s", any, instrument.Decimal(any))
		}
	})
}

func TestShortenJSON(t *testing.T) {
	const kept = `{"seed":18446744073709551615,"id":-9007199254740993,` +
		`"1.3254499999999999e-05":"1.3254499999999999e-05 \"1.3254499999999999e-05\""}`
	for given, want := range map[string]string{
		`{"g":1.3254499999999999e-05,"n":12.300000000000001,"x":-98.30000000000001}`: `{"g":1.32545e-05,"n":12.3,"x":-98.3}`,
		kept: kept,
		`[0.1,1e-9,123456.789012,0,null,true,0.30000000000000004]`: `[0.1,1e-9,123456.789012,0,null,true,0.3]`,
		"[\n  0.3333333333333333,\n  123456789012345.67\n]":        "[\n  0.333333333333,\n  1.23456789012e+14\n]",
	} {
		if got := string(instrument.ShortenJSON([]byte(given))); got != want {
			t.Errorf("%s became %s, want %s", given, got, want)
		}
	}
}

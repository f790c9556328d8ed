package instrument_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"xlab/instrument"
)

// quantity is what every quantity type can do, with the type put aside.
type quantity struct {
	name    string
	symbol  string
	print   func(x float64) string
	exact   func(x float64) string
	parse   func(s string) (float64, error)
	decode  func(b []byte, before float64) (float64, error)
	encode  func(x float64) ([]byte, error)
	flag    func(s string) (float64, error)
	flagged string
}

func describe[Q interface {
	~float64
	String() string
	Exact() string
}, P interface {
	*Q
	Set(string) error
	Type() string
	UnmarshalText([]byte) error
	json.Unmarshaler
}](symbol string) quantity {
	var zero Q
	return quantity{
		name:   fmt.Sprintf("%T", zero),
		symbol: symbol,
		print:  func(x float64) string { return Q(x).String() },
		exact:  func(x float64) string { return Q(x).Exact() },
		decode: func(b []byte, before float64) (float64, error) {
			q := Q(before)
			err := json.Unmarshal(b, &q)
			return float64(q), err
		},
		encode: func(x float64) ([]byte, error) { return json.Marshal(Q(x)) },
		flag: func(s string) (float64, error) {
			var q Q
			err := P(&q).Set(s)
			return float64(q), err
		},
		parse: func(s string) (float64, error) {
			var q Q
			err := P(&q).UnmarshalText([]byte(s))
			return float64(q), err
		},
		flagged: P(&zero).Type(),
	}
}

var quantities = []quantity{
	describe[instrument.Volts]("V"),
	describe[instrument.Amps]("A"),
	describe[instrument.Ohms]("\u03a9"),
	describe[instrument.Siemens]("S"),
	describe[instrument.Seconds]("s"),
	describe[instrument.Celsius]("°C"),
	describe[instrument.Hertz]("Hz"),
}

func same(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }

// anyFinite draws from all finite bit patterns, and from values as they are
// written by people.
var anyFinite = rapid.OneOf(
	rapid.Map(rapid.Uint64(), math.Float64frombits).Filter(func(x float64) bool {
		return !math.IsNaN(x) &&
			!math.IsInf(x, 0)
	}),
	rapid.Float64Range(-1e3, 1e3),
	rapid.Map(rapid.Int64Range(-1e6, 1e6), func(n int64) float64 { return float64(n) * 1e-9 }),
	rapid.Custom(func(t *rapid.T) float64 {
		// Neighbours of powers of ten are where digits carry over.
		x := math.Pow10(rapid.IntRange(-20, 20).Draw(t, "power"))
		for range rapid.IntRange(0, 3).Draw(t, "ulps") {
			x = math.Nextafter(x, 0)
		}
		return x
	}),
)

// The exact text, in every spelling of the input, is the value again, bit by
// bit: a limit copied from a message is the limit.
func TestExactReadsBack(t *testing.T) {
	for _, q := range quantities {
		t.Run(q.name, rapid.MakeCheck(func(t *rapid.T) {
			x := anyFinite.Draw(t, "x")
			text := q.exact(x)
			for _, spelling := range []string{text, strings.ReplaceAll(text, " ", ""), strings.TrimSuffix(text, q.symbol), " " +
				text + "\t"} {
				back, err := q.parse(spelling)
				if err != nil {
					t.Fatalf("%v printed as %q: %v", x, spelling, err)
				}
				if !same(back, x) {
					t.Fatalf("%v printed as %q is read as %v", x, spelling, back)
				}
			}
			if back, err := q.flag(text); err != nil || !same(back, x) {
				t.Fatalf("flag %q: %v, %v", text, back, err)
			}
			quoted, err := json.Marshal(text)
			if err != nil {
				t.Fatal(err)
			}
			if back, err := q.decode(quoted, 1); err != nil || !same(back, x) {
				t.Fatalf("JSON %s: %v, %v", quoted, back, err)
			}
		}))
	}
}

func TestJSONReadsBack(t *testing.T) {
	for _, q := range quantities {
		t.Run(q.name, rapid.MakeCheck(func(t *rapid.T) {
			x := anyFinite.Draw(t, "x")
			b, err := q.encode(x)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := strconv.ParseFloat(string(b), 64); err != nil {
				t.Fatalf("%v is encoded as %s, which is not a plain number", x, b)
			}
			if back, err := q.decode(b, 1); err != nil || !same(back, x) {
				t.Fatalf("%v is encoded as %s and read as %v, %v", x, b, back, err)
			}
		}))
	}
}

// The short text is right to half a unit of its third digit and has one to
// three digits before the point.
func TestStringHasThreeDigits(t *testing.T) {
	for _, q := range quantities[:5] { // temperatures take no prefix
		t.Run(q.name, rapid.MakeCheck(func(t *rapid.T) {
			x := anyFinite.Draw(t, "x")
			text := q.print(x)
			if x == 0 {
				if text != "0.00 "+q.symbol {
					t.Fatalf("zero is %q", text)
				}
				return
			}
			number, unit, _ := strings.Cut(text, " ")
			mantissa, power, raised := strings.Cut(strings.TrimPrefix(number, "-"), "e")
			if digits := strings.ReplaceAll(mantissa, ".", ""); len(digits) != 3 || digits[0] == '0' {
				t.Fatalf("%v is %q: not three significant digits", x, text)
			}
			if raised && (unit != q.symbol || power == "") {
				t.Fatalf("%v is %q: a power of ten and a prefix", x, text)
			}
			if a := math.Abs(x); raised && a >= 1e-15 && a < 9.995e14 {
				t.Fatalf("%v is %q although there is a prefix for it", x, text)
			}
			back, err := q.parse(text)
			if err != nil {
				if math.Abs(x) > 1.79e308 { // rounded up beyond the largest float
					return
				}
				t.Fatalf("%q: %v", text, err)
			}
			if math.Abs(back-x) > math.Abs(x)*0.00501 && math.Abs(x) > 1e-300 {
				t.Fatalf("%v is %q", x, text)
			}
		}))
	}
}

// Long times are written and read as people count them.
func TestLongTimes(t *testing.T) {
	for text, want := range map[string]instrument.Seconds{"24 h": 86400, "24.0 h": 86400, "7d": 604800, "1.5h": 5400,
		"90 min": 5400, "2 days": 172800, "86.4ks": 86400, "30m": 0.03} {
		var got instrument.Seconds
		if err := got.Set(text); err != nil || got != want {
			t.Errorf("%q is %v (%g), %v", text, got, float64(got), err)
		}
	}
	for x, want := range map[instrument.Seconds]string{86400: "24.0 h", 604800: "7.00 d", 999: "999 s", 1000: "16.7 min",
		7199: "120 min", -7200: "-2.00 h", 500e-6: "500 µs", 1e9: "1.00 Gs"} {
		if got := x.String(); got != want {
			t.Errorf("%g s is %q, want %q", float64(x), got, want)
		}
	}
	if err := new(instrument.Volts).Set("2h"); err == nil {
		t.Error("2h is a voltage")
	}
}

func TestString(t *testing.T) {
	for _, c := range []struct {
		got, want string
	}{
		{instrument.Siemens(2.5e-6).String(), "2.50 µS"},
		{instrument.Volts(0.9996).String(), "1.00 V"}, // carries over into the next prefix
		{instrument.Volts(0.9994).String(), "999 mV"},
		{instrument.Volts(-0.9996).String(), "-1.00 V"},
		{instrument.Volts(9.996).String(), "10.0 V"}, // carries over into the next digit
		{instrument.Volts(99.96).String(), "100 V"},
		{instrument.Volts(0.0018).String(), "1.80 mV"},
		{instrument.Volts(0).String(), "0.00 V"},
		{instrument.Volts(math.Copysign(0, -1)).String(), "0.00 V"},
		{instrument.Amps(1e-15).String(), "1.00 fA"},
		{instrument.Amps(2e-16).String(), "2.00e-16 A"},
		{instrument.Amps(123.4e-6).String(), "123 µA"},
		{instrument.Ohms(96.6e3).String(), "96.6 kΩ"},
		{instrument.Ohms(1e12).String(), "1.00 TΩ"},
		{instrument.Ohms(1e15).String(), "1.00e+15 Ω"},
		{instrument.Ohms(999.6e12).String(), "1.00e+15 Ω"},
		{instrument.Seconds(500e-6).String(), "500 µs"},
		{instrument.Celsius(25).String(), "25 °C"},
		{instrument.Celsius(-40.52).String(), "-40.5 °C"},
		{instrument.Volts(math.NaN()).String(), "NaN V"},
		{instrument.Volts(math.Inf(-1)).String(), "-Inf V"},
		{instrument.Volts(0.9996).Exact(), "999.6 mV"},
		{instrument.Volts(0.0018).Exact(), "1.8 mV"},
		{instrument.Volts(0.30000000000000004).Exact(), "300.00000000000004 mV"},
		{instrument.Volts(2).Exact(), "2 V"},
		{instrument.Volts(-20).Exact(), "-20 V"},
		{instrument.Seconds(200).Exact(), "200 s"},
		{instrument.Amps(5e-324).Exact(), "5e-324 A"},
		{instrument.Celsius(25.0625).Exact(), "25.0625 °C"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		quantity int
		text     string
		want     float64
	}{
		{0, "200mV", 0.2}, {0, "0.2 V", 0.2}, {0, "0.2", 0.2}, {0, "+.5v", 0.5}, {0, "-1.8 V", -1.8},
		{0, "1.8m", 0.0018}, {0, "3 uV", 3e-6}, {0, "3 \u00b5V", 3e-6}, {0, "3 \u03bcV", 3e-6},
		{0, "1e3mV", 1}, {0, "1E-3 kV", 1}, {0, "5 volts", 5}, {0, "1.1 mvolt", 0.0011},
		{1, "100uA", 100e-6}, {1, "10nA", 10e-9}, {1, "1 amp", 1}, {1, "7p", 7e-12},
		{2, "96.6kΩ", 96.6e3}, {2, "96.6k\u2126", 96.6e3}, {2, "7k", 7e3}, {2, "7K", 7e3}, {2, "2 Mohm", 2e6},
		{2, "2 MOhms", 2e6},
		{3, "10uS", 10e-6}, {3, "1 siemens", 1}, {3, "4 mS", 4e-3},
		{4, "500us", 500e-6}, {4, "2 sec", 2}, {4, "1 ms", 1e-3}, {4, "3 seconds", 3},
		{5, "25°C", 25}, {5, "25 C", 25}, {5, "-5 degC", -5}, {5, "300", 300}, {5, "1e2 celsius", 100},
	} {
		q := quantities[c.quantity]
		if got, err := q.parse(c.text); err != nil || !same(got, c.want) {
			t.Errorf("%s %q: got %v, %v; want %v", q.name, c.text, got, err, c.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct {
		quantity int
		text     string
		says     string
	}{
		{0, "", "empty"}, {0, "  ", "empty"}, {0, "V", "number"}, {0, "-", "number"}, {0, ".", "number"},
		{0, "1.2.3 V", "number"}, {0, "one volt", "number"}, {0, "1,5 V", `write it like "1.5 V"`},
		{0, "NaN", "number"}, {0, "inf V", "number"}, {0, "0x1p3", "unit"}, {0, "1_000", "unit"},
		{0, "1e400", "too large"}, {0, "1e308 kV", "not a finite"}, {0, "5 A", "unit"}, {0, "5 xV", "unit"},
		{0, "5 mmV", "unit"}, {0, "5 mV mV", "unit"}, {0, "1 e3", "unit"}, {0, "1e", "unit"},
		{1, "5 V", "unit"}, {2, "10 S", "unit"}, {3, "10 s", "unit"}, {4, "10 S", "unit"},
		{5, "25 mC", "unit"}, {5, "25m", "unit"}, {5, "77 K", "unit"},
	} {
		q := quantities[c.quantity]
		x, err := q.parse(c.text)
		if err == nil {
			t.Errorf("%s %q: accepted as %v", q.name, c.text, x)
			continue
		}
		if !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), q.flagged) {
			t.Errorf("%s %q: %q names neither %q and %q", q.name, c.text, err, c.says, q.flagged)
		}
		// A refused value leaves what was there.
		if x, err := q.flag(c.text); err == nil || x != 0 {
			t.Errorf("%s: flag %q: %v, %v", q.name, c.text, x, err)
		}
	}
}

// An example in an error message must itself be accepted.
func TestErrorsTeachWhatIsAccepted(t *testing.T) {
	for _, q := range quantities {
		_, err := q.parse("x")
		if err == nil {
			t.Fatalf("%s: \"x\" accepted", q.name)
		}
		parts := strings.Split(err.Error(), `"`)
		example := parts[len(parts)-2]
		if _, err := q.parse(example); err != nil {
			t.Errorf("%s: the example %q is refused: %v", q.name, example, err)
		}
	}
}

func TestJSONInput(t *testing.T) {
	for _, c := range []struct {
		text string
		want float64
		ok   bool
	}{
		{`0.2`, 0.2, true}, {`"200mV"`, 0.2, true}, {`"200 \u00b5V"`, 200e-6, true}, {`-3e-1`, -0.3, true},
		{`null`, 7, true}, // as for every type, it changes nothing
		{`"5 A"`, 7, false}, {`true`, 7, false}, {`{}`, 7, false}, {`1e400`, 7, false}, {`""`, 7, false},
	} {
		got, err := quantities[0].decode([]byte(c.text), 7)
		if (err == nil) != c.ok || !same(got, c.want) {
			t.Errorf("%s: got %v, %v; want %v, ok %v", c.text, got, err, c.want, c.ok)
		}
	}
	if b, err := json.Marshal(instrument.Volts(math.NaN())); err == nil {
		t.Errorf("a voltage that is not a number became %s", b)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"200mV", "1e-3 kV", "-.5", "9e999", "1e308T", "0.1µV", "5e-324f", "-0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, q := range quantities {
			x, err := q.parse(text)
			if err != nil {
				if !same(x, 0) {
					t.Errorf("%s %q: refused, and still %v", q.name, text, x)
				}
				continue
			}
			if math.IsNaN(x) || math.IsInf(x, 0) {
				t.Errorf("%s %q is %v", q.name, text, x)
			}
			if back, err := q.parse(q.exact(x)); err != nil || !same(back, x) {
				t.Errorf("%s %q is %v, printed as %q, read as %v, %v", q.name, text, x, q.exact(x), back, err)
			}
		}
	})
}

func ExampleVolts_Set() {
	var v instrument.Volts
	err := v.Set("200mV")
	fmt.Println(v, err)
	fmt.Println(v.Set("200 mA"))
	// Output:
	// 200 mV <nil>
	// voltage "200 mA" has the unit "mA", which is not a unit of voltage: write it like "200mV"
}

func ExampleVolts_Exact() {
	limit, asked := instrument.Volts(2.5), instrument.Volts(2.5002)
	fmt.Println(asked, "is not", limit)
	fmt.Println(asked.Exact(), "is not", limit.Exact())
	// Output:
	// 2.50 V is not 2.50 V
	// 2.5002 V is not 2.5 V
}

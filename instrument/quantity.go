package instrument

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// Quantities in SI units. Each prints in engineering form with three
// significant digits ("2.50 µS"), prints exactly through its Exact method, and
// parses from text such as "200mV", "0.2 V", "96.6kΩ" or a bare SI number.
// In JSON a quantity is a number in SI units; text with a unit is accepted on
// input.
type (
	// Volts is an electric potential difference in V; row minus column for a device.
	Volts float64
	// Amps is a current in A, positive out of a source into the load.
	Amps float64
	// Ohms is a resistance in Ω.
	Ohms float64
	// Siemens is a conductance in S.
	Siemens float64
	// Seconds is a duration in s. It is the bench's time, which on a simulated
	// bench is not the wall clock's.
	Seconds float64
	// Celsius is a temperature in °C.
	Celsius float64
	// Hertz is a frequency in Hz.
	Hertz float64
)

// unit describes how a quantity is written.
type unit struct {
	name     string   // what the quantity is called in errors
	symbol   string   // as printed
	spelling []string // as accepted, beside symbol; matched without regard to case where unambiguous
	scaled   bool     // takes SI prefixes
	example  string   // as it may be written
}

var (
	volt    = unit{"voltage", "V", []string{"v", "volt", "volts"}, true, "200mV"}
	ampere  = unit{"current", "A", []string{"a", "amp", "amps", "ampere", "amperes"}, true, "100uA"}
	ohm     = unit{"resistance", "Ω", []string{"\u2126", "ohm", "ohms", "Ohm", "Ohms"}, true, "96.6kΩ"}
	siemens = unit{"conductance", "S", []string{"siemens"}, true, "10uS"}
	second  = unit{"time", "s", []string{"sec", "second", "seconds"}, true, "500us"} // and longTimes
	celsius = unit{"temperature", "°C", []string{"C", "degC", "celsius"}, false, "25°C"}
	hertz   = unit{"frequency", "Hz", []string{"hz", "HZ", "hertz", "Hertz"}, true, "50Hz"}
)

// longTimes are units of time without prefixes, in s.
var longTimes = map[string]float64{"min": 60, "h": 3600, "d": 86400, "hours": 3600, "hour": 3600,
	"days": 86400, "day": 86400}

func (v Volts) String() string   { return engineering(float64(v), volt, 3) }
func (i Amps) String() string    { return engineering(float64(i), ampere, 3) }
func (r Ohms) String() string    { return engineering(float64(r), ohm, 3) }
func (g Siemens) String() string { return engineering(float64(g), siemens, 3) }
func (t Seconds) String() string { return longTime(float64(t)) }
func (t Celsius) String() string { return engineering(float64(t), celsius, 3) }
func (f Hertz) String() string   { return engineering(float64(f), hertz, 3) }

// Exact prints the value with as many digits as it needs, for messages in
// which two nearly equal values must be told apart.
func (v Volts) Exact() string   { return engineering(float64(v), volt, -1) }
func (i Amps) Exact() string    { return engineering(float64(i), ampere, -1) }
func (r Ohms) Exact() string    { return engineering(float64(r), ohm, -1) }
func (g Siemens) Exact() string { return engineering(float64(g), siemens, -1) }
func (t Seconds) Exact() string { return engineering(float64(t), second, -1) }
func (t Celsius) Exact() string { return engineering(float64(t), celsius, -1) }
func (f Hertz) Exact() string   { return engineering(float64(f), hertz, -1) }

// UnmarshalText lets a quantity be read from configuration files: a number with an
// optional SI prefix and an optional unit. A value that is not finite, or has
// another unit, is an error.
func (v *Volts) UnmarshalText(b []byte) error   { return set(v, string(b), volt) }
func (i *Amps) UnmarshalText(b []byte) error    { return set(i, string(b), ampere) }
func (r *Ohms) UnmarshalText(b []byte) error    { return set(r, string(b), ohm) }
func (g *Siemens) UnmarshalText(b []byte) error { return set(g, string(b), siemens) }
func (t *Seconds) UnmarshalText(b []byte) error { return set(t, string(b), second) }
func (t *Celsius) UnmarshalText(b []byte) error { return set(t, string(b), celsius) }
func (f *Hertz) UnmarshalText(b []byte) error   { return set(f, string(b), hertz) }

// UnmarshalJSON accepts a number in SI units or text with a unit.
func (v *Volts) UnmarshalJSON(b []byte) error   { return setJSON(v, b, volt) }
func (i *Amps) UnmarshalJSON(b []byte) error    { return setJSON(i, b, ampere) }
func (r *Ohms) UnmarshalJSON(b []byte) error    { return setJSON(r, b, ohm) }
func (g *Siemens) UnmarshalJSON(b []byte) error { return setJSON(g, b, siemens) }
func (t *Seconds) UnmarshalJSON(b []byte) error { return setJSON(t, b, second) }
func (t *Celsius) UnmarshalJSON(b []byte) error { return setJSON(t, b, celsius) }
func (f *Hertz) UnmarshalJSON(b []byte) error   { return setJSON(f, b, hertz) }

// Set and Type make a quantity usable as a command-line flag.
func (v *Volts) Set(s string) error   { return set(v, s, volt) }
func (i *Amps) Set(s string) error    { return set(i, s, ampere) }
func (r *Ohms) Set(s string) error    { return set(r, s, ohm) }
func (g *Siemens) Set(s string) error { return set(g, s, siemens) }
func (t *Seconds) Set(s string) error { return set(t, s, second) }
func (t *Celsius) Set(s string) error { return set(t, s, celsius) }
func (f *Hertz) Set(s string) error   { return set(f, s, hertz) }

func (*Volts) Type() string   { return volt.name }
func (*Amps) Type() string    { return ampere.name }
func (*Ohms) Type() string    { return ohm.name }
func (*Siemens) Type() string { return siemens.name }
func (*Seconds) Type() string { return second.name }
func (*Celsius) Type() string { return celsius.name }
func (*Hertz) Type() string   { return hertz.name }

func set[Q ~float64](q *Q, s string, u unit) error {
	x, err := parse(s, u)
	if err != nil {
		return err
	}
	*q = Q(x)
	return nil
}

func setJSON[Q ~float64](q *Q, b []byte, u unit) error {
	if string(b) == "null" {
		return nil // leaves the value as it was, as for every other type
	}
	if len(b) > 0 && b[0] == '"' {
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		return set(q, s, u)
	}
	var x float64
	if err := json.Unmarshal(b, &x); err != nil {
		return fmt.Errorf("%s: %s is neither a number that fits nor a text with a unit", u.name, b)
	}
	*q = Q(x)
	return nil
}

// prefixes in steps of a thousand; index 0 is 10^-15.
var prefixes = [...]string{"f", "p", "n", "µ", "m", "", "k", "M", "G", "T"}

// prefixExponent maps every accepted spelling of a prefix to its power of ten.
var prefixExponent = map[string]int{
	"f": -15, "p": -12, "n": -9,
	"u": -6, "\u00b5": -6, "\u03bc": -6, // letter u, micro sign, Greek mu
	"m": -3, "": 0, "k": 3, "K": 3, "M": 6, "G": 9, "T": 12,
}

// engineering writes x with a prefix that leaves one to three digits before
// the point, or with a power of ten where there is no such prefix. digits < 0
// means as many as needed to read back the same value.
func engineering(x float64, u unit, digits int) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return strconv.FormatFloat(x, 'g', -1, 64) + " " + u.symbol
	}
	if !u.scaled {
		return strconv.FormatFloat(x, 'g', max(digits, -1), 64) + " " + u.symbol
	}
	if x == 0 {
		if digits < 0 {
			return strconv.FormatFloat(x, 'g', -1, 64) + " " + u.symbol // keeps the sign
		}
		return strconv.FormatFloat(0, 'f', digits-1, 64) + " " + u.symbol
	}
	// Everything after this is done on the rounded decimal text: that makes
	// 999.6 mV "1.00 V" and not "1000 mV", and keeps 0.0018 at exactly "1.8 m".
	text := strconv.FormatFloat(x, 'e', max(digits-1, -1), 64)
	mantissa, power, _ := strings.Cut(text, "e")
	exponent, err := strconv.Atoi(power)
	if err != nil || exponent < -15 || exponent >= 15 {
		return text + " " + u.symbol
	}
	step := (exponent + 15) / 3
	return movePoint(mantissa, exponent-(step*3-15)) + " " + prefixes[step] + u.symbol
}

// longTime writes times that people count in minutes, hours and days in these: 1000 s
// and more.
func longTime(x float64) string {
	for _, u := range []struct {
		from, seconds float64
		symbol        string
	}{{2 * 86400, 86400, "d"}, {2 * 3600, 3600, "h"}, {1000, 60, "min"}} {
		if size := math.Abs(x); size >= u.from && size < 999*86400 {
			return engineering(x/u.seconds, unit{symbol: u.symbol, scaled: true}, 3)
		}
	}
	return engineering(x, second, 3)
}

// movePoint moves the decimal point of d.ddd by n digits to the right.
func movePoint(mantissa string, n int) string {
	sign := ""
	if mantissa[0] == '-' {
		sign, mantissa = "-", mantissa[1:]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	for len(fraction) < n {
		fraction += "0"
	}
	whole, fraction = whole+fraction[:n], fraction[n:]
	if fraction != "" {
		fraction = "." + fraction
	}
	return sign + whole + fraction
}

// parse reads "number [prefix][unit]".
func parse(text string, u unit) (float64, error) {
	s := strings.TrimSpace(text)
	if s == "" {
		return 0, fmt.Errorf("%s is empty: write a number with a unit, such as %q", u.name, u.example)
	}
	end := len(leadingNumber.FindString(s))
	x, err := strconv.ParseFloat(s[:end], 64)
	if err != nil {
		if errors.Is(err, strconv.ErrRange) {
			return 0, fmt.Errorf("%s %q is too large to be represented", u.name, text)
		}
		return 0, fmt.Errorf("%s %q does not start with a number: write it like %q", u.name, text, u.example)
	}
	rest := strings.TrimLeftFunc(s[end:], unicode.IsSpace)
	if long, ok := longTimes[rest]; ok && u.name == second.name {
		if x *= long; math.IsInf(x, 0) {
			return 0, fmt.Errorf("%s %q is not a finite number", u.name, text)
		}
		return x, nil
	}
	exponent, ok := scale(rest, u)
	if !ok {
		if fraction, found := strings.CutPrefix(rest, ","); found && fraction != "" &&
			fraction[0] >= '0' && fraction[0] <= '9' {
			return 0, fmt.Errorf("%s %q has a decimal comma: write it like %q", u.name, text, s[:end]+"."+fraction)
		}
		return 0, fmt.Errorf("%s %q has the unit %q, which is not a unit of %s: write it like %q", u.name, text, rest, u.name,
			u.example)
	}
	// Parsing the decimal text with its prefix's exponent avoids the rounding
	// of a multiplication: "1.8m" is exactly the float nearest to 0.0018.
	if exponent != 0 {
		x = scaleDecimal(s[:end], exponent, x)
	}
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, fmt.Errorf("%s %q is not a finite number", u.name, text)
	}
	return x, nil
}

func scaleDecimal(number string, exponent int, fallback float64) float64 {
	mantissa, e := strings.ToLower(number), 0
	if at := strings.IndexByte(mantissa, 'e'); at >= 0 {
		n, err := strconv.Atoi(mantissa[at+1:])
		if err != nil {
			return fallback * math.Pow10(exponent)
		}
		mantissa, e = mantissa[:at], n
	}
	y, err := strconv.ParseFloat(mantissa+"e"+strconv.Itoa(e+exponent), 64)
	if err != nil {
		return fallback * math.Pow10(exponent)
	}
	return y
}

// scale finds the power of ten that a prefix and unit stand for. A prefix
// without a unit ("7k") and no unit at all are accepted.
func scale(s string, u unit) (exponent int, ok bool) {
	for _, spelling := range append([]string{u.symbol, ""}, u.spelling...) {
		prefix, found := strings.CutSuffix(s, spelling)
		if !found || (!u.scaled && prefix != "") {
			continue
		}
		if e, known := prefixExponent[prefix]; known {
			return e, true
		}
	}
	return 0, false
}

// leadingNumber is the decimal number that a text starts with: "1e3" is one, "1 e"
// only in its first part, and hex floats, underscores and words such as "inf" are
// no way to write a voltage.
var leadingNumber = regexp.MustCompile(`^[+-]?[0-9.]*([eE][+-]?[0-9]+)?`)

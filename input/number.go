package input

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Int reads a whole number the way people write one: in decimal digits, with or
// without zeros in front. What looks like one to a programming language, such as
// 0x11, 1e3 or 1_000, is an error that says how to write it.
func Int(text string) (int64, error) {
	return whole(text, "a whole number", func(s string, base int) (int64, error) { return strconv.ParseInt(s, base, 64) })
}

// Uint is Int for numbers of 0 or more.
func Uint(text string) (uint64, error) {
	return whole(text, "a whole number of 0 or more", func(s string, base int) (uint64, error) {
		return strconv.ParseUint(s, base, 64)
	})
}

func whole[T int64 | uint64](text, what string, parse func(s string, base int) (T, error)) (T, error) {
	s := strings.TrimSpace(text)
	x, err := parse(s, 10)
	if err == nil {
		return x, nil
	}
	if y, err := parse(s, 0); err == nil { // 0x11, 0o17, 1_000
		return 0, fmt.Errorf("%q is not %s: write it like %d", text, what, y)
	}
	// Only where it is the same number: 17.5 could be 17 or 18.
	if f, err := strconv.ParseFloat(s, 64); err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		if y, err := parse(strconv.FormatFloat(f, 'f', 0, 64), 10); err == nil {
			return 0, fmt.Errorf("%q is not %s: write it like %d", text, what, y)
		}
	}
	return 0, fmt.Errorf("%q is not %s", text, what)
}

// Float reads a finite decimal number.
func Float(text string) (float64, error) {
	s := strings.TrimSpace(text)
	if x, ok := decimal(s); ok {
		return x, nil
	}
	if part, found := strings.CutSuffix(s, "%"); found {
		if x, ok := decimal(strings.TrimSpace(part)); ok {
			return 0, fmt.Errorf("%q is not a number: write it like %s", text, strconv.FormatFloat(x/100, 'g', 12, 64))
		}
	}
	if x, ok := decimal(strings.Replace(s, ",", ".", 1)); ok {
		return 0, fmt.Errorf("%q is not a number: write it with a point, like %s", text, strconv.FormatFloat(x, 'g', -1, 64))
	}
	return 0, fmt.Errorf("%q is not a finite number", text)
}

func decimal(s string) (float64, bool) {
	if !plainReal.MatchString(s) {
		return 0, false
	}
	x, err := strconv.ParseFloat(s, 64)
	return x, err == nil
}

// Bool reads true or false. Words such as yes and on mean them in some files
// and not in others.
func Bool(text string) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	case "yes", "y", "on", "1", "t":
		return false, fmt.Errorf("%q is not true or false: write true", text)
	case "no", "n", "off", "0", "f":
		return false, fmt.Errorf("%q is not true or false: write false", text)
	}
	return false, fmt.Errorf("%q is not true or false", text)
}

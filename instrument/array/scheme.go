package array

import (
	"fmt"
	"slices"
	"strings"

	"xlab/instrument"
)

// Scheme says what the lines that are not selected do while a cell is stressed.
type Scheme string

const (
	HalfVoltage  Scheme = "v2"
	ThirdVoltage Scheme = "v3"
	Floating     Scheme = "floating"
	Grounded     Scheme = "grounded"
)

// Schemes lists the valid schemes in the order they are offered.
func Schemes() []Scheme { return []Scheme{HalfVoltage, ThirdVoltage, Floating, Grounded} }

// ParseScheme reads a scheme's name; "V/2" and "v/3" are accepted too.
func ParseScheme(text string) (Scheme, error) {
	s := Scheme(strings.Replace(strings.ToLower(strings.TrimSpace(text)), "v/", "v", 1))
	if s.Validate() != nil {
		return "", Scheme(text).Validate()
	}
	return s, nil
}

// Validate refuses what is not one of Schemes, such as the zero value.
func (s Scheme) Validate() error {
	if slices.Contains(Schemes(), s) {
		return nil
	}
	return fmt.Errorf("bias scheme %q is not known: use v2, v3, floating or grounded", string(s))
}

// UnmarshalText, Set, String and Type make a scheme usable in configuration and flags.
func (s *Scheme) UnmarshalText(b []byte) error { return s.Set(string(b)) }
func (s *Scheme) Set(text string) (err error)  { *s, err = ParseScheme(text); return err }
func (s Scheme) String() string                { return string(s) }
func (*Scheme) Type() string                   { return "scheme" }

// Fractions are the line potentials of a scheme per volt across the selected
// device, against ground.
type Fractions struct {
	Row, Col             float64 // selected lines
	OtherRows, OtherCols float64 // meaningless when OthersFloat
	OthersFloat          bool
}

// Fractions gives the scheme's potentials per volt across the device. The
// scheme must be a valid one.
func (s Scheme) Fractions() Fractions {
	f := Fractions{Row: 0.5, Col: -0.5}
	switch s {
	case ThirdVoltage:
		f.OtherRows, f.OtherCols = -1.0/6, 1.0/6
	case Floating:
		f.OthersFloat = true
	case Grounded:
		// The column stays with the other lines at ground, so that only the
		// selected row's devices see anything.
		f.Row, f.Col = 1, 0
	}
	return f
}

// HalfSelected gives what a half-selected device on the row or column sees for v
// across the selected one, by the ideal potentials. Floating lines take what
// the array gives them; half is the worst that equal devices allow.
func (s Scheme) HalfSelected(v instrument.Volts) instrument.Volts {
	switch s {
	case ThirdVoltage:
		return v / 3
	case Grounded:
		return v
	default:
		return v / 2
	}
}

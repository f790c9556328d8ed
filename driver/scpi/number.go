package scpi

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

var (
	// ErrOverRange says that a value is beyond what the instrument can measure.
	ErrOverRange = errors.New("over range")
	// ErrNoValue says that the instrument has no value to give.
	ErrNoValue = errors.New("no value")
	// ErrForm says that an answer is not of the form that was to be expected.
	ErrForm = errors.New("unexpected form")
)

const (
	infinity = 9.9e37  // SCPI-1999 volume 1, 7.2.1.4
	noNumber = 9.91e37 // 7.2.1.5
)

// decimal is <NR1>, <NR2> or <NR3> of IEEE 488.2, 8.7.2 to 8.7.4, with the
// spaces that 8.7.4 allows nowhere.
var decimal = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$`)

// Number reads one number. 9.9E37 of either sign is ErrOverRange, 9.91E37 is
// ErrNoValue, and what is no decimal number ErrForm: half a line that happens to
// begin with digits must not become a value.
func Number(text string) (float64, error) {
	if !decimal.MatchString(text) {
		return 0, fmt.Errorf("%w: %.40q is no number", ErrForm, text)
	}
	x, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%w: %.40q: %w", ErrForm, text, err)
	case math.Abs(x) == noNumber:
		return 0, fmt.Errorf("%w: %s", ErrNoValue, text)
	case math.Abs(x) >= infinity:
		return 0, fmt.Errorf("%w: %s", ErrOverRange, text)
	}
	return x, nil
}

// Numbers reads a list of exactly want numbers, separated by commas.
func Numbers(text string, want int) ([]float64, error) {
	fields := strings.Split(text, ",")
	if len(fields) != want {
		return nil, fmt.Errorf("%w: %d values in %s, %d were asked for", ErrForm, len(fields), Excerpt(text), want)
	}
	values := make([]float64, want)
	for i, f := range fields {
		var err error
		if values[i], err = Number(f); err != nil {
			return nil, &PlaceError{Index: i, Err: err}
		}
	}
	return values, nil
}

// Integer reads a whole number.
func Integer(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%w: %.40q is no whole number", ErrForm, text)
	}
	return n, nil
}

// PlaceError says which value of a list is wrong, counted from 0.
type PlaceError struct {
	Index int
	Err   error
}

func (e *PlaceError) Error() string { return fmt.Sprintf("value %d: %v", e.Index+1, e.Err) }

func (e *PlaceError) Unwrap() error { return e.Err }

// Excerpt quotes the beginning of an answer for a message.
func Excerpt(text string) string {
	const most = 60
	if len(text) <= most {
		return strconv.Quote(text)
	}
	return strconv.Quote(text[:most]) + fmt.Sprintf(" (%d characters)", len(text))
}

package flex

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Number writes x in the shortest decimal form that reads back as x. x must be
// finite; Quantize sees to that.
func Number(x float64) string {
	if x == 0 {
		return "0" // not "-0"
	}
	return strconv.FormatFloat(x, 'G', -1, 64)
}

// Quantize rounds x to the nearest whole multiple of step, the resolution of
// the instrument, ties to even. The result is the float nearest to the decimal
// number that Number writes for it, so that what is checked is what is sent.
// It is an error when x is not finite or step is not positive.
func Quantize(x, step float64) (float64, error) {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, fmt.Errorf("%v is not a finite number", x)
	}
	if !(step > 0) || math.IsInf(step, 0) {
		return 0, fmt.Errorf("resolution %v is not positive", step)
	}
	clean, err := decimal(math.RoundToEven(x/step), step)
	if err != nil {
		return 0, fmt.Errorf("%v in steps of %v: %w", x, step, err)
	}
	switch {
	case math.IsInf(clean, 0):
		return 0, fmt.Errorf("%v is too many steps of %v", x, step)
	case clean == 0:
		return 0, nil // not -0
	}
	return clean, nil
}

// decimal is n steps as the float nearest to the decimal number meant.
func decimal(n, step float64) (float64, error) {
	// A step such as 0.0001 is not a float, but 10000 steps in 1 is: dividing
	// two whole numbers rounds once, and rounds right.
	if perUnit := math.Round(1 / step); perUnit >= 1 && perUnit < 1<<53 && math.Abs(n) < 1<<53 &&
		math.Abs(perUnit*step-1) < 1e-12 {
		return n / perUnit, nil
	}
	// Otherwise the product carries the rounding of its factors in the last
	// digits; fourteen digits are more than any source resolves and fewer than
	// that.
	return strconv.ParseFloat(strconv.FormatFloat(n*step, 'e', 13, 64), 64)
}

// Command joins a header and its parameters: Command("DV", "1", "20") is
// "DV 1,20". A header alone is a command too.
func Command(header string, parameters ...string) string {
	if len(parameters) == 0 {
		return header
	}
	return header + " " + strings.Join(parameters, ",")
}

// MaxLine is the number of characters that one command line may have, without
// its terminator. The guide's limit is taken as 256 with it (recalled, to be
// confirmed on hardware).
const MaxLine = 255

// Lines joins commands by semicolons into as few lines as MaxLine allows, in
// order. A single command that is longer than a line is an error.
func Lines(commands ...string) ([]string, error) {
	var lines []string
	var line strings.Builder
	for _, command := range commands {
		if command == "" || strings.ContainsAny(command, "\r\n;") {
			return nil, fmt.Errorf("%q is not one command", command)
		}
		if len(command) > MaxLine {
			return nil, fmt.Errorf("command of %d characters does not fit into a line of %d: %.40q", len(command), MaxLine,
				command)
		}
		if line.Len() > 0 && line.Len()+1+len(command) > MaxLine {
			lines = append(lines, line.String())
			line.Reset()
		}
		if line.Len() > 0 {
			line.WriteByte(';')
		}
		line.WriteString(command)
	}
	if line.Len() > 0 {
		lines = append(lines, line.String())
	}
	return lines, nil
}

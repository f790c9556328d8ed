package instrument

import (
	"fmt"
	"math"
	"strconv"
)

// Extremes are the largest magnitudes that an instrument can give at all. A
// setting beyond them is a slip of the pen: as a limit it would protect from
// nothing.
type Extremes struct {
	Of      string  // the instrument, for messages: "a B1500A"
	Voltage Volts   // > 0
	Current Amps    // > 0
	Width   Seconds // longest pulse
	Wait    Seconds // longest of any other time
}

// CheckVoltage refuses a voltage beyond the instrument, and names the value that
// was probably meant: m and M are mixed up, and units are left out.
func (e Extremes) CheckVoltage(v Volts) error {
	return beyond(float64(v), float64(e.Voltage), volt, e.Of)
}

// CheckCurrent is CheckVoltage for a current or compliance.
func (e Extremes) CheckCurrent(i Amps) error {
	return beyond(float64(i), float64(e.Current), ampere, e.Of)
}

// CheckWidth is CheckVoltage for the width of a pulse.
func (e Extremes) CheckWidth(t Seconds) error {
	return beyond(float64(t), float64(e.Width), second, e.Of)
}

// CheckWait is CheckVoltage for a time that is no width: a settling time, an aperture.
func (e Extremes) CheckWait(t Seconds) error {
	return beyond(float64(t), float64(e.Wait), second, e.Of)
}

func beyond(x, most float64, u unit, of string) error {
	if math.Abs(x) <= most {
		return nil
	}
	hint := ""
	number := x
	if math.Abs(x) >= 1e6 {
		number = x / 1e6 // M for m
	}
	for i, prefix := range []string{"m", "u", "n"} {
		if math.Abs(number)*math.Pow10(-3*(i+1)) <= most {
			hint = fmt.Sprintf("; did you mean %s%s%s?", strconv.FormatFloat(number, 'g', -1, 64), prefix, u.symbol)
			break
		}
	}
	return fmt.Errorf("%s is beyond the %s that %s can give%s", engineering(x, u, -1), engineering(most, u, -1), of, hint)
}

package procedure

import (
	"fmt"
	"strconv"
	"strings"

	"xlab/input"
)

// Percentage is a part of one, written "5%" or "0.05".
type Percentage float64

func (p *Percentage) Set(s string) error {
	number, percent := strings.CutSuffix(strings.TrimSpace(s), "%")
	x, err := input.Float(number)
	if err != nil {
		return fmt.Errorf("%q is not written like 5%% or 0.05", s)
	}
	if !percent && x >= 1 && x < 100 {
		return fmt.Errorf("%q is not between 0 and 1: did you mean %s%%?", s, strings.TrimSpace(number))
	}
	if percent {
		x /= 100
	}
	if !(x > 0 && x < 1) {
		return fmt.Errorf("%q is not between 0 and 100 %%", s)
	}
	*p = Percentage(x)
	return nil
}

func (p Percentage) String() string { return strconv.FormatFloat(100*float64(p), 'g', 4, 64) + "%" }

func (*Percentage) Type() string { return "percentage" }

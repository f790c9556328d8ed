package main

import (
	"fmt"
	"strconv"
	"strings"
)

// percentage is a part of one, written "5%" or "0.05".
type percentage float64

func (p *percentage) Set(s string) error {
	number, percent := strings.CutSuffix(strings.TrimSpace(s), "%")
	x, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil {
		return fmt.Errorf("%q is not written like 5%% or 0.05", s)
	}
	if percent {
		x /= 100
	}
	if !(x > 0 && x < 1) {
		return fmt.Errorf("%q is not between 0 and 100 %%", s)
	}
	*p = percentage(x)
	return nil
}

func (p percentage) String() string { return strconv.FormatFloat(100*float64(p), 'g', 4, 64) + "%" }

func (*percentage) Type() string { return "percentage" }

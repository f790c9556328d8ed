package instrument

import (
	"fmt"
	"math"
)

// Limits bound what may be asked of an instrument. The zero value allows
// nothing: a bench whose limits were forgotten refuses every drive. Limits are
// checked by the driver just before a value is encoded, after it has been
// rounded to what the instrument will really do; a value outside is refused
// with a *LimitError and no byte is sent. Nothing is ever clamped.
type Limits struct {
	MinVoltage Volts `json:"min_voltage"` // most negative voltage that a channel may force, <= 0
	MaxVoltage Volts `json:"max_voltage"` // most positive voltage that a channel may force, >= 0
	// largest difference between any two channels' voltages at one moment, ground included; it bounds what a device
	// between them can see
	MaxSpan    Volts   `json:"max_span"`
	MaxCurrent Amps    `json:"max_current"`      // largest |current| to force, and the largest compliance
	MaxWidth   Seconds `json:"max_width"`        // longest pulse, and longest time of one sweep step
	Origin     string  `json:"origin,omitempty"` // where the limits were set, for messages: "bench.yaml: limits"
}

// LimitError says which value was refused, by which limit, set where.
type LimitError struct {
	Quantity string // what was out of limits: "voltage", "compliance", "pulse width"
	Value    string // as it would have been sent
	Limit    string // the bound it passed
	Origin   string // where the bound was set
}

func (e *LimitError) Error() string {
	set := "set in " + e.Origin
	if e.Origin == "" {
		set = "no limits were configured, and without them nothing is allowed"
	}
	return fmt.Sprintf("%s %s is beyond the limit of %s (%s); nothing was sent", e.Quantity, e.Value, e.Limit, set)
}

// CheckVoltage refuses a forced voltage outside [MinVoltage, MaxVoltage].
// Zero volts are always allowed: they are the safe state.
func (l Limits) CheckVoltage(v Volts) error {
	switch {
	case v == 0:
		return nil
	case finite(v) && (v > 0 && v <= l.MaxVoltage || v < 0 && v >= l.MinVoltage):
		return nil
	case v < 0:
		return l.refuse("voltage", v.Exact(), l.MinVoltage.Exact())
	default: // too positive, or not a number
		return l.refuse("voltage", v.Exact(), l.MaxVoltage.Exact())
	}
}

// CheckSpan refuses a set of simultaneous channel voltages whose largest
// difference, with the grounded lines at 0 V among them, is beyond MaxSpan.
func (l Limits) CheckSpan(voltages ...Volts) error {
	lowest, highest := Volts(0), Volts(0)
	for _, v := range voltages {
		if !finite(v) {
			return l.refuse("voltage", v.Exact(), l.MaxSpan.Exact())
		}
		lowest, highest = min(lowest, v), max(highest, v)
	}
	if span := highest - lowest; !(span <= l.MaxSpan) {
		return l.refuse("voltage between two channels", span.Exact(), l.MaxSpan.Exact())
	}
	return nil
}

// CheckCurrent refuses a forced current whose magnitude is beyond MaxCurrent.
func (l Limits) CheckCurrent(i Amps) error {
	if a := Amps(math.Abs(float64(i))); !finite(i) || !(a <= l.MaxCurrent) {
		return l.refuse("current", i.Exact(), l.MaxCurrent.Exact())
	}
	return nil
}

// CheckCompliance refuses a current compliance that is not positive or is
// beyond MaxCurrent. There is no drive without a compliance.
func (l Limits) CheckCompliance(i Amps) error {
	if !(i > 0) {
		return l.refuse("compliance", i.Exact(), "more than 0 A: every drive needs one")
	}
	if !finite(i) || !(i <= l.MaxCurrent) {
		return l.refuse("compliance", i.Exact(), l.MaxCurrent.Exact())
	}
	return nil
}

// CheckWidth refuses a pulse width or step time that is not positive or is
// beyond MaxWidth.
func (l Limits) CheckWidth(t Seconds) error {
	if !(t > 0) {
		return l.refuse("pulse width", t.Exact(), "more than 0 s")
	}
	if !finite(t) || !(t <= l.MaxWidth) {
		return l.refuse("pulse width", t.Exact(), l.MaxWidth.Exact())
	}
	return nil
}

// finite keeps what no instrument can do out of comparisons. Comparisons are
// written so that a limit that is not a number refuses as well.
func finite[Q ~float64](x Q) bool { return !math.IsNaN(float64(x)) && !math.IsInf(float64(x), 0) }

func (l Limits) refuse(quantity, value, limit string) error {
	return &LimitError{Quantity: quantity, Value: value, Limit: limit, Origin: l.Origin}
}

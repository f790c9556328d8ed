package b1500

import (
	"fmt"
	"math"

	"xlab/driver/flex"
	"xlab/instrument"
)

// Timing of the pulses and waits (programming guide, PT, PA; WT recalled).
const (
	timeStep   = 100e-6  // s, resolution of all of them
	minWidth   = 500e-6  // s
	maxWidth   = 2.0     // s
	minPeriod  = 5e-3    // s
	maxPeriod  = 5.0     // s
	maxPause   = 99.9999 // s, PA
	maxDelay   = 65.535  // s, WT
	longPulse  = 100e-3  // s, from here on a pulse needs the longer gap
	shortGap   = 2e-3    // s between a pulse's end and the end of its period
	longGap    = 10e-3   // s, likewise for pulses longer than longPulse
	maxLevels  = 10001   // WV, WI
	tolerance  = 0.01    // by which a width or period may differ from what was asked
	roundSlack = 1e-6    // in steps, absorbs the rounding of the quotient when rounding up
)

// exactTime rounds t to the step of 0.1 ms and refuses when that changes it by
// more than 1 %: the width of a pulse is stress, and is not changed silently.
func (c *checker) exactTime(what string, t instrument.Seconds, lowest, highest float64) float64 {
	x := c.quantize(what+": ", float64(t))
	switch {
	case x < lowest:
		c.usage(0, fmt.Errorf("%s %s is shorter than the shortest possible, %s", what, t.Exact(),
			instrument.Seconds(lowest).Exact()))
	case x > highest:
		c.usage(0, fmt.Errorf("%s %s is longer than the longest possible, %s", what, t.Exact(),
			instrument.Seconds(highest).Exact()))
	case math.Abs(x-float64(t)) > tolerance*float64(t):
		below := instrument.Seconds(math.Floor(float64(t)/timeStep) * timeStep)
		c.usage(0, fmt.Errorf("%s %s cannot be made: the analyzer goes in steps of %s, so %s and %s are possible", what,
			t.Exact(), instrument.Seconds(timeStep).Exact(), below, below+timeStep))
	}
	return x
}

// quantize rounds a time to the step of 0.1 ms.
func (c *checker) quantize(what string, t float64) float64 {
	x, err := flex.Quantize(t, timeStep)
	if err != nil {
		c.usage(0, fmt.Errorf("%s%w", what, err))
	}
	return x
}

// waitTime rounds a wait up to the step of 0.1 ms: waiting a little longer
// before a measurement is never wrong.
func (c *checker) waitTime(what string, t instrument.Seconds, highest float64) float64 {
	if !(t >= 0) || float64(t) > highest {
		c.usage(0, fmt.Errorf("%s %s is not between 0 s and %s", what, t.Exact(), instrument.Seconds(highest).Exact()))
	}
	return c.quantize("", math.Ceil(float64(t)/timeStep-roundSlack)*timeStep)
}

// pulseTimes gives width and period as they will be sent.
func (c *checker) pulseTimes(width, period instrument.Seconds) (w, p float64) {
	w = c.exactTime("pulse width", width, minWidth, maxWidth)
	gap := shortGap
	if w > longPulse {
		gap = longGap
	}
	p = c.quantize("pulse period: ", math.Max(minPeriod, w+gap))
	if period != 0 {
		p = c.exactTime("pulse period", period, p, maxPeriod)
	}
	return w, p
}

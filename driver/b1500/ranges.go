package b1500

import (
	"fmt"
	"math"

	"xlab/driver/flex"
	"xlab/instrument"
)

// sourceRange is one output range of an SMU.
type sourceRange struct {
	code int     // as in DV, PV, WV, DI, WI
	full float64 // largest magnitude, V or A
	step float64 // resolution of the level, V or A: 50 ppm of full
}

// Output ranges in ascending order (data sheet, "Voltage range, resolution";
// the resolutions are recalled). The 0.5 V range is left out on purpose: a read
// at 0.2 V between writes at 1.2 V would change the range twice, and a range
// change disturbs the output. Beyond 40 V the driver does not go.
var (
	voltageRanges = [...]sourceRange{
		{20, 2, 100e-6},
		{50, 5, 250e-6},
		{200, 20, 1e-3},
		{400, 40, 2e-3},
	}
	// The high-power unit has no 5 V range.
	voltageRangesHighPower = [...]sourceRange{
		{20, 2, 100e-6},
		{200, 20, 1e-3},
		{400, 40, 2e-3},
	}
	currentRanges = [...]sourceRange{
		{11, 1e-9, 50e-15},
		{12, 10e-9, 500e-15},
		{13, 100e-9, 5e-12},
		{14, 1e-6, 50e-12},
		{15, 10e-6, 500e-12},
		{16, 100e-6, 5e-9},
		{17, 1e-3, 50e-9},
		{18, 10e-3, 500e-9},
		{19, 100e-3, 5e-6},
	}
)

// Models of SMU that the driver knows, with their voltage ranges.
const (
	modelHighResolution = "B1517A" // HRSMU
	modelMediumPower    = "B1511A" // MPSMU
	modelMediumPowerB   = "B1511B" // MPSMU
	modelHighPower      = "B1510A" // HPSMU
)

func rangesOf(model string) []sourceRange {
	switch model {
	case modelHighResolution, modelMediumPower, modelMediumPowerB:
		return voltageRanges[:]
	case modelHighPower:
		return voltageRangesHighPower[:]
	}
	return nil
}

// Largest currents of an SMU by its voltage (data sheet: 100 mA up to 20 V,
// 50 mA up to 40 V for HRSMU and MPSMU; the high-power unit is held to the same).
const (
	maxCurrent         = 100e-3
	maxCurrentAbove20V = 50e-3
)

// Extremes are what the analyzer can give at most, whichever units are in its
// slots and however long one waits.
func Extremes() instrument.Extremes {
	return instrument.Extremes{Of: "a B1500A", Voltage: instrument.Volts(voltageRanges[len(voltageRanges)-1].full),
		Current: maxCurrent, Width: maxWidth, Wait: maxPause}
}

// quantize rounds x to what the smallest range that covers it can give. ok is
// false when x is not finite or beyond all ranges.
func quantize(x float64, ranges []sourceRange) (value float64, r sourceRange, ok bool) {
	for _, r := range ranges {
		if math.Abs(x) > r.full+r.step {
			continue
		}
		value, err := flex.Quantize(x, r.step)
		if err == nil && math.Abs(value) <= r.full {
			return value, r, true
		}
	}
	return 0, sourceRange{}, false
}

// measuringCode is the range code for TI and RI: 0 for automatic ranging, else
// the negative code of the smallest range that covers the largest current
// expected.
func (c *checker) measuringCode(largest instrument.Amps) int {
	switch {
	case largest == 0:
		return 0
	case !(largest > 0):
		c.usage(0, fmt.Errorf("measuring range %s is not a current: give the largest one expected, or 0 for "+
			"automatic ranging", largest.Exact()))
	}
	for _, r := range currentRanges {
		// A range written as 1e-6*10 must not miss 10 uA by a rounding.
		if float64(largest) <= r.full*(1+1e-9) {
			return -r.code
		}
	}
	c.usage(0, fmt.Errorf("measuring range %s is beyond the largest one, %s", largest.Exact(),
		instrument.Amps(maxCurrent).Exact()))
	return 0
}

// integration is a setting of the analog-to-digital converters.
type integration struct {
	highResolution bool
	n              int     // power line cycles, or samples of the high-speed converter
	seconds        float64 // what n amounts to
}

// of is how long measuring the channels takes: high-speed converters work in
// parallel (PAD), each channel has one.
func (in integration) of(channels []instrument.Channel) float64 {
	if in.highResolution {
		return float64(len(channels)) * in.seconds
	}
	return in.seconds
}

const (
	sampleTime = 80e-6 // s, one sample of the high-speed converter (recalled)
	maxSamples = 1023  // AIT 0,1,n
	maxCycles  = 100   // AIT 1,2,n
)

// integrate chooses the converter for a number of channels: the high-resolution
// one from one power line cycle on, but the high-speed ones as far as they reach
// where several channels are measured at each level of a sweep: the analyzer has
// one high-resolution converter, which would take the channels in turn and hold
// the level so much longer. The time is rounded up to what the converter offers, so that it
// never integrates less than was asked for; an excess of up to 1 % of a cycle
// or sample is ignored.
func (c *checker) integrate(aperture instrument.Seconds, together bool) integration {
	t, cycle := float64(aperture), 1/c.lineFrequency
	if !(t > 0) || math.IsInf(t, 0) {
		c.usage(0, fmt.Errorf("aperture %s is not a positive time", aperture.Exact()))
	}
	unit, most, high := sampleTime, maxSamples, false
	if t >= 0.99*cycle && !(together && t <= sampleTime*(maxSamples+0.01)) {
		unit, most, high = cycle, maxCycles, true
	}
	n := math.Max(1, math.Ceil(t/unit-0.01))
	if n > float64(most) {
		c.usage(0, fmt.Errorf("aperture %s is longer than the converter's longest, %s", aperture.Exact(),
			instrument.Seconds(float64(most)*unit).Exact()))
	}
	return integration{highResolution: high, n: int(n), seconds: n * unit}
}

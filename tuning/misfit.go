package tuning

import (
	"fmt"
	"math"
	"strings"

	"xlab/instrument"
	"xlab/instrument/profile"
)

const (
	// misfitShare is the part of the devices asked for, three at least, that have to be
	// short at the strongest pulse before it is the range that is wrong and not they.
	misfitShare = 0.02
	// misfitThreshold is the relative error of a threshold that is worth saying.
	misfitThreshold = 0.1
	// misfitPulses are needed in a direction to say anything about its threshold.
	misfitPulses = 30
)

// Misfit says what was seen that the parameters or the device profile behind them do
// not fit, and what to change; "" where nothing is found, or where every device that
// is not dead is right.
func (o *Outcome) Misfit(s Spec) string {
	if sum := o.Summary(); sum.GaveUp+sum.Disturbed == 0 {
		return ""
	}
	p := profile.Of(s.Profile)
	believed := newResponse(0, priorOf(p))
	seen := newResponse(len(o.Records), priorOf(p))
	var pulses, short [2]int
	for i, d := range o.Records {
		n := len(d.Shots)
		for _, shot := range d.Shots {
			pulses[direction(shot.Voltage > 0)]++
			if shot.Before > 0 && shot.After > 0 {
				seen.add(observation{device: i, up: shot.Voltage > 0, x: seen.state(shot.Before),
					volts: math.Abs(float64(shot.Voltage)), sag: shot.Sag, change: shot.change(),
					readNoise: s.ReadNoise * math.Hypot(float64(shot.Before), float64(shot.After))})
			}
		}
		if !d.Verdict.Right() && n >= without && s.Pulses.strongest(d.Shots[n-1].Voltage) &&
			s.Pulses.strongest(d.Shots[n-without].Voltage) {
			short[direction(d.Shots[n-without].Voltage > 0)]++
		}
	}
	seen.fit()
	var list []string
	for _, up := range []bool{true, false} {
		k, name, key := direction(up), "set", "vset_max"
		if !up {
			name, key = "reset", "vreset_max"
		}
		is, was := seen.threshold(up), believed.threshold(up)
		if _, strongest := s.Pulses.span(up); short[k] >= max(3, int(misfitShare*float64(len(o.Records)))) {
			list = append(list, fmt.Sprintf("%d devices stopped short at the strongest %s pulse, %v, by %d pulses the mean "+
				"device answers at %v: raise tuning.%s, which pulses.%s.strongest of the device profile %s sets by default",
				short[k], name, signed(strongest, up), pulses[k], signed(is, up), key, name, p.Name))
		}
		if math.Abs(is/was-1) > misfitThreshold && pulses[k] >= misfitPulses {
			list = append(list, fmt.Sprintf("the mean %s threshold is %v by %d pulses, the device profile %s believes %v: "+
				"change response.%s.middle by %v (device.profile)", name, signed(is, up), pulses[k], p.Name, signed(was, up),
				name, instrument.Volts(is-was)))
		}
	}
	return strings.Join(list, "; ")
}

// threshold is the magnitude in V at which the mean device changes by 5 % at the
// reference state.
func (r *response) threshold(up bool) float64 {
	want := math.Log(0.05 * r.prior.reference)
	low, high := 0.0, 10.0
	for range 40 {
		if middle := (low + high) / 2; r.predict(up, 0, middle, 0, new([deviceSize]float64), nil) < want {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}

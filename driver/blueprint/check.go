package blueprint

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"xlab/instrument"
)

// What the box can do, from its (imaginary) data sheet, hwdocs/blueprint.md.
const (
	channels    = 4     // numbered from 1
	perVolt     = 1000  // steps in 1 V
	perSecond   = 10000 // steps in 1 s, for pulses
	maxVolts    = 10.0  // V
	maxAmps     = 0.1   // A
	maxWidth    = 1.0   // s
	maxAperture = 1.0   // s
	maxWait     = 100.0 // s
)

// line is one request of a step. Its answer is readings of all channels, or "ok".
type line struct {
	text     string
	readings bool
}

// script is a step that has passed every check, ready to be sent.
type script struct {
	lines   []line
	measure []instrument.Channel // whose readings belong into the result, in this order
	busy    instrument.Seconds
}

// Extremes are what the box can give at most, for a configuration to be checked
// against.
func Extremes() instrument.Extremes {
	return instrument.Extremes{Of: "an SM1", Voltage: maxVolts, Current: maxAmps, Width: maxWidth, Wait: maxWait}
}

// checkAll checks every step, and adds up how long the box needs for them.
func checkAll(limits instrument.Limits, steps []instrument.Step) ([]script, instrument.Seconds, error) {
	scripts, busy := make([]script, len(steps)), instrument.Seconds(0)
	for i, step := range steps {
		var err error
		if scripts[i], err = check(limits, step); err != nil {
			return nil, 0, err
		}
		busy += scripts[i].busy
	}
	return scripts, busy, nil
}

// check turns a step into lines, or says why it cannot be done. All numbers in
// the lines are the rounded ones, and the rounded ones are what the limits see:
// a value that is fine as it was asked for may be rounded up to beyond a limit.
func check(limits instrument.Limits, step instrument.Step) (script, error) {
	switch s := step.(type) {
	case instrument.Spot:
		return checkSpot(limits, s)
	case instrument.Pulse:
		return checkPulse(limits, s)
	}
	// A step that the box does not have is refused, never imitated by
	// something that is nearly the same.
	return script{}, usage(fmt.Errorf("the SM1 cannot perform a %T", step))
}

func checkSpot(limits instrument.Limits, s instrument.Spot) (script, error) {
	force, rest, err := checkDrives(limits, s.Drives)
	if err != nil {
		return script{}, err
	}
	if err := checkMeasured(s.Measure); err != nil {
		return script{}, err
	}
	if len(s.Measure) == 0 {
		return script{}, usage(errors.New("the spot measures nothing"))
	}
	// These are written so that NaN fails too: no comparison with it is true.
	if !(s.Aperture > 0 && s.Aperture <= maxAperture) {
		return script{}, usage(fmt.Errorf("aperture %s is not between 0 s and %s", s.Aperture.Exact(),
			instrument.Seconds(maxAperture)))
	}
	if !(s.Settle >= 0 && s.Settle <= maxWait) {
		return script{}, usage(fmt.Errorf("settling time %s is not between 0 s and %s", s.Settle.Exact(),
			instrument.Seconds(maxWait)))
	}
	if !(s.Range >= 0) {
		return script{}, usage(fmt.Errorf("range %s", s.Range.Exact()))
	}
	out := script{measure: s.Measure, busy: s.Settle + s.Aperture}
	if len(s.Drives) > 0 {
		out.lines = append(out.lines, line{text: "VOLT" + force})
	}
	if s.Settle > 0 {
		out.lines = append(out.lines, line{text: "WAIT " + number(float64(s.Settle))})
	}
	out.lines = append(out.lines, line{text: "CURR? " + number(float64(s.Aperture)), readings: true})
	if len(s.Drives) > 0 { // every step ends at 0 V, with the compliances it had
		out.lines = append(out.lines, line{text: "VOLT" + rest})
	}
	return out, nil
}

func checkPulse(limits instrument.Limits, p instrument.Pulse) (script, error) {
	force, _, err := checkDrives(limits, p.Drives)
	if err != nil {
		return script{}, err
	}
	if err := checkMeasured(p.Measure); err != nil {
		return script{}, err
	}
	if len(p.Drives) == 0 {
		return script{}, usage(errors.New("the pulse drives nothing"))
	}
	if err := limited(0, limits.CheckWidth(p.Width)); err != nil {
		return script{}, err
	}
	// A width is stress: one that the box can only make approximately is
	// refused, and the message says what is possible.
	width := math.Round(float64(p.Width)*perSecond) / perSecond
	if width == 0 || width > maxWidth || math.Abs(width-float64(p.Width)) > 0.01*float64(p.Width) {
		return script{}, usage(fmt.Errorf("pulse width %s cannot be made: the SM1 goes in steps of 0.1 ms up to %s",
			p.Width.Exact(), instrument.Seconds(maxWidth)))
	}
	if err := limited(0, limits.CheckWidth(instrument.Seconds(width))); err != nil {
		return script{}, err
	}
	out := script{measure: p.Measure, busy: instrument.Seconds(width)}
	out.lines = []line{{text: "PULS " + number(width) + force, readings: true}}
	if p.Period != 0 {
		wait := float64(p.Period) - width
		if !(wait >= 0 && wait <= maxWait) {
			return script{}, usage(fmt.Errorf("period %s does not hold a pulse of %s, or is longer than it by more than %s",
				p.Period.Exact(), out.busy.Exact(), instrument.Seconds(maxWait)))
		}
		out.lines = append(out.lines, line{text: "WAIT " + number(wait)})
		out.busy = p.Period
	}
	return out, nil
}

// checkDrives gives " n,v,i" for each drive, and the same at 0 V.
func checkDrives(limits instrument.Limits, drives []instrument.Drive) (force, rest string, err error) {
	driven := map[instrument.Channel]bool{}
	levels := make([]instrument.Volts, len(drives))
	for i, d := range drives {
		switch {
		case d.Channel < 1 || d.Channel > channels:
			return "", "", usage(fmt.Errorf("the SM1 has no channel %d", d.Channel))
		case driven[d.Channel]:
			return "", "", usage(fmt.Errorf("channel %d is driven twice", d.Channel))
		}
		driven[d.Channel] = true
		// Dividing by the number of steps in a volt gives the float nearest to
		// the decimal that is sent; multiplying by 0.001 would not.
		volts := math.Round(float64(d.Voltage)*perVolt) / perVolt
		levels[i] = instrument.Volts(volts)
		if err := limited(d.Channel, limits.CheckVoltage(levels[i])); err != nil {
			return "", "", err
		}
		if err := limited(d.Channel, limits.CheckCompliance(d.Compliance)); err != nil {
			return "", "", err
		}
		if math.Abs(volts) > maxVolts || d.Compliance > maxAmps {
			return "", "", usage(fmt.Errorf("%s with a compliance of %s is beyond the %s and %s of the SM1", d.Voltage.Exact(),
				d.Compliance.Exact(), instrument.Volts(maxVolts), instrument.Amps(maxAmps)))
		}
		compliance := number(float64(d.Compliance))
		force += fmt.Sprintf(" %d,%s,%s", d.Channel, number(volts), compliance)
		rest += fmt.Sprintf(" %d,0,%s", d.Channel, compliance)
	}
	return force, rest, limited(0, limits.CheckSpan(levels...))
}

func checkMeasured(measure []instrument.Channel) error {
	for i, ch := range measure {
		if ch < 1 || ch > channels || slices.Contains(measure[:i], ch) {
			return usage(fmt.Errorf("channels to measure are %v; the SM1 has channels 1 to %d, each once", measure, channels))
		}
	}
	return nil
}

// number writes x so that the box reads exactly x.
func number(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// limited gives a limit's refusal the place where it happened; channel 0 is none.
func limited(ch instrument.Channel, err error) error {
	if err == nil {
		return nil
	}
	out := &instrument.Error{Op: "blueprint run", Kind: instrument.KindLimit, Err: err}
	if ch != 0 {
		out.Channel = strconv.Itoa(int(ch))
	}
	return out
}

func usage(err error) error {
	return &instrument.Error{Op: "blueprint run", Kind: instrument.KindUsage, Err: err, Advice: "nothing was sent"}
}

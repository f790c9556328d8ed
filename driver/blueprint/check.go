package blueprint

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"xlab/instrument"
)

// What the box can do, from its (imaginary) data sheet.
const (
	channel     = instrument.Channel(1)
	perVolt     = 1000  // steps in 1 V
	perSecond   = 1000  // steps in 1 s, for pulses
	maxVolts    = 10.0  // V
	maxAperture = 1.0   // s
	maxSettle   = 100.0 // s
)

// line is one request of a step, and what to do with its answer.
type line struct {
	text    string
	reading bool // a measured value that belongs into the result; else "ok"
	dropped bool // a measured value that nobody asked for
}

// script is a step that has passed every check, ready to be sent.
type script struct {
	lines []line
	busy  instrument.Seconds
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
	force, err := checkDrive(limits, s.Drives)
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
	if !(s.Settle >= 0 && s.Settle <= maxSettle) {
		return script{}, usage(fmt.Errorf("settling time %s is not between 0 s and %s", s.Settle.Exact(),
			instrument.Seconds(maxSettle)))
	}
	if !(s.Range >= 0) {
		return script{}, usage(fmt.Errorf("range %s", s.Range.Exact()))
	}
	out := script{busy: s.Settle + s.Aperture}
	if len(s.Drives) > 0 {
		out.lines = append(out.lines, line{text: "VOLT " + force})
	}
	if s.Settle > 0 {
		out.lines = append(out.lines, line{text: "WAIT " + number(float64(s.Settle))})
	}
	out.lines = append(out.lines, line{text: "CURR? " + number(float64(s.Aperture)), reading: true})
	if len(s.Drives) > 0 { // every step ends at 0 V, with the compliance it had
		out.lines = append(out.lines, line{text: "VOLT 0," + number(float64(s.Drives[0].Compliance))})
	}
	return out, nil
}

func checkPulse(limits instrument.Limits, p instrument.Pulse) (script, error) {
	force, err := checkDrive(limits, p.Drives)
	if err != nil {
		return script{}, err
	}
	if err := checkMeasured(p.Measure); err != nil {
		return script{}, err
	}
	if len(p.Drives) == 0 {
		return script{}, usage(errors.New("the pulse drives nothing"))
	}
	if err := limited(limits.CheckWidth(p.Width)); err != nil {
		return script{}, err
	}
	// A width is stress: one that the box can only make approximately is
	// refused, and the message says what is possible.
	width := math.Round(float64(p.Width)*perSecond) / perSecond
	if width == 0 || math.Abs(width-float64(p.Width)) > 0.01*float64(p.Width) {
		return script{}, usage(fmt.Errorf("pulse width %s cannot be made: the SM1 goes in steps of 1 ms", p.Width.Exact()))
	}
	if err := limited(limits.CheckWidth(instrument.Seconds(width))); err != nil {
		return script{}, err
	}
	busy := instrument.Seconds(width)
	out := script{lines: []line{{text: "PULS " + force + "," + number(width), reading: len(p.Measure) > 0,
		dropped: len(p.Measure) == 0}}}
	if p.Period != 0 {
		if !(p.Period >= busy && p.Period <= maxSettle) {
			return script{}, usage(fmt.Errorf("period %s does not hold a pulse of %s", p.Period.Exact(), busy.Exact()))
		}
		out.lines = append(out.lines, line{text: "WAIT " + number(float64(p.Period)-width)})
		busy = p.Period
	}
	out.busy = busy
	return out, nil
}

// checkDrive gives "v,i" for the one drive that there may be.
func checkDrive(limits instrument.Limits, drives []instrument.Drive) (string, error) {
	var volts float64
	var text string
	for i, d := range drives {
		switch {
		case d.Channel != channel:
			return "", usage(fmt.Errorf("the SM1 has no channel %d", d.Channel))
		case i > 0:
			return "", usage(errors.New("the channel is driven twice"))
		}
		// Dividing by the number of steps in a volt gives the float nearest to
		// the decimal that is sent; multiplying by 0.001 would not.
		volts = math.Round(float64(d.Voltage)*perVolt) / perVolt
		if err := limited(limits.CheckVoltage(instrument.Volts(volts))); err != nil {
			return "", err
		}
		if err := limited(limits.CheckCompliance(d.Compliance)); err != nil {
			return "", err
		}
		if math.Abs(volts) > maxVolts {
			return "", usage(fmt.Errorf("%s is beyond the %s of the SM1", d.Voltage.Exact(), instrument.Volts(maxVolts)))
		}
		text = number(volts) + "," + number(float64(d.Compliance))
	}
	return text, limited(limits.CheckSpan(instrument.Volts(volts)))
}

func checkMeasured(channels []instrument.Channel) error {
	for i, ch := range channels {
		if ch != channel || i > 0 {
			return usage(fmt.Errorf("channels to measure are %v, the SM1 has channel 1 alone", channels))
		}
	}
	return nil
}

// number writes x so that the box reads exactly x.
func number(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// limited gives a limit's refusal the place where it happened.
func limited(err error) error {
	if err == nil {
		return nil
	}
	return &instrument.Error{Op: "blueprint run", Channel: "1", Kind: instrument.KindLimit, Err: err}
}

func usage(err error) error {
	return &instrument.Error{Op: "blueprint run", Kind: instrument.KindUsage, Err: err, Advice: "nothing was sent"}
}

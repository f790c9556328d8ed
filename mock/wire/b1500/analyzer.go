package b1500

import (
	"math"

	"xlab/mock/bench"
)

// Timing holds the times of the analyzer's own work in s.
type Timing struct {
	Command     float64 // executing one command, >= 0 (K)
	Conversion  float64 // one conversion of an ADC, > 0 (K)
	SourceWait  float64 // initial wait after a sweep source changed, times the N of WAT 1, >= 0
	MeasureWait float64 // initial wait before a sweep step is measured, times the N of WAT 2, >= 0
}

// Options configures an analyzer. Start from DefaultOptions.
type Options struct {
	Identity      string  // answer to *IDN?
	Slots         []Slot  // plugged-in modules
	LineFrequency float64 // of the mains in Hz, sets the length of a PLC
	InputBuffer   int     // longest command line in bytes with its end; a longer one is refused with error 150
	Timing        Timing

	// StrictInterlock refuses every level other than 0 while the interlock
	// contact is open. A real analyzer refuses only beyond 42 V; a bench that
	// must be dead with its cover open wants none at all.
	StrictInterlock bool

	// StrictTimes refuses pulse times that are no multiples of 0.1 ms, which a
	// real analyzer quietly rounds.
	StrictTimes bool
}

// DefaultOptions is an analyzer as the project's bench has it: four HRSMUs on
// 50 Hz mains, the real interlock rule.
func DefaultOptions() Options {
	return Options{
		Identity:      "Agilent Technologies,B1500A,0,A.06.01.2016.0902",
		Slots:         DefaultSlots(),
		LineFrequency: 50,
		InputBuffer:   256,
		Timing:        Timing{Command: 20e-6, Conversion: 80e-6},
	}
}

// Analyzer is one simulated analyzer. It is not safe for concurrent use: its
// methods act on the bench and are called under the bench's Do, those for
// faults as well.
type Analyzer struct {
	terminals bench.Terminals
	options   Options
	commands  map[string]command

	slots    [11]*channel // by slot number, nil where empty
	channels []*channel   // in slot order

	// What the client set, beyond single channels.
	settings settings
	sources  sources
	programs programs

	errors        errorQueue
	requestEnable byte // *SRE
	answers       answers

	timerZero float64 // bench time of the last TSR
	pending   float64 // time that passed for the analyzer and not yet for the bench

	change  map[int]bench.Output // handed to SetOutputs, reused
	scale   []float64            // handed to Sample, reused
	silent  bool                 // deaf and mute until switched back
	hanging bool                 // deaf and mute until a device clear
}

// elapse lets time pass for the analyzer. The bench is told when it matters, so
// that a line of settings does not become a dozen tiny holds.
func (a *Analyzer) elapse(seconds float64) { a.pending += seconds }

// settle hands the time that passed to the bench.
func (a *Analyzer) settle() {
	if a.pending > 0 {
		t := a.pending
		a.pending = 0
		a.terminals.Hold(t)
	}
}

// now is the bench time as the analyzer sees it.
func (a *Analyzer) now() float64 {
	a.settle()
	return a.terminals.Now()
}

// sample measures all units over the aperture.
func (a *Analyzer) sample(aperture float64) []bench.Sample {
	a.settle()
	return a.terminals.Sample(aperture, a.scale)
}

// drive tells the bench the outputs of the channels, all at one moment. Units
// that stay as they are are left out.
func (a *Analyzer) drive(chs ...*channel) {
	clear(a.change)
	for _, ch := range chs {
		if o := ch.output(); o != ch.applied {
			ch.applied = o
			a.change[ch.unit] = o
		}
	}
	if len(a.change) > 0 {
		a.settle()
		a.terminals.SetOutputs(a.change)
	}
}

// interlocked is the fault of an output that the open interlock forbids.
func (a *Analyzer) interlocked(ch *channel, s setting) fault {
	if a.beyondInterlock(s) && a.terminals.InterlockOpen() {
		return fault{interlockOpen, ch.slot}
	}
	return fault{}
}

// ready is the fault of a source that cannot be used now, with levels up to peak.
func (a *Analyzer) ready(ch *channel, s setting, peak float64) fault {
	if !ch.on {
		return ch.off()
	}
	s.level = peak
	return a.interlocked(ch, s)
}

// beyondInterlock tells whether an output needs the interlock closed. A current
// source may reach its voltage compliance.
func (a *Analyzer) beyondInterlock(s setting) bool {
	if a.options.StrictInterlock {
		return s.level != 0
	}
	if s.mode == current {
		return math.Abs(s.compliance) > a.settings.interlockVolts
	}
	return math.Abs(s.level) > a.settings.interlockVolts
}

// guardInterlock takes outputs back to 0 V that were up when the interlock
// opened, which the instrument does by itself.
func (a *Analyzer) guardInterlock() {
	if !a.terminals.InterlockOpen() {
		return
	}
	for _, ch := range a.channels {
		if ch.on && a.beyondInterlock(ch.present) {
			ch.present, ch.stored = zero(), nil
			a.drive(ch)
			a.errors.push(fault{interlockOpen, ch.slot})
		}
	}
}

// aperture is the integration time of a channel in s.
func (a *Analyzer) aperture(ch *channel) float64 {
	t := a.integrationTime(a.settings.integration[ch.adc])
	if ch.adc == 1 && a.settings.autoZero {
		t *= 2 // the converter's own zero is measured too
	}
	return t
}

// pulseAperture is the integration time within a pulse in s.
func (a *Analyzer) pulseAperture() float64 {
	return a.integrationTime(a.settings.integration[2])
}

func (a *Analyzer) integrationTime(i integration) float64 {
	switch i.mode {
	case 2:
		return i.n / a.options.LineFrequency
	case 3:
		return i.n
	}
	return i.n * a.options.Timing.Conversion
}

package b1500

import (
	"math"

	"xlab/mock/bench"
)

// Pulse times are multiples of pulseStep s. timeSlack is what two times of a
// pulse may differ by and still mean the same moment.
const (
	pulseStep     = 1e-4
	timeSlack     = 1e-9
	shortestPulse = 0.5e-3
	longestPulse  = 2.0
	shortestCycle = 5e-3
	longestCycle  = 5.0
	recovery      = 2e-3 // from the end of a pulse to the end of its period, at least
)

// pulseTiming is PT.
type pulseTiming struct {
	hold, width, period, delay float64 // period 0 = automatic
}

// multiTiming is MCPT.
type multiTiming struct {
	hold, period, measureDelay float64 // 0 = automatic for the last two
	average                    int
}

// channelTiming is MCPNT; width 0 = not set.
type channelTiming struct{ delay, width float64 }

// pulse is a source that pulses: PV, PI and MCPNX.
type pulse struct {
	ch            *channel
	s             setting // its level is the base
	peak          float64
	channelTiming // filled in when it is used
}

// sources are the sources that XE uses.
type sources struct {
	primary    *ramp             // WV, WI
	extra      [11]*ramp         // WSV, WSI (2) and WNX (2 to 10)
	pulse      *pulse            // PV, PI
	pulseSweep *ramp             // PWV, PWI
	multi      [11]*pulse        // MCPNX, by its number
	multiKind  int               // MCPWS
	multiSteps int               // MCPWS, 0 = not set
	multiRamps [11]*ramp         // MCPWNX, by its number
	timing     [11]channelTiming // MCPNT, by slot
	sampling   [11]*pulse        // MV, MI, by slot
}

// onGrid brings a time of a pulse onto the grid of 0.1 ms; false if it is off
// the grid and the analyzer is strict.
func (a *Analyzer) onGrid(t float64) (float64, bool) {
	n := math.Round(t / pulseStep)
	if a.options.StrictTimes && math.Abs(t-n*pulseStep) > timeSlack {
		return 0, false
	}
	// Dividing gives the float64 nearest to the decimal number.
	return n / 1e4, true
}

// cycle checks a period that has to hold a pulse which ends at end, and returns
// the period that is used.
func (a *Analyzer) cycle(period, end float64) (float64, bool) {
	if period == 0 {
		least := math.Max(shortestCycle, end+recovery)
		return math.Ceil(least/pulseStep-1e-4) / 1e4, true
	}
	return period, within(period, shortestCycle, longestCycle) && period >= end+recovery-timeSlack
}

// setPulseTiming is PT: hold,width[,period[,delay]].
func (a *Analyzer) setPulseTiming(p []float64) fault {
	var t pulseTiming
	ok, ok2 := false, true
	t.hold = p[0]
	t.width, ok = a.onGrid(p[1])
	if len(p) > 2 {
		t.period, ok2 = a.onGrid(p[2])
	}
	if len(p) > 3 {
		t.delay = p[3]
	}
	if !ok || !ok2 || !within(t.hold, 0, 655.35) || !within(t.width, shortestPulse, longestPulse) ||
		!within(t.delay, 0, longestCycle) {
		return fault{code: parameterValue}
	}
	if _, ok := a.cycle(t.period, t.delay+t.width); !ok {
		return fault{code: parameterValue}
	}
	a.settings.pulse = &t
	return fault{}
}

// newPulse checks the parameters of a pulse source.
func (a *Analyzer) newPulse(mode bench.Mode, channel, rangeCode, base, peak float64, comp *float64) (*pulse, fault) {
	ch, f := a.channel(channel)
	if f.bad() {
		return nil, f
	}
	if !ch.on {
		return nil, ch.off()
	}
	s, f := a.source(ch, mode, rangeCode, base, peak, comp)
	if f.bad() {
		return nil, f
	}
	return &pulse{ch: ch, s: s, peak: peak}, fault{}
}

// setPulse is PV and PI: ch,range,base,pulse[,comp].
func (a *Analyzer) setPulse(mode bench.Mode, p []float64) fault {
	src, f := a.newPulse(mode, p[0], p[1], p[2], p[3], parameter(p, 4))
	if f.bad() {
		return f
	}
	src.ch.remember(src.s)
	a.sources.pulse = src
	return fault{}
}

// setPulseSweep is PWV and PWI: ch,mode,range,base,start,stop,steps[,comp].
func (a *Analyzer) setPulseSweep(mode bench.Mode, p []float64) fault {
	r, f := a.newRamp(mode, p[0], p[1], p[2], p[3], p[4], p[5], p[6], parameter(p, 7), nil)
	if f.bad() {
		return f
	}
	r.ch.remember(r.s)
	a.sources.pulseSweep = r
	return fault{}
}

// setMultiTiming is MCPT: hold[,period[,measurement delay[,average]]].
func (a *Analyzer) setMultiTiming(p []float64) fault {
	t := multiTiming{hold: p[0], average: 1}
	ok, ok2 := true, true
	if len(p) > 1 {
		t.period, ok = a.onGrid(p[1])
	}
	if len(p) > 2 {
		t.measureDelay = p[2]
	}
	if len(p) > 3 {
		t.average, ok2 = choice(p[3], 1, 1023)
	}
	if !ok || !ok2 || !within(t.hold, 0, 655.35) || !within(t.measureDelay, 0, longestCycle) ||
		t.period != 0 && !within(t.period, shortestCycle, longestCycle) {
		return fault{code: parameterValue}
	}
	a.settings.multi = &t
	return fault{}
}

// setChannelTiming is MCPNT: ch,delay,width.
func (a *Analyzer) setChannelTiming(p []float64) fault {
	ch, f := a.channel(p[0])
	if f.bad() {
		return f
	}
	delay, ok := a.onGrid(p[1])
	width, ok2 := a.onGrid(p[2])
	if !ok || !ok2 || !within(delay, 0, longestCycle) || !within(width, shortestPulse, longestPulse) {
		return fault{parameterValue, ch.slot}
	}
	a.sources.timing[ch.slot] = channelTiming{delay, width}
	return fault{}
}

// setMultiPulse is MCPNX: n,ch,mode,range,base,pulse[,comp].
func (a *Analyzer) setMultiPulse(p []float64) fault {
	n, ok := choice(p[0], 1, 10)
	mode, ok2 := sourceMode(p[2])
	if !ok || !ok2 {
		return fault{code: parameterValue}
	}
	src, f := a.newPulse(mode, p[1], p[3], p[4], p[5], parameter(p, 6))
	if f.bad() {
		return f
	}
	src.ch.remember(src.s)
	for i, other := range a.sources.multi {
		if other != nil && other.ch == src.ch {
			a.sources.multi[i] = nil // a channel pulses as one source only
		}
	}
	a.sources.multi[n] = src
	return fault{}
}

// setMultiSweep is MCPWS: mode,steps.
func (a *Analyzer) setMultiSweep(p []float64) fault {
	kind, ok := choice(p[0], 1, 4)
	steps, ok2 := choice(p[1], 1, mostSteps)
	if !ok || !ok2 {
		return fault{code: parameterValue}
	}
	a.sources.multiKind, a.sources.multiSteps, a.sources.multiRamps = kind, steps, [11]*ramp{}
	return fault{}
}

// setMultiRamp is MCPWNX: n,ch,mode,range,base,start,stop[,comp[,power]].
func (a *Analyzer) setMultiRamp(p []float64) fault {
	n, ok := choice(p[0], 1, 10)
	mode, ok2 := sourceMode(p[2])
	if !ok || !ok2 {
		return fault{code: parameterValue}
	}
	if a.sources.multiSteps == 0 {
		return fault{code: pulseSweepMissing}
	}
	r, f := a.newRamp(mode, p[1], float64(a.sources.multiKind), p[3], p[4], p[5], p[6], float64(a.sources.multiSteps),
		parameter(p, 7), parameter(p, 8))
	if f.bad() {
		return f
	}
	r.ch.remember(r.s)
	for i, other := range a.sources.multiRamps {
		if other != nil && other.ch == r.ch {
			a.sources.multiRamps[i] = nil
		}
	}
	a.sources.multiRamps[n] = r
	return fault{}
}

// measurePulse is MM 3.
func (a *Analyzer) measurePulse() fault {
	src, t := a.sources.pulse, a.settings.pulse
	switch {
	case src == nil:
		return fault{code: pulseMissing}
	case t == nil:
		return fault{code: timingMissing}
	}
	src.channelTiming = channelTiming{t.delay, t.width}
	period, _ := a.cycle(t.period, t.delay+t.width)
	return a.pulses([]*pulse{src}, train{hold: t.hold, period: period, average: 1})
}

// measureMultiPulse is MM 27 and MM 28.
func (a *Analyzer) measureMultiPulse() fault {
	t := a.settings.multi
	if t == nil {
		return fault{code: timingMissing}
	}
	var pulses []*pulse
	var ramps []*ramp
	if a.settings.mode == 27 {
		for _, p := range a.sources.multi {
			if p != nil {
				pulses = append(pulses, p)
			}
		}
		if pulses == nil {
			return fault{code: pulseMissing}
		}
	} else {
		for _, r := range a.sources.multiRamps {
			if r != nil {
				pulses = append(pulses, r.asPulse())
				ramps = append(ramps, r)
			}
		}
		if pulses == nil {
			return fault{code: pulseSweepMissing}
		}
	}
	end := 0.0
	for _, p := range pulses {
		p.channelTiming = a.sources.timing[p.ch.slot]
		if p.width == 0 {
			return fault{timingMissing, p.ch.slot}
		}
		end = math.Max(end, p.delay+p.width)
	}
	period, ok := a.cycle(t.period, end)
	if !ok {
		return fault{code: parameterValue}
	}
	return a.pulses(pulses, train{hold: t.hold, period: period, measureDelay: t.measureDelay, average: t.average,
		ramps: ramps})
}

// asPulse makes a pulse of a pulsed sweep's source.
func (r *ramp) asPulse() *pulse {
	p := &pulse{ch: r.ch, s: r.s, peak: r.start}
	p.s.level = r.base
	return p
}

// measurePulseSweep is MM 4, a pulsed sweep, and MM 5, a staircase with a
// pulsed bias.
func (a *Analyzer) measurePulseSweep() fault {
	t := a.settings.pulse
	if t == nil {
		return fault{code: timingMissing}
	}
	period, _ := a.cycle(t.period, t.delay+t.width)
	n := train{hold: t.hold, period: period, average: 1}
	var src *pulse
	if a.settings.mode == 4 {
		if a.sources.pulseSweep == nil {
			return fault{code: pulseSweepMissing}
		}
		src = a.sources.pulseSweep.asPulse()
		n.ramps = []*ramp{a.sources.pulseSweep}
	} else {
		switch {
		case a.sources.primary == nil:
			return fault{code: sweepMissing}
		case a.sources.pulse == nil:
			return fault{code: pulseMissing}
		case a.sources.pulse.ch == a.sources.primary.ch:
			return fault{channelNumber, a.sources.primary.ch.slot}
		}
		src = a.sources.pulse
		n.staircase = a.sources.primary
	}
	src.channelTiming = channelTiming{t.delay, t.width}
	return a.pulses([]*pulse{src}, n)
}

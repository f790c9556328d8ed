package b1500

import (
	"math"

	"xlab/mock/bench"
)

// onGrid reads a time of a pulse that lies within bounds and brings it onto the
// grid of 0.1 ms, which a strict analyzer wants it to be on.
func (a *Analyzer) onGrid(p *parameters, i int, least, most float64) float64 {
	if !p.given(i) {
		return 0
	}
	t := p.values[i]
	n := math.Round(t / pulseStep)
	p.check(!a.options.StrictTimes || math.Abs(t-n*pulseStep) <= timeSlack, parameterValue)
	t = n / 1e4 // dividing gives the float64 nearest to the decimal number
	p.check(t >= least && t <= most, parameterValue)
	return t
}

// cycle checks a period that has to hold a pulse which ends at end, and returns
// the period that is used.
func (a *Analyzer) cycle(period, end float64) (float64, bool) {
	if period == 0 {
		least := math.Max(shortestCycle, end+recovery)
		return math.Ceil(least/pulseStep-1e-4) / 1e4, true
	}
	return period, period >= shortestCycle && period <= longestCycle && period >= end+recovery-timeSlack
}

// setPulseTiming is PT: hold,width[,period[,delay]].
func (a *Analyzer) setPulseTiming(p *parameters) {
	t := pulseTiming{hold: p.number(0, 0, 655.35), width: a.onGrid(p, 1, shortestPulse, longestPulse),
		period: a.onGrid(p, 2, 0, longestCycle), delay: p.number(3, 0, longestCycle)}
	_, ok := a.cycle(t.period, t.delay+t.width)
	p.check(ok, parameterValue)
	if !p.bad() {
		a.settings.pulse = &t
	}
}

// newPulse checks a pulse source: the parameters of its channel and, from rest on,
// of its range, base, pulse and compliance.
func (a *Analyzer) newPulse(p *parameters, mode bench.Mode, channel, rest int) *pulse {
	src := &pulse{ch: a.enabled(p, channel), peak: p.values[rest+2]}
	src.s = a.source(p, src.ch, mode, rest, p.values[rest+1], src.peak, rest+3)
	return src
}

// setPulse is PV and PI: ch,range,base,pulse[,comp].
func (a *Analyzer) setPulse(p *parameters, mode bench.Mode) {
	if src := a.newPulse(p, mode, 0, 1); p.accept(src.ch, src.s) {
		a.sources.pulse = src
	}
}

// setPulseSweep is PWV and PWI: ch,mode,range,base,start,stop,steps[,comp].
func (a *Analyzer) setPulseSweep(p *parameters, mode bench.Mode) {
	r := a.newRamp(p, mode, ramp{ch: a.enabled(p, 0), kind: p.choice(1, 1, 4), steps: p.choice(6, 1, mostSteps),
		base: p.values[3], start: p.values[4], stop: p.values[5]}, 2, 7)
	if p.accept(r.ch, r.s) {
		a.sources.pulseSweep = r
	}
}

// setMultiTiming is MCPT: hold[,period[,measurement delay[,average]]].
func (a *Analyzer) setMultiTiming(p *parameters) {
	t := multiTiming{hold: p.number(0, 0, 655.35), period: a.onGrid(p, 1, 0, longestCycle),
		measureDelay: p.number(2, 0, longestCycle), average: p.choiceOr(3, 1, 1023, 1)}
	p.check(t.period == 0 || t.period >= shortestCycle, parameterValue)
	if !p.bad() {
		a.settings.multi = &t
	}
}

// setChannelTiming is MCPNT: ch,delay,width.
func (a *Analyzer) setChannelTiming(p *parameters) {
	ch := a.channel(p, 0)
	t := channelTiming{a.onGrid(p, 1, 0, longestCycle), a.onGrid(p, 2, shortestPulse, longestPulse)}
	if !p.bad() {
		a.sources.timing[ch.slot] = t
	}
}

// setMultiPulse is MCPNX: n,ch,mode,range,base,pulse[,comp].
func (a *Analyzer) setMultiPulse(p *parameters) {
	n, mode := p.choice(0, 1, 10), p.mode(2)
	src := a.newPulse(p, mode, 1, 3)
	if !p.accept(src.ch, src.s) {
		return
	}
	for i, other := range a.sources.multi {
		if other != nil && other.ch == src.ch {
			a.sources.multi[i] = nil // a channel pulses as one source only
		}
	}
	a.sources.multi[n] = src
}

// setMultiSweep is MCPWS: mode,steps.
func (a *Analyzer) setMultiSweep(p *parameters) {
	kind, steps := p.choice(0, 1, 4), p.choice(1, 1, mostSteps)
	if !p.bad() {
		a.sources.multiKind, a.sources.multiSteps, a.sources.multiRamps = kind, steps, [11]*ramp{}
	}
}

// setMultiRamp is MCPWNX: n,ch,mode,range,base,start,stop[,comp[,power]].
func (a *Analyzer) setMultiRamp(p *parameters) {
	n, mode := p.choice(0, 1, 10), p.mode(2)
	p.check(a.sources.multiSteps > 0, pulseSweepMissing)
	r := a.newRamp(p, mode, ramp{ch: a.enabled(p, 1), kind: a.sources.multiKind, steps: a.sources.multiSteps,
		base: p.values[4], start: p.values[5], stop: p.values[6]}, 3, 7)
	if !p.accept(r.ch, r.s) {
		return
	}
	for i, other := range a.sources.multiRamps {
		if other != nil && other.ch == r.ch {
			a.sources.multiRamps[i] = nil
		}
	}
	a.sources.multiRamps[n] = r
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
	pulses, missing := nonNil(a.sources.multi[:]), pulseMissing
	var ramps []*ramp
	if a.settings.mode == 28 {
		pulses, missing = nil, pulseSweepMissing
		ramps = nonNil(a.sources.multiRamps[:])
		for _, r := range ramps {
			pulses = append(pulses, r.asPulse())
		}
	}
	if len(pulses) == 0 {
		return fault{code: missing}
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

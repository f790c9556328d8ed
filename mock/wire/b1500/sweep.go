package b1500

import (
	"math"

	"xlab/mock/bench"
)

// newRamp checks a sweep source, of which channel, kind, steps and levels are
// filled in. rangeCode and comp are the parameters of the range and of the
// compliance, which that of the power follows.
func (a *Analyzer) newRamp(p *parameters, mode bench.Mode, r ramp, rangeCode, comp int) *ramp {
	p.check(r.kind%2 == 1 || r.start*r.stop > 0, samePolarity)
	r.s = a.source(p, r.ch, mode, rangeCode, 0, r.peak(), comp)
	r.power = p.number(comp+1, 1e-3, 20)
	return &r
}

// setRamp is WV and WI: ch,mode,range,start,stop,steps[,comp[,power]].
func (a *Analyzer) setRamp(p *parameters, mode bench.Mode) {
	r := a.newRamp(p, mode, ramp{ch: a.enabled(p, 0), kind: p.choice(1, 1, 4), steps: p.choice(5, 1, mostSteps),
		start: p.values[3], stop: p.values[4]}, 2, 6)
	if p.accept(r.ch, r.s) {
		a.sources.primary, a.sources.extra = r, [11]*ramp{}
	}
}

// setSynchronous is WSV and WSI: ch,range,start,stop[,comp[,power]].
func (a *Analyzer) setSynchronous(p *parameters, mode bench.Mode) { a.follow(p, 2, mode, 0, 1) }

// setExtra is WNX: n,ch,mode,range,start,stop[,comp[,power]].
func (a *Analyzer) setExtra(p *parameters) { a.follow(p, p.choice(0, 2, 10), p.mode(2), 1, 3) }

// follow adds a source that steps together with the primary one. rest is the
// first of its parameters from the range on.
func (a *Analyzer) follow(p *parameters, n int, mode bench.Mode, channel, rest int) {
	lead := a.sources.primary
	p.check(lead != nil, sweepMissing)
	if p.bad() {
		return
	}
	r := a.newRamp(p, mode, ramp{ch: a.enabled(p, channel), kind: lead.kind, steps: lead.steps, start: p.values[rest+1],
		stop: p.values[rest+2]}, rest, rest+3)
	p.check(r.ch != lead.ch, channelNumber)
	if p.accept(r.ch, r.s) {
		a.sources.extra[n] = r
	}
}

// setSweepTiming is WT: hold,delay[,step delay[,two trigger delays]]. There is
// nobody to be triggered, so that those two are only read back.
func (a *Analyzer) setSweepTiming(p *parameters) {
	t := a.settings.sweep
	t.hold, t.delay, t.stepDelay = p.number(0, 0, 655.35), p.number(1, 0, 65.535), p.number(2, 0, 1)
	t.trigger = [2]float64{p.number(3, 0, 65.535), p.number(4, 0, 65.535)}
	if !p.bad() {
		a.settings.sweep = t
	}
}

// setAbort is WM: abort[,post].
func (a *Analyzer) setAbort(p *parameters) {
	abort, post := p.choice(0, 1, 2), p.choiceOr(1, 1, 2, 1)
	if !p.bad() {
		a.settings.sweep.abort, a.settings.sweep.post = abort, post
	}
}

// ramps are the sources of a staircase sweep, the primary one first.
func (a *Analyzer) ramps() []*ramp {
	rs := []*ramp{a.sources.primary}
	for _, r := range a.sources.extra {
		if r != nil && (a.settings.mode == 16 || r == a.sources.extra[2]) {
			rs = append(rs, r)
		}
	}
	return rs
}

// reported is how many sources FMT's second argument adds to each step.
func (a *Analyzer) reported(sources int) int { return min(a.settings.formatMode, sources) }

// measureSweep is MM 2 and MM 16.
func (a *Analyzer) measureSweep() fault {
	lead := a.sources.primary
	if lead == nil {
		return fault{code: sweepMissing}
	}
	ramps := a.ramps()
	chs := make([]*channel, len(ramps))
	for i, r := range ramps {
		if f := a.ready(r.ch, r.s, r.peak()); f.bad() {
			return f
		}
		chs[i] = r.ch
	}
	step := func(i int) {
		for _, r := range ramps {
			r.ch.present, r.ch.stored = r.at(r.level(lead, i)), nil
		}
		a.drive(chs...)
	}
	total, reported := lead.total(), a.reported(len(ramps))
	if f := a.room(total * (a.perStep(a.readings()) + reported)); f.bad() {
		return f
	}
	t := a.settings.sweep
	sourceWait, measureWait := a.sweepWaits()
	step(0)
	a.elapse(t.hold)
	n := series{total: total, abort: t.abort == 2, sources: ramps[:reported], lead: lead}
	w := a.measureSteps(n, func(i int, rs []reading) {
		if i > 0 {
			step(i)
		}
		a.elapse(sourceWait + t.delay + measureWait)
		took := a.lookInTurn(rs)
		a.elapse(math.Max(0, t.stepDelay-took))
	})
	if t.post == 2 {
		step(lead.steps - 1)
	} else {
		step(0)
	}
	return a.finish(w)
}

// sweepWaits are the waits of WAT after a source changed and before measuring.
func (a *Analyzer) sweepWaits() (source, measure float64) {
	w := a.settings.waits
	return w[0].n*a.options.Timing.SourceWait + w[0].offset, w[1].n*a.options.Timing.MeasureWait + w[1].offset
}

package b1500

import (
	"math"

	"xlab/mock/bench"
)

// setSamplingMode is ML.
func (a *Analyzer) setSamplingMode(p *parameters) {
	if mode := p.choice(0, 1, 7); !p.bad() {
		a.settings.sampling.mode = mode
	}
}

// setSamplingTiming is MT: hold,interval,number[,base hold].
func (a *Analyzer) setSamplingTiming(p *parameters) {
	t := a.settings.sampling
	t.hold, t.interval = p.number(0, 0, 655.35), p.number(1, 1e-4, 65.535)
	t.number, t.baseHold = p.choice(2, 1, 100001), p.number(3, 0, 655.35)
	if !p.bad() {
		a.settings.sampling = t
	}
}

// setSamplingAbort is MSC: abort[,post].
func (a *Analyzer) setSamplingAbort(p *parameters) {
	abort, post := p.choice(0, 1, 2), p.choiceOr(1, 1, 2, 2)
	if !p.bad() {
		a.settings.sampling.abort, a.settings.sampling.post = abort, post
	}
}

// setSampling is MV and MI: ch,range,base,bias[,comp].
func (a *Analyzer) setSampling(p *parameters, mode bench.Mode) {
	if src := a.newPulse(p, mode, 0, 1); p.accept(src.ch, src.s) {
		a.sources.sampling[src.ch.slot] = src
	}
}

// clearSampling is MCC.
func (a *Analyzer) clearSampling(p *parameters) {
	for _, ch := range a.channelList(p, 0) {
		a.sources.sampling[ch.slot] = nil
	}
}

// measureSampling is MM 10: the sources go from base to bias, and the channels
// are measured again and again. With FMT's second argument the index of the
// sample comes first.
func (a *Analyzer) measureSampling() fault {
	var chs []*channel
	for _, src := range a.sources.sampling {
		if src == nil {
			continue
		}
		if f := a.ready(src.ch, src.s, math.Max(math.Abs(src.s.level), math.Abs(src.peak))); f.bad() {
			return f
		}
		chs = append(chs, src.ch)
	}
	if chs == nil {
		return fault{code: samplingMissing}
	}
	t := a.settings.sampling
	indexed := min(a.settings.formatMode, 1)
	if f := a.room(t.number * (a.perStep(a.readings()) + indexed)); f.bad() {
		return f
	}
	step := func(bias bool) {
		for _, ch := range chs {
			src := a.sources.sampling[ch.slot]
			ch.present, ch.stored = src.s, nil
			if bias {
				ch.present.level = src.peak
			}
		}
		a.drive(chs...)
	}
	step(false)
	a.elapse(t.baseHold)
	step(true)
	a.elapse(t.hold)
	ticks, now := 0.0, 0.0 // the sample's time in intervals; the time that passed since the first
	n := series{total: t.number, abort: t.abort == 2, indexed: indexed > 0}
	w := a.measureSteps(n, func(i int, rs []reading) {
		if i > 0 {
			ticks = t.next(ticks, i)
		}
		if wait := ticks*t.interval - now; wait > 0 {
			a.elapse(wait)
			now += wait
		}
		now += a.lookInTurn(rs)
	})
	step(t.post == 2)
	return a.finish(w)
}

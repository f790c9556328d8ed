package b1500

import (
	"math"

	"xlab/mock/bench"
)

// samplingTiming is ML, MT and MSC.
type samplingTiming struct {
	mode     int     // 1 linear, 2 to 7 logarithmic
	hold     float64 // at the bias, before the first sample
	interval float64
	number   int
	baseHold float64
	abort    int // 1 off, 2 on
	post     int // level afterwards: 1 base, 2 bias
}

// perDecade is the number of samples per decade of a logarithmic mode.
func perDecade(mode int) float64 {
	return [...]float64{10, 25, 50, 100, 250, 5000}[mode-2]
}

// setSamplingMode is ML.
func (a *Analyzer) setSamplingMode(p []float64) fault {
	mode, ok := choice(p[0], 1, 7)
	if !ok {
		return fault{code: parameterValue}
	}
	a.settings.sampling.mode = mode
	return fault{}
}

// setSamplingTiming is MT: hold,interval,number[,base hold].
func (a *Analyzer) setSamplingTiming(p []float64) fault {
	t := a.settings.sampling
	var ok bool
	t.hold, t.interval, t.baseHold = p[0], p[1], 0
	t.number, ok = choice(p[2], 1, 100001)
	if len(p) > 3 {
		t.baseHold = p[3]
	}
	if !ok || !within(t.hold, 0, 655.35) || !within(t.interval, 1e-4, 65.535) || !within(t.baseHold, 0, 655.35) {
		return fault{code: parameterValue}
	}
	a.settings.sampling = t
	return fault{}
}

// setSamplingAbort is MSC: abort[,post].
func (a *Analyzer) setSamplingAbort(p []float64) fault {
	abort, ok := choice(p[0], 1, 2)
	post, ok2 := 2, true
	if len(p) > 1 {
		post, ok2 = choice(p[1], 1, 2)
	}
	if !ok || !ok2 {
		return fault{code: parameterValue}
	}
	a.settings.sampling.abort, a.settings.sampling.post = abort, post
	return fault{}
}

// setSampling is MV and MI: ch,range,base,bias[,comp].
func (a *Analyzer) setSampling(mode bench.Mode, p []float64) fault {
	src, f := a.newPulse(mode, p[0], p[1], p[2], p[3], parameter(p, 4))
	if f.bad() {
		return f
	}
	src.ch.remember(src.s)
	a.sources.sampling[src.ch.slot] = src
	return fault{}
}

// clearSampling is MCC.
func (a *Analyzer) clearSampling(p []float64) fault {
	chs, f := a.channelList(p)
	if f.bad() {
		return f
	}
	for _, ch := range chs {
		a.sources.sampling[ch.slot] = nil
	}
	return fault{}
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
	rs := a.readings()
	w := a.newBlock()
	stopped := false
	ticks, now := 0.0, 0.0 // the sample's time in intervals; the time that passed since the first
	for i := range t.number {
		if i > 0 {
			ticks = t.next(ticks, i)
		}
		if stopped {
			miss(rs)
		} else {
			if wait := ticks*t.interval - now; wait > 0 {
				a.elapse(wait)
				now += wait
			}
			forget(rs)
			now += a.lookInTurn(rs)
		}
		if indexed > 0 {
			w.value(0, rs[0].ch.letter(), 'X', float64(i+1))
		}
		all := a.write(w, rs, a.settings.timeStamp)
		stopped = stopped || t.abort == 2 && all != 0
	}
	step(t.post == 2)
	return a.finish(w)
}

// next is the time of sample i in intervals, at least one after the last.
func (t samplingTiming) next(last float64, i int) float64 {
	if t.mode == 1 {
		return float64(i)
	}
	return math.Max(last+1, math.Round(math.Pow(10, float64(i)/perDecade(t.mode))))
}

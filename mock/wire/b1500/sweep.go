package b1500

import (
	"math"

	"xlab/mock/bench"
)

// sweepTiming is WT and WM.
type sweepTiming struct {
	hold      float64 // at the first level, before its delay
	delay     float64 // at every level, before it is measured
	stepDelay float64 // from the beginning of a measurement to the next level, at least
	trigger   [2]float64
	abort     int // 1 off, 2 on
	post      int // level afterwards: 1 start, 2 stop
}

// ramp is a source that goes through levels step by step.
type ramp struct {
	ch          *channel
	kind        int // 1 linear, 2 logarithmic, 3 and 4 the same there and back
	steps       int // levels one way
	start, stop float64
	base        float64 // of a pulsed sweep
	s           setting // with the compliance; the level is that of the step
	power       float64 // bound on |V I| in W, 0 = none
}

// mostSteps is the largest number of levels one way.
const mostSteps = 10001

// total is the number of levels there and, by kind, back.
func (r *ramp) total() int {
	if r.kind >= 3 {
		return 2 * r.steps
	}
	return r.steps
}

// level is what the ramp forces at step i of as many as lead has.
func (r *ramp) level(lead *ramp, i int) float64 {
	if i >= lead.steps {
		i = 2*lead.steps - 1 - i
	}
	switch {
	case i == 0:
		return r.start
	case i == lead.steps-1:
		return r.stop
	}
	x := float64(i) / float64(lead.steps-1)
	if lead.kind%2 == 0 && r.start*r.stop > 0 {
		return r.start * math.Pow(r.stop/r.start, x)
	}
	return r.start + (r.stop-r.start)*x
}

// peak is the level of the ramp that is farthest from 0.
func (r *ramp) peak() float64 {
	return math.Max(math.Abs(r.base), math.Max(math.Abs(r.start), math.Abs(r.stop)))
}

// at is the setting for a level, its compliance lowered where the power
// compliance asks for it.
func (r *ramp) at(level float64) setting {
	s := r.s
	s.level = level
	if r.power > 0 && level != 0 {
		s.compliance = math.Min(s.compliance, r.power/math.Abs(level))
	}
	return s
}

// ready is the fault of a source that cannot be used now.
func (a *Analyzer) ready(ch *channel, s setting, peak float64) fault {
	if !ch.on {
		return ch.off()
	}
	return a.interlocked(ch, s.mode, peak, s.compliance)
}

// newRamp checks the parameters of a sweep source. comp and power are nil if
// they were not sent.
func (a *Analyzer) newRamp(mode bench.Mode, channel, kind, rangeCode, base, start, stop, steps float64, comp,
	power *float64) (*ramp, fault) {
	ch, f := a.channel(channel)
	if f.bad() {
		return nil, f
	}
	if !ch.on {
		return nil, ch.off()
	}
	k, ok := choice(kind, 1, 4)
	n, ok2 := choice(steps, 1, mostSteps)
	if !ok || !ok2 {
		return nil, fault{parameterValue, ch.slot}
	}
	if k%2 == 0 && !(start*stop > 0) {
		return nil, fault{samePolarity, ch.slot}
	}
	r := &ramp{ch: ch, kind: k, steps: n, start: start, stop: stop, base: base}
	if r.s, f = a.source(ch, mode, rangeCode, 0, r.peak(), comp); f.bad() {
		return nil, f
	}
	if power != nil {
		if r.power = *power; !within(r.power, 1e-3, 20) {
			return nil, fault{parameterValue, ch.slot}
		}
	}
	return r, fault{}
}

// setRamp is WV and WI: ch,mode,range,start,stop,steps[,comp[,power]].
func (a *Analyzer) setRamp(mode bench.Mode, p []float64) fault {
	r, f := a.newRamp(mode, p[0], p[1], p[2], 0, p[3], p[4], p[5], parameter(p, 6), parameter(p, 7))
	if f.bad() {
		return f
	}
	r.ch.remember(r.s)
	a.sources.primary, a.sources.extra = r, [11]*ramp{}
	return fault{}
}

// setSynchronous is WSV and WSI: ch,range,start,stop[,comp[,power]].
func (a *Analyzer) setSynchronous(mode bench.Mode, p []float64) fault {
	return a.follow(2, mode, p[0], p[1], p[2], p[3], parameter(p, 4), parameter(p, 5))
}

// setExtra is WNX: n,ch,mode,range,start,stop[,comp[,power]].
func (a *Analyzer) setExtra(p []float64) fault {
	n, ok := choice(p[0], 2, 10)
	mode, ok2 := sourceMode(p[2])
	if !ok || !ok2 {
		return fault{code: parameterValue}
	}
	return a.follow(n, mode, p[1], p[3], p[4], p[5], parameter(p, 6), parameter(p, 7))
}

// follow adds a source that steps together with the primary one.
func (a *Analyzer) follow(n int, mode bench.Mode, channel, rangeCode, start, stop float64, comp, power *float64) fault {
	lead := a.sources.primary
	if lead == nil {
		return fault{code: sweepMissing}
	}
	r, f := a.newRamp(mode, channel, float64(lead.kind), rangeCode, 0, start, stop, float64(lead.steps), comp, power)
	switch {
	case f.bad():
		return f
	case r.ch == lead.ch:
		return fault{channelNumber, r.ch.slot}
	}
	r.ch.remember(r.s)
	a.sources.extra[n] = r
	return fault{}
}

// sourceMode reads the mode parameter of the numbered sources.
func sourceMode(x float64) (bench.Mode, bool) {
	switch x {
	case 1:
		return bench.ForceVoltage, true
	case 2:
		return bench.ForceCurrent, true
	}
	return bench.Off, false
}

// setSweepTiming is WT: hold,delay[,step delay[,two trigger delays]]. There is
// nobody to be triggered, so that those two are only read back.
func (a *Analyzer) setSweepTiming(p []float64) fault {
	t := a.settings.sweep
	t.hold, t.delay, t.stepDelay, t.trigger = p[0], p[1], 0, [2]float64{}
	if len(p) > 2 {
		t.stepDelay = p[2]
	}
	if len(p) > 3 {
		copy(t.trigger[:], p[3:])
	}
	if !within(t.hold, 0, 655.35) || !within(t.delay, 0, 65.535) || !within(t.stepDelay, 0, 1) ||
		!within(t.trigger[0], 0, 65.535) || !within(t.trigger[1], 0, 65.535) {
		return fault{code: parameterValue}
	}
	a.settings.sweep = t
	return fault{}
}

// setAbort is WM: abort[,post].
func (a *Analyzer) setAbort(p []float64) fault {
	abort, ok := choice(p[0], 1, 2)
	post, ok2 := 1, true
	if len(p) > 1 {
		post, ok2 = choice(p[1], 1, 2)
	}
	if !ok || !ok2 {
		return fault{code: parameterValue}
	}
	a.settings.sweep.abort, a.settings.sweep.post = abort, post
	return fault{}
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
	rs := a.readings() // the sources say what they do not force
	w := a.newBlock()
	stopped := false
	for i := range total {
		if !stopped {
			if i > 0 {
				step(i)
			}
			a.elapse(sourceWait + t.delay + measureWait)
			forget(rs)
			took := a.lookInTurn(rs)
			a.elapse(math.Max(0, t.stepDelay-took))
		} else {
			miss(rs)
		}
		all := a.write(w, rs, a.settings.timeStamp)
		for _, r := range ramps[:reported] {
			w.source(i == total-1, r.ch.letter(), r.s.mode, r.level(lead, i))
		}
		stopped = stopped || t.abort == 2 && all != 0
	}
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

// miss makes readings of a step that was not reached.
func miss(rs []reading) {
	for i := range rs {
		rs[i].status, rs[i].value, rs[i].at = overRange, nothing, math.Inf(1)
	}
}

package b1500

import (
	"math"

	"xlab/mock/bench"
)

// parameters are those of one command. Reading one that is wrong makes the
// command fail; what is read then is to be thrown away. One that was not sent,
// where the command allows it, is 0.
type parameters struct {
	values []float64
	room   [16]float64 // for the values, more than any command takes
	slot   int         // of the channel that was read last, 0 = none
	fault  fault       // the first, of which the command fails
}

// fail keeps a fault unless there is one.
func (p *parameters) fail(f fault) {
	if !p.bad() {
		p.fault = f
	}
}

// check makes the command fail where something does not hold.
func (p *parameters) check(holds bool, c errorCode) {
	if !holds {
		p.fail(fault{c, p.slot})
	}
}

// bad tells whether the command fails.
func (p *parameters) bad() bool { return p.fault.bad() }

// given tells whether parameter i was sent.
func (p *parameters) given(i int) bool { return i < len(p.values) }

// number reads a parameter that lies within bounds.
func (p *parameters) number(i int, least, most float64) float64 {
	if !p.given(i) {
		return 0
	}
	p.check(p.values[i] >= least && p.values[i] <= most, parameterValue)
	return p.values[i]
}

// choice reads a parameter that is a whole number within bounds.
func (p *parameters) choice(i, least, most int) int { return p.choiceOr(i, least, most, 0) }

// choiceOr is choice with what stands for a parameter that was not sent.
func (p *parameters) choiceOr(i, least, most, absent int) int {
	if !p.given(i) {
		return absent
	}
	n, ok := whole(p.values[i])
	p.check(ok && n >= least && n <= most, parameterValue)
	return n
}

// rangeCode reads the code of one of the ranges that a channel has for a
// quantity.
func (p *parameters) rangeCode(i int, ch *channel, quantity bench.Mode) int {
	if p.bad() || !p.given(i) {
		return 0
	}
	code, ok := whole(p.values[i])
	p.check(ok && ch.module.hasRange(quantity, code), rangeValue)
	return code
}

// whole turns a parameter into an integer; false if it is none.
func whole(x float64) (int, bool) {
	if x < -1e9 || x > 1e9 {
		return 0, false
	}
	n := int(x)
	return n, float64(n) == x
}

// channel finds the SMU that a parameter names: its slot, or slot and first
// sub-channel as in 101. nil if the command fails.
func (a *Analyzer) channel(p *parameters, i int) *channel {
	n, ok := whole(p.values[i])
	if ok && n > 100 && n <= 1001 && n%100 == 1 {
		n /= 100
	}
	p.slot = 0
	p.check(ok && n >= 1 && n <= mostSlots, channelNumber)
	if p.bad() {
		return nil
	}
	p.slot = n
	p.check(a.slots[n] != nil, noModule)
	return a.slots[n]
}

// enabled is channel for one that must be on.
func (a *Analyzer) enabled(p *parameters, i int) *channel {
	ch := a.channel(p, i)
	p.check(ch == nil || ch.on, outputOff)
	return ch
}

// channelList finds the SMUs that the parameters from one on name; none named
// means all of them. No channel if the command fails.
func (a *Analyzer) channelList(p *parameters, from int) []*channel {
	chs := a.channels
	if p.given(from) {
		chs = make([]*channel, 0, mostSlots)
		for i := from; p.given(i); i++ {
			chs = append(chs, a.channel(p, i))
		}
	}
	if p.bad() {
		return nil
	}
	return chs
}

// source checks one source of a channel that is to give level, and levels up to
// peak at some time, and returns its setting. rangeCode and comp are the
// parameters of the range and of the compliance, which may be left out for the
// last one. Nothing changes.
func (a *Analyzer) source(p *parameters, ch *channel, mode bench.Mode, rangeCode int, level, peak float64,
	comp int) setting {
	s := setting{mode: mode, level: level, rangeCode: p.rangeCode(rangeCode, ch, mode)}
	if p.bad() {
		return s
	}
	most := math.Max(math.Abs(level), math.Abs(peak))
	limit, reach := ch.module.maxVoltage(), ch.module.currentAt(most)
	if mode == current {
		limit, reach = ch.module.maxCurrent(), ch.module.voltageAt(most)
	}
	if s.rangeCode < 0 { // a fixed range is not left, while a positive one is the least
		limit = fullScale(mode, s.rangeCode)
	}
	p.check(most <= limit, parameterValue)
	s.compliance = ch.compliance[mode]
	missing := complianceMissing
	if p.given(comp) {
		s.compliance, missing = math.Abs(p.values[comp]), complianceValue
	}
	p.check(s.compliance > 0, missing)
	p.check(s.compliance <= reach, complianceValue)
	p.fail(a.interlocked(ch, setting{mode: mode, level: most, compliance: s.compliance}))
	return s
}

// accept keeps the compliance of a source, for commands that leave it out;
// false if the command fails.
func (p *parameters) accept(ch *channel, s setting) bool {
	if !p.bad() {
		ch.compliance[s.mode] = s.compliance
	}
	return !p.bad()
}

// mode reads the mode parameter of the numbered sources.
func (p *parameters) mode(i int) bench.Mode {
	if p.choice(i, 1, 2) == 2 {
		return current
	}
	return voltage
}

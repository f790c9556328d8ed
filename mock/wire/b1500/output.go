package b1500

import (
	"math"

	"xlab/mock/bench"
)

// setting is what a channel forces.
type setting struct {
	mode       bench.Mode // ForceVoltage or ForceCurrent
	level      float64    // V or A
	rangeCode  int        // output range as it was sent
	compliance float64    // A or V, > 0
	polarity   int        // 0 = that of the output, 1 = that of the compliance value
	compRange  int        // range of the compliance as it was sent
}

// channel is one SMU.
type channel struct {
	slot, unit int
	revision   string
	module     *module

	on      bool
	present setting
	stored  *setting // what DZ put aside, nil if nothing
	icomp   float64  // last current compliance, 0 = none yet
	vcomp   float64  // last voltage compliance, 0 = none yet

	filter    bool // FL
	adc       int  // AAD: 0 high-speed, 1 high-resolution
	irange    int  // RI
	vrange    int  // RV
	rangeMode int  // RM
	rangeRate int  // RM, second parameter
	operation int  // CMM

	applied bench.Output // what the bench was last told
}

// initialCompliance is the current compliance after CN and while DZ holds, in A.
const initialCompliance = 100e-6

// zero is a channel's output after CN and while DZ holds.
func zero() setting {
	return setting{mode: bench.ForceVoltage, rangeCode: 200, compliance: initialCompliance}
}

// initial brings the channel into the state after power-on: switch open.
func (ch *channel) initial() {
	*ch = channel{slot: ch.slot, unit: ch.unit, revision: ch.revision, module: ch.module, applied: ch.applied,
		present: zero(), icomp: initialCompliance, rangeMode: 1, rangeRate: 50}
}

// output is the channel as the bench sees it.
func (ch *channel) output() bench.Output {
	if !ch.on {
		return bench.Output{}
	}
	return bench.Output{Mode: ch.present.mode, Level: ch.present.level, Compliance: ch.present.compliance}
}

// letter stands for the channel in a record.
func (ch *channel) letter() byte { return 'A' + byte(ch.slot-1) }

// off is the fault of a channel that should be enabled and is not.
func (ch *channel) off() fault {
	if ch.on {
		return fault{}
	}
	return fault{outputOff, ch.slot}
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
	if len(a.change) == 0 {
		return
	}
	a.settle()
	a.terminals.SetOutputs(a.change)
}

// channel finds the SMU that a parameter names: its slot, or slot and first
// sub-channel as in 101.
func (a *Analyzer) channel(x float64) (*channel, fault) {
	n, ok := whole(x)
	if ok && n > 100 && n <= 1001 && n%100 == 1 {
		n /= 100
	}
	if !ok || n < 1 || n > 10 {
		return nil, fault{code: channelNumber}
	}
	if a.slots[n] == nil {
		return nil, fault{noModule, n}
	}
	return a.slots[n], fault{}
}

// channelList finds several SMUs; none named means all of them.
func (a *Analyzer) channelList(p []float64) ([]*channel, fault) {
	if len(p) == 0 {
		return a.channels, fault{}
	}
	if len(p) > 10 {
		return nil, fault{code: channelCount}
	}
	chs := make([]*channel, 0, 10)
	for _, x := range p {
		ch, f := a.channel(x)
		if f.bad() {
			return nil, f
		}
		chs = append(chs, ch)
	}
	return chs, fault{}
}

// enable is CN: 0 V, then the switch closes. A channel that is on stays as it is.
func (a *Analyzer) enable(p []float64) fault {
	chs, f := a.channelList(p)
	if f.bad() {
		return f
	}
	for _, ch := range chs {
		if !ch.on {
			ch.on, ch.present, ch.stored = true, zero(), nil
			ch.icomp, ch.vcomp = initialCompliance, 0
		}
	}
	a.drive(chs...)
	return fault{}
}

// disable is CL. The level goes to 0 and the switch opens.
func (a *Analyzer) disable(p []float64) fault {
	chs, f := a.channelList(p)
	if f.bad() {
		return f
	}
	for _, ch := range chs {
		ch.on, ch.present, ch.stored = false, zero(), nil
	}
	a.drive(chs...)
	return fault{}
}

// selected finds the channels of DZ, RZ and IN: those named, which must be on,
// or all that are on.
func (a *Analyzer) selected(p []float64) ([]*channel, fault) {
	chs, f := a.channelList(p)
	if f.bad() {
		return nil, f
	}
	on := make([]*channel, 0, len(chs))
	for _, ch := range chs {
		switch {
		case ch.on:
			on = append(on, ch)
		case len(p) > 0:
			return nil, ch.off()
		}
	}
	return on, fault{}
}

// forceZero is DZ: it puts the output settings aside and forces 0 V.
func (a *Analyzer) forceZero(p []float64) fault {
	chs, f := a.selected(p)
	if f.bad() {
		return f
	}
	for _, ch := range chs {
		if ch.stored == nil {
			s := ch.present
			ch.stored = &s
		}
		ch.present = zero()
	}
	a.drive(chs...)
	return fault{}
}

// restore is RZ: it brings back what DZ put aside.
func (a *Analyzer) restore(p []float64) fault {
	chs, f := a.selected(p)
	if f.bad() {
		return f
	}
	found := false
	for _, ch := range chs {
		switch {
		case ch.stored != nil:
			found = true
			if f := a.interlocked(ch, ch.stored.mode, ch.stored.level, ch.stored.compliance); f.bad() {
				return f
			}
		case len(p) > 0:
			return fault{nothingStored, ch.slot}
		}
	}
	if !found {
		return fault{code: nothingStored}
	}
	for _, ch := range chs {
		if ch.stored != nil {
			ch.present, ch.stored = *ch.stored, nil
		}
	}
	a.drive(chs...)
	return fault{}
}

// initialise is IN: the channels go to 0 V with the settings they have after CN.
func (a *Analyzer) initialise(p []float64) fault {
	chs, f := a.selected(p)
	if f.bad() {
		return f
	}
	for _, ch := range chs {
		ch.initial()
		ch.on = true
	}
	a.drive(chs...)
	return fault{}
}

// force is DV and DI: ch,range,level[,compliance[,polarity[,compliance range]]].
func (a *Analyzer) force(mode bench.Mode, p []float64) fault {
	ch, f := a.channel(p[0])
	if f.bad() {
		return f
	}
	if !ch.on {
		return ch.off()
	}
	s, f := a.source(ch, mode, p[1], p[2], p[2], parameter(p, 3))
	if f.bad() {
		return f
	}
	if len(p) > 4 {
		n, ok := whole(p[4])
		if !ok || n < 0 || n > 1 {
			return fault{parameterValue, ch.slot}
		}
		s.polarity = n
	}
	if len(p) > 5 {
		n, ok := whole(p[5])
		if !ok || !ch.hasRange(other(mode), n) {
			return fault{rangeValue, ch.slot}
		}
		s.compRange = n
	}
	ch.remember(s)
	ch.present, ch.stored = s, nil
	a.sources.sampling[ch.slot] = nil // a constant output takes the place of MV and MI
	a.drive(ch)
	return fault{}
}

// parameter returns a pointer to an optional parameter, nil if it is missing.
func parameter(p []float64, i int) *float64 {
	if i < len(p) {
		return &p[i]
	}
	return nil
}

// other is the quantity that is not forced.
func other(m bench.Mode) bench.Mode {
	if m == bench.ForceVoltage {
		return bench.ForceCurrent
	}
	return bench.ForceVoltage
}

// hasRange tells whether a range code, signed or not, is one of the module's
// ranges for a quantity.
func (ch *channel) hasRange(quantity bench.Mode, code int) bool {
	if code < 0 {
		code = -code
	}
	if quantity == bench.ForceVoltage {
		return ch.module.hasVoltageRange(code)
	}
	return ch.module.hasCurrentRange(code)
}

// source checks one source of a channel that is to give level, and levels up to
// peak at some time, and returns its setting. comp is the compliance as sent,
// nil for the last one. Nothing changes.
func (a *Analyzer) source(ch *channel, mode bench.Mode, rangeCode, level, peak float64,
	comp *float64) (setting, fault) {
	code, ok := whole(rangeCode)
	if !ok || !ch.hasRange(mode, code) {
		return setting{}, fault{rangeValue, ch.slot}
	}
	most := math.Max(math.Abs(level), math.Abs(peak))
	limit := ch.module.maxVoltage()
	if mode == bench.ForceCurrent {
		limit = ch.module.maxCurrent()
	}
	if code < 0 { // a fixed range is not left, while a positive one is the least
		if mode == bench.ForceVoltage {
			limit, _ = voltageRange(-code)
		} else {
			limit, _ = currentRange(-code)
		}
	}
	if !(most <= limit) {
		return setting{}, fault{parameterValue, ch.slot}
	}
	s := setting{mode: mode, level: level, rangeCode: code}
	if comp != nil {
		s.compliance = math.Abs(*comp)
		if s.compliance == 0 {
			return setting{}, fault{complianceValue, ch.slot}
		}
	} else if mode == bench.ForceVoltage {
		s.compliance = ch.icomp
	} else {
		s.compliance = ch.vcomp
	}
	if s.compliance == 0 {
		return setting{}, fault{complianceMissing, ch.slot}
	}
	reach := ch.module.currentAt(most)
	if mode == bench.ForceCurrent {
		reach = ch.module.voltageAt(most)
	}
	if s.compliance > reach {
		return setting{}, fault{complianceValue, ch.slot}
	}
	return s, a.interlocked(ch, mode, most, s.compliance)
}

// remember keeps the compliance for commands that leave it out.
func (ch *channel) remember(s setting) {
	if s.mode == bench.ForceVoltage {
		ch.icomp = s.compliance
	} else {
		ch.vcomp = s.compliance
	}
}

// interlocked is the fault of a level that the open interlock forbids.
func (a *Analyzer) interlocked(ch *channel, mode bench.Mode, level, compliance float64) fault {
	if a.beyondInterlock(mode, level, compliance) && a.terminals.InterlockOpen() {
		return fault{interlockOpen, ch.slot}
	}
	return fault{}
}

// beyondInterlock tells whether an output needs the interlock closed. A current
// source may reach its voltage compliance.
func (a *Analyzer) beyondInterlock(mode bench.Mode, level, compliance float64) bool {
	if a.options.StrictInterlock {
		return level != 0
	}
	if mode == bench.ForceCurrent {
		level = compliance
	}
	return math.Abs(level) > a.settings.interlockVolts
}

// guardInterlock takes outputs back to 0 V that were up when the interlock
// opened, which the instrument does by itself.
func (a *Analyzer) guardInterlock() {
	if !a.terminals.InterlockOpen() {
		return
	}
	for _, ch := range a.channels {
		if ch.on && a.beyondInterlock(ch.present.mode, ch.present.level, ch.present.compliance) {
			ch.present, ch.stored = zero(), nil
			a.drive(ch)
			a.errors.push(fault{interlockOpen, ch.slot})
		}
	}
}

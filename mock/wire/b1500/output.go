package b1500

import "xlab/mock/bench"

// enable is CN: 0 V, then the switch closes. A channel that is on stays as it is.
func (a *Analyzer) enable(p *parameters) {
	chs := a.channelList(p, 0)
	for _, ch := range chs {
		if !ch.on {
			ch.on, ch.present, ch.stored, ch.compliance = true, zero(), nil, initialCompliances
		}
	}
	a.drive(chs...)
}

// disable is CL. The level goes to 0 and the switch opens.
func (a *Analyzer) disable(p *parameters) {
	chs := a.channelList(p, 0)
	for _, ch := range chs {
		ch.on, ch.present, ch.stored = false, zero(), nil
	}
	a.drive(chs...)
}

// selected finds the channels of DZ, RZ and IN: those named, which must be on,
// or all that are on. No channel if the command fails.
func (a *Analyzer) selected(p *parameters) []*channel {
	var on []*channel
	for _, ch := range a.channelList(p, 0) {
		switch {
		case ch.on:
			on = append(on, ch)
		case p.given(0):
			p.fail(ch.off())
			return nil
		}
	}
	return on
}

// forceZero is DZ: it puts the output settings aside and forces 0 V.
func (a *Analyzer) forceZero(p *parameters) {
	chs := a.selected(p)
	for _, ch := range chs {
		if ch.stored == nil {
			s := ch.present
			ch.stored = &s
		}
		ch.present = zero()
	}
	a.drive(chs...)
}

// restore is RZ: it brings back what DZ put aside.
func (a *Analyzer) restore(p *parameters) {
	var chs []*channel
	for _, ch := range a.selected(p) {
		switch {
		case ch.stored != nil:
			chs = append(chs, ch)
			p.fail(a.interlocked(ch, *ch.stored))
		case p.given(0):
			p.fail(fault{nothingStored, ch.slot})
		}
	}
	if chs == nil {
		p.fail(fault{code: nothingStored})
	}
	if p.bad() {
		return
	}
	for _, ch := range chs {
		ch.present, ch.stored = *ch.stored, nil
	}
	a.drive(chs...)
}

// initialise is IN: the channels go to 0 V with the settings they have after CN.
func (a *Analyzer) initialise(p *parameters) {
	chs := a.selected(p)
	for _, ch := range chs {
		ch.initial()
		ch.on = true
	}
	a.drive(chs...)
}

// force is DV and DI: ch,range,level[,compliance[,polarity[,compliance range]]].
func (a *Analyzer) force(p *parameters, mode bench.Mode) {
	ch := a.enabled(p, 0)
	s := a.source(p, ch, mode, 1, p.values[2], p.values[2], 3)
	s.polarity = p.choice(4, 0, 1)
	s.compRange = p.rangeCode(5, ch, other(mode))
	if p.accept(ch, s) {
		ch.present, ch.stored = s, nil
		a.sources.sampling[ch.slot] = nil // a constant output takes the place of MV and MI
		a.drive(ch)
	}
}

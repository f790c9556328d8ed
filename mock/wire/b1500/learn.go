package b1500

import "xlab/mock/bench"

// learner writes the answer to *LRN?: commands that would bring about the
// present settings, joined by semicolons, no spaces.
type learner struct{ text []byte }

// item appends a command with its parameters.
func (l *learner) item(header string, parameters ...float64) {
	if len(l.text) > 0 {
		l.text = append(l.text, ';')
	}
	l.text = append(l.text, header...)
	for i, p := range parameters {
		if i > 0 {
			l.text = append(l.text, ',')
		}
		l.text = appendPlain(l.text, p)
	}
}

// eachChannel appends one command per channel.
func (l *learner) eachChannel(a *Analyzer, header string, value func(*channel) int) {
	for _, ch := range a.channels {
		l.item(header, float64(ch.slot), float64(value(ch)))
	}
}

// learn is *LRN?: 0 output switches, 1 to 10 the output of a slot, the others
// as the programming guide numbers them.
func (a *Analyzer) learn(p []float64) fault {
	n, ok := whole(p[0])
	if !ok {
		return fault{code: parameterValue}
	}
	var l learner
	s := &a.settings
	switch {
	case n == 0:
		l.switches(a)
	case n >= 1 && n <= 10:
		ch := a.slots[n]
		if ch == nil {
			return fault{noModule, n}
		}
		l.output(ch)
	case n == 30:
		l.filters(a)
	case n == 31:
		l.item("TM", float64(s.trigger))
		l.item("AV", float64(s.average), float64(s.averageMode))
		l.item("CM", flag(s.calibrate))
		l.item("FMT", float64(s.format), float64(s.formatMode))
		if s.mode != 0 {
			l.item("MM", append([]float64{float64(s.mode)}, slotsOf(s.measured)...)...)
		}
	case n == 32:
		l.eachChannel(a, "RI", func(ch *channel) int { return ch.irange })
		l.eachChannel(a, "RV", func(ch *channel) int { return ch.vrange })
	case n == 33:
		l.staircase(a)
	case n == 34:
		l.pulses(a)
	case n == 46:
		l.eachChannel(a, "CMM", func(ch *channel) int { return ch.operation })
	case n == 47:
		l.sampling(a)
	case n == 53:
		l.eachChannel(a, "SSR", func(*channel) int { return 0 })
	case n == 54:
		for _, ch := range a.channels {
			if ch.rangeMode == 1 {
				l.item("RM", float64(ch.slot), 1)
			} else {
				l.item("RM", float64(ch.slot), float64(ch.rangeMode), float64(ch.rangeRate))
			}
		}
	case n == 55:
		l.eachChannel(a, "AAD", func(ch *channel) int { return ch.adc })
	case n == 56:
		for i, t := range s.integration {
			if t.n > 0 {
				l.item("AIT", float64(i), float64(t.mode), t.n)
			}
		}
		l.item("AZ", flag(s.autoZero))
	case n == 57:
		for i, w := range s.waits {
			l.item("WAT", float64(i+1), w.n, w.offset)
		}
	case n == 60:
		l.item("TSC", flag(s.timeStamp))
	case n == 110:
		l.item("PAD", flag(s.parallel))
	default:
		return fault{code: parameterValue}
	}
	a.answers.answer(l.text)
	return fault{}
}

func flag(on bool) float64 {
	if on {
		return 1
	}
	return 0
}

func slotsOf(chs []*channel) []float64 {
	var slots []float64
	for _, ch := range chs {
		slots = append(slots, float64(ch.slot))
	}
	return slots
}

// switches says which channels are on and which are off.
func (l *learner) switches(a *Analyzer) {
	var on, off []*channel
	for _, ch := range a.channels {
		if ch.on {
			on = append(on, ch)
		} else {
			off = append(off, ch)
		}
	}
	if on != nil {
		l.item("CN", slotsOf(on)...)
	}
	if off != nil {
		l.item("CL", slotsOf(off)...)
	}
}

// output says what a channel forces: DV1,0,1.5,0.0001,0,0 or CL1.
func (l *learner) output(ch *channel) {
	if !ch.on {
		l.item("CL", float64(ch.slot))
		return
	}
	s := ch.present
	header := "DV"
	if s.mode == bench.ForceCurrent {
		header = "DI"
	}
	l.item(header, float64(ch.slot), float64(s.rangeCode), s.level, s.compliance, float64(s.polarity), float64(s.compRange))
}

// filters groups the channels by filter; a group of all needs no numbers.
func (l *learner) filters(a *Analyzer) {
	groups := [2][]*channel{}
	for _, ch := range a.channels {
		i := int(flag(ch.filter))
		groups[i] = append(groups[i], ch)
	}
	for i, chs := range groups {
		switch len(chs) {
		case 0:
		case len(a.channels):
			l.item("FL", float64(i))
		default:
			l.item("FL", append([]float64{float64(i)}, slotsOf(chs)...)...)
		}
	}
}

// header is the command of a source: V or I appended to its stem.
func header(stem string, m bench.Mode) string {
	if m == bench.ForceCurrent {
		return stem + "I"
	}
	return stem + "V"
}

func (l *learner) staircase(a *Analyzer) {
	t := a.settings.sweep
	l.item("WM", float64(t.abort), float64(t.post))
	l.item("WT", t.hold, t.delay, t.stepDelay, t.trigger[0], t.trigger[1])
	if r := a.sources.primary; r != nil {
		p := []float64{float64(r.ch.slot), float64(r.kind), float64(r.s.rangeCode), r.start, r.stop, float64(r.steps), r.s.compliance}
		l.item(header("W", r.s.mode), withPower(p, r)...)
	}
	if r := a.sources.extra[2]; r != nil {
		p := []float64{float64(r.ch.slot), float64(r.s.rangeCode), r.start, r.stop, r.s.compliance}
		l.item(header("WS", r.s.mode), withPower(p, r)...)
	}
}

func withPower(p []float64, r *ramp) []float64 {
	if r.power > 0 {
		p = append(p, r.power)
	}
	return p
}

func (l *learner) pulses(a *Analyzer) {
	if t := a.settings.pulse; t != nil {
		l.item("PT", t.hold, t.width, t.period, t.delay)
	}
	if p := a.sources.pulse; p != nil {
		l.item(header("P", p.s.mode), float64(p.ch.slot), float64(p.s.rangeCode), p.s.level, p.peak, p.s.compliance)
	}
	if r := a.sources.pulseSweep; r != nil {
		l.item(header("PW", r.s.mode), float64(r.ch.slot), float64(r.kind), float64(r.s.rangeCode), r.base, r.start, r.stop, float64(r.steps), r.s.compliance)
	}
	if len(l.text) == 0 {
		l.item("PT", 0, 0, 0, 0)
	}
}

func (l *learner) sampling(a *Analyzer) {
	t := a.settings.sampling
	l.item("ML", float64(t.mode))
	l.item("MT", t.hold, t.interval, float64(t.number), t.baseHold)
	l.item("MSC", float64(t.abort), float64(t.post))
	for _, p := range a.sources.sampling {
		if p != nil {
			l.item(header("M", p.s.mode), float64(p.ch.slot), float64(p.s.rangeCode), p.s.level, p.peak, p.s.compliance)
		}
	}
}

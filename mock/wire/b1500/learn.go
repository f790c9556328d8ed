package b1500

import (
	"fmt"
	"math"
	"strconv"

	"xlab/mock/bench"
)

// learner writes the answer to *LRN?: commands that would bring about the
// present settings, joined by semicolons, no spaces. The shapes are those of the
// golden frames.
type learner struct {
	*Analyzer
	text []byte
}

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
		l.text = append(l.text, settingText(p)...)
	}
}

// next begins a group of its own: items are joined by one semicolon, groups by
// two.
func (l *learner) next() {
	if len(l.text) > 0 {
		l.text = append(l.text, ';')
	}
}

// eachChannel appends one command per channel.
func (l *learner) eachChannel(header string, value func(*channel) int) {
	for _, ch := range l.channels {
		l.item(header, float64(ch.slot), float64(value(ch)))
	}
}

// learn is *LRN?: 0 output switches, 1 to 10 the output of a slot, the others
// as the programming guide numbers them.
func (a *Analyzer) learn(p *parameters) {
	n := p.choice(0, 0, 110)
	write := learners[n]
	if n >= 1 && n <= mostSlots {
		ch := a.channel(p, 0)
		write = func(l *learner) { l.output(ch) }
	}
	p.check(write != nil, parameterValue)
	if p.bad() {
		return
	}
	l := learner{Analyzer: a}
	write(&l)
	a.answers.answer(string(l.text))
}

// learners write what belongs to a number of *LRN? beyond the slots.
var learners = map[int]func(*learner){
	0:  (*learner).switches,
	30: (*learner).filters,
	31: func(l *learner) {
		s := &l.settings
		l.item("TM", float64(s.trigger))
		l.item("AV", float64(s.average), float64(s.averageMode))
		l.item("CM", flag(s.calibrate))
		l.item("FMT", float64(s.format), float64(s.formatMode))
		if s.mode != 0 {
			l.item("MM", append([]float64{float64(s.mode)}, slotsOf(s.measured)...)...)
		}
	},
	32: func(l *learner) {
		for _, ch := range l.channels {
			l.item("RI", float64(ch.slot), float64(ch.ranges[current]))
			l.item("RV", float64(ch.slot), float64(ch.ranges[voltage]))
		}
	},
	33: (*learner).staircase,
	34: (*learner).pulses,
	46: func(l *learner) { l.eachChannel("CMM", func(ch *channel) int { return ch.operation }) },
	47: (*learner).sampling,
	53: func(l *learner) { l.eachChannel("SSR", func(*channel) int { return 0 }) },
	54: func(l *learner) {
		for _, ch := range l.channels {
			l.item("RM", float64(ch.slot), float64(ch.rangeMode), float64(ch.rangeRate))
		}
	},
	55: func(l *learner) {
		for _, ch := range l.channels {
			l.next()
			// What the second one tells is not known (K).
			l.item("AAD", float64(ch.slot), float64(ch.adc))
			l.item("AAD", float64(ch.slot), float64(ch.adc))
		}
	},
	56: func(l *learner) {
		for i, t := range l.settings.integration {
			l.item("AIT", float64(i), float64(t.mode), t.n)
		}
		l.item("AZ", flag(l.settings.autoZero))
	},
	57: func(l *learner) {
		for i, w := range l.settings.waits {
			l.item("WAT", float64(i+1))
			l.text = fmt.Appendf(l.text, ",%.1f,%.4f", w.n, w.offset)
		}
	},
	60:  func(l *learner) { l.item("TSC", flag(l.settings.timeStamp)) },
	110: func(l *learner) { l.item("PAD", flag(l.settings.parallel)) },
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

// switches names the channels that are on, CL alone where none is. Nothing is
// said of those that are off.
func (l *learner) switches() {
	on := l.selected(&parameters{})
	if on == nil {
		l.item("CL")
		return
	}
	l.item("CN", slotsOf(on)...)
}

// output says what a channel forces, in the ranges that are active:
// DV1,200,+01.5000E+00,+100.000E-06,0,16, or CL1.
func (l *learner) output(ch *channel) {
	if !ch.on {
		l.item("CL", float64(ch.slot))
		return
	}
	s := ch.present
	l.item(sourceHeader("D", s.mode), float64(ch.slot))
	code, scale := ch.module.active(s.mode, s.rangeCode, s.level)
	compCode, compScale := ch.module.active(other(s.mode), s.compRange, s.compliance)
	l.text = appendFixed(fmt.Appendf(l.text, ",%d,", code), s.level, scale)
	l.text = appendFixed(append(l.text, ','), s.compliance, compScale)
	l.text = fmt.Appendf(l.text, ",%d,%d", s.polarity, compCode)
}

// active is the range, with its full scale, in which a value is given of which
// code was sent: that range, or the smallest one beyond it that holds the value.
func (m *module) active(quantity bench.Mode, code int, value float64) (active int, scale float64) {
	least := fullScale(quantity, code)
	for _, active = range m.ranges[quantity] {
		if scale = fullScale(quantity, active); scale >= least && scale >= math.Abs(value) {
			break
		}
	}
	return active, scale
}

// appendFixed writes a value with six digits and the exponent of its range's
// full scale: +100.000E-06 in the one of 100 uA.
func appendFixed(b []byte, v, full float64) []byte {
	decade := int(math.Floor(math.Log10(full) + 1e-9))
	exponent := 3 * int(math.Floor(float64(decade)/3))
	digits := decade - exponent + 1
	return fmt.Appendf(b, "%+0*.*fE%+03d", 8, 6-digits, v*math.Pow10(-exponent), exponent)
}

// filters groups the channels by filter; a group of all needs no numbers.
func (l *learner) filters() {
	groups := [2][]*channel{}
	for _, ch := range l.channels {
		i := int(flag(ch.filter))
		groups[i] = append(groups[i], ch)
	}
	for i, chs := range groups {
		switch len(chs) {
		case 0:
		case len(l.channels):
			l.item("FL", float64(i))
		default:
			l.item("FL", append([]float64{float64(i)}, slotsOf(chs)...)...)
		}
	}
}

// sourceHeader is the command of a source: V or I appended to its stem.
func sourceHeader(stem string, m bench.Mode) string { return stem + string(letter(m)) }

func (l *learner) staircase() {
	t := l.settings.sweep
	l.item("WM", float64(t.abort), float64(t.post))
	l.item("WT", t.hold, t.delay, t.stepDelay, t.trigger[0], t.trigger[1])
	if r := l.sources.primary; r != nil {
		p := []float64{float64(r.ch.slot), float64(r.kind), float64(r.s.rangeCode), r.start, r.stop, float64(r.steps),
			r.s.compliance}
		l.item(sourceHeader("W", r.s.mode), withPower(p, r)...)
	}
	if r := l.sources.extra[2]; r != nil {
		p := []float64{float64(r.ch.slot), float64(r.s.rangeCode), r.start, r.stop, r.s.compliance}
		l.item(sourceHeader("WS", r.s.mode), withPower(p, r)...)
	}
}

func withPower(p []float64, r *ramp) []float64 {
	if r.power > 0 {
		p = append(p, r.power)
	}
	return p
}

func (l *learner) pulses() {
	if t := l.settings.pulse; t != nil {
		l.item("PT", t.hold, t.width, t.period, t.delay)
	}
	if p := l.sources.pulse; p != nil {
		l.item(sourceHeader("P", p.s.mode), float64(p.ch.slot), float64(p.s.rangeCode), p.s.level, p.peak, p.s.compliance)
	}
	if r := l.sources.pulseSweep; r != nil {
		l.item(sourceHeader("PW", r.s.mode), float64(r.ch.slot), float64(r.kind), float64(r.s.rangeCode), r.base, r.start,
			r.stop, float64(r.steps), r.s.compliance)
	}
	if len(l.text) == 0 {
		l.item("PT", 0, 0, 0, 0)
	}
}

func (l *learner) sampling() {
	t := l.settings.sampling
	l.item("ML", float64(t.mode))
	l.item("MT", t.hold, t.interval, float64(t.number), t.baseHold)
	l.item("MSC", float64(t.abort), float64(t.post))
	for _, p := range nonNil(l.sources.sampling[:]) {
		l.item(sourceHeader("M", p.s.mode), float64(p.ch.slot), float64(p.s.rangeCode), p.s.level, p.peak, p.s.compliance)
	}
}

// settingText is a number as *LRN? and other setting queries give it: without spaces, a
// capital E where there is an exponent.
func settingText(v float64) string { return strconv.FormatFloat(v, 'G', -1, 64) }

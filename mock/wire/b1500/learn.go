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

// next begins a group of its own: items are joined by one semicolon, groups by
// two.
func (l *learner) next() {
	if len(l.text) > 0 {
		l.text = append(l.text, ';')
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
		for _, ch := range a.channels {
			l.item("RI", float64(ch.slot), float64(ch.irange))
			l.item("RV", float64(ch.slot), float64(ch.vrange))
		}
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
			l.item("RM", float64(ch.slot), float64(ch.rangeMode), float64(ch.rangeRate))
		}
	case n == 55:
		for _, ch := range a.channels {
			l.next()
			// What the second one tells is not known (K).
			l.item("AAD", float64(ch.slot), float64(ch.adc))
			l.item("AAD", float64(ch.slot), float64(ch.adc))
		}
	case n == 56:
		for i, t := range s.integration {
			l.item("AIT", float64(i), float64(t.mode), t.n)
		}
		l.item("AZ", flag(s.autoZero))
	case n == 57:
		for i, w := range s.waits {
			l.item("WAT", float64(i+1))
			l.text = strconv.AppendFloat(append(l.text, ','), w.n, 'f', 1, 64)
			l.text = strconv.AppendFloat(append(l.text, ','), w.offset, 'f', 4, 64)
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

// switches names the channels that are on, CL alone where none is. Nothing is
// said of those that are off.
func (l *learner) switches(a *Analyzer) {
	var on []*channel
	for _, ch := range a.channels {
		if ch.on {
			on = append(on, ch)
		}
	}
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
	header, forced, bound := "DV", ch.module.voltages, ch.module.currents
	full, most := voltageRange, currentRange
	if s.mode == bench.ForceCurrent {
		header, forced, bound = "DI", bound, forced
		full, most = most, full
	}
	code, scale := activeRange(forced, full, s.rangeCode, s.level)
	l.item(header, float64(ch.slot), float64(code))
	l.text = appendFixed(append(l.text, ','), s.level, scale)
	code, scale = activeRange(bound, most, s.compRange, s.compliance)
	l.text = appendFixed(append(l.text, ','), s.compliance, scale)
	l.text = strconv.AppendInt(append(l.text, ','), int64(s.polarity), 10)
	l.text = strconv.AppendInt(append(l.text, ','), int64(code), 10)
}

// activeRange is the range, with its full scale, in which a value is given of
// which code was sent: that range, or the smallest one beyond it that holds the
// value.
func activeRange(codes []int, full func(int) (float64, bool), code int, value float64) (int, float64) {
	least, _ := full(max(code, -code))
	active, scale := 0, 0.0
	for _, active = range codes {
		if scale, _ = full(active); scale >= least && scale >= math.Abs(value) {
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
		p := []float64{float64(r.ch.slot), float64(r.kind), float64(r.s.rangeCode), r.start, r.stop, float64(r.steps),
			r.s.compliance}
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
		l.item(header("PW", r.s.mode), float64(r.ch.slot), float64(r.kind), float64(r.s.rangeCode), r.base, r.start, r.stop,
			float64(r.steps), r.s.compliance)
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

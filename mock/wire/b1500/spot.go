package b1500

import (
	"math"

	"xlab/mock/bench"
)

// reading is one quantity of one channel to be measured, and what came of it.
type reading struct {
	ch       *channel
	quantity byte // 'I' or 'V'
	code     int  // measuring range, negative = fixed, 0 = auto
	status   byte
	value    float64
	at       float64 // bench time at which the measurement began
}

// readings are what XE measures, in the order of MM.
func (a *Analyzer) readings() []reading {
	rs := make([]reading, 0, len(a.settings.measured)+2)
	for _, ch := range a.settings.measured {
		quantities := ""
		switch compliance := quantityOf(other(ch.present.mode)); ch.operation {
		case 0:
			quantities = compliance
		case 1:
			quantities = "I"
		case 2:
			quantities = "V"
		case 3:
			quantities = quantityOf(ch.present.mode)
		case 4:
			quantities = "IV"
		}
		for _, q := range []byte(quantities) {
			r := reading{ch: ch, quantity: q, code: ch.irange}
			if q == 'V' {
				r.code = ch.vrange
			}
			rs = append(rs, r)
		}
	}
	return rs
}

func quantityOf(m bench.Mode) string {
	if m == bench.ForceVoltage {
		return "V"
	}
	return "I"
}

// look measures all the readings at the same moment and adds to their values,
// so that several looks make an average.
func (a *Analyzer) look(rs []reading, aperture float64) {
	at := a.now()
	for i := range rs {
		if rs[i].quantity == 'I' && rs[i].code < 0 {
			full, _ := currentRange(-rs[i].code)
			a.scale[rs[i].ch.unit-1] = full
		}
	}
	samples := a.sample(aperture)
	clear(a.scale)
	limited := 0 // channels in compliance
	for _, ch := range a.channels {
		if ch.on && samples[ch.unit-1].InCompliance {
			limited++
		}
	}
	for i := range rs {
		r := &rs[i]
		s := samples[r.ch.unit-1]
		if s.InCompliance {
			r.status |= ownCompliance
		}
		if limited > 1 || limited == 1 && !s.InCompliance {
			r.status |= otherCompliance
		}
		v := s.Current
		if r.quantity == 'V' {
			v = s.Voltage
		}
		if !(math.Abs(v) <= overload*r.fullScale()) {
			r.status |= overRange
		}
		r.value += v
		r.at = at
	}
}

// fullScale is the largest range that the reading may use.
func (r *reading) fullScale() float64 {
	var full float64
	switch {
	case r.quantity == 'I' && r.code < 0:
		full, _ = currentRange(-r.code)
	case r.quantity == 'I':
		full, _ = currentRange(r.ch.module.currents[len(r.ch.module.currents)-1])
	case r.code < 0:
		full, _ = voltageRange(-r.code)
	default:
		full, _ = voltageRange(r.ch.module.voltages[len(r.ch.module.voltages)-1])
	}
	return full
}

// lookInTurn measures channel after channel, each for its own integration time;
// with parallel measurement (PAD) the channels on their high-speed converters
// go together. It returns the time it took.
func (a *Analyzer) lookInTurn(rs []reading) float64 {
	took := 0.0
	if a.settings.parallel {
		fast := make([]reading, 0, len(rs))
		for _, r := range rs {
			if r.ch.adc == 0 {
				fast = append(fast, r)
			}
		}
		if len(fast) > 0 {
			took += a.aperture(fast[0].ch)
			a.look(fast, took)
		}
		for i := range rs {
			if rs[i].ch.adc == 0 {
				rs[i], fast = fast[0], fast[1:]
			}
		}
	}
	for i := 0; i < len(rs); {
		j := i + 1
		for j < len(rs) && rs[j].ch == rs[i].ch {
			j++
		}
		if !a.settings.parallel || rs[i].ch.adc != 0 {
			t := a.aperture(rs[i].ch)
			a.look(rs[i:j], t)
			took += t
		}
		i = j
	}
	return took
}

// write puts readings into an answer and returns their statuses together.
func (a *Analyzer) write(w *blockWriter, rs []reading, stamped bool) byte {
	all := byte(0)
	for i := range rs {
		r := &rs[i]
		if stamped && (i == 0 || rs[i-1].ch != r.ch) {
			w.value(0, r.ch.letter(), 'T', r.at-a.timerZero)
		}
		v := r.value
		if r.status&overRange != 0 {
			v = nothing
		}
		w.value(r.status, r.ch.letter(), r.quantity, v)
		all |= r.status
	}
	return all
}

// forget makes readings ready for the next step.
func forget(rs []reading) {
	for i := range rs {
		rs[i].status, rs[i].value = 0, 0
	}
}

// spot is TI, TV, TIV and their forms with the time first: ch[,range[,range]].
func (a *Analyzer) spot(quantities string, stamped bool, p []float64) fault {
	ch, f := a.channel(p[0])
	if f.bad() {
		return f
	}
	if !ch.on {
		return ch.off()
	}
	var room [2]reading
	rs := room[:0]
	for i := range len(quantities) {
		r := reading{ch: ch, quantity: quantities[i]}
		if i+1 < len(p) {
			n, ok := whole(p[i+1])
			quantity := bench.ForceCurrent
			if r.quantity == 'V' {
				quantity = bench.ForceVoltage
			}
			if !ok || !ch.hasRange(quantity, n) {
				return fault{rangeValue, ch.slot}
			}
			r.code = n
		}
		rs = append(rs, r)
	}
	records := len(rs)
	if stamped {
		records++
	}
	if f := a.room(records); f.bad() {
		return f
	}
	a.look(rs, a.aperture(ch))
	w := a.newBlock()
	a.write(w, rs, stamped)
	return a.finish(w)
}

// resetTimer is TSR.
func (a *Analyzer) resetTimer(p []float64) fault {
	if len(p) > 0 {
		if _, f := a.channel(p[0]); f.bad() {
			return f
		}
	}
	a.timerZero = a.now()
	return fault{}
}

// queryTimer is TSQ: the time since TSR, as measured data.
func (a *Analyzer) queryTimer([]float64) fault {
	w := a.newBlock()
	w.value(0, 'Z', 'T', a.now()-a.timerZero)
	return a.finish(w)
}

// measure is XE.
func (a *Analyzer) measure() fault {
	if a.settings.mode == 0 {
		return fault{code: modeMissing}
	}
	for _, ch := range a.settings.measured {
		if !ch.on {
			return ch.off()
		}
	}
	switch a.settings.mode {
	case 1:
		return a.measureSpot()
	case 2, 16:
		return a.measureSweep()
	case 3:
		return a.measurePulse()
	case 4, 5:
		return a.measurePulseSweep()
	case 10:
		return a.measureSampling()
	}
	return a.measureMultiPulse()
}

// perStep is the number of records that one step gives, apart from sources.
func (a *Analyzer) perStep(rs []reading) int {
	n := len(rs)
	if a.settings.timeStamp {
		n += len(a.settings.measured)
	}
	return n
}

// measureSpot is MM 1.
func (a *Analyzer) measureSpot() fault {
	rs := a.readings()
	if f := a.room(a.perStep(rs)); f.bad() {
		return f
	}
	a.lookInTurn(rs)
	w := a.newBlock()
	a.write(w, rs, a.settings.timeStamp)
	return a.finish(w)
}

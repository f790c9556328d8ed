package b1500

import (
	"math"

	"xlab/mock/bench"
)

// reading is one quantity of one channel to be measured, and what came of it.
type reading struct {
	ch       *channel
	quantity bench.Mode
	code     int // measuring range, negative = fixed, 0 = auto
	status   byte
	value    float64
	at       float64 // bench time at which the measurement began
}

// readings are what XE measures, in the order of MM.
func (a *Analyzer) readings() []reading {
	rs := make([]reading, 0, len(a.settings.measured)+2)
	for _, ch := range a.settings.measured {
		bound, forced := other(ch.present.mode), ch.present.mode
		operations := [...][]bench.Mode{{bound}, {current}, {voltage}, {forced}, {current, voltage}} // by CMM
		for _, quantity := range operations[ch.operation] {
			rs = append(rs, reading{ch: ch, quantity: quantity, code: ch.ranges[quantity]})
		}
	}
	return rs
}

// look measures all the readings at the same moment and adds to their values,
// so that several looks make an average.
func (a *Analyzer) look(rs []reading, aperture float64) {
	at := a.now()
	for _, r := range rs {
		if r.quantity == current && r.code < 0 {
			a.scale[r.ch.unit-1] = fullScale(current, r.code)
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
		if r.quantity == voltage {
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
	if r.code < 0 {
		return fullScale(r.quantity, r.code)
	}
	return r.ch.module.widest(r.quantity)
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
		w.value(r.status, r.ch.letter(), letter(r.quantity), v)
		all |= r.status
	}
	return all
}

// perStep is the number of records that one step gives, apart from sources.
func (a *Analyzer) perStep(rs []reading) int {
	n := len(rs)
	if a.settings.timeStamp {
		n += len(a.settings.measured)
	}
	return n
}

// series is a measurement that goes through levels or samples step by step.
type series struct {
	total   int
	abort   bool    // at the first status other than 0
	indexed bool    // with the number of the step as a record before the others
	sources []*ramp // whose levels are recorded, too
	lead    *ramp   // that the sources follow
}

// measureSteps measures step after step into an answer. take brings a step about
// and measures it; its readings are at 0. Steps after an aborted one are recorded
// as not measured.
func (a *Analyzer) measureSteps(s series, take func(i int, rs []reading)) *blockWriter {
	rs := a.readings() // the sources say what they do not force
	w := a.newBlock()
	stopped := false
	for i := range s.total {
		for j := range rs {
			rs[j].status, rs[j].value = 0, 0
			if stopped {
				rs[j].status, rs[j].value, rs[j].at = overRange, nothing, math.Inf(1)
			}
		}
		if !stopped {
			take(i, rs)
		}
		if s.indexed {
			w.value(0, rs[0].ch.letter(), 'X', float64(i+1))
		}
		all := a.write(w, rs, a.settings.timeStamp)
		for _, r := range s.sources {
			w.source(i == s.total-1, r.ch.letter(), letter(r.s.mode), r.level(s.lead, i))
		}
		stopped = stopped || s.abort && all != 0
	}
	return w
}

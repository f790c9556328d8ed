package b1500

import "xlab/mock/bench"

// spot is TI, TV, TIV and their forms with the time first: ch[,range[,range]].
func (a *Analyzer) spot(p *parameters, stamped bool, quantities []bench.Mode) {
	ch := a.enabled(p, 0)
	records := len(quantities)
	if stamped {
		records++
	}
	rs := make([]reading, 0, len(quantities))
	for i, quantity := range quantities {
		rs = append(rs, reading{ch: ch, quantity: quantity, code: p.rangeCode(i+1, ch, quantity)})
	}
	p.fail(a.room(records))
	if p.bad() {
		return
	}
	a.look(rs, a.aperture(ch))
	w := a.newBlock()
	a.write(w, rs, stamped)
	p.fail(a.finish(w))
}

// resetTimer is TSR.
func (a *Analyzer) resetTimer(p *parameters) {
	if p.given(0) {
		a.channel(p, 0)
	}
	if !p.bad() {
		a.timerZero = a.now()
	}
}

// queryTimer is TSQ: the time since TSR, as measured data.
func (a *Analyzer) queryTimer(p *parameters) {
	w := a.newBlock()
	w.value(0, 'Z', 'T', a.now()-a.timerZero)
	p.fail(a.finish(w))
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

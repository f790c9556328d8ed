package b1500

import "math"

// train is a sequence of pulses, one step after the other. ramps, if any, give
// the peaks of the pulses step by step; a staircase is a source that steps
// without pulsing.
type train struct {
	hold, period float64
	measureDelay float64 // from the beginning of the period, 0 = at the end of the pulse
	average      int     // pulses per step
	ramps        []*ramp
	staircase    *ramp
}

// pulses runs a train and measures the channels of MM in every pulse.
func (a *Analyzer) pulses(ps []*pulse, t train) fault {
	chs := make([]*channel, 0, len(ps)+1)
	for i, p := range ps {
		peak := math.Max(math.Abs(p.s.level), math.Abs(p.peak))
		if t.ramps != nil {
			peak = t.ramps[i].peak()
		}
		if f := a.ready(p.ch, p.s, peak); f.bad() {
			return f
		}
		chs = append(chs, p.ch)
	}
	total, sources := 1, t.ramps
	var lead *ramp
	if t.staircase != nil {
		lead, sources = t.staircase, []*ramp{t.staircase}
		if f := a.ready(lead.ch, lead.s, lead.peak()); f.bad() {
			return f
		}
		chs = append(chs, lead.ch)
	} else if t.ramps != nil {
		lead = t.ramps[0]
	}
	if lead != nil {
		total = lead.total()
	}
	reported := a.reported(len(sources))
	if f := a.room(total * (a.perStep(a.readings()) + reported)); f.bad() {
		return f
	}

	// All sources go to their bases at one moment, then the first period begins.
	for _, p := range ps {
		p.ch.present, p.ch.stored = p.s, nil
	}
	if t.staircase != nil {
		lead.ch.present, lead.ch.stored = lead.at(lead.start), nil
	}
	a.drive(chs...)
	a.elapse(t.hold)
	n := series{total: total, abort: lead != nil && a.settings.sweep.abort == 2, sources: sources[:reported], lead: lead}
	w := a.measureSteps(n, func(i int, rs []reading) {
		for j, r := range t.ramps {
			ps[j].peak = r.level(lead, i)
			ps[j].s.compliance = r.at(ps[j].peak).compliance
		}
		if t.staircase != nil {
			lead.ch.present = lead.at(lead.level(lead, i))
			a.drive(lead.ch)
		}
		for range t.average {
			a.period(ps, chs, t, rs)
		}
		for j := range rs {
			rs[j].value /= float64(t.average)
		}
	})
	if t.staircase != nil {
		end := lead.start
		if a.settings.sweep.post == 2 {
			end = lead.stop
		}
		lead.ch.present = lead.at(end)
		a.drive(lead.ch)
	}
	return a.finish(w)
}

// period runs one period of the channels' pulses: every pulse is at its base, from its delay for its
// width at its peak, and at its base again. The reading is the last thing that
// happens before the first of the pulses ends, unless a delay was set for it.
func (a *Analyzer) period(ps []*pulse, chs []*channel, t train, rs []reading) {
	start, aperture := t.window(ps, a.pulseAperture())
	measured := false
	for now := 0.0; now < t.period-timeSlack; {
		for _, p := range ps {
			p.ch.present = p.s
			if now >= p.delay-timeSlack && now < p.delay+p.width-timeSlack {
				p.ch.present.level = p.peak
			}
		}
		a.drive(chs...)
		next := t.period
		for _, p := range ps {
			for _, edge := range [2]float64{p.delay, p.delay + p.width} {
				if edge > now+timeSlack {
					next = math.Min(next, edge)
				}
			}
		}
		if !measured && start < next-timeSlack {
			// The reading lies within this piece.
			a.elapse(math.Max(0, start-now))
			a.look(rs, aperture)
			measured = true
			now = start + aperture
			if now > next-timeSlack {
				now = next
			}
			continue
		}
		a.elapse(next - now)
		now = next
	}
}

// window is where in the period the reading lies. It holds no edge of a pulse,
// so that it shows one state.
func (t train) window(ps []*pulse, aperture float64) (start, length float64) {
	if t.measureDelay > 0 {
		start = math.Min(t.measureDelay, t.period-math.Min(aperture, t.period))
		end := t.period
		for _, p := range ps {
			for _, edge := range [2]float64{p.delay, p.delay + p.width} {
				if edge > start+timeSlack {
					end = math.Min(end, edge)
				}
			}
		}
		return start, math.Min(aperture, end-start)
	}
	end := t.period
	for _, p := range ps {
		end = math.Min(end, p.delay+p.width)
	}
	first := 0.0
	for _, p := range ps {
		if p.delay < end-timeSlack {
			first = math.Max(first, p.delay)
		}
	}
	length = math.Min(aperture, end-first)
	return end - length, length
}

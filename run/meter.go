package run

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"xlab/instrument"
)

const (
	meterWindow = 64 // steps that the estimate is made from
	meterTrim   = 10 // one in so many is cut at either end
)

// Work is a number of steps of one kind that a run has still to do.
type Work struct {
	Kind  string
	Steps int
	// Each is how long a step takes beside those of other kinds, in any unit. It
	// counts until steps of the kind have been seen.
	Each float64
}

// Meter estimates how long a run still takes, from the times that the last steps
// of every kind took. The estimate is a winsorised mean: the slowest and the
// fastest tenth of the last 64 steps count as much as their nearest neighbours, so
// that one stuck device or a suspended computer does not spoil it, while a share of
// slow devices that is always there is counted. What kinds take of which no step
// has been seen follows from those that have, by what is expected of both.
//
// Only what was measured since New counts, so that the estimate is right after a
// resume too.
type Meter struct {
	last  instrument.Seconds // when the last step was done
	paces map[string]*pace
	ahead []Work
	under *pace // of the step under way; nil = not known
}

// pace is how long steps of one kind take.
type pace struct {
	each   float64   // expected, in the unit of Work
	steps  int       // done, with those of earlier segments
	recent []float64 // ring of times per step in s
	next   int
	sorted []float64
}

// NewMeter starts to measure at the time now, of any one clock.
func NewMeter(now instrument.Seconds) *Meter {
	return &Meter{last: now, paces: make(map[string]*pace)}
}

// Skip tells that steps were done by an earlier segment of the run.
func (m *Meter) Skip(kind string, steps int, ahead []Work, now instrument.Seconds) {
	m.expect(ahead)
	m.of(kind).steps += steps
	m.last = now
}

// Advance tells that so many steps of a kind have been done since it was told
// last, and what is still to be done, which may change on the way. A clock that
// jumped back gives no sample.
func (m *Meter) Advance(kind string, steps int, ahead []Work, now instrument.Seconds) {
	m.expect(ahead)
	p := m.of(kind)
	p.steps += steps
	if steps > 0 {
		if each := float64(now-m.last) / float64(steps); each >= 0 && !math.IsInf(each, 0) {
			for range min(steps, meterWindow) {
				p.sample(each)
			}
		}
		m.last = now
	} else if now < m.last {
		m.last = now
	}
}

func (m *Meter) expect(ahead []Work) {
	m.ahead, m.under = ahead, nil
	for _, w := range ahead {
		p := m.of(w.Kind)
		p.each = w.Each
		if m.under == nil && w.Steps > 0 {
			m.under = p
		}
	}
}

func (m *Meter) of(kind string) *pace {
	p := m.paces[kind]
	if p == nil {
		p = &pace{}
		m.paces[kind] = p
	}
	return p
}

// Remaining estimates the time from now to the end of the run. ok is false while
// no step has been done since NewMeter.
func (m *Meter) Remaining(now instrument.Seconds) (left instrument.Seconds, ok bool) {
	scale, measured := m.scale()
	sum, any := 0.0, false
	for _, w := range m.ahead {
		if w.Steps > 0 {
			sum += float64(w.Steps) * m.of(w.Kind).time(scale)
			any = true
		}
	}
	if !any || !measured {
		return 0, !any
	}
	// The step under way has had its share already, but not more than that.
	spent := min(max(float64(now-m.last), 0), m.under.time(scale))
	return instrument.Seconds(sum - spent), true
}

// Share is the part of the run's work that is done, from 0 to 1, in time.
func (m *Meter) Share() float64 {
	scale, _ := m.scale()
	done, ahead := 0.0, 0.0
	for _, kind := range slices.Sorted(maps.Keys(m.paces)) { // in order: sums of floats depend on it
		p := m.paces[kind]
		done += float64(p.steps) * p.time(scale)
	}
	for _, w := range m.ahead {
		ahead += float64(w.Steps) * m.of(w.Kind).time(scale)
	}
	if done+ahead == 0 {
		return 0
	}
	return done / (done + ahead)
}

// scale is how many seconds a unit of expectation takes. measured is false where
// no step has been seen; then it is 1.
func (m *Meter) scale() (scale float64, measured bool) {
	seconds, units := 0.0, 0.0
	for _, p := range m.paces {
		if len(p.recent) > 0 {
			seconds += p.measured()
			units += p.each
			measured = true
		}
	}
	if !(units > 0) {
		return 1, measured
	}
	return seconds / units, measured
}

// time is how long a step takes, in s.
func (p *pace) time(scale float64) float64 {
	if len(p.recent) > 0 {
		return p.measured()
	}
	return p.each * scale
}

func (p *pace) sample(each float64) {
	if len(p.recent) < meterWindow {
		p.recent = append(p.recent, each)
		return
	}
	p.recent[p.next] = each
	p.next = (p.next + 1) % meterWindow
}

func (p *pace) measured() float64 {
	p.sorted = append(p.sorted[:0], p.recent...)
	slices.Sort(p.sorted)
	n := len(p.sorted)
	cut := 0
	if n >= 3 {
		cut = (n + meterTrim - 1) / meterTrim
	}
	sum := 0.0
	for i := range p.sorted {
		sum += p.sorted[min(max(i, cut), n-1-cut)]
	}
	return sum / float64(n)
}

// FormatDuration writes a time for a person: "340 ms", "12 s", "3 min 05 s",
// "2 h 10 min", "3 d 04 h".
func FormatDuration(t instrument.Seconds) string {
	s := float64(t)
	switch {
	case math.IsNaN(s) || math.IsInf(s, 0):
		return "unknown"
	case s < 0:
		return "-" + FormatDuration(-t)
	case s < 0.9995:
		return fmt.Sprintf("%.0f ms", s*1e3)
	case s < 9.95:
		return fmt.Sprintf("%.1f s", s)
	case s < 59.5:
		return fmt.Sprintf("%.0f s", s)
	case s < 3599.5:
		n := int64(math.Round(s))
		return fmt.Sprintf("%d min %02d s", n/60, n%60)
	case s < 86370:
		n := int64(math.Round(s / 60))
		return fmt.Sprintf("%d h %02d min", n/60, n%60)
	case s < 1e12:
		n := int64(math.Round(s / 3600))
		return fmt.Sprintf("%d d %02d h", n/24, n%24)
	}
	return "ages"
}

package run

import (
	"fmt"
	"math"
	"slices"

	"xlab/instrument"
)

const (
	meterWindow = 64 // devices that the estimate is made from
	meterTrim   = 10 // one in so many is cut at either end
)

// Meter estimates how long a run still takes, from the times that the last
// devices took. The times are of any one clock, the bench's or the wall's. The
// estimate is a winsorised mean: the slowest and the fastest tenth of the last
// 64 devices count as much as their nearest neighbours, so that one stuck
// device or a suspended computer does not spoil it, while a share of slow
// devices that is always there is counted.
//
// Only what was done since New counts, so that the estimate is right after a
// resume too.
type Meter struct {
	total, done int
	last        instrument.Seconds // when done was reached
	recent      []float64          // ring of times per device in s
	next        int
	sorted      []float64
}

// NewMeter starts to measure at the time now with already of total devices
// done by earlier segments of the run.
func NewMeter(total, already int, now instrument.Seconds) *Meter {
	return &Meter{total: total, done: already, last: now}
}

// Advance tells that done devices are done at the time now, those of earlier
// segments included. The total may change on the way, as when failed devices
// get another round. A clock that jumped back gives no sample.
func (m *Meter) Advance(done, total int, now instrument.Seconds) {
	m.total = total
	if n := done - m.done; n > 0 {
		if each := float64(now-m.last) / float64(n); each >= 0 && !math.IsInf(each, 0) {
			for range min(n, meterWindow) {
				m.sample(each)
			}
		}
		m.last = now
	} else if now < m.last {
		m.last = now
	}
	m.done = done
}

func (m *Meter) sample(each float64) {
	if len(m.recent) < meterWindow {
		m.recent = append(m.recent, each)
		return
	}
	m.recent[m.next] = each
	m.next = (m.next + 1) % meterWindow
}

// Done and total are as last told.
func (m *Meter) Done() (done, total int) { return m.done, m.total }

// Remaining estimates the time from now to the end. ok is false while no
// device has been done since NewMeter.
func (m *Meter) Remaining(now instrument.Seconds) (left instrument.Seconds, ok bool) {
	devices := m.total - m.done
	if devices <= 0 {
		return 0, true
	}
	if len(m.recent) == 0 {
		return 0, false
	}
	each := m.each()
	// The device under way has had its share already, but not more than that.
	spent := min(max(float64(now-m.last), 0), each)
	return instrument.Seconds(each*float64(devices) - spent), true
}

func (m *Meter) each() float64 {
	m.sorted = append(m.sorted[:0], m.recent...)
	slices.Sort(m.sorted)
	n := len(m.sorted)
	cut := 0
	if n >= 3 {
		cut = (n + meterTrim - 1) / meterTrim
	}
	sum := 0.0
	for i := range m.sorted {
		sum += m.sorted[min(max(i, cut), n-1-cut)]
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

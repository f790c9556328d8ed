package run

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"xlab/instrument"
)

// counted is a Meter of steps of one kind that are counted from the run's beginning.
type counted struct {
	*Meter
	done int
}

func newCounted(already int, now instrument.Seconds) *counted {
	return &counted{NewMeter(now), already}
}

func (c *counted) advance(done, total int, now instrument.Seconds) {
	c.Advance("device", done-c.done, []Work{{"device", total - done, 1}}, now)
	c.done = done
}

func near(a, b instrument.Seconds) bool {
	return math.Abs(float64(a-b)) <= 1e-9*math.Max(1, math.Abs(float64(b)))
}

// At a steady pace the estimate is exact, after a resume too.
func TestMeterAtASteadyPace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.IntRange(1, 1000).Draw(t, "total")
		already := rapid.IntRange(0, total-1).Draw(t, "already")
		each := instrument.Seconds(rapid.Float64Range(1e-3, 1e3).Draw(t, "each"))
		now := instrument.Seconds(rapid.Float64Range(0, 1e3).Draw(t, "start"))
		m := newCounted(already, now)
		m.Skip("device", 0, []Work{{"device", total - already, 1}}, now)
		if _, ok := m.Remaining(now); ok {
			t.Fatal("an estimate from nothing")
		}
		for done := already; done < total; {
			step := rapid.IntRange(1, total-done).Draw(t, "step")
			done += step
			now += instrument.Seconds(step) * each
			m.advance(done, total, now)
			want := instrument.Seconds(total-done) * each
			left, ok := m.Remaining(now)
			if !ok || math.Abs(float64(left-want)) > 1e-6*float64(want)+1e-9 {
				t.Fatalf("%d of %d done (%d of them before), %v each: %v left, want %v", done, total, already, each, left, want)
			}
			if part := each * 0.25; want > 0 {
				if l, _ := m.Remaining(now + part); math.Abs(float64(l-(want-part))) > 1e-6*float64(want) {
					t.Fatalf("a quarter of a device later %v left, want %v", l, want-part)
				}
			}
		}
	})
}

// The time before a resume, however long, is not the devices' time.
func TestMeterAfterAResume(t *testing.T) {
	m := newCounted(300, 5)
	m.advance(300, 400, 6) // says where it starts
	m.advance(301, 400, 8)
	m.advance(302, 400, 11)
	if left, ok := m.Remaining(11); !ok || !near(left, 98*3) {
		t.Errorf("%v left, want %v", left, 98*3)
	}
}

func TestMeterIsRobust(t *testing.T) {
	m := newCounted(0, 0)
	now := instrument.Seconds(0)
	for i := range 50 {
		now += 2
		if i == 40 {
			now += 3600 // the computer slept
		}
		m.advance(i+1, 1000, now)
	}
	if left, ok := m.Remaining(now); !ok || !near(left, 950*2) {
		t.Errorf("one long pause: %v left, want %v", left, 950*2)
	}

	// Every fourth device needs a second attempt: that is not an outlier.
	m, now = newCounted(0, 0), 0
	for i := range 64 {
		now += 2
		if i%4 == 3 {
			now += 8
		}
		m.advance(i+1, 1000, now)
	}
	if left, ok := m.Remaining(now); !ok || !near(left, 936*4) {
		t.Errorf("a share of slow devices: %v left, want %v", left, 936*4)
	}

	// What was long ago does not count.
	for i := range meterWindow {
		now++
		m.advance(65+i, 1000, now)
	}
	if left, ok := m.Remaining(now); !ok || !near(left, instrument.Seconds(1000-64-meterWindow)) {
		t.Errorf("after a change of pace: %v left", left)
	}
}

func TestMeterOddities(t *testing.T) {
	m := newCounted(0, 100)
	m.advance(1, 10, 102)
	m.advance(2, 10, 50) // the clock was set back: no sample, a new start
	m.advance(3, 10, 52)
	if left, ok := m.Remaining(52); !ok || !near(left, 14) {
		t.Errorf("after a clock that jumped back: %v, %v", left, ok)
	}
	if left, ok := m.Remaining(1e6); !ok || !near(left, 12) {
		t.Errorf("a device that takes for ever: %v, %v", left, ok)
	}
	if left, ok := m.Remaining(0); !ok || !near(left, 14) {
		t.Errorf("asked before the last device: %v, %v", left, ok)
	}
	m.advance(3, 20, 52) // another round
	if left, ok := m.Remaining(52); !ok || !near(left, 34) {
		t.Errorf("with a larger total: %v, %v", left, ok)
	}
	m.advance(20, 20, 60)
	if left, ok := m.Remaining(60); !ok || left != 0 {
		t.Errorf("at the end: %v, %v", left, ok)
	}
	if left, ok := NewMeter(0).Remaining(5); !ok || left != 0 {
		t.Errorf("of nothing: %v, %v", left, ok)
	}
}

// What takes how long of which nothing has been seen follows from what is expected,
// and gives way to what is seen.
func TestMeterOverSeveralKinds(t *testing.T) {
	m := NewMeter(0)
	m.Skip("read", 30, []Work{{"read", 10, 1}, {"visit", 20, 8}}, 0)
	if _, ok := m.Remaining(0); ok {
		t.Error("an estimate from what an earlier segment did")
	}
	now := instrument.Seconds(0)
	check := func(what string, want instrument.Seconds, share float64) {
		t.Helper()
		if left, ok := m.Remaining(now); !ok || !near(left, want) {
			t.Errorf("%s: %v left, want %v", what, left, want)
		}
		if got := m.Share(); math.Abs(got-share) > 1e-9 {
			t.Errorf("%s: %v is done, want %v", what, got, share)
		}
	}
	for i := range 10 {
		now += 2
		m.Advance("read", 1, []Work{{"read", 9 - i, 1}, {"visit", 20, 8}}, now)
	}
	check("before the first visit", 20*8*2, 80./400)
	for i := range 5 {
		now += 10
		m.Advance("visit", 1, []Work{{"visit", 19 - i, 8}, {"read", 40, 1}}, now)
	}
	check("after some visits", 15*10+40*2, 130./360)
}

func TestFormatDuration(t *testing.T) {
	for _, c := range []struct {
		s    float64
		want string
	}{
		{0, "0 ms"}, {0.34, "340 ms"}, {0.9994, "999 ms"}, {0.9996, "1.0 s"}, {1.25, "1.2 s"}, {9.94, "9.9 s"},
		{9.96, "10 s"},
		{59.4, "59 s"}, {59.6, "1 min 00 s"}, {185, "3 min 05 s"}, {3599.4, "59 min 59 s"}, {3599.6, "1 h 00 min"},
		{7800, "2 h 10 min"}, {86369, "23 h 59 min"}, {86371, "1 d 00 h"}, {273600, "3 d 04 h"}, {-90, "-1 min 30 s"},
		{math.NaN(), "unknown"}, {math.Inf(1), "unknown"}, {1e15, "ages"},
	} {
		if got := FormatDuration(instrument.Seconds(c.s)); got != c.want {
			t.Errorf("%v: %q, want %q", c.s, got, c.want)
		}
	}
}

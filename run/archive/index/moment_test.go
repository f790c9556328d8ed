package index

import (
	"testing"
	"time"
)

func TestParseMoment(t *testing.T) {
	now := time.Date(2026, 11, 22, 15, 4, 5, 0, time.FixedZone("here", 3600))
	at := func(y int, m time.Month, d, h, min, s int) time.Time {
		return time.Date(y, m, d, h, min, s, 0, now.Location())
	}
	for _, c := range []struct {
		text string
		end  bool
		want time.Time
	}{
		{"", true, time.Time{}},
		{"2026-11-21", false, at(2026, 11, 21, 0, 0, 0)},
		{"2026-11-30", true, at(2026, 12, 1, 0, 0, 0)},
		{"2026-11-21T14:30", true, at(2026, 11, 21, 14, 30, 0)},
		{"2026-11-21 14:30:10", false, at(2026, 11, 21, 14, 30, 10)},
		{"2026-11-21T14:30:00Z", false, at(2026, 11, 21, 15, 30, 0)},
		{"12h", false, now.Add(-12 * time.Hour)},
		{"1h30m", true, now.Add(-90 * time.Minute)},
		{"7d", false, at(2026, 11, 15, 15, 4, 5)},
	} {
		if got, err := ParseMoment(c.text, now, c.end); err != nil || !got.Equal(c.want) {
			t.Errorf("%q: %v, %v; want %v", c.text, got, err, c.want)
		}
	}
	for _, bad := range []string{"yesterday", "-3h", "-1d", "d", "2026-13-01", "22.11.2026", "2026-11-21T25:00"} {
		if got, err := ParseMoment(bad, now, false); err == nil {
			t.Errorf("%q was understood as %v", bad, got)
		}
	}
}

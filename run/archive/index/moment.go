package index

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ParseMoment reads a date, a date with a time, or how long ago it was, in local
// time. Of a date alone it is the beginning of the day, or its end. The zero
// time stands for no text.
func ParseMoment(text string, now time.Time, end bool) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 {
			return now.AddDate(0, 0, -n), nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	t, err := time.ParseInLocation(time.DateOnly, text, now.Location())
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no date; write 2026-11-22, 2026-11-22T14:30, or 12h or 7d for so long ago",
			text)
	}
	if end {
		t = t.AddDate(0, 0, 1)
	}
	return t, nil
}

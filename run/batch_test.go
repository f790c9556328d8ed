package run

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A batch does the first part of a sample before its others, everything once, and
// counts down to nothing by what the first sample took.
func TestBatch(t *testing.T) {
	var formed [5]atomic.Bool
	var pieces [5][3]atomic.Int32
	b := NewBatch(5, func(_ context.Context, i, part int) error {
		pieces[i][part].Add(1)
		if part == 0 {
			formed[i].Store(true)
		} else if !formed[i].Load() {
			t.Errorf("part %d of sample %d came before the first", part, i)
		}
		if i == 0 {
			time.Sleep(time.Duration(2+2*part) * time.Millisecond)
		}
		return nil
	}, "forming", "tuning", "training")
	var first []int
	if err := b.First(t.Context(), func(e Event) { first = append(first, e.Done) }); err != nil {
		t.Fatal(err)
	}
	if n := pieces[1][0].Load(); n != 0 || b.Wall <= 0 || !slices.Equal(first, []int{1, 2, 3}) ||
		b.Parts[2].Each < b.Parts[0].Each {
		t.Errorf("after the first sample: %d of the second, %v", n, b)
	}
	if text := b.String(); !strings.Contains(text, " for 5 chips on ") || !strings.Contains(text, "training ") {
		t.Error(text)
	}
	events := 0
	last := Event{}
	if err := b.Rest(t.Context(), func(e Event) {
		if events++; last.Total > 0 && (e.Done != last.Done+1 || e.Ahead[0].Steps >= last.Ahead[0].Steps) {
			t.Errorf("%+v after %+v", e, last)
		}
		last = e
	}); err != nil {
		t.Fatal(err)
	}
	if events != 12 || last.Done != 15 || last.Total != 15 || last.Ahead[0].Steps != 0 {
		t.Errorf("%d events, the last is %+v", events, last)
	}
	for i := range pieces {
		for part := range pieces[i] {
			if n := pieces[i][part].Load(); n != 1 {
				t.Errorf("part %d of sample %d was done %d times", part, i, n)
			}
		}
	}
}

func TestBatchEndsWithTheFirstError(t *testing.T) {
	broken := errors.New("broken")
	b := NewBatch(50, func(_ context.Context, i, _ int) error {
		if i == 3 {
			return broken
		}
		return nil
	}, "forming")
	err := errors.Join(b.First(t.Context(), func(Event) {}), b.Rest(t.Context(), func(Event) {}))
	if !errors.Is(err, broken) {
		t.Error(err)
	}
}

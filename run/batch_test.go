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
	known := make(chan struct{})
	b := NewBatch(5, func(_ context.Context, i, part int) error {
		if i > 1 && part == 0 {
			<-known
		}
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
	var handed []int
	estimates := 0
	last := Event{}
	b.Done = func(i int) error {
		for part := range pieces[i] {
			if pieces[i][part].Load() != 1 {
				t.Errorf("sample %d was handed over before part %d was done", i, part)
			}
		}
		handed = append(handed, i)
		return nil
	}
	err := b.Do(t.Context(), false, func(e Event) {
		if estimates == 0 {
			first = append(first, e.Done)
			return
		}
		if last.Total > 0 && (e.Done != last.Done+1 || e.Ahead[0].Steps >= last.Ahead[0].Steps) {
			t.Errorf("%+v after %+v", e, last)
		}
		last = e
	}, func() {
		estimates++
		close(known)
		if b.Wall <= 0 || b.Parts[2].Each < b.Parts[0].Each {
			t.Errorf("after the first sample: %v", b)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if text := b.String(); !strings.Contains(text, " for 5 chips on ") || !strings.Contains(text, "training ") {
		t.Error(text)
	}
	if estimates != 1 || !slices.Equal(first, []int{1, 2, 3}) || !slices.Equal(handed, []int{0, 1, 2, 3, 4}) {
		t.Errorf("%d estimates, pieces %v of the first sample, samples %v handed over", estimates, first, handed)
	}
	if last.Done != 15 || last.Total != 15 || last.Ahead[0].Steps != 0 {
		t.Errorf("the last event is %+v", last)
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
	handed := 0
	b.Done = func(int) error {
		handed++
		return nil
	}
	err := b.Do(t.Context(), false, func(Event) {}, func() {})
	if !errors.Is(err, broken) || handed > 3 {
		t.Errorf("%v, with %d samples handed over", err, handed)
	}
	b = NewBatch(50, func(context.Context, int, int) error { return nil }, "forming")
	b.Done = func(int) error { return broken }
	if err := b.Do(t.Context(), false, func(Event) {}, func() {}); !errors.Is(err, broken) {
		t.Errorf("who takes the samples failed: %v", err)
	}
}

// A dry run does the first sample, and nobody waits for the others.
func TestFirstOfBatch(t *testing.T) {
	var done atomic.Int32
	b := NewBatch(3, func(context.Context, int, int) error {
		done.Add(1)
		return nil
	}, "forming", "tuning")
	estimates := 0
	err := b.Do(t.Context(), true, func(Event) {}, func() { estimates++ })
	if err != nil || estimates != 1 || done.Load() != 2 {
		t.Errorf("%v, %d estimates, %d pieces", err, estimates, done.Load())
	}
}

package run

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

func TestMailboxDelivers(t *testing.T) {
	var got []int
	m := NewMailbox(func(e Event) { got = append(got, e.Done) })
	for i := range 100 {
		m.Put(Event{Done: i})
	}
	m.Close()
	for i, n := range got {
		if n != i {
			t.Fatalf("out of order: %v", got)
		}
	}
	if len(got) != 100 {
		t.Fatalf("%d of 100 events", len(got))
	}
}

// Observers can neither fail the run nor hold it up.
func TestObserversAreHarmless(t *testing.T) {
	for name, c := range map[string]struct {
		observe func(e Event, release chan struct{})
		events  int           // that it sees
		close   time.Duration // that closing takes
	}{
		"panics": {func(e Event, _ chan struct{}) {
			if e.Done == 1 {
				panic("plotting failed")
			}
		}, 2, 0},
		"blocks": {func(_ Event, release chan struct{}) { <-release }, 1, closeTimeout},
		"ends":   {func(Event, chan struct{}) { runtime.Goexit() }, 1, 0},
		"good":   {func(Event, chan struct{}) {}, 2 * queueLength, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				seen := 0
				m := NewMailbox(func(e Event) { seen++; c.observe(e, release) })
				for i := range 2 * queueLength {
					m.Put(Event{Done: i})
					synctest.Wait() // so that a good one sees all of them
				}
				began := time.Now()
				m.Close()
				if took := time.Since(began); took != c.close {
					t.Errorf("closing took %v", took)
				}
				if seen != c.events {
					t.Errorf("it saw %d events", seen)
				}
				close(release)
			})
		})
	}
}

// A slow observer sees the newest events.
func TestOldestEventsAreDropped(t *testing.T) {
	release := make(chan struct{})
	started := make(chan struct{}, 1)
	var seen []int
	m := NewMailbox(func(e Event) {
		if len(seen) == 0 {
			started <- struct{}{}
			<-release
		}
		seen = append(seen, e.Done)
	})
	m.Put(Event{Done: -1})
	<-started
	const n = 3 * queueLength
	for i := range n {
		m.Put(Event{Done: i})
	}
	close(release)
	m.Close()
	if len(seen) != 1+queueLength || seen[1] != n-queueLength || seen[queueLength] != n-1 {
		t.Errorf("saw %d events, %v to %v", len(seen), seen[1], seen[len(seen)-1])
	}
}

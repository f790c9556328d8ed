package run

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

type recorderFunc func(Event) error

func (f recorderFunc) Record(e Event) error { return f(e) }

func TestFanoutDelivers(t *testing.T) {
	var first, second []int
	var critical []int
	f := NewFanout([]Recorder{recorderFunc(func(e Event) error { critical = append(critical, e.Done); return nil })},
		ObserverFunc(func(e Event) { first = append(first, e.Done) }),
		ObserverFunc(func(e Event) { second = append(second, e.Done) }))
	for i := range 100 {
		must(t, f.Publish(Event{Done: i}))
	}
	if troubles := f.Close(); len(troubles) != 0 {
		t.Errorf("troubles %+v", troubles)
	}
	for _, got := range [][]int{critical, first, second} {
		for i, n := range got {
			if n != i {
				t.Fatalf("out of order: %v", got)
			}
		}
		if len(got) != 100 {
			t.Fatalf("%d of 100 events", len(got))
		}
	}
}

func TestCriticalObserverStopsTheRun(t *testing.T) {
	broken, seen := errors.New("disk full"), 0
	var harmless []int
	f := NewFanout([]Recorder{
		recorderFunc(func(Event) error { return broken }),
		recorderFunc(func(Event) error { seen++; return errors.New("second") }),
	}, ObserverFunc(func(e Event) { harmless = append(harmless, e.Done) }))
	if err := f.Publish(Event{Done: 7}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	f.Close()
	if seen != 1 || len(harmless) != 1 {
		t.Errorf("the others saw %d and %v", seen, harmless)
	}
}

// Harmless observers can neither fail the run nor hold it up.
func TestHarmlessObserversAreHarmless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var good []int
		panics := 0
		f := NewFanout(nil,
			ObserverFunc(func(e Event) {
				if panics++; e.Done == 1 {
					panic("plotting failed")
				}
			}),
			ObserverFunc(func(Event) { <-release }),
			ObserverFunc(func(Event) { runtime.Goexit() }),
			ObserverFunc(func(e Event) { good = append(good, e.Done) }))
		for i := range 2 * queueLength {
			must(t, f.Publish(Event{Done: i}))
			synctest.Wait() // so that the good one sees all of them
		}
		began := time.Now()
		troubles := f.Close()
		if took := time.Since(began); took > closeTimeout {
			t.Errorf("closing took %v", took)
		}
		if len(good) != 2*queueLength {
			t.Errorf("the good one saw %d events", len(good))
		}
		if len(troubles) != 3 {
			t.Fatalf("troubles %+v", troubles)
		}
		if tr := troubles[0]; !strings.Contains(tr.Panic, "plotting failed") || !strings.Contains(tr.Panic, "TestHarmless") ||
			tr.Dropped != 2*queueLength-2 || panics != 2 {
			t.Errorf("the panicking one: %+v after %d events", tr, panics)
		}
		// One event is with it, a queue of them waits, the rest is dropped.
		if tr := troubles[1]; !tr.Stuck || tr.Dropped != queueLength-1 {
			t.Errorf("the blocking one: %+v", tr)
		}
		if tr := troubles[2]; tr.Panic == "" {
			t.Errorf("the ending one: %+v", tr)
		}
		close(release)
	})
}

// A slow observer sees the newest events.
func TestOldestEventsAreDropped(t *testing.T) {
	release := make(chan struct{})
	started := make(chan struct{}, 1)
	var seen []int
	f := NewFanout(nil, ObserverFunc(func(e Event) {
		if len(seen) == 0 {
			started <- struct{}{}
			<-release
		}
		seen = append(seen, e.Done)
	}))
	must(t, f.Publish(Event{Done: -1}))
	<-started
	const n = 3 * queueLength
	for i := range n {
		must(t, f.Publish(Event{Done: i}))
	}
	close(release)
	troubles := f.Close()
	if len(seen) != 1+queueLength || seen[1] != n-queueLength || seen[queueLength] != n-1 {
		t.Errorf("saw %d events, %v to %v", len(seen), seen[1], seen[len(seen)-1])
	}
	if len(troubles) != 1 || troubles[0].Dropped != n-queueLength {
		t.Errorf("troubles %+v", troubles)
	}
}

func TestJournalAsObserver(t *testing.T) {
	disk := newSimDisk()
	j := mustOpen(t, disk.options())
	f := NewFanout([]Recorder{j})
	must(t, f.Publish(Event{Kind: "device", Done: 3, Total: 400, Note: "r0c3 formed", Data: []int{0, 3}}))
	f.Close()
	must(t, j.Close())
	contents, _, _ := disk.state()
	_, records, err := scanBytes(contents)
	must(t, err)
	if r := records[1]; r.Type != TypeEvent || r.Kind != "device" ||
		string(r.Data) != `{"done":3,"total":400,"note":"r0c3 formed","data":[0,3]}` {
		t.Errorf("%+v", r)
	}
}

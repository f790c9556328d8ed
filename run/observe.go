package run

import (
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// Event tells observers how far a run is. What it points to must not change
// after it has been published: harmless observers see it later, elsewhere.
type Event struct {
	Kind  string `json:"-"`     // one word: "device", "phase", "trip"
	Array string `json:"-"`     // where; "" = not on one array
	Phase string `json:"-"`     // which part of the run Done and Total count in; "" = they count all of it
	Done  int    `json:"done"`  // devices done, with those of earlier segments
	Total int    `json:"total"` // devices to do; 0 = this event tells nothing about progress
	Note  string `json:"note,omitempty"`
	Data  any    `json:"data,omitempty"`
	// Ahead is what is still to be done in the whole run as far as it is known,
	// beginning with what is under way; nil = Total less Done steps.
	Ahead []Work `json:"-"`
	Steps int    `json:"-"` // of the kind under way, done since the event before; 0 = by Done
}

// Recorder is a critical observer: when it fails, the run stops. The journal
// is one.
type Recorder interface {
	Record(e Event) error
}

// Observer is a harmless observer: progress, plots, metrics. It can neither
// fail the run nor hold it up.
type Observer interface {
	Observe(e Event)
}

// ObserverFunc is a function as an Observer.
type ObserverFunc func(e Event)

// Observe calls f.
func (f ObserverFunc) Observe(e Event) { f(e) }

// Record writes e to the journal as an event of its kind.
func (j *Journal) Record(e Event) error { return j.Event(e.Kind, e) }

var _ Recorder = (*Journal)(nil)

// Trouble says what went wrong with a harmless observer.
type Trouble struct {
	Observer string // its type
	Dropped  int    // events that it was too slow for
	Panic    string // what it panicked with, and where; "" = it did not. It sees no events after that.
	Stuck    bool   // it did not return in time when the fan-out was closed
}

const (
	queueLength  = 256
	closeTimeout = time.Second
)

// Fanout hands events to observers. Critical ones are called in order by
// Publish itself; every harmless one has a goroutine and a bounded queue of
// its own, from which the oldest events are dropped when it is slow.
type Fanout struct {
	critical []Recorder
	harmless []*mailbox
}

// NewFanout starts a fan-out. Close ends it.
func NewFanout(critical []Recorder, harmless ...Observer) *Fanout {
	f := &Fanout{critical: critical}
	for _, o := range harmless {
		f.harmless = append(f.harmless, newMailbox(fmt.Sprintf("%T", o), queueLength, o.Observe))
	}
	return f
}

// Publish hands e to all observers. Harmless ones get it even when a critical
// one fails; the first failure is returned and the run has to stop.
func (f *Fanout) Publish(e Event) error {
	var first error
	for _, r := range f.critical {
		if err := r.Record(e); err != nil && first == nil {
			first = err
		}
	}
	for _, m := range f.harmless {
		m.put(e)
	}
	return first
}

// Close waits until the harmless observers have seen what is queued, at most a
// second for all of them together, and tells what went wrong with them.
// Nothing may be published after it.
func (f *Fanout) Close() []Trouble {
	deadline := time.NewTimer(closeTimeout)
	defer deadline.Stop()
	for _, m := range f.harmless {
		m.close()
	}
	expired := false
	var troubles []Trouble
	for _, m := range f.harmless {
		if !expired {
			select {
			case <-m.done:
			case <-deadline.C:
				expired = true
			}
		}
		if t := m.trouble(); t.Dropped > 0 || t.Panic != "" || t.Stuck {
			troubles = append(troubles, t)
		}
	}
	return troubles
}

// mailbox is a bounded queue in front of a function that may be slow, block or
// panic.
type mailbox struct {
	name string
	wake chan struct{} // has room for one: there is something to do
	done chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	queue   []Event // ring
	first   int
	length  int
	dropped int
	panic   string
	closed  bool
}

func newMailbox(name string, size int, handle func(Event)) *mailbox {
	m := &mailbox{name: name, wake: make(chan struct{}, 1), done: make(chan struct{}), queue: make([]Event, size)}
	go m.serve(handle)
	return m
}

// put never blocks. The newest events are kept: progress lives from them.
func (m *mailbox) put(e Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || m.panic != "" {
		m.dropped++
		return
	}
	if m.length == len(m.queue) {
		m.first = (m.first + 1) % len(m.queue)
		m.length--
		m.dropped++
	}
	m.queue[(m.first+m.length)%len(m.queue)] = e
	m.length++
	m.nudge()
}

func (m *mailbox) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.nudge()
}

func (m *mailbox) nudge() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

func (m *mailbox) serve(handle func(Event)) {
	defer close(m.done)
	for {
		e, ok, ended := m.take()
		switch {
		case ok:
			if !m.deliver(handle, e) {
				return
			}
		case ended:
			return
		default:
			<-m.wake
		}
	}
}

func (m *mailbox) take() (e Event, ok, ended bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.length == 0 {
		return Event{}, false, m.closed
	}
	e = m.queue[m.first]
	m.queue[m.first] = Event{} // its data may be large
	m.first = (m.first + 1) % len(m.queue)
	m.length--
	return e, true, false
}

// deliver reports whether the function returned. It is not called again after
// a panic: whatever it keeps may be half changed.
func (m *mailbox) deliver(handle func(Event), e Event) (returned bool) {
	defer func() {
		if returned {
			return
		}
		text := "it ended its goroutine"
		if p := recover(); p != nil {
			text = fmt.Sprintf("%v\n%s", p, debug.Stack())
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.panic = text
		m.dropped += m.length
		m.length = 0
	}()
	handle(e)
	return true
}

func (m *mailbox) trouble() Trouble {
	t := Trouble{Observer: m.name}
	select {
	case <-m.done:
	default:
		t.Stuck = true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	t.Dropped, t.Panic = m.dropped, m.panic
	return t
}

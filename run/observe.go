package run

import "time"

// Event tells observers how far a run is. What it points to must not change
// after it has been put into a mailbox: it is seen later, elsewhere.
type Event struct {
	Kind  string // one word: "device", "phase", "trip"
	Array string // where; "" = not on one array
	Phase string // which part of the run Done and Total count in; "" = they count all of it
	Done  int    // devices done, with those of earlier segments
	Total int    // devices to do; 0 = this event tells nothing about progress
	Note  string
	// Ahead is what is still to be done in the whole run as far as it is known,
	// beginning with what is under way; nil = Total less Done steps.
	Ahead []Work
	Steps int // of the kind under way, done since the event before; 0 = by Done
}

// Observer is told how far a run is: progress, plots, metrics. Behind a mailbox it
// can neither fail the run nor hold it up.
type Observer interface {
	Observe(e Event)
}

const (
	queueLength  = 256
	closeTimeout = time.Second
)

// Mailbox is a bounded queue in front of a function that may be slow, block or
// panic: it has a goroutine of its own, which ends with a panic.
type Mailbox struct {
	queue chan Event
	done  chan struct{} // closed when the goroutine has ended
}

// NewMailbox starts a mailbox. Close ends it.
func NewMailbox(handle func(Event)) *Mailbox {
	m := &Mailbox{queue: make(chan Event, queueLength), done: make(chan struct{})}
	go func() {
		defer close(m.done)
		// It is not called again: whatever it keeps may be half changed.
		defer func() { _ = recover() }()
		for e := range m.queue {
			handle(e)
		}
	}()
	return m
}

// Put never blocks. When the queue is full the oldest event goes: progress lives
// from the newest.
func (m *Mailbox) Put(e Event) {
	for {
		select {
		case m.queue <- e:
			return
		default:
		}
		select {
		case <-m.queue:
		default:
		}
	}
}

// Close waits until the function has seen what is queued, at most a second.
// Nothing may be put in after it.
func (m *Mailbox) Close() {
	close(m.queue)
	select {
	case <-m.done:
	case <-time.After(closeTimeout):
	}
}

package run

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"sync"
	"syscall"
)

// reaction is what the program does about a signal that somebody sends it.
type reaction int

const (
	goOn       reaction = iota // nothing
	stop                       // the work stops at the next device, at the second signal at once
	stopNow                    // the work stops at once, and the stacks of all goroutines are kept
	standStill                 // the process stops, with the bench safe, until it is continued
)

// reactions is the table of signals, the same with a bench and without. Signals
// whose default ends a program end the run instead; those that report a fault
// do so at once when they are sent, while a fault of the program itself still ends
// it. What is not in the table the Go runtime lets the program live through:
// SIGUSR1, SIGALRM, SIGXFSZ (the write fails), SIGIO, SIGWINCH, SIGCHLD, SIGURG,
// SIGPROF, the real-time signals and others. os.Kill, SIGSTOP and, on Linux, the
// signals 32 and 34 reach nobody. hwdocs/safety.md has it for people.
var reactions = func() map[os.Signal]reaction {
	table := map[os.Signal]reaction{
		os.Interrupt: stop, syscall.SIGTERM: stop, syscall.SIGHUP: stop,
		syscall.SIGQUIT: stopNow, syscall.SIGABRT: stopNow, syscall.SIGILL: stopNow, syscall.SIGTRAP: stopNow,
		syscall.SIGBUS: stopNow, syscall.SIGFPE: stopNow, syscall.SIGSEGV: stopNow,
		// Caught, so that a write to a pipe that nobody reads fails instead of
		// ending the program.
		syscall.SIGPIPE: goOn,
	}
	maps.Copy(table, systemReactions)
	return table
}()

// attendant is somebody who attends to the signals of the process: a guard, or
// what comes before it.
type attendant struct {
	signals chan os.Signal
	alone   bool // hears of a stop only where nobody else attends
	steady  bool // is at something that must not be cut off by standing still
}

// attention hands the process's signals to the attendants: a stop to all of them,
// a stand still to the innermost, which knows what is on the bench.
var attention struct {
	mu         sync.Mutex
	attendants []*attendant   // outermost first
	signals    chan os.Signal // from the runtime; nil while nobody attends
	late       os.Signal      // to stand still, which nobody has taken yet
}

// attend begins to attend to the signals of the table. One that was ignored when
// the program started stays ignored: that is how nohup works.
func attend(alone bool) *attendant {
	a := &attendant{signals: make(chan os.Signal, 8), alone: alone}
	t := &attention
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.attendants); n > 0 {
		t.attendants[n-1].steady = false // the new one knows better
	}
	t.attendants = append(t.attendants, a)
	if t.signals == nil {
		t.signals = make(chan os.Signal, 64)
		for s := range reactions {
			if !signal.Ignored(s) {
				signal.Notify(t.signals, s)
			}
		}
		go distribute(t.signals)
	}
	handLate()
	return a
}

// release ends it. What it has not taken is for who attends then.
func (a *attendant) release() {
	t := &attention
	t.mu.Lock()
	defer t.mu.Unlock()
	t.attendants = slices.DeleteFunc(t.attendants, func(b *attendant) bool { return a == b })
	close(a.signals)
	for s := range a.signals {
		if reactions[s] == standStill {
			t.late = s
		}
	}
	if len(t.attendants) == 0 {
		signal.Stop(t.signals)
		close(t.signals)
		t.signals, t.late = nil, nil
	}
	handLate()
}

// hold keeps the process from standing still until somebody else attends, or
// until it is let go.
func (a *attendant) hold(steady bool) {
	attention.mu.Lock()
	defer attention.mu.Unlock()
	a.steady = steady
	handLate()
}

func distribute(signals <-chan os.Signal) {
	for s := range signals {
		attention.mu.Lock()
		switch reactions[s] {
		case stop, stopNow:
			for _, a := range attention.attendants {
				if !a.alone || len(attention.attendants) == 1 {
					a.hear(s)
				}
			}
		case standStill:
			attention.late = s
			handLate()
		}
		attention.mu.Unlock()
	}
}

// handLate gives a stand still to the innermost attendant, unless that is at
// something. attention.mu is held.
func handLate() {
	t := &attention
	if n := len(t.attendants); t.late != nil && n > 0 && !t.attendants[n-1].steady {
		t.attendants[n-1].hear(t.late)
		t.late = nil
	}
}

// hear never waits: of many signals the first ones count.
func (a *attendant) hear(s os.Signal) {
	select {
	case a.signals <- s:
	default:
	}
}

// Alone attends to signals where nothing else does: the process stands still at
// once, and for a stop end is called, which ends it. The caller releases it.
func Alone(end func(s os.Signal, stacks []byte)) (release func()) {
	a := attend(true)
	go a.loop(end)
	return a.release
}

func (a *attendant) loop(end func(s os.Signal, stacks []byte)) {
	for s := range a.signals {
		switch reactions[s] {
		case stop:
			end(s, nil)
		case stopNow:
			end(s, allStacks())
		case standStill:
			untilContinued()()
		}
	}
}

type attendantKey struct{}

// Interruptible gives a context that ends when the process is asked to stop, with
// ErrInterrupted as its cause. The process stands still at once, unless it is
// Steady. The caller releases it.
func Interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	a := attend(false)
	ctx, cancel := context.WithCancelCause(context.WithValue(ctx, attendantKey{}, a))
	go a.loop(func(s os.Signal, _ []byte) { cancel(fmt.Errorf("%w (%s)", ErrInterrupted, s)) })
	return ctx, func() {
		a.release()
		cancel(nil)
	}
}

// Steady keeps the process from standing still from here on, because the state of
// a bench is not known: until a Guard has taken over, or the Interruptible context
// is released. Without one it does nothing.
func Steady(ctx context.Context) {
	if a, ok := ctx.Value(attendantKey{}).(*attendant); ok {
		a.hold(true)
	}
}

// allStacks is what all goroutines are at, as the runtime writes it when it
// crashes.
func allStacks() []byte {
	for size := 1 << 20; ; size *= 2 {
		text := make([]byte, size)
		if n := runtime.Stack(text, true); n < size || size >= 1<<26 {
			return text[:n]
		}
	}
}

// errPutDown is the cause of what is broken off because the process is to stand
// still.
var errPutDown = errors.New("broken off, because the process was to stand still")

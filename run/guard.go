package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"xlab/instrument"
)

// NamedSafer is an instrument that can be made safe, with its name for messages.
type NamedSafer struct {
	Name string
	instrument.Safer
}

// GuardOptions say how the bench is left safe.
type GuardOptions struct {
	Safers  []NamedSafer  // in the order they are called: sources to zero first, then switches
	Timeout time.Duration // of each safer in the first round, twice as long in each one after it; 0 = 1 s
	Rounds  int           // how often safers that do not answer are called; 0 = 3
	// how long cancelled work may take to return before the bench is made safe without it; 0 = 500 ms
	Grace   time.Duration
	Signals <-chan os.Signal // interrupts; nil = those of this process (see reactions)
	Journal EventJournal     // told of interrupts, panics and the safe exit, once the bench is safe; nil = nobody
	Notify  func(string)     // shows a person what an interrupt did, on a goroutine of its own; nil = nobody
	// GoOn is called when the process is continued after it stood still, with the
	// bench safe: it asks the instruments and makes them ready. Its error ends the
	// work. nil = the work is ended, unless there is nothing to be made safe.
	GoOn func(ctx context.Context) error
	// Stacks keeps what all goroutines were at when a signal such as SIGQUIT came,
	// once the bench is safe; nil = they are shown on stderr.
	Stacks func(text []byte) error
	// Finish is called last, with the error so far and with signals still
	// caught, and gives Guard's result: run.End fits. nil = nothing to finish.
	Finish func(err error) error

	still func() (stand func()) // in tests instead of untilContinued
}

// EventJournal is what Guard needs of a journal.
type EventJournal interface {
	Event(kind string, data any) error
}

// PanicError is a panic of the work. It is a bug in the program.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("panic: %v; this is a bug, the journal has the stack", e.Value)
}

// Guard runs work and leaves the bench safe on every way out: return, error,
// signal, panic, end of ctx. The first interrupt asks work to stop at the next
// device (StopRequested, CheckStop); the second cancels its context at once, as
// do signals that report a fault and the end of ctx. A signal that stops the
// process does so with the bench safe (see AtBench), and work goes on when the
// process is continued. Then every safer is called in order, each with a fresh
// context and its own time-out, whatever became of the others. Those whose link
// fails are called again, in order, with more time: an adapter may have to wait
// for answers that never come before it listens, and a port that is gone may
// come back.
//
// The result is nil when work returned nil and all safers did. An interrupted
// run is an *Ended with OutcomeInterrupted, a panic a *PanicError. A bench that
// could not be made safe is an error of kind instrument.KindTrip with ErrUnsafe
// in its chain, in front of all others. Work runs on another goroutine; a panic
// of a goroutine that it starts itself cannot be caught here, nor can kill -9.
func Guard(ctx context.Context, g GuardOptions, work func(ctx context.Context) error) error {
	if g.Timeout <= 0 {
		g.Timeout = time.Second
	}
	if g.Rounds <= 0 {
		g.Rounds = 3
	}
	if g.Grace <= 0 {
		g.Grace = 500 * time.Millisecond
	}
	if g.Signals == nil {
		a := attend(false)
		defer a.release()
		g.Signals = a.signals
	}
	if g.still == nil {
		g.still = untilContinued
	}
	w := &watch{options: g, request: newRequest()}
	if g.Notify != nil {
		w.notices = NewMailbox(func(e Event) { g.Notify(e.Note) })
	}
	ctx, cancel := context.WithCancelCause(context.WithValue(ctx, requestKey{}, w.request))
	w.finished = start(func() error { return work(ctx) })

	err := w.wait(ctx, cancel)
	cancel(nil) // what work may have left behind on other goroutines ends here
	unsafe := g.makeSafe()
	if errors.Is(err, errHung) {
		select {
		case late := <-w.finished:
			err = w.judge(late, true)
		case <-time.After(g.Grace):
		}
		// It may have touched the bench after it was made safe.
		unsafe = errors.Join(unsafe, g.makeSafe())
	}
	err = errors.Join(err, w.keepStacks())
	if jerr := w.journal(err, unsafe); jerr != nil {
		err = errors.Join(err, jerr)
	}
	if unsafe != nil {
		err = errors.Join(unsafe, err)
	}
	if g.Finish != nil {
		err = finish(g.Finish, err)
	}
	if w.notices != nil {
		w.notices.Close() // a terminal that takes no output does not keep the program
	}
	return err
}

// watch is the state of one Guard.
type watch struct {
	options  GuardOptions
	request  *request
	finished <-chan error
	notices  *Mailbox
	events   []guardEvent
	stacks   []byte
	paused   chan error // what a stand still has ended with; nil = there is none under way
	lost     error      // why work could not go on after one

	stood atomic.Bool // the process has, in the stand still under way
	again os.Signal   // came after that; nil = none
}

type guardEvent struct {
	kind string
	data any
}

// longestPause between two rounds: what listens again meanwhile shall not be left
// as it is for long.
const longestPause = 500 * time.Millisecond

var errHung = errors.New("the work did not return after it was cancelled; the bench was made safe without it")

// wait returns what work returned, judged, or errHung in an *Ended.
func (w *watch) wait(ctx context.Context, cancel context.CancelCauseFunc) error {
	signals, cancelled := w.options.Signals, ctx.Done()
	var hung <-chan time.Time
	for {
		select {
		case err := <-w.finished:
			interrupted := ctx.Err() != nil
			if w.paused != nil {
				cancel(nil)
				select {
				case <-w.paused:
				case <-time.After(w.options.Grace):
				}
			}
			return w.judge(err, interrupted)
		case err := <-w.paused:
			w.paused = nil
			if w.lost = err; err != nil {
				cancel(err)
			} else if w.again != nil {
				w.hear(ctx, w.again, cancel)
			}
		case s, ok := <-signals:
			if !ok {
				signals = nil
				continue
			}
			w.hear(ctx, s, cancel)
		case <-cancelled:
			cancelled = nil
			hung = time.After(w.options.Grace)
		case <-hung:
			return &Ended{Outcome: OutcomeInterrupted, Err: errHung}
		}
	}
}

// hear acts on a signal. What it did is journaled later: a slow disk must not
// come between a second signal and its effect.
func (w *watch) hear(ctx context.Context, s os.Signal, cancel context.CancelCauseFunc) {
	switch reactions[s] {
	case standStill:
		switch {
		case ctx.Err() != nil:
			return // about to end
		case w.paused != nil:
			if w.stood.Load() {
				w.again = s // another one; before that it is the same
			}
			return
		}
		w.event("stand still", s, 0)
		w.note(fmt.Sprintf("%s: the sources go to 0 V, then the process stands still until it is continued (fg)", s))
		w.paused, w.again = make(chan error, 1), nil
		w.stood.Store(false)
		stand := w.options.still()
		go func() { w.paused <- w.pause(ctx, stand) }()
	case stopNow:
		if w.stacks == nil {
			w.stacks = allStacks()
		}
		w.event("interrupt", s, w.request.ask(s))
		w.note(fmt.Sprintf("%s: stopping at once", s))
		cancel(fmt.Errorf("%w at once (%s)", ErrInterrupted, s))
	case stop:
		n := w.request.ask(s)
		w.event("interrupt", s, n)
		if n == 1 {
			w.note(fmt.Sprintf("%s: stopping at the next device; once more stops at once", s))
			return
		}
		w.note(fmt.Sprintf("%s: stopping at once", s))
		cancel(fmt.Errorf("%w by a second signal (%s)", ErrInterrupted, s))
	}
}

func (w *watch) event(kind string, s os.Signal, count int) {
	data := map[string]any{"signal": s.String()}
	if count > 0 {
		data["count"] = count
	}
	w.events = append(w.events, guardEvent{kind, data})
}

func (w *watch) note(text string) {
	if w.notices != nil {
		w.notices.Put(Event{Note: text})
	}
}

// judge gives an interrupted run its outcome. Work that returns nil was done,
// even if it had been asked to stop.
func (w *watch) judge(err error, cancelled bool) error {
	_, ended := errors.AsType[*Ended](err)
	_, panicked := errors.AsType[*PanicError](err)
	if err == nil || ended || panicked || OutcomeOf(err) == OutcomeTripped {
		return err
	}
	if w.lost != nil {
		return w.lost
	}
	signals, _ := w.request.signals()
	if cancelled || signals > 0 && isCancellation(err) {
		return &Ended{Outcome: OutcomeInterrupted, Err: err}
	}
	return err
}

// keepStacks puts the stacks where a person finds them.
func (w *watch) keepStacks() error {
	switch {
	case w.stacks == nil:
		return nil
	case w.options.Stacks != nil:
		return w.options.Stacks(w.stacks)
	}
	_, err := os.Stderr.Write(w.stacks)
	return err
}

// journal records what happened and returns what went wrong with that.
func (w *watch) journal(err, unsafe error) error {
	if w.options.Journal == nil {
		return nil
	}
	if panicked, ok := errors.AsType[*PanicError](err); ok {
		w.events = append(w.events,
			guardEvent{"panic", map[string]any{"value": fmt.Sprint(panicked.Value), "stack": string(panicked.Stack)}})
	}
	names := make([]string, len(w.options.Safers))
	for i, s := range w.options.Safers {
		names[i] = s.Name
	}
	exit := guardEvent{"safe", map[string]any{"safers": names}}
	if unsafe != nil {
		exit = guardEvent{"unsafe", map[string]any{"safers": names, "error": unsafe.Error()}}
	}
	w.events = append(w.events, exit)
	for _, e := range w.events {
		if jerr := w.options.Journal.Event(e.kind, e.data); jerr != nil {
			// The journal's failures are sticky: the first says it all, and
			// one that work returned already is not said twice.
			if errors.Is(err, jerr) {
				return nil
			}
			return jerr
		}
	}
	return nil
}

// makeSafe calls all safers in order, those that do not answer several times. A
// round is complete before the next one: a source that hangs shall not keep the
// switches closed.
func (g GuardOptions) makeSafe() error {
	failed := make([]error, len(g.Safers))
	timeout := g.Timeout
	for round := 1; ; round++ {
		again := false
		for i, s := range g.Safers {
			if round > 1 && !unanswered(failed[i]) {
				continue
			}
			failed[i] = s.safe(timeout)
			again = again || unanswered(failed[i])
		}
		if !again || round >= g.Rounds {
			break
		}
		time.Sleep(min(timeout/4, longestPause)) // what failed at once has not given a cable time to be put back
		timeout *= 2
	}
	var errs []error
	for i, err := range failed {
		if err != nil {
			errs = append(errs, &instrument.Error{Op: opMakeSafe, Channel: g.Safers[i].Name, Kind: instrument.KindTrip,
				Err:    fmt.Errorf("%w: %w", ErrUnsafe, err),
				Advice: "switch the sources off by hand now, before anything is touched or plugged"})
		}
	}
	return errors.Join(errs...)
}

// unanswered tells failures of the link, with which another try may be luckier.
func unanswered(err error) bool {
	return slices.Contains([]instrument.Kind{instrument.KindTimeout, instrument.KindUnreachable,
		instrument.KindProtocol}, instrument.KindOf(err))
}

// safe calls the safer. One that does not return in time is left behind, so
// that the next one gets its turn.
func (s NamedSafer) safe(timeout time.Duration) error {
	if s.Safer == nil {
		return errors.New("it cannot be made safe: there is no instrument behind the name")
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	done := start(func() error { return s.Safe(ctx) })
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done: // it may just have noticed
		return err
	case <-time.After(timeout / 4):
		return &instrument.Error{Op: s.Name, Kind: instrument.KindTimeout, Err: fmt.Errorf("no answer within %s, and the "+
			"call did not return", timeout)}
	}
}

// start runs f on a goroutine and gives exactly one error, whether f returns,
// panics or ends its goroutine.
func start(f func() error) <-chan error {
	result := make(chan error, 1)
	go func() {
		returned := false
		defer func() {
			if returned {
				return
			}
			if p := recover(); p != nil {
				result <- &PanicError{Value: p, Stack: debug.Stack()}
				return
			}
			result <- &PanicError{Value: "runtime.Goexit was called", Stack: debug.Stack()}
		}()
		err := f()
		returned = true
		result <- err
	}()
	return result
}

// finish calls f, which replaces err by its own result unless it panics.
func finish(f func(error) error, err error) error {
	var result error
	if perr := <-start(func() error { result = f(err); return nil }); perr != nil {
		return errors.Join(err, perr)
	}
	return result
}

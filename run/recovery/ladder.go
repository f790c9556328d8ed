package recovery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run"
	"xlab/run/record"
)

// Event is what the journal holds of a recovery.
type Event struct {
	What     string          `json:"what"` // what was being done
	State    State           `json:"state"`
	Kind     instrument.Kind `json:"kind"`
	Cause    string          `json:"cause"`
	Attempts int             `json:"attempts,omitempty"` // to bring the bench back
	Seconds  float64         `json:"seconds,omitempty"`  // wall clock since it was lost
}

// State is how far a recovery has come.
type State string

const (
	Recovered State = "recovered" // the bench is back: safe and ready
	Held      State = "held"      // it is waited for
	GivenUp   State = "given up"  // it was not back in time
)

// Options say how a bench is brought back. Restore is needed.
type Options struct {
	// Restore makes all instruments safe and ready again, sources before
	// switches. Reopen is true when doing it over the present connections has
	// failed: they are to be opened anew even where they do not look lost.
	Restore func(ctx context.Context, reopen bool) error
	// Check asks before stress whether the instruments still are as they were
	// left: before the first, after every failure, and when the last check is more
	// than a second of their time ago. nil = nothing is asked.
	Check func(ctx context.Context) error

	Read array.Read // how a device is read of which it is not known whether it was stressed, where no read was asked for

	Retries int           // how often one thing is tried again; 0 = 2, negative = never
	Timeout time.Duration // of one attempt to bring the bench back; 0 = 30 s
	Hold    time.Duration // how long a bench that does not come back is waited for; 0 = not at all
	Pause   time.Duration // between the first attempts while held, doubled up to 15 s; 0 = 1 s

	Journal func(kind string, data any) error // told what happened; an error ends the run. nil = nobody
	Notify  func(text string)                 // shows a person that the bench is held and is back; nil = nobody
}

// Ladder brings one bench back. It is not safe for concurrent use: the bench can
// do one thing at a time.
type Ladder struct{ o Options }

// New makes a ladder. It does nothing yet.
func New(o Options) *Ladder {
	if o.Retries == 0 {
		o.Retries = 2
	}
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Pause <= 0 {
		o.Pause = time.Second
	}
	return &Ladder{o}
}

const longestPause = 15 * time.Second

// Recoverable tells errors that a recovery can help with: those of the link, and
// of instruments that are not as they were left.
func Recoverable(err error) bool {
	switch instrument.KindOf(err) {
	case instrument.KindTimeout, instrument.KindUnreachable, instrument.KindProtocol, instrument.KindInstrument,
		instrument.KindChain:
		return !errors.Is(err, run.ErrUnsafe)
	}
	return false
}

// Repeat does something that changes no device until it succeeds, bringing the
// bench back in between. what says in words what it is. The error is that of do
// where nothing can be recovered, and otherwise a *run.Ended with
// run.OutcomeInterrupted.
func (l *Ladder) Repeat(ctx context.Context, what string, do func(context.Context) error) error {
	for attempt := 1; ; attempt++ {
		err := do(ctx)
		if err == nil || ctx.Err() != nil || !Recoverable(err) {
			return err
		}
		if err := l.climb(ctx, what, err, attempt); err != nil {
			return err
		}
	}
}

// climb brings the bench back after the attempt-th failure of the same thing,
// so that it may be tried again. Its error is what the run ends with.
func (l *Ladder) climb(ctx context.Context, what string, cause error, attempt int) error {
	if err := l.bring(ctx, what, cause, attempt > 1); err != nil {
		return err
	}
	if attempt > l.o.Retries {
		return ended(fmt.Errorf("%s failed %d times, with the bench made ready in between: %w", what, attempt, cause))
	}
	return nil
}

// bring gets the bench back, over new connections if the present ones do not
// serve. What cannot be brought back in time ends the run.
func (l *Ladder) bring(ctx context.Context, what string, cause error, reopen bool) error {
	e := Event{What: what, Kind: instrument.KindOf(cause), Cause: cause.Error()}
	began := time.Now()
	failed := l.restore(ctx, &e, reopen)
	for again := 0; failed != nil && again < l.o.Retries && ctx.Err() == nil && Recoverable(failed); again++ {
		failed = l.restore(ctx, &e, true)
	}
	if failed != nil && Recoverable(failed) && l.o.Hold > 0 && !run.StopRequested(ctx) {
		var err error
		if failed, err = l.hold(ctx, &e, began, failed); err != nil {
			return err
		}
	}
	e.State, e.Seconds = Recovered, time.Since(began).Seconds()
	if failed != nil {
		e.State = GivenUp
	}
	if err := l.journal(e); err != nil {
		return err
	}
	if failed == nil {
		return nil
	}
	if !Recoverable(failed) && ctx.Err() == nil {
		// Another instrument, an open interlock: more than a lost link.
		return errors.Join(failed, cause)
	}
	return ended(fmt.Errorf("%s: %w; the bench did not come back within %s, %d attempts, the last: %w",
		what, cause, time.Since(began).Round(time.Millisecond), e.Attempts, failed))
}

func (l *Ladder) restore(ctx context.Context, e *Event, reopen bool) error {
	e.Attempts++
	ctx, cancel := context.WithTimeout(ctx, l.o.Timeout)
	defer cancel()
	return l.o.Restore(ctx, reopen)
}

// hold waits for the bench. failed is nil when it is back, err what keeps from
// waiting at all.
func (l *Ladder) hold(ctx context.Context, e *Event, began time.Time, before error) (failed, err error) {
	e.State = Held
	if err := l.journal(*e); err != nil {
		return before, err
	}
	l.notify(fmt.Sprintf("%s: %s; waiting up to %s for the bench to come back (Ctrl-C ends the run, which can be taken "+
		"up again)", e.What, e.Cause, l.o.Hold))
	end := time.NewTimer(l.o.Hold)
	defer end.Stop()
	failed = before
	for pause := l.o.Pause; ; pause = min(2*pause, longestPause) {
		next := time.NewTimer(pause)
		select {
		case <-next.C:
		case <-end.C:
			next.Stop()
			return failed, nil
		case <-run.Stopping(ctx):
			next.Stop()
			return failed, nil
		case <-ctx.Done():
			next.Stop()
			return failed, nil
		}
		if failed = l.restore(ctx, e, true); failed == nil {
			l.notify(fmt.Sprintf("the bench is back after %s", time.Since(began).Round(time.Second)))
			return nil, nil
		}
		if !Recoverable(failed) {
			return failed, nil
		}
	}
}

func (l *Ladder) journal(e Event) error {
	if l.o.Journal == nil {
		return nil
	}
	return l.o.Journal(record.Recovery, e)
}

func (l *Ladder) notify(text string) {
	if l.o.Notify != nil {
		l.o.Notify(text)
	}
}

// ended makes a run of it that can be taken up again.
func ended(err error) error {
	kind := instrument.KindOf(err)
	check := "cables, power and adapters"
	if kind == instrument.KindInstrument { // it answers, and says what is wrong
		check = "the instrument itself"
	}
	return &run.Ended{Outcome: run.OutcomeInterrupted, Err: &instrument.Error{Op: "link recovery", Kind: kind, Err: err,
		Advice: "check " + check + ", then take the run up again with `xlab resume`"}}
}

package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"xlab/instrument"
)

// patience is how long what is under way at the bench may take when the process
// is to stand still. A conversation with an analyzer is over by then, so that its
// result is known; what takes longer is broken off, and the person at the keyboard
// is not kept waiting with the sources on.
const patience = 2 * time.Second

// AtBench does something with the bench that must not be cut in two: a routing and
// the steps that need it, a measurement. The process does not stand still in the
// middle of it; what has not returned after two seconds is broken off by the end of
// the context that do gets, and the error is one of a lost link, of kind
// instrument.KindTimeout: what was sent may have happened. AtBench blocks while the
// process is about to stand still and until the bench is ready again. Where that
// fails, or ctx ends meanwhile, do is not called and the error is that of ctx.
//
// Uses within do count as the same one. Without a Guard around ctx do is simply
// called.
func AtBench(ctx context.Context, do func(ctx context.Context) error) error {
	r, guarded := ctx.Value(requestKey{}).(*request)
	if !guarded || ctx.Value(atBenchKey{}) == r {
		return do(ctx)
	}
	select {
	case <-r.bench:
	case <-ctx.Done():
	}
	if ctx.Err() != nil { // which wins over a free bench; nobody needs the token then
		return &instrument.Error{Op: "bench", Kind: instrument.KindOf(ctx.Err()), Err: context.Cause(ctx),
			Advice: "nothing was sent"}
	}
	defer func() { r.bench <- struct{}{} }()
	own, cancel := context.WithCancelCause(context.WithValue(ctx, atBenchKey{}, r))
	defer cancel(nil)
	r.breakable(cancel)
	defer r.breakable(nil)
	err := do(own)
	if err != nil && ctx.Err() == nil && errors.Is(context.Cause(own), errPutDown) {
		return &instrument.Error{Op: "bench", Kind: instrument.KindTimeout, Err: fmt.Errorf("%w: %w", errPutDown, err)}
	}
	return err
}

type atBenchKey struct{}

func (r *request) breakable(cancel context.CancelCauseFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.putDown = cancel
}

// takeBench waits for the end of what the bench is used for, and breaks it off
// when that takes too long. false: it did not return even then.
func (r *request) takeBench(grace time.Duration) bool {
	late := time.AfterFunc(patience, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.putDown != nil {
			r.putDown(errPutDown)
		}
	})
	defer late.Stop()
	// One wait, begun before the use is broken off: who waits first gets the bench,
	// and the work's next use shall not.
	select {
	case <-r.bench:
		return true
	case <-time.After(patience + grace):
		return false
	}
}

// pause makes the bench safe, lets the process stand still, and makes the bench
// ready again when it is continued. Its error is why work cannot go on: the bench is
// then not given back, so that work waits for the end of its context.
func (w *watch) pause(ctx context.Context, stand func()) error {
	g, r := w.options, w.request
	mine := r.takeBench(g.Grace)
	if err := g.makeSafe(); err != nil {
		// It is not left standing. The work ends, and the end tells whether the bench
		// could be made safe after all.
		return &Ended{Outcome: OutcomeInterrupted, Err: fmt.Errorf("the process was to stand still, and did not: %v", err)}
	}
	// The kernel drops the continuation when another stop follows it at once: what
	// is heard from here on came after the process stood.
	w.stood.Store(true)
	stand()
	switch {
	case !mine:
		return &Ended{Outcome: OutcomeInterrupted, Err: errHung}
	case len(g.Safers) > 0 && g.GoOn == nil:
		return &Ended{Outcome: OutcomeInterrupted,
			Err: fmt.Errorf("%w: the process stood still, and the bench was made safe for that", ErrInterrupted)}
	}
	if g.GoOn != nil {
		if err := g.GoOn(context.WithValue(ctx, atBenchKey{}, r)); err != nil {
			return fmt.Errorf("after the process stood still: %w", err)
		}
	}
	r.bench <- struct{}{}
	return nil
}

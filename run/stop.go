package run

import (
	"context"
	"fmt"
	"os"
	"sync"
)

// request is the wish that work stops at the next device. It travels in the
// context because everything between Guard and the loop over devices would
// have to pass it on otherwise.
type request struct {
	asked chan struct{} // closed by the first signal

	mu    sync.Mutex
	count int
	first os.Signal

	bench   chan struct{}           // holds one token: whoever takes it may use the bench
	putDown context.CancelCauseFunc // breaks off what the bench is used for; nil = nothing. Under mu
}

func newRequest() *request {
	r := &request{asked: make(chan struct{}), bench: make(chan struct{}, 1)}
	r.bench <- struct{}{}
	return r
}

type requestKey struct{}

// ask counts a signal.
func (r *request) ask(s os.Signal) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count++
	if r.count == 1 {
		r.first = s
		close(r.asked)
	}
	return r.count
}

func (r *request) signals() (int, os.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count, r.first
}

// Stopping is closed when work under Guard is asked to stop at the next
// device. Without a Guard around ctx it is nil, which blocks for ever.
func Stopping(ctx context.Context) <-chan struct{} {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		return r.asked
	}
	return nil
}

// StopRequested tells whether work under Guard shall stop at the next device.
// It is true as well when ctx has ended.
func StopRequested(ctx context.Context) bool {
	select {
	case <-Stopping(ctx):
		return true
	default:
		return ctx.Err() != nil
	}
}

// CheckStop is asked before every device: it returns nil to go on, and
// otherwise the error to return, an *Ended with OutcomeInterrupted.
func CheckStop(ctx context.Context) error {
	if ctx.Err() != nil {
		return &Ended{Outcome: OutcomeInterrupted, Err: context.Cause(ctx)}
	}
	if !StopRequested(ctx) {
		return nil
	}
	cause := ErrInterrupted
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		if _, s := r.signals(); s != nil {
			cause = fmt.Errorf("%w at the next device (%s)", ErrInterrupted, s)
		}
	}
	return &Ended{Outcome: OutcomeInterrupted, Err: cause}
}

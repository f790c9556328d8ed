package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"xlab/instrument"
)

// drainLimit bounds how long a link is drained that does not get quiet.
const drainLimit = 10 * time.Second

// Wire is what a resynchronisation may do with a dirty link. It is only valid
// during that call. Every method returns at once with the context's error when
// the context ends.
type Wire struct {
	link    *Link
	ctx     context.Context
	dropped int
}

// Write sends p, until the given time at the latest.
func (w *Wire) Write(p []byte, by time.Time) error {
	if err := w.link.until(w.ctx, by); err != nil {
		return err
	}
	_, err := w.link.current().Write(p)
	return w.cause(err)
}

// Line reads the next line, without its end, until the given time at the
// latest, when it fails with os.ErrDeadlineExceeded. What came of an incomplete
// line is dropped. The line is valid until the next call. A line longer than
// MaxLine is returned in pieces.
func (w *Wire) Line(by time.Time) ([]byte, error) {
	if err := w.link.until(w.ctx, by); err != nil {
		return nil, err
	}
	line, err := w.link.line()
	if errors.Is(err, errTooLong) {
		return line, nil
	}
	if err != nil {
		w.Discard(len(line))
		return nil, w.cause(err)
	}
	return line, nil
}

// Drain throws away what arrives until it has been quiet for the given time.
// A link that is never quiet is an error of kind protocol.
func (w *Wire) Drain(quiet time.Duration) error {
	end := time.Now().Add(drainLimit)
	for {
		now := time.Now()
		if now.After(end) {
			return protocolFault("the instrument kept sending for %v without being asked", drainLimit)
		}
		if err := w.link.until(w.ctx, now.Add(quiet)); err != nil {
			return err
		}
		_, err := w.link.in.ReadByte()
		if errors.Is(err, os.ErrDeadlineExceeded) && w.ctx.Err() == nil {
			return nil
		}
		if err != nil {
			return w.cause(err)
		}
		n, _ := w.link.in.Discard(w.link.in.Buffered()) // cannot fail: they are there
		w.Discard(1 + n)
	}
}

// Discard counts bytes that the resynchronisation threw away, for the log.
func (w *Wire) Discard(n int) { w.dropped += n }

// cause puts the context's end in the place of the deadline that it was made
// known by.
func (w *Wire) cause(err error) error {
	if err != nil && w.ctx.Err() != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		return w.ctx.Err()
	}
	return err
}

// resynchronise brings the link into step; the caller has the turn and obeys ctx.
func (l *Link) resynchronise(ctx context.Context) error {
	l.dirty = true
	w := &Wire{link: l, ctx: ctx}
	var err error
	if l.o.Resynchronise != nil {
		err = l.o.Resynchronise(ctx, w)
	} else {
		err = w.Drain(l.o.Quiet)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return err
	}
	l.dirty = false
	l.o.Logger.Info("link resynchronised", "name", l.o.Name, "address", l.String(), "dropped_bytes", w.dropped)
	return nil
}

// failure makes an *instrument.Error of what went wrong, if anything did, and
// remembers a lost connection. The caller has the turn, or the connection was not
// touched.
func (l *Link) failure(ctx context.Context, err error, what string) error {
	if err == nil {
		return nil
	}
	kind := instrument.KindOf(err)
	ended := ctx.Err()
	var f fault
	switch {
	case errors.As(err, &f):
		kind = instrument.KindProtocol
	case errors.Is(err, net.ErrClosed):
		kind = instrument.KindUnreachable
	case ended != nil && (errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, ended)):
		kind = instrument.KindOf(ended)
		cause := context.Cause(ctx)
		if kind == instrument.KindCancelled && errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, ErrNotSent) {
			err = &brokenOff{cause, ended, err}
			break
		}
		if !errors.Is(err, ended) {
			err = fmt.Errorf("%w: %w", ended, err)
		}
		if cause != ended {
			err = fmt.Errorf("%w: %w", cause, err)
		}
	case kind == instrument.KindUnknown:
		kind = instrument.KindUnreachable
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("the other side ended the connection: %w", err)
		}
	}
	if kind == instrument.KindUnreachable && l.lost == nil && !errors.Is(err, net.ErrClosed) {
		l.lost = err
	}
	var inner *instrument.Error
	advice := ""
	if !errors.As(err, &inner) || inner.Advice == "" {
		advice = advices[kind]
	}
	return &instrument.Error{Op: l.o.Name, Channel: l.String(), Kind: kind, Err: fmt.Errorf("%s: %w", what, err),
		Advice: advice}
}

// advices are given where the cause has none of its own.
var advices = map[instrument.Kind]string{
	instrument.KindTimeout: "check that the instrument is switched on and that its address and speed are right; the " +
		"link is resynchronised before the next request",
	instrument.KindUnreachable: "check cable and power, then open the connection again",
	instrument.KindProtocol: "something else may be talking on this link, or bytes were lost; the link is " +
		"resynchronised before the next request",
}

func (l *Link) usage(format string, args ...any) error {
	return &instrument.Error{Op: l.o.Name, Channel: l.String(), Kind: instrument.KindUsage,
		Err: notSent(fmt.Errorf(format, args...))}
}

// fault is the cause of an error of kind protocol.
type fault struct{ error }

func (f fault) Unwrap() error { return errors.Unwrap(f.error) }

func protocolFault(format string, args ...any) error { return fault{fmt.Errorf(format, args...)} }

func notSent(err error) error { return fmt.Errorf("%w: %w", ErrNotSent, err) }

// brokenOff is an exchange that somebody wanted to end. For how long nothing had been
// heard by then says nothing about the instrument.
type brokenOff struct{ cause, ended, err error }

func (e *brokenOff) Error() string   { return "broken off: " + e.cause.Error() }
func (e *brokenOff) Unwrap() []error { return []error{e.cause, e.ended, e.err} }

// describe quotes the beginning of a request.
func describe(request []byte) string { return fmt.Sprintf("%q", excerpt(request)) }

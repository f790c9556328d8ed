package transport

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"xlab/instrument"
)

// ErrNotSent is in the chain of an error of Exchange when not one byte of the
// request left: whatever was asked for did not happen. Without it the request
// may have been carried out.
var ErrNotSent = instrument.ErrNotSent

// errTooLong is the cause of a protocol error: an answer beyond MaxLine.
var errTooLong = errors.New("the answer is too long")

// LinkOptions are the settings of a link. The zero value is usable.
type LinkOptions struct {
	// Name is the operation that errors carry: "prologix adapter". Default "link".
	Name string

	// Resynchronise brings a dirty link into step again. nil drains the link
	// until it has been quiet for Quiet, which is right as long as no answer is
	// later than that; a box that has a request with a recognisable answer
	// should be resynchronised with that. Its errors should be those of Wire or
	// *instrument.Error; anything else is taken for a lost connection.
	Resynchronise func(ctx context.Context, w *Wire) error

	// Reopen opens the connection again after it was lost: the same port, perhaps
	// under another name. It is tried once at the beginning of every exchange
	// that finds the connection gone; the old one is closed before, because many
	// a port can be open only once. What comes next is a resynchronisation. nil
	// leaves a lost connection lost until Reattach.
	Reopen func(ctx context.Context) (Conn, error)

	// Quiet is the silence after which nothing more is expected to arrive; 0 = 250 ms.
	Quiet time.Duration

	// MaxLine is the longest answer in bytes, line end excluded; 0 = 1 MiB. A
	// two-way sweep of 10001 levels with source values is 0.7 MB long.
	MaxLine int

	// Logger is told of resynchronisations; nil = nobody.
	Logger *slog.Logger
}

// Link makes exchanges on a connection: one request in a single write, and the
// lines that answer it. It is safe for concurrent use; exchanges wait for one
// another.
//
// A link is dirty after an exchange that did not end as it should (time-out,
// cancelling, more or longer answers than expected). The next exchange first
// resynchronises it, which never repeats a request. A link whose connection is
// gone is opened again by the next exchange where LinkOptions.Reopen says how,
// and otherwise stays unusable until Reattach gives it another one.
type Link struct {
	o    LinkOptions
	turn *semaphore.Weighted // taken while an exchange is under way

	// Owned by whoever has the turn.
	in    *bufio.Reader // the only reader of the connection, for its whole life
	long  []byte        // gathers lines longer than the reader's buffer
	dirty bool
	lost  error // why the connection is gone

	mu     sync.Mutex
	conn   Conn
	closed bool
}

// NewLink makes a link of a connection, which the link owns from then on. It
// does no input or output.
func NewLink(c Conn, o LinkOptions) *Link {
	o.Name = cmp.Or(o.Name, "link")
	o.Quiet = cmp.Or(o.Quiet, 250*time.Millisecond)
	o.MaxLine = cmp.Or(o.MaxLine, 1<<20)
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	return &Link{o: o, turn: semaphore.NewWeighted(1), conn: c, in: bufio.NewReaderSize(c, 16<<10)}
}

// String is the address of the connection.
func (l *Link) String() string { return l.current().String() }

func (l *Link) current() Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conn
}

// Close closes the connection. An exchange under way fails at once, and so does
// every later one.
func (l *Link) Close() error {
	l.mu.Lock()
	l.closed = true
	c := l.conn
	l.mu.Unlock()
	return c.Close()
}

// MarkDirty has the link resynchronised before the next exchange. It is for a
// caller that finds an answer which cannot be one to its question. It waits for
// an exchange under way.
func (l *Link) MarkDirty(ctx context.Context) error {
	if err := l.take(ctx); err != nil {
		return l.failure(ctx, err, "marking the link dirty")
	}
	l.dirty = true
	l.release()
	return nil
}

// Reattach gives the link another connection in place of one that is gone: the
// port opened again, perhaps under another name. The old one is closed. The
// link is dirty, so that the next exchange begins with a resynchronisation.
// It waits for an exchange under way. On an error c stays with the caller.
func (l *Link) Reattach(ctx context.Context, c Conn) error {
	if err := l.take(ctx); err != nil {
		return l.failure(ctx, err, "attaching "+c.String())
	}
	defer l.release()
	old := l.current()
	if err := l.attach(c); err != nil {
		return l.failure(ctx, err, "attaching "+c.String())
	}
	if err := old.Close(); err != nil {
		l.o.Logger.Warn("closing the connection that was replaced", "address", old.String(), "error", err)
	}
	return nil
}

// Resynchronise brings the link into step now, dirty or not, within timeout.
func (l *Link) Resynchronise(ctx context.Context, timeout time.Duration) error {
	const what = "resynchronising the link"
	if timeout <= 0 {
		return l.usage("the time-out is %v and must be above 0", timeout)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("not in step after %v", timeout))
	defer cancel()
	if err := l.take(ctx); err != nil {
		return l.failure(ctx, err, what)
	}
	defer l.release()
	if err := l.revive(ctx); err != nil {
		return l.failure(ctx, err, what)
	}
	defer l.obey(ctx)()
	return l.failure(ctx, l.resynchronise(ctx), what)
}

// Exchange writes request in one write and reads the given number of answers:
// lines that end with LF, returned without LF and a CR before it. It fails when
// they are not complete timeout after the request is begun; timeout must be above
// 0. A dirty link is resynchronised first, within the bounds of the
// resynchronisation and ctx. It blocks until the answers are there, and returns
// at once when ctx ends.
//
// Errors are *instrument.Error of kind timeout, cancelled, unreachable (the
// connection is gone), protocol (an answer too long, or bytes that nobody asked
// for) or usage. No answers are returned with an error: when one is missing,
// nobody knows which. ErrNotSent tells whether the request may have been
// carried out.
func (l *Link) Exchange(ctx context.Context, request []byte, replies int, timeout time.Duration) ([][]byte, error) {
	switch {
	case timeout <= 0:
		return nil, l.usage("the time-out is %v and must be above 0", timeout)
	case len(request) == 0:
		return nil, l.usage("the request is empty")
	case replies < 0:
		return nil, l.usage("%d answers cannot be waited for", replies)
	}
	if err := l.take(ctx); err != nil {
		return nil, l.failure(ctx, notSent(err), describe(request))
	}
	defer l.release()
	if err := l.revive(ctx); err != nil {
		return nil, l.failure(ctx, notSent(err), describe(request))
	}
	defer l.obey(ctx)()
	if l.dirty {
		if err := l.resynchronise(ctx); err != nil {
			return nil, l.failure(ctx, notSent(fmt.Errorf("resynchronising the link: %w", err)), describe(request))
		}
	}
	if n := l.surplus(); n > 0 {
		// Resynchronising here and going on would hide from the caller that the
		// instrument's state may not be what it believes.
		l.dirty = true
		err := protocolFault("%d bytes were waiting that nobody had asked for, beginning %q", n, l.peek(ctx, n))
		return nil, l.failure(ctx, notSent(err), describe(request))
	}

	l.dirty = true // until everything has gone well
	by := time.Now().Add(timeout)
	if err := l.until(ctx, by); err != nil {
		l.dirty = false
		return nil, l.failure(ctx, notSent(err), describe(request))
	}
	if n, err := l.current().Write(request); err != nil {
		return nil, l.failure(ctx, fmt.Errorf("after %d of %d bytes were written: %w", n, len(request), err),
			describe(request))
	}
	answers := make([][]byte, replies)
	for i := range answers {
		line, err := l.line()
		if err != nil {
			return nil, l.failure(ctx, l.incomplete(err, line, i, replies, timeout), describe(request))
		}
		answers[i] = bytes.Clone(line)
		if answers[i] == nil {
			answers[i] = []byte{} // an empty line is an answer
		}
	}
	if n := l.surplus(); n > 0 {
		err := protocolFault("%d bytes followed after the %d answers expected, beginning %q", n, replies, l.peek(ctx, n))
		return nil, l.failure(ctx, err, describe(request))
	}
	l.dirty = false
	return answers, nil
}

// take waits for the turn.
func (l *Link) take(ctx context.Context) error { return l.turn.Acquire(ctx, 1) }

func (l *Link) release() { l.turn.Release(1) }

// usable tells why nothing can be sent, or nil.
func (l *Link) usable(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return net.ErrClosed
	}
	return l.lost
}

// revive is usable with a lost connection opened again where that is possible.
// The caller has the turn.
func (l *Link) revive(ctx context.Context) error {
	err := l.usable(ctx)
	if err == nil || l.lost == nil || l.o.Reopen == nil || ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
		return err
	}
	old := l.current()
	if closing := old.Close(); closing != nil {
		l.o.Logger.Debug("closing the connection that was lost", "address", old.String(), "error", closing)
	}
	c, err := l.o.Reopen(ctx)
	if err != nil {
		return fmt.Errorf("the connection was lost (%w) and cannot be opened again: %w", l.lost, err)
	}
	if err := l.attach(c); err != nil {
		return errors.Join(err, c.Close())
	}
	l.o.Logger.Warn("connection opened again", "name", l.o.Name, "address", c.String(), "before", old.String())
	return nil
}

// attach puts c in the place of the connection; the caller has the turn.
func (l *Link) attach(c Conn) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return net.ErrClosed
	}
	l.conn = c
	l.in.Reset(c)
	l.dirty, l.lost = true, nil
	return nil
}

// Drop takes the connection for lost, so that the next exchange opens it again:
// for a box that no longer answers although its port is there. It waits for an
// exchange under way. Without LinkOptions.Reopen it is an error of kind usage
// and nothing is changed.
func (l *Link) Drop(ctx context.Context) error {
	if l.o.Reopen == nil {
		return l.usage("the connection cannot be opened again from here")
	}
	if err := l.take(ctx); err != nil {
		return l.failure(ctx, err, "giving the connection up")
	}
	defer l.release()
	l.lost = cmp.Or(l.lost, errors.New("it no longer answered and was given up"))
	return nil
}

// longAgo is a deadline that has passed for certain.
var longAgo = time.Unix(1, 0)

// obey wakes what waits on the connection when ctx ends. The function that it
// returns has to be called before the turn is given back: it waits for a wake-up
// under way, which would otherwise hit the next exchange.
func (l *Link) obey(ctx context.Context) (stop func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	conn, woken := l.current(), make(chan struct{})
	unregister := context.AfterFunc(ctx, func() {
		defer close(woken)
		// SetDeadline fails only on a closed connection, where nothing waits.
		_ = conn.SetDeadline(longAgo)
	})
	return func() {
		if !unregister() {
			<-woken
		}
	}
}

// until sets the deadline of what follows. ctx is asked after the deadline was
// set: had it ended before, the deadline would have undone its wake-up.
func (l *Link) until(ctx context.Context, by time.Time) error {
	if err := l.current().SetDeadline(by); err != nil {
		return err
	}
	return ctx.Err()
}

// line reads up to the next LF and returns the line without its end; it is
// valid until the next call. With an error it returns what came of the line.
func (l *Link) line() ([]byte, error) {
	long := l.long[:0]
	for {
		part, err := l.in.ReadSlice('\n')
		if len(long)+len(part) > l.o.MaxLine+len("\r\n") {
			l.long = long
			return part, errTooLong
		}
		if err == nil && len(long) == 0 {
			return trim(part), nil
		}
		long = append(long, part...)
		l.long = long
		if err == nil {
			return trim(long), nil
		}
		if err != bufio.ErrBufferFull {
			return long, err
		}
	}
}

func trim(line []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte{'\n'}), []byte{'\r'})
}

// surplus is the number of bytes that have arrived and belong to no answer.
func (l *Link) surplus() int { return l.in.Buffered() + pending(l.current()) }

// peek returns the beginning of n bytes that have arrived, for a message; what
// it cannot get is left out.
func (l *Link) peek(ctx context.Context, n int) []byte {
	if err := l.until(ctx, time.Now().Add(time.Second)); err != nil {
		return nil
	}
	b, _ := l.in.Peek(min(n, 40))
	return b
}

// incomplete says how far an exchange came.
func (l *Link) incomplete(err error, part []byte, have, want int, timeout time.Duration) error {
	began := ""
	if len(part) > 0 {
		began = fmt.Sprintf(", of the next %q", excerpt(part))
	}
	switch {
	case errors.Is(err, errTooLong):
		return protocolFault("answer %d of %d has no line end after %d bytes: %w", have+1, want, l.o.MaxLine, err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("no answer within %v, %d of %d arrived%s: %w", timeout, have, want, began, err)
	}
	return fmt.Errorf("%d of %d answers arrived%s: %w", have, want, began, err)
}

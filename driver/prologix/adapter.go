package prologix

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"xlab/driver/transport"
	"xlab/instrument"
)

const (
	// maxReadTimeout is the longest time-out of a Prologix, and maxReadTimeoutAR488
	// that of an AR488 (hwdocs/prologix.md).
	maxReadTimeout      = 3 * time.Second
	maxReadTimeoutAR488 = 32 * time.Second
)

// Options are the settings of an adapter. The zero value is usable.
type Options struct {
	// ReadTimeout is how long the adapter waits for each byte of an
	// instrument's answer, in whole milliseconds, at most 3 s, on an AR488 32 s;
	// 0 = 3 s. What takes longer is awaited with AwaitReady.
	ReadTimeout time.Duration

	// AnswerTimeout is how long the adapter may take for an answer of its own;
	// 0 = 1 s.
	AnswerTimeout time.Duration

	// PollInterval is the longest pause between the serial polls of AwaitReady;
	// 0 = 50 ms. Polls cost bus traffic while the instrument measures.
	PollInterval time.Duration

	// Stepwise sends a conversation answer by answer instead of in one write.
	// It is needed where nothing keeps the host from overrunning the adapter:
	// an AR488 on a board whose USB chip is a mere UART bridge.
	Stepwise bool

	// MaxLine is the longest answer in bytes; 0 = that of transport.LinkOptions.
	MaxLine int

	// Reopen opens the connection again after it was lost, as
	// transport.Opener.Open does; nil leaves that to Reattach. It is tried once
	// by every conversation that finds the connection gone, which then goes on
	// with the handshake.
	Reopen func(ctx context.Context) (transport.Conn, error)

	// Logger is told of resynchronisations; nil = nobody.
	Logger *slog.Logger
}

// Adapter is an opened GPIB adapter. It is safe for concurrent use:
// conversations wait for one another.
//
// After a conversation that failed, the next one is preceded by a
// resynchronisation: the adapter is set up again, the instrument in question
// gets a device clear, and everything that arrives before a mark which ends the
// handshake is thrown away. It costs the instrument its unfinished work, and perhaps
// its settings; it never repeats a command, and only follows an error that was
// returned.
type Adapter struct {
	link *transport.Link
	o    Options
	turn *semaphore.Weighted // taken while a conversation is under way

	// Owned by whoever has the turn.
	suspects uint32 // bit n: the instrument at address n needs a device clear
	reads    int    // ++read that may be under way in the adapter
	mark     int    // number of the last handshake, 1 to 255 and around
	opened   bool
	fresh    bool // the connection has just been opened again

	mu      sync.Mutex
	version string
}

// Open sets up the adapter on a connection and checks that it is one: it has to
// answer ++ver with a text that names Prologix or AR488, and to remember a setting. Nothing is sent to any
// instrument, and nothing stored in the adapter's EEPROM.
//
// The adapter owns the connection from then on, and Close closes it; when Open
// fails, it stays with the caller. Errors are *instrument.Error of kind usage
// (an option that the adapter cannot follow), identity (something else answered),
// timeout, unreachable or cancelled. It blocks for 3 AnswerTimeouts at the
// longest: opening a port resets many an Arduino, which then takes a moment.
func Open(ctx context.Context, c transport.Conn, o Options) (*Adapter, error) {
	a, err := newAdapter(c, o)
	if err != nil {
		return nil, &instrument.Error{Op: "prologix open", Channel: c.String(), Kind: instrument.KindUsage, Err: err}
	}
	if err := a.link.Resynchronise(ctx, a.patience()); err != nil {
		return nil, placed("prologix open", "", err)
	}
	a.opened = true
	if v := a.Version(); a.o.ReadTimeout > maxReadTimeout && !isAR488(v) {
		return nil, &instrument.Error{Op: "prologix open", Channel: c.String(), Kind: instrument.KindUsage,
			Err:    fmt.Errorf("the read time-out is %v, longer than the 3 s that %q can wait", a.o.ReadTimeout, v),
			Advice: "set a read time-out of 3 s or less; what takes longer is awaited by serial polls"}
	}
	return a, nil
}

func newAdapter(c transport.Conn, o Options) (*Adapter, error) {
	o.ReadTimeout = cmp.Or(o.ReadTimeout, maxReadTimeout)
	o.AnswerTimeout = cmp.Or(o.AnswerTimeout, time.Second)
	o.PollInterval = cmp.Or(o.PollInterval, 50*time.Millisecond)
	switch {
	case o.ReadTimeout < time.Millisecond || o.ReadTimeout > maxReadTimeoutAR488 || o.ReadTimeout%time.Millisecond != 0:
		return nil, fmt.Errorf("the read time-out is %v and must be whole milliseconds from 1 ms to 3 s, on an AR488 to 32 s",
			o.ReadTimeout)
	case o.AnswerTimeout < 0:
		return nil, fmt.Errorf("the answer time-out is %v and must be above 0", o.AnswerTimeout)
	case o.PollInterval < 0:
		return nil, fmt.Errorf("the poll interval is %v and must be above 0", o.PollInterval)
	}
	a := &Adapter{o: o, turn: semaphore.NewWeighted(1)}
	link := transport.LinkOptions{Name: "prologix adapter", Resynchronise: a.handshake, MaxLine: o.MaxLine,
		Logger: o.Logger}
	if o.Reopen != nil {
		link.Reopen = a.reopen
	}
	a.link = transport.NewLink(c, link)
	return a, nil
}

// reopen opens the connection again; the caller has the turn.
func (a *Adapter) reopen(ctx context.Context) (transport.Conn, error) {
	c, err := a.o.Reopen(ctx)
	a.fresh = a.fresh || err == nil
	return c, err
}

// Version is the adapter's answer to ++ver.
func (a *Adapter) Version() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.version
}

// String is the address of the adapter's connection.
func (a *Adapter) String() string { return a.link.String() }

// Close closes the connection. A conversation under way fails at once. The
// instruments are left as they are.
func (a *Adapter) Close() error { return a.link.Close() }

// Reattach gives the adapter another connection in place of one that is gone:
// the port opened again, perhaps under another name. The next conversation
// begins with a resynchronisation, which sets the adapter up. On an error c
// stays with the caller.
func (a *Adapter) Reattach(ctx context.Context, c transport.Conn) error {
	if err := a.take(ctx); err != nil {
		return placed("prologix reattach", "", err)
	}
	defer a.release()
	return placed("prologix reattach", "", a.link.Reattach(ctx, c))
}

// Reopen has the next conversation open the connection again, although it is not
// known to be lost: for an adapter that hangs, which opening its port may reset.
// It needs Options.Reopen and is an error of kind usage without it.
func (a *Adapter) Reopen(ctx context.Context) error {
	if err := a.take(ctx); err != nil {
		return placed("prologix reopen", "", err)
	}
	defer a.release()
	return placed("prologix reopen", "", a.link.Drop(ctx))
}

// take waits for the turn.
func (a *Adapter) take(ctx context.Context) error {
	err := a.turn.Acquire(ctx, 1)
	if err == nil {
		return nil
	}
	return &instrument.Error{Op: "prologix adapter", Kind: instrument.KindOf(err),
		Err: fmt.Errorf("%w: %w", transport.ErrNotSent, err)}
}

func (a *Adapter) release() { a.turn.Release(1) }

// exchange does one exchange with the instrument at an address; the caller has
// the turn.
func (a *Adapter) exchange(ctx context.Context, address int, request []byte, replies, reads int,
	timeout time.Duration) ([][]byte, error) {
	answers, err := a.link.Exchange(ctx, request, replies, timeout)
	if err == nil {
		err = a.check(ctx, answers)
	}
	if err == nil {
		return answers, nil
	}
	if !errors.Is(err, transport.ErrNotSent) {
		a.suspects |= 1 << address
		a.reads += reads
	}
	return nil, err
}

// check refuses answers of the adapter in the place of an instrument's: the
// late answer to a handshake, or a complaint about a command that was garbled on
// its way.
func (a *Adapter) check(ctx context.Context, answers [][]byte) error {
	for _, answer := range answers {
		if versionText(answer) == "" && string(answer) != unrecognised {
			continue
		}
		// The link is free, since the caller has the turn: marking does not wait,
		// and must not fail because ctx has just ended.
		err := &instrument.Error{Op: "prologix adapter", Channel: a.String(), Kind: instrument.KindProtocol,
			Err:    fmt.Errorf("the adapter's own words %q came in the place of an answer", answer),
			Advice: "bytes were lost or came late; the adapter is resynchronised before the next conversation"}
		if failed := a.link.MarkDirty(context.WithoutCancel(ctx)); failed != nil {
			err.Err = fmt.Errorf("%w, and the link could not be marked: %w", err.Err, failed)
		}
		return err
	}
	return nil
}

// placed says in which operation, on which instrument, an error happened, if one
// did.
func placed(op, channel string, err error) error {
	if err == nil {
		return nil
	}
	return &instrument.Error{Op: op, Channel: channel, Kind: instrument.KindOf(err), Err: err}
}

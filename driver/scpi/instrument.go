package scpi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"xlab/driver/transport"
	"xlab/instrument"
)

// queueQuery takes the oldest entry out of the error queue.
const queueQuery = "SYST:ERR?"

// longestQueue is after how many entries reading the queue is given up. No
// instrument's queue is that long; one that never gets empty is broken.
const longestQueue = 64

// Options are the settings of an instrument. The zero value suits one that has
// the common commands of IEEE 488.2.
type Options struct {
	// Name is the operation that errors carry: "neuron". Default "scpi".
	Name string
	// Answer is how long the instrument may take for an answer that needs no
	// work; 0 = 2 s. Converse adds the time that work takes.
	Answer time.Duration
	// Register is a setting for the handshake: it keeps a whole number between
	// Lowest and Highest, is outside of these bounds after power-up, and nothing
	// else depends on it. It is left at what it was set to. Default *ESE, 1 to 255
	// (IEEE 488.2, 10.10): the enable register of a status bit that nobody looks at
	// here.
	Register        string
	Lowest, Highest int
	// MaxLine is the longest answer in bytes; 0 = 1 MiB.
	MaxLine int
	// Reopen opens the connection again after it was lost; see
	// transport.LinkOptions. nil leaves it lost.
	Reopen func(ctx context.Context) (transport.Conn, error)
	// Logger is told of errors that were in the queue before anything was
	// asked; nil = nobody.
	Logger *slog.Logger
}

// Instrument is one SCPI instrument on a connection of its own. It is safe for
// concurrent use: conversations wait for one another.
type Instrument struct {
	link *transport.Link
	o    Options
	turn *semaphore.Weighted // taken while a conversation is under way

	// Owned by whoever has the link's turn.
	mark   int
	opened bool
	busy   time.Time // until when the instrument may be busy with what was asked

	restarted bool // the register has lost its mark since Restarted was asked last
}

// New makes an instrument of a connection, which it owns from then on. It does
// no input or output; the first conversation begins with the handshake.
func New(conn transport.Conn, o Options) *Instrument {
	o.Name = cmp.Or(o.Name, "scpi")
	o.Answer = cmp.Or(o.Answer, 2*time.Second)
	if o.Register == "" {
		o.Register, o.Lowest, o.Highest = "*ESE", 1, 255
	}
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	i := &Instrument{o: o, turn: semaphore.NewWeighted(1), mark: o.Lowest - 1}
	i.link = transport.NewLink(conn, transport.LinkOptions{Name: o.Name, Resynchronise: i.handshake, Reopen: o.Reopen,
		MaxLine: o.MaxLine, Logger: o.Logger})
	// Nobody has the link's turn yet, so that this neither waits nor fails.
	_ = i.link.MarkDirty(context.Background())
	return i
}

// String is the address of the connection.
func (i *Instrument) String() string { return i.link.String() }

// Close closes the connection. A conversation under way fails at once.
func (i *Instrument) Close() error { return i.link.Close() }

// Open brings host and instrument into step, whatever an earlier program left
// on the connection, and empties the error queue, whose entries are logged and
// returned: they are from before. After an error it may be called again.
func (i *Instrument) Open(ctx context.Context) (left []Entry, err error) {
	if err := i.take(ctx); err != nil {
		return nil, err
	}
	defer i.give()
	i.opened, i.restarted = false, false
	if err := i.link.Resynchronise(ctx, i.patience()); err != nil {
		return nil, err
	}
	left, err = i.empty(ctx)
	for _, e := range left {
		i.o.Logger.Warn("an error from before was in the instrument's queue", "instrument", i.o.Name, "address", i.String(),
			"entry", e.String())
	}
	return left, err
}

// Verify asks for the mark that the last handshake set. An instrument that was
// switched off and on while its line stayed up has forgotten it, which Restarted
// then tells, and gets a new mark. It is one exchange, and belongs behind what is
// to be relied on: a mark that is still there was there all the time.
func (i *Instrument) Verify(ctx context.Context) error {
	if err := i.take(ctx); err != nil {
		return err
	}
	defer i.give()
	raw, err := i.exchange(ctx, []byte(i.o.Register+"?\n"), 1, i.o.Answer)
	if err != nil {
		return err
	}
	n, err := Integer(string(raw[0]))
	switch {
	case err != nil:
		return i.outOfStep(ctx, err)
	case n == i.mark:
		return nil
	case n >= i.o.Lowest && n <= i.o.Highest:
		return i.outOfStep(ctx, fmt.Errorf("%s is %d and was set to %d", i.o.Register, n, i.mark))
	}
	err = i.link.Resynchronise(ctx, i.patience())
	i.restarted = true
	return err
}

// patience bounds a handshake, whose attempts have bounds of their own, on a
// machine that is busy with other things.
func (i *Instrument) patience() time.Duration {
	return 2*attemptsAtOpening*i.o.Answer + i.stuck() + 5*time.Second
}

// Resynchronise brings host and instrument into step now, over a new connection
// if the present one was lost. Unlike Open it keeps account of whether the
// instrument was switched off and on meanwhile, and of its error queue.
func (i *Instrument) Resynchronise(ctx context.Context) error {
	if err := i.take(ctx); err != nil {
		return err
	}
	defer i.give()
	return i.link.Resynchronise(ctx, i.patience())
}

// Reopen has the next conversation open the connection again, although it is not
// known to be lost: for an instrument that hangs, which opening its port may
// reset. It needs Options.Reopen and is an error of kind usage without it.
func (i *Instrument) Reopen(ctx context.Context) error {
	if err := i.take(ctx); err != nil {
		return err
	}
	defer i.give()
	return i.link.Drop(ctx)
}

// Restarted tells whether a handshake or Verify has found, since it was asked last, that
// the instrument was switched off and on: whatever it was set to is gone.
func (i *Instrument) Restarted(ctx context.Context) (bool, error) {
	if err := i.take(ctx); err != nil {
		return false, err
	}
	defer i.give()
	was := i.restarted
	i.restarted = false
	return was, nil
}

// Converse sends the messages in one write, with the query for the error queue
// behind them, and returns one answer per query among them, in order. working
// is how long the instrument needs for what it is asked to do; the time for its
// answers and for the transfer of transfer bytes, which is what a line of
// 115200 baud carries, comes on top.
//
// An error of KindInstrument is that of the instrument's queue, with a
// *QueueError that has all entries; the answers are returned with it, all of
// them or none. KindProtocol is an answer out of form. Of kind timeout,
// cancelled or unreachable are failures of the connection: no answers are
// returned then, and what the instrument did is not known, except when
// errors.Is(err, transport.ErrNotSent). It blocks until the last answer is there,
// and returns at once when ctx ends.
func (i *Instrument) Converse(ctx context.Context, working time.Duration, transfer int,
	messages ...string) ([]string, error) {
	var request []byte
	queries := 0
	for _, m := range messages {
		if err := checkMessage(m); err != nil {
			return nil, i.failed(instrument.KindUsage, err, "nothing was sent")
		}
		if isQuery(m) {
			queries++
		}
		request = append(append(request, m...), '\n')
	}
	if len(messages) == 0 {
		return nil, i.failed(instrument.KindUsage, errors.New("there is nothing to send"), "")
	}
	request = append(request, queueQuery+"\n"...)
	if err := i.take(ctx); err != nil {
		return nil, err
	}
	defer i.give()
	timeout := i.o.Answer + working + time.Duration(len(request)+transfer)*byteTime
	raw, err := i.exchange(ctx, request, queries+1, timeout)
	if err != nil {
		return nil, err
	}
	answers := make([]string, queries)
	for k := range answers {
		answers[k] = string(raw[k])
	}
	entry, err := parseEntry(string(raw[queries]))
	if err != nil {
		return nil, i.outOfStep(ctx, err)
	}
	if entry.Code == 0 {
		return answers, nil
	}
	rest, err := i.empty(ctx)
	if err != nil {
		return answers, errors.Join(i.queueError(append([]Entry{entry}, rest...)), err)
	}
	return answers, i.queueError(append([]Entry{entry}, rest...))
}

// OutOfStep is for a caller that finds an answer which cannot be one to its
// question: it makes an error of KindProtocol of cause, and the next
// conversation begins with the handshake.
func (i *Instrument) OutOfStep(ctx context.Context, cause error) error {
	if err := i.take(context.WithoutCancel(ctx)); err != nil {
		return errors.Join(cause, err)
	}
	defer i.give()
	return i.outOfStep(ctx, cause)
}

// byteTime is how long one byte takes on the slowest line that is in use,
// 115200 baud, with some room.
const byteTime = 100 * time.Microsecond

func isQuery(message string) bool {
	header, _, _ := strings.Cut(message, " ")
	return strings.HasSuffix(header, "?")
}

// checkMessage refuses what would not be one message with at most one answer.
func checkMessage(m string) error {
	switch {
	case strings.TrimSpace(m) == "":
		return errors.New("a message is empty")
	case strings.ContainsAny(m, "\r\n;"):
		return fmt.Errorf("the message %s holds more than one command", Excerpt(m))
	}
	return nil
}

// exchange keeps account of how long the instrument may be busy.
func (i *Instrument) exchange(ctx context.Context, request []byte, replies int,
	timeout time.Duration) ([][]byte, error) {
	began := time.Now()
	raw, err := i.link.Exchange(ctx, request, replies, timeout)
	if err != nil && !errors.Is(err, transport.ErrNotSent) {
		i.busy = began.Add(timeout)
	}
	return raw, err
}

// empty takes out all entries of the error queue.
func (i *Instrument) empty(ctx context.Context) (entries []Entry, err error) {
	for range longestQueue {
		raw, err := i.exchange(ctx, []byte(queueQuery+"\n"), 1, i.o.Answer)
		if err != nil {
			return entries, err
		}
		e, err := parseEntry(string(raw[0]))
		if err != nil {
			return entries, i.outOfStep(ctx, err)
		}
		if e.Code == 0 {
			return entries, nil
		}
		entries = append(entries, e)
	}
	return entries, i.failed(instrument.KindProtocol, fmt.Errorf("the error queue is not empty after %d entries, the "+
		"last is %v", longestQueue, entries[len(entries)-1]), "switch the instrument off and on")
}

func (i *Instrument) queueError(entries []Entry) error {
	return i.failed(instrument.KindInstrument, &QueueError{Entries: entries}, "")
}

func (i *Instrument) outOfStep(ctx context.Context, cause error) error {
	err := i.failed(instrument.KindProtocol, cause, "bytes were lost, or another program uses the same port; host and "+
		"instrument are brought into step before the next question")
	if failed := i.link.MarkDirty(context.WithoutCancel(ctx)); failed != nil {
		return errors.Join(err, failed)
	}
	return err
}

func (i *Instrument) take(ctx context.Context) error {
	if err := i.turn.Acquire(ctx, 1); err != nil {
		return i.failed(instrument.KindOf(err), err, "nothing was sent")
	}
	return nil
}

func (i *Instrument) give() { i.turn.Release(1) }

func (i *Instrument) failed(kind instrument.Kind, err error, advice string) error {
	return &instrument.Error{Op: i.o.Name, Channel: i.String(), Kind: kind, Err: err, Advice: advice}
}

package adg1438

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"periph.io/x/conn/v3"
	"periph.io/x/conn/v3/spi"

	"xlab/instrument"
)

// Options say what is at the other end of the SPI connection.
type Options struct {
	Chips  int          // number of chips in the chain = number of lines
	Name   string       // the board's name in messages, "" if there is only one
	Logger *slog.Logger // nil = silent
}

// Chain is a switch board. It is safe for use by several goroutines; one
// routing is made after the other.
type Chain struct {
	conn  spi.Conn
	parks bool // conn can leave SYNC low
	chips int
	name  string
	log   *slog.Logger

	mu    sync.Mutex
	frame []byte // what is sent, reused
	first []byte // what came back the first time
	again []byte // what came back the second time
	want  []byte // what must come back the second time
	held  []byte // what the chips are known to hold, on the wire's order
	known bool   // held is valid

	packets [2]spi.Packet // reused
}

// keeper is a connection whose TxPackets does what periph says of KeepCS, also
// with the last packet. Few do, so it has to be said.
type keeper interface {
	KeepsCS() bool
}

// restarter is a connection through an adapter that can be set up anew before
// its next transfer. A mismatch may be the adapter's: a setting that was
// changed on its way is acknowledged like the right one.
type restarter interface {
	Restart()
}

var (
	_ instrument.Router = (*Chain)(nil)
	_ instrument.Safer  = (*Chain)(nil)
)

// New makes a driver for the chain at conn, which must be in SPI mode 1 with
// words of 8 bits, as Connect makes it. New touches nothing: the chips keep
// what they hold until the first Route or Safe.
func New(conn spi.Conn, o Options) *Chain {
	log := cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	n := max(o.Chips, 0)
	k, ok := conn.(keeper)
	return &Chain{
		conn: conn, parks: ok && k.KeepsCS(), chips: n, name: o.Name, log: log,
		frame: make([]byte, 0, n+1), first: make([]byte, n+1), again: make([]byte, n+1),
		want: make([]byte, 0, n+1), held: make([]byte, n),
	}
}

// Lines is the number of lines of the board, which is that of its chips.
func (c *Chain) Lines() int { return c.chips }

// Route connects every line to the bus given, or to none, all at one moment,
// and verifies it by reading the chain back (see the package comment). lines
// must have one entry per line of the board.
//
// Two buses on one line are KindRouting and a wrong number of lines is
// KindUsage, both before a byte is sent. A chain that does not give back what
// was sent is KindChain with a *Mismatch; opening all switches has then been
// tried once, and the error says with what success. An error of the
// connection keeps its kind; what the switches do is then unknown.
//
// A context that has ended is obeyed before the first frame and not between
// the two: a routing is made and verified or it is not made. The connection's
// own deadline bounds the time.
func (c *Chain) Route(ctx context.Context, lines []instrument.Switches) error {
	const op = "adg1438 route"
	if err := c.check(op, lines); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return c.fail(op, "", instrument.KindCancelled, fmt.Errorf("no frame was sent: %w", err), "")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frame = encode(c.frame[:0], lines)
	if err := c.transmit(c.parks); err != nil {
		var mismatch *Mismatch
		if errors.As(err, &mismatch) {
			return c.giveUp(op, mismatch)
		}
		return c.fail(op, "", linkKind(err), err, "")
	}
	if c.log.Enabled(ctx, slog.LevelDebug) {
		c.log.DebugContext(ctx, "routed", "board", c.name, "frame", fmt.Sprintf("% x", c.frame))
	}
	return nil
}

// Safe opens all switches and verifies it, and leaves SYNC high, so that nothing
// that befalls the registers later can reach a switch. It is tried whatever happened
// before and even when ctx has ended, because the time it takes is bounded by
// the connection's deadline; after a failure it is tried a second time, with
// the adapter, if there is one, set up anew.
func (c *Chain) Safe(context.Context) error {
	const op = "adg1438 safe"
	if err := c.usable(op); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.open()
	if err == nil {
		return nil
	}
	c.log.Warn("opening all switches failed and is tried again", "board", c.name, "error", err)
	c.restart()
	if err = c.open(); err == nil {
		return nil
	}
	return c.unopened(op, err, fmt.Errorf("tried twice: %w", err))
}

// unopened is the error of switches that could not be opened, in the words of said.
func (c *Chain) unopened(op string, err, said error) error {
	var mismatch *Mismatch
	if errors.As(err, &mismatch) {
		return c.fail(op, mismatch.place(), instrument.KindChain, said, mismatch.Cause+"; "+powerOff)
	}
	return c.fail(op, "", linkKind(err), said, powerOff)
}

// powerOff is what is left to do when software cannot open the switches.
const powerOff = "take the analyzer's outputs to 0 V and switch off the board's supplies before touching anything"

// giveUp opens all switches after a mismatch and completes the error with it.
func (c *Chain) giveUp(op string, mismatch *Mismatch) error {
	c.log.Warn("the switch chain's read-back differs; opening all switches", "board", c.name, "error", mismatch)
	c.restart()
	if err := c.open(); err != nil {
		cause := fmt.Errorf("%w; opening all switches failed too (%w)", mismatch, err)
		return c.fail(op, mismatch.place(), instrument.KindChain, cause, mismatch.Cause+"; "+powerOff)
	}
	return c.fail(op, mismatch.place(), instrument.KindChain, mismatch,
		mismatch.Cause+"; all switches were opened and read back as open")
}

func (c *Chain) restart() {
	if r, ok := c.conn.(restarter); ok {
		r.Restart()
	}
}

// open opens all switches and leaves SYNC high. That they had changed by
// themselves before does not matter here. c.mu is held.
func (c *Chain) open() error {
	c.frame = encode(c.frame[:0], make([]instrument.Switches, c.chips))
	err := c.transmit(false)
	var mismatch *Mismatch
	if errors.As(err, &mismatch) && mismatch.Lost {
		c.log.Warn("the switches had changed by themselves before they were opened", "board", c.name, "cause", mismatch.Cause)
		return nil
	}
	return err
}

// transmit sends c.frame twice and compares what comes back. With park SYNC stays
// low after the second time, which only a connection that parks can do. Its error
// is a *Mismatch or the connection's. c.mu is held.
func (c *Chain) transmit(park bool) error {
	size := len(c.frame)
	first, again := c.first[:size], c.again[:size]
	before := c.held
	if !c.known {
		before = nil
	}
	c.known = false
	if err := c.exchange(first, again, park); err != nil {
		return err
	}
	c.expect()
	m := compare(c.chips, c.frame, first, again, c.want, before)
	if m == nil || m.Lost {
		copy(c.held, c.frame[size-c.chips:])
		c.known = true
	}
	if m != nil { // not returned as it is: a nil *Mismatch is not a nil error
		return m
	}
	return nil
}

// exchange sends c.frame twice, in one transfer where the connection takes
// packets as periph describes them.
func (c *Chain) exchange(first, again []byte, park bool) error {
	if c.parks {
		c.packets = [2]spi.Packet{{W: c.frame, R: first}, {W: c.frame, R: again, KeepCS: park}}
		return c.conn.TxPackets(c.packets[:])
	}
	if err := c.conn.Tx(c.frame, first); err != nil {
		return err
	}
	return c.conn.Tx(c.frame, again)
}

// linkKind is the kind of a connection's error; a port that is not of xlab has
// none to tell.
func linkKind(err error) instrument.Kind {
	return cmp.Or(instrument.KindOf(err), instrument.KindUnreachable)
}

// usable refuses a chain or a connection on which nothing can be verified.
func (c *Chain) usable(op string) error {
	if c.chips < 1 {
		return c.fail(op, "", instrument.KindUsage, errors.New("the board was configured with no chips"),
			"give the number of chips of the chain, one per line of the array")
	}
	if c.conn.Duplex() == conn.Half {
		return c.fail(op, "", instrument.KindUsage, fmt.Errorf("%s is half duplex, so the chain cannot be read back", c.conn),
			"wire MISO to the last chip's SDO and use a full-duplex port")
	}
	if l, ok := c.conn.(conn.Limits); ok {
		need := c.chips + 1
		if c.parks {
			need *= 2
		}
		if most := l.MaxTxSize(); most > 0 && most < need {
			return c.fail(op, "", instrument.KindUsage,
				fmt.Errorf("a chain of %d chips needs %d bytes in one transfer, and %s takes at most %d; sent in parts, they "+
					"would switch after each part", c.chips, need, c.conn, most),
				"raise the port's transfer size (spidev: module parameter bufsiz) or use another port")
		}
	}
	return nil
}

func (c *Chain) fail(op, channel string, kind instrument.Kind, err error, advice string) error {
	if c.name != "" {
		op += " " + c.name
	}
	return &instrument.Error{Op: op, Channel: channel, Kind: kind, Err: err, Advice: advice}
}

package buspirate

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"xlab/instrument"
)

// Link is the byte connection to the box, as driver/transport opens it. A Read
// that is late must return an error that is os.ErrDeadlineExceeded. A link that
// has Pending() int, the number of bytes that have arrived and have not been read,
// is asked it before each transfer: bytes that nobody asked for would be taken
// for the next answer.
type Link interface {
	io.ReadWriteCloser
	SetDeadline(time.Time) error
}

// Options say how the box's pins are used. The zero value is a push-pull
// output at 3.3 V without the box's own supplies, which is what the switch
// board wants.
type Options struct {
	// OpenDrain lets the outputs only pull low, for a board whose logic does
	// not run on 3.3 V. It needs pull-ups on MOSI, the clock and CS.
	OpenDrain bool
	// PullUps switches on the box's own 10 kΩ pull-ups to its Vpu pin.
	PullUps bool
	// Power switches on the box's 3.3 V and 5 V supplies. A board with its own
	// supplies must leave it off.
	Power bool
	// Timeout bounds one exchange, to which half a millisecond per byte is
	// added. 0 = 1 s.
	Timeout time.Duration
	// Quiet is how long the box is given to answer the first zero before it is
	// taken to be in its user terminal, which does not answer. 0 = 25 ms, a
	// little more than an FTDI's latency timer. A wrong guess costs time only.
	Quiet time.Duration
	// Reopen opens the link to the box again, within the time given: after it
	// was lost, and when the box gives no answer although the link is there. It
	// is tried once whenever the box has to be found anew; the old link is
	// closed before. nil leaves a lost link lost.
	Reopen func(within time.Duration) (Link, error)
	// Logger gets what a person should know about the link. nil = silent.
	Logger *slog.Logger
}

// Port is the box. It is safe for use by several goroutines.
type Port struct {
	link Link
	name string // of the box and its first link
	o    Options
	log  *slog.Logger

	mu        sync.Mutex
	connected bool
	closed    bool
	device    physic.Frequency // what the device takes at most, 0 = anything
	limit     physic.Frequency // what the wires take at most, 0 = anything
	speed     int              // index into speeds
	mode      spi.Mode
	ready     bool // the box is in SPI mode, configured, and at the start of a command
	selected  bool // CS is low
	lost      bool // the link is gone
	out, in   []byte
}

var _ spi.PortCloser = (*Port)(nil)

// New makes a port of the box at link and takes the link over: closing the
// port closes it. New touches nothing; Connect does.
func New(link Link, o Options) *Port {
	if o.Timeout <= 0 {
		o.Timeout = time.Second
	}
	if o.Quiet <= 0 {
		o.Quiet = 25 * time.Millisecond
	}
	log := cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	name := "Bus Pirate"
	if s, ok := link.(fmt.Stringer); ok {
		name += " at " + s.String()
	}
	return &Port{link: link, name: name, o: o, log: log}
}

// String names the box and, if the link has a name, where it is.
func (p *Port) String() string { return p.name }

// Connect brings the box into SPI mode, from whatever state it is in, with the
// fastest of its clocks that is not above f nor the limit of LimitSpeed (0 =
// no limit). All four modes are possible, of the flags of periph none, and
// only words of 8 bits. It must be called once. It blocks until the box has
// answered or a few timeouts have passed.
func (p *Port) Connect(f physic.Frequency, mode spi.Mode, bits int) (spi.Conn, error) {
	const op = "buspirate connect"
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return nil, p.fail(op, instrument.KindUsage, errClosed, "")
	case p.connected:
		return nil, p.fail(op, instrument.KindUsage, errors.New("the port is connected already"),
			"an SPI port has one device; call Connect once")
	case mode&^spi.Mode3 != 0:
		return nil, p.fail(op, instrument.KindUsage, fmt.Errorf("mode %s is not possible", mode),
			"the box has modes 0 to 3, full duplex, with chip select, most significant bit first")
	case bits != 8:
		return nil, p.fail(op, instrument.KindUsage, fmt.Errorf("words of %d bits are not possible", bits),
			"the box has words of 8 bits")
	}
	speed, err := choose(f, p.limit)
	if err != nil {
		return nil, p.fail(op, instrument.KindUsage, err, "")
	}
	p.device, p.mode, p.speed = f, mode, speed
	if err := p.enter(op); err != nil {
		return nil, err
	}
	p.connected = true
	p.log.Info("Bus Pirate in SPI mode", "port", p.String(), "clock", speeds[p.speed].String(), "mode", mode.String())
	return &Conn{p}, nil
}

// LimitSpeed lowers the fastest clock. It takes effect with the next transfer.
func (p *Port) LimitSpeed(f physic.Frequency) error {
	const op = "buspirate limit speed"
	p.mu.Lock()
	defer p.mu.Unlock()
	if f <= 0 {
		return p.fail(op, instrument.KindUsage, fmt.Errorf("the SPI clock is %s and must be above 0", f), "")
	}
	speed, err := choose(p.device, f)
	if err != nil {
		return p.fail(op, instrument.KindUsage, err, "")
	}
	p.limit = f
	if p.connected && speed != p.speed {
		p.speed, p.ready = speed, false
	}
	return nil
}

// Close leads the box back to its user terminal and closes the link. The
// chips keep what they hold: make the board safe before. An error of the way
// back does not keep the link from being closed; both are returned. Closing
// again does nothing.
func (p *Port) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	var left error
	if p.connected {
		left = p.leave("buspirate close")
	}
	if err := p.link.Close(); err != nil {
		return errors.Join(left, p.fail("buspirate close", instrument.KindUnreachable, err, ""))
	}
	return left
}

var errClosed = errors.New("the port is closed")

func (p *Port) fail(op string, kind instrument.Kind, err error, advice string) error {
	return &instrument.Error{Op: op, Channel: p.String(), Kind: kind, Err: err, Advice: advice}
}

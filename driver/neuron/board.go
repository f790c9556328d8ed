package neuron

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"time"

	"golang.org/x/sync/semaphore"

	"xlab/driver/scpi"
	"xlab/driver/transport"
	"xlab/instrument"
)

// What the board can do (hwdocs/neuron.md).
const (
	maxAverage   = 1024
	maxFrames    = 1024  // that the pattern memory holds
	maxLine      = 8192  // characters of one line to the board, its end among them to be sure
	maxSettle    = 10000 // µs
	sampleTime   = 1500 * time.Nanosecond
	outputsRange = 10.24 // V, of the converter, either sign
	hiddenRange  = 0.256 // V
)

// conditionQuery asks for the condition register of the last conversion.
const conditionQuery = "STAT:QUES:COND?"

// Bits of the condition register.
const (
	conditionRail      = 1 << iota // an output neuron at its rail
	conditionOverRange             // the converter over its range
	conditionChain                 // the chain at the pattern port did not read back
	conditionKnown     = conditionRail | conditionOverRange | conditionChain
)

// Options say which board is expected and how it is to measure.
type Options struct {
	Hidden, Outputs int                // number of neurons by the wiring map, both above 0
	Serial          string             // serial number by the wiring map; "" = any
	Average         int                // samples per value, 1 to 1024; 0 = 16
	Settle          instrument.Seconds // from a frame to the conversion in a burst, whole µs, 1 µs to 10 ms; 0 = 5 µs
	Margin          time.Duration      // how much longer than the board needs an answer may take; 0 = 2 s
	Retries         int                // how often a reading that gets no answer, or a garbled one, is repeated; 0 = not
	// Reopen opens the connection again after it was lost; nil leaves it lost.
	Reopen func(ctx context.Context) (transport.Conn, error)
	Logger *slog.Logger // is told of outputs at their rails; nil = nobody
}

// Board is one neuron board. It is safe for concurrent use; one measurement is
// made after the other.
type Board struct {
	box    *scpi.Instrument
	o      Options
	turn   *semaphore.Weighted // taken while the board is in use
	opened bool
	railed bool

	trimmed   bool // by this driver, since the board was switched on
	restarted bool // the board was switched off and on since it was opened, trimmed or checked
}

var (
	_ instrument.Neurons    = (*Board)(nil)
	_ instrument.Trimmer    = (*Board)(nil)
	_ instrument.Burster    = (*Board)(nil)
	_ instrument.Identifier = (*Board)(nil)
)

// New makes a driver for the board at conn, which the driver owns from then on.
// It touches nothing.
func New(conn transport.Conn, o Options) *Board {
	o.Average = cmp.Or(o.Average, 16)
	o.Settle = cmp.Or(o.Settle, 5e-6)
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	box := scpi.New(conn, scpi.Options{Name: "neuron", Answer: o.Margin, Reopen: o.Reopen, Logger: o.Logger})
	return &Board{box: box, o: o, turn: semaphore.NewWeighted(1)}
}

// Close closes the connection. What the board does is left as it is: its
// neurons drive nothing but what the switches connect to them.
func (b *Board) Close() error { return b.box.Close() }

// Neurons gives the number of hidden and of output neurons.
func (b *Board) Neurons() (hidden, outputs int) { return b.o.Hidden, b.o.Outputs }

// Open brings host and board into step, whatever an earlier program left on the
// line, and checks that it is the board of the options. Trims are kept. After
// an error it may be called again.
func (b *Board) Open(ctx context.Context) error {
	if err := b.checkOptions(); err != nil {
		return b.failed("open", "", instrument.KindUsage, err, "nothing was sent")
	}
	if err := b.take(ctx, "open"); err != nil {
		return err
	}
	defer b.give()
	b.opened, b.restarted = false, false
	if _, err := b.box.Open(ctx); err != nil {
		return err
	}
	if _, err := b.identify(ctx, true); err != nil {
		return err
	}
	b.opened = true
	return nil
}

// Resume brings host and board into step after something went wrong, over a new
// connection if the present one was lost, and checks that it still is the same
// board. What was lost with its supply is told by the next reading or by Check.
func (b *Board) Resume(ctx context.Context) error {
	const op = "resume"
	if err := b.begin(ctx, op); err != nil {
		return err
	}
	defer b.give()
	if err := b.box.Resynchronise(ctx); err != nil {
		return err
	}
	_, err := b.identify(ctx, true)
	return err
}

// Reopen has the next question open the connection again, although it is not
// known to be lost: for a board that hangs. It needs Options.Reopen.
func (b *Board) Reopen(ctx context.Context) error { return b.box.Reopen(ctx) }

// Check tells whether the board has had its supply all the time since it was
// opened, trimmed or checked last, whatever its line did: one that was switched
// off and on is an error of KindInstrument with instrument.ErrRestarted in its
// chain, told once. It is one short exchange, and belongs behind the readings
// that are to be relied on.
func (b *Board) Check(ctx context.Context) error {
	const op = "check"
	if err := b.begin(ctx, op); err != nil {
		return err
	}
	defer b.give()
	if err := b.box.Verify(ctx); err != nil {
		return err
	}
	if err := b.kept(ctx, op); err != nil {
		return err
	}
	if b.restarted {
		return b.gone(op)
	}
	return nil
}

func (b *Board) checkOptions() error {
	switch {
	case b.o.Hidden < 1 || b.o.Outputs < 1:
		return fmt.Errorf("the board is configured with %d hidden and %d output neurons and must have one of each at least",
			b.o.Hidden, b.o.Outputs)
	case b.o.Average < 1 || b.o.Average > maxAverage:
		return fmt.Errorf("the average is configured as %d samples and must be 1 to %d", b.o.Average, maxAverage)
	}
	_, err := b.settle()
	return err
}

// settle is the settling time in whole microseconds.
func (b *Board) settle() (int, error) {
	us := float64(b.o.Settle) * 1e6
	n := int(us + 0.5)
	if !(us >= 1 && us <= maxSettle) || us-float64(n) > 1e-6 || float64(n)-us > 1e-6 {
		return 0, fmt.Errorf("the settling time is configured as %s and must be 1 µs to 10 ms in steps of 1 µs",
			b.o.Settle.Exact())
	}
	return n, nil
}

// Identify says who answers. It needs no Open and refuses what is no neuron
// board of the expected size.
func (b *Board) Identify(ctx context.Context) (instrument.Identity, error) {
	if err := b.take(ctx, "identify"); err != nil {
		return instrument.Identity{}, err
	}
	defer b.give()
	return b.identify(ctx, false)
}

// model is how the board names itself: NEURON, hidden neurons, output neurons.
var model = regexp.MustCompile(`^NEURON-(\d+)-(\d+)$`)

// identify checks the number of neurons and, when opening, the serial number:
// with another board the wiring map is another one.
func (b *Board) identify(ctx context.Context, serial bool) (instrument.Identity, error) {
	answers, err := b.box.Converse(ctx, 0, 0, "*IDN?")
	if err != nil {
		return instrument.Identity{}, err
	}
	id, err := scpi.ParseIdentity(answers[0])
	if err != nil {
		return instrument.Identity{}, b.box.OutOfStep(ctx, err)
	}
	size := model.FindStringSubmatch(id.Model)
	switch {
	case size == nil:
		return instrument.Identity{}, b.failed("identify", "", instrument.KindIdentity,
			fmt.Errorf("%s %s answers, which is no neuron board", id.Vendor, id.Model),
			"check that neurons.address is the board's")
	case size[1] != strconv.Itoa(b.o.Hidden) || size[2] != strconv.Itoa(b.o.Outputs):
		return instrument.Identity{}, b.failed("identify", "", instrument.KindIdentity,
			fmt.Errorf("the board has %s hidden and %s output neurons, the wiring map %d and %d", size[1], size[2], b.o.Hidden,
				b.o.Outputs),
			"correct the wiring map, or connect the board it describes")
	case serial && b.o.Serial != "" && id.Serial != b.o.Serial:
		return instrument.Identity{}, b.failed("identify", "", instrument.KindIdentity,
			fmt.Errorf("board %s answers, the wiring map is that of board %s", id.Serial, b.o.Serial),
			"connect that board, or give the wiring map of this one")
	}
	return id, nil
}

// begin takes the turn on a board that has been opened.
func (b *Board) begin(ctx context.Context, op string) error {
	if err := b.take(ctx, op); err != nil {
		return err
	}
	if !b.opened {
		b.give()
		return b.failed(op, "", instrument.KindUsage, errors.New("the board has not been opened, or opening failed"),
			"open it; nothing was sent")
	}
	return nil
}

func (b *Board) take(ctx context.Context, op string) error {
	if err := b.turn.Acquire(ctx, 1); err != nil {
		return b.failed(op, "", instrument.KindOf(err), err, "nothing was sent")
	}
	return nil
}

func (b *Board) give() { b.turn.Release(1) }

// failed makes an error of an operation; channel is a neuron's label, "" for the
// whole board.
func (b *Board) failed(op, channel string, kind instrument.Kind, err error, advice string) error {
	return &instrument.Error{Op: "neuron " + op, Channel: cmp.Or(channel, b.box.String()), Kind: kind, Err: err,
		Advice: advice}
}

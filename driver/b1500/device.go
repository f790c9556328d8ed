package b1500

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"xlab/driver/flex"
	"xlab/instrument"
)

// Options say what the driver may do and with what.
type Options struct {
	Limits   instrument.Limits    // under every value sent; the zero value allows nothing
	Channels []instrument.Channel // SMUs in use, by slot; the others are never switched on
	// LineFrequency is the mains frequency in Hz that the analyzer is set to;
	// 0 means 50. It decides how long a power line cycle integrates.
	LineFrequency float64
	// FixedRanges names output ranges as fixed ones, in which the analyzer refuses
	// a level that does not fit instead of raising the range: one whose digits were
	// damaged on the way. That it does is to be confirmed, see hwdocs/b1500.md.
	FixedRanges bool
	// ReadTimeout is how long the GPIB adapter waits for one answer; 0 means
	// 3 s. Conversations are kept below it, longer steps are polled for.
	ReadTimeout time.Duration
	// Margin is added to what the instrument itself needs for a conversation:
	// the adapter's and the host's part. 0 means 5 s.
	Margin time.Duration
	// Hello is how long the analyzer may take to say who it is, before its
	// outputs are switched off unasked; 0 means 1.5 s, of which the adapter waits
	// for 1 s.
	Hello time.Duration
	// Claim is asked once the analyzer has said who it is, before its outputs are
	// touched: an error says that it is somebody else's, and it gets no further
	// byte. nil asks nobody.
	Claim func(ctx context.Context, i instrument.Identity) error
	// Quiet is for how long an analyzer that is taken over must have no error, while it
	// is asked nothing, before it counts as known: where one link may overtake another
	// (TCP), what a dead process had sent can come behind what this one sends.
	// 0 = the link keeps the order, and nothing more is asked.
	Quiet time.Duration
	// Leftover is told of what was met while taking over and led to another round.
	// nil tells nobody.
	Leftover func(met error)
	// Retries is how often a question that changes nothing (who it is, its clock,
	// its status) is asked again when the link fails; 0 means never. Steps are
	// never repeated here.
	Retries int
	Logger  *slog.Logger // nil discards
}

// state of the outputs as far as the driver knows.
type state int

const (
	untouched state = iota // never talked to
	closed                 // made safe: Run needs Open
	ready                  // drives at 0 V, output switches closed
	unknown                // an error left the outputs in an unknown state
	foreign                // another instrument answers, or it is somebody else's: it gets no byte but *IDN?
)

// Device is one analyzer. Its methods may be called from several goroutines;
// they take turns, and a method that waits for its turn gives up when its
// context ends.
type Device struct {
	bus      flex.Bus
	o        Options
	log      *slog.Logger
	turn     *semaphore.Weighted // whoever has taken it has the device
	state    state
	cause    error               // why the state is unknown, or foreign
	identity instrument.Identity // who answered when it was taken over
	said     string              // and in which words; "" before
	units    []flex.Unit
	settings *settings
	stamped  bool               // TSR was sent: the clock can be read
	base     instrument.Seconds // bench time at which the analyzer's time stamp was 0
	last     instrument.Seconds // bench time told last
}

var (
	_ instrument.Sequencer  = (*Device)(nil)
	_ instrument.Identifier = (*Device)(nil)
	_ instrument.Safer      = (*Device)(nil)
	_ instrument.Clock      = (*Device)(nil)
)

// New makes a device on a bus. It touches nothing: no byte is sent before
// TakeOver, Open or Identify.
func New(bus flex.Bus, o Options) *Device {
	o.LineFrequency = cmp.Or(o.LineFrequency, 50)
	o.ReadTimeout = cmp.Or(o.ReadTimeout, 3*time.Second)
	o.Margin = cmp.Or(o.Margin, 5*time.Second)
	o.Hello = cmp.Or(o.Hello, helloWait+500*time.Millisecond)
	log := cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	o.Channels = slices.Clone(o.Channels)
	return &Device{bus: bus, o: o, log: log, turn: semaphore.NewWeighted(1), settings: newSettings()}
}

// take waits for the turn, and refuses another instrument than the analyzer.
func (d *Device) take(ctx context.Context, op string) error {
	if err := d.acquire(ctx, op); err != nil {
		return err
	}
	if d.state != foreign {
		return nil
	}
	defer d.give()
	return &instrument.Error{Op: op, Kind: instrument.KindIdentity, Err: d.cause, Advice: "nothing was sent"}
}

// acquire waits for the turn.
func (d *Device) acquire(ctx context.Context, op string) error {
	if err := d.turn.Acquire(ctx, 1); err != nil {
		return &instrument.Error{Op: op, Kind: instrument.KindOf(err), Err: err, Advice: "nothing was sent"}
	}
	return nil
}

func (d *Device) give() { d.turn.Release(1) }

func (d *Device) patience(busy instrument.Seconds) time.Duration {
	return time.Duration(2*float64(busy)*float64(time.Second)) + d.o.Margin
}

// converse sends parts and checks that there is an answer to each question.
func (d *Device) converse(ctx context.Context, op string, busy instrument.Seconds,
	parts ...flex.Part) ([]string, error) {
	return d.converseWithin(ctx, op, d.patience(busy), parts...)
}

func (d *Device) converseWithin(ctx context.Context, op string, timeout time.Duration,
	parts ...flex.Part) ([]string, error) {
	replies, err := d.bus.Converse(ctx, timeout, parts...)
	if err != nil {
		return nil, linkError(op, err)
	}
	asked := 0
	for _, p := range parts {
		if p.Reply {
			asked++
		}
	}
	if len(replies) != asked {
		return nil, &instrument.Error{Op: op, Kind: instrument.KindProtocol,
			Err: fmt.Errorf("%d answers to %d questions", len(replies), asked)}
	}
	texts := make([]string, len(replies))
	for i, r := range replies {
		texts[i] = strings.TrimRight(string(r), "\r\n")
	}
	return texts, nil
}

// linkError places an error of the bus; a bus that does not say what happened
// counts as lost.
func linkError(op string, err error) error {
	return &instrument.Error{Op: op, Kind: cmp.Or(instrument.KindOf(err), instrument.KindUnreachable), Err: err}
}

func ask(command string) flex.Part  { return flex.Part{Command: command, Reply: true} }
func tell(command string) flex.Part { return flex.Part{Command: command} }

// Identify asks who the instrument is and what its slots hold. It changes
// nothing and works in every state.
func (d *Device) Identify(ctx context.Context) (instrument.Identity, error) {
	const op = "b1500 identify"
	if err := d.take(ctx, op); err != nil {
		return instrument.Identity{}, err
	}
	defer d.give()
	var identity instrument.Identity
	err := d.persist(ctx, op, func() error {
		replies, err := d.converse(ctx, op, 0, ask("*IDN?"), ask("UNT?"))
		if err != nil {
			return err
		}
		if identity, err = flex.ParseIdentity(replies[0]); err != nil {
			return err
		}
		units, err := flex.ParseUnits(replies[1])
		for _, u := range units {
			identity.Modules = append(identity.Modules, u.Model)
		}
		return err
	})
	return identity, err
}

// Open makes the analyzer ready: it clears the bus, checks that the configured
// channels are SMUs, empties the error queue, refuses an open interlock, resets,
// and closes the output switches at 0 V. It may be called in any state; unless
// the analyzer was just made safe, TakeOver comes first. A wrong instrument or
// module is an error of KindIdentity.
func (d *Device) Open(ctx context.Context) error {
	const op = "b1500 open"
	if err := d.acquire(ctx, op); err != nil {
		return err
	}
	defer d.give()
	return d.open(ctx, op)
}

func (d *Device) open(ctx context.Context, op string) error {
	if err := d.checkOptions(op); err != nil {
		return err
	}
	if d.state != closed {
		if err := d.takeOver(ctx, op); err != nil {
			return err
		}
	}
	if err := d.bus.Clear(ctx); err != nil {
		return linkError(op, err)
	}
	replies, err := d.converse(ctx, op, 0, ask("UNT?"))
	if err != nil {
		return err
	}
	units, err := flex.ParseUnits(replies[0])
	if err != nil {
		return err
	}
	if err := d.matches(op, units); err != nil {
		return err
	}
	// Entries from earlier work say nothing about ours.
	if _, err := d.drainQueue(ctx, op); err != nil {
		return err
	}
	status, err := d.bus.StatusByte(ctx)
	if err != nil {
		return linkError(op, err)
	}
	if status&flex.StatusInterlockOpen != 0 {
		return interlockOpen(op, nil)
	}

	// From here on the outputs are touched: only success makes them known.
	d.state, d.cause = unknown, errors.New("opening was not completed")
	d.settings, d.units = newSettings(), units
	channels := make([]string, len(d.o.Channels))
	for i, ch := range d.o.Channels {
		channels[i] = integer(ch)
	}
	parts := []flex.Part{tell("*RST"), tell("FMT 21,0"), tell(flex.Command("CN", channels...))}
	if d.stamped {
		parts = append(parts, ask("TSQ")) // the clock goes on, unless the power was off
	} else {
		parts = append(parts, tell("TSR"))
	}
	replies, err = d.converse(ctx, op, 0, append(parts, ask("ERRX?"))...)
	if err != nil {
		return d.lose(ctx, op, err)
	}
	if err := d.confirm(ctx, op, replies[len(replies)-1]); err != nil {
		return err
	}
	if d.stamped {
		if err := d.resume(op, replies[0]); err != nil {
			return d.lose(ctx, op, err)
		}
	}
	d.state, d.cause, d.stamped = ready, nil, true
	d.log.Info("analyzer open", "model", d.identity.Model, "firmware", d.identity.Firmware, "channels", d.o.Channels)
	return nil
}

func (d *Device) checkOptions(op string) error {
	bad := func(err error, advice string) error {
		return &instrument.Error{Op: op, Kind: instrument.KindUsage, Err: err, Advice: advice}
	}
	switch {
	case len(d.o.Channels) == 0:
		return bad(errors.New("no channels are configured"), "name the slots of the SMUs in use")
	case d.o.LineFrequency != 50 && d.o.LineFrequency != 60:
		return bad(fmt.Errorf("mains frequency of %g Hz", d.o.LineFrequency), "it is 50 or 60")
	case d.o.ReadTimeout < 0:
		return bad(fmt.Errorf("read time-out of %s", d.o.ReadTimeout), "give the adapter's")
	}
	for i, ch := range d.o.Channels {
		if slices.Contains(d.o.Channels[:i], ch) {
			return bad(fmt.Errorf("channel %d is configured twice", ch), "name each slot once")
		}
		if ch < 1 || ch > 10 {
			return bad(fmt.Errorf("channel %d", ch), "the analyzer's slots are 1 to 10")
		}
	}
	return nil
}

// matches refuses slots without an SMU.
func (d *Device) matches(op string, units []flex.Unit) error {
	for _, ch := range d.o.Channels {
		model := ""
		if int(ch) <= len(units) {
			model = units[ch-1].Model
		}
		if rangesOf(model) != nil {
			continue
		}
		has := "slot is empty"
		if model != "" {
			has = "slot holds " + model + ", which is not an SMU that the driver knows"
		}
		return &instrument.Error{Op: op, Channel: channelName(ch), Kind: instrument.KindIdentity, Err: errors.New(has),
			Advice: suitable(units)}
	}
	return nil
}

// suitable says which slots can be configured.
func suitable(units []flex.Unit) string {
	var slots []string
	for i, u := range units {
		if rangesOf(u.Model) != nil {
			slots = append(slots, strconv.Itoa(i+1))
		}
	}
	if slots == nil {
		return "the analyzer has no SMU that the driver knows"
	}
	return fmt.Sprintf("the SMUs of this analyzer are in slots %s; the wiring maps name those in use, under smu",
		strings.Join(slots, ", "))
}

// ranges of a channel; before Open those of the high-resolution unit.
func (d *Device) ranges(ch instrument.Channel) []sourceRange {
	if ch >= 1 && int(ch) <= len(d.units) {
		if r := rangesOf(d.units[ch-1].Model); r != nil {
			return r
		}
	}
	return rangesOf(modelHighResolution)
}

// Safe stops what runs, takes all outputs to 0 V and opens all output switches.
// It works in every state, unless TakeOver has found another instrument, and may
// be repeated. Give it a context of its own:
// the one that failed has often ended. Afterwards Open is needed.
func (d *Device) Safe(ctx context.Context) error {
	const op = "b1500 safe"
	if err := d.take(ctx, op); err != nil {
		return err
	}
	defer d.give()
	return d.safe(ctx, op)
}

func (d *Device) safe(ctx context.Context, op string) error {
	d.state, d.cause = unknown, errors.New("making safe was not completed")
	// The clear aborts a sweep under way. Where it fails the commands are
	// tried all the same: they are what counts.
	clearing := d.bus.Clear(ctx)
	parts := []flex.Part{tell("AB"), tell("DZ"), tell("CL"), ask("ERRX?")}
	for attempt := 1; ; attempt++ {
		replies, err := d.converse(ctx, op, 0, parts...)
		if err != nil {
			if clearing != nil {
				err = fmt.Errorf("%w, and before it the device clear: %w", err, clearing)
			}
			return &instrument.Error{Op: op, Kind: instrument.KindOf(err), Err: err,
				Advice: "the outputs could not be switched off from here: switch them off at the analyzer"}
		}
		entry, err := flex.ParseError(replies[0])
		if err != nil {
			return err
		}
		if entry == nil {
			d.state, d.cause = closed, nil
			d.settings = newSettings()
			return nil
		}
		if attempt == 2 {
			return &instrument.Error{Op: op, Kind: entry.Kind(), Err: entry,
				Advice: "the outputs may still be on: switch them off at the analyzer"}
		}
		// The entry may be one from before. Only a second go tells.
		d.log.Warn("analyzer error while making safe", "error", entry)
		if _, err := d.drainQueue(ctx, op); err != nil {
			return err
		}
		parts = parts[1:]
	}
}

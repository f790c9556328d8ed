package blueprint

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"xlab/instrument"
)

// Link is what the driver needs of a connection: the whole request in one
// write, and that many answer lines. A *transport.Link is one. The driver takes
// the smallest interface that does, so that a test can hand it anything.
type Link interface {
	Exchange(ctx context.Context, request []byte, replies int, timeout time.Duration) ([][]byte, error)
}

// Options come in one struct, so that a new one breaks no caller. The zero
// value of the limits allows nothing.
type Options struct {
	Limits instrument.Limits
	// Margin is added to what the box itself needs for an exchange; 0 means 2 s.
	Margin time.Duration
	// Claim is asked once the box has said who it is, before its outputs are
	// touched: an error says that it is somebody else's, and it gets no further
	// byte. nil asks nobody.
	Claim  func(ctx context.Context, i instrument.Identity) error
	Logger *slog.Logger // nil discards
}

// Device is one SM1. It does not own its link: whoever opened that closes it.
type Device struct {
	link    Link
	o       Options
	turn    chan struct{} // holds one token: a mutex whose waiting ends with the context
	ready   bool          // opened, and nothing has gone wrong since
	foreign bool          // another instrument answers, or it is somebody else's: it gets no byte but *IDN?
	cause   error         // why it is not ready, or foreign
}

// The compiler checks that the driver has what it says it has.
var (
	_ instrument.Sequencer  = (*Device)(nil)
	_ instrument.Identifier = (*Device)(nil)
	_ instrument.Safer      = (*Device)(nil)
	_ instrument.Clock      = (*Device)(nil)
)

// New touches nothing. Input and output begin with Open, which can fail and has
// a context; a constructor that does them surprises its caller. A device without
// a link can do what needs none: Cost.
func New(link Link, o Options) *Device {
	if o.Margin == 0 {
		o.Margin = 2 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	d := &Device{link: link, o: o, turn: make(chan struct{}, 1), cause: errors.New("it has not been opened")}
	d.turn <- struct{}{}
	return d
}

// take waits for the device, and refuses another instrument than the SM1.
func (d *Device) take(ctx context.Context) error {
	if err := d.acquire(ctx); err != nil || !d.foreign {
		return err
	}
	defer d.give()
	return &instrument.Error{Op: "blueprint", Kind: instrument.KindIdentity, Err: d.cause, Advice: "nothing was sent"}
}

// acquire waits for the device. A context that has ended wins over a free device:
// a caller that gave up must not cause a single byte.
func (d *Device) acquire(ctx context.Context) error {
	if ctx.Err() == nil {
		select {
		case <-d.turn:
			return nil
		case <-ctx.Done():
		}
	}
	return &instrument.Error{Op: "blueprint", Kind: instrument.KindOf(ctx.Err()), Err: ctx.Err()}
}

func (d *Device) give() { d.turn <- struct{}{} }

// exchange sends all lines in one write and gives all answers. The time that
// the box itself needs is part of how long it may take.
func (d *Device) exchange(ctx context.Context, busy instrument.Seconds, lines ...line) ([]string, error) {
	var request []byte
	for _, l := range lines {
		request = append(append(request, l.text...), '\n')
	}
	timeout := d.o.Margin + time.Duration(2*float64(busy)*float64(time.Second))
	answers, err := d.link.Exchange(ctx, request, len(lines), timeout)
	if err != nil {
		kind := instrument.KindOf(err)
		if kind == instrument.KindUnknown {
			kind = instrument.KindUnreachable
		}
		return nil, &instrument.Error{Op: "blueprint", Kind: kind, Err: err}
	}
	if len(answers) != len(lines) {
		return nil, garbled(fmt.Sprint(len(answers), " answers"), fmt.Sprint(len(lines)))
	}
	texts := make([]string, len(answers))
	for i, a := range answers {
		texts[i] = string(a)
		// The box answers a line that it refuses as well as one that it obeys,
		// so the answers stay in step. The first refusal is the cause.
		if err := refusal(texts[i]); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

// TakeOver makes a box safe of which nothing is known: another process may have
// been killed with voltage at its outputs, and another instrument may sit at the
// port. Another instrument, or one that Claim refuses, gets no further byte. The
// right one, and one that says nothing of use, is switched off. It is safe to
// repeat. Afterwards Open is needed.
func (d *Device) TakeOver(ctx context.Context) error {
	if err := d.acquire(ctx); err != nil {
		return err
	}
	defer d.give()
	return d.takeOver(ctx)
}

func (d *Device) takeOver(ctx context.Context) error {
	d.ready, d.foreign, d.cause = false, false, errors.New("taking over was not completed")
	err := d.hello(ctx)
	if d.foreign || ctx.Err() != nil {
		return err
	}
	if off := d.off(ctx); off != nil || err == nil {
		return off
	}
	return d.hello(ctx)
}

// hello asks who is there.
func (d *Device) hello(ctx context.Context) error {
	id, err := d.identify(ctx)
	switch {
	case err != nil:
		return err
	case id.Model != "SM1":
		err = &instrument.Error{Op: "blueprint", Kind: instrument.KindIdentity,
			Err: fmt.Errorf("%s %s answers, not an SM1", id.Vendor, id.Model), Advice: "check the port"}
	case d.o.Claim != nil:
		err = d.o.Claim(ctx, id)
	}
	if err != nil {
		d.foreign, d.cause = true, err
	}
	return err
}

// Open takes the box over and connects the channels at 0 V. After an error it
// may be called again.
func (d *Device) Open(ctx context.Context) error {
	if err := d.acquire(ctx); err != nil {
		return err
	}
	defer d.give()
	if err := d.takeOver(ctx); err != nil {
		return err
	}
	if err := d.obeyed(ctx, "ON"); err != nil {
		return d.lose(err)
	}
	d.ready, d.cause = true, nil
	d.o.Logger.Info("SM1 open")
	return nil
}

// Check asks whether the box still is as Open left it, and forces nothing. It is
// meant to come before stress: a box that was switched off and on is found out
// before a pulse is lost.
func (d *Device) Check(ctx context.Context) error {
	if err := d.take(ctx); err != nil {
		return err
	}
	defer d.give()
	if err := d.usable(); err != nil {
		return err
	}
	answers, err := d.exchange(ctx, 0, line{text: "STAT?"})
	if err != nil {
		return d.lose(err)
	}
	switch answers[0] {
	case "1":
		return nil
	case "0":
		return d.lose(&instrument.Error{Op: "blueprint check", Kind: instrument.KindInstrument,
			Err:    errors.New("the channels of the SM1 are not connected"),
			Advice: "it was switched off and on, or somebody else uses it; look at it, then start again"})
	case "2", "3":
		return d.lose(&instrument.Error{Op: "blueprint check", Kind: instrument.KindInterlock,
			Err: errors.New("the interlock is open"), Advice: "close the lid and start again"})
	}
	return d.lose(garbled(answers[0], "a status from 0 to 3"))
}

func (d *Device) obeyed(ctx context.Context, command string) error {
	answers, err := d.exchange(ctx, 0, line{text: command})
	if err != nil {
		return err
	}
	return parseOK(answers[0])
}

// Identify works in every state and changes nothing.
func (d *Device) Identify(ctx context.Context) (instrument.Identity, error) {
	if err := d.take(ctx); err != nil {
		return instrument.Identity{}, err
	}
	defer d.give()
	return d.identify(ctx)
}

func (d *Device) identify(ctx context.Context) (instrument.Identity, error) {
	answers, err := d.exchange(ctx, 0, line{text: "*IDN?"})
	if err != nil {
		return instrument.Identity{}, err
	}
	return parseIdentity(answers[0])
}

// Run performs the steps in one exchange. See instrument.Sequencer for what it
// promises; each of the three paragraphs below keeps one of the promises.
func (d *Device) Run(ctx context.Context, steps ...instrument.Step) ([]instrument.Result, error) {
	if len(steps) == 0 {
		return nil, nil
	}
	if err := d.take(ctx); err != nil {
		return nil, err
	}
	defer d.give()

	// Nothing is sent when any step is out of limits: all are checked first.
	scripts, busy, err := checkAll(d.o.Limits, steps)
	if err != nil {
		return nil, err
	}
	if err := d.usable(); err != nil {
		return nil, err
	}
	var lines []line
	for _, s := range scripts {
		lines = append(lines, s.lines...)
	}

	// On an error the outputs' state is unknown: the driver refuses to go on
	// until somebody has made it safe and opened it again.
	answers, err := d.exchange(ctx, busy, lines...)
	if err != nil {
		return nil, d.lose(err)
	}

	// Results are in the order of the steps, readings in the order of Measure.
	results := make([]instrument.Result, len(scripts))
	for i, s := range scripts {
		point := instrument.Point{Readings: []instrument.Reading{}}
		for _, l := range s.lines {
			answer := answers[0]
			answers = answers[1:]
			if !l.readings {
				if err := parseOK(answer); err != nil {
					return nil, d.lose(err)
				}
				continue
			}
			all, err := parseReadings(answer)
			if err != nil {
				return nil, d.lose(err)
			}
			for _, ch := range s.measure {
				point.Readings = append(point.Readings, all[ch-1])
			}
		}
		results[i] = instrument.Result{Points: []instrument.Point{point}, Busy: s.busy}
	}
	return results, nil
}

func (d *Device) lose(err error) error {
	d.ready, d.cause = false, err
	return err
}

// usable refuses a device that Open has not made ready.
func (d *Device) usable() error {
	if d.ready {
		return nil
	}
	return &instrument.Error{Op: "blueprint", Kind: instrument.KindUsage,
		Err:    fmt.Errorf("the SM1 is not ready: %w", d.cause),
		Advice: "make it safe and open it; nothing was sent"}
}

// Cost checks the steps as Run does and gives the time that the box itself needs
// for them. It sends nothing, needs neither Open nor a link, and does not wait.
func (d *Device) Cost(steps ...instrument.Step) (instrument.Seconds, error) {
	_, busy, err := checkAll(d.o.Limits, steps)
	return busy, err
}

// Safe takes all channels to 0 V and disconnects them. It needs no Open, may be
// repeated, and works after an error, unless another instrument was found; a
// caller whose own context has ended gives it a fresh one. Open is needed
// afterwards.
func (d *Device) Safe(ctx context.Context) error {
	if err := d.take(ctx); err != nil {
		return err
	}
	defer d.give()
	return d.off(ctx)
}

func (d *Device) off(ctx context.Context) error {
	d.ready, d.cause = false, errors.New("the outputs are switched off")
	if err := d.obeyed(ctx, "OFF"); err != nil {
		d.cause = err
		return &instrument.Error{Op: "blueprint safe", Kind: instrument.KindOf(err), Err: err,
			Advice: "the outputs may still be on: switch them off at the SM1"}
	}
	return nil
}

// BenchTime is the box's own clock.
func (d *Device) BenchTime(ctx context.Context) (instrument.Seconds, error) {
	if err := d.take(ctx); err != nil {
		return 0, err
	}
	defer d.give()
	answers, err := d.exchange(ctx, 0, line{text: "TIME?"})
	if err != nil {
		return 0, err
	}
	t, err := parseNumber(answers[0])
	return instrument.Seconds(t), err
}

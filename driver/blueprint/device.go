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
	Logger *slog.Logger // nil discards
}

// Device is one SM1. It does not own its link: whoever opened that closes it.
type Device struct {
	link   Link
	limits instrument.Limits
	log    *slog.Logger
	turn   chan struct{} // holds one token: a mutex whose waiting ends with the context
	ready  bool          // opened, and nothing has gone wrong since
	cause  error         // what went wrong, if anything
}

// The compiler checks that the driver has what it says it has.
var (
	_ instrument.Sequencer  = (*Device)(nil)
	_ instrument.Identifier = (*Device)(nil)
	_ instrument.Safer      = (*Device)(nil)
	_ instrument.Clock      = (*Device)(nil)
)

// New touches nothing. Input and output begin with Open, which can fail and has
// a context; a constructor that does them surprises its caller.
func New(link Link, o Options) *Device {
	log := o.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	d := &Device{link: link, limits: o.Limits, log: log, turn: make(chan struct{}, 1)}
	d.turn <- struct{}{}
	return d
}

// take waits for the device. A context that has ended wins over a free device:
// a caller that gave up must not cause a single byte.
func (d *Device) take(ctx context.Context) error {
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
	timeout := 2*time.Second + time.Duration(2*float64(busy)*float64(time.Second))
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

// Open checks who answers before anything is changed, and connects the channels
// at 0 V. After an error it may be called again.
func (d *Device) Open(ctx context.Context) error {
	if err := d.take(ctx); err != nil {
		return err
	}
	defer d.give()
	d.ready, d.cause = false, errors.New("opening was not completed")
	id, err := d.identify(ctx)
	if err != nil {
		return err
	}
	if id.Model != "SM1" {
		return &instrument.Error{Op: "blueprint open", Kind: instrument.KindIdentity,
			Err: fmt.Errorf("%s %s answers, not an SM1", id.Vendor, id.Model), Advice: "check the port"}
	}
	for _, command := range []string{"OFF", "ON"} { // OFF first: whatever was set before is gone
		if err := d.obeyed(ctx, command); err != nil {
			return err
		}
	}
	d.ready, d.cause = true, nil
	d.log.Info("SM1 open", "serial", id.Serial)
	return nil
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
	scripts := make([]script, len(steps))
	var lines []line
	busy := instrument.Seconds(0)
	for i, step := range steps {
		var err error
		if scripts[i], err = check(d.limits, step); err != nil {
			return nil, err
		}
		lines = append(lines, scripts[i].lines...)
		busy += scripts[i].busy
	}
	if !d.ready {
		cause := d.cause
		if cause == nil {
			cause = errors.New("it has not been opened")
		}
		return nil, &instrument.Error{Op: "blueprint run", Kind: instrument.KindUsage,
			Err:    fmt.Errorf("the SM1 is not ready: %w", cause),
			Advice: "make it safe and open it; nothing was sent"}
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

// Safe takes all channels to 0 V and disconnects them. It needs no Open, may be
// repeated, and works after an error; a caller whose own context has ended
// gives it a fresh one. Open is needed afterwards.
func (d *Device) Safe(ctx context.Context) error {
	if err := d.take(ctx); err != nil {
		return err
	}
	defer d.give()
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

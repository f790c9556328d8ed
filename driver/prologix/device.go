package prologix

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"xlab/instrument"
)

// Part is one piece of a conversation: a message to the instrument, without its
// line end, and whether an answer is read after it. An empty Command sends
// nothing and reads an answer that is already on its way. Within is how long the
// adapter waits for this answer, in whole milliseconds; 0 = Options.ReadTimeout.
// It is an alias, so that a package which names the same type can take a Device
// without knowing this one.
type Part = struct {
	Command string
	Reply   bool
	Within  time.Duration
}

// Device is one instrument behind an adapter. It is safe for concurrent use.
type Device struct {
	adapter *Adapter
	address int
}

// Device returns the instrument at a GPIB address, 0 to 30; any other address is
// refused by the methods. Nothing is sent.
func (a *Adapter) Device(address int) *Device { return &Device{adapter: a, address: address} }

// String is the place of the instrument: "GPIB 17 at serial:/dev/ttyUSB0".
func (d *Device) String() string { return d.channel() + " at " + d.adapter.String() }

func (d *Device) channel() string { return "GPIB " + strconv.Itoa(d.address) }

// Converse sends all parts in one write (with Options.Stepwise: up to one answer
// at a time) and returns the answers of those with Reply set, in order, without
// CR LF. Nobody else uses the adapter in between. All must be over within timeout,
// which must be above 0; a resynchronisation that an earlier failure made
// necessary comes before and does not count. It blocks until the last answer
// is there, and returns at once when ctx ends.
//
// Errors are *instrument.Error of kind timeout, cancelled, unreachable, protocol
// or usage. None of the answers is returned then, since nobody knows which is
// missing. errors.Is(err, instrument.ErrNotSent) tells that nothing left;
// otherwise what the instrument did is not known.
func (d *Device) Converse(ctx context.Context, timeout time.Duration, parts ...Part) ([][]byte, error) {
	const op = "prologix converse"
	a := d.adapter
	if err := d.begin(ctx, op, errors.Join(d.checkAddress(), a.checkParts(parts), checkTimeout(timeout))); err != nil {
		return nil, err
	}
	defer a.release()
	request := fmt.Appendf(nil, "++addr %d\n", d.address)
	var answers [][]byte
	asked := 0
	end := time.Now().Add(timeout)
	begun := false // something of the conversation has been sent
	send := func() error {
		got, err := a.exchange(ctx, d.address, request, asked, asked, timeout)
		if begun && errors.Is(err, instrument.ErrNotSent) {
			// The chain ends here: it would say of the whole that nothing left.
			err = &instrument.Error{Op: "prologix adapter", Kind: instrument.KindOf(err),
				Err: fmt.Errorf("after the conversation was begun: %v", err)}
		}
		begun = true
		answers = append(answers, got...)
		request, asked = request[:0], 0
		return err
	}
	for i, part := range parts {
		request = a.appendMessage(request, part)
		if part.Reply {
			asked++
		}
		if !a.o.Stepwise || !part.Reply || i == len(parts)-1 {
			continue
		}
		if err := send(); err != nil {
			return nil, placed(op, d.channel(), err)
		}
		if timeout = time.Until(end); timeout <= 0 {
			return nil, placed(op, d.channel(), &instrument.Error{Op: "prologix adapter", Kind: instrument.KindTimeout,
				Err: fmt.Errorf("time was over after %d of %d parts", i+1, len(parts))})
		}
	}
	if err := send(); err != nil {
		return nil, placed(op, d.channel(), err)
	}
	return answers, nil
}

// appendMessage appends the lines of one part.
func (a *Adapter) appendMessage(request []byte, part Part) []byte {
	if part.Command != "" {
		request = appendEscaped(request, part.Command)
		request = append(request, '\n')
	}
	switch {
	case part.Reply && part.Within > 0:
		// Meanwhile the adapter does nothing else: what is sent next would wait.
		request = append(appendReadTimeout(request, part.Within), "++read eoi\n"...)
		request = appendReadTimeout(request, a.o.ReadTimeout)
	case part.Reply:
		request = append(request, "++read eoi\n"...)
	}
	return request
}

func appendReadTimeout(b []byte, t time.Duration) []byte {
	return fmt.Appendf(b, "++read_tmo_ms %d\n", t.Milliseconds())
}

// appendEscaped appends a message in which CR, LF, ESC and + are preceded by
// ESC, which makes them data to the adapter.
func appendEscaped(b []byte, message string) []byte {
	for i := range len(message) {
		switch c := message[i]; c {
		case '\r', '\n', 0x1b, '+':
			b = append(b, 0x1b, c)
		default:
			b = append(b, c)
		}
	}
	return b
}

func (a *Adapter) checkParts(parts []Part) error {
	if len(parts) == 0 {
		return errors.New("the conversation has no parts")
	}
	for i, part := range parts {
		if part.Command == "" && !part.Reply {
			return fmt.Errorf("part %d neither sends nor reads", i+1)
		}
		if part.Within < 0 || part.Within > a.o.ReadTimeout || part.Within%time.Millisecond != 0 {
			return fmt.Errorf("part %d waits %v for its answer and must wait whole milliseconds, at most %v",
				i+1, part.Within, a.o.ReadTimeout)
		}
	}
	return nil
}

// StatusByte does a serial poll. An address without an instrument gives 0 or a
// time-out, by adapter.
func (d *Device) StatusByte(ctx context.Context) (byte, error) {
	const op = "prologix serial poll"
	if err := d.begin(ctx, op, d.checkAddress()); err != nil {
		return 0, err
	}
	defer d.adapter.release()
	status, err := d.poll(ctx)
	return status, placed(op, d.channel(), err)
}

func (d *Device) poll(ctx context.Context) (byte, error) {
	a := d.adapter
	request := fmt.Appendf(nil, "++addr %d\n++spoll\n", d.address)
	// The adapter waits for the instrument's byte as it does for an answer.
	answers, err := a.exchange(ctx, d.address, request, 1, 1, a.o.ReadTimeout+a.o.AnswerTimeout)
	if err != nil {
		return 0, err
	}
	status, err := strconv.ParseUint(string(bytes.TrimSpace(answers[0])), 10, 8)
	if err != nil {
		a.suspects |= 1 << d.address
		err = errors.Join(err, a.link.MarkDirty(context.WithoutCancel(ctx)))
		return 0, &instrument.Error{Op: "prologix adapter", Channel: a.String(), Kind: instrument.KindProtocol,
			Err:    fmt.Errorf("++spoll was answered by %q, which is no status byte: %w", answers[0], err),
			Advice: "bytes were lost or came late; the adapter is resynchronised before the next conversation"}
	}
	return byte(status), nil
}

// Clear sends a device clear, which empties the instrument's buffers and ends
// what it is doing, and brings host and adapter into step: no answer to
// anything that was asked before is taken for a later one. It blocks until the
// adapter has confirmed that it is done. Errors are as for Converse.
func (d *Device) Clear(ctx context.Context) error {
	const op = "prologix device clear"
	if err := d.begin(ctx, op, d.checkAddress()); err != nil {
		return err
	}
	a := d.adapter
	defer a.release()
	a.suspects |= 1 << d.address
	return placed(op, d.channel(), a.link.Resynchronise(ctx, a.patience()))
}

// AwaitReady polls the status byte until one of the bits of mask is set, for
// operations that take longer than the adapter waits for an answer. The first
// polls follow one another at once, later ones at growing intervals up to
// Options.PollInterval; others may use the adapter in between. It returns at once
// when ctx ends, and an error of kind timeout when no bit is set after timeout,
// which must be above 0.
func (d *Device) AwaitReady(ctx context.Context, mask byte, timeout time.Duration) error {
	const op = "prologix await"
	if err := checkTimeout(timeout); err != nil {
		return d.usage(op, err)
	}
	if mask == 0 {
		return d.usage(op, errors.New("no bit of the status byte is waited for"))
	}
	end := time.Now().Add(timeout)
	var pause time.Duration
	for polls := 1; ; polls++ {
		status, err := d.StatusByte(ctx)
		if err != nil {
			return placed(op, d.channel(), err)
		}
		if status&mask != 0 {
			return nil
		}
		left := time.Until(end)
		if left <= 0 {
			return &instrument.Error{Op: op, Channel: d.channel(), Kind: instrument.KindTimeout,
				Err: fmt.Errorf("after %v and %d serial polls the status byte is %d, and none of the bits %d is set", timeout,
					polls, status, mask),
				Advice: "the instrument is still busy, or waits for something: look at its panel, or clear it"}
		}
		if polls >= 2 {
			pause = min(max(2*pause, time.Millisecond), d.adapter.o.PollInterval)
		}
		timer := time.NewTimer(min(pause, left))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return placed(op, d.channel(), notReady(ctx.Err()))
		}
	}
}

// notReady is the end of a context between two polls.
func notReady(err error) error {
	return fmt.Errorf("the instrument was not ready yet: %w", err)
}

func (d *Device) checkAddress() error {
	if d.address < 0 || d.address > 30 {
		return fmt.Errorf("the GPIB address is %d and must be from 0 to 30", d.address)
	}
	return nil
}

func checkTimeout(timeout time.Duration) error {
	if timeout <= 0 {
		return fmt.Errorf("the time-out is %v and must be above 0", timeout)
	}
	return nil
}

// begin takes the adapter's turn, unless something is wrong with what is asked for.
func (d *Device) begin(ctx context.Context, op string, wrong error) error {
	if wrong != nil {
		return d.usage(op, wrong)
	}
	return placed(op, d.channel(), d.adapter.take(ctx))
}

func (d *Device) usage(op string, err error) error {
	return &instrument.Error{Op: op, Channel: d.channel(), Kind: instrument.KindUsage, Err: err,
		Advice: "nothing was sent"}
}

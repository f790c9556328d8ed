package b1500

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"xlab/driver/flex"
	"xlab/instrument"
)

// helloWait is how long the adapter waits for the answer to the first *IDN?.
const helloWait = time.Second

// mostRounds is how often an analyzer that does not get quiet is switched off.
const mostRounds = 10

// TakeOver makes an analyzer safe of which nothing is known: another process may
// have been killed with a source at its voltage, and another instrument may sit
// at the address. It asks *IDN?, with a short time-out. Another instrument is an
// error of KindIdentity and gets no further byte. The right one, and one that says
// nothing, gets DZ and CL: outputs to 0 V and off. A second *IDN? tells by its
// answer that they were carried out; without it the error says that the outputs
// may still be on. Nothing else is sent, unless Options.Quiet has it asked whether
// something else still comes. Afterwards Open is needed.
//
// It comes before the switches of the bench are touched, and is safe to repeat.
func (d *Device) TakeOver(ctx context.Context) error {
	const op = "b1500 take over"
	if err := d.acquire(ctx, op); err != nil {
		return err
	}
	defer d.give()
	return d.takeOver(ctx, op)
}

func (d *Device) takeOver(ctx context.Context, op string) error {
	d.state, d.cause = unknown, errors.New("taking over was not completed")
	within := min(helloWait, d.o.ReadTimeout)
	// A sweep that a killed process began keeps the analyzer from answering. The
	// conversation behind one that failed is preceded by a device clear, which
	// ends it.
	_, silent := d.hello(ctx, op, d.o.Hello, flex.Part{Command: "*IDN?", Reply: true, Within: within})
	switch {
	case silent == nil:
	case ctx.Err() != nil || d.state == foreign:
		return silent
	case instrument.KindOf(silent) == instrument.KindProtocol:
		// The answer to something else. What is still on its way must not be taken
		// for the next one; where the clear fails DZ and CL are tried all the same.
		if err := d.bus.Clear(ctx); err != nil {
			d.log.Warn("device clear failed while taking over", "error", err)
		}
	}
	identity, err := d.switchOff(ctx, op)
	// One that said something may have lost an answer to a dead process's question.
	again := d.o.Quiet > 0 && (silent == nil || instrument.KindOf(silent) == instrument.KindProtocol)
	for round := 1; ; round++ {
		var late []*flex.QueueError
		if err == nil {
			late, err = d.listen(ctx, op)
		}
		switch {
		case ctx.Err() != nil || d.state == foreign:
			return err
		case err == nil && late == nil:
			d.identity, d.state, d.cause, d.settings = identity, closed, nil, newSettings()
			return nil
		case err == nil && round == mostRounds:
			return &instrument.Error{Op: op, Kind: instrument.KindInstrument, Err: fmt.Errorf(
				"%w came after its outputs were switched off for the %dth time, and nothing was asked of it", late[0], round),
				Advice: "another program may be using it: look at its panel, end that program or power-cycle the adapter"}
		case err == nil:
			d.notice(late[0])
		case again && linkFailed(err):
			again = false
			d.notice(err)
		default:
			return unconfirmed(op, err)
		}
		identity, err = d.switchOff(ctx, op)
	}
}

// switchOff takes all outputs to 0 V and off. The answer is the receipt.
func (d *Device) switchOff(ctx context.Context, op string) (instrument.Identity, error) {
	return d.hello(ctx, op, d.patience(0), tell("DZ"), tell("CL"), ask("*IDN?"))
}

// listen tells what an analyzer whose outputs are off complains of, which is asked
// nothing for Options.Quiet. What a dead process had sent and what comes only now by
// the connection that it had stresses nothing, because the outputs are off, and is
// refused for that reason: a level, or a trigger, leaves an entry in the error queue.
// The entries of the first time may be older.
func (d *Device) listen(ctx context.Context, op string) ([]*flex.QueueError, error) {
	if d.o.Quiet == 0 {
		return nil, nil
	}
	// An answer that nobody has read must not be taken for the queue's.
	if err := d.bus.Clear(ctx); err != nil {
		return nil, linkError(op, err)
	}
	select {
	case <-time.After(d.o.Quiet):
	case <-ctx.Done():
		return nil, linkError(op, ctx.Err())
	}
	return d.drainQueue(ctx, op)
}

// notice tells what was met while taking over that is not this process's.
func (d *Device) notice(met error) {
	d.log.Warn("the analyzer is not quiet yet and is switched off again", "met", met)
	if d.o.Leftover != nil {
		d.o.Leftover(met)
	}
}

// unconfirmed is for an analyzer of which nobody knows whether its outputs are off.
func unconfirmed(op string, err error) error {
	out := &instrument.Error{Op: op, Kind: instrument.KindOf(err), Err: err,
		Advice: "it was told to switch its outputs off (DZ, CL) and did not confirm it: a source may still have the " +
			"voltage that an earlier process gave it. Look at its panel and switch the outputs off there"}
	if placed := (*instrument.Error)(nil); errors.As(err, &placed) && placed.Op == op {
		out.Err = placed.Err
	}
	return out
}

// hello has a conversation whose one answer is the analyzer's identity.
func (d *Device) hello(ctx context.Context, op string, timeout time.Duration,
	parts ...flex.Part) (instrument.Identity, error) {
	replies, err := d.converseWithin(ctx, op, timeout, parts...)
	if err != nil {
		return instrument.Identity{}, err
	}
	if _, err := flex.ParseOutputs(replies[0]); err == nil {
		// Of four output switches, likewise.
		return instrument.Identity{}, &instrument.Error{Op: op, Kind: instrument.KindProtocol,
			Err: fmt.Errorf("%.80q are output switches, not an identity", replies[0])}
	}
	for _, format := range []flex.Format{flex.FMT1, flex.FMT11, flex.FMT21} {
		// Four records that nobody read would make four fields.
		if _, err := flex.ParseRecords(format, replies[0]); err == nil {
			return instrument.Identity{}, &instrument.Error{Op: op, Kind: instrument.KindProtocol,
				Err: fmt.Errorf("%.80q are readings, not an identity", replies[0])}
		}
	}
	identity, err := flex.ParseIdentity(replies[0])
	if err != nil {
		return identity, err
	}
	switch {
	case strings.Contains(identity.Model, "B1500A"):
		d.said = replies[0]
		if d.o.Claim != nil {
			err = d.o.Claim(ctx, identity)
		}
	case damaged(replies[0], d.said):
		return identity, &instrument.Error{Op: op, Kind: instrument.KindProtocol,
			Err: fmt.Errorf("%.80q is not quite what it said before, %.80q", replies[0], d.said)}
	default:
		err = &instrument.Error{Op: op, Kind: instrument.KindIdentity,
			Err:    fmt.Errorf("%s %s answers, not a B1500A", identity.Vendor, identity.Model),
			Advice: "check the address of the analyzer; nothing more was sent to this instrument"}
	}
	if err != nil {
		d.state, d.cause = foreign, err
	}
	return identity, err
}

// damaged tells whether a text is a known one of which one place was changed,
// lost or doubled on the way: a line that is brought back has just lost something.
func damaged(text, known string) bool {
	short, long := text, known
	if len(short) > len(long) {
		short, long = long, short
	}
	front := 0
	for front < len(short) && short[front] == long[front] {
		front++
	}
	back := 0
	for back < len(short)-front && short[len(short)-1-back] == long[len(long)-1-back] {
		back++
	}
	return len(long)-front-back <= 2
}

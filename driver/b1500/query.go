package b1500

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"xlab/driver/flex"
	"xlab/instrument"
)

// persist asks a question that changes nothing until it is answered, at most
// Options.Retries times more than once. An error of the link is followed by a
// device clear, which may have opened the outputs: a device that was ready is
// opened anew before the question is repeated.
func (d *Device) persist(ctx context.Context, op string, question func() error) error {
	wasReady := d.state == ready
	for attempt := 0; ; attempt++ {
		err := question()
		if err == nil || !linkFailed(err) {
			return err
		}
		if wasReady {
			d.state, d.cause = unknown, err
		}
		if attempt >= d.o.Retries || ctx.Err() != nil {
			return err
		}
		d.log.Warn("a question was not answered and is asked again", "op", op, "error", err)
		if !wasReady {
			continue
		}
		if failed := d.open(ctx, op); failed != nil {
			return errors.Join(err, failed)
		}
	}
}

// linkFailed tells errors of the link from those of the analyzer.
func linkFailed(err error) bool {
	switch instrument.KindOf(err) {
	case instrument.KindTimeout, instrument.KindUnreachable, instrument.KindProtocol:
		return true
	}
	return false
}

// BenchTime reads the analyzer's time stamp: seconds since the first Open. It
// never goes back: where the analyzer was switched off in between, or its clock
// was reset otherwise, the time it was away is not counted.
func (d *Device) BenchTime(ctx context.Context) (instrument.Seconds, error) {
	const op = "b1500 bench time"
	if err := d.take(ctx, op); err != nil {
		return 0, err
	}
	defer d.give()
	if !d.stamped {
		return 0, &instrument.Error{Op: op, Kind: instrument.KindUsage, Err: errors.New("the analyzer has not been opened"),
			Advice: "open it first"}
	}
	err := d.persist(ctx, op, func() error {
		replies, err := d.converse(ctx, op, 0, ask("TSQ"))
		if err != nil {
			return err
		}
		stamp, err := timeStamp(op, replies[0])
		if err == nil {
			d.last = max(d.last, d.base+stamp)
		}
		return err
	})
	return d.last, err
}

// resume takes up the clock of an analyzer that was opened before.
func (d *Device) resume(op, answer string) error {
	stamp, err := timeStamp(op, answer)
	if err != nil {
		return err
	}
	if d.base+stamp < d.last {
		d.log.Warn("the analyzer's clock went back: it was switched off, or reset", "before", float64(d.last-d.base), "now",
			float64(stamp))
		d.base = d.last - stamp
	}
	d.last = d.base + stamp
	return nil
}

// timeStamp reads the answer to TSQ.
func timeStamp(op, answer string) (instrument.Seconds, error) {
	records, err := flex.ParseRecords(flex.FMT21, answer)
	if err != nil {
		return 0, err
	}
	if len(records) != 1 || records[0].Type != flex.TypeTime || records[0].Missing() {
		return 0, &instrument.Error{Op: op, Kind: instrument.KindProtocol, Err: fmt.Errorf("%q is not one time", answer)}
	}
	return instrument.Seconds(records[0].Value), nil
}

// Check asks the analyzer whether it still is as the driver left it: output
// switches closed, error queue empty, interlock closed. It forces nothing and
// is meant to come before stress: an analyzer that was switched off and on, or
// whose outputs somebody opened at the front panel, is found out before a pulse
// is lost. An error leaves the state of the outputs unknown, see Open; its
// kind is interlock, instrument, or that of the link.
func (d *Device) Check(ctx context.Context) error {
	const op = "b1500 check"
	if err := d.take(ctx, op); err != nil {
		return err
	}
	defer d.give()
	if err := d.runnable(op); err != nil {
		return err
	}
	return d.persist(ctx, op, func() error {
		replies, err := d.converse(ctx, op, 0, ask("*LRN? 0"), ask("ERRX?"))
		if err != nil {
			return err
		}
		if err := d.confirm(ctx, op, replies[1]); err != nil {
			return err
		}
		on, err := flex.ParseOutputs(replies[0])
		if err != nil {
			return err
		}
		if open := d.openOutputs(on); open != "" {
			return d.lose(ctx, op, &instrument.Error{Op: op, Kind: instrument.KindInstrument, Err: errors.New(open),
				Advice: "somebody opened it at the analyzer's front panel, the analyzer was switched off and on, " +
					"or it did not follow CN; look at its panel, then start again"})
		}
		status, err := d.bus.StatusByte(ctx)
		if err != nil {
			return linkError(op, err)
		}
		if status&flex.StatusInterlockOpen != 0 {
			d.state, d.cause = unknown, errors.New("the interlock circuit is open")
			return interlockOpen(op, nil)
		}
		return nil
	})
}

// openOutputs names the configured channels whose output switch is open, "" for
// none. What other channels do does not matter.
func (d *Device) openOutputs(on flex.Outputs) string {
	var open []string
	for _, ch := range d.o.Channels {
		if !on[ch] {
			open = append(open, integer(ch))
		}
	}
	switch len(open) {
	case 0:
		return ""
	case 1:
		return "output switch of SMU " + open[0] + " is open"
	}
	return "output switches of SMU " + strings.Join(open, ", ") + " are open"
}

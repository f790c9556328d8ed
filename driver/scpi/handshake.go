package scpi

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"xlab/driver/transport"
	"xlab/instrument"
)

// attemptsAtOpening is how often the handshake is tried there: opening the port
// may have reset the instrument, which is deaf for a second or two.
const attemptsAtOpening = 3

// stuck is how long the instrument may still be busy with what it was asked.
func (i *Instrument) stuck() time.Duration { return max(0, time.Until(i.busy)) }

// handshake is the link's resynchronisation; see the package comment.
func (i *Instrument) handshake(_ context.Context, w *transport.Wire) error {
	attempts := 2
	if !i.opened {
		attempts = attemptsAtOpening
	}
	heard, identity := "", ""
	for attempt := range attempts {
		by := time.Now().Add(i.o.Answer)
		if attempt == 0 {
			by = by.Add(i.stuck())
		}
		if i.mark++; i.mark < i.o.Lowest || i.mark > i.o.Highest {
			i.mark = i.o.Lowest
		}
		// The line end in front completes what a write that was cut off may have
		// left in the instrument.
		greeting := fmt.Sprintf("\n*IDN?\n%s?\n%[1]s %d\n%[1]s?\n", i.o.Register, i.mark)
		if err := w.Write([]byte(greeting), by); err != nil {
			return err
		}
		after := -1 // lines since the last identity
		for {
			line, err := w.Line(by)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return err
			}
			text := string(line)
			if after == 1 && text == strconv.Itoa(i.mark) {
				i.opened, i.busy = true, time.Time{}
				return nil
			}
			if _, err := ParseIdentity(text); err == nil {
				after, identity = 0, text
				continue
			}
			if after == 0 {
				// What the register held before is a mark of this conversation, or
				// the instrument has forgotten it.
				if n, err := Integer(text); err == nil {
					i.restarted = i.restarted || i.opened && (n < i.o.Lowest || n > i.o.Highest)
					after = 1
					continue
				}
			}
			after = -1
			w.Discard(len(line))
			if heard == "" && text != "" {
				heard = text
			}
		}
	}
	switch {
	case identity != "":
		return unanswered(instrument.KindIdentity, fmt.Errorf("%s answers *IDN? and not %s?, set to %d before",
			Excerpt(identity), i.o.Register, i.mark),
			"it is another instrument than the one configured, or its firmware is too old")
	case heard != "":
		return unanswered(instrument.KindIdentity, fmt.Errorf("*IDN? was answered by %s, which is no identity",
			Excerpt(heard)),
			"check that the address is the instrument's and the baud rate right")
	}
	return unanswered(instrument.KindTimeout, fmt.Errorf("*IDN? was not answered, %d attempts", attempts),
		"check that the instrument has power and that its address and baud rate are right")
}

// unanswered is an error of the handshake; the link adds the instrument and its
// address.
func unanswered(kind instrument.Kind, err error, advice string) error {
	return &instrument.Error{Op: "handshake", Kind: kind, Err: err, Advice: advice}
}

// ParseIdentity reads an answer to *IDN?: vendor, model, serial number and
// firmware (IEEE 488.2, 10.14). What begins with a number is no identity: four
// measured values have the same form.
func ParseIdentity(text string) (instrument.Identity, error) {
	f := strings.Split(text, ",")
	for i := range f {
		f[i] = strings.TrimSpace(f[i])
	}
	if len(f) != 4 || f[0] == "" || f[1] == "" || decimal.MatchString(f[0]) {
		return instrument.Identity{}, fmt.Errorf("%w: %s is not vendor, model, serial number and firmware", ErrForm,
			Excerpt(text))
	}
	return instrument.Identity{Vendor: f[0], Model: f[1], Serial: f[2], Firmware: f[3]}, nil
}

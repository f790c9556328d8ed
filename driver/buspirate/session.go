package buspirate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"periph.io/x/conn/v3/spi"

	"xlab/instrument"
)

// The commands of bitbang and SPI mode, and their answers.
const (
	toBitbang   = 0x00 // in the terminal twenty times, in SPI mode once
	toSPI       = 0x01 // in bitbang mode; in SPI mode only the name is told again
	toTerminal  = 0x0f // in bitbang mode: resets the box
	csLow       = 0x02
	csHigh      = 0x03
	bulkWrite   = 0x10 // + n-1, then n bytes
	peripherals = 0x40 // + power 8, pull-ups 4, AUX 2, CS 1
	setSpeed    = 0x60 // + index into speeds
	configure   = 0x80 // + 3.3 V 8, clock idles high 4, output on the edge to idle 2, sample late 1

	done = 0x01

	bitbangName = "BBIO1"
	spiName     = "SPI1"

	// zeros is how many the terminal wants in a row.
	zeros = 20
)

// enter finds the box in whatever state it is and brings it into SPI mode with
// p's settings. It is tried twice, since what is still on its way from before
// may disturb the first attempt. A lost link is opened again, before the first
// attempt or, when the box turns out to be deaf, before the second. p.mu is held.
func (p *Port) enter(op string) error {
	if p.lost {
		if err := p.reopen(op); err != nil {
			return err
		}
	}
	err := p.enterOnce(op)
	kind := instrument.KindOf(err)
	if err == nil || kind == instrument.KindIdentity || kind == instrument.KindUnreachable && p.o.Reopen == nil {
		return err
	}
	p.log.Warn("the Bus Pirate did not come into SPI mode; once more", "port", p.String(), "error", err)
	if p.o.Reopen != nil && (kind == instrument.KindUnreachable || kind == instrument.KindTimeout) {
		if failed := p.reopen(op); failed != nil {
			return errors.Join(err, failed)
		}
	}
	return p.enterOnce(op)
}

// reopen opens the link again. p.mu is held.
func (p *Port) reopen(op string) error {
	if p.o.Reopen == nil {
		return p.fail(op, instrument.KindUnreachable, errors.New("the link was lost"), "check the cable and open it again")
	}
	p.lost = true
	if err := p.link.Close(); err != nil {
		p.log.Debug("closing the link that was lost", "port", p.String(), "error", err)
	}
	link, err := p.o.Reopen(p.o.Timeout)
	if err != nil {
		return p.fail(op, instrument.KindUnreachable, fmt.Errorf("the link was lost and cannot be opened again: %w", err),
			"check the cable")
	}
	p.log.Warn("the link to the Bus Pirate was opened again", "before", p.String())
	p.link, p.lost = link, false
	return nil
}

func (p *Port) enterOnce(op string) error {
	p.ready, p.selected = false, false
	if err := p.wake(op); err != nil {
		return err
	}
	if err := p.enterSPI(op); err != nil {
		return err
	}
	// The peripherals come first: with open-drain outputs they turn CS into an
	// input, and the configuration after them makes it an output again.
	p.out = append(p.out[:0], p.peripheralBits(), setSpeed|byte(p.speed), p.configBits(), csHigh)
	if err := p.exchange(op, len(p.out)); err != nil {
		return err
	}
	for i, what := range []string{"the peripherals", "the speed", "the configuration", "chip select high"} {
		if p.in[i] != done {
			return p.fail(op, instrument.KindProtocol, fmt.Errorf("setting %s was answered by 0x%02x instead of 0x%02x", what,
				p.in[i], done),
				"the firmware does not know the command; version 5.9 to 7.1 is expected")
		}
	}
	p.ready = true
	return nil
}

func (p *Port) peripheralBits() byte {
	// AUX stays high: on the board it may hold the chips' RESET, active low.
	b := byte(peripherals | 2 | 1)
	if p.o.Power {
		b |= 8
	}
	if p.o.PullUps {
		b |= 4
	}
	return b
}

func (p *Port) configBits() byte {
	b := byte(configure)
	if !p.o.OpenDrain {
		b |= 8
	}
	if p.mode&spi.Mode2 != 0 {
		b |= 4
	}
	// The box counts the edge on which it puts data out, SPI the one on which
	// they are taken, so phase 0 is the bit set.
	if p.mode&spi.Mode1 == 0 {
		b |= 2
	}
	return b
}

// wake sends zeros until the box says that it is in bitbang mode.
//
// In bitbang and SPI mode a zero is answered at once, in the middle of a bulk
// transfer too, and by up to five bytes, so zeros must not be piled up there:
// the box would lose some, and old firmware then stops receiving altogether.
// The terminal does not answer until the twentieth. So one zero goes first,
// and only silence lets the rest follow together.
func (p *Port) wake(op string) error {
	var heard []byte
	send, sent := 1, 0
	// A bulk transfer takes up to 16 zeros, the way out one more, and what
	// else is on its way may hide an answer or two.
	for attempt := range 2 * zeros {
		wait := p.o.Quiet
		if send > 1 {
			wait = p.o.Timeout
		}
		sent += send
		found, err := p.listen(make([]byte, send), wait, &heard)
		if err != nil {
			return p.linkError(op, err)
		}
		if found {
			return nil
		}
		if attempt == 0 && len(heard) == 0 {
			send = zeros - 1
		} else {
			send = 1
		}
	}
	if len(heard) > 0 {
		return p.fail(op, instrument.KindIdentity, fmt.Errorf("something answers %q, but no Bus Pirate in bitbang mode (%q)",
			tail(heard, 40), bitbangName),
			"check that the address is the Bus Pirate's and its speed 115200 baud")
	}
	return p.fail(op, instrument.KindTimeout, fmt.Errorf("no answer to %d zeros: %w", sent, os.ErrDeadlineExceeded),
		"check the address, the cable and the box's MODE light; unplug it and plug it in again if it hangs")
}

// listen writes b and reads until the answer ends with bitbang mode's name or
// nothing has come for the time of wait.
func (p *Port) listen(b []byte, wait time.Duration, heard *[]byte) (found bool, err error) {
	if err := p.link.SetDeadline(time.Now().Add(p.o.Timeout)); err != nil {
		return false, err
	}
	if _, err := p.link.Write(b); err != nil {
		return false, err
	}
	var buf [256]byte
	for {
		if err := p.link.SetDeadline(time.Now().Add(wait)); err != nil {
			return false, err
		}
		n, err := p.link.Read(buf[:])
		*heard = append(*heard, buf[:n]...)
		if bytes.HasSuffix(*heard, []byte(bitbangName)) {
			return true, nil
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if len(*heard) > 4096 { // a source that never stops is not a Bus Pirate
			return false, nil
		}
	}
}

// change leads from bitbang mode elsewhere. Names of bitbang mode that are still on
// their way are skipped; arrived tells of what came behind them whether the box is
// there.
func (p *Port) change(op string, command byte, arrived func(got []byte) (bool, error)) error {
	if err := p.link.SetDeadline(time.Now().Add(p.o.Timeout)); err != nil {
		return p.linkError(op, err)
	}
	if _, err := p.link.Write([]byte{command}); err != nil {
		return p.linkError(op, err)
	}
	var got []byte
	var buf [64]byte
	for {
		for bytes.HasPrefix(got, []byte(bitbangName)) {
			got = got[len(bitbangName):]
		}
		if there, err := arrived(got); there || err != nil {
			return err
		}
		n, err := p.link.Read(buf[:])
		got = append(got, buf[:n]...)
		if err != nil && n == 0 {
			return p.linkError(op, err)
		}
	}
}

// enterSPI leads from bitbang mode into SPI mode.
func (p *Port) enterSPI(op string) error {
	return p.change(op, toSPI, func(got []byte) (bool, error) {
		switch {
		case len(got) >= len(spiName) && bytes.HasPrefix(got, []byte("SPI")) && string(got) != spiName:
			return false, p.fail(op, instrument.KindIdentity, fmt.Errorf("the box's SPI mode is %q, not %q", got, spiName),
				"another firmware version; see hwdocs/buspirate.md")
		case !bytes.HasPrefix([]byte(spiName), got) && !bytes.HasPrefix([]byte(bitbangName), got):
			return false, p.fail(op, instrument.KindProtocol, fmt.Errorf("on the way to SPI mode the box answered %q instead "+
				"of %q", tail(got, 40), spiName), "")
		}
		return string(got) == spiName, nil
	})
}

// exchange writes p.out and reads an answer of the given length into p.in: a
// byte for a byte, and what is longer is the answer to the last byte. It is
// done in one piece unless the clock is too slow for that.
func (p *Port) exchange(op string, answer int) error {
	size := len(p.out)
	if cap(p.in) < answer {
		p.in = make([]byte, answer)
	}
	p.in = p.in[:answer]
	limit := time.Now().Add(p.o.Timeout + time.Duration(answer)*500*time.Microsecond)
	if err := p.link.SetDeadline(limit); err != nil {
		return p.linkError(op, err)
	}
	step := window(p.speed, size)
	for at := 0; at < size; at += step {
		end := min(at+step, size)
		if _, err := p.link.Write(p.out[at:end]); err != nil {
			return p.linkError(op, err)
		}
		if end == size {
			end = answer
		}
		if n, err := io.ReadFull(p.link, p.in[at:end]); err != nil {
			return p.linkError(op, fmt.Errorf("%d of %d answer bytes came: %w", at+n, answer, err))
		}
	}
	return nil
}

// leave leads the box back to its terminal.
func (p *Port) leave(op string) error {
	if err := p.wake(op); err != nil {
		return err
	}
	p.ready = false
	return p.change(op, toTerminal, func(got []byte) (bool, error) {
		if !bytes.HasPrefix([]byte(bitbangName), got) && got[0] != done {
			return false, p.fail(op, instrument.KindProtocol, fmt.Errorf("the reset was answered by 0x%02x instead of 0x%02x",
				got[0], done), "")
		}
		return len(got) > 0 && got[0] == done, nil
	})
}

// linkError sorts an error of the link.
func (p *Port) linkError(op string, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return p.fail(op, instrument.KindTimeout, err, "the next transfer starts the box anew; if that fails too, check "+
			"the cable and unplug the box once")
	}
	p.lost = true
	return p.fail(op, instrument.KindUnreachable, err, "the link to the box is lost; check the cable and open it again")
}

// tail is the end of b, at most n bytes.
func tail(b []byte, n int) []byte { return b[max(0, len(b)-n):] }

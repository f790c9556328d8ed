// Package buspirate is a simulated Bus Pirate v3: it answers the binary
// protocol on a byte stream and clocks what is on its SPI pins.
//
// Terms: the user terminal is what the box starts in; twenty zeros in a row
// lead to raw bitbang mode ("BBIO1"), a one from there to SPI mode ("SPI1"), a
// zero back, and 0x0F from bitbang mode resets the box. CS is the chip select,
// active low.
//
// Behaviour follows the published firmware (5.9, BPv3): the defaults on
// entering SPI mode, that setting the speed or the configuration raises CS,
// that in open-drain mode the peripherals' command turns CS into an input,
// that leaving SPI mode lets all pins float and switches supplies and pull-ups
// off, and 0x00 as the answer to what is unknown. Not simulated: the other
// modes, single pins in bitbang mode, sniffing, and write-then-read (0x04,
// 0x05); they are answered as unknown. Of the terminal there is a prompt, "i"
// and "#".
//
// Assumptions: the board has a pull-up on SYNC, so that a floating CS is high,
// and none on MOSI and the clock, so that open-drain outputs without the box's
// pull-ups clock nothing; in another mode than 1 the answer is sampled one
// clock late. The time model is in Timing.
package buspirate

import (
	"context"
	"fmt"
	"io"
	"math"

	"xlab/mock/bench"
	"xlab/mock/wire"
)

// Timing is the bench time that SPI transfers cost, in s. It passes just
// before CS rises, while the switches still are what they were. The zero value
// costs the SPI clock's own eight periods per byte and nothing else.
type Timing struct {
	// Cycle is the time of one chip-select cycle for the way over USB.
	Cycle float64
	// Byte is added to every byte of data for the serial line between the USB
	// chip and the processor; at 115200 baud it would be 86.8e-6.
	Byte float64
}

// DefaultTiming is a full-speed USB frame of 1 ms per chip-select cycle, an
// assumption for an adapter whose latency timer is set to 1 ms. The serial line
// inside a v3 is left out: its rate can be raised to where it does not matter.
func DefaultTiming() Timing { return Timing{Cycle: 1e-3} }

// check refuses times that would make the bench's clock run backwards.
func (t Timing) check() error {
	for _, v := range []float64{t.Cycle, t.Byte} {
		if !(v >= 0) || math.IsInf(v, 0) {
			return fmt.Errorf("a transfer cannot cost %g s: times must be finite and not negative", v)
		}
	}
	return nil
}

// Server is the box. Its state outlives a connection, as the box's does while
// it has power.
type Server struct {
	bench  bench.Terminals
	device wire.Peripheral
	timing Timing
	box    box
}

// New makes a box that was just plugged in, with device on its SPI pins.
func New(b bench.Terminals, device wire.Peripheral, t Timing) (*Server, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	s := &Server{bench: b, device: device, timing: t}
	s.box = box{server: s}
	return s, nil
}

// Serve answers one host until its stream ends or ctx does, and closes the
// stream. It returns nil when the host has gone, the context's error when ctx
// has ended, and what reading or writing failed with otherwise. One connection
// at a time is what a box has; nothing breaks with more, but they share its
// state.
func (s *Server) Serve(ctx context.Context, rw io.ReadWriteCloser) error {
	return wire.Serve(ctx, "simulated Bus Pirate", rw, s.serve)
}

func (s *Server) serve(rw io.ReadWriter) error {
	var out []byte
	return wire.Pieces(rw, func(piece []byte) error {
		if len(piece) == 0 {
			return nil
		}
		s.bench.Do(func() { out = s.box.feed(piece, out[:0]) })
		if len(out) == 0 {
			return nil
		}
		_, err := rw.Write(out)
		return err
	})
}

// Unplug takes the box's supply away and gives it back: its pins float and it
// starts in its terminal, saying nothing. The caller holds the bench.
func (s *Server) Unplug() {
	s.box.float()
	s.box = box{server: s}
}

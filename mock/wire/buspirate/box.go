package buspirate

// mode is where in its menus the box is.
type mode uint8

const (
	terminal mode = iota
	bitbang
	spi
)

// clocks are the SPI clocks in Hz by the index of command 0x60.
var clocks = [8]float64{30e3, 125e3, 250e3, 1e6, 2e6, 16e6 / 6, 4e6, 8e6}

const (
	bitbangName = "BBIO1"
	spiName     = "SPI1"
	banner      = "\r\nBus Pirate v3.5 (simulated)\r\nFirmware v5.9 (r529)\r\nHiZ>"
	prompt      = "\r\nHiZ>"

	ok      = 0x01
	unknown = 0x00

	zerosToBitbang = 20
)

// box is the state of the processor and its pins.
type box struct {
	server *Server
	mode   mode
	zeros  int // zeros in a row at the terminal
	bulk   int // data bytes of a bulk transfer still to come

	speed     int
	idleHigh  bool // CKP
	toIdle    bool // CKE: data change on the edge towards idle
	openDrain bool
	pullUps   bool

	csLatch bool // CS is driven high
	csInput bool // CS is not driven
	low     bool // CS is low

	clocked int  // data bytes since CS fell
	lastBit byte // last bit of the answer, for a mode that samples late
}

// feed takes what came from the host and appends the answers to out.
func (b *box) feed(in, out []byte) []byte {
	for len(in) > 0 {
		if b.bulk > 0 {
			n := min(b.bulk, len(in))
			at := len(out)
			out = append(out, in[:n]...)
			b.transfer(in[:n], out[at:])
			b.bulk -= n
			in = in[n:]
			continue
		}
		switch b.mode {
		case terminal:
			out = b.atTerminal(in[0], out)
		case bitbang:
			out = b.inBitbang(in[0], out)
		case spi:
			out = b.inSPI(in[0], out)
		}
		in = in[1:]
	}
	return out
}

// atTerminal counts zeros. Other bytes do not start the count anew, and the
// count starts anew only with a reset.
func (b *box) atTerminal(c byte, out []byte) []byte {
	switch c {
	case 0:
		if b.zeros++; b.zeros == zerosToBitbang {
			b.zeros = 0
			b.mode = bitbang
			return append(out, bitbangName...)
		}
	case '\r', '\n':
		return append(out, prompt...)
	case 'i', '#':
		return append(append(out, c), banner...)
	default:
		if c >= ' ' && c < 0x7f {
			return append(out, c)
		}
	}
	return out
}

func (b *box) inBitbang(c byte, out []byte) []byte {
	switch c {
	case 0x00:
		return append(out, bitbangName...)
	case 0x01:
		b.mode = spi
		b.speed, b.idleHigh, b.toIdle, b.openDrain, b.pullUps = 1, false, true, true, false
		b.raise()
		return append(out, spiName...)
	case 0x0f:
		b.mode, b.zeros = terminal, 0
		return append(append(out, ok), banner...)
	}
	return append(out, unknown)
}

func (b *box) inSPI(c byte, out []byte) []byte {
	switch {
	case c == 0x00:
		b.mode = bitbang
		b.float()
		return append(out, bitbangName...)
	case c == 0x01:
		return append(out, spiName...)
	case c == 0x02, c == 0x03:
		b.csLatch = c == 0x03
		b.drive()
	case c&0xf0 == 0x10:
		b.bulk = int(c&0x0f) + 1
	case c&0xf0 == 0x40:
		b.pullUps = c&4 != 0
		// With open-drain outputs a high CS is one that is let go of.
		b.csInput = c&1 != 0 && b.openDrain
		if !b.csInput {
			b.csLatch = c&1 != 0
		}
		b.drive()
	case c&0xf8 == 0x60:
		b.speed = int(c & 7)
		b.raise()
	case c&0xf0 == 0x80:
		b.openDrain, b.idleHigh, b.toIdle = c&8 == 0, c&4 != 0, c&2 != 0
		b.raise()
	default:
		return append(out, unknown)
	}
	return append(out, ok)
}

// raise sets the SPI unit up anew, which drives CS high.
func (b *box) raise() {
	b.csLatch, b.csInput = true, false
	b.drive()
}

// float lets all pins go; the board's pull-up takes SYNC high.
func (b *box) float() {
	b.csLatch, b.csInput, b.pullUps = true, true, false
	b.bulk = 0
	b.drive()
}

// drive brings CS to the peripheral. The time of the transfer passes before
// the switches follow.
func (b *box) drive() {
	low := !b.csLatch && !b.csInput
	if low == b.low {
		return
	}
	b.low = low
	if low {
		b.clocked = 0
	} else {
		s := b.server
		s.bench.Hold(s.timing.Cycle + float64(b.clocked)*(8/clocks[b.speed]+s.timing.Byte))
	}
	b.server.device.Select(low)
}

// transfer clocks data bytes through the peripheral.
func (b *box) transfer(mosi, miso []byte) {
	b.clocked += len(mosi)
	if b.openDrain && !b.pullUps {
		// Neither clock nor data get high; MISO has the board's pull-up.
		for i := range miso {
			miso[i] = 0xff
		}
		return
	}
	b.server.device.Transfer(mosi, miso)
	if b.idleHigh || b.toIdle {
		for i, x := range miso {
			miso[i] = b.lastBit<<7 | x>>1
			b.lastBit = x & 1
		}
	}
}

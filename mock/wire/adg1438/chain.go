// Package adg1438 is a simulated chain of ADG1438 switch chips: shift
// registers that are clocked bit by bit and latches that follow them when SYNC
// rises. It knows nothing of crossbars, only which of eight switches of each
// chip is closed, and nothing of who clocks it.
//
// Terms: DIN and SDO are a chip's serial input and output, SYNC the common
// select line, active low. Chip 1's DIN is the controller's MOSI, the SDO of
// chip k is the DIN of chip k+1, the last chip's SDO is the controller's MISO.
// Bit 0 of a register is switch S1, bit 7 is S8.
//
// Behaviour, after the ADG1438/ADG1439 data sheet: on power-up the registers
// hold zeros and all switches are open; while SYNC is low each clock takes the
// register's bit 7 out on SDO and DIN into bit 0, so a bit sent first reaches
// bit 7 after eight clocks and the next chip after eight more; the register
// keeps the last eight bits however many are sent; the switches change
// together when SYNC rises. A clock while SYNC is high is ignored. Assumptions
// that the data sheet does not settle: SYNC that falls and rises without a
// clock latches what the register holds; SDO of a chip that is not selected is
// seen as a one, because its pull-up is.
package adg1438

import (
	"bytes"
	"fmt"
)

// Terminals is where the switches are: the part of bench.Terminals that a
// switch board acts on.
type Terminals interface {
	// Switch sets the closed switches (bit 0 = S1) of every chip of a board at
	// one moment, index 0 for chip 1.
	Switch(board string, closed []uint8)
}

// Chain is the chips of one board. Its methods must not be called at the same
// time; whoever clocks it or changes its faults holds the bench (Bench.Do).
type Chain struct {
	terminals Terminals
	board     string
	register  []byte // index 0 = chip 1
	latched   []byte // what the switches do, index 0 = chip 1
	selected  bool   // SYNC is low
	wire      []wire // index k = the wire behind chip k, 0 = MOSI
	faults    int    // wires that do not carry their signal
}

// wire says what the far end of a wire sees.
type wire uint8

const (
	intact wire = iota
	stuckLow
	stuckHigh
)

// New makes a chain of n chips, just powered up, whose switches are the
// board's of terminals. n must be positive.
func New(terminals Terminals, board string, n int) (*Chain, error) {
	if n < 1 {
		return nil, fmt.Errorf("board %q: %d chips are no chain; the wiring map must name at least one line", board, n)
	}
	return &Chain{
		terminals: terminals, board: board,
		register: make([]byte, n), latched: make([]byte, n), wire: make([]wire, n+1),
	}, nil
}

// Chips is the number of chips.
func (c *Chain) Chips() int { return len(c.register) }

// Closed is what the switches do now, index 0 for chip 1.
func (c *Chain) Closed() []uint8 { return bytes.Clone(c.latched) }

// Select drives SYNC: low selects the chips, and when it rises the switches
// follow the registers.
func (c *Chain) Select(low bool) {
	rising := c.selected && !low
	c.selected = low
	if rising {
		c.latch()
	}
}

// latch makes the switches follow the registers. Terminals hear of changes only.
func (c *Chain) latch() {
	if bytes.Equal(c.latched, c.register) {
		return
	}
	copy(c.latched, c.register)
	c.terminals.Switch(c.board, bytes.Clone(c.latched))
}

// Clock is one period of SCLK: it returns what MISO is when the falling edge
// comes, and at that edge every chip takes in its DIN.
func (c *Chain) Clock(mosi bool) (miso bool) {
	if !c.selected {
		return true
	}
	bit := byte(0)
	if mosi {
		bit = 1
	}
	for k := range c.register {
		bit = c.wire[k].carry(bit)
		out := c.register[k] >> 7
		c.register[k] = c.register[k]<<1 | bit
		bit = out
	}
	return c.wire[len(c.register)].carry(bit) == 1
}

func (w wire) carry(bit byte) byte {
	switch w {
	case stuckLow:
		return 0
	case stuckHigh:
		return 1
	}
	return bit
}

// Transfer clocks whole bytes, most significant bit first. miso must be as
// long as mosi and not overlap it. With no fault in the chain it moves bytes
// instead of bits: the registers in a row are one shift register, whatever the
// position of the bits in them, so eight clocks move every byte on by one chip.
func (c *Chain) Transfer(mosi, miso []byte) {
	if c.selected && c.faults == 0 {
		c.transferBytes(mosi, miso)
		return
	}
	c.transferBits(mosi, miso)
}

func (c *Chain) transferBits(mosi, miso []byte) {
	for i, out := range mosi {
		var in byte
		for bit := 7; bit >= 0; bit-- {
			in <<= 1
			if c.Clock(out>>bit&1 == 1) {
				in |= 1
			}
		}
		miso[i] = in
	}
}

func (c *Chain) transferBytes(mosi, miso []byte) {
	n, m := len(c.register), len(mosi)
	for i := range min(n, m) { // the last chip's register comes out first
		miso[i] = c.register[n-1-i]
	}
	if m > n {
		copy(miso[n:], mosi)
	}
	if m < n {
		copy(c.register[m:], c.register[:n-m])
	}
	for k := range min(n, m) { // the byte sent last stays in chip 1
		c.register[k] = mosi[m-1-k]
	}
}

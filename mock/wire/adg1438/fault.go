package adg1438

import "fmt"

// StickSDO holds the SDO pin of a chip, from 1, at a level, as a shorted or
// dead output does.
func (c *Chain) StickSDO(chip int, high bool) error {
	if chip < 1 || chip > len(c.register) {
		return fmt.Errorf("chip %d has no SDO: the chain has chips 1 to %d", chip, len(c.register))
	}
	c.stick(chip, high)
	return nil
}

// StickDIN holds the DIN pin of a chip, from 1, at a level. On the chain it is
// the same wire as the SDO of the chip before; at chip 1 it is MOSI.
func (c *Chain) StickDIN(chip int, high bool) error {
	if chip < 1 || chip > len(c.register) {
		return fmt.Errorf("chip %d has no DIN: the chain has chips 1 to %d", chip, len(c.register))
	}
	c.stick(chip-1, high)
	return nil
}

// Break opens the wire behind chip after: 0 is MOSI, the number of chips is
// MISO. The input at its far end sees its pull-up, pulledUp, or its pull-down.
func (c *Chain) Break(after int, pulledUp bool) error {
	if after < 0 || after > len(c.register) {
		return fmt.Errorf("no wire behind chip %d: the chain has chips 1 to %d, and 0 stands for MOSI", after,
			len(c.register))
	}
	c.stick(after, pulledUp)
	return nil
}

func (c *Chain) stick(wire int, high bool) {
	if c.wire[wire] == intact {
		c.faults++
	}
	c.wire[wire] = stuckLow
	if high {
		c.wire[wire] = stuckHigh
	}
}

// Upset flips one bit (0 = S1) of a chip's register, as a glitch on the clock or
// the supply does. The switches stay until SYNC rises the next time.
func (c *Chain) Upset(chip, bit int) error {
	if chip < 1 || chip > len(c.register) || bit < 0 || bit > 7 {
		return fmt.Errorf("no bit %d of chip %d: the chain has chips 1 to %d of bits 0 to 7", bit, chip, len(c.register))
	}
	c.register[chip-1] ^= 1 << bit
	return nil
}

// Repair mends all wires. What the chips hold stays.
func (c *Chain) Repair() {
	clear(c.wire)
	c.faults = 0
}

// PowerCycle takes the board's supply away and gives it back: registers zero
// and all switches open. RESET does the same. SYNC stays what it is, and so do
// faults of the wires.
func (c *Chain) PowerCycle() {
	clear(c.register)
	c.latch()
}

package adg1438

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"xlab/instrument"
)

// OpenMarker is the byte in front of a frame of zeros. It has a single bit, so
// that even a frame that is cut off leaves no chip with two closed switches.
const OpenMarker = 0x10

// check refuses what must never be sent: a frame of the wrong length and two
// buses on one line. All of it happens before the first byte.
func (c *Chain) check(op string, lines []instrument.Switches) error {
	if err := c.usable(op); err != nil {
		return err
	}
	if len(lines) != c.chips {
		return c.fail(op, "", instrument.KindUsage,
			fmt.Errorf("%d lines were given for a board of %d; no frame was sent", len(lines), c.chips),
			"the wiring map and the board's chain must have the same number of lines")
	}
	for line, s := range lines {
		if bits.OnesCount8(uint8(s)) > 1 {
			return c.fail(op, fmt.Sprintf("line %d", line), instrument.KindRouting,
				fmt.Errorf("line %d would be connected to %s at once, which joins those buses; no frame was sent", line, names(s)),
				"close one switch per line, or none")
		}
	}
	return nil
}

// names lists the closed switches: "S1 and S5".
func names(s instrument.Switches) string {
	var closed []string
	for bit := range 8 {
		if s&(1<<bit) != 0 {
			closed = append(closed, fmt.Sprintf("S%d", bit+1))
		}
	}
	if len(closed) < 2 {
		return strings.Join(closed, "")
	}
	last := len(closed) - 1
	return strings.Join(closed[:last], ", ") + " and " + closed[last]
}

// encode appends the lines' frame to empty: the last chip's byte first, because
// the byte that is sent first is shifted through to the end of the chain.
func encode(empty []byte, lines []instrument.Switches) (frame []byte) {
	frame = empty
	if !slices.ContainsFunc(lines, func(s instrument.Switches) bool { return s != 0 }) {
		frame = append(frame, OpenMarker)
	}
	for _, s := range slices.Backward(lines) {
		frame = append(frame, byte(s))
	}
	return frame
}

// expect fills c.want with what an intact chain gives back when c.frame is
// sent a second time: first what it stored, then what runs through.
func (c *Chain) expect() {
	extra := len(c.frame) - c.chips
	c.want = append(c.want[:0], c.frame[extra:]...)
	c.want = append(c.want, c.frame[:extra]...)
}

package adg1438

import (
	"context"
	"errors"

	"xlab/instrument"
)

// Frame is the frame that Route would send for lines, for another controller of
// the same chain, such as a neuron board's pattern port: one byte per chip, the
// last chip's first. Nothing is sent. The checks are those of Route; all lines
// open are KindUsage, since that frame could not be verified by reading back
// zeros (OpenMarker).
func (c *Chain) Frame(lines []instrument.Switches) ([]byte, error) {
	const op = "adg1438 frame"
	if err := c.check(op, lines); err != nil {
		return nil, err
	}
	frame := encode(nil, lines)
	if len(frame) > len(lines) { // with OpenMarker
		return nil, c.fail(op, "", instrument.KindUsage, errors.New("a frame that opens all switches is not for another "+
			"controller"), "leave it out")
	}
	return frame, nil
}

// Release hands the chain over to another controller: all switches are opened,
// SYNC is left high, and what the chips hold is not known from then on. The next
// Route or Safe takes the chain back. Errors are as for Route.
func (c *Chain) Release(ctx context.Context) error {
	const op = "adg1438 release"
	if err := c.usable(op); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return c.fail(op, "", instrument.KindCancelled, err, "no frame was sent")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.open()
	c.known = false
	if err != nil {
		return c.unopened(op, err, err)
	}
	return nil
}

package flex

import (
	"context"
	"time"
)

// Bits of the status byte (B1500A programming guide, "Status Byte").
const (
	StatusDataReady     byte = 1  // an answer waits to be read
	StatusWait          byte = 2  // a pause or a trigger is being waited for
	StatusInterlockOpen byte = 8  // the interlock circuit is open
	StatusSetReady      byte = 16 // the last command is done; 0 while busy
	StatusError         byte = 32 // an error is in the queue
	StatusService       byte = 64 // service is requested
)

// Part is one piece of a conversation: a command line without its terminator
// and whether an answer is read after it. An empty Command sends nothing to
// the instrument and reads an answer that is already on its way. Within is how
// long the bus is kept for this answer, in whole milliseconds; 0 = as long as the
// bus allows.
type Part = struct {
	Command string
	Reply   bool
	Within  time.Duration
}

// Bus is one instrument on an instrument bus, as far as FLEX needs it. A GPIB
// adapter implements it; the calls block and may be made from one goroutine at
// a time.
type Bus interface {
	// Converse sends all parts in order without waiting in between and
	// returns the answers of those that have Reply set, in order, without
	// their terminators. The whole conversation must be over within timeout.
	// When ctx ends it returns at once; what the instrument did by then is
	// not known.
	Converse(ctx context.Context, timeout time.Duration, parts ...Part) ([][]byte, error)
	// StatusByte does a serial poll.
	StatusByte(ctx context.Context) (byte, error)
	// Clear sends a device clear: input and output buffers are emptied.
	Clear(ctx context.Context) error
	// AwaitReady polls until one of the bits of mask is set, for operations
	// that take longer than the adapter waits for an answer.
	AwaitReady(ctx context.Context, mask byte, timeout time.Duration) error
}

package boxes

import (
	"context"
	"io"

	"xlab/driver/transport"
	"xlab/mock/fault"
)

// Line is an open byte stream to a box.
type Line struct {
	transport.Conn
	Reopen func(ctx context.Context) (transport.Conn, error) // opens the same one again after it was lost
}

// Server is a protocol server for one byte stream.
type Server interface {
	Serve(ctx context.Context, rw io.ReadWriteCloser) error
}

// Simulated is the simulated side of a box, with all that is between it and its line.
type Simulated interface {
	Server
	Faults() fault.Device // what can go wrong with it
}

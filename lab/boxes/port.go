package boxes

import (
	"context"
	"log/slog"
	"time"

	"periph.io/x/conn/v3/spi"

	"xlab/mock/bench"
	"xlab/mock/wire/adg1438"
)

// Port is a kind of SPI port that can be in front of a switch board's chain.
type Port struct {
	Kind string // what addresses of its boards begin with
	Form string // of these addresses, for messages

	// Check tells what is wrong with what follows the kind; nil = it is any name.
	Check func(own string) error
	// Endpoints are the places where it is reached, by which it is locked.
	Endpoints func(ctx context.Context, own string) []string
	// Open opens it. Its errors say which board it is of.
	Open func(own string, o PortOptions) (spi.PortCloser, error)
	// Simulate puts it in front of a simulated chain; nil = it is not simulated.
	Simulate func(b *bench.Bench, chain *adg1438.Chain) (Simulated, error)
}

// PortOptions are what a bench asks of a port.
type PortOptions struct {
	Place   string                             // the board and where its address was set, for errors
	Connect func(address string) (Line, error) // opens a line
	// Attach opens a port of this computer by open, unless something stands for it.
	Attach        func(open func() (spi.PortCloser, error)) (spi.PortCloser, error)
	AnswerTimeout time.Duration // of an answer; 0 = as its driver finds right
	Logger        *slog.Logger  // nil = silent
}

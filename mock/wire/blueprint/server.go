package blueprint

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"xlab/mock/bench"
	"xlab/mock/wire"
)

// Bench is the simulated bench: its terminals, and the lock under which they are
// used.
type Bench interface {
	bench.Terminals
	Do(func())
}

// Server is one simulated SM1. Its state outlives a connection.
type Server struct {
	bench  Bench
	on     bool // the channels are connected
	silent bool
}

// New makes a box that was just switched on.
func New(b Bench) (*Server, error) {
	if b.Units() < channels {
		return nil, fmt.Errorf("simulated SM1: the bench has %d units, the box has %d channels", b.Units(), channels)
	}
	return &Server{bench: b}, nil
}

// Silence makes the box deaf and mute, as with its plug pulled, or brings it back.
// Like PowerCycle it is for whoever plays the outside world, under the bench's Do.
func (s *Server) Silence(on bool) { s.silent = on }

// PowerCycle switches the box off and on.
func (s *Server) PowerCycle() { s.connect(false) }

// longestLine is how many characters a line may have, its end included.
const longestLine = 256

// Serve answers one host until its stream ends or ctx does, and closes the
// stream. It returns nil when the host has gone, the context's error when ctx
// has ended, and what reading or writing failed with otherwise. Several streams
// share the box's state; a half line is forgotten with its stream.
func (s *Server) Serve(ctx context.Context, rw io.ReadWriteCloser) error {
	return wire.Serve(ctx, "simulated SM1", rw, s.serve)
}

func (s *Server) serve(rw io.ReadWriter) error {
	lines := bufio.NewReaderSize(rw, longestLine)
	for {
		line, err := lines.ReadSlice('\n')
		long := false
		for errors.Is(err, bufio.ErrBufferFull) {
			long = true
			line, err = lines.ReadSlice('\n')
		}
		if err != nil {
			return err
		}
		answer := ""
		s.bench.Do(func() {
			switch {
			case s.silent:
			case long:
				answer = notUnderstood + "\n"
			default:
				answer = s.obey(string(line[:len(line)-1])) + "\n"
			}
		})
		if answer != "" {
			if _, err := io.WriteString(rw, answer); err != nil {
				return err
			}
		}
	}
}

package neuron

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"xlab/mock/bench"
	"xlab/mock/wire"
)

// Options are what differs from board to board.
type Options struct {
	Serial string  // of the wiring map
	Line   float64 // s of bench time that each answered line takes on its way
	Clock  float64 // Hz of the pattern port
}

// DefaultOptions are a full-speed USB frame of 1 ms per answer (assumption) and
// a pattern port at 10 MHz, half of what a chain of ADG1438 allows.
func DefaultOptions(serial string) Options {
	return Options{Serial: serial, Line: 1e-3, Clock: 10e6}
}

// Settings at power-up and after *RST.
const (
	powerUpAverage = 1
	powerUpSettle  = 5 // µs
)

// Server is the board's microcontroller. Its state outlives a connection.
type Server struct {
	bench   bench.NeuronTerminals
	chain   wire.Peripheral
	options Options
	hidden  int
	outputs int

	average   int
	settle    int   // µs
	mark      int   // of *ESE
	codes     []int // of the trim DACs, hidden first
	frames    [mostFrames][]byte
	condition int
	errors    errorQueue

	faults faults
}

// New makes a board that was just switched on, with chain on its pattern port,
// nil for nothing.
func New(b bench.NeuronTerminals, chain wire.Peripheral, o Options) (*Server, error) {
	if !(o.Line >= 0) || math.IsInf(o.Line, 1) || !(o.Clock > 0) {
		return nil, fmt.Errorf("simulated neuron board: Line is %g s and must be 0 or more, Clock is %g Hz and must be "+
			"above 0", o.Line, o.Clock)
	}
	s := &Server{bench: b, chain: chain, options: o}
	s.hidden, s.outputs = b.Neurons()
	if s.hidden+s.outputs == 0 {
		return nil, errors.New("simulated neuron board: the bench has no neurons")
	}
	s.codes = make([]int, s.hidden+s.outputs)
	s.reset()
	return s, nil
}

// reset is *RST.
func (s *Server) reset() {
	s.average, s.settle, s.condition = powerUpAverage, powerUpSettle, 0
	clear(s.frames[:])
	s.untrim()
}

// longestLine is how many characters a message may have.
const longestLine = 8192

// assembler cuts a byte stream into lines.
type assembler struct {
	line []byte
	long bool
}

// take adds one byte and tells whether it ended a line.
func (a *assembler) take(c byte) bool {
	switch {
	case c == '\n':
		return true
	case len(a.line) > longestLine: // room for a CR
		a.long = true
	default:
		a.line = append(a.line, c)
	}
	return false
}

// Serve answers one host until its stream ends or ctx does, and closes the
// stream. It returns nil when the host has gone, the context's error when ctx
// has ended, and what reading or writing failed with otherwise. Several streams
// share the board's state; a half line is forgotten with its stream.
func (s *Server) Serve(ctx context.Context, rw io.ReadWriteCloser) error {
	return wire.Serve(ctx, "simulated neuron board", rw, s.serve)
}

func (s *Server) serve(rw io.ReadWriter) error {
	var lines assembler
	var out []byte
	return wire.Pieces(rw, func(piece []byte) error {
		for _, c := range piece {
			if !lines.take(c) {
				continue
			}
			s.bench.Do(func() { out = s.handle(lines, out[:0]) })
			lines.line, lines.long = lines.line[:0], false
			if len(out) > 0 {
				if _, err := rw.Write(out); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// handle obeys one line and appends its answer to out.
func (s *Server) handle(l assembler, out []byte) []byte {
	if s.faults.silent || s.faults.hanging {
		return out
	}
	line := strings.TrimSuffix(string(l.line), "\r")
	if l.long || len(line) > longestLine {
		s.errors.push(tooMuchData, "line")
		return out
	}
	if strings.Trim(line, spaces) == "" {
		return out
	}
	m := parse(line)
	if m.query {
		s.bench.Hold(s.options.Line)
	}
	answer, c, detail := s.obey(m)
	if c != noError {
		s.errors.push(c, cmp.Or(detail, m.line))
	}
	if !m.query {
		return out
	}
	return s.faults.spoil(append(append(out, answer...), '\n'))
}

package prologix

import (
	"context"
	"errors"
	"fmt"
	"io"

	"xlab/mock/wire"
)

// longestLine is how much of a line is kept. A longer one is dropped whole:
// half a command is worse than none.
const longestLine = 1 << 16

// outputChunk is how much is collected for the host before it is written.
const outputChunk = 1 << 15

// assembler cuts a byte stream into lines and takes the escapes out.
type assembler struct {
	line    []byte
	pluses  int  // unescaped plus signs at the beginning of the line, 2 at most
	escaped bool // the next byte is data whatever it is
	long    bool // the line is too long
}

// take adds one byte; true if it ended a line that holds something, which is
// to be used and reset before the next byte.
func (s *assembler) take(c byte) bool {
	switch {
	case s.escaped:
		s.escaped = false
	case c == 0x1b:
		s.escaped = true
		return false
	case c == '\r' || c == '\n':
		if len(s.line) > 0 || s.pluses == 2 || s.long {
			return true
		}
		s.reset()
		return false
	case c == '+':
		if len(s.line) == 0 && s.pluses < 2 {
			s.pluses++
		}
		return false
	}
	if len(s.line) >= longestLine {
		s.long = true
		return false
	}
	s.line = append(s.line, c)
	return false
}

// reset makes ready for the next line.
func (s *assembler) reset() {
	s.line, s.pluses, s.long = s.line[:0], 0, false
}

// Serve answers one host until its stream ends or ctx does, and closes the
// stream. It returns nil when the host has gone, the context's error when ctx
// has ended, and what reading or writing failed with otherwise. Several
// streams, one after the other or side by side, may be served; they share the
// adapter's settings, a half line is forgotten with its stream.
func (a *Adapter) Serve(ctx context.Context, rw io.ReadWriteCloser) error {
	// A blocked read or write ends only with the stream.
	stop := context.AfterFunc(ctx, func() { rw.Close() })
	defer func() {
		stop()
		rw.Close()
	}()
	err := a.serve(rw)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, io.EOF):
		return nil
	}
	return fmt.Errorf("prologix: serving a host: %w", err)
}

func (a *Adapter) serve(rw io.ReadWriter) error {
	var lines assembler
	var out []byte
	step := func() { out = a.handle(&lines, out) }
	return wire.Pieces(rw, func(piece []byte) error {
		for _, c := range piece {
			if !lines.take(c) {
				continue
			}
			a.bench.Do(step)
			lines.reset()
			if len(out) >= outputChunk {
				if _, err := rw.Write(out); err != nil {
					return err
				}
				out = out[:0]
			}
		}
		if len(out) == 0 {
			return nil
		}
		_, err := rw.Write(out)
		out = out[:0]
		return err
	})
}

// handle carries out one line under the bench's Do and appends what it gives
// to out.
func (a *Adapter) handle(l *assembler, out []byte) []byte {
	if a.silent || l.long {
		return out
	}
	a.out = out
	if l.pluses == 2 {
		a.control(l.line)
	} else {
		a.send(l.line)
	}
	out, a.out = a.out, nil
	return out
}

package neuron

import (
	"bytes"
	"encoding/hex"
	"strings"
)

// mostFrames is the size of the pattern memory.
const mostFrames = 1024

// store is BURS:FRAM.
func (s *Server) store(p []string) (string, code, string) {
	first, c := whole(p[0], 1, mostFrames)
	if c != noError {
		return "", c, ""
	}
	list := p[1:]
	if first-1+len(list) > mostFrames {
		return "", outOfMemory, ""
	}
	length := 0
	for i, f := range s.frames {
		// A slot that is written anew has no say.
		if f != nil && (i < first-1 || i >= first-1+len(list)) {
			length = len(f)
		}
	}
	frames := make([][]byte, len(list))
	for i, text := range list {
		f, err := hex.DecodeString(text)
		if err != nil || length > 0 && len(f) != length {
			return "", illegalParameter, ""
		}
		length, frames[i] = len(f), f
	}
	copy(s.frames[first-1:], frames)
	return done()
}

func (s *Server) stored() (n int) {
	for _, f := range s.frames {
		if f != nil {
			n++
		}
	}
	return n
}

// run is BURS:RUN?.
func (s *Server) run(p []string) (string, code, string) {
	from, to := s.hidden, s.hidden+s.outputs
	if len(p) > 0 {
		if !means(p[0], "HIDden") {
			return "", illegalParameter, ""
		}
		from, to = 0, s.hidden
	}
	if s.stored() == 0 {
		return "", settingsConflict, "no frames stored"
	}
	s.fresh()
	if s.chain == nil {
		return s.broken(nil) // nothing comes back
	}
	s.condition &^= chainBroken
	var patterns []string
	for _, f := range s.frames {
		if f == nil {
			continue
		}
		s.chain.Select(true)
		if !s.shift(f) {
			// SYNC is still low: nothing has changed yet.
			s.open(len(f))
			return s.broken(patterns)
		}
		s.chain.Select(false)
		s.bench.Hold(float64(s.settle) * 1e-6)
		patterns = append(patterns, values(s.convert()[from:to]))
	}
	for _, f := range s.frames {
		if f != nil {
			s.chain.Select(true)
			if !s.open(len(f)) {
				return s.broken(patterns)
			}
			break
		}
	}
	return strings.Join(patterns, ";"), noError, ""
}

func (s *Server) broken(patterns []string) (string, code, string) {
	s.condition |= chainBroken
	return strings.Join(patterns, ";"), hardwareError, "switch chain"
}

// shift sends a frame twice and tells whether the first copy came back while the
// second one was sent, as it does through a chain of as many chips.
func (s *Server) shift(frame []byte) bool {
	back := s.twice(frame)
	return bytes.Equal(back, frame)
}

// twice clocks bytes out twice in a row; back is what came in the second time.
func (s *Server) twice(out []byte) (back []byte) {
	back = make([]byte, len(out))
	s.chain.Transfer(out, back)
	s.chain.Transfer(out, back)
	s.bench.Hold(2 * 8 * float64(len(out)) / s.options.Clock)
	return back
}

// marker runs in front of a frame of zeros, which would come back from a line that
// is dead as well.
const marker = 0x10

// open sends the frame that opens every switch of a chain, lets SYNC rise, and
// tells whether the chain gave it back. The marker falls out at the end: of a
// frame that is one byte longer than the chain, what comes back begins one byte
// later.
func (s *Server) open(chips int) bool {
	frame := make([]byte, chips+1)
	frame[0] = marker
	back := s.twice(frame)
	s.chain.Select(false)
	want := make([]byte, chips+1)
	want[chips] = marker
	return bytes.Equal(back, want)
}

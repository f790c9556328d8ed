package neuron

import "bytes"

// The methods of this file are for whoever plays the outside world. They are
// called under the bench's Do. A neuron that is stuck or saturated is the bench's
// affair (Bench.StickNeuron), a broken switch chain the chain's.

// faults is what is wrong with the line.
type faults struct {
	silent, hanging bool
	garble, cut     int // answers still to be spoiled
}

// Silence makes the board deaf and mute, as with its plug pulled, or brings it
// back.
func (s *Server) Silence(on bool) { s.faults.silent = on }

// Hang makes the board deaf and mute until a power cycle.
func (s *Server) Hang() { s.faults.hanging = true }

// PowerCycle switches the board off and on: settings, trims, patterns and errors
// are gone, and so are spoiled answers.
func (s *Server) PowerCycle() {
	s.faults = faults{}
	s.errors, s.mark = nil, 0
	s.reset()
}

// InjectError puts an error into the queue as if a command had failed; detail is
// what it is about.
func (s *Server) InjectError(number int, detail string) { s.errors.push(code(number), detail) }

// Garble makes the next answers lines of other bytes, as a wrong baud rate does.
func (s *Server) Garble(answers int) { s.faults.garble = answers }

// Cut makes the next answers stop half-way, without their line end.
func (s *Server) Cut(answers int) { s.faults.cut = answers }

// spoil does to an answer what is wrong with the line.
func (f *faults) spoil(line []byte) []byte {
	switch {
	case f.garble > 0:
		f.garble--
		for i, c := range line[:len(line)-1] {
			line[i] = c ^ 0xa5
		}
		// The exclusive or may have made a line end.
		return append(bytes.ReplaceAll(line[:len(line)-1], []byte("\n"), []byte{0xff}), '\n')
	case f.cut > 0:
		f.cut--
		return line[:len(line)/2]
	}
	return line
}

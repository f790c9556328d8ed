package neuron

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"xlab/mock/bench"
)

// Bits of the condition register.
const (
	atRail      = 1
	overRange   = 2
	chainBroken = 4
)

// rail is from which |output| on an output neuron counts as at its rail, V.
const rail = 9.8

// SCPI's numbers for what is no value.
const (
	infinity = 9.9e37
	noNumber = 9.91e37
)

// convert samples all neurons and notes what is to be noted.
func (s *Server) convert() []bench.Conversion {
	r := s.bench.ConvertNeurons(s.average)
	for j, x := range r {
		if x.Over != 0 {
			s.condition |= overRange
		}
		if j >= s.hidden && math.Abs(x.Volts) >= rail {
			s.condition |= atRail
		}
	}
	return r
}

// fresh forgets the condition of the last conversion.
func (s *Server) fresh() { s.condition &^= atRail | overRange }

// measure is MEAS:VOLT? of the neurons from first on.
func (s *Server) measure(p []string, first, count int) (string, code, string) {
	list := make([]int, count)
	for i := range list {
		list[i] = i
	}
	if len(p) > 0 {
		var c code
		if list, c = channels(p[0], count); c != noError {
			return "", c, ""
		}
	}
	s.fresh()
	r := s.convert()
	values := make([]string, len(list))
	for i, j := range list {
		values[i] = format(r[first+j])
	}
	return strings.Join(values, ","), noError, ""
}

// format writes a reading as the board does.
func format(r bench.Conversion) string {
	v := r.Volts
	switch {
	case math.IsNaN(v):
		v = noNumber
	case r.Over != 0:
		v = math.Copysign(infinity, float64(r.Over))
	case v == 0:
		v = 0 // without a sign
	}
	return fmt.Sprintf("%+.6E", v)
}

func values(r []bench.Conversion) string {
	list := make([]string, len(r))
	for i, x := range r {
		list[i] = format(x)
	}
	return strings.Join(list, ",")
}

// The trim DACs' codes.
const (
	trimBits    = 12
	lowestCode  = -1 << (trimBits - 1)
	highestCode = -lowestCode - 1
)

// trimWait is the shortest wait of a trimming step, µs.
const trimWait = 5

func (s *Server) untrim() {
	clear(s.codes)
	s.bench.TrimNeurons(s.codes)
}

// trim is CAL:OFFS?: hidden neurons first, because their outputs may be what the
// output neurons see.
func (s *Server) trim([]string) (string, code, string) {
	s.fresh()
	s.approximate(0, s.hidden)
	s.approximate(s.hidden, len(s.codes))
	left := s.look()
	for j, r := range left {
		low, high := s.codes[j] == lowestCode && r.Volts > 0, s.codes[j] == highestCode && r.Volts < 0
		if low || high {
			s.errors.push(hardwareError, fmt.Sprintf("trim of %s out of reach", s.name(j)))
		}
	}
	return values(left), noError, ""
}

// look sets the trims, waits and converts.
func (s *Server) look() []bench.Conversion {
	s.bench.TrimNeurons(s.codes)
	s.bench.Hold(float64(max(s.settle, trimWait)) * 1e-6)
	return s.convert()
}

// approximate finds for each of some neurons the highest code at which its output
// is not above zero, bit by bit, and takes the next one when that is nearer.
func (s *Server) approximate(from, to int) {
	if from == to {
		return
	}
	// V at the present code. The lowest one is not looked at by itself: where it
	// is the best there is, the next one is not nearer.
	at := make([]float64, to-from)
	for j := from; j < to; j++ {
		s.codes[j] = lowestCode
	}
	for bit := trimBits - 1; bit >= -1; bit-- {
		add := 1
		if bit >= 0 {
			add <<= bit
		}
		before := slices.Clone(s.codes)
		for j := from; j < to; j++ {
			s.codes[j] = min(s.codes[j]+add, highestCode)
		}
		for j, r := range s.look()[from:to] {
			nearer := bit < 0 && math.Abs(r.Volts) < math.Abs(at[j])
			if r.Volts <= 0 || nearer {
				at[j] = r.Volts
			} else {
				s.codes[from+j] = before[from+j]
			}
		}
	}
}

// name is a neuron's in an error, counted from 1.
func (s *Server) name(j int) string {
	if j < s.hidden {
		return fmt.Sprintf("H%d", j+1)
	}
	return fmt.Sprintf("O%d", j-s.hidden+1)
}

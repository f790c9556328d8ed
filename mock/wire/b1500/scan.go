package b1500

import (
	"bytes"
	"strconv"
)

// mostParameters is more than any command takes.
const mostParameters = 16

// longestHeader is more than any header has, with its * and ?.
const longestHeader = 12

// spaces may stand between the parts of a command.
const spaces = " \t\r"

// statement is one command: its header in upper case and its parameters.
type statement struct {
	headerBytes [longestHeader]byte
	headerLen   int
	values      [mostParameters]float64
	count       int
}

func (s *statement) header() []byte        { return s.headerBytes[:s.headerLen] }
func (s *statement) parameters() []float64 { return s.values[:s.count] }

// scan splits one command into header and parameters. An empty command gives
// an empty header. Parameters are read only after the header, so that a fault
// still tells which command it was.
func (s *statement) scan(text []byte) fault {
	s.headerLen, s.count = 0, 0
	text = bytes.Trim(text, spaces)
	i := 0
	for ; i < len(text); i++ {
		c := text[i]
		switch {
		case c >= 'a' && c <= 'z':
			c -= 'a' - 'A'
		case c >= 'A' && c <= 'Z', c == '*' && i == 0:
		default:
			c = 0
		}
		if c == 0 {
			break
		}
		if s.headerLen == longestHeader {
			return fault{code: undefinedCommand}
		}
		s.headerBytes[s.headerLen] = c
		s.headerLen++
	}
	if i < len(text) && text[i] == '?' && s.headerLen > 0 {
		if s.headerLen == longestHeader {
			return fault{code: undefinedCommand}
		}
		s.headerBytes[s.headerLen] = '?'
		s.headerLen++
		i++
	}
	if s.headerLen == 0 {
		if len(text) > 0 {
			return fault{code: undefinedCommand}
		}
		return fault{}
	}
	rest := bytes.TrimLeft(text[i:], spaces)
	if len(rest) == 0 {
		return fault{}
	}
	for {
		part := rest
		comma := bytes.IndexByte(rest, ',')
		if comma >= 0 {
			part = rest[:comma]
		}
		v, ok := number(bytes.Trim(part, spaces))
		if !ok {
			return fault{code: numericSyntax}
		}
		if s.count == mostParameters {
			return fault{code: terminatorPosition}
		}
		s.values[s.count] = v
		s.count++
		if comma < 0 {
			return fault{}
		}
		rest = rest[comma+1:]
	}
}

// number reads a decimal number. Go's own syntax has more than the instrument
// accepts (hexadecimal, inf, nan, underscores), so the letters are checked first.
func number(b []byte) (float64, bool) {
	if len(b) == 0 {
		return 0, false
	}
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9', c == '+', c == '-', c == '.', c == 'e', c == 'E':
		default:
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(string(b), 64)
	return v, err == nil
}

// whole turns a parameter into an integer; false if it is none.
func whole(x float64) (int, bool) {
	if x < -1e9 || x > 1e9 {
		return 0, false
	}
	n := int(x)
	return n, float64(n) == x
}

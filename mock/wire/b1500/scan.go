package b1500

import (
	"bytes"
	"strconv"
	"strings"
)

// spaces may stand between the parts of a command.
const spaces = " \t\r"

// statement is one command: its header in upper case and its parameters.
type statement struct {
	header string
	parameters
}

// scan splits one command into header and parameters. An empty command gives
// an empty header. Parameters are read only after the header, so that a fault
// still tells which command it was.
func scan(text []byte) *statement {
	text = bytes.Trim(text, spaces)
	rest := bytes.TrimLeftFunc(bytes.TrimPrefix(text, []byte{'*'}), func(r rune) bool {
		return r|0x20 >= 'a' && r|0x20 <= 'z'
	})
	if len(rest) < len(text) {
		rest = bytes.TrimPrefix(rest, []byte{'?'})
	}
	s := &statement{header: strings.ToUpper(string(text[:len(text)-len(rest)]))}
	s.check(s.header != "" || len(text) == 0, undefinedCommand)
	rest = bytes.TrimLeft(rest, spaces)
	if len(rest) == 0 {
		return s
	}
	s.values = s.room[:0]
	for more := true; more && !s.bad(); {
		var part []byte
		part, rest, more = bytes.Cut(rest, []byte{','})
		v, ok := parseNumber(bytes.Trim(part, spaces))
		s.check(ok, numericSyntax)
		s.check(len(s.values) < len(s.room), terminatorPosition)
		s.values = append(s.values, v)
	}
	return s
}

// parseNumber reads a decimal number. Go's own syntax has more than the instrument
// accepts (hexadecimal, inf, nan, underscores): what has other letters than E.
func parseNumber(b []byte) (float64, bool) {
	if bytes.ContainsFunc(b, func(r rune) bool { return r > '9' && r != 'e' && r != 'E' }) {
		return 0, false
	}
	v, err := strconv.ParseFloat(string(b), 64)
	return v, err == nil
}

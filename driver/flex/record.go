package flex

import (
	"fmt"
	"strconv"
	"strings"

	"xlab/instrument"
)

// Format is the first argument of the FMT command.
type Format int

// The formats that carry a header with every value (programming guide, "ASCII
// Data Output Format").
const (
	FMT1  Format = 1  // status letter, channel letter, type, 12 characters
	FMT11 Format = 11 // status letter, channel letter, type, 13 characters
	FMT21 Format = 21 // three digits of status, channel letter, type, 13 characters
)

// Status of a record: the bits of FMT21. The letters of the other formats are
// translated into them.
type Status uint16

const (
	Overflow        Status = 1    // beyond the measuring range, or not measured because a sweep stopped (letter V)
	Oscillation     Status = 2    // the unit oscillates (letter X)
	OtherCompliance Status = 4    // another unit is in compliance (letter T)
	Compliance      Status = 8    // this unit is in compliance (letter C)
	NotFound        Status = 16   // search target not found (letter G)
	SearchStopped   Status = 32   // search stopped (letter S)
	Invalid         Status = 64   // the value means nothing
	Last            Status = 128  // last record of the block (letter E on source values)
	Saturation      Status = 1024 // force saturation (letter F; has no bit in FMT21)
)

// Type says what a record's value is.
type Type byte

const (
	TypeVoltage Type = 'V' // V
	TypeCurrent Type = 'I' // A, positive out of the unit
	TypeTime    Type = 'T' // s since TSR
)

// Record is one value of an answer.
type Record struct {
	Status  Status
	Channel int // 1 to 10; 0 for what belongs to no channel (letter Z) and for the ground unit (letter V)
	Type    Type
	Value   float64 // V, A or s; +-199.999E+99 with Overflow
	Source  bool    // a source value (letters W and E), not a measured one
}

// Missing reports the value that stands for "over range" and for levels that
// were not reached, 199.999E+99 of either sign.
func (r Record) Missing() bool { return r.Value >= 1e99 || r.Value <= -1e99 }

// ParseRecords reads the records of one answer, which are joined by commas.
// text is the answer without its terminator. Anything that is not exactly of
// the format is an error of KindProtocol that shows the offending text: half
// an answer must never be taken for a small current.
func ParseRecords(format Format, text string) ([]Record, error) {
	records := make([]Record, 0, strings.Count(text, ",")+1)
	for rest, more := text, true; more; {
		var item string
		item, rest, more = strings.Cut(rest, ",")
		r, err := parseRecord(format, item)
		if err != nil {
			return nil, garbled(fmt.Sprintf("FMT %d answer, record %d", format, len(records)+1), item, err)
		}
		records = append(records, r)
	}
	return records, nil
}

func parseRecord(format Format, s string) (Record, error) {
	var r Record
	var err error
	digits := 13
	switch format {
	case FMT1, FMT11:
		if format == FMT1 {
			digits = 12
		}
		if len(s) != 3+digits {
			return r, fmt.Errorf("%d characters instead of %d", len(s), 3+digits)
		}
		letter, known := statusLetters[s[0]]
		if !known {
			return r, fmt.Errorf("status letter %q", s[0])
		}
		r.Status, r.Source, s = letter.status, letter.source, s[1:]
	case FMT21:
		if len(s) != 5+digits {
			return r, fmt.Errorf("%d characters instead of %d", len(s), 5+digits)
		}
		if r.Status, err = statusDigits(s[:3]); err != nil {
			return r, err
		}
		s = s[3:]
	default:
		return r, fmt.Errorf("format %d is not one that this package reads", format)
	}
	switch letter := s[0]; {
	case letter >= 'A' && letter <= 'J':
		r.Channel = int(letter-'A') + 1
	case letter == 'V' || letter == 'Z':
	default:
		return r, fmt.Errorf("channel letter %q", letter)
	}
	switch r.Type = Type(s[1]); r.Type {
	case TypeVoltage, TypeCurrent, TypeTime:
	default:
		return r, fmt.Errorf("type letter %q", s[1])
	}
	r.Value, err = parseValue(s[2:])
	return r, err
}

// statusLetters are the statuses of the older formats, and those of source values.
var statusLetters = map[byte]struct {
	status Status
	source bool
}{
	'N': {0, false},
	'T': {OtherCompliance, false},
	'C': {Compliance, false},
	'V': {Overflow, false},
	'X': {Oscillation, false},
	'F': {Saturation, false},
	'G': {NotFound, false},
	'S': {SearchStopped, false},
	'W': {0, true},
	'E': {Last, true},
}

func statusDigits(s string) (Status, error) {
	n := 0
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, fmt.Errorf("status %q is not three digits", s)
		}
		n = 10*n + int(s[i]-'0')
	}
	if n > 255 {
		return 0, fmt.Errorf("status %q is more than the sum of all bits", s)
	}
	return Status(n), nil
}

// parseValue reads sign, one to three digits, point, digits, E, sign, two
// digits. strconv alone would take far more for a number.
func parseValue(s string) (float64, error) {
	bad := fmt.Errorf("%q is not a number such as +1.234567E-06", s)
	if len(s) < len("+0.0E+00") {
		return 0, bad
	}
	mantissa, exponent := s[:len(s)-4], s[len(s)-4:]
	if exponent[0] != 'E' || !isSign(exponent[1]) || !isDigits(exponent[2:]) || !isSign(mantissa[0]) {
		return 0, bad
	}
	before, after, found := strings.Cut(mantissa[1:], ".")
	if !found || len(before) > 3 || !isDigits(before) || !isDigits(after) {
		return 0, bad
	}
	x, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, fmt.Errorf("%q: %w", s, err)
	}
	if x == 0 {
		return 0, nil // not -0
	}
	return x, nil
}

func isSign(c byte) bool { return c == '+' || c == '-' }

func isDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// garbled is the error for text that cannot be what the instrument sends.
func garbled(what, text string, cause error) error {
	const most = 80
	if len(text) > most {
		text = text[:most] + "..."
	}
	return &instrument.Error{
		Op:     "flex " + what,
		Kind:   instrument.KindProtocol,
		Err:    fmt.Errorf("%q: %w", text, cause),
		Advice: "the answer was garbled, cut or belongs to another question; clear the bus and make the bench safe",
	}
}

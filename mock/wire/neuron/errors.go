package neuron

import (
	"cmp"
	"fmt"
	"strings"
)

// code is the number of an error, after SCPI-1999.
type code int

const (
	noError             code = 0
	parameterNotAllowed code = -108
	missingParameter    code = -109
	undefinedHeader     code = -113
	settingsConflict    code = -221
	outOfRange          code = -222
	tooMuchData         code = -223
	illegalParameter    code = -224
	hardwareError       code = -240
	outOfMemory         code = -321
	queueOverflow       code = -350
)

var texts = map[code]string{
	noError: "No error", parameterNotAllowed: "Parameter not allowed", missingParameter: "Missing parameter",
	undefinedHeader: "Undefined header", settingsConflict: "Settings conflict", outOfRange: "Data out of range",
	tooMuchData: "Too much data", illegalParameter: "Illegal parameter value", hardwareError: "Hardware error",
	outOfMemory: "Out of memory", queueOverflow: "Queue overflow",
}

// longestDetail is how much of a message is repeated in an error.
const longestDetail = 60

// queueLength is how many errors are kept.
const queueLength = 16

// errorQueue is the list of errors, oldest first.
type errorQueue []string

// push adds an error; detail is what it is about, "" for nothing.
func (q *errorQueue) push(c code, detail string) {
	text := cmp.Or(texts[c], "Device-specific error")
	if detail != "" {
		text += ";" + plain(detail)
	}
	if len(*q) == queueLength {
		(*q)[queueLength-1] = entry(queueOverflow, texts[queueOverflow])
		return
	}
	*q = append(*q, entry(c, text))
}

func entry(c code, text string) string { return fmt.Sprintf(`%d,"%s"`, c, text) }

// pop takes the oldest error out.
func (q *errorQueue) pop() string {
	if len(*q) == 0 {
		return entry(noError, texts[noError])
	}
	oldest := (*q)[0]
	*q = append((*q)[:0], (*q)[1:]...)
	return oldest
}

// plain makes a message fit to stand in a quoted answer.
func plain(s string) string {
	if len(s) > longestDetail {
		s = s[:longestDetail]
	}
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c >= ' ' && c < 0x7f && c != '"' {
			b.WriteByte(c)
		} else {
			b.WriteByte('?')
		}
	}
	return b.String()
}

package transport

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A transcript is text with one frame per line, the form of the golden frames
// in hwdocs:
//
//	# a comment
//	== the name of a section
//	> ++ver\n
//	< Prologix GPIB-USB Controller version 6.107\r\n
//	# 0.001234
//	> *IDN?\n
//
// "> " leads from the host to the instrument and "< " back. Bytes that are no
// printable ASCII, the backslash, and a space at the end are escaped as in Go
// strings, so that no editor changes a frame. Empty lines mean nothing. A recording
// has a section for every connection, named by its address, and may have the time of
// a frame in s as a comment in front of it.
const (
	toInstrument = "> "
	toHost       = "< "
	section      = "== "
)

// Comments of a recording that mean something to whoever plays it.
const (
	// Closed ends what was recorded of a connection: without it there may have been more.
	Closed = "# closed"
	// late is a read that got nothing up to its deadline: what follows came after that.
	late = "read: i/o timeout"
)

// appendFrame appends data as the text of a frame.
func appendFrame(text []byte, data []byte) []byte {
	for i, c := range data {
		switch {
		case c == ' ' && i == len(data)-1:
			text = append(text, `\x20`...)
		case c == '\\':
			text = append(text, `\\`...)
		case c == '\n':
			text = append(text, `\n`...)
		case c == '\r':
			text = append(text, `\r`...)
		case c == '\t':
			text = append(text, `\t`...)
		case c < ' ' || c >= 0x7f:
			text = append(text, `\x`...)
			text = append(text, "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		default:
			text = append(text, c)
		}
	}
	return text
}

// parseFrame is the inverse of appendFrame. It takes every escape of Go strings.
func parseFrame(text string) ([]byte, error) {
	if !utf8.ValidString(text) {
		return nil, fmt.Errorf("%q is not UTF-8: write such bytes as \\xNN", text)
	}
	data := make([]byte, 0, len(text))
	for rest := text; rest != ""; {
		if after, found := strings.CutPrefix(rest, `\"`); found {
			data, rest = append(data, '"'), after
			continue
		}
		r, multibyte, tail, err := strconv.UnquoteChar(rest, 0)
		if err != nil {
			return nil, fmt.Errorf("the escape at %q is none of Go's", rest)
		}
		if multibyte {
			data = utf8.AppendRune(data, r)
		} else {
			data = append(data, byte(r))
		}
		rest = tail
	}
	return data, nil
}

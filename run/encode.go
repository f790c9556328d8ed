package run

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"math"
	"strconv"
	"unicode/utf8"

	"xlab/instrument"
)

// Version is the version of the journal and of result.json written here.
const Version = 1

// Type says what a line of the journal is.
type Type string

const (
	TypeHeader Type = "header" // first line of a segment
	TypeIntent Type = "intent" // what is about to be done
	TypePart   Type = "part"   // what came of some of an intent's steps; the intent stays open
	TypeResult Type = "result" // what came of an intent; closes it
	TypeEvent  Type = "event"  // something worth knowing, sorted by kind
	TypeNote   Type = "note"   // text for a person
	TypeEnd    Type = "end"    // last line of a run that ended by itself
)

// maxLine bounds a line of the journal in bytes, for writer and reader alike.
// Larger data belongs into a data file of the run directory.
const maxLine = 16 << 20

// JSONAppender is implemented by data that is journaled often: it appends its
// JSON text without line feeds to dst. It is called with the journal locked and
// must not use the journal. Everything else goes through encoding/json.
type JSONAppender interface {
	AppendJSON(dst []byte) ([]byte, error)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const (
	crcOpen   = `,"crc":"`
	crcClose  = `"}`
	crcLength = len(crcOpen) + 8 + len(crcClose)
)

// line is one line of the journal before it has a place in it.
type line struct {
	kind    Type
	of      uint64
	event   string
	version int
	segment int
	data    any
}

// AppendChecksum closes the JSON object at b[first:], whose closing brace is missing, with
// a checksum of it as its last member. What is kept line by line is closed so.
func AppendChecksum(b []byte, first int) []byte {
	sum := crc32.Checksum(b[first:], castagnoli)
	return append(appendHex32(append(b, crcOpen...), sum), crcClose...)
}

// appendLine writes a whole line to dst. On an error dst is returned as it was.
func appendLine(dst []byte, seq uint64, bench instrument.Seconds, hasBench bool, l line) ([]byte, error) {
	first := len(dst)
	b := strconv.AppendUint(append(dst, `{"seq":`...), seq, 10)
	if hasBench {
		b = AppendFloat(append(b, `,"bench":`...), float64(bench))
	}
	b = AppendString(append(b, `,"type":`...), string(l.kind))
	if l.of != 0 {
		b = strconv.AppendUint(append(b, `,"of":`...), l.of, 10)
	}
	if l.event != "" {
		b = AppendString(append(b, `,"kind":`...), l.event)
	}
	if l.version != 0 {
		b = strconv.AppendInt(append(b, `,"version":`...), int64(l.version), 10)
		b = strconv.AppendInt(append(b, `,"segment":`...), int64(l.segment), 10)
	}
	b, err := appendData(append(b, `,"data":`...), l.data)
	if err != nil {
		return dst, fmt.Errorf("%s cannot be written as JSON: %w", l.kind, err)
	}
	b = AppendChecksum(b, first)
	if n := len(b) - first; n > maxLine {
		return dst, fmt.Errorf("%s of %d bytes is longer than a journal line may be (%d bytes): write it to a data file "+
			"of the run", l.kind, n, maxLine)
	}
	return append(b, '\n'), nil
}

func appendData(b []byte, data any) ([]byte, error) {
	switch d := data.(type) {
	case nil:
		return append(b, "null"...), nil
	case JSONAppender:
		first := len(b)
		b, err := d.AppendJSON(b)
		if err != nil {
			return b, err
		}
		// A line that does not parse would be noticed only when it is needed.
		if text := b[first:]; bytes.IndexByte(text, '\n') >= 0 || !json.Valid(text) {
			return b, fmt.Errorf("%T appended text that is not JSON on one line", data)
		}
		return b, nil
	default:
		text, err := json.Marshal(data)
		if err != nil {
			return b, err
		}
		return append(b, text...), nil
	}
}

// AppendFloat appends x as a JSON number that reads back to the same value, or
// null where x is not finite: JSON has no word for that.
func AppendFloat(dst []byte, x float64) []byte {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return append(dst, "null"...)
	}
	return strconv.AppendFloat(dst, x, 'g', -1, 64)
}

// AppendString appends s as a JSON string. Bytes that are not UTF-8 become the
// replacement character.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < ' ':
			dst = fmt.Appendf(dst, `\u%04x`, r)
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}

const hexDigits = "0123456789abcdef"

func appendHex32(b []byte, x uint32) []byte {
	for shift := 28; shift >= 0; shift -= 4 {
		b = append(b, hexDigits[x>>shift&15])
	}
	return b
}

package run

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"

	"xlab/instrument"
)

// Why a line is unreadable.
var (
	errNoChecksum = errors.New("no checksum at its end")
	errChecksum   = errors.New("its checksum does not fit")
	errForm       = errors.New("it is not a journal line although its checksum fits")
)

// envelope is a line without its checksum.
type envelope struct {
	Seq     uint64          `json:"seq"`
	Bench   *float64        `json:"bench"`
	Type    Type            `json:"type"`
	Of      uint64          `json:"of"`
	Kind    string          `json:"kind"`
	Version int             `json:"version"`
	Segment int             `json:"segment"`
	Data    json.RawMessage `json:"data"`
}

// CutChecksum gives what AppendChecksum closed, without the closing brace, of a line
// without its line feed. Where the checksum does not fit, or there is none, it is an error.
func CutChecksum(text []byte) ([]byte, error) {
	at := len(text) - crcLength
	if at < 0 || string(text[at:at+len(crcOpen)]) != crcOpen || string(text[len(text)-len(crcClose):]) != crcClose {
		return nil, errNoChecksum
	}
	var fits [8]byte
	if !bytes.Equal(appendHex32(fits[:0], crc32.Checksum(text[:at], castagnoli)),
		text[at+len(crcOpen):at+len(crcOpen)+8]) {
		return nil, errChecksum
	}
	return text[:at], nil
}

// parseLine reads a line without its line feed. The envelope refers to text.
func parseLine(text []byte) (envelope, error) {
	written, err := CutChecksum(text)
	if err != nil {
		return envelope{}, err
	}
	e, ok := parseWritten(written)
	if !ok {
		// Some other program wrote it, or one that writes the keys otherwise.
		e = envelope{}
		if err := json.Unmarshal(text, &e); err != nil {
			return envelope{}, fmt.Errorf("%w: %w", errForm, err)
		}
	}
	if e.Seq == 0 || e.Type == "" {
		return envelope{}, fmt.Errorf("%w: seq or type is missing", errForm)
	}
	return e, nil
}

// parseWritten reads what appendLine writes, several times faster than
// encoding/json does. It is ok only for exactly that form.
func parseWritten(text []byte) (e envelope, ok bool) {
	p := cursor{rest: text}
	if !p.skip(`{"seq":`) {
		return e, false
	}
	e.Seq = p.unsigned()
	if p.skip(`,"bench":`) {
		bench := p.float()
		e.Bench = &bench
	}
	if !p.skip(`,"type":"`) {
		return e, false
	}
	e.Type = p.lineType()
	if p.skip(`,"of":`) {
		e.Of = p.unsigned()
	}
	if p.skip(`,"kind":"`) {
		e.Kind = p.word()
	}
	if p.skip(`,"version":`) {
		e.Version = int(p.unsigned())
	}
	if p.skip(`,"segment":`) {
		e.Segment = int(p.unsigned())
	}
	if !p.skip(`,"data":`) || p.bad || !json.Valid(p.rest) {
		return e, false
	}
	e.Data = p.rest
	return e, true
}

// cursor walks through a line. What is not of the form that is written makes
// it bad.
type cursor struct {
	rest []byte
	bad  bool
}

func (c *cursor) skip(prefix string) bool {
	if len(c.rest) < len(prefix) || string(c.rest[:len(prefix)]) != prefix {
		return false
	}
	c.rest = c.rest[len(prefix):]
	return true
}

// upTo returns what is in front of the next b, which stays or is skipped.
func (c *cursor) upTo(b byte, skip bool) []byte {
	n := bytes.IndexByte(c.rest, b)
	if n < 0 {
		c.bad = true
		return nil
	}
	text := c.rest[:n]
	if skip {
		n++
	}
	c.rest = c.rest[n:]
	return text
}

// unsigned reads a number of at most 15 digits: more are left to the slow way.
func (c *cursor) unsigned() uint64 {
	text := c.upTo(',', false)
	if len(text) == 0 || len(text) > 15 || text[0] == '0' && len(text) > 1 {
		c.bad = true
		return 0
	}
	n := uint64(0)
	for _, b := range text {
		if b < '0' || b > '9' {
			c.bad = true
			return 0
		}
		n = n*10 + uint64(b-'0')
	}
	return n
}

func (c *cursor) float() float64 {
	text := c.upTo(',', false)
	// Valid rules out what ParseFloat accepts and JSON does not.
	if !json.Valid(text) {
		c.bad = true
		return 0
	}
	x, err := strconv.ParseFloat(string(text), 64)
	c.bad = c.bad || err != nil
	return x
}

func (c *cursor) lineType() Type {
	text := c.upTo('"', true)
	for _, known := range [...]Type{TypeIntent, TypePart, TypeResult, TypeEvent, TypeNote, TypeHeader, TypeEnd} {
		if string(text) == string(known) {
			return known
		}
	}
	c.bad = true
	return ""
}

func (c *cursor) word() string {
	text := c.upTo('"', true)
	for _, b := range text {
		if b == '\\' || b < ' ' || b > '~' {
			c.bad = true
			return ""
		}
	}
	return string(text)
}

// record is the part of an envelope that readers see.
func (e envelope) record() Record {
	r := Record{Seq: e.Seq, Type: e.Type, Of: e.Of, Kind: e.Kind, Data: e.Data}
	if e.Bench != nil {
		r.Bench, r.HasBench = instrument.Seconds(*e.Bench), true
	}
	return r
}

// Record is one line of a journal as read back.
type Record struct {
	Seq      uint64             `json:"seq"`
	Type     Type               `json:"type"`
	Bench    instrument.Seconds `json:"bench,omitempty"` // bench time last known when it was written; see HasBench
	HasBench bool               `json:"-"`
	Of       uint64             `json:"of,omitempty"`   // intent that a part or result belongs to
	Kind     string             `json:"kind,omitempty"` // of an event
	Data     json.RawMessage    `json:"data"`
	File     string             `json:"-"` // segment, without directory
	Line     int                `json:"-"` // in the segment, from 1
}

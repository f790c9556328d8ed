package b1500

import (
	"fmt"
	"math"
	"strconv"
)

// Bits of a record's status (FMT 21).
const (
	overRange       = 1 // or not measured
	otherCompliance = 4
	ownCompliance   = 8
)

// nothing is the number of a record without a value.
const nothing = 199.9999e99

// blockWriter collects the records of one answer in a format.
type blockWriter struct {
	format int
	block  block
}

// newBlock begins an answer in the format that is set.
func (a *Analyzer) newBlock() *blockWriter {
	w := &blockWriter{format: a.settings.format}
	w.block.text = make([]byte, 0, 24)
	return w
}

// finish ends the answer and puts it into the output data buffer.
func (a *Analyzer) finish(w *blockWriter) fault {
	if w.format%10 == 5 {
		w.block.text = append(w.block.text, ',')
	} else {
		w.block.text = append(w.block.text, '\r', '\n')
	}
	if !a.answers.add(w.block) {
		return fault{code: dataBufferFull}
	}
	return fault{}
}

// room tells whether the output data buffer takes so many more records.
func (a *Analyzer) room(records int) fault {
	if a.answers.records+records > mostRecords {
		return fault{code: dataBufferFull}
	}
	return fault{}
}

// value writes one measured record.
func (w *blockWriter) value(status, letter, kind byte, v float64) {
	w.record([]byte{statusLetter(status), letter, kind},
		[]byte{'0' + status/100, '0' + status/10%10, '0' + status%10, letter, kind}, v)
}

// source writes one record of a source's level; last is that of the last step.
func (w *blockWriter) source(last bool, letter, kind byte, level float64) {
	step := byte('W')
	if last {
		step = 'E'
	}
	w.record([]byte{step, letter, kind}, []byte{' ', ' ', step, letter, kind | 0x20}, level)
}

// record writes a number behind its head, which FMT 21 has longer.
func (w *blockWriter) record(head, longHead []byte, v float64) {
	if w.block.records > 0 {
		w.block.text = append(w.block.text, ',')
	}
	w.block.records++
	switch w.format {
	case 1, 5, 11, 15:
		w.block.text = append(w.block.text, head...)
	case 21, 25:
		w.block.text = append(w.block.text, longHead...)
	}
	digits := 7
	if w.format < 10 {
		digits = 6
	}
	w.block.text = appendNumber(w.block.text, v, digits)
}

// statusLetter is the status in the older formats, which name only the worst.
func statusLetter(status byte) byte {
	switch {
	case status&overRange != 0:
		return 'V'
	case status&ownCompliance != 0:
		return 'C'
	case status&otherCompliance != 0:
		return 'T'
	}
	return 'N'
}

// appendNumber writes a number in engineering form with a fixed number of
// digits, one to three of them before the point, and an exponent that is a
// multiple of three: +12.34560E-06.
func appendNumber(b []byte, v float64, digits int) []byte {
	if v >= nothing || v <= -nothing || math.IsNaN(v) {
		b = append(b, "+199.9999"[:digits+2]...)
		return append(b, "E+99"...)
	}
	// The library rounds to the digits wanted; only the point has to move.
	var room [24]byte
	e := strconv.AppendFloat(room[:0], math.Abs(v), 'e', digits-1, 64)
	exponent, _ := strconv.Atoi(string(e[digits+2:]))
	if exponent < -99 {
		return appendNumber(b, 0, digits)
	}
	before := ((exponent % 3) + 3) % 3
	sign := byte('+')
	if v < 0 {
		sign = '-'
	}
	b = append(b, sign, e[0])
	b = append(b, e[2:2+before]...)
	b = append(b, '.')
	b = append(b, e[2+before:digits+1]...)
	return fmt.Appendf(b, "E%+03d", exponent-before)
}

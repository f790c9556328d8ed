package b1500

import (
	"math"
	"strconv"

	"xlab/mock/bench"
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
func (w *blockWriter) value(status byte, letter, kind byte, v float64) {
	w.begin()
	switch w.format {
	case 1, 5, 11, 15:
		w.block.text = append(w.block.text, statusLetter(status), letter, kind)
	case 21, 25:
		w.block.text = append(w.block.text, '0'+status/100, '0'+status/10%10, '0'+status%10, letter, kind)
	}
	w.number(v)
}

// source writes one record of a source's level; last is that of the last step.
func (w *blockWriter) source(last bool, letter byte, mode bench.Mode, level float64) {
	step := byte('W')
	if last {
		step = 'E'
	}
	kind := byte('V')
	if mode == bench.ForceCurrent {
		kind = 'I'
	}
	w.begin()
	switch w.format {
	case 1, 5, 11, 15:
		w.block.text = append(w.block.text, step, letter, kind)
	case 21, 25:
		w.block.text = append(w.block.text, ' ', ' ', step, letter, kind|0x20)
	}
	w.number(level)
}

func (w *blockWriter) begin() {
	if w.block.records > 0 {
		w.block.text = append(w.block.text, ',')
	}
	w.block.records++
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

func (w *blockWriter) number(v float64) {
	digits := 7
	if w.format < 10 {
		digits = 6
	}
	w.block.text = appendNumber(w.block.text, v, digits)
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
	exponent := 0
	if v != 0 {
		n, err := strconv.Atoi(string(e[digits+2:]))
		if err != nil || n < -99 {
			v, e = 0, strconv.AppendFloat(room[:0], 0, 'e', digits-1, 64)
		} else {
			exponent = n
		}
	}
	before := ((exponent % 3) + 3) % 3
	exponent -= before
	sign := byte('+')
	if v < 0 {
		sign = '-'
	}
	b = append(b, sign, e[0])
	b = append(b, e[2:2+before]...)
	b = append(b, '.')
	b = append(b, e[2+before:digits+1]...)
	b = append(b, 'E')
	if exponent < 0 {
		b = append(b, '-')
		exponent = -exponent
	} else {
		b = append(b, '+')
	}
	return append(b, '0'+byte(exponent/10), '0'+byte(exponent%10))
}

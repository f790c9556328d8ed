package export

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// Tags and types of the NetCDF classic format (NetCDF Users' Guide, "File Format
// Specifications", 64-bit offset variant).
const (
	ncDimension = 0x0A
	ncVariable  = 0x0B
	ncAttribute = 0x0C

	ncChar   = 2
	ncInt    = 4
	ncDouble = 6
)

// recordDimension is the name of the unlimited dimension.
const recordDimension = "record"

// WriteNetCDF writes a NetCDF classic file with 64-bit offsets (CDF-2), which
// every NetCDF library reads. Rows are records of the unlimited dimension "record",
// whose name no column may have: readers take a variable of a dimension's name for
// its coordinates.
// Every variable has the attributes units and long_name; the provenance is in
// the global attributes, as text, numbers and lists as JSON. Texts are character
// arrays filled up with NUL to the length of the longest one. Integers are int,
// or double where one of them needs more than 32 bits.
func WriteNetCDF(w io.Writer, t *Table, p Provenance) error {
	// The head says how many records follow and how long texts are, so that the
	// rows are read twice.
	rows := 0
	widths := make([]int, len(t.Columns))
	wide := make([]bool, len(t.Columns))
	err := t.Rows(func(row []Value) error {
		rows++
		for i, v := range row {
			widths[i] = max(widths[i], len(v.Text))
			wide[i] = wide[i] || v.Integer > math.MaxInt32 || v.Integer < math.MinInt32
		}
		return nil
	})
	if err != nil {
		return err
	}
	if int64(rows) > math.MaxInt32 {
		return fmt.Errorf("netcdf: %d rows are more than the format has room for; use parquet", rows)
	}
	f := &ncFile{rows: rows}
	for i, c := range t.Columns {
		if c.Name == recordDimension {
			return fmt.Errorf("netcdf: the column %s has the name of the dimension", c.Name)
		}
		f.variables = append(f.variables, newNCColumn(c, widths[i], wide[i]))
	}
	head, err := f.head(t, p)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 64<<10)
	if _, err := out.Write(head); err != nil {
		return err
	}
	written := 0
	var record []byte
	err = t.Rows(func(row []Value) error {
		record = record[:0]
		for i, v := range f.variables {
			record = v.append(record, row[i])
		}
		written++
		_, err := out.Write(record)
		return err
	})
	if err == nil && written != rows {
		err = fmt.Errorf("netcdf: %d rows at first, %d then: the run changed meanwhile; export it again", rows, written)
	}
	if err == nil {
		err = out.Flush()
	}
	return err
}

type ncFile struct {
	rows      int
	variables []ncColumn
}

type ncColumn struct {
	Column
	kind  uint32
	width int // of texts, in bytes
}

func newNCColumn(c Column, width int, wide bool) ncColumn {
	v := ncColumn{Column: c, kind: ncDouble}
	switch {
	case c.Kind == Text:
		v.kind, v.width = ncChar, max(1, width)
	case c.Kind == Integer && !wide:
		v.kind = ncInt
	}
	return v
}

// size is what the variable takes of a record, in bytes.
func (v ncColumn) size() int {
	switch v.kind {
	case ncChar:
		return (v.width + 3) &^ 3
	case ncInt:
		return 4
	}
	return 8
}

// append adds the variable's part of a record.
func (v ncColumn) append(b []byte, value Value) []byte {
	switch {
	case v.kind == ncChar:
		b = append(b, value.Text...)
		return append(b, make([]byte, v.size()-len(value.Text))...)
	case v.kind == ncInt:
		return binary.BigEndian.AppendUint32(b, uint32(int32(value.Integer)))
	case v.Kind == Integer:
		return binary.BigEndian.AppendUint64(b, math.Float64bits(float64(value.Integer)))
	}
	return binary.BigEndian.AppendUint64(b, math.Float64bits(value.Real))
}

// head is everything in front of the records.
func (f *ncFile) head(t *Table, p Provenance) ([]byte, error) {
	var facts [][2]string
	for _, fact := range t.of(p) {
		text, err := fact.text()
		if err != nil {
			return nil, err
		}
		facts = append(facts, [2]string{fact.Name, text})
	}
	// The places of the variables depend on the length of the head, which does
	// not depend on the places.
	return f.encode(facts, len(f.encode(facts, 0))), nil
}

func (f *ncFile) encode(facts [][2]string, at int) []byte {
	b := ncWords([]byte("CDF\x02"), uint32(f.rows))
	texts := 0
	for _, v := range f.variables {
		if v.kind == ncChar {
			texts++
		}
	}
	b = ncList(b, ncDimension, 1+texts)
	b = ncWords(ncText(b, recordDimension), 0) // unlimited
	for _, v := range f.variables {
		if v.kind == ncChar {
			b = ncWords(ncText(b, v.Name+"_length"), uint32(v.width))
		}
	}
	b = ncAttributes(b, facts)
	b = ncList(b, ncVariable, len(f.variables))
	text := uint32(0)
	for _, v := range f.variables {
		b = ncText(b, v.Name)
		if v.kind == ncChar {
			text++
			b = ncWords(b, 2, 0, text)
		} else {
			b = ncWords(b, 1, 0)
		}
		b = ncAttributes(b, [][2]string{{"units", cmp.Or(v.Unit, "1")}, {"long_name", v.Description}})
		b = ncWords(b, v.kind, uint32(v.size()))
		b = binary.BigEndian.AppendUint64(b, uint64(at))
		at += v.size()
	}
	return b
}

func ncList(b []byte, tag uint32, n int) []byte {
	if n == 0 {
		tag = 0
	}
	return ncWords(b, tag, uint32(n))
}

func ncWords(b []byte, words ...uint32) []byte {
	for _, w := range words {
		b = binary.BigEndian.AppendUint32(b, w)
	}
	return b
}

// ncText writes a text with its length, filled up to four bytes.
func ncText(b []byte, text string) []byte {
	b = append(ncWords(b, uint32(len(text))), text...)
	return append(b, make([]byte, (4-len(text)%4)%4)...)
}

func ncAttributes(b []byte, facts [][2]string) []byte {
	b = ncList(b, ncAttribute, len(facts))
	for _, f := range facts {
		b = ncText(ncWords(ncText(b, f[0]), ncChar), f[1])
	}
	return b
}

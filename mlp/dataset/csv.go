package dataset

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/mat"
)

// CSVOptions say how a CSV file is to be understood.
type CSVOptions struct {
	Name string // for messages; empty = the file's name
	// Label is the column that holds the class: its name in the header, or its
	// index from 0. Empty stands for the last column.
	Label string
	// Classes are the classes in the order of the labels; another one in the
	// file is an error. nil = all that occur, sorted.
	Classes []string
	Ignore  []string // columns, by name, that are no features
	Comma   rune     // field separator; 0 = ','
}

// NotNumberError is a feature that is no number: often the class, which was
// looked for in another column.
type NotNumberError struct {
	Column string // of the feature
	Label  string // column that the class was taken from
	Err    error  // the message, with file, line and column
}

// Error implements error.
func (e *NotNumberError) Error() string { return e.Err.Error() }

// Unwrap gives the message without the columns.
func (e *NotNumberError) Unwrap() error { return e.Err }

// OpenCSV reads the file at path.
func OpenCSV(path string, o CSVOptions) (*Set, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if o.Name == "" {
		o.Name = filepath.Base(path)
	}
	return ReadCSV(f, o)
}

// ReadCSV reads a table with a header line: one sample per record, one column
// with its class, all others numbers. Everything that is not as expected is an
// error with name, line and column (counted from 1, the column in bytes).
func ReadCSV(r io.Reader, o CSVOptions) (*Set, error) {
	if o.Name == "" {
		o.Name = "CSV"
	}
	b := bufio.NewReader(r)
	// Spreadsheets put a byte order mark in front, which would become part of
	// the first column's name.
	if mark, err := b.Peek(3); err == nil && string(mark) == "\ufeff" {
		if _, err := b.Discard(3); err != nil {
			return nil, fmt.Errorf("%s: %w", o.Name, err)
		}
	}
	t := &csvTable{o: o, r: csv.NewReader(b)}
	t.r.FieldsPerRecord = -1 // checked here, with a better message
	t.r.TrimLeadingSpace = true
	if o.Comma != 0 {
		t.r.Comma = o.Comma
	}
	if err := t.header(); err != nil {
		return nil, err
	}
	for {
		record, err := t.r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, t.failed(err)
		}
		if err := t.sample(record); err != nil {
			return nil, err
		}
	}
	return t.set()
}

type csvTable struct {
	o       CSVOptions
	r       *csv.Reader
	names   []string // of all columns
	label   int
	feature []int // columns that are features
	values  []float64
	classes []string // of every sample
}

// at is an error at a field of the record read last.
func (t *csvTable) at(field int, format string, args ...any) error {
	line, column := t.r.FieldPos(field)
	return fmt.Errorf("%s:%d:%d: %s", t.o.Name, line, column, fmt.Sprintf(format, args...))
}

func (t *csvTable) failed(err error) error {
	var p *csv.ParseError
	if errors.As(err, &p) {
		return fmt.Errorf("%s:%d:%d: %w", t.o.Name, p.Line, p.Column, p.Err)
	}
	return fmt.Errorf("%s: %w", t.o.Name, err)
}

func (t *csvTable) header() error {
	record, err := t.r.Read()
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: the file is empty: a header line with the names of the columns is needed", t.o.Name)
	}
	if err != nil {
		return t.failed(err)
	}
	for i, name := range record {
		name = strings.TrimSpace(name)
		switch {
		case name == "":
			return t.at(i, "column %d has no name in the header", i)
		case slices.Contains(t.names, name):
			return t.at(i, "column name %q is there twice", name)
		}
		t.names = append(t.names, name)
	}
	if t.label, err = t.labelColumn(); err != nil {
		return err
	}
	for _, name := range t.o.Ignore {
		if !slices.Contains(t.names, name) {
			return fmt.Errorf("%s:1: there is no column %q to ignore: the header has %q", t.o.Name, name, t.names)
		}
	}
	for i, name := range t.names {
		if i != t.label && !slices.Contains(t.o.Ignore, name) {
			t.feature = append(t.feature, i)
		}
	}
	if len(t.feature) == 0 {
		return fmt.Errorf("%s:1: no column is left for features beside the label %q", t.o.Name, t.names[t.label])
	}
	return nil
}

func (t *csvTable) labelColumn() (int, error) {
	if t.o.Label == "" {
		return len(t.names) - 1, nil
	}
	// A name that looks like a number is still a name.
	if i := slices.Index(t.names, t.o.Label); i >= 0 {
		return i, nil
	}
	i, err := strconv.Atoi(t.o.Label)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%s:1: there is no label column %q: the header has %q", t.o.Name, t.o.Label, t.names)
	case i < 0 || i >= len(t.names):
		return 0, fmt.Errorf("%s:1: there is no label column %d: there are %d, counted from 0", t.o.Name, i, len(t.names))
	}
	return i, nil
}

func (t *csvTable) sample(record []string) error {
	if len(record) != len(t.names) {
		return t.at(min(len(record), len(t.names))-1, "%d fields in this line, the header has %d", len(record), len(t.names))
	}
	class := strings.TrimSpace(record[t.label])
	switch {
	case class == "":
		return t.at(t.label, "the class in column %q is missing", t.names[t.label])
	case t.o.Classes != nil && !slices.Contains(t.o.Classes, class):
		return t.at(t.label, "class %q is not one of %q", class, t.o.Classes)
	}
	t.classes = append(t.classes, class)
	for _, f := range t.feature {
		text := strings.TrimSpace(record[f])
		x, err := strconv.ParseFloat(text, 64)
		switch {
		case text == "":
			return t.at(f, "the value of %q is missing", t.names[f])
		case err != nil:
			return &NotNumberError{Column: t.names[f], Label: t.names[t.label], Err: t.at(f, "%q in column %q is not a number", text, t.names[f])}
		case math.IsNaN(x) || math.IsInf(x, 0):
			return t.at(f, "%s in column %q is not a finite number", text, t.names[f])
		}
		t.values = append(t.values, x)
	}
	return nil
}

func (t *csvTable) set() (*Set, error) {
	if len(t.classes) == 0 {
		return nil, fmt.Errorf("%s: there is no sample below the header", t.o.Name)
	}
	s := &Set{Name: t.o.Name, Classes: t.o.Classes}
	if s.Classes == nil {
		s.Classes = slices.Compact(slices.Sorted(slices.Values(t.classes)))
	}
	for _, f := range t.feature {
		s.Features = append(s.Features, t.names[f])
	}
	for _, c := range t.classes {
		s.Labels = append(s.Labels, slices.Index(s.Classes, c))
	}
	s.X = mat.NewDense(len(t.classes), len(t.feature), t.values)
	return s, s.Validate()
}

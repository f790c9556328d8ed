// Package table reads the tables that people make: CSV as spreadsheets, numpy,
// pandas and R write it, in any of their dialects. What a table does not say by
// itself is found out where that is beyond doubt, and is otherwise an error that
// says what was seen and which flag settles it.
package table

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"xlab/input"
)

// Answer is to a question that a table may leave open.
type Answer int

// The answers; the zero value has it found out.
const (
	Unknown Answer = iota
	Yes
	No
)

// Options are what the reader of a table knows beforehand.
type Options struct {
	Name      string // for messages
	Separator rune   // between cells; 0 = found out, ' ' = blanks
	Comma     Answer // numbers have a decimal comma
	Header    Answer // the first line names the columns
	// Number tells whether a cell is one of the values of the table, written with a
	// decimal point; nil = a number. Empty cells and "-" are neither.
	Number func(cell string) bool
	// Ragged keeps empty cells at the end of lines, which may be what they are
	// there for. Otherwise a separator that all lines end with is ignored.
	Ragged bool
}

// Dialect is how a table is written.
type Dialect struct {
	Separator rune `json:"-"`
	Comma     bool `json:"decimal_comma"`
	Header    bool `json:"header"`
	Width     int  `json:"columns"`
}

// String describes the dialect in words.
func (d Dialect) String() string {
	words := []string{"a single column"}
	if d.Width > 1 {
		words[0] = fmt.Sprintf("%d columns separated by %s", d.Width, d.separator())
	}
	if d.Comma {
		words = append(words, "decimal comma")
	}
	if d.Header {
		words = append(words, "with a heading")
	} else {
		words = append(words, "no heading")
	}
	return strings.Join(words, ", ")
}

func (d Dialect) separator() string {
	switch d.Separator {
	case '\t':
		return "tabs"
	case ' ':
		return "blanks"
	case ',':
		return "commas"
	case ';':
		return "semicolons"
	}
	return fmt.Sprintf("%q", d.Separator)
}

// Reader gives the lines of a table one after the other.
type Reader struct {
	Dialect
	Names []string // of the columns; nil without a heading
	Line  int      // of the heading, or of the line read last
	// Sample are the first lines below the heading.
	Sample [][]string

	o   Options
	csv *csv.Reader
}

// sampled is how much of a table is looked at to find out its dialect, in bytes.
const sampled = 256 << 10

// NewReader finds out how a table is written and reads its heading. Comments
// (lines that begin with #) and empty lines are left out.
func NewReader(r io.Reader, o Options) (*Reader, error) {
	if o.Number == nil {
		o.Number = isNumber
	}
	b := bufio.NewReaderSize(input.Decode(r, o.Name), sampled)
	head, err := b.Peek(sampled)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	t := &Reader{o: o}
	text := string(head)
	if end := strings.LastIndexByte(text, '\n'); err == nil && end >= 0 {
		text = text[:end+1] // the last line is not all there
	}
	if strings.Contains(text, "\r") && !strings.Contains(text, "\n") {
		return nil, fmt.Errorf("%s: its lines end as on an old Macintosh (CR alone): save it with the usual ends of lines",
			o.Name)
	}
	if err := t.findDialect(text); err != nil {
		return nil, err
	}
	t.csv = newCSV(b, t.Separator)
	if t.Header {
		heading, err := t.Next()
		if err != nil {
			return nil, err
		}
		t.Names = slices.Clone(heading)
	}
	return t, nil
}

// newCSV takes lines apart. A run of blanks separates like one.
func newCSV(r io.Reader, separator rune) *csv.Reader {
	c := csv.NewReader(r)
	c.Comma, c.Comment = separator, '#'
	c.FieldsPerRecord = -1
	c.TrimLeadingSpace = separator != '\t' // a tab is a separator even at the beginning
	c.ReuseRecord = true
	return c
}

// read gives the next line with something on it.
func read(c *csv.Reader) ([]string, error) {
	for {
		cells, err := c.Read()
		if err != nil {
			return nil, err
		}
		empty := true
		for i, cell := range cells {
			cells[i] = strings.TrimSpace(cell)
			empty = empty && cells[i] == ""
		}
		if empty && len(cells) == 1 || strings.HasPrefix(cells[0], "#") || hint(cells) {
			continue
		}
		return cells, nil
	}
}

// hint tells whether a line is "sep=;", which Excel writes for itself.
func hint(cells []string) bool {
	return strings.HasPrefix(cells[0], "sep=") && len(cells[0]) <= 5 &&
		(len(cells) == 1 || len(cells) == 2 && cells[1] == "")
}

// Next reads a line: as many cells as the table has columns, without blanks
// around them, valid until the next call. io.EOF ends the table.
func (t *Reader) Next() ([]string, error) {
	for {
		cells, err := read(t.csv)
		if err != nil {
			return nil, t.failed(err)
		}
		t.Line, _ = t.csv.FieldPos(0)
		if !t.o.Ragged && !slices.ContainsFunc(cells, func(c string) bool { return c != "" }) {
			continue // spreadsheets write what was deleted as separators only
		}
		cells = fit(cells, t.Width)
		if len(cells) != t.Width {
			return nil, fmt.Errorf("%s:%d:%d: %d cells in this line, the others have %d "+
				"(separated by %s; --separator names another one)",
				t.o.Name, t.Line, t.Column(min(len(cells), t.Width)-1), len(cells), t.Width, t.separator())
		}
		return cells, nil
	}
}

// Column tells where a cell of the line read last begins, in bytes from 1.
func (t *Reader) Column(cell int) int {
	_, column := t.csv.FieldPos(cell)
	return column
}

// fit takes off an empty cell behind the last column.
func fit(cells []string, width int) []string {
	if n := len(cells); n == width+1 && cells[n-1] == "" {
		return cells[:n-1]
	}
	return cells
}

func (t *Reader) failed(err error) error {
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	if p, ok := errors.AsType[*csv.ParseError](err); ok {
		return fmt.Errorf("%s:%d:%d: %w", t.o.Name, p.Line, p.Column, p.Err)
	}
	return err
}

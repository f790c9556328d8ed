// Package report writes what a run has found as one HTML page that opens
// anywhere: text, tables, figures and the styles are all inside of it, and it
// asks nothing of a network. It follows the reader's light or dark colours,
// can be printed, and says at its end where its numbers come from.
//
// The page's bytes depend on the Report alone. Nothing in a Report is trusted:
// texts are escaped, and a figure is taken over only as far as it is a drawing
// (see Figure).
package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"xlab/run/keyfigure"
)

// Report is what a page shows, in this order. All texts are plain text.
type Report struct {
	Title    string   // of the page; needed
	Subtitle string   // one line below it
	Lead     []string // sentences: how it ended, and why
	Facts    []Fact   // key facts: the result in a few lines
	Sections []Section

	Provenance Provenance // at the end, folded up
}

// Fact is a name with its value, such as "devices in tolerance" and
// "396 of 400".
type Fact struct{ Name, Value string }

// Section is a part of a report with a heading: paragraphs first, then
// comparisons, tables, figures and links. Parts that are empty are left out.
type Section struct {
	Title       string
	Text        []string // paragraphs
	Comparisons []Comparison
	Tables      []Table
	Figures     []Figure
	Links       []Link
}

// Link leads to another page beside this one.
type Link struct {
	Text string
	File string // relative to the page's directory, with slashes
}

// Comparison is a table of published values beside the measured ones.
type Comparison struct {
	Caption string
	Rows    []keyfigure.Comparison
}

// Table is a table of any columns.
type Table struct {
	Caption string
	Columns []Column
	Rows    [][]string // as long as Columns each
	Folded  bool       // shown only when opened, for tables of hundreds of lines
}

// Column is the head of a column.
type Column struct {
	Name string
	Text bool // left-aligned; otherwise numbers, right-aligned
}

// Figure is a picture with a caption.
//
// The SVG becomes part of the page. It may contain shapes, texts and embedded
// images, as package figure draws them; anything that could run, load or
// restyle something is refused.
type Figure struct {
	Caption string
	Alt     string // what the picture shows, for readers who do not see it; empty: the caption
	SVG     []byte
}

// Provenance says what the numbers were measured with.
type Provenance struct {
	Facts       []Fact          // run, program version, bench, chip, seed
	Spec        json.RawMessage // specification of the run
	Limits      []Fact          // limits that were in force, such as "source voltage" and "±2.5 V"
	Instruments []Instrument
}

// Instrument is one box of the bench.
type Instrument struct {
	Name     string // as in the bench file, such as "analyzer"
	Identity string // as it answers itself
	Address  string // as it was reached
}

// Write writes the page. Nothing is written when the report is not valid: the
// error then says what in it is wrong, and where.
func Write(w io.Writer, r Report) error {
	p, err := newPage(r)
	if err != nil {
		return fmt.Errorf("report %q: %w", r.Title, err)
	}
	var b bytes.Buffer
	if err := layout.Execute(&b, p); err != nil {
		return fmt.Errorf("report %q: %w", r.Title, err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("report %q: %w", r.Title, err)
	}
	return nil
}

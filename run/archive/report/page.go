package report

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"path"
	"strings"
)

//go:embed page.html
var pageText string

var layout = template.Must(template.New("page").Parse(pageText))

// page is a report made ready for the layout: checked, numbered, and with its
// figures as parts of HTML.
type page struct {
	Report
	Contents bool // a list of the sections is worth its place
	Sections []section
	Spec     string // indented
}

type section struct {
	Section
	ID          string
	Comparisons []comparison
	Tables      []table
	Figures     []picture
}

type comparison struct {
	Comparison
	Number          int
	Published, Note bool // columns with an entry
}

type table struct {
	Table
	Number int
}

type picture struct {
	Caption string
	Number  int
	SVG     template.HTML
	Alt     string
}

func newPage(r Report) (page, error) {
	if r.Title == "" {
		return page{}, errors.New("it has no title")
	}
	p := page{Report: r, Contents: len(r.Sections) > 2}
	tables, figures := 0, 0
	for i, s := range r.Sections {
		if s.Title == "" {
			return page{}, fmt.Errorf("section %d has no title", i)
		}
		q := section{Section: s, ID: fmt.Sprintf("section-%d", i+1)}
		for _, l := range s.Links {
			if l.Text == "" || path.IsAbs(l.File) || strings.Contains(l.File, ":") || path.Ext(l.File) != ".html" {
				return page{}, fmt.Errorf("section %q: a link to %q: give the relative name of another page", s.Title, l.File)
			}
		}
		for _, c := range s.Comparisons {
			tables++
			q.Comparisons = append(q.Comparisons, newComparison(c, tables))
		}
		for _, t := range s.Tables {
			tables++
			if err := t.check(); err != nil {
				return page{}, fmt.Errorf("section %q: table %d (%q): %w", s.Title, tables, t.Caption, err)
			}
			q.Tables = append(q.Tables, table{t, tables})
		}
		for _, f := range s.Figures {
			figures++
			pic, err := newPicture(f)
			if err != nil {
				return page{}, fmt.Errorf("section %q: figure %d (%q): %w", s.Title, figures, f.Caption, err)
			}
			pic.Number = figures
			q.Figures = append(q.Figures, pic)
		}
		p.Sections = append(p.Sections, q)
	}
	if len(r.Provenance.Spec) > 0 {
		var b bytes.Buffer
		if err := json.Indent(&b, r.Provenance.Spec, "", "  "); err != nil {
			return page{}, fmt.Errorf("the specification is no JSON: %w", err)
		}
		p.Spec = b.String()
	}
	return p, nil
}

// LongSpec reports whether the specification would fill pages on paper, as one with
// a value for each device of an array.
func (p page) LongSpec() bool { return strings.Count(p.Spec, "\n") > 150 }

// HasProvenance reports whether there is anything to say at the end.
func (p page) HasProvenance() bool {
	v := p.Provenance
	return len(v.Facts)+len(v.Limits)+len(v.Instruments) > 0 || p.Spec != ""
}

func newComparison(c Comparison, number int) comparison {
	n := comparison{Comparison: c, Number: number}
	for _, row := range c.Rows {
		n.Published = n.Published || row.Published != ""
		n.Note = n.Note || row.Source != ""
	}
	return n
}

func (t Table) check() error {
	if len(t.Columns) == 0 {
		return errors.New("it has no columns")
	}
	for i, row := range t.Rows {
		if len(row) != len(t.Columns) {
			return fmt.Errorf("line %d has %d entries for %d columns: give one for each", i, len(row), len(t.Columns))
		}
	}
	return nil
}

func newPicture(f Figure) (picture, error) {
	p := picture{Caption: f.Caption, Alt: f.Alt}
	p.Alt = cmp.Or(p.Alt, f.Caption)
	switch {
	case p.Alt == "":
		return p, errors.New("it has neither caption nor alternative text: say what it shows")
	case f.SVG == nil:
		return p, errors.New("it has no picture")
	}
	inline, err := inlineSVG(f.SVG, p.Alt)
	p.SVG = template.HTML(inline)
	return p, err
}

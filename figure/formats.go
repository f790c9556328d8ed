package figure

import (
	"fmt"
	"io"
	"strings"
)

// Formats are the forms in which figures are written. SVG is always among them:
// pages are made of it.
type Formats uint8

// The forms: SVG for screens and pages, PNG for slides, PDF for papers.
const (
	SVG Formats = 1 << iota
	PNG
	PDF
	AllFormats = SVG | PNG | PDF
)

// formats are the forms in the order in which they are written.
var formats = []struct {
	format Formats
	name   string
	write  func(*Drawing, io.Writer) error
}{{SVG, "svg", (*Drawing).WriteSVG}, {PNG, "png", (*Drawing).WritePNG}, {PDF, "pdf", (*Drawing).WritePDF}}

// UnmarshalText reads forms as in "svg, png, pdf".
func (f *Formats) UnmarshalText(text []byte) error {
	var found Formats
	for word := range strings.SplitSeq(string(text), ",") {
		word = strings.ToLower(strings.TrimSpace(word))
		known := false
		for _, x := range formats {
			if word == x.name {
				found, known = found|x.format, true
			}
		}
		if !known {
			return fmt.Errorf("%q is no form of figures; write them like \"svg, png, pdf\"", word)
		}
	}
	if found&SVG == 0 {
		return fmt.Errorf("%q leaves out svg, of which reports are made", text)
	}
	*f = found
	return nil
}

func (f Formats) String() string {
	var names []string
	for _, x := range formats {
		if f&x.format != 0 {
			names = append(names, x.name)
		}
	}
	return strings.Join(names, ", ")
}

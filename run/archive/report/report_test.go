package report_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"xlab/figure"
	"xlab/run"
	"xlab/run/archive/report"
	"xlab/run/keyfigure"
)

// element is one element of a page, with the text directly inside of it.
type element struct {
	name string
	attr map[string]string
	text string
}

// page is a report read back.
type page struct {
	elements []element
	bytes    []byte
}

// read writes the report and reads it back with a reader that checks the
// nesting of elements.
func read(t testing.TB, r report.Report) page {
	t.Helper()
	var b bytes.Buffer
	if err := report.Write(&b, r); err != nil {
		t.Fatal(err)
	}
	p, err := parse(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func parse(document []byte) (page, error) {
	p := page{bytes: document}
	reader := xml.NewDecoder(bytes.NewReader(document))
	reader.Strict, reader.AutoClose, reader.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	var open []int
	for {
		token, err := reader.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return p, err
		}
		switch e := token.(type) {
		case xml.StartElement:
			attr := make(map[string]string)
			for _, a := range e.Attr {
				attr[a.Name.Local] = a.Value
			}
			open = append(open, len(p.elements))
			p.elements = append(p.elements, element{name: e.Name.Local, attr: attr})
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				p.elements[open[len(open)-1]].text += string(e)
			}
		}
	}
	if len(open) != 0 {
		return p, fmt.Errorf("%d elements are not closed", len(open))
	}
	return p, nil
}

// texts are the texts of all elements of a name, in order.
func (p page) texts(name string) (all []string) {
	for _, e := range p.elements {
		if e.name == name {
			all = append(all, e.text)
		}
	}
	return all
}

func curve(t testing.TB) *figure.Drawing {
	t.Helper()
	d, err := figure.Lines{Title: "I-V & more", X: figure.Axis{Label: "voltage", Unit: "V"},
		Series: []figure.Series{{Name: "<r3c7>", X: []float64{0, 1}, Y: []float64{0, 1e-5}}}}.Draw()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func svgOf(t testing.TB, d *figure.Drawing) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := d.WriteSVG(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func full(t testing.TB) report.Report {
	return report.Report{
		Title: "Tuning of array A", Subtitle: "run 7",
		Facts: []report.Fact{{Name: "devices in tolerance", Value: "392 of 396"}, {Name: "mean error", Value: "1.43 %"}},
		Sections: []report.Section{
			{
				Title: "Result", Text: []string{"First paragraph.", "Second, with 5 % < 7 %."},
				Comparisons: []report.Comparison{{Caption: "against the literature", Rows: []keyfigure.Comparison{
					{What: "mean SET threshold", Published: "1.0 V", Measured: "1.01 V"},
					{What: "mean RESET threshold", Published: "-1.2 V", Measured: "-1.31 V", Source: "edges included"},
					{What: "worst disturb", Measured: "0.8 %"},
				}}},
				Figures: []report.Figure{{Caption: "curve", SVG: svgOf(t, curve(t))}, {Alt: "grey", SVG: svgOf(t, curve(t))}},
			},
			{Title: "Devices", Tables: []report.Table{
				{Caption: "left out", Columns: []report.Column{{Name: "device", Text: true}, {Name: "result"}},
					Rows: [][]string{{"r3c7", "10.4 µS"}, {"r5c6", "–"}}},
				{Caption: "all", Columns: []report.Column{{Name: "device"}}, Folded: true},
			}},
			{Title: "Remarks"},
		},
		Provenance: report.Provenance{
			Facts: []report.Fact{{Name: "program", Value: "xlab 1"}}, Spec: []byte(`{"tolerance":0.05,"array":"A"}`),
			Limits:      []report.Fact{{Name: "source voltage", Value: "±2.5 V"}},
			Instruments: []report.Instrument{{Name: "analyzer", Identity: "B1500A,0", Address: "sim:17"}},
		},
	}
}

func TestPage(t *testing.T) {
	p := read(t, full(t))
	for name, want := range map[string][]string{
		"h1":         {"Tuning of array A"},
		"h2":         {"Result", "Devices", "Remarks", "Provenance"},
		"a":          {"Result", "Devices", "Remarks"},
		"dt":         {"devices in tolerance", "mean error"},
		"dd":         {"392 of 396", "1.43 %"},
		"p":          {"run 7", "First paragraph.", "Second, with 5 % < 7 %."},
		"caption":    {"Table 1. against the literature", "Table 2. left out"},
		"summary":    {"Table 3. all", "Where these numbers come from"},
		"figcaption": {"Figure 1. curve", "Figure 2"},
		"pre":        {"{\n  \"tolerance\": 0.05,\n  \"array\": \"A\"\n}"},
		"td": {"1.0 V", "1.01 V", "", "-1.2 V", "-1.31 V", "edges included", "–", "0.8 %", "",
			"r3c7", "10.4 µS", "r5c6", "–", "xlab 1", "B1500A,0", "sim:17", "±2.5 V"},
		"h3": {"Instruments", "Limits", "Specification"},
	} {
		if got := p.texts(name); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := p.texts("title"); !slices.Equal(got, []string{"Tuning of array A", "I-V & more", "I-V & more"}) {
		t.Errorf("titles of page and figures: %q", got)
	}
	if got := p.texts("text"); !slices.Contains(got, "voltage (V)") || !slices.Contains(got, "<r3c7>") {
		t.Errorf("texts of the figure: %q", got)
	}
	var alts []string
	for _, e := range p.elements {
		if e.name == "svg" {
			alts = append(alts, e.attr["aria-label"])
		}
	}
	if want := []string{"curve", "grey"}; !slices.Equal(alts, want) {
		t.Errorf("alternative texts are %q, want %q", alts, want)
	}
}

// The page is complete in itself: nothing in it can make a reader's machine
// ask for anything.
func TestSelfContained(t *testing.T) {
	p := read(t, full(t))
	policy := false
	for _, e := range p.elements {
		if slices.Contains([]string{"script", "link", "iframe", "object", "embed", "base", "form", "foreignObject"}, e.name) {
			t.Errorf("there is an element %q", e.name)
		}
		for name, value := range e.attr {
			if strings.HasPrefix(name, "on") {
				t.Errorf("%s has an attribute %q", e.name, name)
			}
			if reference := name == "src" || name == "href"; reference && !strings.HasPrefix(value, "data:image/") &&
				!strings.HasPrefix(value, "#section-") {
				t.Errorf("%s refers to %q", e.name, value)
			}
			policy = policy || name == "content" && strings.HasPrefix(value, "default-src 'none'")
		}
	}
	if strings.Contains(string(p.bytes), "://") || strings.Contains(string(p.bytes), "@import") {
		t.Error("there is an address in the page")
	}
	if !policy {
		t.Error("the page does not forbid loading")
	}
	for _, scheme := range []string{"prefers-color-scheme: dark", "@media print"} {
		if !strings.Contains(string(p.bytes), scheme) {
			t.Errorf("%s is not provided for", scheme)
		}
	}
}

func TestSameBytes(t *testing.T) {
	if a, b := read(t, full(t)), read(t, full(t)); !bytes.Equal(a.bytes, b.bytes) {
		t.Error("two reports of the same run differ")
	}
}

// What is empty leaves no trace.
func TestEmptyPartsAreLeftOut(t *testing.T) {
	p := read(t, report.Report{Title: "T",
		Sections: []report.Section{{Title: "S",
			Comparisons: []report.Comparison{{Rows: []keyfigure.Comparison{{What: "q", Measured: "1"}}}}}}})
	for _, name := range []string{"dl", "nav", "footer", "figure", "details"} {
		if len(p.texts(name)) != 0 {
			t.Errorf("there is an empty %s", name)
		}
	}
	if got, want := p.texts("th"), []string{"quantity", "measured", "q"}; !slices.Equal(got, want) {
		t.Errorf("heads are %q, want %q", got, want)
	}
}

// Any text comes out as the text that it is.
func TestTextsAreEscaped(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(
			rapid.SampledFrom([]string{`<script>alert(1)</script>`, `" onload="x`, `</style>`, `</svg><b>`, "{{.Title}}", "&lt;",
				"javascript:alert(1)", "]]>", "µS Ω"}),
			rapid.StringMatching(`[<>&"'a-z{} ]{1,20}`),
		).Draw(t, "text")
		var b bytes.Buffer
		err := report.Write(&b, report.Report{
			Title: text, Subtitle: text, Facts: []report.Fact{{Name: text, Value: text}},
			Sections: []report.Section{{Title: text, Text: []string{text},
				Comparisons: []report.Comparison{{
					Caption: text,
					Rows:    []keyfigure.Comparison{{What: text, Published: text, Measured: text, Source: text}},
				}},
				Tables:  []report.Table{{Caption: text, Columns: []report.Column{{Name: text}}, Rows: [][]string{{text}}}},
				Figures: []report.Figure{{Caption: text, SVG: []byte("<svg></svg>")}},
			}},
			Provenance: report.Provenance{Facts: []report.Fact{{Name: text, Value: text}},
				Instruments: []report.Instrument{{Name: text, Identity: text, Address: text}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		p, err := parse(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, e := range p.elements {
			if e.name == "script" || e.name == "b" || e.attr["onload"] != "" {
				t.Fatalf("%q became an element or attribute", text)
			}
			if e.text == text {
				found++
			}
		}
		if found < 17 {
			t.Fatalf("%q is found %d times", text, found)
		}
	})
}

func TestErrors(t *testing.T) {
	with := func(s report.Section) report.Report {
		s.Title = "S"
		return report.Report{Title: "T", Sections: []report.Section{s}}
	}
	fig := func(f report.Figure) report.Report {
		f.Caption = "F"
		return with(report.Section{Figures: []report.Figure{f}})
	}
	for says, r := range map[string]report.Report{
		`it has no title`:                    {},
		`report "T": section 0 has no title`: {Title: "T", Sections: []report.Section{{}}},
		`table 1 ("C"): it has no columns`:   with(report.Section{Tables: []report.Table{{Caption: "C"}}}),
		`line 1 has 2 entries for 1 columns`: with(report.Section{
			Tables: []report.Table{{Columns: []report.Column{{Name: "a"}}, Rows: [][]string{{"1"}, {"1", "2"}}}}}),
		`neither caption nor alternative text`: with(report.Section{
			Figures: []report.Figure{{SVG: []byte("<svg/>")}}}),
		`figure 1 ("F"): it has no picture`:                   fig(report.Figure{}),
		`it is no SVG: there is no svg element`:               fig(report.Figure{SVG: []byte(" ")}),
		`an element "html" where one svg element is expected`: fig(report.Figure{SVG: []byte("<html/>")}),
		`an element "svg" where one svg`:                      fig(report.Figure{SVG: []byte("<svg/><svg/>")}),
		`it is no SVG: XML syntax error`:                      fig(report.Figure{SVG: []byte("<svg><g></svg>")}),
		`the specification is no JSON`:                        {Title: "T", Provenance: report.Provenance{Spec: []byte("{")}},
	} {
		var b bytes.Buffer
		if err := report.Write(&b, r); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want an error that says %q", err, says)
		}
		if b.Len() > 0 {
			t.Errorf("%q: %d bytes of a page that is not valid were written", says, b.Len())
		}
	}
}

// A figure that could run, load or restyle something is refused, in every
// disguise that a reader of HTML would fall for.
func TestOnlyDrawingsAreTakenOver(t *testing.T) {
	const head = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:h="http://www.w3.org/1999/xhtml">`
	for _, body := range []string{
		`<script>alert(1)</script>`,
		`<h:script>alert(1)</h:script>`,
		`<h:g/>`,
		`<g onclick="alert(1)"/>`,
		`<foreignObject><p/></foreignObject>`,
		`<image href="https://example.org/a.png"/>`,
		`<image xlink:href="file.png"/>`,
		`<image href="data:image/svg+xml;base64,AAAA"/>`,
		`<image href="data:text/html;base64,AAAA"/>`,
		`<a href="#x"><text>x</text></a>`,
		`<use href="#x"/>`,
		`<style>@import "x";</style>`,
		`<path style="fill:url(https://example.org/)"/>`,
		`<path style="fill:URL ( x )" fill="uRl(#x)"/>`,
		`<path style="\75rl(x)"/>`,
		`<path id="main"/>`,
		`<path class="met"/>`,
		`<animate attributeName="x"/>`,
		`<set/>`,
		`<path xlink:d="M0,0"/>`,
	} {
		err := report.Write(io.Discard,
			report.Report{Title: "T",
				Sections: []report.Section{{Title: "S",
					Figures: []report.Figure{{Caption: "F", SVG: []byte(head + body + `</svg>`)}}}}})
		if err == nil {
			t.Errorf("%s is taken over", body)
		}
	}
	// Text that only looks like elements stays text, and comments are gone.
	p := read(t, report.Report{Title: "T",
		Sections: []report.Section{{Title: "S", Figures: []report.Figure{{Caption: "F", SVG: []byte(
			`<?xml version="1.0"?><!DOCTYPE svg><!-- <script/> -->` + head +
				`stray<title><![CDATA[<script>]]></title><text x="1">a &amp; b &lt;b&gt;</text><image width="1" xlink:href="data:image/png;base64,AAAA"/></svg>`)}}}}})
	if got := p.texts("text"); len(got) != 1 || got[0] != "a & b <b>" {
		t.Errorf("text is %q", got)
	}
	if got := p.texts("title"); got[1] != "<script>" {
		t.Errorf("title is %q", got[1])
	}
	if s := string(p.bytes); strings.Contains(s, "<script") || strings.Contains(s, "<!--") ||
		strings.Contains(s, "stray") || !strings.Contains(s, `href="data:image/png;base64,AAAA"`) {
		t.Error("the figure was not written anew from its elements")
	}
}

// Everything that package figure draws can be part of a page, and loses
// nothing.
func TestFiguresAreTakenOver(t *testing.T) {
	large := make([]float64, 100*100)
	for i := range large {
		large[i] = math.Sin(float64(i))
	}
	large[7] = math.NaN()
	for _, spec := range []interface {
		Draw() (*figure.Drawing, error)
	}{
		figure.Map{Title: "large", Rows: 100, Cols: 100, Values: large, Scale: figure.Scale{Diverging: true}},
		figure.Map{Title: "small", Rows: 4, Cols: 5, Values: large[:20], Unit: "S", Numbers: true,
			Marks: []figure.CellMark{{Name: "stuck", Symbol: "s", Cells: [][2]int{{1, 1}}}}},
		figure.Histogram{Title: "values", Samples: []figure.Sample{{Name: "all", Values: large}}},
		figure.Scatter{Title: "pairs", Tolerance: 0.1, Groups: []figure.Group{{X: large[20:40], Y: large[21:41]}}},
	} {
		d, err := spec.Draw()
		if err != nil {
			t.Fatal(err)
		}
		document := svgOf(t, d)
		p := read(t, report.Report{Title: "T",
			Sections: []report.Section{{Title: "S", Figures: []report.Figure{{Caption: d.Title(), SVG: document}}}}})
		for _, part := range []string{"<path", "<text", "<g", "<image", "stroke:", "fill:"} {
			if got, want := strings.Count(string(p.bytes), part), bytes.Count(document, []byte(part)); part != "fill:" &&
				got != want || got < want {
				t.Errorf("%s: %d of %s in the page, %d in the figure", d.Title(), got, part, want)
			}
		}
	}
}

var errFull = errors.New("disk full")

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestWriteError(t *testing.T) {
	if err := report.Write(fullDisk{}, report.Report{Title: "T"}); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
}

func ExampleWrite() {
	var b bytes.Buffer
	err := report.Write(&b, report.Report{
		Title: "Thresholds of array A",
		Facts: []report.Fact{{Name: "devices", Value: "400"}},
		Sections: []report.Section{{
			Title: "Means",
			Comparisons: []report.Comparison{{Rows: []keyfigure.Comparison{
				{What: "SET", Published: "1.0 V", Measured: "1.01 V"},
			}}},
		}},
	})
	page := b.String()
	fmt.Println(err, strings.HasPrefix(page, "<!DOCTYPE html>"))
	fmt.Println(page[strings.Index(page, "<tbody>"):strings.Index(page, "</tbody>")])
	// Output:
	// <nil> true
	// <tbody>
	// <tr><th scope="row">SET</th><td class="number">1.0 V</td><td class="number">1.01 V</td></tr>
}

// A plan's page says how it ended and why, in a sentence, has what each task found
// in words, its first figure with the caption, and a link to the task's own page;
// figures of a version without a list of them have their titles, maps first.
func TestPageOfAPlan(t *testing.T) {
	root := t.TempDir()
	write := func(dir, name string, text []byte) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("form-1", "maps.svg", svgOf(t, curve(t)))
	write("form-1", figure.ListFile, []byte(`[{"name":"maps","caption":"Where devices formed."}]`))
	write("tune-1", "errors.svg", svgOf(t, curve(t)))
	write("tune-1", "maps.svg",
		bytes.Replace(svgOf(t, curve(t)), []byte("<title>I-V &amp; more"), []byte("<title>Maps"), 1))
	s := &run.Stored{Dir: filepath.Join(root, "plan-1"),
		Summary: run.Summary{ID: "plan-1", Command: "plan", Outcome: run.OutcomeOutside,
			Cause: "the run is outside: stopped after tune:",
			Summary: []byte(`{"plan":"night","tasks":[
			{"name":"form A","state":"done","run":"form-1","outcome":"complete",
				"figures":{"devices":9,"formed":9,"defective":[],"bench_seconds":3}},
			{"name":"tune A","state":"done","run":"tune-1","outcome":"partial","reason":"1 of 9 devices is out",
				"figures":{"mean_error":0.02}},
			{"name":"read A","state":"skipped","reason":"tune A failed"}]}`)}}
	page, err := report.OfRun(s, root, s.Dir)
	if err != nil {
		t.Fatal(err)
	}
	p := read(t, page)
	if got := p.texts("p"); !slices.Contains(got, "The result is outside of its limits: stopped after tune.") ||
		!slices.Contains(got, "Devices 9, formed 9, defective 0.") ||
		!slices.Contains(got, "Not everything was reached: 1 of 9 devices is out.") ||
		!slices.Contains(got, "Mean error 2 %.") {
		t.Errorf("paragraphs %q", got)
	}
	if got := p.texts("figcaption"); !slices.Equal(got, []string{"Figure 1. Where devices formed.", "Figure 2. Maps"}) {
		t.Errorf("captions %q", got)
	}
	if got := p.texts("td"); !slices.Contains(got, "skipped") || !slices.Contains(got, "tune A failed") {
		t.Errorf("table of tasks: %q", got)
	}
	var links []string
	for _, e := range p.elements {
		if href := e.attr["href"]; e.name == "a" && !strings.HasPrefix(href, "#") {
			links = append(links, href)
		}
	}
	if !slices.Equal(links, []string{"../form-1/report.html", "../tune-1/report.html"}) ||
		!slices.Equal(report.Tasks(s), []string{"form-1", "tune-1"}) {
		t.Errorf("links %q", links)
	}
	for _, file := range []string{"https://example.org/a.html", "/etc/a.html", "javascript:x.html", "a.txt"} {
		section := report.Section{Title: "S", Links: []report.Link{{Text: "x", File: file}}}
		if err := report.Write(io.Discard, report.Report{Title: "T", Sections: []report.Section{section}}); err == nil {
			t.Errorf("a link to %q is taken over", file)
		}
	}
}

package figure_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"xlab/figure"
)

// drawer is what every specification can do.
type drawer interface {
	Draw() (*figure.Drawing, error)
}

// document is an SVG read back.
type document struct {
	title string
	texts []string
	paths []string // the d attributes
	all   string
}

// svg writes the figure and reads it back with the strict XML reader.
func svg(t testing.TB, d *figure.Drawing) document {
	t.Helper()
	var b bytes.Buffer
	if err := d.WriteSVG(&b); err != nil {
		t.Fatal(err)
	}
	doc, err := parse(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func parse(b []byte) (document, error) {
	doc := document{all: string(b)}
	reader := xml.NewDecoder(bytes.NewReader(b))
	var open []string
	for {
		token, err := reader.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return doc, fmt.Errorf("SVG is no XML: %w", err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			open = append(open, e.Name.Local)
			for _, a := range e.Attr {
				if e.Name.Local == "path" && a.Name.Local == "d" {
					doc.paths = append(doc.paths, a.Value)
				}
			}
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			switch text := strings.TrimSpace(string(e)); {
			case text == "" || len(open) == 0:
			case open[len(open)-1] == "title":
				doc.title += text
			case open[len(open)-1] == "text":
				doc.texts = append(doc.texts, text)
			}
		}
	}
	if len(doc.paths) == 0 {
		return doc, errors.New("SVG has no path")
	}
	return doc, nil
}

// picture writes the PNG and decodes it.
func picture(t testing.TB, d *figure.Drawing) image.Image {
	t.Helper()
	var b bytes.Buffer
	if err := d.WritePNG(&b); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func drawn(t testing.TB, s drawer) *figure.Drawing {
	t.Helper()
	d, err := s.Draw()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// wave is data that is the same in every run, without being regular.
func wave(n int, middle, swing float64) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = middle + swing*math.Sin(float64(i)*1.7)*math.Cos(float64(i)*0.31)
	}
	return values
}

// grid is a map of rows x cols conductances.
func grid(rows, cols int) figure.Map {
	return figure.Map{Title: "Conductance", Rows: rows, Cols: cols, Values: wave(rows*cols, 50e-6, 40e-6),
		Label: "conductance", Unit: "S"}
}

// samples of every kind of figure, with the texts that have to be in each.
func kinds() map[string]struct {
	spec  drawer
	texts []string
} {
	defective := figure.CellMark{Name: "defective", Symbol: "×", Cells: [][2]int{{0, 0}, {2, 3}}}
	stuck := figure.CellMark{Name: "stuck", Symbol: "s", Cells: [][2]int{{1, 1}}}
	full := grid(20, 20)
	full.Marks = []figure.CellMark{defective, stuck}
	full.Values[23] = math.NaN()
	errorMap := figure.Map{Title: "Error", Rows: 20, Cols: 20, Values: wave(400, 0, 8), Label: "error", Unit: "%",
		Scale: figure.Scale{Diverging: true, Max: 5}}
	return map[string]struct {
		spec  drawer
		texts []string
	}{
		"map": {full, []string{"Conductance", "row", "column", "0", "2", "18", "conductance (µS)", "20", "80", "defective",
			"stuck", "no value", "s"}},
		"maps": {figure.Maps{Title: "Face", Panels: []figure.Map{grid(20, 20), full, errorMap}},
			[]string{"Face", "Error", "conductance (µS)", "error (%)", "−4", "4"}},
		"histogram": {figure.Histogram{Title: "Thresholds", X: figure.Axis{Label: "threshold", Unit: "V"},
			Samples: []figure.Sample{{Name: "SET", Values: wave(300, 1, 0.3)}, {Name: "RESET", Values: wave(300, -1.2, 0.3)}},
			Marks:   []figure.Mark{{Name: "published mean", Values: []float64{1, -1.2}}}},
			[]string{"Thresholds", "threshold (V)", "devices", "SET", "RESET", "published mean", "−1.0", "1.0"}},
		"lines": {figure.Lines{Title: "Retention", Subtitle: "at 25 °C", X: figure.Axis{Label: "time", Unit: "s", Log: true},
			Y: figure.Axis{Label: "conductance", Unit: "S"},
			Series: []figure.Series{{Name: "r3c7", X: []float64{1e-3, 1, 1e4}, Y: []float64{40e-6, 39e-6, 38e-6},
				Low: []float64{39e-6, 38e-6, math.NaN()}, High: []float64{41e-6, 40e-6, math.NaN()}, Markers: true}},
			Bands:  []figure.Band{{Name: "±5 %", Low: 38e-6, High: 42e-6}},
			Levels: []figure.Mark{{Name: "target", Values: []float64{40e-6}}}},
			[]string{"Retention", "at 25 °C", "time", "1 ms", "1 s", "10 ks", "conductance (µS)", "r3c7", "±5 %", "target"}},
		"scatter": {figure.Scatter{Title: "Result", Axis: figure.Axis{Unit: "S", Log: true}, Tolerance: 0.05,
			Groups: []figure.Group{{Name: "in tolerance", X: []float64{1e-5, 5e-5, 1e-4},
				Y: []float64{1.02e-5, 4.9e-5, 1.01e-4}}}},
			[]string{"Result", "target (µS)", "result (µS)", "within ±5 %", "in tolerance", "10", "20", "50", "100"}},
	}
}

func TestTextsAndSizes(t *testing.T) {
	for name, k := range kinds() {
		t.Run(name, func(t *testing.T) {
			d := drawn(t, k.spec)
			doc := svg(t, d)
			if doc.title != d.Title() || doc.title == "" {
				t.Errorf("title of the document is %q, of the drawing %q", doc.title, d.Title())
			}
			for _, want := range k.texts {
				if !slices.Contains(doc.texts, want) {
					t.Errorf("%q is missing; there are %q", want, doc.texts)
				}
			}
			if !strings.Contains(doc.all, "font-family:Liberation Sans,Arial,Helvetica,sans-serif") ||
				strings.Contains(doc.all, "font-family:Liberation Sans;") {
				t.Error("texts do not name the fonts that may take the place of Liberation Sans")
			}
			width, height := d.Size()
			if width != 1200 || height < 300 {
				t.Errorf("size is %d x %d, want 1200 wide", width, height)
			}
			if name != "maps" && name != "histogram" { // one for each width in points
				return
			}
			img := picture(t, d)
			if img.Bounds().Dx() != width || img.Bounds().Dy() != height {
				t.Errorf("PNG is %v, Size says %d x %d", img.Bounds(), width, height)
			}
			if r, g, b, a := img.At(1, 1).RGBA(); r&g&b&a != 0xffff {
				t.Errorf("corner is %v: figures have a white ground of their own", img.At(1, 1))
			}
		})
	}
}

// The same specification gives the same bytes, drawn again, written again and
// written at the same time.
func TestSameBytes(t *testing.T) {
	for name, k := range kinds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			once, again := drawn(t, k.spec), drawn(t, k.spec)
			first := svg(t, once)
			var running sync.WaitGroup
			for _, d := range []*figure.Drawing{once, once, again} {
				running.Go(func() {
					var b bytes.Buffer
					if err := d.WriteSVG(&b); err != nil || b.String() != first.all {
						t.Errorf("SVG differs (error: %v)", err)
					}
				})
			}
			if name == "map" || name == "lines" { // a PNG takes its time, and follows from the same instructions
				var pngs [2]bytes.Buffer
				for i, d := range []*figure.Drawing{once, again} {
					running.Go(func() {
						if err := d.WritePNG(&pngs[i]); err != nil {
							t.Error(err)
						}
					})
				}
				running.Wait()
				if !bytes.Equal(pngs[0].Bytes(), pngs[1].Bytes()) {
					t.Error("PNG differs")
				}
			}
			running.Wait()
		})
	}
}

// A drawing does not follow its data.
func TestDrawingKeepsNoData(t *testing.T) {
	m := grid(4, 4)
	d := drawn(t, m)
	before := svg(t, d)
	for i := range m.Values {
		m.Values[i] = 1e-5
	}
	if after := svg(t, d); after.all != before.all {
		t.Error("the drawing changed with the values it was drawn from")
	}
}

var errFull = errors.New("disk full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWriteErrors(t *testing.T) {
	d := drawn(t, grid(2, 2))
	if err := d.WriteSVG(full{}); !errors.Is(err, errFull) {
		t.Errorf("WriteSVG: %v", err)
	}
	if err := drawn(t, figure.Histogram{Samples: []figure.Sample{{Values: []float64{1}}}}).WritePNG(full{}); !errors.Is(
		err, errFull) {
		t.Errorf("WritePNG: %v", err)
	}
}

// Texts come from files and people: whatever they contain, the SVG is well
// formed and shows them.
func TestStrangeTexts(t *testing.T) {
	for _, text := range []string{`<script>alert("1")</script>`, "a & b", "tab\tand\nline", "null \x00 byte",
		"bad \xff byte", "\ufffe", "日本", strings.Repeat("very long name ", 40), strings.Repeat("x", 300)} {
		m := grid(3, 3)
		m.Title, m.Subtitle, m.Label, m.RowLabel = text, text, text, text
		m.RowNames, m.ColNames = []string{text, "b", "c"}, []string{text, "b", "c"}
		m.Marks = []figure.CellMark{{Name: text, Symbol: "<", Cells: [][2]int{{1, 1}}}}
		doc := svg(t, drawn(t, m))
		if strings.Contains(doc.all, "<script") {
			t.Errorf("%q is not escaped", text)
		}
		if !slices.Contains(doc.texts, "<") {
			t.Errorf("%q: mark is missing", text)
		}
	}
}

func ExampleMap_Draw() {
	m := figure.Map{
		Title: "Array A after forming", Rows: 2, Cols: 3,
		Values: []float64{12e-6, 47e-6, 96e-6, 30e-6, math.NaN(), 81e-6},
		Label:  "conductance", Unit: "S",
		Marks: []figure.CellMark{{Name: "defective", Symbol: "×", Cells: [][2]int{{1, 1}}}},
	}
	drawing, err := m.Draw()
	if err != nil {
		fmt.Println(err)
		return
	}
	var svg bytes.Buffer
	if err := drawing.WriteSVG(&svg); err != nil {
		fmt.Println(err)
		return
	}
	doc, err := parse(svg.Bytes())
	if err != nil {
		fmt.Println(err)
		return
	}
	width, height := drawing.Size()
	fmt.Printf("%s, %d x %d pixels\n%s\n", drawing.Title(), width, height, strings.Join(doc.texts, " | "))
	// Output:
	// Array A after forming, 1200 x 763 pixels
	// Array A after forming | 0 | 1 | 2 | 0 | 1 | column | row | 20 | 40 | 60 | 80 | conductance (µS) | defective | no value
}

// Two figures that are drawn apart can have the same colours.
func ExampleScale_Over() {
	before, after := []float64{12e-6, 90e-6}, []float64{7e-6, math.NaN(), 60e-6}
	scale, err := figure.Scale{Log: true}.Over(before, after)
	fmt.Println(scale.Min, scale.Max, err)
	_, err = figure.Scale{}.Over([]float64{math.NaN()})
	fmt.Println(errors.Is(err, figure.ErrNoData))
	// Output:
	// 7e-06 9e-05 <nil>
	// true
}

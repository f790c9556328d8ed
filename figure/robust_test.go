package figure_test

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"xlab/figure"
)

// anyValue draws what measurements and broken measurements are made of.
var anyValue = rapid.OneOf(
	rapid.Float64Range(-1, 1),
	rapid.Float64Range(1e-6, 1e-4),
	rapid.Float64(),
	rapid.SampledFrom([]float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), 1e-5, 1e-5, 1e-5,
		math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, 1e200, -1e200}),
)

func anyValues(n int) *rapid.Generator[[]float64] { return rapid.SliceOfN(anyValue, n, n) }

func anyAxis(t *rapid.T, label string) figure.Axis {
	a := figure.Axis{Label: "value", Unit: rapid.SampledFrom([]string{"S", "%", ""}).Draw(t, label+" unit"),
		Log: rapid.Bool().Draw(t, label+" log")}
	if rapid.IntRange(0, 3).Draw(t, label+" given") == 0 {
		a.Min, a.Max = anyValue.Draw(t, label+" min"), anyValue.Draw(t, label+" max")
	}
	return a
}

// check draws a figure of any data: an error or a proper SVG, nothing else.
func check(t *rapid.T, s drawer) {
	d, err := s.Draw()
	if err != nil {
		if strings.Contains(err.Error(), "please report") {
			t.Fatalf("the plot library panicked: %v", err)
		}
		return
	}
	var b bytes.Buffer
	if err := d.WriteSVG(&b); err != nil {
		t.Fatal(err)
	}
	doc, err := parse(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range doc.paths {
		if strings.Contains(p, "NaN") || strings.Contains(p, "Inf") {
			t.Fatalf("a path leads to nowhere: %s", p)
		}
	}
}

func TestAnyHistogram(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := figure.Histogram{
			X: anyAxis(t, "x"), LogCount: rapid.Bool().Draw(t, "log count"), Whole: rapid.IntRange(0, 4).Draw(t, "whole") == 0,
			Step:  rapid.SampledFrom([]float64{0, 0, 0, 1, 100}).Draw(t, "step"),
			Marks: []figure.Mark{{Name: "mean", Values: []float64{anyValue.Draw(t, "mark")}}},
		}
		for range rapid.IntRange(0, 2).Draw(t, "samples") {
			h.Samples = append(h.Samples, figure.Sample{Name: "s", Values: rapid.SliceOfN(anyValue, 0, 12).Draw(t, "values")})
		}
		check(t, h)
	})
}

// A step that is lost in the digits of the values makes no bin.
func TestHistogramOfHugeValues(t *testing.T) {
	h := figure.Histogram{Step: 1, Samples: []figure.Sample{{Values: []float64{1e200}}}}
	if _, err := h.Draw(); err == nil || !strings.Contains(err.Error(), "cannot be told apart") {
		t.Errorf("drawn, or %v", err)
	}
}

// Values that are all but one beside a mark far away have a bin.
func TestHistogramOfTinyValues(t *testing.T) {
	h := figure.Histogram{
		Samples: []figure.Sample{{Values: []float64{1.4551915228366852e-11, 7.275957614183426e-12}}},
		Marks:   []figure.Mark{{Values: []float64{1}}},
	}
	if _, err := h.Draw(); err != nil {
		t.Error(err)
	}
}

func TestAnyLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := figure.Lines{X: anyAxis(t, "x"), Y: anyAxis(t, "y")}
		for range rapid.IntRange(0, 3).Draw(t, "series") {
			n := rapid.IntRange(0, 6).Draw(t, "n")
			s := figure.Series{Name: "s", X: anyValues(n).Draw(t, "x"), Y: anyValues(n).Draw(t, "y"),
				Markers: rapid.Bool().Draw(t, "markers"), NoLine: rapid.Bool().Draw(t, "no line"),
				Faint: rapid.Bool().Draw(t, "faint")}
			if rapid.Bool().Draw(t, "bars") {
				s.Low, s.High = anyValues(n).Draw(t, "low"), anyValues(n).Draw(t, "high")
			}
			l.Series = append(l.Series, s)
		}
		if rapid.Bool().Draw(t, "marked") {
			l.Levels = []figure.Mark{{Name: "level", Values: anyValues(2).Draw(t, "level")}}
			l.Bands = []figure.Band{{Name: "band", Low: anyValue.Draw(t, "from"), High: anyValue.Draw(t, "to")}}
		}
		check(t, l)
	})
}

func TestAnyScatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := figure.Scatter{Axis: anyAxis(t, "axis"), Tolerance: rapid.SampledFrom([]float64{0, 0.05, 0.99}).Draw(t,
			"tolerance")}
		n := rapid.IntRange(0, 6).Draw(t, "n")
		s.Groups = []figure.Group{{Name: "g", X: anyValues(n).Draw(t, "x"), Y: anyValues(n).Draw(t, "y")}}
		check(t, s)
	})
}

func TestAnyMaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := figure.Maps{Columns: rapid.IntRange(0, 3).Draw(t, "columns")}
		for range rapid.IntRange(1, 4).Draw(t, "panels") {
			rows, cols := rapid.IntRange(1, 5).Draw(t, "rows"), rapid.IntRange(1, 5).Draw(t, "cols")
			p := figure.Map{Title: "m", Rows: rows, Cols: cols, Values: anyValues(rows*cols).Draw(t, "values"), Unit: "S",
				Numbers: rapid.Bool().Draw(t, "numbers")}
			p.Scale.Log, p.Scale.Diverging = rapid.Bool().Draw(t, "log"), rapid.Bool().Draw(t, "diverging")
			if rapid.IntRange(0, 2).Draw(t, "given") == 0 {
				p.Scale.Min, p.Scale.Max = anyValue.Draw(t, "min"), anyValue.Draw(t, "max")
			}
			m.Panels = append(m.Panels, p)
		}
		check(t, m)
	})
}

// Data without a value, or without one that the axis can place, is told apart
// from a wrong specification.
func TestNoData(t *testing.T) {
	none := []float64{math.NaN(), math.Inf(1)}
	log := figure.Axis{Label: "time", Log: true}
	for name, s := range map[string]drawer{
		"histogram, nothing":           figure.Histogram{},
		"histogram, empty":             figure.Histogram{Samples: []figure.Sample{{}}},
		"histogram, not a number":      figure.Histogram{Samples: []figure.Sample{{Values: none}}},
		"histogram, logarithm of zero": figure.Histogram{X: log, Samples: []figure.Sample{{Values: []float64{0, -1}}}},
		"histogram, all outside": figure.Histogram{X: figure.Axis{Min: 1, Max: 2},
			Samples: []figure.Sample{{Values: []float64{0, 3}}}},
		"lines, nothing":           figure.Lines{},
		"lines, not a number":      figure.Lines{Series: []figure.Series{{X: none, Y: none}}},
		"lines, logarithm of zero": figure.Lines{X: log, Series: []figure.Series{{X: []float64{0}, Y: []float64{1}}}},
		"scatter, nothing":         figure.Scatter{},
		"scatter, not a number":    figure.Scatter{Groups: []figure.Group{{X: none, Y: none}}},
		"map, logarithm of zero":   figure.Map{Rows: 1, Cols: 2, Values: []float64{0, -1}, Scale: figure.Scale{Log: true}},
		"map, only infinite":       figure.Map{Rows: 1, Cols: 1, Values: []float64{math.Inf(1)}},
		"maps, nothing":            figure.Maps{},
	} {
		if _, err := s.Draw(); !errors.Is(err, figure.ErrNoData) {
			t.Errorf("%s: %v, want ErrNoData", name, err)
		}
	}
}

// Each error says which figure, what is wrong and what to do.
func TestWrongSpecifications(t *testing.T) {
	one := []float64{1}
	for says, s := range map[string]drawer{
		`map "M": 3 values for 2 x 2 cells`: figure.Map{Title: "M", Rows: 2, Cols: 2,
			Values: make([]float64, 3)},
		`map "M": 0 x 2 cells: 1 x 1 to 1024 x 1024 can be drawn`: figure.Map{Title: "M", Cols: 2},
		`2 names for 1 rows`: figure.Map{Rows: 1, Cols: 1, Values: one,
			RowNames: []string{"a", "b"}},
		`0 names for 1 columns`: figure.Map{Rows: 1, Cols: 1, Values: one,
			ColNames: []string{}},
		`mark "stuck" on r1c0, outside of the 1 x 1 cells`: figure.Map{Rows: 1, Cols: 1, Values: one,
			Marks: []figure.CellMark{{Name: "stuck", Symbol: "s", Cells: [][2]int{{1, 0}}}}},
		`has the symbol "": give one or two letters`: figure.Map{Rows: 1, Cols: 1, Values: one,
			Marks: []figure.CellMark{{Name: "stuck"}}},
		`cannot be logarithmic`: figure.Map{Rows: 1, Cols: 1, Values: one,
			Scale: figure.Scale{Log: true, Diverging: true}},
		`from -1 to 2 has not zero in its middle`: figure.Map{Rows: 1, Cols: 1, Values: one,
			Scale: figure.Scale{Min: -1, Max: 2, Diverging: true}},
		`a diverging scale to -2`: figure.Map{Rows: 1, Cols: 1, Values: one,
			Scale: figure.Scale{Max: -2, Diverging: true}},
		`the range from 3 to 2 is empty`: figure.Map{Rows: 1, Cols: 1, Values: one,
			Scale: figure.Scale{Min: 3, Max: 2}},
		`the cells are too small for numbers`: figure.Map{Rows: 60, Cols: 60,
			Values: wave(3600, 1e-5, 1e-6), Numbers: true},
		`maps "T": map 1 ("second"): 0 values for 1 x 1 cells`: figure.Maps{Title: "T",
			Panels: []figure.Map{grid(2, 2), {Title: "second", Rows: 1, Cols: 1}}},
		`30 maps beside each other do not fit: give fewer Columns`: figure.Maps{Columns: 30, Panels: make30()},
		`histogram "H": bins of -1`: figure.Histogram{Title: "H", Step: -1,
			Samples: []figure.Sample{{Values: one}}},
		`1.5 is no whole number: set Whole to false`: figure.Histogram{Whole: true,
			Samples: []figure.Sample{{Values: []float64{1, 1.5}}}},
		`bins of 3: give a width`: figure.Histogram{Whole: true, Step: 3,
			Samples: []figure.Sample{{Values: one}}},
		`lines "L": series 0 ("s") has 1 values of X and 0 of Y`: figure.Lines{Title: "L",
			Series: []figure.Series{{Name: "s", X: one}}},
		`1 lower and 0 upper ends`: figure.Lines{
			Series: []figure.Series{{Name: "s", X: one, Y: one, Low: one}}},
		`band "b": from 2 to 1 is no range`: figure.Lines{Series: []figure.Series{{X: one, Y: one}},
			Bands: []figure.Band{{Name: "b", Low: 2, High: 1}}},
		`scatter "S": a tolerance of 5: give a fraction`: figure.Scatter{Title: "S", Tolerance: 5,
			Groups: []figure.Group{{X: one, Y: one}}},
		`group 0 ("g") has 1 values of X and 2 of Y`: figure.Scatter{
			Groups: []figure.Group{{Name: "g", X: one, Y: []float64{1, 2}}}},
	} {
		_, err := s.Draw()
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want an error that says %q", err, says)
		}
		if errors.Is(err, figure.ErrNoData) {
			t.Errorf("%v is not for want of data", err)
		}
	}
}

func make30() []figure.Map {
	panels := make([]figure.Map, 30)
	for i := range panels {
		panels[i] = grid(2, 2)
	}
	return panels
}

// Sizes and data at the edge of what is drawn are drawn.
func TestEdgesAreDrawn(t *testing.T) {
	filled := func(n int, v float64) []float64 {
		all := make([]float64, n)
		for i := range all {
			all[i] = v
		}
		return all
	}
	for name, s := range map[string]drawer{
		"1 x 1":        grid(1, 1),
		"1 x 300":      grid(1, 300),
		"300 x 1":      grid(300, 1),
		"256 x 256":    grid(256, 256),
		"1024 x 1024":  grid(1024, 1024),
		"all equal":    figure.Map{Rows: 20, Cols: 20, Values: filled(400, 1e-5), Unit: "S"},
		"all zero":     figure.Map{Rows: 20, Cols: 20, Values: filled(400, 0), Scale: figure.Scale{Diverging: true}},
		"not a number": figure.Map{Rows: 20, Cols: 20, Values: filled(400, math.NaN()), Unit: "S", Numbers: true},
		"no number, large": figure.Map{Rows: 128, Cols: 128, Values: filled(128*128, math.NaN()),
			Scale: figure.Scale{Log: true}},
		"beyond the scale": figure.Map{Rows: 1, Cols: 3, Values: []float64{math.Inf(-1), 1, math.Inf(1)}},
		"one point":        figure.Lines{Series: []figure.Series{{X: []float64{1}, Y: []float64{1e-5}}}},
		"points with gaps": figure.Lines{Series: []figure.Series{{X: []float64{1, 2, 3}, Y: []float64{1, math.NaN(), 3}}}},
		"one value":        figure.Histogram{Samples: []figure.Sample{{Values: []float64{1e-5}}}},
		"equal values":     figure.Histogram{Samples: []figure.Sample{{Values: filled(400, 5)}}, LogCount: true},
		"equal whole":      figure.Histogram{Samples: []figure.Sample{{Values: filled(400, 5)}}, Whole: true},
		"many whole":       figure.Histogram{Samples: []figure.Sample{{Values: []float64{1, 5, 1e6}}}, Whole: true},
		"one target":       figure.Scatter{Groups: []figure.Group{{X: []float64{1e-5}, Y: []float64{1e-5}}}, Tolerance: 0.01},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			svg(t, drawn(t, s))
		})
	}
}

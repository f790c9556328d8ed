package figure

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/recorder"
	"pgregory.net/rapid"
)

// Every value is in a bin or in a footnote, and none twice.
func TestHistogramCountsEveryValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := Histogram{X: Axis{Log: rapid.Bool().Draw(t, "log")}}
		if !h.X.Log {
			h.Step = rapid.SampledFrom([]float64{0, 0.3, 1}).Draw(t, "step")
		}
		if rapid.Bool().Draw(t, "given") {
			h.X.Min, h.X.Max = 0.5, 3
		}
		values := rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(-1, 5),
			rapid.SampledFrom([]float64{0.5, 3, 1, 1, 2, math.NaN(), math.Inf(1), math.Inf(-1)})), 1, 40).Draw(t, "values")
		h.Samples = []Sample{{Values: values}}
		edges, r, err := h.bins()
		if err != nil {
			return // nothing on the axis
		}
		if !slices.IsSorted(edges) || h.X.Max == 0 && (edges[0] < r.min || edges[len(edges)-1] > r.max) {
			t.Fatalf("edges %v on an axis from %g to %g", edges, r.min, r.max)
		}
		counts, left := h.count(edges)
		shown, numbers := 0, 0
		for _, n := range counts[0] {
			shown += n
		}
		for _, v := range values {
			if !math.IsNaN(v) {
				numbers++
			}
		}
		hidden := 0
		for _, v := range values {
			if h.X.Log && v <= 0 || v < edges[0] || v > edges[len(edges)-1] {
				hidden++
			}
		}
		if shown+hidden != numbers || (hidden > 0) != (len(left) > 0) {
			t.Fatalf("%d values: %d in bins, %d outside, notes %q", numbers, shown, hidden, left)
		}
		for i, n := range counts[0] {
			inside := 0
			for _, v := range values {
				if v >= edges[i] && (v < edges[i+1] || i == len(counts[0])-1 && v == edges[i+1]) && !(h.X.Log && v <= 0) {
					inside++
				}
			}
			if inside != n {
				t.Fatalf("bin from %g to %g has %d values, counted %d", edges[i], edges[i+1], inside, n)
			}
		}
	})
}

func TestBinsAreRound(t *testing.T) {
	values := make([]float64, 400)
	for i := range values {
		values[i] = 1.2 + 0.3*math.Sin(float64(i)*1.7)
	}
	edges, _, err := Histogram{X: Axis{Unit: "V"}, Samples: []Sample{{Values: values}}}.bins()
	if err != nil {
		t.Fatal(err)
	}
	step := edges[1] - edges[0]
	if n := len(edges) - 1; n < 6 || n > 30 {
		t.Errorf("%d bins for 400 values", n)
	}
	for _, e := range edges {
		if at := e / step; math.Abs(at-math.Round(at)) > 1e-9 {
			t.Errorf("edge at %g, which is no multiple of the width %g", e, step)
		}
	}
	if m, e := niceStep(step); math.Abs(float64(m)*math.Pow10(e)/step-1) > 1e-9 {
		t.Errorf("bins are %g wide, which is not round", step)
	}

	// Numbers of pulses stand in the middle of their bins.
	edges, _, err = Histogram{Whole: true, Samples: []Sample{{Values: []float64{1, 4, 2}}}}.bins()
	if want := []float64{0.5, 1.5, 2.5, 3.5, 4.5}; err != nil || !slices.Equal(edges, want) {
		t.Errorf("bins of whole numbers are %v, want %v (error: %v)", edges, want, err)
	}

	// A single value stands in the middle of its bin.
	edges, _, err = Histogram{Samples: []Sample{{Values: []float64{1e-5}}}}.bins()
	if err != nil {
		t.Fatal(err)
	}
	bin, _ := find(edges, 1e-5)
	if at := (1e-5 - edges[bin]) / (edges[bin+1] - edges[bin]); at < 0.4 || at > 0.6 {
		t.Errorf("the only value is at %g of its bin", at)
	}
}

// A line at the end of the axis is hidden by the frame: lines and the ends of
// bands always have some room beside them.
func TestMarksAreNotOnTheFrame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.Float64Range(-20, 20)
		h := Histogram{X: Axis{Unit: "%"}, Samples: []Sample{{Values: rapid.SliceOfN(value, 1, 30).Draw(t, "values")}},
			Marks: []Mark{{Values: []float64{value.Draw(t, "mark"), 0}}}, Bands: []Band{{Low: -5, High: 5}}}
		_, r, err := h.bins()
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range append(h.Marks[0].Values, -5, 5) {
			if at := r.norm(v); at < 0.02 || at > 0.98 {
				t.Fatalf("%g is at %g of the axis from %g to %g", v, at, r.min, r.max)
			}
		}
	})
}

// Thinning a line leaves what can be seen of it: every column keeps its first,
// last, lowest and highest point, in order.
func TestThinLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var line []vg.Point
		x := 0.0
		for range rapid.IntRange(0, 200).Draw(t, "n") {
			x += rapid.Float64Range(-0.05, 0.2).Draw(t, "dx")
			line = append(line, vg.Point{X: vg.Length(x), Y: vg.Length(rapid.IntRange(0, 9).Draw(t, "y"))})
		}
		kept := thin(line)
		k := 0
		for _, p := range line {
			if k < len(kept) && kept[k] == p {
				k++
			}
		}
		if k != len(kept) {
			t.Fatalf("%v is no part of %v in its order", kept, line)
		}
		if len(line) > 0 && (kept[0] != line[0] || kept[len(kept)-1] != line[len(line)-1]) {
			t.Fatal("the line has lost an end")
		}
		extremes := func(points []vg.Point) map[float64][2]vg.Length {
			m := make(map[float64][2]vg.Length)
			for _, p := range points {
				column := math.Floor(float64(p.X) / grain)
				e, ok := m[column]
				if !ok {
					e = [2]vg.Length{p.Y, p.Y}
				}
				m[column] = [2]vg.Length{min(e[0], p.Y), max(e[1], p.Y)}
			}
			return m
		}
		want, got := extremes(line), extremes(kept)
		for column, e := range want {
			if got[column] != e {
				t.Fatalf("column %g reaches from %g to %g, thinned from %g to %g", column, e[0], e[1], got[column][0],
					got[column][1])
			}
		}
	})
	million := make([]vg.Point, 1_000_000)
	for i := range million {
		million[i] = vg.Point{X: vg.Length(i) * 500 / 1e6, Y: vg.Length(math.Sin(float64(i)))}
	}
	if kept := thin(million); len(kept) > 8100 {
		t.Errorf("a million points across 500 points of paper are %d, want 4 for each quarter at most", len(kept))
	}
}

// strings drawn and the highest point of strokes of one width, from a
// recording.
func inspect(d *Drawing, width vg.Length) (baselines map[string]vg.Length, highest vg.Length) {
	baselines = make(map[string]vg.Length)
	var now vg.Length
	for _, a := range d.record.Actions {
		switch a := a.(type) {
		case *recorder.SetLineWidth:
			now = a.Width
		case *recorder.FillString:
			baselines[a.String] = a.Point.Y
		case *recorder.Stroke:
			for _, p := range a.Path {
				if now == width && len(a.Path) > 2 {
					highest = max(highest, p.Pos.Y)
				}
			}
		}
	}
	return baselines, highest
}

// The legend is above the data, wherever the data are.
func TestLegendCoversNoData(t *testing.T) {
	l := Lines{Title: "Curves"}
	for i := range 20 {
		l.Series = append(l.Series, Series{Name: strings.Repeat("series ", 1+i%3) + string(rune('a'+i)),
			X: []float64{0, 1, 2, 3}, Y: []float64{float64(i), 30, 0, 30}})
	}
	d, err := l.Draw()
	if err != nil {
		t.Fatal(err)
	}
	baselines, highest := inspect(d, 1.7)
	if highest == 0 {
		t.Fatal("no line was found")
	}
	for _, s := range l.Series {
		if at, ok := baselines[s.Name]; !ok || at < highest+3 {
			t.Errorf("%q is in the legend: %v, at %g, and the data reach up to %g", s.Name, ok, at, highest)
		}
	}
}

// Points without a place are counted below the chart.
func TestFootnotes(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	l := Lines{
		X: Axis{Log: true}, Y: Axis{Min: 0, Max: 10},
		Series:  []Series{{X: []float64{0, 1, 2, 3, 4, -5, nan}, Y: []float64{1, 2, 11, inf, 5, 6, 7}}},
		Levels:  []Mark{{Name: "limit", Values: []float64{5, 12}}},
		Moments: []Mark{{Name: "end", Values: []float64{2}}},
	}
	d, err := l.Draw()
	if err != nil {
		t.Fatal(err)
	}
	texts, _ := inspect(d, 1)
	for _, want := range []string{
		"1 point with an infinite value: not drawn.", "2 points at or below zero: not on a logarithmic axis.",
		"1 point outside of the axes.", "limit at 12 lies outside of the axis.",
	} {
		if _, ok := texts[want]; !ok {
			t.Errorf("%q is not said; there is %v", want, texts)
		}
	}
}

// A line is interrupted where a point is missing, and a point alone is drawn.
func TestGaps(t *testing.T) {
	p := place{x: ruler{min: 0, max: 10}, y: ruler{min: 0, max: 10}}
	p.c.Max = vg.Point{X: 10, Y: 10}
	runs := unbroken(p, []float64{1, 2, math.NaN(), 4, 5, 6}, []float64{1, 2, 3, 4, math.Inf(1), 6})
	want := [][]vg.Point{{{X: 1, Y: 1}, {X: 2, Y: 2}}, {{X: 4, Y: 4}}, {{X: 6, Y: 6}}}
	if !slices.EqualFunc(runs, want, func(a, b []vg.Point) bool { return slices.Equal(a, b) }) {
		t.Errorf("runs are %v, want %v", runs, want)
	}
}

func TestWrapAndShorten(t *testing.T) {
	f := plain(10)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.RuneFrom([]rune("ab mµΩ界"))).Draw(t, "text")
		width := vg.Length(rapid.Float64Range(25, 100).Draw(t, "width"))
		lines := wrap(f, text, width)
		for _, line := range lines {
			if textWidth(f, line) > width {
				t.Fatalf("%q is %g wide, more than %g", line, textWidth(f, line), width)
			}
		}
		if got, want := strings.Join(lines, ""), strings.Join(strings.Fields(text), ""); strings.ReplaceAll(got, " ",
			"") != want {
			t.Fatalf("%q became %q", text, lines)
		}
		if s := shorten(f, text, width); s != text && (textWidth(f, s) > width || !strings.HasSuffix(s, "…")) {
			t.Fatalf("%q shortened to %q for %g", text, s, width)
		}
	})
}

// Maps whose range is left to the data share it, and share a colour bar.
func TestMapsShareTheirScale(t *testing.T) {
	target := Map{Title: "target", Rows: 1, Cols: 2, Values: []float64{1e-5, 9e-5}, Label: "conductance", Unit: "S"}
	result, deviation, other := target, target, target
	result.Values = []float64{2e-5, 12e-5}
	deviation.Values, deviation.Label, deviation.Unit, deviation.Scale.Diverging = []float64{-3, 1}, "error", "%", true
	other.Scale = Scale{Min: 1e-6, Max: 1e-3}
	s := sheet{Maps: Maps{Panels: []Map{target, result, deviation, other}, Columns: 4}}
	if err := s.settleScales(); err != nil {
		t.Fatal(err)
	}
	s.placeBars()
	for i, want := range [][2]float64{{1e-5, 12e-5}, {1e-5, 12e-5}, {-3, 3}, {1e-6, 1e-3}} {
		if p := s.panels[i]; p.scale.min != want[0] || p.scale.max != want[1] {
			t.Errorf("map %d has a scale from %g to %g, want %g to %g", i, p.scale.min, p.scale.max, want[0], want[1])
		}
		if bar := s.panels[i].bar != nil; bar != (i > 0) {
			t.Errorf("map %d has a colour bar: %v", i, bar)
		}
	}
}

// A panic of the plot library becomes an error.
func TestPanicIsAnError(t *testing.T) {
	ch := chart{title: "T", x: ruler{min: -1, max: 1, log: true}, y: ruler{max: 1}, width: chartWidth, height: chartHeight}
	ch.x.ticks = decadeTicks(1, 10, "")
	if d, err := ch.draw(); err == nil || d != nil || !strings.Contains(err.Error(), `figure "T" cannot be drawn`) {
		t.Errorf("got %v, %v", d, err)
	}
}

func TestSVGHasNoTraceOfItsMaking(t *testing.T) {
	d, err := Map{Title: "M", Rows: 1, Cols: 1, Values: []float64{1}}.Draw()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := d.WriteSVG(&b); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(b.String(), "<svg ") || strings.Contains(b.String(), "<!--") {
		t.Errorf("SVG begins with %.120q", b.String())
	}
}

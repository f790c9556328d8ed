package figure

import (
	"fmt"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"xlab/run/screen"
)

// Lines draws one or several series of points joined by lines: retention,
// endurance, current against voltage, conductance against pulse number.
type Lines struct {
	Title, Subtitle string
	X, Y            Axis
	Series          []Series

	Bands   []Band // ranges of Y, such as the tolerance around a target
	Levels  []Mark // horizontal lines, at values of Y
	Moments []Mark // vertical lines, at values of X
}

// Series is one line. X and Y have the same length and the line joins the
// points in the order given. A point with a NaN is a gap.
type Series struct {
	Name string // in the legend; without a name there is no entry
	X, Y []float64

	// Low and High, where given, are the ends of an error bar at each point,
	// in the unit of Y (not its half-lengths). NaN: no bar.
	Low, High []float64

	Markers bool // a glyph at each point
	NoLine  bool // points only; they have markers then
	Faint   bool // thin and pale, for single devices behind their mean
	Other   bool // not of this run, such as published values: in the colour of a mark
}

// Draw lays the chart out. Where no point can be placed, the error is
// ErrNoData.
func (l Lines) Draw() (_ *Drawing, err error) {
	defer about(&err, "lines %q", l.Title)
	var xs, ys span
	for i, s := range l.Series {
		if err := s.check(i); err != nil {
			return nil, err
		}
		for k := range s.X {
			if l.X.shows(s.X[k]) && l.Y.shows(s.Y[k]) {
				xs.add(s.X[k])
				ys.add(s.Y[k])
				if s.Low != nil {
					l.Y.measure(&ys, []float64{s.Low[k], s.High[k]})
				}
			}
		}
	}
	if xs.n == 0 {
		return nil, ErrNoData
	}
	for _, m := range l.Levels {
		l.Y.measure(&ys, m.Values)
	}
	for _, m := range l.Moments {
		l.X.measure(&xs, m.Values)
	}
	for _, b := range l.Bands {
		l.Y.measure(&ys, []float64{b.Low, b.High})
	}
	x, err := l.X.over(xs, 0.02)
	if err != nil {
		return nil, err
	}
	y, err := l.Y.over(ys, 0.05)
	if err != nil {
		return nil, err
	}
	ch := chart{title: l.Title, subtitle: l.Subtitle, x: x, y: y, width: chartWidth, height: chartHeight}
	if err := ch.addBands(l.Bands, alongY); err != nil {
		return nil, err
	}
	var front, other []Series
	for _, s := range l.Series {
		switch {
		case s.Faint:
			ch.addSeries(s, draw.LineStyle{Color: translucent(hex(0x7d858f), 0.35), Width: 0.7}, seriesGlyph(0))
		case s.Other:
			other = append(other, s)
		default:
			front = append(front, s)
		}
	}
	for i, s := range front {
		tone, dashes := seriesStyle(i)
		ch.addSeries(s, draw.LineStyle{Color: tone, Width: 1.7, Dashes: dashes}, seriesGlyph(i))
	}
	for i, s := range other {
		style := markStyle(1)
		ch.addSeries(s, style, []draw.GlyphDrawer{draw.RingGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{}}[i%3])
	}
	ch.addMarks(l.Levels, alongY, 0)
	ch.addMarks(l.Moments, alongX, len(l.Levels))
	var out omitted
	for _, s := range l.Series {
		for k := range s.X {
			out.shows(s.X[k], s.Y[k], l.X, l.Y, x, y)
		}
	}
	ch.notes = append(ch.notes, out.notes()...)
	return ch.draw()
}

func (s Series) check(i int) error {
	name := fmt.Sprintf("series %d (%q)", i, s.Name)
	switch {
	case len(s.X) != len(s.Y):
		return fmt.Errorf("%s has %d values of X and %d of Y: give one Y for each X", name, len(s.X), len(s.Y))
	case len(s.Low) != len(s.High) || s.Low != nil && len(s.Low) != len(s.X):
		return fmt.Errorf("%s has %d points, %d lower and %d upper ends of error bars: "+
			"give both ends for each point, or none", name, len(s.X), len(s.Low), len(s.High))
	}
	return nil
}

// omitted counts the points that a chart does not show, gaps apart.
type omitted struct{ infinite, unplaced, outside int }

// shows tells whether the chart shows a point, on axes that are settled as x and y.
func (o *omitted) shows(a, b float64, ax, ay Axis, x, y ruler) bool {
	switch {
	case math.IsNaN(a) || math.IsNaN(b):
	case math.IsInf(a, 0) || math.IsInf(b, 0):
		o.infinite++
	case !ax.shows(a) || !ay.shows(b):
		o.unplaced++
	case !x.contains(a) || !y.contains(b):
		o.outside++
	default:
		return true
	}
	return false
}

// notes are the footnotes about these points.
func (o *omitted) notes() []string {
	return leftOut("point", []left{{o.infinite, "with an infinite value: not drawn"},
		{o.unplaced, "at or below zero: not on a logarithmic axis"}, {o.outside, "outside of the axes"}})
}

// left is a number of things that are not drawn, and why.
type left struct {
	n   int
	why string
}

// leftOut writes footnotes about things that are not drawn.
func leftOut(thing string, list []left) (notes []string) {
	for _, l := range list {
		if l.n > 0 {
			notes = append(notes, screen.Count(l.n, thing)+" "+l.why+".")
		}
	}
	return notes
}

// addSeries draws a series in a style, with the glyph if it wants markers.
func (ch *chart) addSeries(s Series, style draw.LineStyle, glyph draw.GlyphDrawer) {
	if !s.Markers && !s.NoLine {
		glyph = nil
	}
	if s.NoLine {
		style.Width = 0
	}
	ch.layers = append(ch.layers, func(c draw.Canvas, p place) {
		bar := draw.LineStyle{Color: style.Color, Width: 0.9}
		for k := range s.Low {
			if p.x.contains(s.X[k]) {
				errorBar(c, p, bar, s.X[k], s.Low[k], s.High[k])
			}
		}
		runs := unbroken(p, s.X, s.Y)
		for _, run := range runs {
			if style.Width > 0 {
				c.StrokeLines(style, c.ClipLinesXY(thin(run))...)
			}
		}
		marker := draw.GlyphStyle{Color: style.Color, Radius: markerRadius, Shape: glyph}
		if glyph == nil {
			marker.Shape = draw.CircleGlyph{}
		}
		drawn := make(map[vg.Point]bool)
		for _, run := range runs {
			if glyph == nil && len(run) > 1 {
				continue // a point alone has no line that would show it
			}
			for _, pt := range run {
				if c.Contains(pt) && !seen(drawn, pt) {
					c.DrawGlyphNoClip(marker, pt)
				}
			}
		}
	})
	if s.Name != "" {
		ch.legend = append(ch.legend, entry{clean(s.Name), lineSample(style, glyph)})
	}
}

// unbroken places the points and breaks the series where one has no place.
func unbroken(p place, xs, ys []float64) (runs [][]vg.Point) {
	ax, ay := Axis{Log: p.x.log}, Axis{Log: p.y.log}
	broken := true
	for k := range xs {
		if !ax.shows(xs[k]) || !ay.shows(ys[k]) {
			broken = true
			continue
		}
		if broken {
			runs, broken = append(runs, nil), false
		}
		last := len(runs) - 1
		runs[last] = append(runs[last], p.at(xs[k], ys[k]))
	}
	return runs
}

// grain is the distance in points below which places look the same: half a
// pixel of the PNG.
const grain = 0.25

// thin leaves out points that cannot be told apart on paper: of those that
// follow each other within one grain in x, the first, the lowest, the highest
// and the last stay. A million pulses become some thousand points and look
// the same.
func thin(line []vg.Point) []vg.Point {
	var kept []vg.Point
	for first := 0; first < len(line); {
		column := math.Floor(float64(line[first].X) / grain)
		end, low, high := first, first, first
		for ; end < len(line) && math.Floor(float64(line[end].X)/grain) == column; end++ {
			if line[end].Y < line[low].Y {
				low = end
			}
			if line[end].Y > line[high].Y {
				high = end
			}
		}
		previous := -1
		for _, k := range [...]int{first, min(low, high), max(low, high), end - 1} {
			if k != previous {
				kept = append(kept, line[k])
			}
			previous = k
		}
		first = end
	}
	return kept
}

// seen reports whether a glyph stands there already, and remembers it.
func seen(drawn map[vg.Point]bool, pt vg.Point) bool {
	at := vg.Point{X: vg.Length(math.Round(float64(pt.X) / grain)), Y: vg.Length(math.Round(float64(pt.Y) / grain))}
	if drawn[at] {
		return true
	}
	drawn[at] = true
	return false
}

// errorBar draws an error bar as far as the axis shows it; an end outside of
// the axis has no cap.
func errorBar(c draw.Canvas, p place, style draw.LineStyle, x, low, high float64) {
	if math.IsNaN(low) || math.IsNaN(high) || high < p.y.min || low > p.y.max {
		return
	}
	at := p.atX(x)
	from, to := p.atY(max(low, p.y.min)), p.atY(min(high, p.y.max))
	c.StrokeLine2(style, at, from, at, to)
	const half = 2.5
	if low >= p.y.min {
		c.StrokeLine2(style, at-half, from, at+half, from)
	}
	if high <= p.y.max {
		c.StrokeLine2(style, at-half, to, at+half, to)
	}
}

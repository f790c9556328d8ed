package figure

import (
	"fmt"
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

const quarterTurn = math.Pi / 2

// chart is what histograms, lines and scatter plots have in common: two axes
// with layers of data above a grid, a heading, a legend and footnotes.
type chart struct {
	title, subtitle string
	x, y            ruler
	layers          []layer // from the back to the front
	legend          []entry
	notes           []string
	width, height   vg.Length // of axes and data; the whole figure is as much higher as the rest needs
}

// A chart is drawn for one column of a paper, 85 mm wide: there its text is six to
// nine points high.
const (
	sheetMargin  = 9
	chartWidth   = 400
	chartHeight  = 240
	markerRadius = 2.4
)

// layer draws data; c is the area between the axes.
type layer func(c draw.Canvas, p place)

// place turns values into points of the canvas.
type place struct {
	c    draw.Canvas
	x, y ruler
}

func (p place) atX(x float64) vg.Length { return p.c.X(p.x.norm(x)) }
func (p place) atY(y float64) vg.Length { return p.c.Y(p.y.norm(y)) }
func (p place) at(x, y float64) vg.Point {
	return vg.Point{X: p.atX(x), Y: p.atY(y)}
}

// asPlotter lets a layer be added to a plot.
type asPlotter struct {
	layer layer
	x, y  ruler
}

func (a asPlotter) Plot(c draw.Canvas, _ *plot.Plot) { a.layer(c, place{c, a.x, a.y}) }

func (ch chart) draw() (*Drawing, error) {
	inner := ch.width - 2*sheetMargin
	head := newHeading(ch.title, ch.subtitle, inner)
	names := newLegend(ch.legend, inner)
	notes := newFootnotes(ch.notes, inner)
	gap := vg.Length(0)
	if head.height() > 0 || names.height() > 0 {
		gap = 8
	}
	height := ch.height + head.height() + names.height() + gap + notes.height() + 2*sheetMargin

	return newDrawing(clean(ch.title), ch.width, height, func(c draw.Canvas) {
		p := newPlot(ch.x, ch.y)
		grid := plotter.NewGrid()
		grid.Vertical.Color, grid.Horizontal.Color = faint, faint
		p.Add(grid)
		for _, l := range ch.layers {
			p.Add(asPlotter{l, ch.x, ch.y})
		}
		area := draw.Crop(c, sheetMargin, -sheetMargin, sheetMargin, -sheetMargin)
		top := area.Max.Y
		head.draw(c, area.Min.X, top)
		top -= head.height()
		names.draw(c, area.Min.X, top)
		top -= names.height() + gap
		notes.draw(c, area.Min.X, area.Min.Y)
		area.Max.Y, area.Min.Y = top, area.Min.Y+notes.height()
		axes := draw.Crop(area, nameRoom(ch.y.label), 0, nameRoom(ch.x.label), 0)
		p.Draw(axes)
		nameAxes(c, area.Rectangle, p.DataCanvas(axes).Rectangle, ch.x.label, ch.y.label)
	})
}

// newPlot is a plot with axes in the style of all figures.
func newPlot(x, y ruler) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	for _, a := range []struct {
		axis *plot.Axis
		of   ruler
	}{{&p.X, x}, {&p.Y, y}} {
		a.axis.Min, a.axis.Max = a.of.min, a.of.max
		if a.of.log {
			a.axis.Scale = plot.LogScale{}
		}
		a.axis.Padding = 0
		a.axis.Color, a.axis.Width = ink, 0.8
		a.axis.Tick.Color, a.axis.Tick.Width, a.axis.Tick.Length = ink, 0.8, 5
		a.axis.Tick.Marker = plot.ConstantTicks(a.of.ticks)
		a.axis.Tick.Label.Font, a.axis.Tick.Label.Color = plain(tickSize), ink
	}
	return p
}

// axisName is the height of a line with the name of an axis.
const axisName = labelSize + 6

// nameAxes writes the names of the axes of a plot along the lower and the
// left edge of its place, in the middle of the area between the axes. The
// plot library would write them itself, but it reserves room for them at the
// wrong place where an axis is logarithmic.
func nameAxes(c draw.Canvas, place, area vg.Rectangle, x, y string) {
	write(c, plain(labelSize), ink, (area.Min.X+area.Max.X)/2, place.Min.Y+4, 0.5, x)
	writeUp(c, plain(labelSize), ink, place.Min.X+labelSize-2, (area.Min.Y+area.Max.Y)/2, 0.5, y)
}

// nameRoom is the room that the name of an axis takes.
func nameRoom(name string) vg.Length {
	if name == "" {
		return 0
	}
	return axisName
}

// Mark is a line across a chart at one or several values of one axis, such as
// a mean or a published value.
type Mark struct {
	Name   string    // in the legend; without a name there is no entry
	Values []float64 // in the axis' unit
}

// Band is a range of one axis with a tint, such as the tolerance around a
// target.
type Band struct {
	Name      string // in the legend; without a name there is no entry
	Low, High float64
}

// markStyle tells the marks of one chart apart by colour and by dashes.
func markStyle(i int) draw.LineStyle {
	styles := [...]draw.LineStyle{
		{Color: ink, Width: 1.4},
		{Color: hex(0xb0006d), Width: 1.6, Dashes: []vg.Length{6, 3}},
		{Color: hex(0x5b6168), Width: 1.4, Dashes: []vg.Length{1.5, 2.5}},
		{Color: hex(0x7a4b00), Width: 1.4, Dashes: []vg.Length{8, 2.5, 1.5, 2.5}},
	}
	return styles[i%len(styles)]
}

// direction tells along which axis the values of a mark or band are.
type direction bool

const (
	alongX direction = false // vertical lines
	alongY direction = true  // horizontal lines
)

func (d direction) ruler(ch *chart) ruler {
	if d == alongY {
		return ch.y
	}
	return ch.x
}

// addMarks draws marks, enters them in the legend and notes the ones that the
// axis cannot show. number is the number of the first, which chooses its style.
func (ch *chart) addMarks(marks []Mark, d direction, number int) {
	for i, m := range marks {
		style := markStyle(number + i)
		axis := d.ruler(ch)
		var shown []float64
		var outside []string
		for _, v := range m.Values {
			if axis.contains(v) {
				shown = append(shown, v)
			} else {
				outside = append(outside, fmt.Sprintf("%.4g", v))
			}
		}
		if len(outside) > 0 {
			ch.notes = append(ch.notes, fmt.Sprintf("%s at %s lies outside of the axis.", m.Name, strings.Join(outside, ", ")))
		}
		ch.layers = append(ch.layers, func(c draw.Canvas, p place) {
			for _, v := range shown {
				if d == alongY {
					c.StrokeLine2(style, c.Min.X, p.atY(v), c.Max.X, p.atY(v))
				} else {
					c.StrokeLine2(style, p.atX(v), c.Min.Y, p.atX(v), c.Max.Y)
				}
			}
		})
		if m.Name != "" {
			ch.legend = append(ch.legend, entry{clean(m.Name), lineSample(style, nil)})
		}
	}
}

// addBands draws bands behind everything that is added later, in a grey that is
// no series'. Bands without a name belong to the named one that follows.
func (ch *chart) addBands(bands []Band, d direction) error {
	named := 0
	for _, b := range bands {
		if !(b.Low < b.High) {
			return fmt.Errorf("band %q: from %g to %g is no range: give Low below High", b.Name, b.Low, b.High)
		}
		tint := translucent([]color.NRGBA{muted, seriesColors[2], seriesColors[3]}[named%3], 0.16)
		ch.layers = append(ch.layers, func(c draw.Canvas, p place) {
			area := c.Rectangle
			if d == alongY {
				area.Min.Y, area.Max.Y = p.atY(max(b.Low, p.y.min)), p.atY(min(b.High, p.y.max))
			} else {
				area.Min.X, area.Max.X = p.atX(max(b.Low, p.x.min)), p.atX(min(b.High, p.x.max))
			}
			if area.Min.X < area.Max.X && area.Min.Y < area.Max.Y {
				c.SetColor(tint)
				c.Fill(area.Path())
			}
		})
		if b.Name != "" {
			named++
			ch.legend = append(ch.legend, entry{clean(b.Name), areaSample(tint, draw.LineStyle{})})
		}
	}
	return nil
}

// seriesStyle is colour and dashes of the i-th series. Where colours are used up
// they come again with dashes.
func seriesStyle(i int) (color.NRGBA, []vg.Length) {
	dashes := [...][]vg.Length{nil, {7, 3}, {2, 2.5}, {8, 2.5, 2, 2.5}}
	return seriesColors[i%len(seriesColors)], dashes[i/len(seriesColors)%len(dashes)]
}

// glyphs tell series apart without colour.
func seriesGlyph(i int) draw.GlyphDrawer {
	glyphs := [...]draw.GlyphDrawer{
		draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, draw.CrossGlyph{}, draw.RingGlyph{}, draw.SquareGlyph{},
		draw.TriangleGlyph{},
	}
	return glyphs[i%len(glyphs)]
}

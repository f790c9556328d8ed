package figure

import (
	"image/color"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// entry is one name in a legend, with a sample of how it is drawn.
type entry struct {
	name   string
	sample func(c draw.Canvas, box vg.Rectangle) // box is sampleWidth wide and as high as a letter
}

const (
	sampleWidth = 24
	sampleGap   = 6
	entryGap    = 20
	legendLine  = 18
)

// legend is a block of entries in lines. It has a place of its own between
// title and chart: there it covers no data, whatever the data are.
type legend struct {
	lines [][]entry
}

func newLegend(entries []entry, width vg.Length) legend {
	var l legend
	left := vg.Length(0)
	for _, e := range entries {
		e.name = shorten(plain(tickSize), e.name, width-sampleWidth-sampleGap)
		w := sampleWidth + sampleGap + textWidth(plain(tickSize), e.name)
		if len(l.lines) == 0 || left+entryGap+w > width {
			l.lines, left = append(l.lines, nil), 0
		} else {
			left += entryGap
		}
		last := len(l.lines) - 1
		l.lines[last] = append(l.lines[last], e)
		left += w
	}
	return l
}

func (l legend) height() vg.Length { return vg.Length(len(l.lines)) * legendLine }

// draw draws the legend downwards from the upper left corner.
func (l legend) draw(c draw.Canvas, left, top vg.Length) {
	for i, line := range l.lines {
		x, base := left, top-vg.Length(i+1)*legendLine+5
		for _, e := range line {
			e.sample(c, vg.Rectangle{Min: vg.Point{X: x, Y: base - 1}, Max: vg.Point{X: x + sampleWidth, Y: base + 9}})
			x += sampleWidth + sampleGap
			write(c, plain(tickSize), ink, x, base, 0, e.name)
			x += textWidth(plain(tickSize), e.name) + entryGap
		}
	}
}

// lineSample shows a line, and the glyph of its markers if it has one.
func lineSample(style draw.LineStyle, glyph draw.GlyphDrawer) func(draw.Canvas, vg.Rectangle) {
	return func(c draw.Canvas, box vg.Rectangle) {
		y := (box.Min.Y + box.Max.Y) / 2
		if style.Width > 0 {
			c.StrokeLine2(style, box.Min.X, y, box.Max.X, y)
		}
		if glyph != nil {
			c.DrawGlyphNoClip(draw.GlyphStyle{Color: style.Color, Radius: markerRadius, Shape: glyph},
				vg.Point{X: (box.Min.X + box.Max.X) / 2, Y: y})
		}
	}
}

// areaSample shows a filled area, with an outline if it has one.
func areaSample(fill color.Color, outline draw.LineStyle) func(draw.Canvas, vg.Rectangle) {
	return func(c draw.Canvas, box vg.Rectangle) {
		c.SetColor(fill)
		c.Fill(box.Path())
		if outline.Width > 0 {
			c.SetLineStyle(outline)
			c.Stroke(box.Path())
		}
	}
}

// heading is title and subtitle of a figure, broken into lines.
type heading struct {
	title, subtitle []string
}

const (
	titleLine    = 20
	subtitleLine = 16
)

func newHeading(title, subtitle string, width vg.Length) heading {
	return heading{wrap(bold(titleSize), clean(title), width), wrap(plain(labelSize), clean(subtitle), width)}
}

func (h heading) height() vg.Length {
	return vg.Length(len(h.title))*titleLine + vg.Length(len(h.subtitle))*subtitleLine
}

// draw draws the heading downwards from the upper left corner.
func (h heading) draw(c draw.Canvas, left, top vg.Length) {
	for _, line := range h.title {
		top -= titleLine
		write(c, bold(titleSize), ink, left, top+5, 0, line)
	}
	for _, line := range h.subtitle {
		top -= subtitleLine
		write(c, plain(labelSize), muted, left, top+4, 0, line)
	}
}

// footnotes are lines below a figure that say what it does not show.
type footnotes []string

const noteLine = 14

func newFootnotes(notes []string, width vg.Length) footnotes {
	var lines footnotes
	for _, n := range notes {
		lines = append(lines, wrap(plain(noteSize), clean(n), width)...)
	}
	return lines
}

func (f footnotes) height() vg.Length { return vg.Length(len(f)) * noteLine }

// draw draws the notes upwards from the lower left corner.
func (f footnotes) draw(c draw.Canvas, left, bottom vg.Length) {
	for i, line := range f {
		write(c, plain(noteSize), muted, left, bottom+vg.Length(len(f)-1-i)*noteLine+3, 0, line)
	}
}

package figure

import (
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// colorBar is the legend of a colour scale.
type colorBar struct {
	scale        ruler
	colors       *colorMap
	below, above bool // there are values beyond the scale
}

// newColorBar is the bar of maps with the same scale.
func newColorBar(panels []panel) *colorBar {
	b := &colorBar{scale: panels[0].scale, colors: panels[0].colors}
	for _, p := range panels {
		below, above := p.exceeds(b.scale)
		b.below, b.above = b.below || below, b.above || above
	}
	return b
}

const (
	barGap    = 10 // between map and bar
	barWide   = 14
	barTick   = 4
	barPoint  = 11 // height of the pointed end
	labelGap  = 4
	barStrips = 85 // a third of the colour map's steps: finer than the eye tells apart
)

// width is what the bar needs right of its map.
func (b *colorBar) width() vg.Length {
	w := vg.Length(barGap + barWide + barTick + labelGap)
	widest := vg.Length(0)
	for _, t := range b.scale.ticks {
		widest = max(widest, textWidth(plain(tickSize), t.Label))
	}
	w += widest
	if b.scale.label != "" {
		w += labelGap + labelSize + 3
	}
	return w
}

// draw draws the bar into its place.
func (b *colorBar) draw(c draw.Canvas, at vg.Rectangle) {
	strip := vg.Rectangle{Min: vg.Point{X: at.Min.X + barGap, Y: at.Min.Y},
		Max: vg.Point{X: at.Min.X + barGap + barWide, Y: at.Max.Y}}
	if b.below {
		strip.Min.Y += barPoint
	}
	if b.above {
		strip.Max.Y -= barPoint
	}
	high := strip.Max.Y - strip.Min.Y
	for i := range barStrips {
		// From the top: each strip covers the overlap of the one above it.
		k := vg.Length(barStrips - 1 - i)
		box := strip
		box.Min.Y, box.Max.Y = strip.Min.Y+high*k/barStrips, strip.Min.Y+high*(k+1)/barStrips
		box.Min.Y = max(box.Min.Y-overlap, strip.Min.Y)
		c.SetColor(b.colors[b.colors.at((float64(k)+0.5)/barStrips)])
		c.Fill(box.Path())
	}
	outline := []vg.Point{strip.Min}
	tip := (strip.Min.X + strip.Max.X) / 2
	if b.below {
		end := []vg.Point{strip.Min, {X: strip.Max.X, Y: strip.Min.Y}, {X: tip, Y: at.Min.Y}}
		c.FillPolygon(b.colors[0], end)
		outline = append(outline, end[2])
	}
	outline = append(outline, vg.Point{X: strip.Max.X, Y: strip.Min.Y}, strip.Max)
	if b.above {
		end := []vg.Point{strip.Max, {X: strip.Min.X, Y: strip.Max.Y}, {X: tip, Y: at.Max.Y}}
		c.FillPolygon(b.colors[len(b.colors)-1], end)
		outline = append(outline, end[2])
	}
	outline = append(outline, vg.Point{X: strip.Min.X, Y: strip.Max.Y}, strip.Min)
	line := draw.LineStyle{Color: ink, Width: 0.8}
	c.StrokeLines(line, outline)

	for _, t := range b.scale.ticks {
		y := strip.Min.Y + high*vg.Length(b.scale.norm(t.Value))
		reach := vg.Length(barTick)
		if t.IsMinor() {
			reach = barTick / 2
		}
		c.StrokeLine2(line, strip.Max.X, y, strip.Max.X+reach, y)
		write(c, plain(tickSize), ink, strip.Max.X+barTick+labelGap, y-tickSize*0.35, 0, t.Label)
	}
	if b.scale.label != "" {
		writeUp(c, plain(labelSize), ink, at.Max.X-3, (at.Min.Y+at.Max.Y)/2, 0.5, b.scale.label)
	}
}

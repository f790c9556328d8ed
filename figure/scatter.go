package figure

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Scatter compares a result with its target, one point per device, on two
// axes of the same range. The diagonal is where both are equal.
type Scatter struct {
	Title, Subtitle string

	// Axis gives unit, scale and range of both axes; XLabel and YLabel name
	// them, "target" and "result" if empty.
	Axis           Axis
	XLabel, YLabel string

	// Tolerance is the largest relative deviation that is good, such as 0.05;
	// it is drawn as a band around the diagonal. 0: no band.
	Tolerance float64

	Groups []Group
}

// Group is a set of points, such as all devices with the same outcome. X and
// Y have the same length; a point with a NaN is left out.
type Group struct {
	Name string // in the legend; without a name there is no entry
	X, Y []float64
}

// Draw lays the chart out. Where no point can be placed, the error is
// ErrNoData.
func (s Scatter) Draw() (_ *Drawing, err error) {
	defer about(&err, "scatter %q", s.Title)
	if !(s.Tolerance >= 0 && s.Tolerance < 1) {
		return nil, fmt.Errorf("a tolerance of %g: give a fraction from 0 to below 1, such as 0.05 for 5 %%", s.Tolerance)
	}
	var data span
	for i, g := range s.Groups {
		if len(g.X) != len(g.Y) {
			return nil, fmt.Errorf("group %d (%q) has %d values of X and %d of Y: give one Y for each X", i, g.Name, len(g.X),
				len(g.Y))
		}
		for k := range g.X {
			if s.Axis.shows(g.X[k]) && s.Axis.shows(g.Y[k]) {
				data.add(g.X[k])
				data.add(g.Y[k])
			}
		}
	}
	if data.n == 0 {
		return nil, ErrNoData
	}
	axis := s.Axis
	axis.Label = named(s.XLabel, "target")
	x, err := axis.over(data, 0.04)
	if err != nil {
		return nil, err
	}
	axis.Label = named(s.YLabel, "result")
	y, err := axis.over(data, 0.04)
	if err != nil {
		return nil, err
	}
	ch := chart{title: s.Title, subtitle: s.Subtitle, x: x, y: y, width: chartWidth, height: chartWidth - 2*sheetMargin}
	if s.Tolerance > 0 {
		tint := translucent(seriesColors[2], 0.18)
		ch.layers = append(ch.layers, s.band(tint))
		ch.legend = append(ch.legend, entry{fmt.Sprintf("within ±%.4g %%", s.Tolerance*100),
			areaSample(tint, draw.LineStyle{})})
	}
	equal := draw.LineStyle{Color: muted, Width: 0.8}
	ch.layers = append(ch.layers, func(c draw.Canvas, p place) {
		c.StrokeLine2(equal, c.Min.X, c.Min.Y, c.Max.X, c.Max.Y)
	})
	var out omitted
	for i, g := range s.Groups {
		tone, _ := seriesStyle(i)
		glyph := draw.GlyphStyle{Color: translucent(tone, 0.75), Radius: markerRadius, Shape: seriesGlyph(i)}
		var shown []int
		for k := range g.X {
			if out.shows(g.X[k], g.Y[k], s.Axis, s.Axis, x, y) {
				shown = append(shown, k)
			}
		}
		ch.layers = append(ch.layers, func(c draw.Canvas, p place) {
			drawn := make(map[vg.Point]bool)
			for _, k := range shown {
				if pt := p.at(g.X[k], g.Y[k]); !seen(drawn, pt) {
					c.DrawGlyphNoClip(glyph, pt)
				}
			}
		})
		if g.Name != "" {
			ch.legend = append(ch.legend, entry{clean(g.Name), lineSample(draw.LineStyle{Color: tone}, glyph.Shape)})
		}
	}
	ch.notes = out.notes()
	return ch.draw()
}

// band tints the places where the result is within the tolerance.
func (s Scatter) band(tint color.Color) layer {
	return func(c draw.Canvas, p place) {
		// on linear axes the edges are straight, on logarithmic ones two points would do as well; across zero they bend
		const steps = 100
		var lower, upper []vg.Point
		for i := 0; i <= steps; i++ {
			x := p.x.at(float64(i) / steps)
			// Below zero the band is mirrored: the tolerance is a fraction of the size.
			d := math.Abs(x) * s.Tolerance
			lower = append(lower, p.at(x, x-d))
			upper = append(upper, p.at(x, x+d))
		}
		for i := len(upper) - 1; i >= 0; i-- {
			lower = append(lower, upper[i])
		}
		c.FillPolygon(tint, c.ClipPolygonXY(lower))
	}
}

package figure

import (
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Histogram counts the values of one or several samples in bins that are the
// same for all of them.
type Histogram struct {
	Title, Subtitle string
	X               Axis   // the values; X.Log makes bins of equal ratio
	Count           string // what is counted; empty: "devices"
	Samples         []Sample

	// Step is the width of the bins, whose middles are its multiples, for values
	// that come in steps; 0: chosen from the data, with round edges.
	Step float64
	// Whole makes each bin stand for one whole number (pulses, attempts), or
	// for an equal number of them where there are too many. The values must be
	// whole, and Step zero.
	Whole bool
	// LogCount makes the axis of counts logarithmic, so that a single outlier
	// shows beside a thousand others.
	LogCount bool

	Marks []Mark // vertical lines: means, published values
	Bands []Band // ranges of values, such as a tolerance
}

// note is what the caption says about the bars: it goes without saying that n
// counted devices could as well have been more or fewer by the root of n.
func (h Histogram) note() string { return "Error bars: the root of each count." }

// Sample is one set of values of a histogram. NaN stands for "not measured"
// and is not counted.
type Sample struct {
	Name   string // in the legend; without a name there is no entry
	Values []float64
}

// Draw lays the histogram out. Without any value to count the error is
// ErrNoData.
func (h Histogram) Draw() (_ *Drawing, err error) {
	defer about(&err, "histogram %q", h.Title)
	edges, x, err := h.bins()
	if err != nil {
		return nil, err
	}
	counts, left := h.count(edges)
	highest := 0.0
	for _, c := range counts {
		for _, n := range c {
			highest = max(highest, float64(n)+math.Sqrt(float64(n)))
		}
	}
	y := Axis{Label: named(h.Count, "devices"), Log: h.LogCount, Max: highest * 1.05}
	if h.LogCount {
		// A bin with one device needs a height, so the axis begins below one.
		y.Min, y.Max = 0.7, highest*1.2
	}
	upwards, err := y.over(span{}, 0)
	if err != nil {
		return nil, err
	}
	upwards.ticks = wholeTicks(upwards.ticks)

	ch := chart{title: h.Title, subtitle: h.Subtitle, x: x, y: upwards, width: chartWidth, height: chartHeight,
		notes: left}
	if err := ch.addBands(h.Bands, alongX); err != nil {
		return nil, err
	}
	filled, number := 0, 0
	for _, s := range h.Samples {
		if len(s.Values) > 0 {
			filled++
		}
	}
	for i, s := range h.Samples {
		tone, _ := seriesStyle(i)
		fill, outline := translucent(tone, 0.4), draw.LineStyle{Color: tone, Width: 1.1}
		if len(h.Samples) == 1 {
			fill = translucent(tone, 0.65)
		}
		if len(s.Values) == 0 {
			continue // nothing is said of an empty sample
		}
		// Error bars of samples that share their bins stand beside each other.
		number++
		ch.layers = append(ch.layers, bars(edges, counts[i], fill, outline),
			countErrors(edges, counts[i], tone, float64(number)/float64(filled+1)))
		if s.Name != "" {
			ch.legend = append(ch.legend, entry{clean(s.Name), areaSample(fill, outline)})
		}
	}
	ch.addMarks(h.Marks, alongX, 0)
	return ch.draw()
}

// count sorts the values into the bins, for each sample, and says which ones
// have no place there.
func (h Histogram) count(edges []float64) (counts [][]int, notes []string) {
	below, above, unplaced := 0, 0, 0
	for _, s := range h.Samples {
		c := make([]int, len(edges)-1)
		for _, v := range s.Values {
			switch bin, side := find(edges, v); {
			case math.IsNaN(v):
			case h.X.Log && v <= 0:
				unplaced++
			case side < 0:
				below++
			case side > 0:
				above++
			default:
				c[bin]++
			}
		}
		counts = append(counts, c)
	}
	return counts, leftOut("value", []left{{below, "below the axis"}, {above, "above the axis"},
		{unplaced, "at or below zero: not on a logarithmic axis"}})
}

// bars draws the outline of a histogram and fills it. Bins without a value
// have no line, so that they differ from bins with one.
func bars(edges []float64, counts []int, fill color.Color, outline draw.LineStyle) layer {
	return func(c draw.Canvas, p place) {
		for first := 0; first < len(counts); first++ {
			if counts[first] == 0 {
				continue
			}
			end := first
			shape := []vg.Point{{X: p.atX(edges[first]), Y: c.Min.Y}}
			for ; end < len(counts) && counts[end] > 0; end++ {
				top := p.atY(float64(counts[end]))
				shape = append(shape, vg.Point{X: p.atX(edges[end]), Y: top}, vg.Point{X: p.atX(edges[end+1]), Y: top})
			}
			shape = append(shape, vg.Point{X: p.atX(edges[end]), Y: c.Min.Y})
			c.FillPolygon(fill, shape)
			c.StrokeLines(outline, shape)
			first = end
		}
	}
}

// countErrors draws an error bar on each count, at a part of the width of its bin.
func countErrors(edges []float64, counts []int, tone color.Color, part float64) layer {
	return func(c draw.Canvas, p place) {
		style := draw.LineStyle{Color: tone, Width: 0.9}
		for i, n := range counts {
			if n > 0 {
				left, right := p.x.norm(edges[i]), p.x.norm(edges[i+1])
				half := math.Sqrt(float64(n))
				errorBar(c, p, style, p.x.at(left+(right-left)*part), float64(n)-half, float64(n)+half)
			}
		}
	}
}

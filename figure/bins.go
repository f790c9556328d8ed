package figure

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
)

// mostBins bounds the number of bins that are chosen.
const mostBins = 60

// bins chooses the edges of the bins, and settles the axis so that it shows
// them, the marks and the bands, none of them on the frame.
func (h Histogram) bins() ([]float64, ruler, error) {
	axis, data := h.X, span{}
	given := axis.Min != 0 || axis.Max != 0
	samples := make([][]float64, len(h.Samples))
	for i, s := range h.Samples {
		for _, v := range s.Values {
			if axis.shows(v) && (!given || v >= axis.Min && v <= axis.Max) {
				samples[i] = append(samples[i], v)
				data.add(v)
			}
		}
	}
	if data.n == 0 {
		return nil, ruler{}, ErrNoData
	}
	edges, err := h.edges(samples, data)
	if err != nil {
		return nil, ruler{}, err
	}
	if len(edges) < 2 || !(edges[0] < edges[len(edges)-1]) { // lost in the digits of large values
		return nil, ruler{}, fmt.Errorf("bins of %g cannot be told apart at %g: give a wider Step", h.Step, data.hi)
	}
	if first, last := edges[0], edges[len(edges)-1]; !given || h.Whole {
		shown := span{}
		axis.measure(&shown, []float64{first, last})
		if !given {
			for _, m := range h.Marks {
				axis.measure(&shown, m.Values)
			}
			for _, b := range h.Bands {
				axis.measure(&shown, []float64{b.Low, b.High})
			}
		}
		axis.Min, axis.Max = shown.lo, shown.hi
		frame := ruler{log: axis.Log, min: shown.lo, max: shown.hi}
		near := func(end float64, values ...float64) bool {
			return slices.ContainsFunc(values, func(v float64) bool {
				return axis.shows(v) && math.Abs(frame.norm(v)-end) < 0.03
			})
		}
		hidden := func(end float64) bool {
			return slices.ContainsFunc(h.Marks, func(m Mark) bool { return near(end, m.Values...) }) ||
				slices.ContainsFunc(h.Bands, func(b Band) bool { return near(end, b.Low, b.High) })
		}
		if hidden(0) {
			axis.Min = frame.at(-0.04)
		}
		if hidden(1) {
			axis.Max = frame.at(1.04)
		}
	}
	r, err := axis.over(span{}, 0)
	if h.Whole {
		r.ticks = wholeTicks(r.ticks)
	}
	return edges, r, err
}

// edges are the edges of the bins.
func (h Histogram) edges(samples [][]float64, data span) ([]float64, error) {
	switch {
	case h.Step < 0 || math.IsNaN(h.Step) || h.Step > 0 && (h.X.Log || h.Whole):
		return nil, fmt.Errorf("bins of %g: give a width above zero on a linear axis, or 0 to have it chosen", h.Step)
	case h.Whole:
		return h.wholeEdges(samples, data)
	case h.Step > 0:
		first, last := math.Floor(data.lo/h.Step+0.5)-0.5, math.Floor(data.hi/h.Step+0.5)+0.5
		if last-first > 1e4 {
			return nil, fmt.Errorf("bins of %g from %g to %g are too many to be drawn: give a wider Step",
				h.Step, data.lo, data.hi)
		}
		return multiples(first, last, h.Step), nil
	}
	r, err := h.X.over(data, 0)
	if err != nil {
		return nil, err
	}
	n := binCount(samples, r.min, r.max, h.X.Log)
	if h.X.Log {
		return division(r, n), nil
	}
	// Marks far away make the axis long: a bin has to be seen on it.
	axis := span{lo: r.min, hi: r.max, n: 1}
	for _, k := range h.Marks {
		h.X.measure(&axis, k.Values)
	}
	m, e := niceStep(max((r.max-r.min)/float64(n), (axis.hi-axis.lo)/mostBins))
	step := float64(m) * math.Pow10(e)
	if h.X.Min != 0 || h.X.Max != 0 { // as round as the given ends allow
		return division(r, int(math.Round((r.max-r.min)/step))), nil
	}
	first, last := math.Floor(r.min/step+1e-9), math.Ceil(r.max/step-1e-9)
	if data.lo == data.hi { // a single value is put in the middle of its bin and not on an edge
		first, last = first-0.5, last+0.5
	}
	last = max(last, first+1) // of values that are all but one on an axis of far marks
	edges := multiples(first, last, step)
	// Rounding must not leave the outermost values outside.
	edges[0], edges[len(edges)-1] = min(edges[0], r.min), max(edges[len(edges)-1], r.max)
	return edges, nil
}

// multiples are first to last times a step.
func multiples(first, last, step float64) []float64 {
	edges := make([]float64, int(math.Round(last-first))+1)
	for i := range edges {
		edges[i] = (first + float64(i)) * step
	}
	return edges
}

// wholeEdges puts edges half way between whole numbers.
func (h Histogram) wholeEdges(samples [][]float64, data span) ([]float64, error) {
	if h.X.Log {
		return nil, errors.New("bins of whole numbers stand on a linear axis: leave X.Log false")
	}
	for _, sample := range samples {
		for _, v := range sample {
			if v != math.Trunc(v) {
				return nil, fmt.Errorf("%g is no whole number: set Whole to false", v)
			}
		}
	}
	lo, hi := data.lo, data.hi
	if h.X.Min != 0 || h.X.Max != 0 {
		lo, hi = math.Ceil(h.X.Min), math.Floor(h.X.Max)
	}
	if hi-lo > 1e9 {
		return nil, fmt.Errorf("whole numbers from %g to %g are too many to be drawn: give a range, or set Whole to false",
			lo, hi)
	}
	width := 1.0
	if hi-lo+1 > mostBins {
		m, e := niceStep((hi - lo + 1) / mostBins)
		width = float64(m) * math.Pow10(e)
		lo = math.Floor(lo/width) * width
	}
	n := int(math.Ceil((hi - lo + 1) / width))
	return division(ruler{min: lo - 0.5, max: lo - 0.5 + float64(n)*width}, n), nil
}

// binCount is the number of bins by the rule of D. Freedman and P. Diaconis
// (1981), whose bins are twice the range between the quartiles over the cube
// root of the number of values wide, for the sample that needs the finest
// ones; the root of the number where half of every sample is equal, as outputs
// at a rail are.
func binCount(samples [][]float64, lo, hi float64, log bool) int {
	if log {
		lo, hi = math.Log(lo), math.Log(hi)
	}
	count := 0.0
	for _, values := range samples {
		if len(values) == 0 {
			continue
		}
		sorted := slices.Clone(values)
		if log {
			for i, v := range sorted {
				sorted[i] = math.Log(v)
			}
		}
		slices.Sort(sorted)
		n := len(sorted)
		if between := sorted[(3*n)/4] - sorted[n/4]; between > 0 {
			count = max(count, (hi-lo)/(2*between/math.Cbrt(float64(n))))
		} else {
			count = max(count, math.Ceil(math.Sqrt(float64(n))))
		}
	}
	return int(min(max(count, 6), mostBins))
}

// division is n bins along the whole axis.
func division(r ruler, n int) []float64 {
	edges := make([]float64, n+1)
	for i := range edges {
		edges[i] = r.at(float64(i) / float64(n))
	}
	edges[0], edges[n] = r.min, r.max
	return edges
}

// find is the bin of a value, which holds its lower edge and, if it is the
// last, its upper one; or the side of the bins on which the value is.
func find(edges []float64, v float64) (bin, side int) {
	last := len(edges) - 1
	switch {
	case v < edges[0]:
		return 0, -1
	case v > edges[last]:
		return 0, 1
	}
	i, found := slices.BinarySearch(edges, v)
	if !found {
		i--
	}
	return min(max(i, 0), last-1), 0
}

// wholeTicks leaves the ticks of whole numbers, for counts, and their labels
// without decimals.
func wholeTicks(ticks []plot.Tick) []plot.Tick {
	var kept []plot.Tick
	for _, t := range ticks {
		if math.Abs(t.Value-math.Round(t.Value)) < 1e-6*max(1, math.Abs(t.Value)) {
			if strings.Contains(t.Label, ".") {
				t.Label = strings.TrimRight(strings.TrimRight(t.Label, "0"), ".")
			}
			kept = append(kept, t)
		}
	}
	return kept
}

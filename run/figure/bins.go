package figure

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
)

// mostBins bounds the number of bins that are chosen.
const mostBins = 60

// bins chooses the edges of the bins and settles the axis so that it shows
// all of them.
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
	if h.Whole {
		return h.wholeBins(samples, data)
	}
	if !given {
		for _, m := range h.Marks {
			axis.measure(&data, m.Values)
		}
	}
	r, err := axis.over(data, 0)
	if err != nil {
		return nil, ruler{}, err
	}
	n := h.Bins
	if n == 0 {
		n = binCount(samples, r.min, r.max, axis.Log)
		switch {
		case !axis.Log && !given:
			return roundBins(axis, r.min, r.max, n, data.lo == data.hi)
		case !axis.Log: // as round as the given ends allow
			m, e := niceStep((r.max - r.min) / float64(n))
			n = int(math.Round((r.max - r.min) / (float64(m) * math.Pow10(e))))
		}
	}
	return division(r, n), r, nil
}

// roundBins makes about n bins with round edges that cover the range; the
// axis ends with the last of them. A single value is put in the middle of its
// bin and not on an edge.
func roundBins(axis Axis, lo, hi float64, n int, single bool) ([]float64, ruler, error) {
	m, e := niceStep((hi - lo) / float64(n))
	step := float64(m) * math.Pow10(e)
	first, last := math.Floor(lo/step+1e-9), math.Ceil(hi/step-1e-9)
	if single {
		first, last = first-0.5, last+0.5
	}
	axis.Min, axis.Max = first*step, last*step
	r, err := axis.over(span{}, 0)
	if err != nil {
		return nil, ruler{}, err
	}
	edges := make([]float64, int(math.Round(last-first))+1)
	for i := range edges {
		edges[i] = (first + float64(i)) * step
	}
	// Rounding must not leave the outermost values outside.
	edges[0], edges[len(edges)-1] = min(edges[0], lo), max(edges[len(edges)-1], hi)
	r.min, r.max = edges[0], edges[len(edges)-1]
	return edges, r, nil
}

// wholeBins puts edges half way between whole numbers.
func (h Histogram) wholeBins(samples [][]float64, data span) ([]float64, ruler, error) {
	if h.X.Log || h.Bins != 0 {
		return nil, ruler{}, fmt.Errorf("bins of whole numbers are chosen, and stand on a linear axis: leave Bins zero and X.Log false")
	}
	for _, sample := range samples {
		for _, v := range sample {
			if v != math.Trunc(v) {
				return nil, ruler{}, fmt.Errorf("%g is no whole number: set Whole to false", v)
			}
		}
	}
	axis, lo, hi := h.X, data.lo, data.hi
	if axis.Min != 0 || axis.Max != 0 {
		lo, hi = math.Ceil(axis.Min), math.Floor(axis.Max)
	}
	if hi-lo > 1e9 {
		return nil, ruler{}, fmt.Errorf("whole numbers from %g to %g are too many to be drawn: give a range, or set Whole to false", lo, hi)
	}
	width := 1.0
	if hi-lo+1 > mostBins {
		m, e := niceStep((hi - lo + 1) / mostBins)
		width = float64(m) * math.Pow10(e)
		lo = math.Floor(lo/width) * width
	}
	n := int(math.Ceil((hi - lo + 1) / width))
	edges := division(ruler{min: lo - 0.5, max: lo - 0.5 + float64(n)*width}, n)
	axis.Min, axis.Max = edges[0], edges[n]
	r, err := axis.over(span{}, 0)
	r.ticks = wholeTicks(r.ticks)
	return edges, r, err
}

// binCount is the number of bins by the rule of D. Freedman and P. Diaconis
// (1981), whose bins are twice the range between the quartiles over the cube
// root of the number of values wide, for the sample that needs the finest
// ones; by that of H. Sturges (1926) where half of every sample is equal.
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
			count = max(count, math.Ceil(math.Log2(float64(n)))+1)
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

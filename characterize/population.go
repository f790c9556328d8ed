package characterize

import (
	"fmt"

	"xlab/figure"
	"xlab/population"
)

// partOf writes how many of a set are such ones, "-" of an empty set.
func partOf(n, all int) string {
	if all == 0 {
		return "-"
	}
	return fmt.Sprintf("%d of %d", n, all)
}

// legendLimit is the number of devices beyond which a legend helps nobody: single
// devices are drawn faintly then, behind the means.
const legendLimit = 8

// behind makes the curve of a single device one of many.
func behind(s figure.Series, devices int) figure.Series {
	if devices > legendLimit {
		s.Name, s.Faint, s.Markers = "", true, false
	}
	return s
}

// means is a curve of means with error bars of one standard deviation, where
// there is one: values[k] are those at the k-th point, which is at x[k].
func means(name string, x []float64, values [][]float64) figure.Series {
	s := figure.Series{Name: name, Markers: true}
	for k, at := range x {
		if p := population.Of(values[k]); p.N > 0 {
			low, high := p.Ends()
			s.X, s.Y, s.Low, s.High = append(s.X, at), append(s.Y, float64(p.Mean)), append(s.Low, low), append(s.High, high)
		}
	}
	return s
}

// meanCaption explains a figure with curves of single devices and of means.
const meanCaption = "Error bars of means: one standard deviation over the devices."

package characterize

import (
	"math"

	"gonum.org/v1/gonum/stat"
)

// Population describes a set of measured values.
type Population struct {
	N     int     `json:"n"`
	Mean  float64 `json:"mean"`
	Sigma float64 `json:"sigma"` // sample standard deviation; 0 below two values
}

// populationOf leaves out what is not a number.
func populationOf(values []float64) Population {
	var known []float64
	for _, v := range values {
		if !math.IsNaN(v) {
			known = append(known, v)
		}
	}
	p := Population{N: len(known)}
	switch len(known) {
	case 0:
	case 1:
		p.Mean = known[0]
	default:
		p.Mean, p.Sigma = stat.MeanStdDev(known, nil)
	}
	return p
}

// Comparison is one line of the table that holds measured against published
// values. Both are texts, because some are ranges and some are not published.
type Comparison struct {
	What      string `json:"what"`
	Measured  string `json:"measured"`
	Published string `json:"published"` // "" where nothing is
	Source    string `json:"source,omitempty"`
}

// Sources of published values.
const (
	sourceArrays = "Merrikh Bayat et al. 2018"    // Nature Communications 9:2331
	sourceModel  = "calculated, Nili et al. 2020" // IEEE Transactions on Nanotechnology, compact model of the stack
)

package study

import "xlab/population"

// OverChips is a mean over chips with its standard deviation and its ends.
type OverChips struct {
	population.Population
	Min population.Number `json:"min"`
	Max population.Number `json:"max"`
}

func overChipsOf(values []float64) OverChips {
	return OverChips{population.Of(values), population.Quantile(values, 0), population.Quantile(values, 1)}
}

// String writes mean and standard deviation, as far as there are any.
func (s OverChips) String() string {
	show := population.Format("%.2f", 1)
	if !s.Sigma.Known() {
		return s.Mean.Text(show)
	}
	return s.Mean.Text(show) + " ± " + s.Sigma.Text(show)
}

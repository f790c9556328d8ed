package draw

import (
	"fmt"

	"xlab/mlp"
	"xlab/run/figure"
)

// Margins is the histogram of one or several sets of margins in V, such as
// the software's and the hardware's, with the line at 0 V left of which samples
// are wrong.
func Margins(title string, sets ...figure.Sample) figure.Histogram {
	return figure.Histogram{
		Title:   title,
		X:       figure.Axis{Label: "margin of the right output", Unit: "V"},
		Count:   "patterns",
		Samples: sets,
		Marks:   []figure.Mark{{Name: "decision", Values: []float64{0}}},
	}
}

// Confusion is the map of an evaluation's decisions: true classes down,
// decisions across, the undecided last. classes are the names, one per output.
func Confusion(title string, e *mlp.Evaluation, classes []string) (figure.Map, error) {
	if len(classes) != len(e.Confusion) {
		return figure.Map{}, fmt.Errorf("%d class names were given for %d outputs", len(classes), len(e.Confusion))
	}
	m := figure.Map{
		Title:    title,
		Subtitle: fmt.Sprintf("%d of %d right, %.2f %%", e.Correct, e.Samples, e.Accuracy),
		Rows:     len(classes), Cols: len(classes) + 1,
		Label: "patterns", Numbers: true,
		RowLabel: "true class", ColLabel: "decision",
		RowNames: classes, ColNames: append(append([]string(nil), classes...), "none"),
	}
	for _, row := range e.Confusion {
		for _, n := range row {
			m.Values = append(m.Values, float64(n))
		}
	}
	return m, nil
}

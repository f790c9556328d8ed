package draw

import (
	"fmt"

	"xlab/figure"
	"xlab/mlp"
)

// Margins is the histogram of one or several sets of margins in V, such as
// the software's and the hardware's, with the line at 0 V left of which samples
// are wrong.
func Margins(name, title string, sets ...figure.Sample) figure.Figure {
	return figure.Figure{Name: name,
		Caption: "By how much the output of the true class is above the highest other one. " +
			"Left of the line at 0 V a pattern is not recognised.",
		Spec: figure.Histogram{
			Title: title,
			X:     figure.Axis{Label: "margin of the right output", Unit: "V"},
			Count: "patterns", LogCount: true, // most are at a rail
			Samples: sets,
			Marks:   []figure.Mark{{Name: "decision", Values: []float64{0}}},
		}}
}

// Confusion is the map of an evaluation's decisions: true classes down,
// decisions across, the undecided last. classes are the names, one per output;
// by says who has decided.
func Confusion(name, title, by string, e *mlp.Evaluation, classes []string) figure.Figure {
	m := figure.Map{
		Title:    title,
		Subtitle: fmt.Sprintf("%s, %d of %d right, %.2f %%", by, e.Correct, e.Samples, e.Accuracy),
		Rows:     len(e.Confusion), Cols: len(e.Confusion) + 1,
		Label: "patterns", Numbers: true,
		RowLabel: "true class", ColLabel: "decision",
		RowNames: classes, ColNames: append(append([]string(nil), classes...), "none"),
	}
	for _, row := range e.Confusion {
		for _, n := range row {
			m.Values = append(m.Values, float64(n))
		}
	}
	return figure.Figure{Name: name, Spec: m,
		Caption: fmt.Sprintf("Numbers of patterns by true class (down) and decision (across), %s; "+
			"right ones are on the diagonal, undecided ones under none.", by)}
}

package forming

import (
	"fmt"
	"slices"

	"xlab/figure"
	"xlab/instrument/array"
	"xlab/population"
	"xlab/published"
)

// Figures shows what became of the devices: maps of the array, and the forming
// voltages beside the published thresholds of devices that are formed.
func (o *Outcome) Figures(spec Spec) []figure.Figure {
	rows, cols := o.Defects.Rows, o.Defects.Cols
	conductances, voltages := figure.Blank(rows*cols), figure.Blank(rows*cols)
	defective := figure.CellMark{Name: "defective", Symbol: "×"}
	untried := figure.CellMark{Name: "not tried", Symbol: "·"}
	for i, d := range o.Defects.Devices {
		switch cell := [2]int{d.Cell.Row, d.Cell.Col}; d.State {
		case array.StateDefective:
			defective.Cells = append(defective.Cells, cell)
		case array.StateUntried:
			untried.Cells = append(untried.Cells, cell)
			continue
		}
		conductances[i] = float64(d.Conductance)
	}
	var formed []float64
	for _, r := range o.Records {
		if r.SwitchedV != 0 && r.State == array.StateFormed {
			v := float64(r.SwitchedV)
			formed, voltages[r.Cell.Row*cols+r.Cell.Col] = append(formed, v), v
		}
	}
	marks := slices.DeleteFunc([]figure.CellMark{defective, untried},
		func(m figure.CellMark) bool { return len(m.Cells) == 0 })
	maps := figure.Maps{Title: "After forming", Columns: 2, Panels: []figure.Map{
		{Title: "conductance", Rows: rows, Cols: cols, Values: conductances, Label: "conductance", Unit: "S",
			Scale: figure.Scale{Log: true}, Marks: marks},
		{Title: "forming voltage", Rows: rows, Cols: cols, Values: voltages, Label: "forming voltage", Unit: "V",
			Marks: marks},
	}}
	threshold := published.Threshold(true)
	h := figure.Histogram{Title: "Forming voltages", X: figure.Axis{Label: "voltage, row minus column", Unit: "V"},
		Samples: []figure.Sample{{Name: "forming", Values: formed}},
		Marks:   []figure.Mark{{Name: "published SET threshold", Values: []float64{threshold.Mean}}},
		Bands: []figure.Band{{Name: "published spread", Low: threshold.Mean - threshold.Sigma,
			High: threshold.Mean + threshold.Sigma}}}
	p := population.Of(formed)
	if p.Mean.Known() {
		h.Marks = append([]figure.Mark{{Name: "mean", Values: []float64{float64(p.Mean)}}}, h.Marks...)
	}
	return []figure.Figure{
		{Name: "maps", Spec: maps, Caption: fmt.Sprintf("Conductance at %v after each device was formed and reset, "+
			"and the voltage across its lines at which it formed. %d formed, %d pre-formed (these have no forming voltage), "+
			"%d defective.",
			spec.Check, o.Count(array.StateFormed), o.Count(array.StatePreformed), o.Count(array.StateDefective))},
		{Name: "forming-voltages", Spec: h, Caption: fmt.Sprintf("Voltages at which the devices formed: %s. "+
			"No forming voltages are published; dashed, for comparison, the published threshold at which devices that are "+
			"formed SET (%+.1f V, sigma %.2f V, %s; 500 µs pulses).",
			p.Text(population.Format("%.2f V", 1)), threshold.Mean, threshold.Sigma, published.Arrays)},
	}
}

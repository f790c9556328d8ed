package procedure

import (
	"fmt"
	"slices"

	"xlab/figure"
	"xlab/population"
	"xlab/run/keyfigure"
	"xlab/tuning"
)

// pulseCaption sets the pulses beside published ones: those of the same procedure,
// or of another that is then named as such.
func pulseCaption(spec tuning.Spec, s tuning.Summary) string {
	text := fmt.Sprintf("Write pulses that each device that switches has got, by the policy %s: median %s, "+
		"nine of ten at most %s.", spec.Policy,
		s.MedianPulses.Text(population.Format("%.0f", 1)), s.P90Pulses.Text(population.Format("%.0f", 1)))
	published, known := rampPulses[spec.Tolerance]
	switch {
	case known && spec.Policy == tuning.PolicyRamp:
		text += fmt.Sprintf(" Calculated for one device: %s (%s).", published, rampSource)
	case known:
		text += fmt.Sprintf(" The policy is the project's own; for the published ramp %s are calculated for one "+
			"device (%s).", published, rampSource)
	}
	return text
}

// tuneMaps are target, result and error beside each other, the first two with
// the same colours.
func tuneMaps(spec tuning.Spec, o *tuning.Outcome) figure.Maps {
	rows, cols := spec.Targets.Size()
	targets, results, deviations := figure.Blank(rows*cols), figure.Blank(rows*cols), figure.Blank(rows*cols)
	var marks []figure.CellMark
	for _, m := range []struct {
		verdict tuning.Verdict
		symbol  string
	}{{tuning.Defective, "×"}, {tuning.Stuck, "s"}, {tuning.Disturbed, "d"}, {tuning.GaveUp, "g"}} {
		mark := figure.CellMark{Name: string(m.verdict), Symbol: m.symbol}
		for _, d := range o.Records {
			if d.Verdict == m.verdict {
				mark.Cells = append(mark.Cells, [2]int{d.Cell.Row, d.Cell.Col})
			}
		}
		if len(mark.Cells) > 0 {
			marks = append(marks, mark)
		}
	}
	for _, d := range o.Records {
		i := d.Cell.Row*cols + d.Cell.Col
		targets[i], results[i] = float64(d.Target), float64(d.Final)
		if d.Verdict != tuning.Defective && d.Verdict != tuning.Stuck {
			deviations[i] = 100 * d.Error
		}
	}
	conductance := func(title string, values []float64) figure.Map {
		return figure.Map{Title: title, Rows: rows, Cols: cols, Values: values, Label: "conductance", Unit: "S",
			Scale: figure.Scale{Log: true}, Marks: marks}
	}
	return figure.Maps{Title: fmt.Sprintf("Tuning to within %.3g %%", 100*spec.Tolerance), Panels: []figure.Map{
		conductance("target", targets), conductance("result", results),
		{Title: "error", Rows: rows, Cols: cols, Values: deviations, Label: "error", Unit: "%",
			Scale: figure.Scale{Diverging: true, Max: 200 * spec.Tolerance}, Marks: marks},
	}}
}

func errorHistogram(spec tuning.Spec, o *tuning.Outcome) figure.Histogram {
	var values []float64
	for _, d := range o.Records {
		if d.Verdict != tuning.Defective && d.Verdict != tuning.Stuck {
			values = append(values, 100*d.Error)
		}
	}
	// On an axis as wide as needed a device given up would take the place of all others.
	limit := 400 * spec.Tolerance
	return figure.Histogram{Title: "Errors after tuning",
		X:       figure.Axis{Label: "result over target, less one", Unit: "%", Min: -limit, Max: limit},
		Samples: []figure.Sample{{Name: "devices that switch", Values: values}},
		Bands:   []figure.Band{{Name: "tolerance", Low: -100 * spec.Tolerance, High: 100 * spec.Tolerance}}}
}

func targetScatter(spec tuning.Spec, o *tuning.Outcome) figure.Scatter {
	s := figure.Scatter{Title: "Result against target", Axis: figure.Axis{Unit: "S", Log: true}, Tolerance: spec.Tolerance}
	for _, verdict := range []tuning.Verdict{tuning.InTolerance, tuning.Disturbed, tuning.GaveUp, tuning.Stuck,
		tuning.Defective} {
		group := figure.Group{Name: string(verdict)}
		for _, d := range o.Records {
			if d.Verdict == verdict {
				group.X, group.Y = append(group.X, float64(d.Target)), append(group.Y, float64(d.Final))
			}
		}
		if len(group.X) > 0 {
			s.Groups = append(s.Groups, group)
		}
	}
	return s
}

// traced chooses the devices whose way is drawn: those with the most pulses
// and those at the quartiles, which show the usual.
func traced(o *tuning.Outcome) []tuning.Record {
	records := slices.DeleteFunc(slices.Clone(o.Records), func(d tuning.Record) bool { return len(d.Shots) == 0 })
	slices.SortStableFunc(records, func(a, b tuning.Record) int { return len(b.Shots) - len(a.Shots) })
	if len(records) <= 5 {
		return records
	}
	n := len(records)
	return []tuning.Record{records[0], records[1], records[n/4], records[n/2], records[3*n/4]}
}

func traceCaption(spec tuning.Spec) string {
	shown := "Conductance by the plain read after each write pulse, on the targets' scale,"
	if spec.Compensate {
		shown = "Conductance after each write pulse with the lines taken out, as the targets are meant,"
	}
	return shown + " of the two devices with the most pulses and of those at the quartiles, " +
		"with their targets and tolerances. A visit ends where the read will be right once all devices of the lines are; " +
		"the rings are the last read of the whole array, by which the outcome is judged."
}

// traceLines draws what the targets are compared with: plain reads, or the devices'
// own conductances where these are the targets.
func traceLines(spec tuning.Spec, o *tuning.Outcome) figure.Lines {
	l := figure.Lines{Title: "Conductance against pulse number", Subtitle: "the two devices with the most pulses and " +
		"those at the quartiles",
		X: figure.Axis{Label: "write pulse"}, Y: figure.Axis{Label: "conductance by plain reads", Unit: "S", Log: true}}
	if spec.Compensate {
		l.Y.Label = "conductance, lines taken out"
	}
	last := figure.Series{Name: "last read of the array", NoLine: true, Markers: true, Other: true}
	targets := figure.Mark{Name: "targets"}
	for _, d := range traced(o) {
		s := figure.Series{Name: fmt.Sprintf("%s to %v", d.Cell, d.Target), Markers: len(d.Shots) <= 60}
		for i, shot := range d.Shots {
			before, after := shot.ReadBefore, shot.ReadAfter
			if spec.Compensate {
				before, after = shot.Before, shot.After
			}
			if i == 0 {
				s.X, s.Y = append(s.X, 0), append(s.Y, float64(before))
			}
			s.X, s.Y = append(s.X, float64(i+1)), append(s.Y, float64(after))
		}
		l.Series = append(l.Series, s)
		last.X, last.Y = append(last.X, float64(len(d.Shots))), append(last.Y, float64(d.Final))
		if !slices.Contains(targets.Values, float64(d.Target)) {
			l.Bands = append(l.Bands, figure.Band{Low: float64(d.Target) * (1 - spec.Tolerance),
				High: float64(d.Target) * (1 + spec.Tolerance)})
			targets.Values = append(targets.Values, float64(d.Target))
		}
	}
	if len(l.Series) > 0 {
		l.Bands[len(l.Bands)-1].Name = "tolerance" // one entry in the legend for all
		l.Series, l.Levels = append(l.Series, last), []figure.Mark{targets}
	}
	return l
}

// rampPulses are the median numbers of pulses calculated for a single device of
// the published model under the ramp of Alibart et al. 2012 with steps of 10 mV
// and 50 mV, by tolerance.
var rampPulses = map[float64]string{0.3: "16 and 8", 0.05: "28 and 11", 0.01: "34 and 19"}

// rampSource says of which procedure they are.
const rampSource = "ramp of Alibart et al. 2012 with steps of 10 mV and 50 mV"

// compareTuning sets the key figures beside published ones.
func compareTuning(spec tuning.Spec, s tuning.Summary) []keyfigure.Comparison {
	working := s.Devices - s.Defective - s.Stuck
	if working == 0 {
		return nil // nothing is said of no device
	}
	list := []keyfigure.Comparison{
		{What: fmt.Sprintf("devices within %.3g %%, of those that switch", 100*spec.Tolerance),
			Measured:  fmt.Sprintf("%d of %d", s.InTolerance, working),
			Published: "nominal 5 %, with visible exceptions", Source: "Merrikh Bayat et al. 2018"},
		{What: "mean error", Measured: s.MeanError.Text(population.Format("%.2f %%", 100)),
			Published: "below 4 % on 4096 devices", Source: "Kim et al. 2021"},
	}
	if published, known := rampPulses[spec.Tolerance]; known {
		c := keyfigure.Comparison{What: "median pulses per device",
			Measured:  s.MedianPulses.Text(population.Format("%.0f", 1)),
			Published: published, Source: "calculated for one device, " + rampSource}
		if spec.Policy != tuning.PolicyRamp {
			c.What += " by the project's own policy, " + spec.Policy
		}
		list = append(list, c)
	}
	return list
}

package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"

	"xlab/run/figure"
	"xlab/tuning"
)

// drawable is a figure's specification.
type drawable interface {
	Draw() (*figure.Drawing, error)
}

// draw writes a figure into the run's directory as SVG and PNG. A figure
// without anything to draw is left out: the run may have ended early.
func (r *recorded) draw(name string, spec drawable) error {
	d, err := spec.Draw()
	if errors.Is(err, figure.ErrNoData) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("figure %s: %w", name, err)
	}
	return errors.Join(r.writeTo(name+".svg", d.WriteSVG), r.writeTo(name+".png", d.WritePNG))
}

// tuneFiles writes the data and figures of a tuning run.
func tuneFiles(r *recorded, spec tuning.Spec, o *tuning.Outcome, result tuneResult) error {
	rows, cols := spec.Targets.Size()
	g := grid{rows: rows, cols: cols, values: o.Reads}
	err := errors.Join(
		r.writeTo("devices.csv", o.WriteCSV),
		r.writeTo("conductance.csv", g.csv),
		r.writeTo("traces.csv", func(w io.Writer) error { return writeTraces(w, o) }),
	)
	// Drawing takes longer than everything else here; the figures do not know
	// each other.
	var figures errgroup.Group
	for name, spec := range map[string]drawable{
		"maps": tuneMaps(spec, o), "errors": errorHistogram(spec, o), "pulses": pulseHistogram(o, result),
		"result": targetScatter(spec, o), "traces": traceLines(spec, o),
	} {
		figures.Go(func() error { return r.draw(name, spec) })
	}
	return errors.Join(err, figures.Wait())
}

// tuneMaps are target, result and error beside each other, the first two with
// the same colours.
func tuneMaps(spec tuning.Spec, o *tuning.Outcome) figure.Maps {
	rows, cols := spec.Targets.Size()
	targets, results, deviations := blank(rows*cols), blank(rows*cols), blank(rows*cols)
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
		return figure.Map{Title: title, Rows: rows, Cols: cols, Values: values, Label: "conductance", Unit: "S", Scale: figure.Scale{Log: true}, Marks: marks}
	}
	return figure.Maps{Title: "Tuning to " + percentage(spec.Tolerance).String(), Panels: []figure.Map{
		conductance("target", targets), conductance("result", results),
		{Title: "error", Rows: rows, Cols: cols, Values: deviations, Label: "error", Unit: "%", Scale: figure.Scale{Diverging: true, Max: 200 * spec.Tolerance}, Marks: marks},
	}}
}

func errorHistogram(spec tuning.Spec, o *tuning.Outcome) figure.Histogram {
	var values []float64
	for _, d := range o.Records {
		if d.Verdict != tuning.Defective && d.Verdict != tuning.Stuck {
			values = append(values, 100*d.Error)
		}
	}
	return figure.Histogram{Title: "Errors after tuning", X: figure.Axis{Label: "result over target, less one", Unit: "%"},
		Samples: []figure.Sample{{Name: "devices that switch", Values: values}}, Bins: 30,
		Marks: []figure.Mark{{Name: "tolerance", Values: []float64{-100 * spec.Tolerance, 100 * spec.Tolerance}}}}
}

func pulseHistogram(o *tuning.Outcome, result tuneResult) figure.Histogram {
	var values []float64
	for _, d := range o.Records {
		if d.Verdict != tuning.Defective && d.Verdict != tuning.Stuck {
			values = append(values, float64(d.Pulses))
		}
	}
	return figure.Histogram{Title: "Write pulses per device", X: figure.Axis{Label: "pulses"}, Whole: true,
		Samples: []figure.Sample{{Values: values}}, Marks: []figure.Mark{{Name: "median", Values: []float64{result.MedianPulses}}}}
}

func targetScatter(spec tuning.Spec, o *tuning.Outcome) figure.Scatter {
	s := figure.Scatter{Title: "Result against target", Axis: figure.Axis{Unit: "S", Log: true}, Tolerance: spec.Tolerance}
	for _, verdict := range []tuning.Verdict{tuning.InTolerance, tuning.Disturbed, tuning.GaveUp, tuning.Stuck, tuning.Defective} {
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

func traceLines(spec tuning.Spec, o *tuning.Outcome) figure.Lines {
	l := figure.Lines{Title: "Conductance against pulse number", Subtitle: "the two devices with the most pulses and those at the quartiles",
		X: figure.Axis{Label: "write pulse"}, Y: figure.Axis{Label: "conductance", Unit: "S", Log: true}}
	for _, d := range traced(o) {
		s := figure.Series{Name: fmt.Sprintf("%s to %v", d.Cell, d.Target), Markers: len(d.Shots) <= 60, X: []float64{0}, Y: []float64{float64(d.Shots[0].Before)}}
		for i, shot := range d.Shots {
			s.X, s.Y = append(s.X, float64(i+1)), append(s.Y, float64(shot.After))
		}
		l.Series = append(l.Series, s)
	}
	return l
}

// writeTraces writes every write pulse with the reads before and after it.
func writeTraces(w io.Writer, o *tuning.Outcome) error {
	c := csv.NewWriter(w)
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	if err := c.Write([]string{"row", "col", "pulse", "voltage_V", "before_S", "after_S"}); err != nil {
		return err
	}
	for _, d := range o.Records {
		for i, s := range d.Shots {
			if err := c.Write([]string{strconv.Itoa(d.Cell.Row), strconv.Itoa(d.Cell.Col), strconv.Itoa(i + 1), number(float64(s.Voltage)), number(float64(s.Before)), number(float64(s.After))}); err != nil {
				return err
			}
		}
	}
	c.Flush()
	return c.Error()
}

func blank(n int) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = math.NaN()
	}
	return values
}

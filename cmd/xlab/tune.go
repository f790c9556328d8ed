package main

import (
	"fmt"
	"path/filepath"

	"xlab/lab/procedure"
	"xlab/run/screen"
)

// showTuning prints a map of what was reached, and the devices that are not right.
func (a *app) showTuning(j *procedure.Tuning) error {
	spec, o, result := j.Parameters(), j.Outcome, j.Result
	switch {
	case o == nil:
		return nil
	case a.json:
		return a.writeJSON(result)
	}
	rows, cols := spec.Targets.Size()
	g := grid{title: "conductance at " + spec.Read.String() + " after tuning", unit: "µS", scale: 1e6, rows: rows,
		cols: cols, values: o.Reads, marks: make(map[[2]int]string)}
	for _, r := range o.Records {
		if r.Verdict.Dead() {
			g.marks[[2]int{r.Cell.Row, r.Cell.Col}] = "x"
		}
	}
	if err := g.print(a.page()); err != nil {
		return err
	}
	s := result.Summary
	fmt.Fprintf(a.out, "\n%d of %s within %.3g %%", s.InTolerance, screen.Count(s.Devices, "device"), 100*spec.Tolerance)
	if s.MeanError.Known() {
		fmt.Fprintf(a.out, ", mean error %.2f %%, pulses per device: median %.0f, 90th percentile %.0f", 100*s.MeanError,
			s.MedianPulses, s.P90Pulses)
	}
	fmt.Fprintln(a.out)
	for _, r := range o.Records {
		if !r.Verdict.Right() {
			read := ""
			if r.Known() {
				read = fmt.Sprintf(", read %v", r.Final)
			}
			fmt.Fprintf(a.out, "  %-7s %s, target %v%s: %s\n", r.Cell, r.Verdict, r.Target, read, r.Reason)
		}
	}
	fmt.Fprint(a.out, result.OverheadLine())
	_, err := fmt.Fprintf(a.out, "run %s\n", filepath.Join(a.Config.Runs, result.Run))
	return err
}

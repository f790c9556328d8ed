package main

import (
	"fmt"
	"path/filepath"

	"xlab/instrument/array"
	"xlab/lab/procedure"
	"xlab/run/screen"
)

// showForming prints a map of what was formed.
func (a *app) showForming(j *procedure.Forming, err error) error {
	o, result := j.Outcome, j.Result
	switch {
	case o == nil || err != nil && result.Untried == result.Devices && !a.json:
		return nil // nothing to show
	case a.json:
		return a.writeJSON(result)
	}
	g := grid{title: "conductance at the check voltage after forming", unit: "µS", scale: 1e6, rows: o.Defects.Rows,
		cols: o.Defects.Cols, marks: make(map[[2]int]string)}
	for _, d := range o.Defects.Devices {
		g.values = append(g.values, float64(d.Conductance))
		switch d.State {
		case array.StateDefective:
			g.marks[[2]int{d.Cell.Row, d.Cell.Col}] = "x"
		case array.StateUntried:
			g.marks[[2]int{d.Cell.Row, d.Cell.Col}] = "."
		}
	}
	if err := g.print(a.page()); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "\n%s: %d formed, %d pre-formed, %d defective (x)", screen.Count(result.Devices, "device"),
		result.Formed, result.Preformed, len(result.Defective))
	if result.Untried > 0 {
		fmt.Fprintf(a.out, ", %d not tried (.)", result.Untried)
	}
	fmt.Fprintln(a.out)
	for _, d := range o.Records {
		if d.State == array.StateDefective || len(d.Limited) > 0 {
			fmt.Fprintf(a.out, "  %-7s %s\n", d.Cell, d.Reason)
		}
	}
	fmt.Fprint(a.out, result.OverheadLine())
	_, err = fmt.Fprintf(a.out, "run %s\n", filepath.Join(a.Config.Runs, result.Run))
	return err
}

package main

import (
	"fmt"
	"math"
	"slices"

	"xlab/lab/procedure"
)

// showReading prints a map of conductances.
func (a *app) showReading(j *procedure.Reading, err error) error {
	if j.Values == nil || err != nil && !slices.ContainsFunc(j.Values, func(v float64) bool { return !math.IsNaN(v) }) {
		return nil // nothing to show
	}
	result := &j.Result
	switch format := j.Format(); {
	case a.json || format == "json":
		err = a.writeJSON(result)
	case format == "grid" || format == "" && a.page().Terminal():
		err = grid{title: "conductance at " + result.Voltage.String(), unit: "µS", scale: 1e6, rows: result.Rows,
			cols: result.Cols, values: j.Values}.print(a.page())
	default:
		err = procedure.ConductanceCSV(result.Cols, j.Values)(a.data())
	}
	for _, f := range result.Flagged {
		fmt.Fprintf(a.Messages, "%s: %s\n", f.Cell, f.Status)
	}
	return err
}

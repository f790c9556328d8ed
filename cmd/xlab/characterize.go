package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"xlab/lab/procedure"
	"xlab/run/screen"
)

func characterizeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "characterize",
		Short: "Measure what the devices of a formed array are",
		Long: `Measures thresholds, current-voltage curves, retention, endurance, the influence
of temperature, or the disturb of neighbours. Every measurement is a journaled
run with its data as CSV and JSON, its figures as SVG, PNG and PDF, and a table of
published values beside the measured ones. hwdocs/characterize.md explains them.`,
	}
}

// showMeasurement prints the table of a measurement and where its files are.
func (a *app) showMeasurement(result *procedure.MeasurementResult) error {
	switch {
	case result.Measured == nil:
		return nil
	case a.json:
		return a.writeJSON(result)
	}
	if err := a.printComparison(result); err != nil {
		return err
	}
	fmt.Fprint(a.out, result.OverheadLine())
	_, err := fmt.Fprintf(a.out, "run %s: %s\n", filepath.Join(a.Config.Runs, result.Run),
		strings.Join(result.Files, ", "))
	return err
}

func (a *app) printComparison(result *procedure.MeasurementResult) error {
	t := screen.NewTable(a.out, screen.Left)
	fmt.Fprintln(t, "\tmeasured\tpublished\t")
	for _, line := range result.Comparison {
		published := line.Published
		if published == "" {
			published = "-"
		}
		if line.Source != "" {
			published += " (" + line.Source + ")"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t\n", line.What, line.Measured, published)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(a.out)
	for _, note := range result.Notes {
		fmt.Fprintln(a.out, note)
	}
	return nil
}

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"xlab/run"
	"xlab/run/archive/report"
)

func (a *app) reportCommand() *cobra.Command {
	var output string
	var partial bool
	c := &cobra.Command{
		Use:   "report ID",
		Short: "Put a run on one self-contained HTML page",
		Long: `Writes one HTML page with the run's key figures, its figures, its comparison with
published values and its data. The page needs no network. Of a plan it has the tasks
with their figures, and their pages are written too. ID may be shortened as long as
it is unique, or be "last"; after a plan that is the plan.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := a.stored(args[0])
			if err != nil {
				return err
			}
			// A plan's page links to those of its tasks.
			for _, id := range report.Tasks(s) {
				task, err := run.Load(a.Config.Runs, id)
				if err == nil {
					_, err = report.WriteFile(task, a.Config.Runs, "", partial)
				}
				if err != nil {
					fmt.Fprintf(a.Messages, "there is no page of the task's run %s: %v\n", id, err)
				}
			}
			file, err := report.WriteFile(s, a.Config.Runs, output, partial)
			if err != nil {
				return err
			}
			if a.json {
				return a.writeJSON(map[string]string{"run": s.ID, "file": file})
			}
			_, err = fmt.Fprintln(a.data(), file)
			return err
		},
	}
	c.Flags().BoolVar(&partial, "partial", false, "report what can be read of a run whose record is damaged")
	c.Flags().StringVarP(&output, "output", "o", "", "file to write (default: "+report.File+" in the run directory)")
	return c
}

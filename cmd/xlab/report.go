package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"xlab/lab/config"
	"xlab/run"
	"xlab/run/atomicfile"
	"xlab/run/report"

	"github.com/spf13/cobra"
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
			c, err := a.configure()
			if err != nil {
				return err
			}
			s, err := run.Load(c.Runs, args[0])
			if err != nil {
				return run.Usage(err)
			}
			// A plan's page links to those of its tasks.
			for _, id := range report.Tasks(s) {
				task, err := run.Load(c.Runs, id)
				if err == nil {
					_, err = writeReport(c, task, "", partial)
				}
				if err != nil {
					fmt.Fprintf(a.Messages, "there is no page of the task's run %s: %v\n", id, err)
				}
			}
			file, err := writeReport(c, s, output, partial)
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
	c.Flags().BoolVar(&partial, "partial", false, "report what is there of a run whose record is damaged")
	c.Flags().StringVarP(&output, "output", "o", "", "file to write (default: "+report.File+" in the run directory)")
	return c
}

// writeReport writes a run's page, into its directory where output names no file.
// A damaged record is refused, or with partial named on the page.
func writeReport(c *config.Config, s *run.Stored, output string, partial bool) (file string, err error) {
	record, err := run.ScanJournal(s.Dir, nil)
	if err == nil {
		err = run.Check(s.Dir, record)
	}
	if err != nil && !partial {
		return "", fmt.Errorf("%w; --partial reports what is there", err)
	} else if err != nil {
		s.Problems = append(s.Problems, err.Error())
	}
	perm := atomicfile.Shared
	if output == "" {
		output, perm = filepath.Join(s.Dir, report.File), atomicfile.Private
	}
	at, err := filepath.Abs(filepath.Dir(output))
	if err != nil {
		return "", err
	}
	page, err := report.OfRun(s, c.Runs, at)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := report.Write(&b, page); err != nil {
		return "", err
	}
	if err := atomicfile.WriteFile(output, perm, b.Bytes()); err != nil {
		return "", run.Usage(err)
	}
	return output, nil
}

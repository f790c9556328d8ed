package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"xlab/instrument"
	"xlab/run"
	"xlab/run/keyfigure"
	"xlab/run/screen"
)

func (a *app) runsCommand() *cobra.Command {
	var f runsFilter
	c := &cobra.Command{
		Use:   "runs",
		Short: "List what was done, newest last, and find it again",
		Long: `Lists runs, newest last. Flags choose among them; all of them have to apply.

A search uses the index, ` + "`.index.sqlite`" + ` in the directory of the runs, which is
kept up to date by itself and is made anew from the journals by ` + "`xlab runs reindex`" + `.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.configure(); err != nil {
				return err
			}
			return a.listRuns(cmd.Context(), f)
		},
	}
	f.addTo(c)
	c.AddCommand(&cobra.Command{
		Use:   "show ID",
		Short: "Show one run; ID may be shortened as long as it is unique, or be \"last\"",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := a.stored(args[0])
			if err != nil {
				return err
			}
			return a.showRun(s)
		},
	}, a.reindexCommand())
	return c
}

// longestCell is how many columns of a cause, which may be pages, a list shows; the
// whole is in `runs show`.
const longestCell = 200

// keyFigures puts what a run found, or why it ended, on one line.
func keyFigures(s run.Summary) string {
	if s.Outcome != run.OutcomeComplete && s.Cause != "" {
		return s.Cause
	}
	if line := keyfigure.Of(s.Summary).Line(); line != "" {
		return line
	}
	return strings.Join(s.Problems, "; ")
}

func (a *app) showRun(s *run.Stored) error {
	entries, err := os.ReadDir(s.Dir)
	if err != nil {
		return err
	}
	var files []string
	for _, e := range entries {
		files = append(files, e.Name())
	}
	if a.json {
		return a.writeJSON(map[string]any{"summary": s.Summary, "header": s.Header, "result": s.Result, "directory": s.Dir,
			"files": files})
	}
	w := screen.NewTable(a.out, screen.Left)
	fmt.Fprintf(w, "run\t%s\ndirectory\t%s\ncommand\txlab %s\nbench\t%s\nstarted\t%s\n",
		s.ID, s.Dir, screen.Line(strings.Join(s.Header.Arguments, " ")), s.Header.Bench,
		s.Started.Local().Format("2006-01-02 15:04:05 MST"))
	for _, name := range slices.Sorted(maps.Keys(s.Header.Instruments)) {
		id := s.Header.Instruments[name]
		fmt.Fprintf(w, "%s\t%s %s, serial %s, firmware %s\n", name, id.Vendor, id.Model, id.Serial, id.Firmware)
	}
	if l := s.Header.Limits; l != (instrument.Limits{}) { // software has none
		fmt.Fprintf(w, "limits\t%v to %v, %v, %v (%s)\n", l.MinVoltage, l.MaxVoltage, l.MaxCurrent, l.MaxWidth, l.Origin)
	}
	fmt.Fprintf(w, "outcome\t%s\n", s.Outcome)
	if s.Cause != "" {
		fmt.Fprintf(w, "cause\t%s\n", below(s.Cause))
	}
	for _, p := range s.Problems {
		fmt.Fprintf(w, "problem\t%s\n", below(p))
	}
	fmt.Fprintf(w, "files\t%s\n", strings.Join(files, " "))
	found := keyfigure.Of(s.Summary.Summary)
	lines := found.Result
	for _, c := range found.Comparisons {
		if c.Published != "" {
			c.Measured += "; published: " + c.Published + " (" + c.Source + ")"
		}
		lines = append(lines, keyfigure.Figure{Name: c.What, Value: c.Measured})
	}
	if len(found.Bookkeeping) == 0 && s.Wall > 0 { // it has no result yet
		lines = append(lines, keyfigure.Figure{Name: "time on the clock",
			Value: run.FormatDuration(instrument.Seconds(s.Wall))})
	}
	for i, f := range append(lines, found.Bookkeeping...) {
		if i == 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s\t%s\n", f.Name, screen.Line(f.Value))
	}
	for _, text := range found.Remarks {
		fmt.Fprintf(w, "remark\t%s\n", below(text))
	}
	return w.Flush()
}

// below puts the lines of a cell below each other in its column.
func below(text string) string { return strings.ReplaceAll(text, "\n", "\n\t") }

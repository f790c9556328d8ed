package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"xlab/run"
)

func (a *app) runsCommand() *cobra.Command {
	var f runsFilter
	c := &cobra.Command{
		Use:   "runs",
		Short: "List what was done, newest last, and find it again",
		Long: `Lists runs, newest last. Flags choose among them; all of them have to apply:

  xlab runs --command characterize --array A --since 2026-11-01
  xlab runs --outcome interrupted --outcome unknown     what xlab resume can take up
  xlab runs --since 12h --text r3c7

A search uses the index, ` + "`.index.sqlite`" + ` in the directory of the runs, which is
kept up to date by itself and is made anew from the journals by ` + "`xlab runs reindex`" + `.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(a.config, a.set)
			if err != nil {
				return usageError(err)
			}
			return a.listRuns(cmd.Context(), c, f)
		},
	}
	f.addTo(c)
	c.AddCommand(&cobra.Command{
		Use:   "show ID",
		Short: "Show one run; ID may be shortened as long as it is unique, or be \"last\"",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			c, err := loadConfig(a.config, a.set)
			if err != nil {
				return usageError(err)
			}
			s, err := run.Load(c.runsDir(), args[0])
			if err != nil {
				return usageError(err)
			}
			return a.showRun(s)
		},
	}, a.reindexCommand())
	return c
}

// keyFigures puts a run's flat figures on one line.
func keyFigures(s run.Summary) string {
	if s.Outcome != run.OutcomeComplete && s.Cause != "" {
		return s.Cause
	}
	var values map[string]any
	if json.Unmarshal(s.Summary, &values) != nil {
		return strings.Join(s.Problems, "; ")
	}
	var words []string
	for key, v := range values {
		switch v := v.(type) {
		case float64:
			if !strings.Contains(key, "seconds") && key != "overhead" {
				words = append(words, fmt.Sprintf("%s %.4g", key, v))
			}
		case []any:
			words = append(words, fmt.Sprintf("%s %d", key, len(v)))
		case string:
			if v != "" && key != "run" {
				words = append(words, key+" "+v)
			}
		}
	}
	sort.Strings(words)
	return strings.Join(words, ", ")
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
		return a.writeJSON(map[string]any{"summary": s.Summary, "header": s.Header, "result": s.Result, "directory": s.Dir, "files": files})
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "run\t%s\ndirectory\t%s\ncommand\txlab %s\nbench\t%s\nstarted\t%s\n", s.ID, s.Dir, strings.Join(s.Header.Arguments, " "), s.Header.Bench, s.Started.Local().Format("2006-01-02 15:04:05 MST"))
	for _, name := range sortedKeys(s.Header.Instruments) {
		id := s.Header.Instruments[name]
		fmt.Fprintf(w, "%s\t%s %s, serial %s, firmware %s\n", name, id.Vendor, id.Model, id.Serial, id.Firmware)
	}
	l := s.Header.Limits
	fmt.Fprintf(w, "limits\t%v to %v, %v, %v (%s)\n", l.MinVoltage, l.MaxVoltage, l.MaxCurrent, l.MaxWidth, l.Origin)
	fmt.Fprintf(w, "outcome\t%s\n", s.Outcome)
	if s.Cause != "" {
		fmt.Fprintf(w, "cause\t%s\n", s.Cause)
	}
	for _, p := range s.Problems {
		fmt.Fprintf(w, "problem\t%s\n", p)
	}
	if s.Bench != nil {
		fmt.Fprintf(w, "bench time\t%s\n", run.FormatDuration(*s.Bench))
	}
	fmt.Fprintf(w, "wall time\t%.1f s\n", s.Wall)
	fmt.Fprintf(w, "files\t%s\n", strings.Join(files, " "))
	var figures map[string]json.RawMessage
	if json.Unmarshal(s.Summary.Summary, &figures) != nil {
		return w.Flush() // none, or of another form: result.json has them
	}
	fmt.Fprintln(w)
	for _, key := range sortedKeys(figures) {
		var line bytes.Buffer
		if err := json.Compact(&line, figures[key]); err != nil {
			return err
		}
		fmt.Fprintf(w, "%s\t%s\n", key, &line)
	}
	return w.Flush()
}

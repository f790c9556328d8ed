package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"xlab/run"
	"xlab/run/archive/index"
	"xlab/run/screen"
)

// runsFilter is what the flags of `xlab runs` say.
type runsFilter struct {
	command, array, chip string
	outcomes             []string
	since, until         string
	text                 []string
	limit                int
}

func (f *runsFilter) addTo(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.command, "command", "", "only runs of this command, such as form, or characterize for all "+
		"measurements")
	flags.StringVarP(&f.array, "array", "a", "", "only runs on this array")
	flags.StringVar(&f.chip, "chip", "", "only runs on chips with this text in their name")
	flags.StringArrayVar(&f.outcomes, "outcome", nil, "only runs that ended like this ("+
		strings.Join(index.Outcomes(), ", ")+"); may be given several times")
	flags.StringVar(&f.since, "since", "", "only runs started then or later: 2026-11-22, 2026-11-22T14:30, or 12h or "+
		"7d ago")
	flags.StringVar(&f.until, "until", "", "only runs started before then; of a date the whole day counts")
	flags.StringArrayVar(&f.text, "text", nil, "only runs with this text in their arguments or ID; may be given "+
		"several times")
	flags.IntVarP(&f.limit, "limit", "n", 0, "only the newest so many")
}

// query reads the flags. now is what "ago" counts from.
func (f *runsFilter) query(now time.Time) (q index.Query, err error) {
	q = index.Query{Command: f.command, Array: f.array, Chip: f.chip, Text: f.text, Limit: f.limit}
	for _, o := range f.outcomes {
		q.Outcomes = append(q.Outcomes, run.Outcome(strings.ToLower(o)))
	}
	if q.Since, err = index.ParseMoment(f.since, now, false); err != nil {
		return q, run.Usage(fmt.Errorf("--since: %w", err))
	}
	if q.Until, err = index.ParseMoment(f.until, now, true); err != nil {
		return q, run.Usage(fmt.Errorf("--until: %w", err))
	}
	if err := q.Validate(); err != nil {
		return q, run.Usage(err)
	}
	return q, nil
}

func (a *app) listRuns(ctx context.Context, f runsFilter) error {
	q, err := f.query(time.Now())
	if err != nil {
		return err
	}
	list, note, err := index.Find(ctx, a.Config.Runs, q)
	if err != nil {
		return run.Usage(fmt.Errorf("list runs: %w; check the directory's permissions", err))
	}
	if note != "" {
		fmt.Fprintln(a.Messages, note)
	}
	if a.json {
		if list == nil {
			list = []index.Entry{}
		}
		return a.writeJSON(list)
	}
	if len(list) == 0 {
		text := "no runs in %s yet\n"
		if f.chosen() != "" {
			text = "no run in %s matches this search\n"
		}
		fmt.Fprintf(a.Messages, text, a.Config.Runs)
		return nil
	}
	w := screen.NewTable(a.out, screen.Left)
	fmt.Fprintln(w, "RUN\tSTARTED\tOUTCOME\tBENCH\tWALL\tFIGURES")
	resumable := 0
	for _, s := range list {
		bench := "-"
		if s.Bench != nil {
			bench = run.FormatDuration(*s.Bench)
		}
		outcome := string(s.Outcome)
		if s.Resumable {
			outcome += "*"
			resumable++
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%.1fs\t%s\n", s.ID, s.Started.Local().Format("2006-01-02 15:04:05"), outcome, bench,
			s.Wall, screen.Brief(keyFigures(s.Summary), longestCell))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if resumable > 0 {
		fmt.Fprintln(a.Messages, "* can be taken up again: xlab resume RUN")
	}
	return nil
}

// chosen is the flags as text, which is empty when none was given.
func (f *runsFilter) chosen() string {
	return strings.Join([]string{f.command, f.array, f.chip, f.since, f.until, strings.Join(f.outcomes, ""),
		strings.Join(f.text, "")}, "")
}

func (a *app) reindexCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "reindex",
		Short: "Make the index of the runs anew from their journals",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.configure(); err != nil {
				return err
			}
			root := a.Config.Runs
			n, err := index.Rebuild(cmd.Context(), root)
			if errors.Is(err, fs.ErrNotExist) {
				fmt.Fprintf(a.Messages, "no runs in %s yet\n", root)
				n, err = 0, nil
			}
			if err != nil {
				return run.Usage(fmt.Errorf("reindex: %w; everything works without an index, but more slowly", err))
			}
			if a.json {
				return a.writeJSON(map[string]int{"runs": n})
			}
			_, err = fmt.Fprintf(a.out, "%d runs in %s\n", n, root)
			return err
		},
	}
}

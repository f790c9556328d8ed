package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"xlab/lab"
	"xlab/lab/plan"
	"xlab/run"
	"xlab/run/screen"

	"github.com/spf13/cobra"
)

func (a *app) resumeCommand() *cobra.Command {
	var list, accept bool
	c := &cobra.Command{
		Use:   "resume [RUN]",
		Short: "Go on with a run that was cut off",
		Long: `Takes up a run that was interrupted, killed, tripped or ended by an error, where
its record ends: without RUN the newest one of this bench. RUN may be shortened
as long as it is unique, or be "last".

Nothing that was done is done again. A pulse of which it is not known whether it
was applied is not repeated: the device is read instead. Before the first pulse
the bench is compared with the one that the run began on: instruments, chip,
limits, wiring, and the conductances of up to 20 devices. A difference is shown
and ends the command, unless --accept says that it is all right.

The exit code is that of the command that is taken up. See hwdocs/resume.md.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			if list {
				if len(args) > 0 {
					return run.Usage(errors.New("--list takes no run"))
				}
				return a.listResumable()
			}
			s, err := a.resumable(args)
			if err != nil {
				return err
			}
			if s.Header.Command == plan.Command {
				return a.resumePlan(cmd.Context(), s.Dir, accept)
			}
			r, j, err := a.Resume(cmd.Context(), s.Dir, accept)
			return a.showOutcome(r, j, err)
		},
	}
	c.Flags().BoolVar(&list, "list", false, "list the runs that can be taken up, and do nothing")
	c.Flags().BoolVar(&accept, "accept", false, "go on although the bench or the record is not as it was")
	return c
}

// resumable finds the run to take up.
func (a *app) resumable(args []string) (*run.Stored, error) {
	if len(args) == 0 {
		candidates, _, err := a.AllResumable()
		if err != nil {
			return nil, err
		}
		if len(candidates) == 0 {
			return nil, run.Usage(fmt.Errorf("no run of this bench in %s was cut off; `xlab runs` lists all", a.Config.Runs))
		}
		return candidates[len(candidates)-1], nil
	}
	s, err := run.Load(a.Config.Runs, args[0])
	if err != nil {
		return nil, run.Usage(err)
	}
	if a.Task != nil {
		return s, lab.RefuseToResume(s) // the plan is at work, and this is its doing
	}
	all, err := run.All(a.Config.Runs)
	if err != nil {
		return nil, err
	}
	switch owner := plan.Owners(all)[s.ID]; {
	case owner != nil && owner.Outcome == run.OutcomeRunning:
		return nil, lab.RefuseToResume(owner)
	case owner != nil && owner.Resumable():
		fmt.Fprintf(a.Messages, "run %s is a task of the plan's run %s, which is taken up\n", s.ID, owner.ID)
		return owner, nil
	}
	return s, lab.RefuseToResume(s)
}

func (a *app) listResumable() error {
	list, left, err := a.AllResumable()
	if err != nil {
		return err
	}
	summaries := []run.Summary{}
	for _, s := range list {
		why, err := lab.NeedsAccepting(a.Config, s)
		if err != nil {
			return err
		}
		if why != "" {
			left[why+" (--accept)"]++
		} else {
			summaries = append(summaries, s.Summary)
		}
	}
	if len(left) > 0 {
		var reasons []string
		for _, why := range slices.Sorted(maps.Keys(left)) {
			reasons = append(reasons, fmt.Sprintf("%d %s", left[why], why))
		}
		fmt.Fprintf(a.Messages, "left out of the runs that were cut off: %s; `xlab resume RUN` says more of each\n",
			strings.Join(reasons, ", "))
	}
	if a.json {
		return a.writeJSON(summaries)
	}
	if len(summaries) == 0 {
		fmt.Fprintf(a.Messages, "no run of this bench in %s was cut off and can go on\n", a.Config.Runs)
		return nil
	}
	w := screen.NewTable(a.out, screen.Left)
	fmt.Fprintln(w, "RUN\tSTARTED\tOUTCOME\tCAUSE")
	for _, s := range summaries {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.ID, s.Started.Local().Format("2006-01-02 15:04:05"), s.Outcome,
			screen.Brief(s.Cause, longestCell))
	}
	return w.Flush()
}

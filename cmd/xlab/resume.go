package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"xlab/lab/plan"
	"xlab/run"
	"xlab/run/screen"
)

func (a *app) resumeCommand() *cobra.Command {
	var list, accept, transcript bool
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
			return a.takeUp(cmd.Context(), strings.Join(args, ""), takingUp{"", accept, transcript})
		},
	}
	c.Flags().BoolVar(&list, "list", false, "list the runs that can be taken up, and do nothing")
	c.Flags().BoolVar(&accept, "accept", false, "go on although the bench or the record is not as it was")
	c.Flags().BoolVar(&transcript, "transcript", false, recordsLinks)
	return c
}

// takingUp says how a run is taken up.
type takingUp struct {
	command    string // that the run is of; "" = any
	accept     bool
	transcript bool
}

// takeUp goes on with a run.
func (a *app) takeUp(ctx context.Context, name string, how takingUp) error {
	s, err := plan.Find(&a.Lab, name)
	if err != nil {
		return err
	}
	of := s.Header.Command
	switch {
	case how.command != "" && of != how.command:
		return run.Usage(fmt.Errorf("run %s is one of %s and not of %s: `xlab resume %s` goes on with it", s.ID, of,
			how.command, s.ID))
	case how.transcript && of == plan.Command:
		return run.Usage(errors.New("--transcript is for a single run: write it into the tasks of the plan"))
	case how.transcript:
		if err := a.RecordLinks(""); err != nil {
			return err
		}
	}
	if of == plan.Command {
		result, err := a.program().Resume(ctx, s.Dir, how.accept)
		return a.showPlan(result, err)
	}
	r, j, err := a.Resume(ctx, s.Dir, how.accept)
	return a.showOutcome(r, j, err)
}

func (a *app) listResumable() error {
	list, left, err := plan.Resumable(&a.Lab)
	if err != nil {
		return err
	}
	summaries := []run.Summary{}
	for _, s := range list {
		why, err := plan.NeedsAccepting(&a.Lab, s)
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
		fmt.Fprintf(a.Messages, "not listed, although they were cut off: %s; `xlab resume RUN` says more about each\n",
			strings.Join(reasons, ", "))
	}
	if a.json {
		return a.writeJSON(summaries)
	}
	if len(summaries) == 0 {
		fmt.Fprintf(a.Messages, "%s has no run of this bench that was cut off and can be taken up\n", a.Config.Runs)
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

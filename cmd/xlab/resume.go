package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"xlab/instrument"
	"xlab/run"
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
			c, err := a.load()
			if err != nil {
				return err
			}
			if list {
				if len(args) > 0 {
					return usageError(errors.New("--list takes no run"))
				}
				return a.listResumable(c)
			}
			s, err := a.resumable(c, args)
			if err != nil {
				return err
			}
			if s.Header.Command == planCommandName {
				return a.resumePlan(cmd.Context(), c, s.Dir, accept)
			}
			return a.resume(cmd.Context(), c, s.Dir, accept)
		},
	}
	c.Flags().BoolVar(&list, "list", false, "list the runs that can be taken up, and do nothing")
	c.Flags().BoolVar(&accept, "accept", false, "go on although the bench or the record is not as it was")
	return c
}

// canResume tells whether a run ended before it was done.
func canResume(o run.Outcome) bool {
	switch o {
	case run.OutcomeInterrupted, run.OutcomeUnknown, run.OutcomeFailed, run.OutcomeTripped:
		return true
	}
	return false
}

// resumable finds the run to take up.
func (a *app) resumable(c *Config, args []string) (*run.Stored, error) {
	if len(args) > 0 {
		s, err := run.Load(c.runsDir(), args[0])
		if err != nil {
			return nil, usageError(err)
		}
		return s, refuseToResume(s)
	}
	candidates, err := a.allResumable(c)
	if err != nil {
		return nil, err
	}
	if len(candidates) == 0 {
		return nil, usageError(fmt.Errorf("no run of this bench in %s was cut off; `xlab runs` lists all", c.runsDir()))
	}
	return candidates[len(candidates)-1], nil
}

// refuseToResume says why a run cannot be taken up; nil when it can.
func refuseToResume(s *run.Stored) error {
	switch {
	case canResume(s.Outcome):
		return nil
	case s.Outcome == run.OutcomeRunning:
		return &instrument.Error{Op: "resume", Channel: s.ID, Kind: instrument.KindBusy, Err: errors.New("its process is still at work"),
			Advice: "wait until it has ended, or interrupt it"}
	case s.Outcome == run.OutcomeBroken:
		return usageError(fmt.Errorf("run %s cannot be understood: %s", s.ID, strings.Join(s.Problems, "; ")))
	}
	return usageError(fmt.Errorf("run %s is %s: there is nothing left to do", s.ID, s.Outcome))
}

// allResumable lists the runs of this bench that can be taken up, oldest first.
func (a *app) allResumable(c *Config) ([]*run.Stored, error) {
	list, err := run.List(c.runsDir())
	if err != nil {
		return nil, err
	}
	chip, err := c.chipIdentity()
	if err != nil {
		return nil, err
	}
	jobs := a.jobs()
	var found []*run.Stored
	for _, summary := range list {
		if !canResume(summary.Outcome) || jobs[summary.Command] == nil && summary.Command != planCommandName {
			continue
		}
		s, err := run.Load(c.runsDir(), summary.ID)
		if err != nil {
			return nil, err
		}
		if h := s.Header; h.ID != "" && h.Simulated == c.simulated() && (h.Simulated && h.Chip == chip || !h.Simulated && strings.HasPrefix(h.Bench, c.Bench+" (")) {
			found = append(found, s)
		}
	}
	return withoutTasks(found)
}

func (a *app) listResumable(c *Config) error {
	list, err := a.allResumable(c)
	if err != nil {
		return err
	}
	if a.json {
		summaries := []run.Summary{}
		for _, s := range list {
			summaries = append(summaries, s.Summary)
		}
		return a.writeJSON(summaries)
	}
	if len(list) == 0 {
		fmt.Fprintf(a.err, "no run of this bench in %s was cut off\n", c.runsDir())
		return nil
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RUN\tSTARTED\tOUTCOME\tCAUSE")
	for _, s := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.ID, s.Started.Local().Format("2006-01-02 15:04:05"), s.Outcome, s.Cause)
	}
	return w.Flush()
}

// resume takes up the run in dir. Until the bench has been compared with the
// one that the run began on, nothing is written.
func (a *app) resume(ctx context.Context, c *Config, dir string, accept bool) (err error) {
	known := newKnowledge(c.Simulation.Temperature)
	claim, err := run.NewClaim(dir, known.see)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, claim.Release()) }()
	a.cutOff = claim.Header.ID
	known.forget(claim.Unknown)
	if err := a.checkRecord(claim, accept); err != nil {
		return err
	}
	j, err := a.rebuild(c, &claim.Header)
	if err != nil {
		return err
	}
	r, err := a.onBench(ctx, c, j, func(r *recorded) error {
		r.past = pastOf(claim, known, r.session.sim != nil)
		later, err := laterRuns(c, claim.Header, known.header)
		if err != nil {
			return err
		}
		return a.acceptable(claim.Header.ID, append(compareBench(known.header, r.header), later...), accept)
	}, func(ctx context.Context, r *recorded) (err error) {
		looks, err := known.look(ctx, r.session)
		if err != nil {
			return fmt.Errorf("before the run is taken up: %w", err)
		}
		if err := a.acceptable(claim.Header.ID, compareReads(looks), accept); err != nil {
			return err
		}
		if r.Run, err = claim.ContinueWith(r.header, r.session.options()); err != nil {
			return err
		}
		r.header = r.Run.Header()
		a.begun(ctx, c, r)
		if err := a.watchOver(c, r); err != nil {
			return err
		}
		return r.Journal().Event("check", map[string]any{"reads": looks, "accepted": accept})
	})
	return showOutcome(r, j, err)
}

// rebuild makes the job of a run from its header.
func (a *app) rebuild(c *Config, h *run.Header) (job, error) {
	rebuild := a.jobs()[h.Command]
	if rebuild == nil {
		return job{}, usageError(fmt.Errorf("run %s is of the command %q, which this program cannot take up; the program that began it is version %s", h.ID, h.Command, h.Program))
	}
	return rebuild(c, h)
}

// pastOf says what the earlier segments leave to the next one.
func pastOf(claim *run.Claim, known *knowledge, virtual bool) past {
	p := past{records: claim.Records(), skip: known.skips.Spans(), bench: claim.BenchSpan, wall: claim.Wall, clock: claim.Bench}
	if !virtual {
		p.gap = known.gap(claim.Written)
	}
	return p
}

// checkRecord refuses a journal with holes: where it ends too early, what was
// done behind the hole would be taken for not done.
func (a *app) checkRecord(claim *run.Claim, accept bool) error {
	if p := claim.Header.Program; p != version() {
		fmt.Fprintf(a.err, "the run was begun by version %s of the program, this is version %s\n", p, version())
	}
	var holes []string
	for _, d := range claim.Damage {
		if !d.Torn {
			holes = append(holes, "  "+d.String())
		}
	}
	if len(holes) == 0 {
		return nil
	}
	fmt.Fprintf(a.err, "the record of run %s is damaged:\n%s\n", claim.Header.ID, strings.Join(holes, "\n"))
	if accept {
		return nil
	}
	return usageError(fmt.Errorf("the record of run %s has %s: put the files back from a copy, or use --accept to take it up where the first one is; devices that were worked on after it are then read and not taken as done",
		claim.Header.ID, plural(len(holes), "hole")))
}

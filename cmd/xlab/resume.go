package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"xlab/instrument"
	"xlab/lab/config"
	"xlab/lab/plan"
	"xlab/lab/procedure"
	"xlab/lab/sim"
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
			if _, err := a.load(); err != nil {
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
			return a.resume(cmd.Context(), s.Dir, accept)
		},
	}
	c.Flags().BoolVar(&list, "list", false, "list the runs that can be taken up, and do nothing")
	c.Flags().BoolVar(&accept, "accept", false, "go on although the bench or the record is not as it was")
	return c
}

// resumable finds the run to take up.
func (a *app) resumable(args []string) (*run.Stored, error) {
	if len(args) == 0 {
		candidates, _, err := a.allResumable()
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
		return s, refuseToResume(s) // the plan is at work, and this is its doing
	}
	all, err := run.All(a.Config.Runs)
	if err != nil {
		return nil, err
	}
	switch owner := plan.Owners(all)[s.ID]; {
	case owner != nil && owner.Outcome == run.OutcomeRunning:
		return nil, refuseToResume(owner)
	case owner != nil && owner.Resumable():
		fmt.Fprintf(a.Messages, "run %s is a task of the plan's run %s, which is taken up\n", s.ID, owner.ID)
		return owner, nil
	}
	return s, refuseToResume(s)
}

// refuseToResume says why a run cannot be taken up; nil when it can.
func refuseToResume(s *run.Stored) error {
	switch {
	case s.Resumable():
		return nil
	case s.Outcome == run.OutcomeRunning:
		return &instrument.Error{Op: "resume", Channel: s.ID, Kind: instrument.KindBusy,
			Err:    errors.New("its process is still at work"),
			Advice: "wait until it has ended, or interrupt it"}
	case s.Outcome == run.OutcomeBroken:
		return run.Usage(fmt.Errorf("run %s cannot be understood: %s", s.ID, strings.Join(s.Problems, "; ")))
	}
	return run.Usage(fmt.Errorf("run %s is %s: there is nothing left to do", s.ID, s.Outcome))
}

// leftOut counts runs that were cut off and are not offered, by reason.
type leftOut map[string]int

// allResumable lists the runs of this bench that can be taken up, oldest first.
func (a *Lab) allResumable() (found []*run.Stored, left leftOut, err error) {
	all, err := run.All(a.Config.Runs)
	if err != nil {
		return nil, nil, err
	}
	chip, err := sim.ChipOf(a.Config)
	if err != nil {
		return nil, nil, err
	}
	left = make(leftOut)
	owners := plan.Owners(all)
	for _, s := range all {
		if !s.Resumable() {
			continue
		}
		owner := owners[s.ID]
		if why := a.neverResumable(chip, s); why != "" {
			left[why]++
		} else if owner != nil && (owner.Resumable() || owner.Outcome == run.OutcomeRunning) {
			left["going on with their plan"]++
		} else {
			found = append(found, s)
		}
	}
	return found, left, nil
}

// neverResumable says why a run that was cut off can only fail again on this
// bench, in words that go behind a number of runs; "" where it may go on.
func (a *Lab) neverResumable(chip string, s *run.Stored) string {
	h := s.Header
	switch {
	case h.ID == "":
		return "without a readable header"
	case h.Simulated != a.Config.Simulated() || h.Simulated && h.Chip != chip ||
		!h.Simulated && !strings.HasPrefix(h.Bench, a.Config.Bench+" ("):
		return "of another bench or chip"
	}
	var err error
	if h.Command == plan.Command {
		_, err = planOf(&h)
	} else {
		_, err = a.rebuild(&h)
	}
	if err != nil {
		return "whose work this program cannot make out"
	}
	if s.Result != nil && h.Command != plan.Command && h.Limits == a.Config.DeviceLimits() {
		switch s.Result.Kind {
		case instrument.KindLimit, instrument.KindRouting, instrument.KindUsage:
			return "that failed at what would be refused again"
		}
	}
	return ""
}

// needsAccepting says why a run is not taken up without --accept, as far as that
// can be told without its bench; "" for no such reason.
func needsAccepting(c *config.Config, s *run.Stored) (string, error) {
	k := newKnowledge(0)
	report, err := run.ScanJournal(s.Dir, k.see)
	if err != nil {
		return "", err
	}
	if run.Check(s.Dir, report) != nil {
		return "with a damaged record", nil
	}
	if s.Header.Command == plan.Command {
		return "", nil
	}
	now := run.Header{Simulated: c.Simulated(), Chip: k.header.Chip, Limits: c.DeviceLimits()}
	for _, h := range k.header.Arrays {
		w, err := c.Wiring(h.Name)
		if err != nil {
			return "of arrays that the bench does not have", nil
		}
		now.Arrays = append(now.Arrays, run.ArrayHeader{Name: h.Name, Rows: w.Rows, Cols: w.Cols, Wiring: wiringChecksum(w)})
	}
	if len(compareBench(k.header, now)) > 0 {
		return "made with other limits or other wiring", nil
	}
	later, err := laterRuns(c, s.Header, k.header)
	if len(later) > 0 {
		return "on arrays that were worked on since", err
	}
	return "", err
}

func (a *app) listResumable() error {
	list, left, err := a.allResumable()
	if err != nil {
		return err
	}
	summaries := []run.Summary{}
	for _, s := range list {
		why, err := needsAccepting(a.Config, s)
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

// resume takes up the run in dir. Until the bench has been compared with the
// one that the run began on, nothing is written.
func (a *app) resume(ctx context.Context, dir string, accept bool) (err error) {
	known := newKnowledge(a.Config.Simulation.Temperature)
	claim, err := run.NewClaim(dir, known.see)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, claim.Release()) }()
	a.CutOff = claim.Header.ID
	known.forget(claim.Unknown)
	if err := a.checkRecord(dir, &claim.Report, accept); err != nil {
		return err
	}
	a.askWhomToTell(&claim.Header)
	j, err := a.rebuild(&claim.Header)
	if err != nil {
		return err
	}
	r, err := a.onBench(ctx, j, func(r *recorded) error {
		r.past = pastOf(claim, known, r.session.Sim != nil)
		later, err := laterRuns(a.Config, claim.Header, known.header)
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
		if r.Run, err = claim.Continue(r.header, a.kept(r.session.Options())); err != nil {
			return err
		}
		r.header = r.Run.Header()
		a.begun(ctx, r)
		if err := a.watchOver(r); err != nil {
			return err
		}
		return r.Journal().Event("check", map[string]any{"reads": looks, "accepted": accept})
	})
	return showOutcome(r, j, err)
}

// rebuild makes the job of a run from its header.
func (a *Lab) rebuild(h *run.Header) (procedure.Job, error) {
	rebuild := a.Jobs[h.Command]
	if rebuild == nil {
		return nil, run.Usage(fmt.Errorf("run %s is of the command %q, which this program cannot take up; the program "+
			"that began it is version %s", h.ID, h.Command, h.Program))
	}
	return rebuild(a.Config, h)
}

// pastOf says what the earlier segments leave to the next one.
func pastOf(claim *run.Claim, known *knowledge, virtual bool) past {
	p := past{records: claim.Records(), skip: known.skips.Spans(), wall: claim.Wall, clock: claim.Bench,
		cutOff: claim.CutOff}
	if !virtual {
		p.gap = known.gap(claim.Written)
	}
	return p
}

// checkRecord refuses a damaged record, unless that was accepted: what was done
// behind the first fault is then taken for not done.
func (a *Lab) checkRecord(dir string, report *run.Report, accept bool) error {
	if p := report.Header.Program; p != "" && p != run.Program() {
		fmt.Fprintf(a.Messages, "the run was begun by version %s of the program, this is version %s\n", p, run.Program())
	}
	err := run.Check(dir, report)
	switch {
	case err == nil:
		return nil
	case accept:
		fmt.Fprintf(a.Messages, "accepted: %v\n", err)
		return nil
	}
	return fmt.Errorf("%w; --accept goes as far as the first fault, "+
		"and takes what is recorded behind it for not done", err)
}

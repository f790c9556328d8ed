package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"xlab/lab"
	"xlab/lab/procedure"
	"xlab/run"
)

// recordsLinks is the help of --transcript.
const recordsLinks = "record what is said on every link, into the run's directory"

// procedures adds the commands of all procedures, those of two words below the one of
// the first word.
func (a *app) procedures(root *cobra.Command) {
	groups := map[string]*cobra.Command{"characterize": characterizeCommand(), "mlp": a.mlpCommand()}
	for _, p := range a.Procedures {
		c, to := a.procedure(p), root
		if group, _, has := strings.Cut(p.Name, " "); has {
			if groups[group] == nil {
				groups[group] = &cobra.Command{Use: group, Short: "Procedures of the kind " + group}
			}
			to = groups[group]
		}
		to.AddCommand(c)
	}
	for _, c := range groups {
		root.AddCommand(c)
	}
}

// procedure is the command of a procedure.
func (a *app) procedure(p procedure.Procedure) *cobra.Command {
	words := strings.Fields(p.Name)
	c := &cobra.Command{Use: strings.TrimSpace(words[len(words)-1] + " " + p.Takes), Short: p.Short, Long: p.Long,
		Args: cobra.ExactArgs(len(strings.Fields(p.Takes))), ValidArgsFunction: cobra.NoFileCompletions}
	parse := p.Flags(c.Flags())
	dryRun := false
	transcript := c.Flags().Bool("transcript", false, recordsLinks)
	if p.DryRun != "" {
		c.Flags().BoolVar(&dryRun, "dry-run", false, p.DryRun)
	}
	var again string
	accept := false
	if p.Converses {
		c.Flags().StringVar(&again, "resume", "", "take up this run, or \"last\"; all else is as it was begun")
		c.Flags().BoolVar(&accept, "accept", false, "with --resume: although the bench or the record is not as it was")
	}
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := a.load(); err != nil {
			return err
		}
		switch {
		case again != "":
			if flag := beginning(cmd); flag != "" {
				return run.Usage(fmt.Errorf("--%s is as the run was begun with: leave it out with --resume", flag))
			}
			return a.takeUp(cmd.Context(), again, takingUp{p.Command(), accept, *transcript})
		case accept:
			return run.Usage(errors.New("--accept is for a run that is taken up: give --resume too"))
		case *transcript:
			if err := a.RecordLinks(""); err != nil {
				return err
			}
		}
		r, err := parse(cmd.Context(), &a.Lab)
		switch {
		case err != nil:
			return err
		case a.take != nil:
			return a.take(r)
		case dryRun:
			return a.printEstimate(r.Estimate)
		}
		if job, ok := r.Job.(*procedure.Reading); ok && a.json && job.Format() != "" && job.Format() != "json" {
			return run.Usage(fmt.Errorf("--json and --format %s contradict each other", job.Format()))
		}
		for _, note := range r.Notes {
			a.Say(note)
		}
		return a.perform(cmd.Context(), r.Job)
	}
	if p.Name == "characterize thresholds" {
		a.overChips(c)
	}
	return c
}

// beginning is a flag that was given and says how a run begins; "" = there is none.
func beginning(c *cobra.Command) (name string) {
	c.Flags().Visit(func(f *pflag.Flag) {
		own := c.InheritedFlags().Lookup(f.Name) == nil
		if own && !slices.Contains([]string{"resume", "accept", "transcript"}, f.Name) {
			name = f.Name
		}
	})
	return name
}

// printEstimate prints what a job would do and cost.
func (a *app) printEstimate(e procedure.Estimate) error {
	if a.json {
		return a.writeJSON(e)
	}
	return e.Print(a.out)
}

// perform carries a job out as a new run: directory, journal, safe exit.
func (a *app) perform(ctx context.Context, j procedure.Job) error {
	r, err := a.CarryOut(ctx, j)
	return a.showOutcome(r, j, err)
}

// showOutcome prints what came of a job; err is how its run ended.
func (a *app) showOutcome(r *lab.Run, j procedure.Job, err error) error {
	if r == nil || !r.Told() {
		return err // there is nothing that could be shown
	}
	if printErr := a.show(j, err); err == nil {
		err = printErr
	}
	return err
}

// show prints what came of a job on stdout, after all else. err is how its run
// ended; what show returns is only what went wrong with printing.
func (a *app) show(j procedure.Job, err error) error {
	switch j := j.(type) {
	case *procedure.Training:
		return a.showTraining(j, err)
	case *procedure.NetworkRun:
		return a.showNetwork(j, err)
	case *procedure.Reading:
		return a.showReading(j, err)
	case *procedure.Measurement:
		return a.showMeasurement(&j.Result)
	case *procedure.Forming:
		return a.showForming(j, err)
	case *procedure.Tuning:
		return a.showTuning(j)
	case *procedure.Pulsing:
		return a.showPulse(j)
	case *procedure.Sweeping:
		return a.showSweeping(j, err)
	case *procedure.InSituTraining:
		return a.showInSitu(j)
	case *procedure.StabilityMeasurement:
		return a.showStability(j)
	}
	return nil
}

package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"xlab/instrument/array"
	"xlab/lab/procedure"
	"xlab/lab/study"
	"xlab/population"
	"xlab/run"
	"xlab/run/screen"
)

func (a *app) studyCommand() *cobra.Command {
	c := &cobra.Command{Use: "study", Short: "Compare procedures over many simulated chips"}
	c.AddCommand(a.studyTuningCommand(), a.studyMLPCommand(), a.studyMergeCommand(),
		a.studyCollectCommand(), a.studyRunShardCommand())
	return c
}

// Texts of every study's flags.
const (
	studyChips  = "number of chips; their seeds count from 1"
	studyDryRun = "run the first chip, say how long the whole study would take, and end"
)

func (a *app) studyTuningCommand() *cobra.Command {
	var flags studyFlags
	var policies, tolerances, schemes, target, name string
	c := &cobra.Command{
		Use:   "tuning",
		Short: "Tune the same seeded chips with several policies, tolerances and schemes",
		Long: `Forms simulated chips with seeds 1 to N, tunes each of them from the same state
with every combination, through the same drivers and bytes as a single run, on
all cores, and prints one line per combination. The result does not depend on
the number of cores. Nothing is kept, no run directories and no chip file, but a
shard where one is asked for.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.loadSimulated(); err != nil {
				return err
			}
			c := a.Config
			w, err := c.Wiring(name)
			if err != nil {
				return err
			}
			var cases []study.TuningCase
			for _, policy := range strings.Split(policies, ",") {
				for _, text := range strings.Split(tolerances, ",") {
					for _, schemeName := range strings.Split(schemes, ",") {
						spec := c.Tuning
						spec.Policy = strings.TrimSpace(policy)
						var tolerance procedure.Percentage
						if err := tolerance.Set(text); err != nil {
							return run.Usage(fmt.Errorf("--tolerances: %w", err))
						}
						spec.Tolerance = float64(tolerance)
						if schemeName = strings.TrimSpace(schemeName); schemeName != "default" {
							s, err := array.ParseScheme(schemeName)
							if err != nil {
								return run.Usage(fmt.Errorf("--schemes: %w", err))
							}
							spec.SetScheme, spec.ResetScheme = s, s
						}
						if spec.Targets, err = procedure.ParseTargets(target, w, spec); err != nil {
							return run.Usage(fmt.Errorf("--target: %w", err))
						}
						if err := spec.Validate(w.Rows, w.Cols); err != nil {
							return run.Usage(err)
						}
						cases = append(cases, study.TuningCase{Spec: spec, Policy: spec.Policy, Tolerance: spec.Tolerance,
							Scheme: schemeName})
					}
				}
			}
			return a.study(cmd, &flags, study.Tuning(&a.Lab, name, cases))
		},
	}
	f := c.Flags()
	flags.register(f, 20, studyChips)
	flags.nodes.register(f)
	all, _ := procedure.Words("policies")
	f.StringVar(&policies, "policies", strings.Join(all, ","), "policies, separated by commas")
	f.StringVar(&tolerances, "tolerances", "30%,5%,1%", "tolerances, separated by commas")
	f.StringVar(&schemes, "schemes", "default", "bias schemes for pulses of either sign, separated by commas; default "+
		"= as configured per sign")
	f.StringVarP(&target, "target", "t", "face", "as of xlab tune")
	f.StringVarP(&name, "array", "a", "A", "array")
	f.BoolVar(&flags.dryRun, "dry-run", false, studyDryRun)
	return c
}

func printStudy(a *app, rows []study.TuningRow) error {
	w := screen.NewTable(a.out, screen.Right)
	fmt.Fprintln(w, "policy\ttolerance\tscheme\tin tolerance\tmean error\tmedian pulses\t90 %\tstuck\tdisturbed\tgave "+
		"up\tdefective\tworst disturb\tbench time\toverhead\t")
	percent, whole := population.Format("%.2f %%", 100), population.Format("%.0f", 1)
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%.3g %%\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\t%.0f s\t%.3f\t\n",
			r.Policy, 100*r.Tolerance, r.Scheme, r.Share.Text(percent), r.MeanError.Text(percent), r.MedianPulses.Text(whole),
			r.P90Pulses.Text(whole), r.Stuck, r.Disturbed, r.GaveUp, r.Defective, r.WorstDisturb.Text(percent),
			r.BenchSeconds, r.Overhead)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.out, "%s; in tolerance is of the devices that are not known to be defective, by a last "+
		"read of the whole array\n", screen.Count(rows[0].Chips, "chip"))
	return err
}

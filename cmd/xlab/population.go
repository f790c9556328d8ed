package main

import (
	"errors"

	"github.com/spf13/cobra"

	"xlab/lab/procedure"
	"xlab/lab/study"
	"xlab/run"
)

// overChips lets the command of the thresholds measure several simulated chips instead
// of the one at the bench.
func (a *app) overChips(c *cobra.Command) {
	var flags studyFlags
	flags.register(c.Flags(), 0, "measure so many simulated chips in memory instead of the one at the bench; their "+
		"seeds count from 1")
	c.Flags().StringVarP(&flags.output, "output", "o", "", "directory for data and figure of --chips and --seeds")
	onOne := c.RunE
	c.RunE = func(cmd *cobra.Command, args []string) (err error) {
		f := cmd.Flags()
		overChips := f.Changed("seeds") || f.Changed("chips")
		switch {
		case !overChips && (flags.shard != "" || flags.output != ""):
			return run.Usage(errors.New("--shard and --output go with --chips or --seeds"))
		case !overChips:
			return onOne(cmd, args)
		case flags.shard != "" && flags.output != "":
			return run.Usage(errors.New("--output does not go with --shard: xlab study merge --output writes the files"))
		case f.Changed("defects"):
			return run.Usage(errors.New("--defects does not go with --chips, which forms the chips itself"))
		case cmd.Flags().Changed("transcript"):
			return run.Usage(errors.New("--transcript does not go with --chips, which opens no bench"))
		case a.take != nil:
			return run.Usage(errors.New("--chips keeps no run"))
		}
		if flags.dryRun, err = f.GetBool("dry-run"); err != nil {
			return err
		}
		if err := f.Set("defects", "none"); err != nil {
			return err
		}
		a.take = func(r *procedure.Request) error {
			if !a.Simulated() {
				return run.Usage(errors.New("--chips is for simulated benches; a real one has the chip that is in it"))
			}
			s, err := study.Thresholds(&a.Lab, r.Job.(*procedure.Measurement))
			if err != nil {
				return err
			}
			return a.study(cmd, &flags, s)
		}
		defer func() { a.take = nil }()
		return onOne(cmd, args)
	}
}

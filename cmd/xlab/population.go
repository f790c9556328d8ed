package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"xlab/lab/procedure"
	"xlab/lab/study"
	"xlab/run"
)

// overChips lets the command of the thresholds measure several simulated chips instead
// of the one at the bench.
func (a *app) overChips(c *cobra.Command) {
	chips := c.Flags().Int("chips", 0, "measure so many simulated chips in memory instead of the one at the bench")
	output := c.Flags().StringP("output", "o", "", "directory for data and figure of --chips")
	onOne := c.RunE
	c.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case *chips == 0:
			return onOne(cmd, args)
		case *chips < 0:
			return run.Usage(fmt.Errorf("--chips %d must be 1 or more", *chips))
		case cmd.Flags().Changed("defects"):
			return run.Usage(errors.New("--defects does not go with --chips, which forms the chips itself"))
		case a.take != nil:
			return run.Usage(errors.New("--chips keeps no run"))
		}
		if err := cmd.Flags().Set("defects", "none"); err != nil {
			return err
		}
		a.take = func(r *procedure.Request) error { return a.population(cmd, *chips, *output, r.Job) }
		defer func() { a.take = nil }()
		return onOne(cmd, args)
	}
}

// population measures the thresholds of several simulated chips in memory, as the job
// would at the bench, and prints them as one population.
func (a *app) population(cmd *cobra.Command, chips int, output string, j procedure.Job) error {
	if !a.Simulated() {
		return run.Usage(errors.New("--chips is for simulated benches; a real one has the chip that is in it"))
	}
	w, err := a.Wiring(j.Arrays()[0])
	if err != nil {
		return err
	}
	dryRun, err := cmd.Flags().GetBool("dry-run")
	if err != nil {
		return err
	}
	pooled, batch, err := study.Thresholds(cmd.Context(), &a.Lab, study.Seeds(chips), j.(*procedure.Measurement), dryRun)
	switch {
	case err != nil:
		return err
	case dryRun:
		return a.showBatch(batch)
	}
	result := procedure.ResultOf("thresholds", pooled)
	result.Array = w.Array
	if output != "" {
		if err := os.MkdirAll(output, 0o755); err != nil {
			return run.Usage(err)
		}
		err := result.Write(func(name string, write func(io.Writer) error) error {
			return run.WriteOutput(filepath.Join(output, name), true, write)
		}, a.Config.Figures)
		if err != nil {
			return err
		}
	}
	if a.json {
		return a.writeJSON(result)
	}
	return a.printComparison(&result)
}

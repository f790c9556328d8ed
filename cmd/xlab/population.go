package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"xlab/instrument/array"
	"xlab/lab/procedure"
	"xlab/lab/session"
	"xlab/mock/chip"
	"xlab/run"
	"xlab/run/atomicfile"
	"xlab/tuning/characterize"

	"github.com/spf13/cobra"
)

// thresholdsCommand measures the thresholds of the chip at the bench, or those of
// several simulated chips.
func (a *app) thresholdsCommand() *cobra.Command {
	c := a.of("characterize-thresholds")
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
	return c
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
	seeds := make([]uint64, chips)
	for i := range seeds {
		seeds[i] = uint64(i + 1)
	}
	pooled, err := a.thresholdsOf(cmd.Context(), w.Array, seeds,
		j.Spec().(procedure.MeasurementSpec[characterize.ThresholdSpec]).Spec, dryRun)
	if err != nil || dryRun {
		return err
	}
	result := procedure.ResultOf("thresholds", pooled)
	result.Array = w.Array
	if output != "" {
		if err := os.MkdirAll(output, 0o755); err != nil {
			return run.Usage(err)
		}
		err := result.Write(func(name string, write func(io.Writer) error) error {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				return err
			}
			return atomicfile.WriteFile(filepath.Join(output, name), atomicfile.Shared, b.Bytes())
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

// thresholdsOf forms the chips of the seeds in memory and measures them through
// the whole bench, on all cores. The result depends on the seeds alone; it is nil
// after a dry run.
func (a *app) thresholdsOf(ctx context.Context, name string, seeds []uint64,
	spec characterize.ThresholdSpec, dryRun bool) (*characterize.Thresholds, error) {
	formed := make([]formedChip, len(seeds))
	measured := make([]*characterize.Thresholds, len(seeds))
	batch := run.NewBatch(len(seeds), func(ctx context.Context, i, part int) (err error) {
		if part == 0 {
			formed[i], err = a.formInMemory(ctx, name, seeds[i])
			return err
		}
		var state chip.Chip
		if err := json.Unmarshal(formed[i].state, &state); err != nil {
			return err
		}
		return a.onChip(ctx, name, &state, func(ctx context.Context, _ *session.Session, bar *array.Journaled) error {
			if measured[i], err = characterize.MeasureThresholds(ctx, bar, spec,
				characterize.Options{Defects: formed[i].defects}); err != nil {
				err = fmt.Errorf("chip %d: %w", seeds[i], err)
			}
			return err
		})
	}, "forming", "thresholds")
	if over, err := a.carryOutStudy(ctx, batch, dryRun); over || err != nil {
		return nil, err
	}
	results := make(map[uint64]*characterize.Thresholds)
	for i, seed := range seeds {
		results[seed] = measured[i]
	}
	return characterize.Pool(results), nil
}

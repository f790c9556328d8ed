package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"xlab/lab/procedure"
	"xlab/lab/study"
	"xlab/lab/study/shard"
	"xlab/run"
	"xlab/run/screen"
)

// studyFlags say which chips a study is over, and what becomes of what it finds.
type studyFlags struct {
	chips  int
	seeds  shard.Seeds
	shard  string
	dryRun bool
	nodes  nodeFlags
	output string // directory for data and figures, of studies that have any
}

// register adds the flags that all studies have; chips are as many as there are
// without a flag.
func (s *studyFlags) register(f *pflag.FlagSet, chips int, what string) {
	f.IntVar(&s.chips, "chips", chips, what)
	f.Var(&s.seeds, "seeds", "seeds of the chips instead of --chips, such as 21-40 or 1-3,7")
	f.StringVar(&s.shard, "shard", "", "keep what is found in this file, chip by chip, and print nothing: xlab study "+
		"merge puts such files together; a study that was cut off goes on")
}

// chosen are the seeds of the chips.
func (s *studyFlags) chosen(f *pflag.FlagSet) (shard.Seeds, error) {
	switch {
	case f.Changed("seeds") && f.Changed("chips"):
		return nil, run.Usage(errors.New("--chips N is --seeds 1-N: give one of them"))
	case f.Changed("seeds"):
		return s.seeds, nil
	case s.chips < 1:
		return nil, run.Usage(fmt.Errorf("--chips %d must be at least 1", s.chips))
	}
	seeds, err := shard.ParseSeeds(fmt.Sprintf("1-%d", s.chips))
	if err != nil {
		err = run.Usage(fmt.Errorf("--chips: %w", err))
	}
	return seeds, err
}

// study does a study as its flags say.
func (a *app) study(cmd *cobra.Command, flags *studyFlags, s *study.Study) error {
	seeds, err := flags.chosen(cmd.Flags())
	if err != nil {
		return err
	}
	elsewhere, err := flags.nodes.asked(cmd.Flags())
	if err != nil {
		return err
	}
	switch {
	case elsewhere:
		h, err := s.Head(seeds)
		if err != nil {
			return err
		}
		return a.elsewhere(cmd, &flags.nodes, h)
	case flags.dryRun && flags.shard != "":
		return run.Usage(errors.New("--dry-run keeps nothing: leave --shard out"))
	case flags.dryRun:
		batch, err := s.DryRun(cmd.Context(), seeds)
		if err != nil {
			return err
		}
		return a.showBatch(batch)
	case flags.shard != "":
		if a.taskOf != nil {
			h, err := s.Head(seeds)
			if err == nil {
				err = a.taskOf.Same(h)
			}
			if err != nil {
				return err
			}
		}
		if err := s.Shard(cmd.Context(), seeds, flags.shard); err != nil {
			return err
		}
		a.Say(fmt.Sprintf("shard %s holds seeds %v", flags.shard, seeds))
		return nil
	}
	found, err := s.Run(cmd.Context(), seeds)
	if err != nil {
		return err
	}
	return a.showFound(found, flags.output)
}

// showBatch says how long a study takes.
func (a *app) showBatch(b *run.Batch) error {
	if a.json {
		return a.writeJSON(b)
	}
	_, err := fmt.Fprintf(a.out, "%s; a study touches no bench and keeps no run\n", b)
	return err
}

// showFound prints what a study found, however it was put together.
func (a *app) showFound(found study.Found, output string) error {
	measured, has := found.(*procedure.MeasurementResult)
	switch {
	case output == "":
	case !has:
		return run.Usage(errors.New("--output: this study has no data files and no figures; --json prints what it found"))
	default:
		if err := os.MkdirAll(output, 0o755); err != nil {
			return run.Usage(err)
		}
		err := measured.Write(func(name string, write func(io.Writer) error) error {
			return run.WriteOutput(filepath.Join(output, name), true, write)
		}, a.Config.Figures)
		if err != nil {
			return err
		}
	}
	if a.json {
		return a.writeJSON(found)
	}
	switch found := found.(type) {
	case []study.TuningRow:
		return printStudy(a, found)
	case *study.Network:
		return a.printMLPStudy(found)
	}
	return a.printComparison(measured)
}

func (a *app) studyMergeCommand() *cobra.Command {
	var wanted shard.Seeds
	var output string
	c := &cobra.Command{
		Use:   "merge FILE...",
		Short: "Put the shards of a study together",
		Long: `Reads files that studies have written with --shard and prints what one run over
all their chips prints, byte for byte. Shards of other settings, versions of the
program or kinds of processors do not fit together, and every chip must be there
once: between the lowest and the highest seed, or as --seeds says.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, files []string) error {
			if err := a.configure(); err != nil { // forms of figures
				return err
			}
			head, found, err := study.Merge(files, wanted)
			if err != nil {
				return err
			}
			a.Say(fmt.Sprintf("study %s of %s, seeds %v, from %s", head.Study, screen.Count(len(head.Seeds), "chip"),
				head.Seeds, screen.Count(len(files), "file")))
			return a.showFound(found, output)
		},
	}
	c.Flags().Var(&wanted, "seeds", "seeds that must be there")
	c.Flags().StringVarP(&output, "output", "o", "", "directory for data and figures, of studies that have them")
	return c
}

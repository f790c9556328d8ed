package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"xlab/lab/procedure"
	"xlab/lab/study"
	"xlab/run"
	"xlab/run/screen"
)

func (a *app) studyMLPCommand() *cobra.Command {
	var flags studyFlags
	var approaches string
	var t procedure.TrainFlags
	var w procedure.WeightFlags
	var d procedure.DataFlags
	inSitu := false
	c := &cobra.Command{
		Use:   "mlp",
		Short: "Train, import and classify on many simulated chips",
		Long: `Forms both arrays of simulated chips with seeds 1 to N, trains the network for each
of them, imports it, and classifies the training and the test set through the
whole bench with its neuron board, on all cores. The result does not depend on
the number of cores. Nothing is kept, no run directories and no chip file, but a
shard where one is asked for.

--insitu adds training on the devices themselves, which takes longer.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.loadSimulated(); err != nil {
				return err
			}
			if !a.HasNeurons() {
				return run.Usage(errors.New("the simulated bench of this configuration has no neuron board: add a section " +
					"neurons with the address sim"))
			}
			data, err := d.Load(nil)
			if err != nil {
				return err
			}
			s := study.Networks{Data: data, Train: t, InSitu: inSitu}
			if s.Import, err = w.Spec(&a.Lab); err != nil {
				return err
			}
			for name := range strings.SplitSeq(approaches, ",") {
				s.Approaches = append(s.Approaches, strings.TrimSpace(name))
			}
			of, err := s.Study(&a.Lab)
			if err != nil {
				return err
			}
			return a.study(cmd, &flags, of)
		},
	}
	f := c.Flags()
	flags.register(f, 20, studyChips)
	flags.nodes.register(f)
	f.StringVar(&approaches, "approaches", "oblivious,aware", "approaches, separated by commas")
	f.BoolVar(&inSitu, "insitu", false, "train on the devices too")
	t.Register(f)
	for _, name := range []string{"approach", "defects"} {
		// The study chooses these itself.
		if err := f.MarkHidden(name); err != nil {
			panic(err)
		}
	}
	w.Register(f)
	f.BoolVar(&flags.dryRun, "dry-run", false, studyDryRun)
	d.Register(f)
	return c
}

func (a *app) printMLPStudy(s *study.Network) error {
	w := screen.NewTable(a.out, screen.Right)
	fmt.Fprintln(w, "approach\tchip\tsoftware train\ttest\thardware train\ttest\tdifference train\ttest\tweights in "+
		"tolerance\tpulses\tbench time\t")
	show := func(p *float64) string {
		if p == nil {
			return "-"
		}
		return fmt.Sprintf("%.2f %%", *p)
	}
	for _, c := range s.Chips {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%+.2f\t%+.2f\t%d of %d\t%d\t%.0f s\t\n", c.Approach, c.Seed,
			show(c.Software.Train), show(c.Software.Test), show(c.Hardware.Train), show(c.Hardware.Test), c.TrainLoss,
			c.TestLoss, *c.InTolerance, c.Weights, c.Pulses, c.BenchSeconds)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(a.out)
	fmt.Fprintln(w, "approach\tsoftware train\ttest\thardware train\ttest\tdifference train\ttest\tpublished\tno loss "+
		"in training\tweights in tolerance\tbench time\t")
	for _, r := range s.Rows {
		fmt.Fprintf(w, "%s\t%v\t%v\t%v\t%v\t%v\t%v\t%s\t%d of %d\t%v %%\t%.0f s\t\n", r.Approach,
			r.SoftwareTrain, r.SoftwareTest, r.HardwareTrain, r.HardwareTest,
			r.TrainLoss, r.TestLoss, r.Published, r.Unharmed, r.Chips, r.InTolerance, r.BenchSeconds.Mean)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if len(s.InSitu) > 0 {
		fmt.Fprintln(a.out)
		if err := a.printInsituRows(s.InSitu); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(a.out, "accuracies in percent, differences (hardware less software) in points, mean ± "+
		"standard deviation over %s\n", screen.Count(s.Rows[0].Chips, "chip"))
	return err
}

// printInsituRows prints what training in place reached.
func (a *app) printInsituRows(rows []study.InSituRow) error {
	w := screen.NewTable(a.out, screen.Right)
	fmt.Fprintln(w, "in place\tclasses\ttraining patterns\tlowest\tall recognised\tpublished\tepochs\tpulses\t"+
		"bench time\t")
	for _, r := range rows {
		published := r.Published
		if published == "" {
			published = "-"
		}
		fmt.Fprintf(w, "%s amplitude\t%d\t%v %%\t%.1f %%\t%d of %d\t%s\t%.0f\t%.0f\t%.0f s\t\n", r.Rule, r.Classes,
			r.Accuracy, r.Accuracy.Min, r.Perfect, r.Chips, published,
			r.Epochs.Mean, r.Pulses.Mean, r.BenchSeconds.Mean)
	}
	return w.Flush()
}

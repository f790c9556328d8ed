package main

import (
	"fmt"
	"xlab/lab/procedure"

	"github.com/spf13/cobra"
)

func (a *app) mlpRunCommand() *cobra.Command {
	var d procedure.DataFlags
	var t trainFlags
	var w procedure.WeightFlags
	dryRun := false
	c := &cobra.Command{
		Use:   "run",
		Short: "Train, import and classify in one go",
		Long: `Trains a network in software, writes its weights into the arrays and classifies
the training and the test set on the hardware. It is one run: an interrupted one
goes on with ` + "`xlab resume`" + `, without training again.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.load()
			if err != nil {
				return err
			}
			data, err := d.Load(nil)
			if err != nil {
				return err
			}
			how, err := w.Spec(at(c))
			if err != nil {
				return err
			}
			ctx, release := a.Interruptible(cmd.Context())
			t.shown = a.Messages
			out, err := t.train(ctx, c, data)
			release()
			if err != nil {
				return err
			}
			s, err := procedure.NewNetworkSpec(at(c), out.file, "", data, t.defects)
			if err != nil {
				return err
			}
			s.Import = how
			e, err := s.Estimate(at(c))
			if err != nil {
				return err
			}
			if dryRun {
				return a.printEstimate(e)
			}
			train, test := out.software.text()
			fmt.Fprintf(a.Messages, "trained: %s of the training set, %s of the test set in software\n", train, test)
			s.ClassifyIfPossible(at(c))
			return a.perform(cmd.Context(), a.mlpJob(c, "mlp-run", s))
		},
	}
	t.register(c.Flags())
	w.Register(c.Flags())
	c.Flags().BoolVar(&dryRun, "dry-run", false, "print what would be done and what it costs, and touch nothing")
	d.Register(c.Flags())
	return c
}

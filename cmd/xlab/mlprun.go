package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) mlpRunCommand() *cobra.Command {
	var d dataFlags
	var t trainFlags
	var i importFlags
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
			data, err := d.load(nil)
			if err != nil {
				return err
			}
			how, err := i.spec(c)
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
			s, err := newMLPSpec(c, out.file, "", data, t.defects)
			if err != nil {
				return err
			}
			s.Import = how
			e, err := a.estimate(s)
			if err != nil {
				return err
			}
			if i.dryRun {
				return a.printEstimate(e)
			}
			train, test := out.software.text()
			fmt.Fprintf(a.Messages, "trained: %s of the training set, %s of the test set in software\n", train, test)
			s.classifyIfPossible(c)
			return a.perform(cmd.Context(), a.mlpJob(c, "mlp-run", s))
		},
	}
	t.register(c.Flags())
	i.register(c.Flags())
	d.register(c.Flags())
	return c
}

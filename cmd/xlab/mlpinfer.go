package main

import (
	"xlab/lab/procedure"
	"xlab/run"

	"github.com/spf13/cobra"
)

func (a *app) mlpInferCommand() *cobra.Command {
	var n procedure.NetworkFlags
	noTrim := false
	c := &cobra.Command{
		Use:   "infer",
		Short: "Classify with the network that is in the arrays",
		Long: `Applies every training and test pattern to the arrays and reads the output
neurons: accuracy, confusion matrix, margins, and how closely the hardware follows
the software. The weights must have been imported.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.load()
			if err != nil {
				return err
			}
			s, _, err := n.Spec(at(c))
			if err != nil {
				return err
			}
			if err := s.MatchChip(true); err != nil {
				return err
			}
			if err := s.Classifiable(at(c)); err != nil {
				return run.Usage(err)
			}
			s.Classify, s.Trim = true, !noTrim
			return a.perform(cmd.Context(), a.mlpJob(c, "mlp-infer", s))
		},
	}
	n.Register(c.Flags())
	c.Flags().BoolVar(&noTrim, "no-trim", false, "leave the neurons' offsets as they are")
	return c
}

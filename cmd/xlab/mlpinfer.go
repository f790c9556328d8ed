package main

import (
	"xlab/lab/procedure"
	"xlab/run"

	"github.com/spf13/cobra"
)

func (a *app) mlpInferCommand() *cobra.Command {
	var d dataFlags
	var network, arrays, defects string
	var noTrim bool
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
			f, _, err := procedure.FindNetwork(at(c), network)
			if err != nil {
				return err
			}
			data, err := d.loadFor(f)
			if err != nil {
				return err
			}
			s, err := newMLPSpec(c, f, arrays, data, defects)
			if err != nil {
				return err
			}
			if err := s.matchChip(true); err != nil {
				return err
			}
			if err := classifiable(c, s); err != nil {
				return run.Usage(err)
			}
			s.Classify, s.Trim = true, !noTrim
			return a.perform(cmd.Context(), a.mlpJob(c, "mlp-infer", s))
		},
	}
	f := c.Flags()
	f.StringVarP(&network, "network", "n", "", "network file, or run that has one (default: of the newest run)")
	f.StringVar(&arrays, "arrays", "", "arrays of the layers, in their order (default: as in the network file)")
	f.StringVar(&defects, "defects", "",
		`defect maps, as A=file,B=file, or "none" (default: of the newest forming of each array)`)
	f.BoolVar(&noTrim, "no-trim", false, "leave the neurons' offsets as they are")
	d.register(f)
	return c
}

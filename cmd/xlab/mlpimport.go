package main

import (
	"xlab/lab/procedure"

	"github.com/spf13/cobra"
)

func (a *app) mlpImportCommand() *cobra.Command {
	var i procedure.ImportFlags
	dryRun := false
	c := &cobra.Command{
		Use:   "import",
		Short: "Write a network's weights into the arrays",
		Long: `Writes the conductances of a network by write-and-verify, idle devices first and
cruder, and ends with a classification: on the hardware where there is a neuron
board, and computed from the conductances read.

Fewer weights in tolerance than mlp.share end with exit code 3. The parameters are
keys of the sections "mlp" and "tuning" in bench.yaml. See hwdocs/mlp.md.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.load()
			if err != nil {
				return err
			}
			s, cost, _, err := i.Spec(at(c))
			if err != nil {
				return err
			}
			if dryRun {
				return a.printEstimate(cost)
			}
			s.ClassifyIfPossible(at(c))
			return a.perform(cmd.Context(), a.mlpJob(c, "mlp-import", s))
		},
	}
	i.Register(c.Flags())
	c.Flags().BoolVar(&dryRun, "dry-run", false, "print what would be done and what it costs, and touch nothing")
	return c
}

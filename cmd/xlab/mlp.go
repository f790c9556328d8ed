package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) mlpCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "mlp",
		Short: "Train a network, write it into the arrays, and classify with it",
		Long: `The multilayer perceptron: layers of differential conductance pairs on the
arrays, with op-amp neurons between them. Train in software, import the weights
by write-and-verify, classify on the hardware; or train on the devices.

Without other data the network learns the project's 40 letter patterns and is
tested with the 640 that have one pixel flipped. See hwdocs/mlp.md.`,
	}
	c.AddCommand(a.mlpDataCommand(), a.mlpTrainCommand(), a.mlpImportCommand(), a.mlpInferCommand(), a.mlpRunCommand(),
		a.of("mlp-insitu"), a.of("mlp-drift"), a.of("mlp-temperature"))
	return c
}

// accuracies are of the training and the test set, in percent.
type accuracies struct {
	Train *float64 `json:"train"`
	Test  *float64 `json:"test"` // null without a test set
}

func (x *accuracies) text() (train, test string) {
	show := func(p *float64) string {
		if p == nil {
			return "-"
		}
		return fmt.Sprintf("%.2f %%", *p)
	}
	if x == nil {
		return "-", "-"
	}
	return show(x.Train), show(x.Test)
}

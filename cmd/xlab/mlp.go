package main

import (
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
	c.AddCommand(a.mlpDataCommand())
	return c
}

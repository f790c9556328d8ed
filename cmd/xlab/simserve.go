package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"xlab/lab"
)

func (a *app) simServeCommand() *cobra.Command {
	var host, faults, slots string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Offer the simulated instruments on pseudo-terminals and TCP",
		Long: `Serves the simulated bench to any client until interrupted: the analyzer behind
its GPIB adapter, every switch board behind its SPI adapter, and the neuron board
if the configuration has one, each on a
pseudo-terminal and on a TCP port of its own. Prints one JSON line per endpoint.
The chip's state is kept when the command ends, also when it is killed.

--faults has things go wrong by a script, such as

  seed: 7
  faults:
    - {what: lose, on: analyzer, toward: host, rate: 0.001}
    - {what: silence, on: analyzer, command: MCPNX, number: 5, pieces: 3}
    - {what: cut, on: board A, piece: 40, attempts: 2}

See hwdocs/faults.md. A cable that was pulled can be put back on TCP only: a
pseudo-terminal does not come back under its name.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.loadSimulated(); err != nil {
				return err
			}
			if faults != "" {
				a.Config.Simulation.Faults = faults
				a.Config.Override("simulation.faults", "--faults")
			}
			if slots != "" {
				a.Config.Simulation.Slots = slots
				a.Config.Override("simulation.slots", "--slots")
			}
			lines := json.NewEncoder(a.data())
			return a.Serve(cmd.Context(), host, func(e lab.Endpoint) error { return lines.Encode(e) })
		},
	}
	c.Flags().StringVar(&faults, "faults", "", "script of what goes wrong (default: simulation.faults)")
	c.Flags().StringVar(&slots, "slots", "", "slots of the analyzer that hold its SMUs, such as 3-6, "+
		"as the wiring maps name them (default: simulation.slots)")
	c.Flags().StringVar(&host, "host", "127.0.0.1", "address to listen on; the instruments obey anyone who connects")
	return c
}

package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"xlab/lab"
	"xlab/lab/procedure"
	"xlab/run"
)

func (a *app) simCommand() *cobra.Command {
	c := &cobra.Command{Use: "sim", Short: "The simulated bench: its chip, its servers, its solver"}
	c.AddCommand(a.simChipCommand(), a.simServeCommand(), a.simSolveCommand(), a.simTransientCommand(),
		a.simEvaluateCommand())
	return c
}

func (a *app) simChipCommand() *cobra.Command {
	var name string
	c := &cobra.Command{
		Use:   "chip",
		Short: "Show what the simulated chip really is",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := a.loadSimulated(); err != nil {
				return err
			}
			return a.showChip(name)
		},
	}
	c.Flags().StringVarP(&name, "array", "a", "A", "array to show")
	var seed uint64
	fresh := &cobra.Command{
		Use:   "new",
		Short: "Replace the simulated chip by a pristine one",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.loadSimulated(); err != nil {
				return err
			}
			if !cmd.Flags().Changed("seed") {
				seed = a.Config.Simulation.Seed
			}
			if err := a.ReplaceChip(cmd.Context(), seed); err != nil {
				return err
			}
			file := a.Config.Simulation.Chip
			if a.json {
				return a.writeJSON(map[string]any{"seed": seed, "file": file})
			}
			_, err := fmt.Fprintf(a.out, "pristine chip with seed %d in %s\n", seed, file)
			return err
		},
	}
	fresh.Flags().Uint64Var(&seed, "seed", 1, "seed of the new chip")
	c.AddCommand(fresh)
	return c
}

// loadSimulated refuses to act on the simulation when hardware is configured.
func (a *app) loadSimulated() error {
	if err := a.load(); err != nil {
		return err
	}
	return a.RefuseHardware()
}

func (a *app) showChip(name string) error {
	t, err := a.ChipTruth(name)
	if err != nil {
		return err
	}
	if a.json {
		return a.writeJSON(t)
	}
	g := grid{title: "array " + t.Array + ", true conductance at 0.1 V", unit: "µS", scale: 1e6, rows: t.Rows,
		cols: t.Cols, values: t.Conductance, marks: make(map[[2]int]string)}
	for _, cell := range t.Unformable {
		g.marks[cell] = "x"
	}
	for _, cell := range t.Destroyed {
		g.marks[cell] = "#"
	}
	if err := g.print(a.page()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, `
chip with seed %d in %s, bench time %.1f s
%d pristine, %d formed, %d stuck, %d destroyed (#); made as %d unformable (x) and %d pre-formed
stress so far: at most %.3g V and %.3g A through a device, %d intervals
`, t.Seed, t.File, t.BenchTime, len(t.Pristine), len(t.Formed), len(t.Stuck), len(t.Destroyed), len(t.Unformable),
		len(t.Preformed), t.Ledger.MaxAbsV, t.Ledger.MaxAbsI, t.Ledger.Pulses)
	return err
}

func (a *app) simSolveCommand() *cobra.Command {
	var t procedure.TableFlags
	c := &cobra.Command{
		Use:   "solve CASE.json",
		Short: "Solve one crossbar given as JSON",
		Long: `Reads {"g_file":"G.csv","r_word_segment_ohm":2,"r_bit_segment_ohm":2,
"r_row_driver_ohm":0,"r_col_sense_ohm":0,"device":{"model":"linear"},
"row_terminal_volts":[...],"col_terminal_volts":[...]} and prints the line
currents and the voltage across every device. Conductances are in siemens, a
table with one line per word line; device models are linear, {"model":"sinh","v0":0.25}
for I = G v0 sinh(v/v0) and {"model":"cubic","vc":0.6} for I = G v (1+(v/vc)^2);
null volts make a line float.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			o, err := t.Options("")
			if err != nil {
				return run.Usage(err)
			}
			result, err := lab.SolveCrossbar(args[0], o)
			if err != nil {
				return err
			}
			return json.NewEncoder(a.data()).Encode(result)
		},
	}
	t.Register(c.Flags())
	return c
}

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"xlab/input"
	"xlab/lab/config"
	"xlab/lab/procedure"
	"xlab/lab/sim"
	"xlab/mock/chip"
	"xlab/mock/crossbar"
	"xlab/mock/device"
	"xlab/run"

	"github.com/spf13/cobra"
)

func (a *app) simCommand() *cobra.Command {
	c := &cobra.Command{Use: "sim", Short: "The simulated bench: its chip, its servers, its solver"}
	c.AddCommand(a.simChipCommand(), a.simServeCommand(), a.simSolveCommand(), a.simTransientCommand(),
		a.simEvaluateCommand())
	return c
}

// chipTruth is what `xlab sim chip --json` prints: what the simulated chip
// really is, of one array.
type chipTruth struct {
	File  string `json:"file"`
	Array string `json:"array"`
	device.Truth
	Seed      uint64       `json:"seed"` // the chip's
	BenchTime float64      `json:"bench_time_s"`
	Ledger    ledgerTotals `json:"ledger"`
}

// ledgerTotals sums the stress that the devices of an array have really seen.
type ledgerTotals struct {
	MaxAbsV float64 `json:"max_abs_v"` // V across any device
	MaxAbsI float64 `json:"max_abs_i"` // A through any device
	Pulses  uint64  `json:"pulses"`    // intervals above the ledger's floor, of all devices
}

func (a *app) simChipCommand() *cobra.Command {
	var name string
	c := &cobra.Command{
		Use:   "chip",
		Short: "Show what the simulated chip really is",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if _, err := a.simulatedConfig(); err != nil {
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
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			c, err := a.simulatedConfig()
			if err != nil {
				return err
			}
			held, err := a.LockBench(cmd.Context(), "replacing the chip")
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, held.Release()) }()
			if !cmd.Flags().Changed("seed") {
				seed = c.Simulation.Seed
			}
			state, err := sim.NewChip(c, seed)
			if err != nil {
				return err
			}
			file, err := chip.Create(c.Simulation.Chip, state)
			if err != nil {
				return sim.KeepingError(err)
			}
			if err := file.Close(); err != nil {
				return sim.KeepingError(err)
			}
			if a.json {
				return a.writeJSON(map[string]any{"seed": seed, "file": c.Simulation.Chip})
			}
			_, err = fmt.Fprintf(a.out, "pristine chip with seed %d in %s\n", seed, c.Simulation.Chip)
			return err
		},
	}
	fresh.Flags().Uint64Var(&seed, "seed", 1, "seed of the new chip")
	c.AddCommand(fresh)
	return c
}

// simulatedConfig refuses to act on the simulation when hardware is configured.
func (a *app) simulatedConfig() (*config.Config, error) {
	c, err := a.load()
	if err != nil {
		return nil, err
	}
	if !c.Simulated() {
		return nil, run.Usage(fmt.Errorf("%s is %q: this bench is real and has no simulated chip",
			c.Place("analyzer.address"), c.Analyzer.Address))
	}
	return c, nil
}

func (a *app) showChip(name string) error {
	b, err := a.Config.Board(name)
	if err != nil {
		return err
	}
	name = b.Name
	state, err := chip.Load(a.Config.Simulation.Chip)
	if errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(a.Messages, "there is no chip in %s yet: showing the one that the first command will make\n", a.Config.Simulation.Chip)
		state, err = sim.NewChip(a.Config, a.Config.Simulation.Seed)
	}
	if err != nil {
		return run.Usage(err)
	}
	devices := state.Arrays[name]
	if devices == nil {
		return run.Usage(fmt.Errorf("the simulated chip %s has no array %s; `xlab sim chip new` makes one that fits the "+
			"wiring maps", a.Config.Simulation.Chip, name))
	}
	t := chipTruth{File: a.Config.Simulation.Chip, Array: name, Truth: devices.Truth(), Seed: state.Seed, BenchTime: state.Time}
	for _, entry := range devices.Ledger() {
		t.Ledger.MaxAbsV = math.Max(t.Ledger.MaxAbsV, entry.MaxAbsV)
		t.Ledger.MaxAbsI = math.Max(t.Ledger.MaxAbsI, entry.MaxAbsI)
		t.Ledger.Pulses += uint64(entry.Pulses)
	}
	if a.json {
		return a.writeJSON(t)
	}
	g := grid{title: "array " + name + ", true conductance at 0.1 V", unit: "µS", scale: 1e6, rows: t.Rows, cols: t.Cols,
		values: t.Conductance, marks: make(map[[2]int]string)}
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
`, t.Seed, t.File, t.BenchTime, len(t.Pristine), len(t.Formed), len(t.Stuck), len(t.Destroyed), len(t.Unformable), len(t.Preformed),
		t.Ledger.MaxAbsV, t.Ledger.MaxAbsI, t.Ledger.Pulses)
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
		RunE: func(_ *cobra.Command, args []string) (err error) {
			o, err := t.Options("")
			if err != nil {
				return run.Usage(err)
			}
			text, err := input.ReadText(args[0])
			if err != nil {
				return run.Usage(err)
			}
			result, err := crossbar.SolveCase(bytes.NewReader(text), filepath.Dir(args[0]), o)
			if err != nil {
				return run.Usage(fmt.Errorf("%s: %w", args[0], err))
			}
			return json.NewEncoder(a.data()).Encode(result)
		},
	}
	t.Register(c.Flags())
	return c
}

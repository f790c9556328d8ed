package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"xlab/run"
)

func (a *app) simEvaluateCommand() *cobra.Command {
	var count, compared int
	var seed uint64
	var network string
	c := &cobra.Command{
		Use:   "evaluate",
		Short: "Classify very many patterns with the network in the simulated chip",
		Long: `Classifies random patterns with the letter network in the simulated chip by the
fast evaluation path (transfer matrices with line resistance, corrected for the
devices' curvature), on one core, and compares some of them with the full nodal
solution of both arrays. Neurons are ideal: no offset, no noise. Arrays that decide
otherwise than the network in software are warned of. The chip's file is not changed.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if count < 1 || compared < 0 {
				return run.Usage(fmt.Errorf("--patterns %d and --compare %d: give at least one pattern", count, compared))
			}
			if err := a.loadSimulated(); err != nil {
				return err
			}
			r, err := a.EvaluateNetwork(network, count, compared, seed)
			if err != nil {
				return err
			}
			if a.json {
				return a.writeJSON(r)
			}
			_, err = fmt.Fprintf(a.out, "%d random patterns in %.3g s: %.2g million a second on one core\n"+
				"%d of them beside the full solution: worst output %.4f %% of full scale (±%.0f V) away, rms %.4f %%\n"+
				"letters: %.2f %% of the training set, %.2f %% of the test set\n",
				r.Patterns, r.Seconds, r.Rate/1e6, r.Compared, 100*r.Worst, r.Scale, 100*r.RMS, r.Train, r.Test)
			return errors.Join(err, a.printHeld(r.Network, r.Warnings))
		},
	}
	f := c.Flags()
	f.IntVarP(&count, "patterns", "n", 1_000_000, "random patterns to classify")
	f.IntVar(&compared, "compare", 500, "how many of them to compare with the full solution")
	f.StringVar(&network, "network", "", "network that the arrays should hold: a file, "+
		"or a run that has one (default: of the newest run)")
	f.Uint64Var(&seed, "seed", 1, "of the patterns")
	return c
}

func (a *app) simTransientCommand() *cobra.Command {
	var from, to int
	var output, network string
	var duration, step float64
	c := &cobra.Command{
		Use:   "transient",
		Short: "Follow the simulated neurons after the inputs change",
		Long: `Applies one training letter to the network in the simulated chip's arrays, then
another one, and follows the outputs of all neurons from the moment the input
switches change, with the amplifiers' bandwidth and slew rate. The propagation
delay is the time after which every output stays within a step of the board's
converter (20.48 V / 65536) of its final value. The chip's file is not changed.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := a.loadSimulated(); err != nil {
				return err
			}
			r, err := a.FollowNetwork(network, from, to, step*1e-9, duration*1e-6)
			if err != nil {
				return err
			}
			if output != "" {
				drawing, err := r.Figure().Draw()
				if err != nil {
					return err
				}
				if err := writeDrawing(drawing, output); err != nil {
					return err
				}
			}
			if a.json {
				return a.writeJSON(r)
			}
			last := r.Outputs[len(r.Outputs)-1]
			var b strings.Builder
			for j, class := range r.Classes {
				fmt.Fprintf(&b, "  %s %+.3f V to %+.3f V\n", class, r.Outputs[0][j], last[j])
			}
			_, err = fmt.Fprintf(a.out, "from a pattern of %s to one of %s:\n%spropagation delay %.2f µs, until all outputs "+
				"stay within %.2f mV; hidden neurons %.2f µs\n",
				r.From, r.To, b.String(), r.Delay*1e6, r.Within*1e3, r.Hidden*1e6)
			err = errors.Join(err, a.printHeld(r.Network, r.Warnings))
			if err == nil && output != "" {
				_, err = fmt.Fprintln(a.out, filepath.Clean(output))
			}
			return err
		},
	}
	f := c.Flags()
	f.IntVar(&from, "from", 0, "training pattern before, from 0")
	f.IntVar(&to, "to", 30, "training pattern after")
	f.Float64Var(&step, "step", 20, "time between two points in ns")
	f.Float64Var(&duration, "duration", 6, "time followed in µs")
	f.StringVar(&network, "network", "", "network that the arrays should hold: a file, "+
		"or a run that has one (default: of the newest run)")
	f.StringVarP(&output, "output", "o", "", "draw the outputs into this .svg, .png or .pdf file")
	return c
}

// printHeld says on a terminal which network was looked for in the arrays.
func (a *app) printHeld(network string, warnings []string) error {
	for _, text := range warnings {
		fmt.Fprintln(a.Messages, "warning: "+text)
	}
	if network == "" {
		return nil
	}
	_, err := fmt.Fprintln(a.out, "network "+network)
	return err
}

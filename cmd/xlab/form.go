package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"xlab/forming"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/lab/config"
	"xlab/lab/procedure"
	"xlab/run"
	"xlab/run/screen"

	"github.com/spf13/cobra"
)

// formResult is what `xlab form --json` prints.
type formResult struct {
	Devices   int          `json:"devices"`
	Formed    int          `json:"formed"`
	Preformed int          `json:"preformed"`
	Defective []array.Cell `json:"defective"`
	Untried   int          `json:"untried"`
	procedure.Figures
}

func (a *app) formCommand() *cobra.Command {
	var name, devices string
	var dryRun bool
	c := &cobra.Command{
		Use:   "form",
		Short: "Electroform the devices of an array",
		Long: `Electroforms devices one after the other by the published procedure, resets
each at once, and writes a defect map that later steps read. A device that did not
form while the source of other lines was at its compliance stays untried, and the
run ends with 8; what these sources will have to give is estimated beforehand.

The parameters (istart, imin, imax, istep, vmax, amin, vreset, rth, ...) are
keys of the section "forming" in bench.yaml; --set forming.amin=20 overrides
one. See hwdocs/forming.md.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.load()
			if err != nil {
				return err
			}
			spec := c.Forming
			w, err := c.Wiring(name)
			if err != nil {
				return err
			}
			if devices != "" {
				if spec.Devices, err = array.ParseCells(devices, w.Rows, w.Cols); err != nil {
					return run.Usage(fmt.Errorf("--devices: %w", err))
				}
			}
			if err := spec.Validate(w.Rows, w.Cols); err != nil {
				return run.Usage(err)
			}
			// What is beyond the limits is refused here, before anything is opened.
			formed, err := procedure.FormedBefore(at(c), name, w)
			if err != nil {
				return err
			}
			estimate, err := spec.Estimate(w.Rows, w.Cols,
				func(steps ...array.Step) (instrument.Seconds, error) { return a.Cost(w, array.Cell{}, steps...) })
			if err != nil {
				return err
			}
			if estimate.Load, err = spec.Load(w.Rows, w.Cols, c.Tuning.Lines, formed); err != nil {
				return err
			}
			switch {
			case dryRun && a.json:
				return a.writeJSON(estimate)
			case dryRun:
				return estimate.Print(a.out)
			}
			return a.perform(cmd.Context(), a.formJob(c, name, spec))
		},
	}
	c.Flags().StringVarP(&name, "array", "a", "A", "array to form")
	c.Flags().StringVarP(&devices, "devices", "d", "", `devices, such as "r3c7, r0-4c2, r5c*" (default: all)`)
	c.Flags().BoolVar(&dryRun, "dry-run", false, "print what would be done and what it costs, and touch nothing")
	return c
}

// formJob is the work of `xlab form`.
func (a *app) formJob(c *config.Config, name string, spec forming.Spec) job {
	var outcome *forming.Outcome
	var result formResult
	j := job{command: "form", arrays: []string{name}, spec: spec}
	j.work = func(ctx context.Context, r procedure.Bench) (err error) {
		outcome, err = forming.Run(ctx, r.Crossbar(name), r.Header().Array, spec, forming.Options{Observe: func(e forming.Event) {
			note := fmt.Sprintf("%s %s", e.Record.Cell, e.Record.State)
			if e.Round > 1 {
				note = "second round, " + note
			}
			r.Publish(run.Event{Kind: "device", Done: e.Done, Total: e.Total, Note: note, Ahead: e.Ahead})
		}})
		if outcome != nil {
			outcome.Defects.Run, outcome.Defects.Chip = r.Header().ID, r.Header().Chip
		}
		return err
	}
	j.summarise = func(r procedure.Bench, f procedure.Figures) any {
		result = formResult{Figures: f, Defective: []array.Cell{}}
		if outcome == nil {
			return result
		}
		result.Devices, result.Defective = len(outcome.Records), outcome.Defects.Cells(array.StateDefective)
		result.Formed, result.Preformed = outcome.Count(array.StateFormed), outcome.Count(array.StatePreformed)
		result.Untried = outcome.Count(array.StateUntried)
		return result
	}
	j.files = func(r procedure.Bench) error {
		if outcome == nil {
			return nil
		}
		if err := r.Write(procedure.DefectsFile, outcome.Defects.Write); err != nil {
			return err
		}
		return errors.Join(r.Write("devices.csv", outcome.WriteCSV), r.Draw(outcome.Figures(spec)...))
	}
	j.show = func(err error) error {
		if outcome == nil || err != nil && result.Untried == result.Devices && !a.json {
			return nil // nothing to show
		}
		return a.printFormed(outcome, result)
	}
	return j
}

func (a *app) rebuildForm(c *config.Config, h *run.Header) (procedure.Job, error) {
	spec, err := procedure.SpecOf[forming.Spec](h)
	return a.formJob(c, h.Array, spec), err
}

func (a *app) printFormed(o *forming.Outcome, result formResult) error {
	if a.json {
		return a.writeJSON(result)
	}
	g := grid{title: "conductance at the check voltage after forming", unit: "µS", scale: 1e6, rows: o.Defects.Rows,
		cols: o.Defects.Cols, marks: make(map[[2]int]string)}
	for _, d := range o.Defects.Devices {
		g.values = append(g.values, float64(d.Conductance))
		switch d.State {
		case array.StateDefective:
			g.marks[[2]int{d.Cell.Row, d.Cell.Col}] = "x"
		case array.StateUntried:
			g.marks[[2]int{d.Cell.Row, d.Cell.Col}] = "."
		}
	}
	if err := g.print(a.page()); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "\n%s: %d formed, %d pre-formed, %d defective (x)", screen.Count(result.Devices, "device"), result.Formed,
		result.Preformed, len(result.Defective))
	if result.Untried > 0 {
		fmt.Fprintf(a.out, ", %d not tried (.)", result.Untried)
	}
	fmt.Fprintln(a.out)
	for _, d := range o.Records {
		if d.State == array.StateDefective || len(d.Limited) > 0 {
			fmt.Fprintf(a.out, "  %-7s %s\n", d.Cell, d.Reason)
		}
	}
	fmt.Fprint(a.out, result.OverheadLine())
	_, err := fmt.Fprintf(a.out, "run %s\n", filepath.Join(a.Config.Runs, result.Run))
	return err
}

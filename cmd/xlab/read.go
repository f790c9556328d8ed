package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/lab/config"
	"xlab/lab/procedure"
	"xlab/run"
	"xlab/run/figure"
	"xlab/run/screen"

	"github.com/spf13/cobra"
)

// readResult is what `xlab read --json` prints. Conductance has one row per
// array row; null where a device was not read or its reading is not valid.
type readResult struct {
	Array       string           `json:"array"`
	Rows        int              `json:"rows"`
	Cols        int              `json:"cols"`
	Voltage     instrument.Volts `json:"voltage"`
	Conductance [][]*float64     `json:"conductance_s"`
	Flagged     []flagged        `json:"flagged"` // readings that are not plain measurements
	procedure.Figures
}

// flagged is a reading with a status.
type flagged struct {
	Cell   array.Cell `json:"cell"`
	Status string     `json:"status"`
}

func (a *app) readCommand() *cobra.Command {
	var name, devices, format string
	var voltage instrument.Volts
	c := &cobra.Command{
		Use:   "read",
		Short: "Read the conductance map of an array",
		Long: `Reads devices at a small voltage with all other lines at ground. A terminal
gets a coloured grid, anything else CSV in siemens: a heading, and one line per row.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.load()
			if err != nil {
				return err
			}
			w, err := c.Wiring(name)
			if err != nil {
				return err
			}
			cells, err := array.ParseCells(devices, w.Rows, w.Cols)
			if err != nil {
				return run.Usage(fmt.Errorf("--devices: %w", err))
			}
			if format != "" && format != "grid" && format != "csv" && format != "json" {
				return run.Usage(fmt.Errorf("--format %q is none of grid, csv, json", format))
			}
			if a.json && format != "" && format != "json" {
				return run.Usage(fmt.Errorf("--json and --format %s contradict each other", format))
			}
			if cmd.Flags().Changed("voltage") {
				c.Read.Voltage = voltage
			}
			if v := c.Read.Voltage; v == 0 || v < -array.ReadLimit || v > array.ReadLimit {
				return run.Usage(fmt.Errorf("a read at %v is refused: use a voltage other than 0 and within ±%v, which "+
					"disturbs no device; `xlab iv` measures at larger ones", c.Read.Voltage, array.ReadLimit))
			}
			// What is beyond the limits is refused here, before anything is opened.
			if _, err := a.CostAt(w, cells[0], c.Read.Step()); err != nil {
				return err
			}
			return a.perform(cmd.Context(), a.readJob(name, readSpec{cells, c.Read.Step(), format}))
		},
	}
	c.Flags().StringVarP(&name, "array", "a", "A", "array to read")
	c.Flags().StringVarP(&devices, "devices", "d", "", `devices, such as "r3c7, r0-4c2, r5c*" (default: all)`)
	c.Flags().StringVar(&format, "format", "", "grid, csv or json (default: grid in a terminal, csv elsewhere)")
	c.Flags().Var(&voltage, "voltage", "read voltage (default: read.voltage of the configuration)")
	return c
}

// readSpec is what `xlab read` depends on.
type readSpec struct {
	Devices []array.Cell `json:"devices"`
	Read    array.Read   `json:"read"`
	Format  string       `json:"format,omitempty"`
}

// readJob is the work of `xlab read`.
func (a *app) readJob(name string, spec readSpec) job {
	var g grid
	result := readResult{Flagged: []flagged{}}
	j := job{command: "read", arrays: []string{name}, spec: spec}
	j.work = func(ctx context.Context, r procedure.Bench) error {
		bar := r.Crossbar(name)
		result.Rows, result.Cols = bar.Size()
		g = grid{title: "conductance at " + spec.Read.Voltage.String(), unit: "µS", scale: 1e6, rows: result.Rows,
			cols: result.Cols, values: make([]float64, result.Rows*result.Cols)}
		for i := range g.values {
			g.values[i] = math.NaN()
		}
		for i, cell := range spec.Devices {
			if err := run.CheckStop(ctx); err != nil {
				return err
			}
			results, err := bar.Do(ctx, cell, spec.Read)
			if err != nil {
				return err
			}
			status := statusText(results[0].Status)
			if len(results[0].Limited) > 0 {
				status = array.Unheld(results[0].Limited, "read.compliance")
			}
			if status != "" {
				result.Flagged = append(result.Flagged, flagged{cell, status})
			}
			if results[0].Valid() {
				g.values[cell.Row*g.cols+cell.Col] = float64(results[0].Conductance())
			}
			r.Publish(run.Event{Kind: "device", Done: i + 1, Total: len(spec.Devices)})
		}
		if n := len(result.Flagged); n > 0 {
			return &run.Ended{Outcome: run.OutcomePartial, Err: fmt.Errorf("%d of %d readings are not plain measurements; "+
				"they are listed one by one", n, len(spec.Devices))}
		}
		return nil
	}
	j.summarise = func(r procedure.Bench, f procedure.Figures) any {
		result.Array, result.Voltage, result.Figures = r.Header().Array, spec.Read.Voltage, f
		return map[string]any{"devices": len(spec.Devices), "flagged": len(result.Flagged), "figures": f}
	}
	j.files = func(r procedure.Bench) error {
		if g.values == nil {
			return nil
		}
		status := figure.CellMark{Name: "no plain measurement", Symbol: "!"}
		for _, f := range result.Flagged {
			status.Cells = append(status.Cells, [2]int{f.Cell.Row, f.Cell.Col})
		}
		m := figure.Map{Title: "Array " + r.Header().Array, Rows: g.rows, Cols: g.cols, Values: g.values,
			Label: "conductance", Unit: "S", Scale: figure.Scale{Log: true}}
		caption := fmt.Sprintf("Conductance read at %v, all other lines at ground, lines included.", spec.Read.Voltage)
		if len(status.Cells) > 0 {
			m.Marks = []figure.CellMark{status}
			caption += fmt.Sprintf(" %s marked: the instrument reports a status with the reading.",
				screen.Count(len(status.Cells), "device"))
		}
		return errors.Join(r.Write("conductance.csv", g.csv),
			r.Draw(figure.Figure{Name: "conductance", Spec: m, Caption: caption}))
	}
	j.show = func(err error) error {
		if g.values == nil || err != nil && !slices.ContainsFunc(g.values, func(v float64) bool { return !math.IsNaN(v) }) {
			return nil // nothing to show
		}
		return a.printRead(&result, g, spec.Format)
	}
	return j
}

func (a *app) rebuildRead(_ *config.Config, h *run.Header) (procedure.Job, error) {
	s, err := procedure.SpecOf[readSpec](h)
	return a.readJob(h.Array, s), err
}

func (a *app) printRead(result *readResult, g grid, format string) (err error) {
	for r := range g.rows {
		line := make([]*float64, g.cols)
		for i := range line {
			if v := g.values[r*g.cols+i]; !math.IsNaN(v) {
				line[i] = &v
			}
		}
		result.Conductance = append(result.Conductance, line)
	}
	switch {
	case a.json || format == "json":
		err = a.writeJSON(result)
	case format == "grid" || format == "" && a.page().Terminal():
		err = g.print(a.page())
	default:
		err = g.csv(a.data())
	}
	for _, f := range result.Flagged {
		fmt.Fprintf(a.Messages, "%s: %s\n", f.Cell, f.Status)
	}
	return err
}

// statusText puts a reading's status in words; "" for a plain measurement.
func statusText(s instrument.Status) string {
	var words []string
	for _, flag := range []struct {
		bit  instrument.Status
		text string
	}{
		{instrument.StatusCompliance, "in compliance"},
		{instrument.StatusOtherCompliance, "another source is in compliance"},
		{instrument.StatusOverflow, "beyond the measuring range"},
		{instrument.StatusOscillating, "the source oscillates"},
		{instrument.StatusInvalid, "no value"},
	} {
		if s&flag.bit != 0 {
			words = append(words, flag.text)
		}
	}
	return strings.Join(words, ", ")
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/lab/config"
	"xlab/lab/procedure"
	"xlab/run"
	"xlab/run/figure"
	"xlab/run/keyfigure"
	"xlab/run/screen"
	"xlab/tuning/characterize"

	"github.com/spf13/cobra"
)

// characterizeResult is what `xlab characterize --json` prints.
type characterizeResult struct {
	Measurement string                   `json:"measurement"`
	Array       string                   `json:"array"`
	Comparison  []keyfigure.Comparison   `json:"comparison"`
	Notes       []string                 `json:"notes"` // what is missing, and why
	Files       []string                 `json:"files"` // in the run's directory
	Result      characterize.Measurement `json:"result"`
	procedure.Figures
}

// specification is what the specifications of all measurements have in common.
type specification interface {
	Validate(rows, cols int) error
	Estimate(rows, cols int, cost characterize.Costing) (*characterize.Estimate, error)
}

// measurements read the specifications of all measurements back, by name.
func (a *app) measurements() map[string]func(text []byte) (specification, error) {
	return map[string]func(text []byte) (specification, error){
		"thresholds":  decoded[characterize.ThresholdSpec],
		"iv":          decoded[characterize.IVSpec],
		"retention":   decoded[characterize.RetentionSpec],
		"endurance":   decoded[characterize.EnduranceSpec],
		"temperature": decoded[characterize.TemperatureSpec],
		"disturb":     decoded[characterize.DisturbSpec],
	}
}

func decoded[T specification](text []byte) (specification, error) {
	var spec T
	err := json.Unmarshal(text, &spec)
	return spec, err
}

// measure performs the measurement that a specification is of.
func (a *app) measure(ctx context.Context, r procedure.Bench, bar *array.Journaled, spec specification,
	o characterize.Options) (m characterize.Measurement, err error) {
	switch s := spec.(type) {
	case characterize.ThresholdSpec:
		return measured(characterize.MeasureThresholds(ctx, bar, s, o))
	case characterize.IVSpec:
		return measured(characterize.MeasureIV(ctx, bar, s, o))
	case characterize.RetentionSpec:
		return measured(characterize.MeasureRetention(ctx, bar, r.Clock(), r.Waiter(), s, o))
	case characterize.EnduranceSpec:
		return measured(characterize.MeasureEndurance(ctx, bar, s, o))
	case characterize.TemperatureSpec:
		thermostat, restore := r.Thermostat()
		defer func() { err = errors.Join(err, restore()) }()
		return measured(characterize.MeasureTemperature(ctx, bar, thermostat, s, o))
	case oneDevice:
		return measured(characterize.MeasureDisturb(ctx, bar, s.DisturbSpec, o))
	case characterize.DisturbSpec:
		return measured(characterize.MeasureDisturb(ctx, bar, s, o))
	}
	return nil, fmt.Errorf("there is no measurement for %T", spec)
}

func (a *app) characterizeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "characterize",
		Short: "Measure what the devices of a formed array are",
		Long: `Measures thresholds, current-voltage curves, retention, endurance, the influence
of temperature, or the disturb of neighbours. Every measurement is a journaled
run with its data as CSV and JSON, its figures as SVG, PNG and PDF, and a table of
published values beside the measured ones. hwdocs/characterize.md explains them.`,
	}
	c.AddCommand(a.thresholdsCommand(), a.curvesCommand(), a.retentionCommand(), a.enduranceCommand(),
		a.temperatureCommand(), a.disturbCommand())
	return c
}

// experiment makes the command of one measurement. Without --devices it takes
// sample devices spread over the array, or all for 0. choose completes the
// specification with the devices.
func (a *app) experiment(name, short, long string, sample int, conditions *characterize.Conditions,
	choose func(cells []array.Cell) specification) *cobra.Command {
	var on, devices, defectMap string
	var dryRun bool
	c := &cobra.Command{
		Use:   name,
		Short: short,
		Long:  long,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.load()
			if err != nil {
				return err
			}
			w, err := c.Wiring(on)
			if err != nil {
				return err
			}
			configure(cmd, c, conditions)
			defects, err := procedure.DefectsOf(at(c), on, defectMap)
			if err != nil {
				return err
			}
			if defects == nil && defectMap == "" {
				return procedure.Unformed([]string{w.Array}, "there is no defect map of array %s, so it is not known to be formed: run "+
					"`xlab form`, or use --defects none if it was formed elsewhere")
			}
			cells, err := array.ParseCells(devices, w.Rows, w.Cols)
			if err != nil {
				return run.Usage(fmt.Errorf("--devices: %w", err))
			}
			if devices == "" && sample > 0 {
				cells = spread(sample, w, defects)
			}
			spec := choose(cells)
			if err := spec.Validate(w.Rows, w.Cols); err != nil {
				return run.Usage(err)
			}
			// The cost is asked for before every run too: it refuses what is out
			// of limits before anything is stressed.
			estimate, err := spec.Estimate(w.Rows, w.Cols,
				func(steps ...array.Step) (instrument.Seconds, error) { return a.Cost(w, array.Cell{}, steps...) })
			switch {
			case err != nil:
				return err
			case dryRun && a.json:
				return a.writeJSON(estimate)
			case dryRun:
				return estimate.Print(a.out)
			}
			return a.perform(cmd.Context(), a.characterizeJob(c, name, on, spec, defects))
		},
	}
	f := c.Flags()
	f.StringVarP(&on, "array", "a", "A", "array to measure")
	which := "all"
	if sample > 0 {
		which = screen.Count(sample, "device")
		if sample > 1 {
			which += " spread over the array"
		}
	}
	f.StringVarP(&devices, "devices", "d", "", `devices, such as "r3c7, r0-4c2, r5c*" (default: `+which+")")
	f.BoolVar(&dryRun, "dry-run", false, "print what it costs at most, and touch nothing")
	f.StringVar(&defectMap, "defects", "", `defect map file, or "none" (default: of the newest forming of this array)`)
	f.Var(&conditions.Read, "read", "voltage of reads (default: read.voltage of the configuration)")
	f.Var(&conditions.Width, "width", "pulse width")
	f.Var(&conditions.SetScheme, "set-scheme", "other lines during positive pulses: v2, v3 or floating")
	f.Var(&conditions.ResetScheme, "reset-scheme", "other lines during negative pulses")
	f.Var(&conditions.SetMax, "set-max", "strongest positive pulse of all")
	f.Var(&conditions.ResetMax, "reset-max", "strongest negative pulse of all")
	return c
}

// configure takes what the configuration says about reads and lines. Where a
// measurement has a read voltage of its own, that remains.
func configure(cmd *cobra.Command, c *config.Config, conditions *characterize.Conditions) {
	conditions.Aperture, conditions.Settle, conditions.Compliance = c.Read.Aperture, c.Read.Settle, c.Read.Compliance
	if !cmd.Flags().Changed("read") && conditions.Read == characterize.DefaultConditions().Read {
		conditions.Read = c.Read.Voltage
	}
	conditions.Lines = c.Tuning.Lines
}

// spread chooses n usable devices evenly, none of them on the edge as far as
// the array has others.
func spread(n int, w *array.Wiring, defects *array.DefectMap) []array.Cell {
	var inner, edge []array.Cell
	for _, cell := range array.AllCells(w.Rows, w.Cols) {
		switch {
		case defects != nil && !defects.Usable(cell):
		case characterize.Edge(cell, w.Rows, w.Cols):
			edge = append(edge, cell)
		default:
			inner = append(inner, cell)
		}
	}
	if len(inner) < n {
		inner = append(inner, edge...)
	}
	if len(inner) <= n {
		return inner
	}
	cells := make([]array.Cell, n)
	for i := range cells {
		cells[i] = inner[(2*i+1)*len(inner)/(2*n)]
	}
	return cells
}

// measured is a measurement's result without the pitfall of a nil pointer in an
// interface.
func measured[T any, P interface {
	*T
	characterize.Measurement
}](m P, err error) (characterize.Measurement, error) {
	if m == nil {
		return nil, err
	}
	return m, err
}

// characterizeSpec is what a measurement depends on.
type characterizeSpec[T any] struct {
	Measurement string           `json:"measurement"`
	Spec        T                `json:"spec"`
	Defects     *array.DefectMap `json:"defects"`
}

// characterizeJob is the work of `xlab characterize`.
func (a *app) characterizeJob(c *config.Config, what, name string, spec specification, defects *array.DefectMap) job {
	result := characterizeResult{Measurement: what, Files: []string{}}
	j := job{command: "characterize-" + what, arrays: []string{name},
		spec: characterizeSpec[specification]{what, spec, defects}}
	j.work = func(ctx context.Context, r procedure.Bench) (err error) {
		result.Result, err = a.measure(ctx, r, r.Crossbar(name), spec, characterize.Options{Defects: defects,
			Observe: func(e characterize.Event) {
				r.Publish(run.Event{Kind: "device", Phase: e.Phase, Done: e.Done, Total: e.Total, Note: e.Note,
					Ahead: e.Ahead, Steps: e.Steps})
			}})
		if result.Result != nil {
			result.Comparison, result.Notes = result.Result.Comparison(), append([]string{}, result.Result.Notes()...)
		}
		return err
	}
	j.summarise = func(r procedure.Bench, f procedure.Figures) any {
		result.Array, result.Figures = r.Header().Array, f
		return struct {
			Measurement string                 `json:"measurement"`
			Comparison  []keyfigure.Comparison `json:"comparison"`
			Notes       []string               `json:"notes"`
			procedure.Figures
		}{what, result.Comparison, result.Notes, f}
	}
	j.files = func(r procedure.Bench) error { return result.write(r.Write, c.Figures) }
	j.show = func(_ error) error {
		if result.Result == nil {
			return nil
		}
		return a.printCharacterized(&result)
	}
	return j
}

func (a *app) rebuildCharacterize(c *config.Config, h *run.Header) (procedure.Job, error) {
	s, err := procedure.SpecOf[characterizeSpec[json.RawMessage]](h)
	if err != nil {
		return nil, err
	}
	decode := a.measurements()[s.Measurement]
	if decode == nil {
		return nil, run.Usage(fmt.Errorf("run %s is of a measurement %q that this program does not know", h.ID,
			s.Measurement))
	}
	spec, err := decode(s.Spec)
	if err != nil {
		return nil, run.Usage(fmt.Errorf("the specification of run %s cannot be understood: %w", h.ID, err))
	}
	return a.characterizeJob(c, s.Measurement, h.Array, spec, s.Defects), nil
}

// data writes what was measured as JSON.
func (c *characterizeResult) data(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(map[string]any{"measurement": c.Measurement, "comparison": c.Comparison, "notes": c.Notes,
		"result": c.Result})
}

// write puts data and figures into files, of the run's directory or another.
func (c *characterizeResult) write(to func(name string, write func(io.Writer) error) error, in figure.Formats) error {
	if c.Result == nil {
		return nil
	}
	put := func(name string, write func(io.Writer) error) error {
		err := to(name, write)
		if err == nil {
			c.Files = append(c.Files, name)
		}
		return err
	}
	errs := []error{
		put(c.Measurement+".csv", c.Result.WriteCSV),
		put(c.Measurement+".json", c.data),
	}
	names, err := figure.WriteFiles(to, in, c.Result.Figures()...)
	c.Files = append(c.Files, names...)
	return errors.Join(append(errs, err)...)
}

func (a *app) printCharacterized(result *characterizeResult) error {
	if a.json {
		return a.writeJSON(result)
	}
	if err := a.printComparison(result); err != nil {
		return err
	}
	fmt.Fprint(a.out, result.OverheadLine())
	_, err := fmt.Fprintf(a.out, "run %s: %s\n", filepath.Join(a.Config.Runs, result.Run), strings.Join(result.Files, ", "))
	return err
}

func (a *app) printComparison(result *characterizeResult) error {
	t := screen.NewTable(a.out, screen.Left)
	fmt.Fprintln(t, "\tmeasured\tpublished\t")
	for _, line := range result.Comparison {
		published := line.Published
		if published == "" {
			published = "-"
		}
		if line.Source != "" {
			published += " (" + line.Source + ")"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t\n", line.What, line.Measured, published)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(a.out)
	for _, note := range result.Notes {
		fmt.Fprintln(a.out, note)
	}
	return nil
}

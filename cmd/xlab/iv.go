package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/lab/config"
	"xlab/lab/procedure"
	"xlab/run"
	"xlab/run/figure"

	"github.com/spf13/cobra"
)

// ivResult is what `xlab iv --json` prints.
type ivResult struct {
	Array  string        `json:"array"`
	Cell   array.Cell    `json:"cell"`
	Levels []array.Level `json:"levels"` // v in V across the selected lines, i in A out of the column
	Status string        `json:"status,omitempty"`
	procedure.Figures
}

func (a *app) ivCommand() *cobra.Command {
	var name, device string
	var oneWay bool
	sweep := array.Sweep{Kind: instrument.SweepVoltage, StopAtCompliance: true}
	start, stop, compliance := instrument.Volts(0), instrument.Volts(0.2), instrument.Amps(0)
	delay, aperture := instrument.Seconds(1e-3), instrument.Seconds(10e-3)
	c := &cobra.Command{
		Use:   "iv",
		Short: "Measure current against voltage on one device",
		Long: `Sweeps a staircase of voltage across one device and prints the current, as CSV
or JSON. Beyond about 0.5 V this changes the device; the sweep is journaled
like every other stress.

The row's source carries the current of all devices on the row, which row_A
gives; current_A is the column's. A sweep that ends at a compliance ends with 8.

Up to 400 mV the other lines are grounded and the column's current is the device's own.
Beyond, they follow the sweep at the shares of the scheme v3 so that nothing
else is disturbed, and the current holds what those of the other devices on the
column that are switched on add to it.`,
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
			if device == "" {
				return run.Usage(errors.New("--device names the device to measure, such as r3c7"))
			}
			cells, err := array.ParseCells(device, w.Rows, w.Cols)
			if err != nil {
				return run.Usage(fmt.Errorf("--device: %w", err))
			}
			if len(cells) != 1 {
				return run.Usage(fmt.Errorf("--device must name one device, such as r3c7"))
			}
			sweep.Start, sweep.Stop, sweep.TwoWay = float64(start), float64(stop), !oneWay
			sweep.Delay, sweep.Aperture = delay, aperture
			if sweep.Scheme == "" {
				sweep.Scheme = array.Grounded
				if math.Max(math.Abs(sweep.Start), math.Abs(sweep.Stop)) > float64(array.ReadLimit) {
					sweep.Scheme = array.ThirdVoltage
				}
			}
			rest := compliance
			if !cmd.Flags().Changed("compliance") {
				compliance, rest = c.Tuning.Lines.Compliance(w.Rows, w.Cols, fullyOn, sweep.Scheme,
					instrument.Volts(math.Max(math.Abs(sweep.Start), math.Abs(sweep.Stop))))
				compliance, rest = min(max(compliance, leastCompliance), c.Limits.MaxCurrent),
					min(max(rest, leastCompliance), c.Limits.MaxCurrent)
			}
			if sweep.Scheme != array.Grounded {
				// Half-selected devices add to the current of the column.
				rest = max(rest, c.Read.Compliance)
			}
			sweep.Compliance, sweep.Return = float64(compliance), rest
			// What is beyond the limits is refused here, before anything is opened.
			if _, err := a.Cost(w, cells[0], sweep); err != nil {
				return err
			}
			return a.perform(cmd.Context(), a.ivJob(name, cells[0], sweep))
		},
	}
	f := c.Flags()
	f.StringVarP(&name, "array", "a", "A", "array")
	f.StringVarP(&device, "device", "d", "", "device, such as r3c7")
	f.Var(&start, "start", "first voltage, row minus column")
	f.Var(&stop, "stop", "last voltage")
	f.IntVar(&sweep.Steps, "steps", 41, "number of levels one way")
	f.BoolVar(&oneWay, "one-way", false, "do not come back to the first voltage")
	f.Var(&compliance, "compliance", "current compliance of the row, which carries all its devices; "+
		"the sweep ends where it is reached (default: what a row of devices of 100 uS needs at the sweep's voltage)")
	f.Var(&sweep.Scheme, "scheme", "other lines: v2, v3, floating or grounded (default: see above)")
	f.Var(&delay, "delay", "time at a level before it is measured")
	f.Var(&aperture, "aperture", "integration time at a level")
	return c
}

// fullyOn is the conductance of devices that an array is expected to be tuned to at
// most, leastCompliance what a single device may take at least: where no compliance
// is asked for, it is found by these.
const (
	fullyOn         instrument.Siemens = 100e-6
	leastCompliance instrument.Amps    = 300e-6
)

// ivSpec is what `xlab iv` depends on.
type ivSpec struct {
	Device array.Cell  `json:"device"`
	Sweep  array.Sweep `json:"sweep"`
}

// ivJob is the work of `xlab iv`.
func (a *app) ivJob(name string, cell array.Cell, sweep array.Sweep) job {
	result := ivResult{Cell: cell, Levels: []array.Level{}}
	j := job{command: "iv", arrays: []string{name}, spec: ivSpec{cell, sweep}}
	j.work = func(ctx context.Context, r procedure.Bench) error {
		results, err := r.Crossbar(name).Do(ctx, cell, sweep)
		if err != nil {
			return err
		}
		for i := range results[0].Levels {
			results[0].Levels[i].Current += 0 // -0 is 0
		}
		result.Levels, result.Status = results[0].Levels, procedure.StatusText(results[0].Status)
		if results[0].InCompliance() && sweep.StopAtCompliance {
			result.Status = fmt.Sprintf("ended at the compliance of %v", instrument.Amps(sweep.Compliance))
		}
		if list := results[0].Limited; len(list) > 0 {
			result.Status = result.cut(sweep, list)
			return &run.Ended{Outcome: run.OutcomePartial, Err: fmt.Errorf("%s: the sweep %s", cell, result.Status)}
		}
		return nil
	}
	j.summarise = func(r procedure.Bench, f procedure.Figures) any {
		result.Array, result.Figures = r.Header().Array, f
		return map[string]any{"device": cell.String(), "levels": len(result.Levels), "status": result.Status, "figures": f}
	}
	j.files = func(r procedure.Bench) error {
		return errors.Join(r.Write("iv.csv", result.csv), r.Draw(result.curve(sweep)))
	}
	j.show = func(err error) error {
		switch {
		case err != nil && len(result.Levels) == 0:
			return nil
		case a.json:
			return a.writeJSON(result)
		}
		if result.Status != "" && err == nil { // else it is the error
			fmt.Fprintf(a.Messages, "%s: %s\n", cell, result.Status)
		}
		return result.csv(a.data())
	}
	return j
}

// cut says where a sweep ended and why, and what is carried there.
func (r *ivResult) cut(sweep array.Sweep, limited []array.Limited) string {
	last := array.Result{Levels: r.Levels}.Last()
	text := fmt.Sprintf("ended at %v of %v", last.Voltage, instrument.Volts(sweep.Stop))
	if sweep.TwoWay && len(r.Levels) <= sweep.Steps {
		text += ", with no way back"
	}
	return text + fmt.Sprintf(": the row carried %v there and the column %v; %s", last.Row, last.Current,
		array.Unheld(limited, "--compliance"))
}

func (a *app) rebuildIV(_ *config.Config, h *run.Header) (procedure.Job, error) {
	s, err := procedure.SpecOf[ivSpec](h)
	return a.ivJob(h.Array, s.Device, s.Sweep), err
}

// curve is the figure of the sweep.
func (r *ivResult) curve(sweep array.Sweep) figure.Figure {
	s := figure.Series{Name: r.Cell.String(), Markers: len(r.Levels) <= 100}
	for _, l := range r.Levels {
		s.X, s.Y = append(s.X, float64(l.Voltage)), append(s.Y, float64(l.Current))
	}
	caption := fmt.Sprintf("Current of %s against the voltage across its lines, which have a part of it. ", r.Cell)
	if sweep.Scheme == array.Grounded {
		caption += "The other lines are at ground."
	} else {
		caption += fmt.Sprintf("The other lines follow by the scheme %s: the current holds what half-selected devices of "+
			"the column add.", sweep.Scheme)
	}
	if r.Status != "" {
		caption += " The sweep " + r.Status + "."
	}
	return figure.Figure{Name: "iv", Caption: caption,
		Spec: figure.Lines{Title: "Current against voltage", Subtitle: fmt.Sprintf("device %s of array %s", r.Cell, r.Array),
			X: figure.Axis{Label: "voltage, row minus column", Unit: "V"}, Y: figure.Axis{Label: "current", Unit: "A"},
			Series: []figure.Series{s}}}
}

func (r *ivResult) csv(w io.Writer) error {
	c := csv.NewWriter(w)
	number := instrument.Decimal
	lines := [][]string{{"voltage_V", "current_A", "row_A"}}
	for _, l := range r.Levels {
		lines = append(lines, []string{number(float64(l.Voltage)), number(float64(l.Current)), number(float64(l.Row))})
	}
	return c.WriteAll(lines)
}

package procedure

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/spf13/pflag"

	"xlab/figure"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run"
)

// Sweeping is the job of `xlab iv`.
type Sweeping struct {
	Result SweepResult

	array string
	spec  ivSpec
}

// SweepResult is the curve of a device.
type SweepResult struct {
	Array  string        `json:"array"`
	Cell   array.Cell    `json:"cell"`
	Levels []array.Level `json:"levels"` // v in V across the selected lines, i in A out of the column
	Status string        `json:"status,omitempty"`
	Figures
}

// ivSpec is what `xlab iv` depends on.
type ivSpec struct {
	Device array.Cell  `json:"device"`
	Sweep  array.Sweep `json:"sweep"`
}

func iv() Procedure {
	return Procedure{
		Name:  "iv",
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
		Flags: func(f *pflag.FlagSet) Parse {
			sweep := array.Sweep{Kind: instrument.SweepVoltage, StopAtCompliance: true}
			start, stop, compliance := instrument.Volts(0), instrument.Volts(0.2), instrument.Amps(0)
			delay, aperture := levelDelay, levelAperture
			name := f.StringP("array", "a", "A", "array")
			device := f.StringP("device", "d", "", "device, such as r3c7")
			f.Var(&start, "start", "first voltage, row minus column")
			f.Var(&stop, "stop", "last voltage")
			f.IntVar(&sweep.Steps, "steps", 41, "number of levels one way")
			oneWay := f.Bool("one-way", false, "end at the last voltage, without the way back to the first")
			f.Var(&compliance, "compliance", "current compliance of the row, which carries all its devices; "+
				"the sweep ends where it is reached (default: what a row of devices of 100 uS needs at the sweep's voltage)")
			f.Var(&sweep.Scheme, "scheme", "other lines: v2, v3, floating or grounded (default: see above)")
			f.Var(&delay, "delay", "time at a level before it is measured")
			f.Var(&aperture, "aperture", "integration time at a level")
			return func(_ context.Context, l Lab) (*Request, error) {
				w, err := l.Wiring(*name)
				if err != nil {
					return nil, err
				}
				cell, err := deviceOf(*device, w)
				if err != nil {
					return nil, err
				}
				sweep.Start, sweep.Stop, sweep.TwoWay = float64(start), float64(stop), !*oneWay
				sweep.Delay, sweep.Aperture = delay, aperture
				largest := instrument.Volts(math.Max(math.Abs(sweep.Start), math.Abs(sweep.Stop)))
				if sweep.Scheme == "" {
					sweep.Scheme = array.Grounded
					if largest > array.ReadLimit {
						sweep.Scheme = array.ThirdVoltage
					}
					standIn(l, w, "--scheme", false, &sweep.Scheme)
				}
				rest := compliance
				if !f.Changed("compliance") {
					most := l.Limits().MaxCurrent
					p := l.Settings().Profile
					leastCompliance := p.Measure.LeastCompliance
					compliance, rest = l.Settings().Tuning.Lines.Compliance(&p.Conduction, w.Rows, w.Cols, p.Conductance.High,
						sweep.Scheme, largest)
					compliance, rest = min(max(compliance, leastCompliance), most), min(max(rest, leastCompliance), most)
				}
				if sweep.Scheme != array.Grounded {
					// Half-selected devices add to the current of the column.
					rest = max(rest, l.Settings().Read.Compliance)
				}
				sweep.Compliance, sweep.Return = float64(compliance), rest
				j, err := Sweep(l, *name, cell, sweep)
				if err != nil {
					return nil, err
				}
				return &Request{Job: j}, nil
			}
		},
		Rebuild: func(_ Lab, h *run.Header) (Job, error) {
			spec, err := SpecOf[ivSpec](h)
			return newSweeping(h.Array, spec), err
		},
	}
}

// deviceOf reads --device.
func deviceOf(text string, w *array.Wiring) (array.Cell, error) {
	if text == "" {
		return array.Cell{}, run.Usage(errors.New("--device names the device, such as r3c7"))
	}
	cells, err := array.ParseCells(text, w.Rows, w.Cols)
	switch {
	case err != nil:
		return array.Cell{}, run.Usage(fmt.Errorf("--device: %w", err))
	case len(cells) != 1:
		return array.Cell{}, run.Usage(errors.New("--device must name one device, such as r3c7"))
	}
	return cells[0], nil
}

// Times at a level of a sweep where none are asked for: before it is measured, and to
// measure it.
const (
	levelDelay    instrument.Seconds = 1e-3
	levelAperture instrument.Seconds = 10e-3
)

// Sweep makes the job that sweeps one device of an array. It refuses what is beyond
// the limits; nothing is opened.
func Sweep(l Lab, name string, cell array.Cell, sweep array.Sweep) (*Sweeping, error) {
	w, err := l.Wiring(name)
	if err != nil {
		return nil, err
	}
	_, err = l.Cost(w, cell, sweep)
	return newSweeping(name, ivSpec{cell, sweep}), err
}

func newSweeping(name string, spec ivSpec) *Sweeping {
	return &Sweeping{array: name, spec: spec, Result: SweepResult{Cell: spec.Device, Levels: []array.Level{}}}
}

// Command implements Job.
func (*Sweeping) Command() string { return "iv" }

// Arrays implements Job.
func (s *Sweeping) Arrays() []string { return []string{s.array} }

// Spec implements Job.
func (s *Sweeping) Spec() any { return s.spec }

// Work implements Job.
func (s *Sweeping) Work(ctx context.Context, b Bench) error {
	sweep, result := s.spec.Sweep, &s.Result
	results, err := b.Crossbar(s.array).Do(ctx, result.Cell, sweep)
	if err != nil {
		return err
	}
	for i := range results[0].Levels {
		results[0].Levels[i].Current += 0 // -0 is 0
	}
	result.Levels, result.Status = results[0].Levels, statusText(results[0].Status)
	if results[0].InCompliance() && sweep.StopAtCompliance {
		result.Status = fmt.Sprintf("ended at the compliance of %v", instrument.Amps(sweep.Compliance))
	}
	if list := results[0].Limited; len(list) > 0 {
		result.Status = result.cut(sweep, list)
		return &run.Ended{Outcome: run.OutcomePartial, Err: fmt.Errorf("%s: the sweep %s", result.Cell, result.Status)}
	}
	return nil
}

// cut says where a sweep ended and why, and what is carried there.
func (r *SweepResult) cut(sweep array.Sweep, limited []array.Limited) string {
	last := array.Result{Levels: r.Levels}.Last()
	text := fmt.Sprintf("ended at %v of %v", last.Voltage, instrument.Volts(sweep.Stop))
	if sweep.TwoWay && len(r.Levels) <= sweep.Steps {
		text += ", with no way back"
	}
	return text + fmt.Sprintf(": the row carried %v there and the column %v; %s", last.Row, last.Current,
		array.Unheld(limited, "--compliance"))
}

// Summary implements Job.
func (s *Sweeping) Summary(b Bench, f Figures) any {
	s.Result.Array, s.Result.Figures = b.Header().Array, f
	return map[string]any{"device": s.Result.Cell.String(), "levels": len(s.Result.Levels), "status": s.Result.Status,
		"figures": f}
}

// Files implements Job.
func (s *Sweeping) Files(b Bench) error {
	return errors.Join(b.Write("iv.csv", s.Result.CSV), b.Draw(s.Result.curve(s.spec.Sweep)))
}

// curve is the figure of the sweep.
func (r *SweepResult) curve(sweep array.Sweep) figure.Figure {
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

// CSV writes the levels, one per line.
func (r *SweepResult) CSV(w io.Writer) error {
	c := csv.NewWriter(w)
	number := instrument.Decimal
	lines := [][]string{{"voltage_V", "current_A", "row_A"}}
	for _, l := range r.Levels {
		lines = append(lines, []string{number(float64(l.Voltage)), number(float64(l.Current)), number(float64(l.Row))})
	}
	return c.WriteAll(lines)
}

package procedure

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/spf13/pflag"

	"xlab/figure"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run"
	"xlab/run/screen"
)

// Reading is the job of `xlab read`.
type Reading struct {
	array string
	spec  readSpec

	Result ReadResult
	Values []float64 // S, row by row; NaN where there is none; nil before the first read
}

// ReadResult is what a reading found, but its Values.
type ReadResult struct {
	Array   string           `json:"array"`
	Rows    int              `json:"rows"`
	Cols    int              `json:"cols"`
	Voltage instrument.Volts `json:"voltage"`
	// Conductance has one row per array row; null where a device was not read or its
	// reading is not valid.
	Conductance [][]*float64 `json:"conductance_s"`
	Flagged     []Flagged    `json:"flagged"` // readings that are not plain measurements
	Figures
}

// Flagged is a reading with a status.
type Flagged struct {
	Cell   array.Cell `json:"cell"`
	Status string     `json:"status"`
}

// readSpec is what `xlab read` depends on.
type readSpec struct {
	Devices []array.Cell `json:"devices"`
	Read    array.Read   `json:"read"`
	Format  string       `json:"format,omitempty"`
}

func read() Procedure {
	return Procedure{
		Name:  "read",
		Short: "Read the conductance map of an array",
		Long: `Reads devices at a small voltage with all other lines at ground. A terminal
gets a coloured grid, anything else CSV in siemens: a heading, and one line per row.`,
		Flags: func(f *pflag.FlagSet) Parse {
			var voltage instrument.Volts
			name := f.StringP("array", "a", "A", "array to read")
			devices := f.StringP("devices", "d", "", `devices, such as "r3c7, r0-4c2, r5c*" (default: all)`)
			format := f.String("format", "", "grid, csv or json (default: grid in a terminal, csv elsewhere)")
			f.Var(&voltage, "voltage", "read voltage (default: read.voltage of the configuration)")
			return func(_ context.Context, l Lab) (*Request, error) {
				w, err := l.Wiring(*name)
				if err != nil {
					return nil, err
				}
				step := l.Settings().Read.Step()
				cells, err := array.ParseCells(*devices, w.Rows, w.Cols)
				if err != nil {
					return nil, run.Usage(fmt.Errorf("--devices: %w", err))
				}
				if *format != "" && *format != "grid" && *format != "csv" && *format != "json" {
					return nil, run.Usage(fmt.Errorf("--format %q is none of grid, csv, json", *format))
				}
				if f.Changed("voltage") {
					step.Voltage = voltage
				}
				j, err := Read(l, *name, cells, step)
				if err != nil {
					return nil, err
				}
				j.spec.Format = *format
				return &Request{Job: j}, nil
			}
		},
		Rebuild: func(_ Lab, h *run.Header) (Job, error) {
			spec, err := SpecOf[readSpec](h)
			return newReading(h.Array, spec), err
		},
	}
}

// Read makes the job that reads devices of an array, all where none is named. It refuses a voltage at which
// devices change and what is beyond the limits; nothing is opened.
func Read(l Lab, name string, devices []array.Cell, step array.Read) (*Reading, error) {
	w, err := l.Wiring(name)
	if err != nil {
		return nil, err
	}
	if v := step.Voltage; v == 0 || v < -array.ReadLimit || v > array.ReadLimit {
		return nil, run.Usage(fmt.Errorf("a read at %v is refused: use a voltage other than 0 and within ±%v, which "+
			"disturbs no device; `xlab iv` measures at larger ones", v, array.ReadLimit))
	}
	if len(devices) == 0 {
		devices = array.AllCells(w.Rows, w.Cols)
	}
	for _, cell := range devices {
		if err := cell.Within(w.Rows, w.Cols); err != nil {
			return nil, run.Usage(err)
		}
	}
	if err := w.Reach(devices...); err != nil {
		return nil, run.Usage(err)
	}
	if _, err := l.Cost(w, devices[0], step); err != nil {
		return nil, err
	}
	return newReading(name, readSpec{Devices: devices, Read: step}), nil
}

func newReading(name string, spec readSpec) *Reading {
	return &Reading{array: name, spec: spec, Result: ReadResult{Flagged: []Flagged{}}}
}

// Command implements Job.
func (*Reading) Command() string { return "read" }

// Arrays implements Job.
func (r *Reading) Arrays() []string { return []string{r.array} }

// Spec implements Job.
func (r *Reading) Spec() any { return r.spec }

// Format is how the map is to be printed: grid, csv, json, or "" for what suits.
func (r *Reading) Format() string { return r.spec.Format }

// Work implements Job.
func (r *Reading) Work(ctx context.Context, b Bench) error {
	bar := b.Crossbar(r.array)
	r.Result.Rows, r.Result.Cols = bar.Size()
	r.Values = make([]float64, r.Result.Rows*r.Result.Cols)
	for i := range r.Values {
		r.Values[i] = math.NaN()
	}
	for i, cell := range r.spec.Devices {
		if err := run.CheckStop(ctx); err != nil {
			return err
		}
		results, err := bar.Do(ctx, cell, r.spec.Read)
		if err != nil {
			return err
		}
		status := statusText(results[0].Status)
		if len(results[0].Limited) > 0 {
			status = array.Unheld(results[0].Limited, "read.compliance")
		}
		if status != "" {
			r.Result.Flagged = append(r.Result.Flagged, Flagged{cell, status})
		}
		if results[0].Valid() {
			r.Values[cell.Row*r.Result.Cols+cell.Col] = float64(results[0].Conductance())
		}
		b.Publish(run.Event{Kind: "device", Done: i + 1, Total: len(r.spec.Devices)})
	}
	if n := len(r.Result.Flagged); n > 0 {
		return &run.Ended{Outcome: run.OutcomePartial, Err: fmt.Errorf("%d of %d readings are not plain measurements; "+
			"they are listed one by one", n, len(r.spec.Devices))}
	}
	return nil
}

// Summary implements Job.
func (r *Reading) Summary(b Bench, f Figures) any {
	r.Result.Array, r.Result.Voltage, r.Result.Figures = b.Header().Array, r.spec.Read.Voltage, f
	for row := range slices.Chunk(r.Values, max(1, r.Result.Cols)) {
		line := make([]*float64, len(row))
		for i, v := range row {
			if !math.IsNaN(v) {
				line[i] = &v
			}
		}
		r.Result.Conductance = append(r.Result.Conductance, line)
	}
	return map[string]any{"devices": len(r.spec.Devices), "flagged": len(r.Result.Flagged), "figures": f}
}

// Files implements Job.
func (r *Reading) Files(b Bench) error {
	if r.Values == nil {
		return nil
	}
	status := figure.CellMark{Name: "no plain measurement", Symbol: "!"}
	for _, f := range r.Result.Flagged {
		status.Cells = append(status.Cells, [2]int{f.Cell.Row, f.Cell.Col})
	}
	m := figure.Map{Title: "Array " + b.Header().Array, Rows: r.Result.Rows, Cols: r.Result.Cols, Values: r.Values,
		Label: "conductance", Unit: "S", Scale: figure.Scale{Log: true}}
	caption := fmt.Sprintf("Conductance read at %v, all other lines at ground, lines included.", r.spec.Read.Voltage)
	if len(status.Cells) > 0 {
		m.Marks = []figure.CellMark{status}
		caption += fmt.Sprintf(" %s marked: the instrument reports a status with the reading.",
			screen.Count(len(status.Cells), "device"))
	}
	return errors.Join(b.Write("conductance.csv", ConductanceCSV(r.Result.Cols, r.Values)),
		b.Draw(figure.Figure{Name: "conductance", Spec: m, Caption: caption}))
}

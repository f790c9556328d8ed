package procedure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"

	"github.com/spf13/pflag"

	"xlab/characterize"
	"xlab/figure"
	"xlab/instrument/array"
	"xlab/instrument/profile"
	"xlab/run"
	"xlab/run/keyfigure"
	"xlab/run/screen"
)

// Measurement is the job of `xlab characterize`.
type Measurement struct {
	array, name string
	spec        any // MeasurementSpec
	measure     func(ctx context.Context, b Bench) (characterize.Measurement, error)
	knowing     func(defects *array.DefectMap) *Measurement

	Result MeasurementResult
}

// Knowing is the same measurement, not begun, on a chip with another defect map.
func (m *Measurement) Knowing(defects *array.DefectMap) *Measurement { return m.knowing(defects) }

// MeasurementSpec is what a measurement depends on.
type MeasurementSpec[T any] struct {
	Measurement string           `json:"measurement"`
	Spec        T                `json:"spec"`
	Defects     *array.DefectMap `json:"defects"`
}

// MeasurementResult is what was measured.
type MeasurementResult struct {
	Measurement string                   `json:"measurement"`
	Array       string                   `json:"array"`
	Comparison  []keyfigure.Comparison   `json:"comparison"`
	Notes       []string                 `json:"notes"`  // what is missing, and why
	Files       []string                 `json:"files"`  // in the run's directory
	Measured    characterize.Measurement `json:"result"` // nil before anything was
	Figures
}

// specification is what the specifications of all measurements have in common.
type specification interface {
	Validate(rows, cols int) error
	Estimate(rows, cols int, cost characterize.Costing) (*characterize.Estimate, error)
}

// measurement is the procedure of one measurement. Without --devices it takes sample
// devices spread over the array, or all for 0. flags registers what only this
// measurement has; it gives the specification's conditions, and what puts the devices
// into the specification.
func measurement[T specification, M any, P interface {
	*M
	characterize.Measurement
}](name, short, long string, sample int, defaults func(p *profile.Profile) T,
	flags func(f *pflag.FlagSet, spec *T) (*characterize.Conditions, func(cells []array.Cell) error),
	measure func(ctx context.Context, b Bench, bar array.DUT, spec T, o characterize.Options) (P, error)) Procedure {
	var job func(on string, spec MeasurementSpec[T]) *Measurement
	job = func(on string, spec MeasurementSpec[T]) *Measurement {
		return &Measurement{array: on, name: name, spec: spec,
			knowing: func(defects *array.DefectMap) *Measurement {
				other := spec
				other.Defects = defects
				return job(on, other)
			},
			measure: func(ctx context.Context, b Bench) (characterize.Measurement, error) {
				m, err := measure(ctx, b, b.Crossbar(on), spec.Spec, characterize.Options{Defects: spec.Defects,
					Observe: func(e characterize.Event) {
						b.Publish(run.Event{Kind: "device", Phase: e.Phase, Done: e.Done, Total: e.Total, Note: e.Note,
							Ahead: e.Ahead, Steps: e.Steps})
					}})
				if m == nil {
					return nil, err // without a pointer in it
				}
				return m, err
			}}
	}
	return Procedure{
		Name: "characterize " + name, Short: short, Long: long,
		DryRun: "print what it costs at most, and touch nothing",
		Flags: func(f *pflag.FlagSet) Parse {
			spec := defaults(nil)
			conditions, choose := flags(f, &spec)
			which := "all"
			if sample > 0 {
				which = screen.Count(sample, "device")
				if sample > 1 {
					which += " spread over the array"
				}
			}
			on := f.StringP("array", "a", "A", "array to measure")
			devices := f.StringP("devices", "d", "", `devices, such as "r3c7, r0-4c2, r5c*" (default: `+which+")")
			defectMap := f.String("defects", "",
				`defect map file, or "none" (default: of the newest forming of this array)`)
			f.Var(&conditions.Read, "read", "voltage of reads (default: read.voltage of the configuration)")
			f.Var(&conditions.Width, "width", "pulse width")
			f.Var(&conditions.SetScheme, "set-scheme", "other lines during positive pulses: v2, v3 or floating")
			f.Var(&conditions.ResetScheme, "reset-scheme", "other lines during negative pulses")
			f.Var(&conditions.SetMax, "set-max", "strongest positive pulse of all")
			f.Var(&conditions.ResetMax, "reset-max", "strongest negative pulse of all")
			adopt := settable(f, &spec)
			return func(_ context.Context, l Lab) (*Request, error) {
				w, err := l.Wiring(*on)
				if err != nil {
					return nil, err
				}
				adopt(defaults(l.Settings().Profile))
				configure(conditions, l.Settings(), f.Changed("read"))
				if err := w.Reach(array.AllCells(w.Rows, w.Cols)...); err != nil { // others of a line are read too
					return nil, run.Usage(err)
				}
				standIn(l, w, "--set-scheme", f.Changed("set-scheme"), &conditions.SetScheme)
				standIn(l, w, "--reset-scheme", f.Changed("reset-scheme"), &conditions.ResetScheme)
				defects, err := defectsOf(l, *on, *defectMap)
				if err != nil {
					return nil, err
				}
				if defects == nil && *defectMap == "" {
					return nil, unformed([]string{w.Array}, "there is no defect map of array %s, so it is not known to be "+
						"formed: run `xlab form`, or use --defects none if it was formed elsewhere")
				}
				cells, err := array.ParseCells(*devices, w.Rows, w.Cols)
				if err != nil {
					return nil, run.Usage(fmt.Errorf("--devices: %w", err))
				}
				if *devices == "" && sample > 0 {
					cells = spread(sample, w, defects)
				}
				if err := choose(cells); err != nil {
					return nil, run.Usage(err)
				}
				if err := spec.Validate(w.Rows, w.Cols); err != nil {
					return nil, run.Usage(err)
				}
				estimate, err := spec.Estimate(w.Rows, w.Cols, costs(l, w))
				if err != nil {
					return nil, err
				}
				return &Request{Job: job(*on, MeasurementSpec[T]{name, spec, defects}), Estimate: estimate}, nil
			}
		},
		Rebuild: func(_ Lab, h *run.Header) (Job, error) {
			spec, err := SpecOf[MeasurementSpec[T]](h)
			return job(h.Array, spec), err
		},
	}
}

// settable gives what makes the specification that a flag set's flags set that of the
// bench's devices, but for what they have set. The values of such flags are pointers
// to what they set, until the program puts others in front of them.
func settable[T any](f *pflag.FlagSet, spec *T) (adopt func(of T)) {
	fields := make(map[string]reflect.Value)
	f.VisitAll(func(flag *pflag.Flag) { fields[flag.Name] = reflect.Indirect(reflect.ValueOf(flag.Value)) })
	return func(of T) {
		given := make(map[string]reflect.Value)
		for name, field := range fields {
			if f.Changed(name) && field.CanSet() {
				given[name] = reflect.ValueOf(field.Interface())
			}
		}
		*spec = of
		for name, value := range given {
			fields[name].Set(value)
		}
	}
}

// configure takes what the configuration says about reads and lines. Where a
// measurement has a read voltage of its own, or one was given, that remains.
func configure(c *characterize.Conditions, s *Settings, given bool) {
	c.Aperture, c.Settle, c.Compliance = s.Read.Aperture, s.Read.Settle, s.Read.Compliance
	if !given && c.Read == s.Profile.Read.Voltage {
		c.Read = s.Read.Voltage
	}
	c.Lines = s.Tuning.Lines
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

// Command implements Job.
func (m *Measurement) Command() string { return "characterize-" + m.name }

// Arrays implements Job.
func (m *Measurement) Arrays() []string { return []string{m.array} }

// Spec implements Job.
func (m *Measurement) Spec() any { return m.spec }

// Work implements Job.
func (m *Measurement) Work(ctx context.Context, b Bench) error {
	measured, err := m.measure(ctx, b)
	m.Result = ResultOf(m.name, measured)
	return err
}

// ResultOf is the result of the measurement of this name; measured is nil where there
// is none.
func ResultOf(name string, measured characterize.Measurement) MeasurementResult {
	r := MeasurementResult{Measurement: name, Files: []string{}, Measured: measured}
	if measured != nil {
		r.Comparison, r.Notes = measured.Comparison(), append([]string{}, measured.Notes()...)
	}
	return r
}

// Summary implements Job.
func (m *Measurement) Summary(b Bench, f Figures) any {
	m.Result.Array, m.Result.Figures = b.Header().Array, f
	return struct {
		Measurement string                 `json:"measurement"`
		Comparison  []keyfigure.Comparison `json:"comparison"`
		Notes       []string               `json:"notes"`
		Figures
	}{m.name, m.Result.Comparison, m.Result.Notes, f}
}

// Files implements Job.
func (m *Measurement) Files(b Bench) error { return m.Result.Write(b.Write, b.Formats()) }

// Write puts data and figures into files, of the run's directory or another.
func (r *MeasurementResult) Write(to func(name string, write func(io.Writer) error) error, in figure.Formats) error {
	if r.Measured == nil {
		return nil
	}
	put := func(name string, write func(io.Writer) error) error {
		err := to(name, write)
		if err == nil {
			r.Files = append(r.Files, name)
		}
		return err
	}
	errs := []error{
		put(r.Measurement+".csv", r.Measured.WriteCSV),
		put(r.Measurement+".json", r.data),
	}
	names, err := figure.WriteFiles(to, in, r.Measured.Figures()...)
	r.Files = append(r.Files, names...)
	return errors.Join(append(errs, err)...)
}

// data writes what was measured as JSON.
func (r *MeasurementResult) data(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(map[string]any{"measurement": r.Measurement, "comparison": r.Comparison, "notes": r.Notes,
		"result": r.Measured})
}

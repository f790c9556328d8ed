package procedure

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"xlab/forming"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run"
)

// Forming is the job of `xlab form`.
type Forming struct {
	Estimate *forming.Estimate // of what is going to be done; nil of a run that is taken up

	Outcome *forming.Outcome // nil where nothing was begun
	Result  FormResult

	array string
	spec  forming.Spec
}

// FormResult counts what came of the devices.
type FormResult struct {
	Devices   int          `json:"devices"`
	Formed    int          `json:"formed"`
	Preformed int          `json:"preformed"`
	Defective []array.Cell `json:"defective"`
	Untried   int          `json:"untried"`
	Figures
}

func form() Procedure {
	return Procedure{
		Name:  "form",
		Short: "Electroform the devices of an array",
		Long: `Electroforms devices one after the other by the published procedure, resets
each at once, and writes a defect map that later steps read. A device that did not
form while the source of other lines was at its compliance stays untried, and the
run ends with 8; what these sources will have to give is estimated beforehand.

The parameters (istart, imin, imax, istep, vmax, amin, vreset, rth, ...) are
keys of the section "forming" in bench.yaml; --set forming.amin=20 overrides
one. See hwdocs/forming.md.`,
		DryRun: "print what would be done and what it costs, and touch nothing",
		Makes:  DefectMap,
		Flags: func(f *pflag.FlagSet) Parse {
			name := f.StringP("array", "a", "A", "array to form")
			devices := f.StringP("devices", "d", "", `devices, such as "r3c7, r0-4c2, r5c*" (default: all)`)
			return func(_ context.Context, l Lab) (*Request, error) {
				spec := l.Settings().Forming
				w, err := l.Wiring(*name)
				if err != nil {
					return nil, err
				}
				if *devices != "" {
					if spec.Devices, err = array.ParseCells(*devices, w.Rows, w.Cols); err != nil {
						return nil, run.Usage(fmt.Errorf("--devices: %w", err))
					}
				}
				for _, s := range []struct {
					key    string
					scheme *array.Scheme
				}{{"forming.scheme", &spec.Scheme}, {"forming.reset_scheme", &spec.ResetScheme},
					{"forming.set_scheme", &spec.SetScheme}} {
					standIn(l, w, s.key, l.Chosen(s.key), s.scheme)
				}
				j, err := Form(l, *name, spec)
				if err != nil {
					return nil, err
				}
				return &Request{Job: j, Estimate: j.Estimate}, nil
			}
		},
		Rebuild: func(_ Lab, h *run.Header) (Job, error) {
			spec, err := SpecOf[forming.Spec](h)
			return NewForming(h.Array, spec), err
		},
	}
}

// Form makes the job that forms devices of an array. It refuses what is not possible
// or beyond the limits; nothing is opened.
func Form(l Lab, name string, spec forming.Spec) (*Forming, error) {
	w, err := l.Wiring(name)
	if err != nil {
		return nil, err
	}
	if err := spec.Validate(w.Rows, w.Cols); err != nil {
		return nil, run.Usage(err)
	}
	devices := spec.Devices
	if len(devices) == 0 {
		devices = array.AllCells(w.Rows, w.Cols)
	}
	if err := w.Reach(devices...); err != nil {
		return nil, run.Usage(err)
	}
	formed, err := formedBefore(l, name, w)
	if err != nil {
		return nil, err
	}
	estimate, err := spec.Estimate(w.Rows, w.Cols, costs(l, w))
	if err != nil {
		return nil, err
	}
	estimate.Load, err = spec.Load(w.Rows, w.Cols, l.Settings().Tuning.Lines, formed)
	j := NewForming(name, spec)
	j.Estimate = estimate
	return j, err
}

// NewForming is the job without any check of what it forms.
func NewForming(name string, spec forming.Spec) *Forming { return &Forming{array: name, spec: spec} }

// costs gives the instrument time of steps on a device, whichever, and refuses those out of
// limits.
func costs(l Lab, w *array.Wiring) func(steps ...array.Step) (instrument.Seconds, error) {
	return func(steps ...array.Step) (instrument.Seconds, error) { return l.Cost(w, w.First(), steps...) }
}

// Command implements Job.
func (*Forming) Command() string { return "form" }

// Arrays implements Job.
func (f *Forming) Arrays() []string { return []string{f.array} }

// Spec implements Job.
func (f *Forming) Spec() any { return f.spec }

// Work implements Job.
func (f *Forming) Work(ctx context.Context, b Bench) (err error) {
	f.Outcome, err = forming.Run(ctx, b.Crossbar(f.array), b.Header().Array, f.spec, forming.Options{
		Observe: func(e forming.Event) {
			note := fmt.Sprintf("%s %s", e.Record.Cell, e.Record.State)
			if e.Round > 1 {
				note = "second round, " + note
			}
			b.Publish(run.Event{Kind: "device", Done: e.Done, Total: e.Total, Note: note, Ahead: e.Ahead})
		}})
	if f.Outcome != nil {
		f.Outcome.Defects.Run, f.Outcome.Defects.Chip = b.Header().ID, b.Header().Chip
	}
	return err
}

// Summary implements Job.
func (f *Forming) Summary(_ Bench, figures Figures) any {
	f.Result = FormResult{Figures: figures, Defective: []array.Cell{}}
	if o := f.Outcome; o != nil {
		f.Result.Devices, f.Result.Defective = len(o.Records), o.Defects.Cells(array.StateDefective)
		f.Result.Formed, f.Result.Preformed = o.Count(array.StateFormed), o.Count(array.StatePreformed)
		f.Result.Untried = o.Count(array.StateUntried)
	}
	return f.Result
}

// Files implements Job.
func (f *Forming) Files(b Bench) error {
	if f.Outcome == nil {
		return nil
	}
	if err := b.Write(DefectsFile, f.Outcome.Defects.Write); err != nil {
		return err
	}
	return errors.Join(b.Write("devices.csv", f.Outcome.WriteCSV), b.Draw(f.Outcome.Figures(f.spec)...))
}

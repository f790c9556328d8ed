package procedure

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"xlab/figure"
	"xlab/instrument/array"
	"xlab/population"
	"xlab/run"
	"xlab/run/keyfigure"
	"xlab/run/screen"
	"xlab/tuning"
)

// Tuning is the job of `xlab tune`.
type Tuning struct {
	Estimate *tuning.Estimate // of what is going to be done; nil of a run that is taken up

	Outcome *tuning.Outcome // nil where nothing was begun
	Result  TuneResult

	array string
	spec  tuneSpec
}

// TuneResult is what a tuning reached.
type TuneResult struct {
	tuning.Summary
	Figures
}

// tuneSpec keeps the targets with the specification, null where none is asked
// for, and the defect map that was used.
type tuneSpec struct {
	tuning.Spec
	Targets tuning.Targets   `json:"targets_S"`
	Defects *array.DefectMap `json:"defects"`
}

func tune() Procedure {
	return Procedure{
		Name:  "tune",
		Short: "Write conductances into an array by write-and-verify",
		Long: `Sets devices to target conductances with write pulses and verifying reads, in
passes over the array, and ends with a read of all devices.

--target is "face" (a 10-level pattern between 7 kΩ and 96.6 kΩ), a value such as
20uS or 50kΩ for the devices named by --devices, or a file: a table with one line
per row (CSV in any dialect), or PNG with the grey level between the bounds of the range.

The parameters are keys of the section "tuning" in bench.yaml; --set
tuning.passes=3 overrides one. See hwdocs/tuning.md.`,
		DryRun: "print what would be done and what it costs, and touch nothing",
		Flags: func(f *pflag.FlagSet) Parse {
			var t targetFlags
			var tolerance Percentage
			name := f.StringP("array", "a", "A", "array to tune")
			t.register(f)
			f.Var(&tolerance, "tolerance", "largest relative error in tolerance, such as 5% (default: tuning.tolerance)")
			policy := f.String("policy", "", "how pulses are chosen: "+strings.Join(tuning.Policies(), ", ")+
				" (default: tuning.policy)")
			scheme := f.String("scheme", "", "other lines during pulses of either sign: v2, v3 or floating (default: "+
				"tuning.set_scheme and tuning.reset_scheme)")
			defects := f.String("defects", "", `defect map file, or "none" (default: of the newest forming of this array)`)
			return func(_ context.Context, l Lab) (*Request, error) {
				w, err := l.Wiring(*name)
				if err != nil {
					return nil, err
				}
				spec := l.Settings().Tuning
				if tolerance > 0 {
					spec.Tolerance = float64(tolerance)
				}
				if *policy != "" {
					spec.Policy = *policy
				}
				if *scheme != "" {
					s, err := array.ParseScheme(*scheme)
					if err != nil {
						return nil, run.Usage(fmt.Errorf("--scheme: %w", err))
					}
					spec.SetScheme, spec.ResetScheme = s, s
				}
				standInTuning(l, w, &spec, *scheme != "")
				var understood string
				if spec.Targets, understood, err = t.read(w, spec); err != nil {
					return nil, run.Usage(fmt.Errorf("--target: %w", err))
				}
				if understood != "" {
					l.Say(understood)
				}
				j, err := Tune(l, *name, spec, *defects)
				if err != nil {
					return nil, err
				}
				r := &Request{Job: j, Estimate: j.Estimate}
				if j.spec.Defects == nil {
					r.Notes = append(r.Notes, "no defect map: devices that cannot be tuned have to be found by trying "+
						"(`xlab form` makes one)")
				}
				return r, nil
			}
		},
		Rebuild: func(_ Lab, h *run.Header) (Job, error) {
			spec, err := SpecOf[tuneSpec](h)
			spec.Spec.Targets = spec.Targets
			return &Tuning{array: h.Array, spec: spec}, err
		},
	}
}

// Tune makes the job that writes the targets of spec into an array. defects is the
// file of a defect map, "none", or "" for the newest of the array and chip. Tune
// refuses what cannot be tuned and what is beyond the limits; nothing is opened.
func Tune(l Lab, name string, spec tuning.Spec, defects string) (*Tuning, error) {
	w, err := l.Wiring(name)
	if err != nil {
		return nil, err
	}
	if err := spec.Validate(w.Rows, w.Cols); err != nil {
		return nil, run.Usage(err)
	}
	if err := w.Reach(array.AllCells(w.Rows, w.Cols)...); err != nil { // all are read at the end
		return nil, run.Usage(err)
	}
	m, err := defectsOf(l, name, defects)
	if err != nil {
		return nil, err
	}
	if err := tunable(spec.Targets.Cells(), m); err != nil {
		return nil, lacking(err, name)
	}
	estimate, err := spec.Estimate(w.Rows, w.Cols, costs(l, w))
	j := NewTuning(name, spec, m)
	j.Estimate = estimate
	return j, err
}

// NewTuning is the job without any check of what it writes; defects is nil for none.
func NewTuning(name string, spec tuning.Spec, defects *array.DefectMap) *Tuning {
	return &Tuning{array: name, spec: tuneSpec{spec, spec.Targets, defects}}
}

// tunable refuses, as a result outside limits, what the defect map says cannot be
// tuned at all. nil where at least one of the devices switches, or nothing is known.
func tunable(cells []array.Cell, m *array.DefectMap) error {
	if m == nil {
		return nil
	}
	var reasons []string
	for _, cell := range cells {
		if cell.Row >= m.Rows || cell.Col >= m.Cols || m.Usable(cell) {
			return nil // a map of another size is refused by name
		}
		if state := m.At(cell); len(reasons) < 3 {
			reasons = append(reasons, fmt.Sprintf("%s is %s", cell, state))
		}
	}
	if more := len(cells) - len(reasons); more > 0 {
		reasons = append(reasons, fmt.Sprintf("%d more", more))
	}
	return &run.Ended{Outcome: run.OutcomeOutside, Err: fmt.Errorf("nothing was touched: no device asked for can be "+
		"tuned by the defect map of run %s: %s; form them (`xlab form -d ...`), or tune without the map (--defects none)",
		m.Run, strings.Join(reasons, ", "))}
}

// Command implements Job.
func (*Tuning) Command() string { return "tune" }

// Arrays implements Job.
func (t *Tuning) Arrays() []string { return []string{t.array} }

// Spec implements Job.
func (t *Tuning) Spec() any { return t.spec }

// Parameters are those that the array is tuned with.
func (t *Tuning) Parameters() tuning.Spec { return t.spec.Spec }

// Work implements Job.
func (t *Tuning) Work(ctx context.Context, b Bench) (err error) {
	t.Outcome, err = tuning.Tune(ctx, b.Crossbar(t.array), b.Header().Array, t.spec.Spec, t.spec.Defects,
		tuning.Options{Observe: func(e tuning.Event) {
			b.Publish(run.Event{Kind: "device", Phase: string(e.Phase), Done: e.Done, Total: e.Total,
				Note: passNote(e.Pass), Ahead: e.Ahead})
		}})
	if err == nil {
		err = verdict(t.Outcome.Summary(), t.Outcome.Misfit(t.spec.Spec))
	}
	return err
}

// passNote says in which pass over the devices a run is; "" before the first.
func passNote(pass int) string {
	if pass == 0 {
		return ""
	}
	return fmt.Sprintf("pass %d", pass)
}

// verdict is the run's end: partial when devices that work were not brought
// into tolerance, with what does not fit them.
func verdict(s tuning.Summary, misfit string) error {
	if misfit != "" {
		misfit = "; " + misfit
	}
	if missed := s.Disturbed + s.GaveUp; missed > 0 {
		return &run.Ended{Outcome: run.OutcomePartial, Err: fmt.Errorf("%d of %d devices are out of tolerance (%d "+
			"disturbed, %d gave up); %d more are stuck and %d defective%s", missed, s.Devices, s.Disturbed, s.GaveUp, s.Stuck,
			s.Defective, misfit)}
	}
	return nil
}

// Summary implements Job.
func (t *Tuning) Summary(_ Bench, f Figures) any {
	t.Result = TuneResult{Figures: f}
	if t.Outcome == nil {
		return t.Result
	}
	t.Result.Summary = t.Outcome.Summary()
	return struct {
		TuneResult
		Comparison []keyfigure.Comparison `json:"comparison"`
	}{t.Result, compareTuning(t.spec.Spec, t.Result.Summary)}
}

// Files implements Job.
func (t *Tuning) Files(b Bench) error {
	spec, o, result := t.spec.Spec, t.Outcome, t.Result
	if o == nil {
		return nil
	}
	_, cols := spec.Targets.Size()
	err := errors.Join(
		b.Write("devices.csv", o.WriteCSV),
		b.Write("conductance.csv", ConductanceCSV(cols, o.Reads)),
		b.Write("traces.csv", o.WriteTraces),
	)
	within := fmt.Sprintf("within %.3g %%", 100*spec.Tolerance)
	return errors.Join(err, b.Draw(
		figure.Figure{Name: "maps", Spec: tuneMaps(spec, o), Caption: fmt.Sprintf("Target, result by the last read of "+
			"the whole array, and error: the result over its target, less one. %d of %s are %s.",
			result.InTolerance, screen.Count(result.Devices, "device"), within)},
		figure.Figure{Name: "result", Spec: targetScatter(spec, o),
			Caption: fmt.Sprintf("Each device's last read against its target; devices %s are in the band.", within)},
		figure.Figure{Name: "errors", Spec: errorHistogram(spec, o),
			Caption: fmt.Sprintf("Errors of the devices that switch, the tolerance as a band. "+
				"A device is left alone as soon as a read of it is %s, so the errors fill the band instead of gathering at zero. "+
				"Mean size: %s; published: below 4 %% on 4096 devices of another stack (Kim et al. 2021).",
				within, result.MeanError.Text(population.Format("%.2f %%", 100)))},
		figure.Figure{Name: "pulses", Spec: pulseHistogram(o, result), Caption: pulseCaption(spec, result.Summary)},
		figure.Figure{Name: "traces", Spec: traceLines(spec, o), Caption: traceCaption(spec)},
	))
}

func pulseHistogram(o *tuning.Outcome, result TuneResult) figure.Histogram {
	var values []float64
	for _, d := range o.Records {
		if d.Known() && d.Verdict != tuning.Defective && d.Verdict != tuning.Stuck {
			values = append(values, float64(d.Pulses))
		}
	}
	h := figure.Histogram{Title: "Write pulses per device", X: figure.Axis{Label: "pulses"}, Whole: true,
		Samples: []figure.Sample{{Values: values}}}
	if result.MedianPulses.Known() {
		h.Marks = []figure.Mark{{Name: "median", Values: []float64{float64(result.MedianPulses)}}}
	}
	return h
}

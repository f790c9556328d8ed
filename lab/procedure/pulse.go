package procedure

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run"
)

// Pulsing is the job of `xlab pulse`.
type Pulsing struct {
	Result PulseResult

	array string
	spec  pulseSpec
}

// PulseResult is what a pulse did.
type PulseResult struct {
	Array   string      `json:"array"`
	Cell    array.Cell  `json:"cell"`
	Pulse   array.Pulse `json:"pulse"`
	Current *float64    `json:"current_a"` // out of the column during the pulse; null where there is no valid reading
	// Unknown says that it is not known whether the pulse happened: the run was cut off
	// in it, and it was not repeated.
	Unknown bool     `json:"unknown,omitempty"`
	Before  *float64 `json:"before_s,omitempty"` // conductance read before it
	After   *float64 `json:"after_s,omitempty"`  // and behind it
	Status  string   `json:"status,omitempty"`
	Figures
}

// pulseSpec is what `xlab pulse` depends on.
type pulseSpec struct {
	Device array.Cell  `json:"device"`
	Pulse  array.Pulse `json:"pulse"`
	Read   *array.Read `json:"read,omitempty"` // before and behind it
}

func pulse() Procedure {
	return Procedure{
		Name:  "pulse",
		Takes: "VOLTAGE WIDTH",
		Short: "Give one device one pulse",
		Long: `Puts a voltage, row minus column, across one device for a time, once, and
measures the current of its column meanwhile. The pulse is journaled like every
other stress. Other lines and compliance are those of tuning, by the pulse's sign.

A pulse during which a source was at its compliance ends with 8. So does one that
was cut off before its result was recorded: it may have happened, and "xlab resume"
reads the device and does not repeat it.`,
		DryRun: "check the pulse, print what it would do, and touch nothing",
		Flags: func(f *pflag.FlagSet) Parse {
			var scheme array.Scheme
			var compliance instrument.Amps
			name := f.StringP("array", "a", "A", "array")
			device := f.StringP("device", "d", "", "device, such as r3c7")
			f.Var(&scheme, "scheme", "other lines: v2, v3, floating or grounded (default: tuning.set_scheme, or "+
				"tuning.reset_scheme for negative voltages)")
			f.Var(&compliance, "compliance", "current compliance of every source (default: tuning.compliance)")
			read := f.Bool("read", false, "read the device before and behind the pulse")
			return func(_ context.Context, l Lab) (*Request, error) {
				w, err := l.Wiring(*name)
				if err != nil {
					return nil, err
				}
				spec := pulseSpec{}
				if spec.Device, err = deviceOf(*device, w); err != nil {
					return nil, err
				}
				var v instrument.Volts
				var width instrument.Seconds
				if err := cmp.Or(v.Set(f.Arg(0)), width.Set(f.Arg(1))); err != nil {
					return nil, run.Usage(err)
				}
				tuning := l.Settings().Tuning
				key, other := "tuning.set_scheme", &tuning.SetScheme
				if v < 0 {
					key, other = "tuning.reset_scheme", &tuning.ResetScheme
				}
				standIn(l, w, key, scheme != "" || l.Chosen(key), other)
				spec.Pulse = tuning.Pulse(v)
				spec.Pulse.Width = width
				if scheme != "" {
					spec.Pulse.Scheme = scheme
				}
				if f.Changed("compliance") {
					spec.Pulse.Compliance = compliance
				}
				steps := []array.Step{spec.Pulse}
				if *read {
					step := l.Settings().Read.Step()
					spec.Read = &step
					steps = []array.Step{step, spec.Pulse, step}
				}
				t, err := l.Cost(w, spec.Device, steps...)
				if err != nil {
					return nil, err
				}
				return &Request{Job: newPulsing(*name, spec), Estimate: pulseEstimate{w.Array, spec, t}}, nil
			}
		},
		Rebuild: func(_ Lab, h *run.Header) (Job, error) {
			spec, err := SpecOf[pulseSpec](h)
			return newPulsing(h.Array, spec), err
		},
	}
}

func newPulsing(name string, spec pulseSpec) *Pulsing {
	return &Pulsing{array: name, spec: spec, Result: PulseResult{Cell: spec.Device, Pulse: spec.Pulse}}
}

// pulseEstimate is what a pulse does.
type pulseEstimate struct {
	Array string `json:"array"`
	pulseSpec
	Time instrument.Seconds `json:"instrument_time"`
}

// Print implements Estimate.
func (e pulseEstimate) Print(w io.Writer) error {
	p, reads := e.Pulse, ""
	if e.Read != nil {
		reads = fmt.Sprintf(", read at %v before and behind it", e.Read.Voltage)
	}
	_, err := fmt.Fprintf(w, "%s of array %s: %v for %v%s; other lines %s; no source gives more than %v\n"+
		"instrument time %v; nothing is touched by a dry run\n", e.Device, e.Array, p.Voltage, p.Width, reads, p.Scheme,
		p.Compliance, e.Time)
	return err
}

// Cost implements Estimate.
func (e pulseEstimate) Cost() run.Cost {
	v := e.Pulse.Voltage
	return run.Cost{Devices: 1, Pulses: 1, TypicalTime: e.Time, LongestTime: e.Time, MinVoltage: min(v, 0),
		MaxVoltage: max(v, 0), MaxCurrent: e.Pulse.Compliance}
}

// Command implements Job.
func (*Pulsing) Command() string { return "pulse" }

// Arrays implements Job.
func (p *Pulsing) Arrays() []string { return []string{p.array} }

// Spec implements Job.
func (p *Pulsing) Spec() any { return p.spec }

// Work implements Job. The read before the pulse is asked for alone: if the answer to
// the pulse is lost, what was read before is kept.
func (p *Pulsing) Work(ctx context.Context, b Bench) error {
	bar, result := b.Crossbar(p.array), &p.Result
	steps := []array.Step{p.spec.Pulse}
	if p.spec.Read != nil {
		before, err := bar.Do(ctx, result.Cell, *p.spec.Read)
		if err != nil {
			return err
		}
		result.Before = valid(before[0], float64(before[0].Conductance()))
		steps = append(steps, *p.spec.Read)
	}
	results, err := bar.Do(ctx, result.Cell, steps...)
	if err != nil {
		return err
	}
	result.Current = valid(results[0], float64(results[0].Last().Current))
	result.Unknown, result.Status = results[0].Unknown, statusText(results[0].Status)
	if result.Unknown {
		result.Status = "it is not known whether the pulse happened: the run was cut off in it"
	}
	if len(results) > 1 {
		result.After = valid(results[1], float64(results[1].Conductance()))
	}
	if result.Status != "" {
		return &run.Ended{Outcome: run.OutcomePartial, Err: fmt.Errorf("%s: %s", result.Cell, result.Status)}
	}
	return nil
}

// valid is a value of a result; nil where that is no measurement.
func valid(r array.Result, value float64) *float64 {
	if !r.Valid() {
		return nil
	}
	return &value
}

// Summary implements Job.
func (p *Pulsing) Summary(b Bench, f Figures) any {
	p.Result.Array, p.Result.Figures = b.Header().Array, f
	return map[string]any{"device": p.Result.Cell.String(), "current_a": p.Result.Current, "before_s": p.Result.Before,
		"after_s": p.Result.After, "status": p.Result.Status, "figures": f}
}

// Files implements Job: all there is, is in the summary.
func (*Pulsing) Files(Bench) error { return nil }

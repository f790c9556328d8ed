package procedure

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/mlp"
	"xlab/mlp/stability"
	"xlab/mlp/transfer"
	"xlab/run"
)

// StabilityMeasurement is the job of `xlab mlp drift` and `xlab mlp temperature`.
type StabilityMeasurement struct {
	command string
	spec    stabilitySpec

	Result StabilityResult

	points   []stability.Point
	warnings []string // of weights that were badly written
}

// Command implements Job.
func (m *StabilityMeasurement) Command() string { return m.command }

// Arrays implements Job.
func (m *StabilityMeasurement) Arrays() []string { return m.spec.MLP.Placement.Arrays() }

// Spec implements Job.
func (m *StabilityMeasurement) Spec() any { return m.spec }

// Design is that of the network.
func (m *StabilityMeasurement) Design() mlp.Design { return m.spec.MLP.Network.Network.Design }

// Work implements Job.
func (m *StabilityMeasurement) Work(ctx context.Context, b Bench) (err error) {
	spec := &m.spec
	hardware, err := b.Classifier(m.Design(), spec.MLP.Placement)
	if err != nil {
		return err
	}
	task, err := spec.task()
	if err != nil {
		return err
	}
	later := []run.Work{classifications(spec.Measure.Points())}
	bench := stability.Bench{Classifier: hardware, Write: func(ctx context.Context, n *mlp.Network) error {
		what := "as trained"
		if n != task.Network {
			what = VariantNames[stability.Biased]
		}
		o, err := spec.MLP.write(ctx, n, b, later...)
		later = nil // what is left is known as soon as something has been classified
		if err == nil {
			m.warnings = append(m.warnings, badlyWritten(o, what, spec.MLP.Import.Weights)...)
		}
		return err
	}}
	if spec.Reference != nil {
		bench.Feedback = &feedbackStage{bench: b, reference: *spec.Reference, factor: 1}
		if err := spec.prepareReference(ctx, b); err != nil {
			return err
		}
	}
	o := stability.Options{Clock: b.Clock(), Waiter: b.Waiter(), Observe: func(e stability.Event) {
		b.Publish(stabilityEvent(e))
	}}
	if len(spec.Measure.Temperatures) > 0 {
		thermostat, restore := b.Thermostat()
		defer func() { err = errors.Join(err, restore()) }()
		o.Thermostat = thermostat
	}
	m.points, err = stability.Measure(ctx, bench, task, spec.Measure, o)
	if err == nil && len(m.warnings) > 0 {
		return &run.Ended{Outcome: run.OutcomeOutside,
			Err: errors.New(strings.Join(m.warnings, "; ") + ": what was followed is not that network")}
	}
	return err
}

// badlyWritten warns of weights that did not become what they should be: what is
// measured then is another network.
func badlyWritten(o *transfer.Outcome, what string, s transfer.Spec) []string {
	good, all := o.InTolerance(), len(o.Weights)
	if float64(good) >= s.Share*float64(all) {
		return nil
	}
	return []string{fmt.Sprintf("weights %s: %d of %d are within %.3g %%, and %.4g %% of them should be (mlp.share); "+
		"%d devices could not be set", what, good, all, 100*s.Tolerance, 100*s.Share, len(o.Unsettable()))}
}

// feedbackStage is the simulated board's difference stages with a memristor in
// their feedback: the gain is set by what a reference device of the chip reads.
type feedbackStage struct {
	bench     Bench
	reference ReferenceDevice
	factor    float64
}

// Reference implements stability.FeedbackStage.
func (f *feedbackStage) Reference(ctx context.Context) (instrument.Siemens, error) {
	results, err := f.bench.Crossbar(f.reference.Array).Do(ctx, f.reference.Cell, f.reference.Read)
	if err != nil {
		return 0, err
	}
	if !results[0].Valid() || results[0].InCompliance() {
		return 0, fmt.Errorf("the read of device %s cannot be used: %s", f.reference.Cell,
			cmp.Or(array.Unheld(results[0].Limited, "read.compliance"), statusText(results[0].Status)))
	}
	return results[0].Conductance(), nil
}

// Gain implements stability.FeedbackStage.
func (f *feedbackStage) Gain(_ context.Context, factor float64) error {
	err := f.bench.ScaleDifference(factor / f.factor)
	if err == nil {
		f.factor = factor
	}
	return err
}

// StabilityResult is what `xlab mlp drift --json` and `xlab mlp temperature
// --json` print.
type StabilityResult struct {
	Variants  []stability.Variant `json:"variants"`
	Points    []stability.Point   `json:"points"`
	Lowest    map[string]float64  `json:"lowest_percent"` // on the training set, by variant
	Reference *ReferenceDevice    `json:"reference"`
	Network   string              `json:"network"`
	Files     []string            `json:"files"`
	Warnings  []string            `json:"warnings"`
	Figures
}

// VariantNames are the variants as figures and tables call them.
var VariantNames = map[stability.Variant]string{
	stability.Plain: "plain", stability.Biased: "pairs around a bias", stability.Feedback: "memristor in the feedback",
}

// classifications is the work of classifying all patterns so often.
func classifications(points int) run.Work {
	return run.Work{Kind: "classification", Steps: points, Each: 300}
}

// stabilityEvent tells how far a measurement is.
func stabilityEvent(e stability.Event) run.Event {
	left, wait := classifications(e.Total-e.Done), run.Work{Kind: "wait", Steps: int(e.ToWait), Each: 1}
	if e.Waited > 0 {
		return run.Event{Kind: "wait", Phase: "classification", Done: e.Done, Total: e.Total,
			Note: "waited " + e.Waited.String(), Ahead: []run.Work{wait, left}, Steps: int(e.Waited)}
	}
	return run.Event{Kind: "classification", Phase: "classification", Done: e.Done, Total: e.Total,
		Note:  fmt.Sprintf("%s, %s: %.1f %%", VariantNames[e.Point.Variant], e.Point.Condition(), e.Point.Train),
		Ahead: []run.Work{left, wait}, Steps: 1}
}

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"xlab/instrument/array"
	"xlab/lab/procedure"
	"xlab/mlp"
	"xlab/mlp/dataset"
	"xlab/mlp/insitu"
	"xlab/run"
	"xlab/run/screen"
	"xlab/tuning"
)

// networkHardware passes patterns through a network in crossbars.
type networkHardware interface {
	insitu.Classifier
	mlp.Classifier
}

// insituBench is what training in place works on.
type insituBench struct {
	bar        func(name string) array.DUT
	classifier networkHardware
	observe    func(run.Event)
}

// insituTrained is what became of a training in place.
type insituTrained struct {
	outcome *insitu.Outcome
	held    int             // devices that were left alone
	start   int             // write pulses before training
	test    *mlp.Evaluation // of the test patterns after the last epoch; nil = not classified
}

// insituReadNoise is the relative deviation of the short reads between pulses. Longer
// ones would be more exact than the pulses need: their effect scatters by a third.
const insituReadNoise = 0.01

// trainInPlace brings the devices to their start and trains. What has been done
// comes with an error too.
func trainInPlace(ctx context.Context, b insituBench, spec insituSpec) (t *insituTrained, err error) {
	t = &insituTrained{}
	held, err := spec.held()
	if err != nil {
		return t, err
	}
	t.held = len(held)
	set, err := spec.trainingSet()
	if err != nil {
		return t, err
	}
	task := insitu.Task{Design: spec.Design, Placement: spec.Placement, Set: set, Held: held,
		Arrays: make(map[string]insitu.Array), Classifier: b.classifier}
	for _, name := range spec.Placement.Arrays() {
		bar := b.bar(name)
		rows, cols := bar.Size()
		law := tuning.NewLearned(rows, cols, spec.Tuning.Pulses, insituReadNoise)
		task.Arrays[name] = insitu.Array{Bench: bar, Response: law}
		pulses, err := b.prepare(ctx, name, spec, law)
		t.start += pulses
		if err != nil {
			return t, fmt.Errorf("bringing array %s to its start: %w", name, err)
		}
	}
	t.outcome, err = insitu.Train(ctx, task, spec.Training, insitu.Options{Observe: func(p insitu.Point) {
		left := epochs(spec.Training.Epochs - p.Epoch)
		b.observe(run.Event{Kind: "epoch", Phase: "epoch", Done: p.Epoch, Total: spec.Training.Epochs,
			Ahead: []run.Work{left},
			Note:  fmt.Sprintf("accuracy %.1f %%, loss %.3g V², %s", p.Accuracy, p.Loss, screen.Count(p.Pulses, "pulse"))})
	}})
	if err == nil && t.outcome.Reached {
		b.observe(run.Event{Kind: "epoch", Phase: "epoch", Done: t.outcome.Epochs(), Total: t.outcome.Epochs(),
			Note: fmt.Sprintf("goal reached, accuracy %.1f %%", t.outcome.Accuracy())})
	}
	if err != nil || !spec.Test {
		return t, err
	}
	test, err := dataset.Flip(set)
	if err != nil {
		return t, err
	}
	outputs, err := b.classifier.Outputs(ctx, test.X)
	if err != nil {
		return t, fmt.Errorf("test patterns: %w", err)
	}
	t.test, err = mlp.Evaluate(outputs, test.Labels)
	return t, err
}

// epochs is the work of so many epochs, beside reads of devices: patterns, and
// pulses with their reads.
func epochs(n int) run.Work { return run.Work{Kind: "epoch", Steps: n, Each: 200} }

// ahead is what is to be done after an array has been brought to its start: the
// arrays after it, and all epochs.
func (b insituBench) ahead(spec insituSpec, array string) []run.Work {
	arrays := spec.Placement.Arrays()
	var list []run.Work
	for _, name := range arrays[slices.Index(arrays, array)+1:] {
		rows, cols := b.bar(name).Size()
		list = append(list, spec.Tuning.Ahead(len(spec.targets(name, rows, cols).Cells()), rows*cols)...)
	}
	return append(list, epochs(spec.Training.Epochs))
}

// prepare writes the starting conductances of an array and learns from the
// pulses that this takes.
func (b insituBench) prepare(ctx context.Context, name string, spec insituSpec, law *tuning.Learned) (pulses int,
	err error) {
	rows, cols := b.bar(name).Size()
	targets := spec.targets(name, rows, cols)
	if targets == nil {
		return 0, nil
	}
	later := b.ahead(spec, name)
	write := spec.Tuning
	write.Targets, write.Tolerance = targets, spec.Start.Tolerance
	outcome, err := tuning.Tune(ctx, b.bar(name), name, write, spec.Defects[name],
		tuning.Options{Observe: func(e tuning.Event) {
			b.observe(run.Event{Kind: "device", Array: name, Phase: string(e.Phase), Done: e.Done, Total: e.Total,
				Note:  strings.TrimPrefix(procedure.PassNote(e.Pass)+", to the start", ", "),
				Ahead: slices.Concat(e.Ahead, later)})
		}})
	if outcome == nil {
		return 0, err
	}
	for _, d := range outcome.Records {
		pulses += d.Pulses
		for _, s := range d.Shots {
			law.Learn(d.Cell, s)
		}
	}
	return pulses, err
}

// verdict is the run's end: partial when the goal was not reached.
func (t *insituTrained) verdict(spec insituSpec) error {
	if t.outcome.Reached {
		return nil
	}
	return &run.Ended{Outcome: run.OutcomePartial, Err: fmt.Errorf("training in place reached %.1f %% in epoch %d of "+
		"%d; the goal is %.4g %%",
		t.outcome.Accuracy(), t.outcome.Best, t.outcome.Epochs(), spec.Training.Goal)}
}

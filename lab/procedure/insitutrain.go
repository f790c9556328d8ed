package procedure

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/instrument/profile"
	"xlab/mlp"
	"xlab/mlp/dataset"
	"xlab/mlp/hardware"
	"xlab/mlp/insitu"
	"xlab/population"
	"xlab/run"
	"xlab/run/screen"
	"xlab/tuning"
)

// InSituTraining is the job of `xlab mlp insitu`.
type InSituTraining struct {
	spec InSituSpec

	Result  InSituResult
	Outcome *insitu.Outcome // nil before training
	Held    int             // devices that were left alone

	start int             // write pulses before training
	test  *mlp.Evaluation // of the test patterns after the last epoch; nil = not classified
}

// inSituBench is what training in place works on.
type inSituBench struct {
	Crossbar   func(name string) *array.Journaled
	Classifier *hardware.Classifier
	Observe    func(run.Event)
}

// NewInSituTraining is the job of a specification.
func NewInSituTraining(s InSituSpec) *InSituTraining { return &InSituTraining{spec: s} }

// Command implements Job.
func (*InSituTraining) Command() string { return "mlp-insitu" }

// Arrays implements Job.
func (t *InSituTraining) Arrays() []string { return t.spec.Placement.Arrays() }

// Spec implements Job.
func (t *InSituTraining) Spec() any { return t.spec }

// Work implements Job.
func (t *InSituTraining) Work(ctx context.Context, b Bench) error {
	classifier, err := b.Classifier(t.spec.Design, t.spec.Placement)
	if err != nil {
		return err
	}
	err = t.train(ctx, inSituBench{Crossbar: b.Crossbar, Classifier: classifier, Observe: b.Publish})
	if err != nil || t.Outcome.Reached {
		return err
	}
	return &run.Ended{Outcome: run.OutcomePartial, Err: fmt.Errorf("training in place reached %.1f %% in epoch %d of "+
		"%d; the goal is %.4g %%",
		t.Outcome.Accuracy(), t.Outcome.Best, t.Outcome.Epochs(), t.spec.Training.Goal)}
}

// train brings the devices to their start and trains. What has been done is in t with
// an error too.
func (t *InSituTraining) train(ctx context.Context, b inSituBench) error {
	spec := &t.spec
	held, err := spec.held()
	if err != nil {
		return err
	}
	t.Held = len(held)
	set, err := spec.trainingSet()
	if err != nil {
		return err
	}
	task := insitu.Task{Design: spec.Design, Placement: spec.Placement, Set: set, Held: held,
		Arrays: make(map[string]insitu.Array), Classifier: b.Classifier}
	for _, name := range t.Arrays() {
		bar := b.Crossbar(name)
		rows, cols := bar.Size()
		// Longer reads between pulses would be more exact than the pulses need: their
		// effect scatters by a third.
		noise := profile.Of(spec.Tuning.Profile).Read.ShortNoise
		law := tuning.NewLearned(rows, cols, spec.Tuning.Profile, spec.Tuning.Pulses, noise)
		task.Arrays[name] = insitu.Array{Bench: bar, Response: law}
		if err := t.prepare(ctx, b, name, law); err != nil {
			return fmt.Errorf("bringing array %s to its start: %w", name, err)
		}
	}
	observe := func(done, total int, note string, ahead ...run.Work) {
		b.Observe(run.Event{Kind: "epoch", Phase: "epoch", Done: done, Total: total, Ahead: ahead, Note: note})
	}
	t.Outcome, err = insitu.Train(ctx, task, spec.Training, insitu.Options{Observe: func(p insitu.Point) {
		observe(p.Epoch, spec.Training.Epochs, fmt.Sprintf("accuracy %.1f %%, loss %.3g V², %s", p.Accuracy, p.Loss,
			screen.Count(p.Pulses, "pulse")), epochs(spec.Training.Epochs-p.Epoch))
	}})
	if err == nil && t.Outcome.Reached {
		observe(t.Outcome.Epochs(), t.Outcome.Epochs(), fmt.Sprintf("goal reached, accuracy %.1f %%", t.Outcome.Accuracy()))
	}
	if err != nil || !spec.Test {
		return err
	}
	test, err := dataset.Flip(set)
	if err != nil {
		return err
	}
	outputs, err := b.Classifier.Outputs(ctx, test.X)
	if err != nil {
		return fmt.Errorf("test patterns: %w", err)
	}
	t.test, err = mlp.Evaluate(outputs, test.Labels)
	return err
}

// epochs is the work of so many epochs, beside reads of devices: patterns, and
// pulses with their reads.
func epochs(n int) run.Work { return run.Work{Kind: "epoch", Steps: n, Each: 200} }

// ahead is what is to be done after an array has been brought to its start: the
// arrays after it, and all epochs.
func (t *InSituTraining) ahead(b inSituBench, array string) []run.Work {
	arrays := t.Arrays()
	var list []run.Work
	for _, name := range arrays[slices.Index(arrays, array)+1:] {
		rows, cols := b.Crossbar(name).Size()
		list = append(list, t.spec.Tuning.Ahead(len(t.spec.targets(name, rows, cols).Cells()), rows*cols)...)
	}
	return append(list, epochs(t.spec.Training.Epochs))
}

// prepare writes the starting conductances of an array and learns from the
// pulses that this takes.
func (t *InSituTraining) prepare(ctx context.Context, b inSituBench, name string, law *tuning.Learned) error {
	bar := b.Crossbar(name)
	write := t.spec.Tuning
	rows, cols := bar.Size()
	write.Targets, write.Tolerance = t.spec.targets(name, rows, cols), t.spec.Start.Tolerance
	if write.Targets == nil {
		return nil
	}
	later := t.ahead(b, name)
	outcome, err := tuning.Tune(ctx, bar, name, write, t.spec.Defects[name],
		tuning.Options{Observe: func(e tuning.Event) {
			b.Observe(run.Event{Kind: "device", Array: name, Phase: string(e.Phase), Done: e.Done, Total: e.Total,
				Note: strings.TrimPrefix(passNote(e.Pass)+", to the start", ", "), Ahead: slices.Concat(e.Ahead, later)})
		}})
	if outcome == nil {
		return err
	}
	for _, d := range outcome.Records {
		t.start += d.Pulses
		for _, s := range d.Shots {
			law.Learn(d.Cell, s)
		}
	}
	return err
}

// network is the file of the network at its best epoch.
func (t *InSituTraining) network() (*mlp.File, error) {
	set, err := t.spec.trainingSet()
	if err != nil {
		return nil, err
	}
	training, err := json.Marshal(t.spec.Training)
	if err != nil {
		return nil, err
	}
	held, err := t.spec.held()
	if err != nil {
		return nil, err
	}
	// A device that nothing moves is held where it read last.
	for i, k := range held {
		held[i].Conductance = instrument.Siemens(t.Outcome.Network.G[k.Site.Layer].At(k.Site.Row, k.Site.Col))
	}
	f := &mlp.File{Network: t.Outcome.Network, Placement: t.spec.Placement, Constraints: held, Provenance: mlp.Provenance{
		Program: run.Program(), Approach: mlp.InSitu, Seed: t.spec.Start.Seed, Training: training,
		Data: mlp.Data{Name: set.Name, Digest: set.Digest(), Samples: set.Len(), Classes: set.Classes}}}
	f.Provenance.DefectMap = defectsID(t.spec.Defects)
	return f, nil
}

// InSituResult is what `xlab mlp insitu --json` prints.
type InSituResult struct {
	Rule      insitu.RuleName   `json:"rule"`
	Classes   []string          `json:"classes"`
	Accuracy  population.Number `json:"accuracy_percent"` // of the best epoch, on the training set; null before any
	BestEpoch int               `json:"best_epoch"`
	Epochs    int               `json:"epochs"`
	Goal      float64           `json:"goal_percent"`
	Reached   bool              `json:"reached"`
	Test      *float64          `json:"test_accuracy_percent"` // after the last epoch; null when not classified
	Confusion [][]int           `json:"confusion"`             // of the best epoch
	Pulses    int               `json:"pulses"`                // of training
	Writes    int               `json:"writes"`                // in so many writes
	Limited   int               `json:"limited_writes"`        // with a source at its compliance
	Start     int               `json:"start_pulses"`          // that brought the devices to their start
	Held      int               `json:"held"`                  // devices that cannot be changed
	BadReads  int               `json:"bad_reads"`
	Curve     []insitu.Point    `json:"curve"`
	Figures
}

package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"xlab/lab/procedure"
	"xlab/lab/session"
	"xlab/mlp/insitu"
	"xlab/run"
	"xlab/run/guarded"
	"xlab/run/screen"
)

// insituCase is one kind of training in place that is studied.
type insituCase struct {
	Rule    insitu.RuleName `json:"rule"`
	Classes int             `json:"classes"`
}

// insituCases are those that a study compares with what is published.
func insituCases() []insituCase {
	return []insituCase{{insitu.Fixed, 3}, {insitu.Variable, 3}, {insitu.Variable, 4}}
}

// insituStudied is what one kind of training reached on one chip.
type insituStudied struct {
	insituCase
	Chip         uint64  `json:"chip"`             // seed
	Accuracy     float64 `json:"accuracy_percent"` // of the best epoch, on the training set
	Epochs       int     `json:"epochs"`
	Pulses       int     `json:"pulses"`
	Held         int     `json:"held"`
	BenchSeconds float64 `json:"bench_seconds"` // with the start, without forming
}

// studyInsitu trains a formed chip in place in all ways, each from the freshly
// formed chip, through the whole bench. Nothing is kept. The result depends on the
// configuration and the chip alone.
func (a *app) studyInsitu(ctx context.Context, f networkChip) ([]insituStudied, error) {
	var list []insituStudied
	for _, k := range insituCases() {
		s, err := a.insituInMemory(ctx, f, k)
		if err != nil {
			return list, fmt.Errorf("training chip %d in place, %s amplitude, %d classes: %w", f.seed, k.Rule, k.Classes, err)
		}
		list = append(list, s)
	}
	return list, nil
}

// insituInMemory trains one chip, which is left as it is.
func (a *app) insituInMemory(ctx context.Context, f networkChip, k insituCase) (s insituStudied, err error) {
	s = insituStudied{insituCase: k, Chip: f.seed}
	arrays := slices.Sorted(maps.Keys(f.defects))
	spec, err := procedure.DefaultInSituSpec(&a.Lab, k.Rule, k.Classes, strings.Join(arrays, ","))
	if err != nil {
		return s, err
	}
	spec.Defects, spec.Test = f.defects, false
	err = a.onNetworkChip(ctx, f.state, arrays,
		func(ctx context.Context, session *session.Session, stack *guarded.Stack) error {
			classifier, err := session.Classifier(spec.Design, spec.Placement, nil)
			if err != nil {
				return err
			}
			start, err := session.Analyzer.BenchTime(ctx)
			if err != nil {
				return err
			}
			t := procedure.NewInSituTraining(spec)
			if err := t.Train(ctx, procedure.InSituBench{Crossbar: stack.Crossbar, Classifier: classifier,
				Observe: func(run.Event) {}}); err != nil {
				return err
			}
			s.Accuracy, s.Epochs, s.Pulses, s.Held = t.Outcome.Accuracy(), t.Outcome.Epochs(), t.Outcome.Pulses, t.Held
			end, err := session.Analyzer.BenchTime(ctx)
			s.BenchSeconds = float64(end - start)
			return err
		})
	return s, err
}

// insituRow is one kind of training in place over all chips.
type insituRow struct {
	insituCase
	Chips        int       `json:"chips"`
	Accuracy     overChips `json:"accuracy_percent"`
	Perfect      int       `json:"perfect"` // chips on which every pattern was recognised
	Epochs       overChips `json:"epochs"`
	Pulses       overChips `json:"pulses"`
	BenchSeconds overChips `json:"bench_seconds"`
	Published    string    `json:"published"`
}

// insituRows puts the chips together, in the order of insituCases.
func insituRows(list []insituStudied) []insituRow {
	published := map[insituCase]string{{insitu.Fixed, 3}: "70 %"}
	var rows []insituRow
	for _, k := range insituCases() {
		r := insituRow{insituCase: k, Published: published[k]}
		var accuracy, epochs, pulses, seconds []float64
		for _, s := range list {
			if s.insituCase != k {
				continue
			}
			r.Chips++
			if s.Accuracy == 100 {
				r.Perfect++
			}
			accuracy, epochs = append(accuracy, s.Accuracy), append(epochs, float64(s.Epochs))
			pulses, seconds = append(pulses, float64(s.Pulses)), append(seconds, s.BenchSeconds)
		}
		r.Accuracy, r.Epochs, r.Pulses, r.BenchSeconds = overChipsOf(accuracy), overChipsOf(epochs), overChipsOf(pulses),
			overChipsOf(seconds)
		rows = append(rows, r)
	}
	return rows
}

// printInsituRows prints what training in place reached.
func (a *app) printInsituRows(rows []insituRow) error {
	w := screen.NewTable(a.out, screen.Right)
	fmt.Fprintln(w, "in place\tclasses\ttraining patterns\tlowest\tall recognised\tpublished\tepochs\tpulses\tbench time\t")
	for _, r := range rows {
		published := r.Published
		if published == "" {
			published = "-"
		}
		fmt.Fprintf(w, "%s amplitude\t%d\t%v %%\t%.1f %%\t%d of %d\t%s\t%.0f\t%.0f\t%.0f s\t\n", r.Rule, r.Classes,
			r.Accuracy, r.Accuracy.Min, r.Perfect, r.Chips, published,
			r.Epochs.Mean, r.Pulses.Mean, r.BenchSeconds.Mean)
	}
	return w.Flush()
}

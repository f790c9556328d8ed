package study

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"xlab/lab"
	"xlab/lab/procedure"
	"xlab/mlp/insitu"
)

// InSituCase is one kind of training in place that is studied.
type InSituCase struct {
	Rule    insitu.RuleName `json:"rule"`
	Classes int             `json:"classes"`
}

// inSituCases are those that a study compares with what is published.
func inSituCases() []InSituCase {
	return []InSituCase{{insitu.Fixed, 3}, {insitu.Variable, 3}, {insitu.Variable, 4}}
}

// InSituChip is what one kind of training reached on one chip.
type InSituChip struct {
	InSituCase
	Chip         uint64  `json:"chip"`             // seed
	Accuracy     float64 `json:"accuracy_percent"` // of the best epoch, on the training set
	Epochs       int     `json:"epochs"`
	Pulses       int     `json:"pulses"`
	Held         int     `json:"held"`
	BenchSeconds float64 `json:"bench_seconds"` // with the start, without forming
}

// trainInPlace trains a chip in place in all ways, each from the freshly formed chip,
// through the whole bench.
func trainInPlace(ctx context.Context, l *lab.Lab, c *Chip) ([]InSituChip, error) {
	var list []InSituChip
	for _, k := range inSituCases() {
		spec, err := procedure.DefaultInSituSpec(l, k.Rule, k.Classes,
			strings.Join(slices.Sorted(maps.Keys(c.Defects)), ","))
		if err != nil {
			return list, err
		}
		spec.Defects, spec.Test = c.Defects, false
		j := procedure.NewInSituTraining(spec)
		f, err := c.Timed(ctx, j)
		if err != nil {
			return list, fmt.Errorf("training chip %d in place, %s amplitude, %d classes: %w", c.Seed, k.Rule, k.Classes, err)
		}
		list = append(list, InSituChip{InSituCase: k, Chip: c.Seed, Accuracy: j.Outcome.Accuracy(),
			Epochs: j.Outcome.Epochs(), Pulses: j.Outcome.Pulses, Held: j.Held, BenchSeconds: f.BenchSeconds})
	}
	return list, nil
}

// InSituRow is one kind of training in place over all chips.
type InSituRow struct {
	InSituCase
	Chips        int       `json:"chips"`
	Accuracy     OverChips `json:"accuracy_percent"`
	Perfect      int       `json:"perfect"` // chips on which every pattern was recognised
	Epochs       OverChips `json:"epochs"`
	Pulses       OverChips `json:"pulses"`
	BenchSeconds OverChips `json:"bench_seconds"`
	Published    string    `json:"published"`
}

// inSituRows puts the chips together, in the order of inSituCases.
func inSituRows(list []InSituChip) []InSituRow {
	published := map[InSituCase]string{{insitu.Fixed, 3}: "70 %"}
	var rows []InSituRow
	for _, k := range inSituCases() {
		r := InSituRow{InSituCase: k, Published: published[k]}
		var accuracy, epochs, pulses, seconds []float64
		for _, s := range list {
			if s.InSituCase != k {
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

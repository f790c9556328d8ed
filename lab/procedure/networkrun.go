package procedure

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gonum.org/v1/gonum/mat"

	"xlab/instrument/array"
	"xlab/mlp"
	"xlab/mlp/dataset"
	"xlab/mlp/transfer"
	"xlab/population"
	"xlab/run"
	"xlab/run/screen"
	"xlab/tuning"
)

// NetworkRun is the job of `xlab mlp import`, `xlab mlp infer` and `xlab mlp run`: it
// writes a network into the arrays, where asked, and classifies with it.
type NetworkRun struct {
	Imported *transfer.Outcome // nil where nothing was written
	Sets     []*Classified     // training set first; none before the work
	Result   NetworkResult

	command  string
	spec     NetworkSpec
	wall     float64 // s, of the classification on the hardware
	patterns int     // classified on the hardware
	warnings []string
}

// Classified is what became of one data set. Evaluations are nil where none was made.
type Classified struct {
	Set      *dataset.Set
	Software *mlp.Evaluation
	Expected *mlp.Evaluation // by the conductances read after an import
	Hardware *mlp.Evaluation
	Fidelity *mlp.Fidelity // of the hardware to the software

	software, hardware *mat.Dense // outputs, V
}

// NewNetworkRun makes the job of a command with a network.
func NewNetworkRun(command string, spec NetworkSpec) *NetworkRun {
	return &NetworkRun{command: command, spec: spec}
}

func rebuildNetworkRun(_ Lab, h *run.Header) (Job, error) {
	spec, err := SpecOf[NetworkSpec](h)
	return NewNetworkRun(h.Command, spec), err
}

// Command implements Job.
func (w *NetworkRun) Command() string { return w.command }

// Arrays implements Job.
func (w *NetworkRun) Arrays() []string { return w.spec.Placement.Arrays() }

// Spec implements Job.
func (w *NetworkRun) Spec() any { return w.spec }

// Parameters are all that the run depends on.
func (w *NetworkRun) Parameters() *NetworkSpec { return &w.spec }

// Work implements Job.
func (w *NetworkRun) Work(ctx context.Context, b Bench) error {
	if err := w.prepare(); err != nil {
		return err
	}
	if w.spec.Import != nil {
		if err := w.write(ctx, b); err != nil {
			return err
		}
	}
	if w.spec.Classify {
		c, err := b.Classifier(w.spec.Network.Network.Design, w.spec.Placement)
		if err != nil {
			return err
		}
		if err := w.classify(ctx, c, b); err != nil {
			return err
		}
	}
	return w.verdict()
}

// prepare classifies in software.
func (w *NetworkRun) prepare() error {
	w.warnings = slices.Clone(w.spec.Warnings)
	for _, kept := range []*KeptSet{w.spec.Train, w.spec.Test} {
		s, err := kept.Set()
		if err != nil {
			return err
		}
		if s == nil {
			continue
		}
		k := &Classified{Set: s}
		if k.Software, k.software, err = evaluate(w.spec.Network.Network, s); err != nil {
			return err
		}
		w.Sets = append(w.Sets, k)
	}
	return nil
}

// write imports the weights.
func (w *NetworkRun) write(ctx context.Context, b Bench) (err error) {
	n := w.spec.Network.Network
	if w.Imported, err = w.spec.write(ctx, n, b, w.toClassify()...); err != nil {
		return err
	}
	sizes := make(map[string]mlp.ArraySize)
	for _, name := range w.Arrays() {
		rows, cols := b.Crossbar(name).Size()
		sizes[name] = mlp.ArraySize{Rows: rows, Columns: cols}
	}
	physics := seriesPhysics(n.Design, w.spec.Placement, sizes, w.spec.Lines, nil)
	for _, k := range w.Sets {
		if k.Expected, _, err = evaluate(w.Imported.Actual, k.Set, physics...); err != nil {
			return err
		}
	}
	return nil
}

// seriesPhysics conducts through the lines' resistance in every layer.
func seriesPhysics(d mlp.Design, p mlp.Placement, sizes map[string]mlp.ArraySize, lines array.Resistance,
	law mlp.Law) []mlp.Conduction {
	var list []mlp.Conduction
	for l, b := range p {
		rows, columns := d.Block(l)
		list = append(list, mlp.BlockSeries(lines, sizes[b.Array], b, rows, columns, law))
	}
	return list
}

// evaluate classifies a set in software.
func evaluate(n *mlp.Network, s *dataset.Set, physics ...mlp.Conduction) (*mlp.Evaluation, *mat.Dense, error) {
	out, err := n.Classify(s.X, physics...)
	if err != nil {
		return nil, nil, fmt.Errorf("data set %s: %w", s.Name, err)
	}
	e, err := mlp.Evaluate(out, s.Labels)
	return e, out, err
}

// classification is the work of classifying so many patterns, beside reads of
// devices.
func classification(patterns int) run.Work {
	return run.Work{Kind: "pattern", Steps: patterns, Each: 0.5}
}

// toClassify is the classification that is still to come.
func (w *NetworkRun) toClassify() []run.Work {
	if !w.spec.Classify {
		return nil
	}
	n := -w.patterns
	for _, k := range w.Sets {
		n += k.Set.Len()
	}
	return []run.Work{classification(n)}
}

// classify classifies all sets on the hardware. The record keeps the wall time that
// it took, for a replay to have it again.
func (w *NetworkRun) classify(ctx context.Context, c mlp.Classifier, b Bench) error {
	began := time.Now()
	if w.spec.Trim {
		if err := c.Trim(ctx); err != nil {
			return err
		}
	}
	for _, k := range w.Sets {
		if err := run.CheckStop(ctx); err != nil {
			return err
		}
		out, err := c.Outputs(ctx, k.Set.X)
		if err != nil {
			return fmt.Errorf("classifying %s: %w", k.Set.Name, err)
		}
		if k.Hardware, err = mlp.Evaluate(out, k.Set.Labels); err != nil {
			return err
		}
		f, err := mlp.Compare(out, k.software)
		if err != nil {
			return err
		}
		k.hardware, k.Fidelity = out, &f
		w.patterns += k.Set.Len()
		ahead := w.toClassify()
		b.Publish(run.Event{Kind: "pattern", Phase: "classification", Done: w.patterns, Total: w.patterns + ahead[0].Steps,
			Note: k.Set.Name, Ahead: ahead})
		w.warnings = append(w.warnings, k.oddities(w.spec.Network.Network.Design)...)
		if w.spec.Import == nil {
			w.warnings = append(w.warnings, OtherWeights(k.Set.Name, f)...)
		}
	}
	return b.Recall("classification wall time", nil, &w.wall, func() error {
		w.wall = time.Since(began).Seconds()
		return nil
	})
}

// oddities are what the outputs show that a person should know.
func (k *Classified) oddities(d mlp.Design) []string {
	var list []string
	undecided := 0
	for _, row := range k.Hardware.Confusion {
		undecided += row[len(row)-1]
	}
	if undecided > 0 {
		list = append(list, fmt.Sprintf("%s: %s undecided, because the largest outputs are equal, as at a supply rail",
			k.Set.Name, screen.Count(undecided, "pattern")))
	}
	samples, outputs := k.hardware.Dims()
	for j := range outputs {
		column := mat.Col(nil, j, k.hardware)
		if samples > 1 && slices.Min(column) == slices.Max(column) {
			at := ""
			if limit := float64(d.Output.Limit); column[0] >= 0.99*limit || column[0] <= -0.99*limit {
				at = ", at its supply rail"
			}
			list = append(list, fmt.Sprintf("%s: output %d (%s) is %.3g V for every pattern%s", k.Set.Name, j, k.Set.Classes[j],
				column[0], at))
		}
	}
	return list
}

// verdict is the end of a run that has done everything.
func (w *NetworkRun) verdict() error {
	if w.Imported == nil {
		return nil
	}
	good, all := w.Imported.InTolerance(), len(w.Imported.Weights)
	if s := w.spec.Import.Weights; float64(good) < s.Share*float64(all) {
		return &run.Ended{Outcome: run.OutcomeOutside, Err: fmt.Errorf("%d of %d weights are within %.3g %%, and %.4g %% "+
			"of them should be (mlp.share); %s",
			good, all, 100*s.Tolerance, 100*s.Share, w.blame())}
	}
	return nil
}

// blame says what kept weights from their targets.
func (w *NetworkRun) blame() string {
	defective := 0
	for _, d := range w.Imported.Devices {
		if d.Verdict == tuning.Defective {
			defective++
		}
	}
	text := fmt.Sprintf("%d of the devices are known to be defective, %d could not be set", defective,
		len(w.Imported.Unsettable()))
	if defective > 0 && w.spec.Network.Provenance.Approach != mlp.Aware {
		text += "; `xlab mlp train --approach aware` trains around defective devices"
	}
	return text
}

// NetworkResult is what `xlab mlp import`, `infer` and `run` print as JSON.
type NetworkResult struct {
	Approach    mlp.Approach      `json:"approach"`
	Software    Accuracies        `json:"software"`
	Hardware    *Accuracies       `json:"hardware"` // null where nothing was classified on the hardware
	Expected    *Accuracies       `json:"expected"` // computed with the conductances read; null without import
	InTolerance *int              `json:"weights_in_tolerance"`
	Weights     int               `json:"weights"`
	Held        int               `json:"held"`       // devices that training held
	Defective   int               `json:"defective"`  // unusable by the defect map, which training did not know
	Unsettable  []mlp.Device      `json:"unsettable"` // devices that no pulse brought to their targets
	MeanError   population.Number `json:"mean_error"` // of the devices written, relative; null where none was
	Pulses      int               `json:"pulses"`

	Fidelity map[string]*mlp.Fidelity `json:"fidelity,omitempty"` // by set: hardware beside software
	// by set: true class, decision; the last column is undecided
	Confusion map[string][][]int `json:"confusion,omitempty"`
	Patterns  int                `json:"patterns"` // classified on the hardware
	Classify  float64            `json:"classification_wall_seconds"`
	Warnings  []string           `json:"warnings"`
	Figures
}

// Accuracies are of the training and the test set, in percent.
type Accuracies struct {
	Train *float64 `json:"train"`
	Test  *float64 `json:"test"` // null without a test set
}

// Text is the accuracies for people.
func (x *Accuracies) Text() (train, test string) {
	show := func(p *float64) string {
		if p == nil {
			return "-"
		}
		return fmt.Sprintf("%.2f %%", *p)
	}
	if x == nil {
		return "-", "-"
	}
	return show(x.Train), show(x.Test)
}

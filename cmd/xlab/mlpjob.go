package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/lab/config"
	"xlab/lab/procedure"
	"xlab/mlp"
	"xlab/mlp/dataset"
	"xlab/mlp/draw"
	"xlab/mlp/hardware"
	"xlab/mlp/transfer"
	"xlab/population"
	"xlab/published"
	"xlab/run"
	"xlab/run/figure"
	"xlab/run/screen"
	"xlab/tuning"

	"gonum.org/v1/gonum/mat"
)

// classified is what became of one data set.
type classified struct {
	set                *dataset.Set
	software, hardware *mat.Dense // outputs, V; hardware is nil where none was asked
	soft, hard         *mlp.Evaluation
	expected           *mlp.Evaluation // by the conductances read after an import
	fidelity           *mlp.Fidelity
}

// networkRun is what a run with a network has done so far.
type networkRun struct {
	spec     procedure.NetworkSpec
	imported *transfer.Outcome
	sets     []*classified // training set first
	wall     float64       // s, of the classification on the hardware
	patterns int           // classified on the hardware
	warnings []string
	observe  func(run.Event) // told after every set that was classified; nil = nobody
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

// prepare classifies in software.
func (w *networkRun) prepare() error {
	w.warnings = slices.Clone(w.spec.Warnings)
	for _, kept := range []*procedure.KeptSet{w.spec.Train, w.spec.Test} {
		s, err := kept.Set()
		if err != nil {
			return err
		}
		if s == nil {
			continue
		}
		k := &classified{set: s}
		if k.soft, k.software, err = evaluate(w.spec.Network.Network, s); err != nil {
			return err
		}
		w.sets = append(w.sets, k)
	}
	return nil
}

// write imports the weights.
func (w *networkRun) write(ctx context.Context, bar func(name string) array.DUT,
	observe func(transfer.Event)) error {
	f, s := w.spec.Network, w.spec.Import
	task := transfer.Task{Network: f.Network, Placement: w.spec.Placement, Held: f.Constraints,
		Arrays: make(map[string]transfer.Array), Tuning: s.Tuning}
	for _, name := range w.spec.Placement.Arrays() {
		task.Arrays[name] = transfer.Array{Bench: bar(name), Defects: w.spec.Defects[name]}
	}
	var err error
	if w.imported, err = transfer.Import(ctx, task, s.Weights, transfer.Options{Observe: observe}); err != nil {
		return err
	}
	sizes := make(map[string]mlp.ArraySize)
	for name, a := range task.Arrays {
		rows, cols := a.Bench.Size()
		sizes[name] = mlp.ArraySize{Rows: rows, Columns: cols}
	}
	var physics []mlp.Conduction
	for l, b := range w.spec.Placement {
		rows, columns := f.Network.Design.Block(l)
		physics = append(physics, mlp.BlockSeries(w.spec.Lines, sizes[b.Array], b, rows, columns, nil))
	}
	for _, k := range w.sets {
		if k.expected, _, err = evaluate(w.imported.Actual, k.set, physics...); err != nil {
			return err
		}
	}
	return nil
}

// classify classifies all sets on the hardware. record keeps the wall time that
// it took, for a replay to have it again.
func (w *networkRun) classify(ctx context.Context, c mlp.Classifier, record hardware.Recorder) error {
	began := time.Now()
	if w.spec.Trim {
		if err := c.Trim(ctx); err != nil {
			return err
		}
	}
	for _, k := range w.sets {
		if err := run.CheckStop(ctx); err != nil {
			return err
		}
		out, err := c.Outputs(ctx, k.set.X)
		if err != nil {
			return fmt.Errorf("classifying %s: %w", k.set.Name, err)
		}
		if k.hard, err = mlp.Evaluate(out, k.set.Labels); err != nil {
			return err
		}
		f, err := mlp.Compare(out, k.software)
		if err != nil {
			return err
		}
		k.hardware, k.fidelity = out, &f
		w.patterns += k.set.Len()
		if w.observe != nil {
			ahead := w.toClassify()
			w.observe(run.Event{Kind: "pattern", Phase: "classification", Done: w.patterns, Total: w.patterns + ahead[0].Steps,
				Note: k.set.Name, Ahead: ahead})
		}
		w.warnings = append(w.warnings, k.oddities(w.spec.Network.Network.Design)...)
		if w.spec.Import == nil {
			w.warnings = append(w.warnings, procedure.OtherWeights(k.set.Name, f)...)
		}
	}
	return record.Recall("classification wall time", nil, &w.wall, func() error {
		w.wall = time.Since(began).Seconds()
		return nil
	})
}

// oddities are what the outputs show that a person should know.
func (k *classified) oddities(d mlp.Design) []string {
	var list []string
	undecided := 0
	for _, row := range k.hard.Confusion {
		undecided += row[len(row)-1]
	}
	if undecided > 0 {
		list = append(list, fmt.Sprintf("%s: %s undecided, because the largest outputs are equal, as at a supply rail",
			k.set.Name, screen.Count(undecided, "pattern")))
	}
	samples, outputs := k.hardware.Dims()
	for j := range outputs {
		column := mat.Col(nil, j, k.hardware)
		if samples > 1 && slices.Min(column) == slices.Max(column) {
			at := ""
			if limit := float64(d.Output.Limit); column[0] >= 0.99*limit || column[0] <= -0.99*limit {
				at = ", at its supply rail"
			}
			list = append(list, fmt.Sprintf("%s: output %d (%s) is %.3g V for every pattern%s", k.set.Name, j, k.set.Classes[j],
				column[0], at))
		}
	}
	return list
}

// verdict is the end of a run that has done everything.
func (w *networkRun) verdict() error {
	if w.imported == nil {
		return nil
	}
	good, all := w.imported.InTolerance(), len(w.imported.Weights)
	if s := w.spec.Import.Weights; float64(good) < s.Share*float64(all) {
		return &run.Ended{Outcome: run.OutcomeOutside, Err: fmt.Errorf("%d of %d weights are within %.3g %%, and %.4g %% "+
			"of them should be (mlp.share); %s",
			good, all, 100*s.Tolerance, 100*s.Share, w.blame())}
	}
	return nil
}

// blame says what kept weights from their targets.
func (w *networkRun) blame() string {
	defective := 0
	for _, d := range w.imported.Devices {
		if d.Verdict == tuning.Defective {
			defective++
		}
	}
	text := fmt.Sprintf("%d of the devices are known to be defective, %d could not be set", defective,
		len(w.imported.Unsettable()))
	if defective > 0 && w.spec.Network.Provenance.Approach != mlp.Aware {
		text += "; `xlab mlp train --approach aware` trains around defective devices"
	}
	return text
}

// mlpJob is the work of a command with a network.
func (a *app) mlpJob(c *config.Config, command string, spec procedure.NetworkSpec) job {
	w := &networkRun{spec: spec}
	var result mlpResult
	j := job{command: command, arrays: spec.Placement.Arrays(), spec: spec}
	j.work = func(ctx context.Context, r procedure.Bench) error {
		if err := w.prepare(); err != nil {
			return err
		}
		if spec.Import != nil {
			err := w.write(ctx, func(name string) array.DUT { return r.Crossbar(name) },
				func(e transfer.Event) { r.Publish(procedure.WritingEvent(e, w.toClassify()...)) })
			if err != nil {
				return err
			}
		}
		if spec.Classify {
			bench, err := r.Classifier(spec.Network.Network.Design, spec.Placement)
			if err != nil {
				return err
			}
			w.observe = func(e run.Event) { r.Publish(e) }
			if err := w.classify(ctx, bench, r); err != nil {
				return err
			}
		}
		return w.verdict()
	}
	j.summarise = func(_ procedure.Bench, f procedure.Figures) any {
		result = w.result(f)
		return result.withComparison()
	}
	j.files = func(r procedure.Bench) error { return w.files(r) }
	j.show = func(err error) error {
		if len(w.sets) == 0 || err != nil && w.imported == nil && w.patterns == 0 {
			return nil // nothing was done
		}
		if a.json {
			return a.writeJSON(result)
		}
		return w.print(a, c, result)
	}
	return j
}

// classification is the work of classifying so many patterns, beside reads of
// devices.
func classification(patterns int) run.Work {
	return run.Work{Kind: "pattern", Steps: patterns, Each: 0.5}
}

// toClassify is the classification that is still to come.
func (w *networkRun) toClassify() []run.Work {
	if !w.spec.Classify {
		return nil
	}
	n := -w.patterns
	for _, k := range w.sets {
		n += k.set.Len()
	}
	return []run.Work{classification(n)}
}

func (a *app) rebuildMLP(c *config.Config, h *run.Header) (procedure.Job, error) {
	spec, err := procedure.SpecOf[procedure.NetworkSpec](h)
	return a.mlpJob(c, h.Command, spec), err
}

// files writes the data and the figures.
func (w *networkRun) files(r procedure.Bench) error {
	if len(w.sets) == 0 {
		return nil
	}
	err := r.Write(procedure.NetworkFile, w.spec.Network.Write)
	var figures []figure.Figure
	for i, k := range w.sets {
		samples := []figure.Sample{{Name: "software", Values: k.soft.Margins}}
		shown, by := k.soft, "in software"
		if k.hard != nil {
			samples = append(samples, figure.Sample{Name: "hardware", Values: k.hard.Margins})
			shown, by = k.hard, "by the hardware"
			err = errors.Join(err, r.Write("outputs-"+setNames[i]+".csv", k.writeOutputs))
		} else if k.expected != nil {
			samples = append(samples, figure.Sample{Name: "expected by the reads", Values: k.expected.Margins})
			shown, by = k.expected, "computed with the conductances read"
		}
		figures = append(figures, draw.Confusion("confusion-"+setNames[i], "Decisions, "+k.set.Name, by, shown,
			k.set.Classes),
			draw.Margins("margins-"+setNames[i], "Margins, "+k.set.Name, samples...))
	}
	figures = append([]figure.Figure{w.accuracyFigure()}, figures...)
	if o := w.imported; o != nil {
		err = errors.Join(err, r.Write("devices.csv", o.WriteCSV))
		figures = append(figures, weightFigure(w.spec.Import.Weights.Tolerance, o))
		measured := mlp.File{Provenance: w.spec.Network.Provenance, Network: o.Actual, Placement: w.spec.Placement}
		err = errors.Join(err, r.Write("network-read.json", measured.Write))
	}
	return errors.Join(err, r.Draw(figures...))
}

// accuracyFigure sets the parts recognised beside published ones.
func (w *networkRun) accuracyFigure() figure.Figure {
	l := figure.Lines{Title: "Patterns recognised", Y: figure.Axis{Label: "recognised", Unit: "%"}}
	add := func(name string, shift float64, of func(k *classified) *mlp.Evaluation) {
		s := figure.Series{Name: name, NoLine: true}
		for i, k := range w.sets {
			if e := of(k); e != nil {
				low, high := population.Share(float64(e.Correct)/float64(e.Samples), e.Samples)
				s.X, s.Y = append(s.X, float64(i+1)+shift), append(s.Y, e.Accuracy)
				s.Low, s.High = append(s.Low, 100*low), append(s.High, 100*high)
			}
		}
		if len(s.X) > 0 {
			l.Series = append(l.Series, s)
		}
	}
	add("software", -0.15, func(k *classified) *mlp.Evaluation { return k.soft })
	add("expected by the reads", -0.05, func(k *classified) *mlp.Evaluation { return k.expected })
	add("hardware", 0.05, func(k *classified) *mlp.Evaluation { return k.hard })
	caption := "Part of the patterns that is recognised"
	for i, k := range w.sets {
		l.X.Names = append(l.X.Names, k.set.Name)
		caption += []string{": ", ", "}[min(i, 1)] + fmt.Sprintf("%d of %s", k.set.Len(), k.set.Name)
	}
	caption += ". Error bars: one standard deviation of a share counted in so many patterns."
	if train, test, known := publishedLoss(w.spec.Network.Provenance.Approach); known && len(w.sets) > 0 {
		soft := figure.Series{Name: "published, software", NoLine: true, Other: true, X: []float64{1.15, 2.15},
			Y: []float64{published.SoftwareTrain, published.SoftwareTest}}
		hard := figure.Series{Name: "published, hardware", NoLine: true, Other: true, X: []float64{1.25, 2.25},
			Y: []float64{published.SoftwareTrain + train, published.SoftwareTest + test}}
		for _, s := range []figure.Series{soft, hard} {
			s.X, s.Y = s.X[:len(w.sets)], s.Y[:len(w.sets)]
			l.Series = append(l.Series, s)
		}
		caption += " Published: other letters, " + published.Arrays + "."
	}
	return figure.Figure{Name: "accuracy", Spec: l, Caption: caption}
}

// writeOutputs writes one line per pattern.
func (k *classified) writeOutputs(w io.Writer) error {
	head := []string{"sample", "class", "decision"}
	for _, kind := range []string{"software", "hardware"} {
		for _, class := range k.set.Classes {
			head = append(head, kind+"_"+class+"_V")
		}
	}
	if _, err := fmt.Fprintln(w, strings.Join(head, ",")); err != nil {
		return err
	}
	for i := range k.set.Len() {
		decision := ""
		if d := mlp.Decide(k.hardware.RawRowView(i)); d != mlp.Undecided {
			decision = k.set.Classes[d]
		}
		fmt.Fprintf(w, "%d,%s,%s", i, k.set.Classes[k.set.Labels[i]], decision)
		for _, out := range []*mat.Dense{k.software, k.hardware} {
			for _, v := range out.RawRowView(i) {
				fmt.Fprint(w, ",", instrument.Decimal(v))
			}
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
	}
	return nil
}

// weightFigure sets what devices read beside what they were to be.
func weightFigure(tolerance float64, o *transfer.Outcome) figure.Figure {
	groups := []figure.Group{{Name: "carrying"}, {Name: "idle"}, {Name: "held or defective"}}
	for _, d := range o.Devices {
		g := &groups[0]
		switch {
		case d.Verdict == transfer.Held || d.Verdict == tuning.Defective:
			g = &groups[2]
		case d.Idle:
			g = &groups[1]
		}
		g.X, g.Y = append(g.X, float64(d.Conductance)), append(g.Y, float64(d.Final))
	}
	return figure.Figure{Name: "weights",
		Caption: fmt.Sprintf("Each device of the network: its conductance by the last read against the trained one. "+
			"Devices are raised from below and left alone as soon as they are within the tolerance of %.3g %%; "+
			"above about 50 µS a pulse adds less than the band is wide, so that nearly all stop in its lower half. "+
			"Carrying devices are aimed at what makes the weight right beside the idle one of its pair, "+
			"which may be outside of the band; idle ones may be off by more (mlp.idle_tolerance).", 100*tolerance),
		Spec: figure.Scatter{Title: "Conductances after the import", Axis: figure.Axis{Unit: "S", Log: true},
			Tolerance: tolerance,
			Groups:    slices.DeleteFunc(groups, func(g figure.Group) bool { return len(g.X) == 0 })}}
}

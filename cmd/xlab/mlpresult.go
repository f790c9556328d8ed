package main

import (
	"fmt"
	"path/filepath"

	"xlab/lab/config"
	"xlab/lab/procedure"
	"xlab/mlp"
	"xlab/population"
	"xlab/published"
	"xlab/run/keyfigure"
	"xlab/run/screen"
	"xlab/tuning"
)

// mlpResult is what `xlab mlp import`, `infer` and `run` print as JSON.
type mlpResult struct {
	Approach    mlp.Approach      `json:"approach"`
	Software    accuracies        `json:"software"`
	Hardware    *accuracies       `json:"hardware"` // null where nothing was classified on the hardware
	Expected    *accuracies       `json:"expected"` // computed with the conductances read; null without import
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
	procedure.Figures
}

// setNames are the sets' names in results, in the order of networkRun.sets.
var setNames = [...]string{"train", "test"}

func (w *networkRun) result(f procedure.Figures) mlpResult {
	n := w.spec.Network
	r := mlpResult{Approach: n.Provenance.Approach, Weights: n.Network.Design.Devices() / 2, Held: len(n.Constraints),
		Unsettable: []mlp.Device{},
		MeanError:  population.Undefined, Patterns: w.patterns, Classify: w.wall,
		Warnings: append([]string{}, w.warnings...), Figures: f}
	pick := func(of func(*classified) *mlp.Evaluation) *accuracies {
		x, any := &accuracies{}, false
		for i, k := range w.sets {
			if e := of(k); e != nil {
				any = true
				*[]**float64{&x.Train, &x.Test}[i] = &e.Accuracy
			}
		}
		if !any {
			return nil
		}
		return x
	}
	if x := pick(func(k *classified) *mlp.Evaluation { return k.soft }); x != nil {
		r.Software = *x
	}
	r.Hardware = pick(func(k *classified) *mlp.Evaluation { return k.hard })
	r.Expected = pick(func(k *classified) *mlp.Evaluation { return k.expected })
	for i, k := range w.sets {
		if k.hard == nil {
			continue
		}
		if r.Fidelity == nil {
			r.Fidelity, r.Confusion = make(map[string]*mlp.Fidelity), make(map[string][][]int)
		}
		r.Fidelity[setNames[i]], r.Confusion[setNames[i]] = k.fidelity, k.hard.Confusion
	}
	if o := w.imported; o != nil {
		good := o.InTolerance()
		r.InTolerance, r.MeanError, r.Pulses = &good, o.MeanError(), o.Pulses()
		for _, d := range o.Devices {
			if d.Verdict == tuning.Defective {
				r.Defective++
			}
		}
		for _, d := range o.Unsettable() {
			r.Unsettable = append(r.Unsettable, d.Device)
		}
	}
	return r
}

// withComparison is the result as a run's summary keeps it.
func (r *mlpResult) withComparison() any {
	return struct {
		mlpResult
		Comparison []keyfigure.Comparison `json:"comparison,omitempty"`
	}{*r, r.compare()}
}

// publishedLoss is the published difference to software of an approach, in points.
func publishedLoss(approach mlp.Approach) (train, test float64, known bool) {
	if approach != mlp.Oblivious && approach != mlp.Aware {
		return 0, 0, false
	}
	train, test = published.Transfer(approach == mlp.Aware)
	return train, test, true
}

// compare sets the accuracies beside published ones.
func (r *mlpResult) compare() []keyfigure.Comparison {
	const source = published.Arrays + ", other letter patterns"
	var list []keyfigure.Comparison
	add := func(what, published, format string, x float64) {
		list = append(list, keyfigure.Comparison{What: what, Published: published, Measured: fmt.Sprintf(format, x),
			Source: source})
	}
	train, test, known := publishedLoss(r.Approach)
	for _, k := range []struct {
		name           string
		software, loss float64
		of             func(*accuracies) *float64
	}{{"training set", published.SoftwareTrain, train, func(x *accuracies) *float64 { return x.Train }},
		{"test set", published.SoftwareTest, test, func(x *accuracies) *float64 { return x.Test }}} {
		soft := k.of(&r.Software)
		if soft == nil {
			continue
		}
		add(k.name+" in software", fmt.Sprintf("%.4g %%", k.software), "%.2f %%", *soft)
		if r.Hardware == nil || !known {
			continue
		}
		if hard := k.of(r.Hardware); hard != nil { // a run that ended between the sets has one of them
			add(k.name+", hardware less software in points", fmt.Sprintf("%g", k.loss), "%+.2f", *hard-*soft)
		}
	}
	return list
}

func (w *networkRun) print(a *app, c *config.Config, r mlpResult) error {
	n := w.spec.Network
	fmt.Fprintf(a.out, "network %s, %s, trained on %s\n\n", procedure.SizesText(n.Network.Design), r.Approach,
		n.Provenance.Data.Name)
	t := screen.NewTable(a.out, screen.Right)
	fmt.Fprintln(t, "\ttraining\ttest\t")
	for _, line := range []struct {
		name string
		x    *accuracies
	}{{"software", &r.Software}, {"expected by the reads", r.Expected}, {"hardware", r.Hardware}} {
		if line.x != nil {
			train, test := line.x.text()
			fmt.Fprintf(t, "%s\t%s\t%s\t\n", line.name, train, test)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, k := range w.sets {
		shown, by := k.hard, "by the hardware"
		if shown == nil {
			if shown, by = k.expected, "computed from the reads"; shown == nil {
				continue
			}
		}
		table, err := shown.Table(k.set.Classes)
		if err != nil {
			return err
		}
		fmt.Fprintf(a.out, "\n%s, %s (true class down, decision across):\n%s", k.set.Name, by, table)
		if f := k.fidelity; f != nil {
			fmt.Fprintf(a.out, "beside the software: %.2f %% equal decisions, outputs %.3g V apart (rms), correlation %.3f\n",
				f.Agreement, f.RMS, f.Correlation)
		}
	}
	fmt.Fprintln(a.out)
	if o := w.imported; o != nil {
		fmt.Fprintf(a.out, "%d of %d weights within %.3g %%, devices off by %s on average, %s\n",
			*r.InTolerance, r.Weights, 100*w.spec.Import.Weights.Tolerance,
			r.MeanError.Text(population.Format("%.1f %%", 100)), screen.Count(r.Pulses, "write pulse"))
		for _, d := range o.Unsettable() {
			fmt.Fprintf(a.out, "  %s, %s: target %v, read %v: %s\n", d.Device, d.Site, d.Aim, d.Final, d.Reason)
		}
	}
	if w.patterns > 0 {
		fmt.Fprintf(a.out, "%s on the hardware in %.2f s of wall time\n", screen.Count(w.patterns, "pattern"), w.wall)
	}
	for _, text := range r.Warnings {
		fmt.Fprintln(a.Messages, "warning: "+text)
	}
	fmt.Fprint(a.out, r.OverheadLine())
	_, err := fmt.Fprintf(a.out, "run %s\n", filepath.Join(c.Runs, r.Run))
	return err
}

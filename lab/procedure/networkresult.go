package procedure

import (
	"fmt"
	"xlab/mlp"
	"xlab/population"
	"xlab/published"
	"xlab/run/keyfigure"
	"xlab/tuning"
)

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

// setNames are the sets' names in results, in the order of NetworkRun.Sets.
var setNames = [...]string{"train", "test"}

func (w *NetworkRun) result(f Figures) NetworkResult {
	n := w.spec.Network
	r := NetworkResult{Approach: n.Provenance.Approach, Weights: n.Network.Design.Devices() / 2, Held: len(n.Constraints),
		Unsettable: []mlp.Device{},
		MeanError:  population.Undefined, Patterns: w.patterns, Classify: w.wall,
		Warnings: append([]string{}, w.warnings...), Figures: f}
	pick := func(of func(*Classified) *mlp.Evaluation) *Accuracies {
		x, any := &Accuracies{}, false
		for i, k := range w.Sets {
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
	if x := pick(func(k *Classified) *mlp.Evaluation { return k.Software }); x != nil {
		r.Software = *x
	}
	r.Hardware = pick(func(k *Classified) *mlp.Evaluation { return k.Hardware })
	r.Expected = pick(func(k *Classified) *mlp.Evaluation { return k.Expected })
	for i, k := range w.Sets {
		if k.Hardware == nil {
			continue
		}
		if r.Fidelity == nil {
			r.Fidelity, r.Confusion = make(map[string]*mlp.Fidelity), make(map[string][][]int)
		}
		r.Fidelity[setNames[i]], r.Confusion[setNames[i]] = k.Fidelity, k.Hardware.Confusion
	}
	if o := w.Imported; o != nil {
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

// Summary implements Job.
func (w *NetworkRun) Summary(_ Bench, f Figures) any {
	w.Result = w.result(f)
	return struct {
		NetworkResult
		Comparison []keyfigure.Comparison `json:"comparison,omitempty"`
	}{w.Result, w.Result.compare()}
}

// PublishedLoss is the published difference to software of an approach, in points.
func PublishedLoss(approach mlp.Approach) (train, test float64, known bool) {
	if approach != mlp.Oblivious && approach != mlp.Aware {
		return 0, 0, false
	}
	train, test = published.Transfer(approach == mlp.Aware)
	return train, test, true
}

// compare sets the accuracies beside published ones.
func (r *NetworkResult) compare() []keyfigure.Comparison {
	const source = published.Arrays + ", other letter patterns"
	var list []keyfigure.Comparison
	add := func(what, published, format string, x float64) {
		list = append(list, keyfigure.Comparison{What: what, Published: published, Measured: fmt.Sprintf(format, x),
			Source: source})
	}
	train, test, known := PublishedLoss(r.Approach)
	for _, k := range []struct {
		name           string
		software, loss float64
		of             func(*Accuracies) *float64
	}{{"training set", published.SoftwareTrain, train, func(x *Accuracies) *float64 { return x.Train }},
		{"test set", published.SoftwareTest, test, func(x *Accuracies) *float64 { return x.Test }}} {
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

package procedure

import (
	"fmt"

	"xlab/mlp"
	"xlab/population"
	"xlab/published"
	"xlab/run/keyfigure"
	"xlab/tuning"
)

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

package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"xlab/instrument"
	"xlab/lab/procedure"
	"xlab/mlp/draw"
	"xlab/mlp/insitu"
	"xlab/population"
	"xlab/published"
	"xlab/run/figure"
	"xlab/run/screen"
)

// insituResult is what `xlab mlp insitu --json` prints.
type insituResult struct {
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
	procedure.Figures
}

func (t *insituTrained) result(spec insituSpec, f procedure.Figures) insituResult {
	r := insituResult{Rule: spec.Training.Rule, Classes: spec.Classes, Goal: spec.Training.Goal,
		Accuracy: population.Undefined, Curve: []insitu.Point{}, Confusion: [][]int{}, Figures: f}
	if t == nil {
		return r
	}
	r.Held, r.Start = t.held, t.start
	o := t.outcome
	if o == nil {
		return r
	}
	r.Accuracy, r.BestEpoch, r.Epochs, r.Reached = population.Number(o.Accuracy()), o.Best, o.Epochs(), o.Reached
	r.Confusion, r.Pulses, r.BadReads, r.Curve = o.Result.Confusion, o.Pulses, o.BadReads, o.Curve
	for _, p := range o.Curve {
		r.Writes += p.Writes
		r.Limited += p.Limited
	}
	if t.test != nil {
		r.Test = &t.test.Accuracy
	}
	return r
}

// insituFiles writes the curve, the network at its best, and the figures.
func insituFiles(r procedure.Bench, spec insituSpec, t *insituTrained) error {
	errs := []error{
		r.Write("training.csv", func(w io.Writer) error { return writeInsituCurve(w, t.outcome.Curve) }),
		r.Draw(insituCurve(spec, t.outcome), draw.Confusion("confusion", "Training patterns",
			fmt.Sprintf("best epoch, %d", t.outcome.Best), t.outcome.Result, spec.Classes)),
	}
	f, err := insituNetwork(spec, t)
	if err == nil {
		err = r.Write(procedure.NetworkFile, f.Write)
	}
	return errors.Join(append(errs, err)...)
}

// insituCurve is the accuracy over the epochs.
func insituCurve(spec insituSpec, o *insitu.Outcome) figure.Figure {
	measured := figure.Series{Name: "measured", Markers: len(o.Curve) <= 60}
	for _, p := range o.Curve {
		low, high := population.Share(p.Accuracy/100, o.Result.Samples)
		measured.X, measured.Y = append(measured.X, float64(p.Epoch)), append(measured.Y, p.Accuracy)
		measured.Low, measured.High = append(measured.Low, 100*low), append(measured.High, 100*high)
	}
	l := figure.Lines{Title: "Training in place", Subtitle: fmt.Sprintf("%s amplitude, %d classes, %s",
		spec.Training.Rule, len(spec.Classes), screen.Count(o.Pulses, "pulse")),
		X: figure.Axis{Label: "epoch"}, Y: figure.Axis{Label: "training patterns recognised", Unit: "%", Min: 0, Max: 105},
		Series: []figure.Series{measured}, Levels: []figure.Mark{{Name: "goal", Values: []float64{spec.Training.Goal}}}}
	if o.Best > 0 {
		l.Moments = []figure.Mark{{Name: "best epoch", Values: []float64{float64(o.Best)}}}
	}
	caption := fmt.Sprintf("Part of the %d training patterns that the hardware recognises, before training (0) and "+
		"after each epoch. Error bars: one standard deviation of a share counted in so many patterns.", o.Result.Samples)
	if spec.Training.Rule == insitu.Fixed && len(spec.Classes) == 3 {
		l.Levels = append(l.Levels, figure.Mark{Name: "published", Values: []float64{published.InPlace}})
		caption += fmt.Sprintf(" Published: %d %% with pulses of one amplitude and three classes of other letters (%s).",
			published.InPlace, published.Arrays)
	} else {
		caption += " The rule is the project's own: nothing is published for it."
	}
	return figure.Figure{Name: "training", Spec: l, Caption: caption}
}

func writeInsituCurve(w io.Writer, curve []insitu.Point) error {
	c := csv.NewWriter(w)
	if err := c.Write([]string{"epoch", "accuracy_percent", "loss_V2", "pulses", "writes", "limited", "unreachable",
		"at_bound"}); err != nil {
		return err
	}
	for _, p := range curve {
		if err := c.Write([]string{strconv.Itoa(p.Epoch), instrument.Decimal(p.Accuracy), instrument.Decimal(p.Loss),
			strconv.Itoa(p.Pulses), strconv.Itoa(p.Writes), strconv.Itoa(p.Limited), strconv.Itoa(p.Unreachable),
			strconv.Itoa(p.AtBound)}); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

func (a *app) printInsitu(spec insituSpec, t *insituTrained, result insituResult) error {
	table, err := t.outcome.Result.Table(spec.Classes)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "training in place, %s amplitude, %d classes\n\n%s\n", spec.Training.Rule, len(spec.Classes), table)
	fmt.Fprintf(a.out, "training patterns: %.1f %% in epoch %d of %d (goal %.4g %%)\n", result.Accuracy, result.BestEpoch,
		result.Epochs, result.Goal)
	if result.Test != nil {
		fmt.Fprintf(a.out, "test patterns: %.1f %% after the last epoch\n", *result.Test)
	}
	fmt.Fprintf(a.out, "%s in %s, %d before training; %s held\n", screen.Count(result.Pulses, "pulse"),
		screen.Count(result.Writes, "write"), result.Start, screen.Count(result.Held, "device"))
	if result.Limited > 0 {
		fmt.Fprintf(a.out, "in %s a source was at its compliance (tuning.compliance): "+
			"these pulses were weaker than meant\n", screen.Count(result.Limited, "write"))
	}
	fmt.Fprint(a.out, result.OverheadLine())
	_, err = fmt.Fprintf(a.out, "run %s: network.json, training.svg\n", filepath.Join(a.Config.Runs, result.Run))
	return err
}

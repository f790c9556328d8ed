package procedure

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"

	"xlab/figure"
	"xlab/instrument"
	"xlab/mlp/draw"
	"xlab/mlp/insitu"
	"xlab/population"
	"xlab/published"
	"xlab/run/screen"
)

// Summary implements Job.
func (t *InSituTraining) Summary(_ Bench, f Figures) any {
	r := &t.Result
	*r = InSituResult{Rule: t.spec.Training.Rule, Classes: t.spec.Classes, Goal: t.spec.Training.Goal,
		Accuracy: population.Undefined, Curve: []insitu.Point{}, Confusion: [][]int{}, Held: t.Held, Start: t.start,
		Figures: f}
	o := t.Outcome
	if o == nil {
		return t.Result
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
	return t.Result
}

// Files implements Job: the curve, the network at its best, and the figures.
func (t *InSituTraining) Files(b Bench) error {
	if t.Outcome == nil {
		return nil
	}
	errs := []error{
		b.Write("training.csv", func(w io.Writer) error { return writeInSituCurve(w, t.Outcome.Curve) }),
		b.Draw(t.curve(), draw.Confusion("confusion", "Training patterns",
			fmt.Sprintf("best epoch, %d", t.Outcome.Best), t.Outcome.Result, t.spec.Classes)),
	}
	f, err := t.network()
	if err == nil {
		err = b.Write(networkFile, f.Write)
	}
	return errors.Join(append(errs, err)...)
}

// curve is the accuracy over the epochs.
func (t *InSituTraining) curve() figure.Figure {
	spec, o := &t.spec, t.Outcome
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

func writeInSituCurve(w io.Writer, curve []insitu.Point) error {
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

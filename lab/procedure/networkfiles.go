package procedure

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"

	"xlab/figure"
	"xlab/instrument"
	"xlab/mlp"
	"xlab/mlp/draw"
	"xlab/mlp/transfer"
	"xlab/population"
	"xlab/published"
	"xlab/tuning"
)

// Files implements Job.
func (w *NetworkRun) Files(b Bench) error {
	if len(w.Sets) == 0 {
		return nil
	}
	err := b.Write(networkFile, w.spec.Network.Write)
	var figures []figure.Figure
	for i, k := range w.Sets {
		samples := []figure.Sample{{Name: "software", Values: k.Software.Margins}}
		shown, by := k.Software, "in software"
		if k.Hardware != nil {
			samples = append(samples, figure.Sample{Name: "hardware", Values: k.Hardware.Margins})
			shown, by = k.Hardware, "by the hardware"
			err = errors.Join(err, b.Write("outputs-"+setNames[i]+".csv", k.writeOutputs))
		} else if k.Expected != nil {
			samples = append(samples, figure.Sample{Name: "expected by the reads", Values: k.Expected.Margins})
			shown, by = k.Expected, "computed with the conductances read"
		}
		figures = append(figures, draw.Confusion("confusion-"+setNames[i], "Decisions, "+k.Set.Name, by, shown,
			k.Set.Classes),
			draw.Margins("margins-"+setNames[i], "Margins, "+k.Set.Name, samples...))
	}
	figures = append([]figure.Figure{w.accuracyFigure()}, figures...)
	if o := w.Imported; o != nil {
		err = errors.Join(err, b.Write("devices.csv", o.WriteCSV))
		figures = append(figures, weightFigure(w.spec.Import.Weights.Tolerance, o))
		measured := mlp.File{Provenance: w.spec.Network.Provenance, Network: o.Actual, Placement: w.spec.Placement}
		err = errors.Join(err, b.Write("network-read.json", measured.Write))
	}
	return errors.Join(err, b.Draw(figures...))
}

// accuracyFigure sets the parts recognised beside published ones.
func (w *NetworkRun) accuracyFigure() figure.Figure {
	l := figure.Lines{Title: "Patterns recognised", Y: figure.Axis{Label: "recognised", Unit: "%"}}
	add := func(name string, shift float64, of func(k *Classified) *mlp.Evaluation) {
		s := figure.Series{Name: name, NoLine: true}
		for i, k := range w.Sets {
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
	add("software", -0.15, func(k *Classified) *mlp.Evaluation { return k.Software })
	add("expected by the reads", -0.05, func(k *Classified) *mlp.Evaluation { return k.Expected })
	add("hardware", 0.05, func(k *Classified) *mlp.Evaluation { return k.Hardware })
	caption := "Part of the patterns that is recognised"
	for i, k := range w.Sets {
		l.X.Names = append(l.X.Names, k.Set.Name)
		caption += []string{": ", ", "}[min(i, 1)] + fmt.Sprintf("%d of %s", k.Set.Len(), k.Set.Name)
	}
	caption += ". Error bars: one standard deviation of a share counted in so many patterns."
	if train, test, known := PublishedLoss(w.spec.Network.Provenance.Approach); known && len(w.Sets) > 0 {
		soft := figure.Series{Name: "published, software", NoLine: true, Other: true, X: []float64{1.15, 2.15},
			Y: []float64{published.SoftwareTrain, published.SoftwareTest}}
		hard := figure.Series{Name: "published, hardware", NoLine: true, Other: true, X: []float64{1.25, 2.25},
			Y: []float64{published.SoftwareTrain + train, published.SoftwareTest + test}}
		for _, s := range []figure.Series{soft, hard} {
			s.X, s.Y = s.X[:len(w.Sets)], s.Y[:len(w.Sets)]
			l.Series = append(l.Series, s)
		}
		caption += " Published: other letters, " + published.Arrays + "."
	}
	return figure.Figure{Name: "accuracy", Spec: l, Caption: caption}
}

// writeOutputs writes one line per pattern.
func (k *Classified) writeOutputs(w io.Writer) error {
	head := []string{"sample", "class", "decision"}
	for _, kind := range []string{"software", "hardware"} {
		for _, class := range k.Set.Classes {
			head = append(head, kind+"_"+class+"_V")
		}
	}
	if _, err := fmt.Fprintln(w, strings.Join(head, ",")); err != nil {
		return err
	}
	for i := range k.Set.Len() {
		decision := ""
		if d := mlp.Decide(k.hardware.RawRowView(i)); d != mlp.Undecided {
			decision = k.Set.Classes[d]
		}
		fmt.Fprintf(w, "%d,%s,%s", i, k.Set.Classes[k.Set.Labels[i]], decision)
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

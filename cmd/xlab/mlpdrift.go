package main

import (
	"fmt"
	"path/filepath"

	"xlab/lab/procedure"
	"xlab/run/screen"
)

// showStability prints how a network fared over time or temperature.
func (a *app) showStability(j *procedure.StabilityMeasurement) error {
	r := &j.Result
	switch {
	case len(r.Points) == 0:
		return nil
	case a.json:
		return a.writeJSON(r)
	}
	fmt.Fprintf(a.out, "network %s, %s\n\n", r.Network, procedure.SizesText(j.Design()))
	w := screen.NewTable(a.out, screen.Left)
	fmt.Fprintln(w, "\tcondition\ttraining\ttest\tgain\toutputs changed by\t")
	for _, v := range r.Variants {
		for _, p := range r.Points {
			if p.Variant != v {
				continue
			}
			test := "-"
			if p.Test != nil {
				test = fmt.Sprintf("%.2f %%", *p.Test)
			}
			fmt.Fprintf(w, "%s\t%s\t%.2f %%\t%s\t%.3f\t%.3g V\t\n", procedure.VariantNames[v], p.Condition(), p.Train, test,
				p.Gain, p.Fidelity.RMS)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if r.Reference != nil {
		fmt.Fprintf(a.out, "the gain with feedback follows device %s of array %s, written to %v\n", r.Reference.Cell,
			r.Reference.Array, r.Reference.Conductance)
	}
	for _, text := range r.Warnings {
		fmt.Fprintln(a.Messages, "warning: "+text)
	}
	fmt.Fprint(a.out, r.OverheadLine())
	_, err := fmt.Fprintf(a.out, "run %s: points.csv, accuracy.svg, outputs.svg\n", filepath.Join(a.Config.Runs, r.Run))
	return err
}

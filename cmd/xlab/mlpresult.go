package main

import (
	"fmt"
	"path/filepath"

	"xlab/lab/procedure"
	"xlab/population"
	"xlab/run/screen"
)

// showNetwork prints how well a network does, and what became of its weights.
func (a *app) showNetwork(j *procedure.NetworkRun, err error) error {
	r, n := &j.Result, j.Parameters().Network
	switch {
	case len(j.Sets) == 0 || err != nil && j.Imported == nil && r.Patterns == 0:
		return nil // nothing was done
	case a.json:
		return a.writeJSON(r)
	}
	fmt.Fprintf(a.out, "network %s, %s, trained on %s\n\n", procedure.SizesText(n.Network.Design), r.Approach,
		n.Provenance.Data.Name)
	t := screen.NewTable(a.out, screen.Right)
	fmt.Fprintln(t, "\ttraining\ttest\t")
	for _, line := range []struct {
		name string
		x    *procedure.Accuracies
	}{{"software", &r.Software}, {"expected by the reads", r.Expected}, {"hardware", r.Hardware}} {
		if line.x != nil {
			train, test := line.x.Text()
			fmt.Fprintf(t, "%s\t%s\t%s\t\n", line.name, train, test)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, k := range j.Sets {
		shown, by := k.Hardware, "by the hardware"
		if shown == nil {
			if shown, by = k.Expected, "computed from the reads"; shown == nil {
				continue
			}
		}
		table, err := shown.Table(k.Set.Classes)
		if err != nil {
			return err
		}
		fmt.Fprintf(a.out, "\n%s, %s (true class down, decision across):\n%s", k.Set.Name, by, table)
		if f := k.Fidelity; f != nil {
			fmt.Fprintf(a.out, "beside the software: %.2f %% equal decisions, outputs %.3g V apart (rms), correlation %.3f\n",
				f.Agreement, f.RMS, f.Correlation)
		}
	}
	fmt.Fprintln(a.out)
	if o := j.Imported; o != nil {
		fmt.Fprintf(a.out, "%d of %d weights within %.3g %%, devices off by %s on average, %s\n",
			*r.InTolerance, r.Weights, 100*j.Parameters().Import.Weights.Tolerance,
			r.MeanError.Text(population.Format("%.1f %%", 100)), screen.Count(r.Pulses, "write pulse"))
		for _, d := range o.Unsettable() {
			fmt.Fprintf(a.out, "  %s, %s: target %v, read %v: %s\n", d.Device, d.Site, d.Aim, d.Final, d.Reason)
		}
	}
	if r.Patterns > 0 {
		fmt.Fprintf(a.out, "%s on the hardware in %.2f s of wall time\n", screen.Count(r.Patterns, "pattern"), r.Classify)
	}
	for _, text := range r.Warnings {
		fmt.Fprintln(a.Messages, "warning: "+text)
	}
	fmt.Fprint(a.out, r.OverheadLine())
	_, err = fmt.Fprintf(a.out, "run %s\n", filepath.Join(a.Config.Runs, r.Run))
	return err
}

package main

import (
	"fmt"
	"path/filepath"

	"xlab/lab/procedure"
	"xlab/run/screen"
)

// showInSitu prints what a training in place reached.
func (a *app) showInSitu(t *procedure.InSituTraining) error {
	result := &t.Result
	switch {
	case t.Outcome == nil:
		return nil
	case a.json:
		return a.writeJSON(result)
	}
	table, err := t.Outcome.Result.Table(result.Classes)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "training in place, %s amplitude, %d classes\n\n%s\n", result.Rule, len(result.Classes), table)
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

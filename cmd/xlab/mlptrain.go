package main

import (
	"fmt"
	"path/filepath"

	"xlab/lab/procedure"
	"xlab/run/screen"
)

// showTraining prints what a training reached, unless it could not be kept.
func (a *app) showTraining(j *procedure.Training, err error) error {
	result := j.Result
	if err != nil {
		return nil
	}
	for _, w := range result.Warnings {
		fmt.Fprintln(a.Messages, "warning: "+w)
	}
	if a.json {
		return a.writeJSON(result)
	}
	train, test := result.Software.Text()
	fmt.Fprintf(a.out, "network %s, %s, seed %d: %s of the training set, %s of the test set; with the errors trained "+
		"with %.2f %%\n",
		procedure.SizesText(j.File.Network.Design), result.Approach, result.Seed, train, test, result.Survived)
	if result.Held > 0 {
		fmt.Fprintf(a.out, "%s held where the defect map has them\n", screen.Count(result.Held, "device"))
	}
	_, err = fmt.Fprintf(a.out, "%s\nrun %s\n", result.File, filepath.Join(a.Config.Runs, result.Run))
	return err
}

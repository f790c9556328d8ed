package main

import (
	"fmt"

	"xlab/lab/procedure"
)

// showSweeping prints the curve of a device.
func (a *app) showSweeping(j *procedure.Sweeping, err error) error {
	result := &j.Result
	switch {
	case err != nil && len(result.Levels) == 0:
		return nil
	case a.json:
		return a.writeJSON(result)
	}
	if result.Status != "" && err == nil { // else it is the error
		fmt.Fprintf(a.Messages, "%s: %s\n", result.Cell, result.Status)
	}
	return result.CSV(a.data())
}

package main

import (
	"fmt"
	"path/filepath"

	"xlab/instrument"
	"xlab/lab/procedure"
)

// showPulse prints what a pulse did.
func (a *app) showPulse(j *procedure.Pulsing) error {
	r := &j.Result
	if a.json {
		return a.writeJSON(r)
	}
	if r.Current != nil {
		fmt.Fprintf(a.out, "%s: %v during %v of %v, other lines %s\n", r.Cell, instrument.Amps(*r.Current), r.Pulse.Width,
			r.Pulse.Voltage, r.Pulse.Scheme)
	}
	for _, read := range []struct {
		g    *float64
		when string
	}{{r.Before, "before"}, {r.After, "behind"}} {
		if read.g != nil {
			fmt.Fprintf(a.out, "%s: %v read %s it\n", r.Cell, instrument.Siemens(*read.g), read.when)
		}
	}
	_, err := fmt.Fprintf(a.out, "run %s\n", filepath.Join(a.Config.Runs, r.Run))
	return err
}

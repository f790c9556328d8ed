package tuning

import (
	"fmt"
	"math"

	"xlab/instrument"
	"xlab/instrument/array"
)

// device is the state of one device during the run.
type device struct {
	Record
	index   int
	closed  Verdict         // it is not visited any more; "" = open
	fault   bool            // closed because a result could not be used
	reached bool            // was within its band at the end of a visit
	limited bool            // a visit ended because the strongest pulses had too little effect
	tried   bool            // pulses of the other direction were tried because those of one had no effect
	left    float64         // S, conductance when the last visit ended; 0 = not visited
	guess   float64         // S, conductance by all reads since then
	mark    mark            // of the disturb account since then
	unheld  []array.Limited // sources that could not hold the other lines in a pulse of this visit
}

// unknown is the conductance of a device that was not read.
var unknown = instrument.Siemens(math.NaN())

// close ends the work on a device for good.
func (d *device) close(v Verdict, format string, args ...any) {
	d.closed, d.Reason = v, fmt.Sprintf(format, args...)
}

// mark is the state of the account when a device was left.
type mark struct{ row, col int }

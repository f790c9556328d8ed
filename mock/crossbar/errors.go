package crossbar

import (
	"fmt"
	"strings"
)

// FloatingError reports lines whose potential nothing determines: they float or are driven by a current, and no chain
// of conducting devices joins them to a line held at a voltage.
type FloatingError struct {
	// Rows and Cols are the indices of one undetermined group of connected lines.
	Rows, Cols []int
}

func (e *FloatingError) Error() string {
	var b strings.Builder
	b.WriteString("crossbar: the potential of ")
	n := len(e.Rows) + len(e.Cols)
	writeLines(&b, "row", e.Rows)
	if len(e.Rows) > 0 && len(e.Cols) > 0 {
		b.WriteString(" and ")
	}
	writeLines(&b, "column", e.Cols)
	if n == 1 {
		b.WriteString(" is undetermined: it is not held at a voltage and its devices are open")
	} else {
		b.WriteString(" is undetermined: none of them is held at a voltage and no device conducts to a line that is")
	}
	b.WriteString("; apply a voltage to one of these lines, or join one to a driven line by a device that conducts")
	return b.String()
}

// writeLines writes "row 3" or "rows 3, 4, 5 (12 in all)", at most three of them by index.
func writeLines(b *strings.Builder, what string, idx []int) {
	const shown = 3
	if len(idx) == 0 {
		return
	}
	b.WriteString(what)
	if len(idx) > 1 {
		b.WriteByte('s')
	}
	for k, i := range idx {
		if k == shown {
			fmt.Fprintf(b, ", ... (%d in all)", len(idx))
			return
		}
		if k > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(b, " %d", i)
	}
}

// DeviceError reports a device whose current or conductance is unusable: not finite, or falling with voltage.
type DeviceError struct {
	Row, Col                int
	Volts, Current, Siemens float64
}

func (e *DeviceError) Error() string {
	return fmt.Sprintf("crossbar: the device at row %d, column %d returns %g A and %g S at %g V: "+
		"a device current must be finite and must not fall when the voltage rises", e.Row, e.Col, e.Current, e.Siemens,
		e.Volts)
}

// ConvergenceError reports that Newton's method gave up.
type ConvergenceError struct {
	Steps int // Newton steps taken
	// Residual is the mismatch of the loop equations relative to the device voltages, weighted with conductance.
	Residual float64
}

func (e *ConvergenceError) Error() string {
	return fmt.Sprintf("crossbar: no solution after %d Newton steps: loop equations hold to %.2g of the device voltages; "+
		"check that every device's conductance is the derivative of its current", e.Steps, e.Residual)
}

package mlp

import (
	"fmt"

	"xlab/instrument"
)

// Law is the static current of a device. g is its conductance in S as a meter
// sees it at the read voltage, v the voltage across it in V. Current returns
// the current in A and its derivatives by g and by v. It must rise with v.
type Law interface {
	Current(g, v float64) (i, dg, dv float64)
}

// Ohmic is I = g v.
type Ohmic struct{}

// Current implements Law.
func (Ohmic) Current(g, v float64) (i, dg, dv float64) { return g * v, v, g }

// Cubic is I = g v (1 + k (v/Read)^2) / (1 + k): the current rises faster than
// the voltage, and at the read voltage the device has the conductance that was
// read there.
type Cubic struct {
	Read instrument.Volts // voltage at which conductances are read, > 0
	K    float64          // share of the cubic term at Read relative to the linear one, >= 0
}

// NewCubic finds the cubic law whose current at twice the read voltage is
// ratio times that at the read voltage. 2 is ohmic; the published device has
// 2.4 to 3.1 for 0.2 V and 0.4 V (Nili et al., IEEE Trans. Nanotechnology 2020).
func NewCubic(read instrument.Volts, ratio float64) (Cubic, error) {
	if !(read > 0) {
		return Cubic{}, fmt.Errorf("read voltage is %s: it must be more than 0 V", read.Exact())
	}
	if !(ratio >= 2 && ratio < 8) {
		return Cubic{}, fmt.Errorf("a cubic law cannot have a current ratio of %g at twice the voltage: it is at least 2 "+
			"(ohmic) and less than 8 (purely cubic)", ratio)
	}
	return Cubic{Read: read, K: (ratio - 2) / (8 - ratio)}, nil
}

// Current implements Law.
func (c Cubic) Current(g, v float64) (i, dg, dv float64) {
	u := v / float64(c.Read)
	shape := (1 + c.K*u*u) / (1 + c.K)
	return g * v * shape, v * shape, g * (1 + 3*c.K*u*u) / (1 + c.K)
}

package array

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"

	"xlab/instrument"
)

// Leaky is a crossbar whose leakage can be measured, as often as anybody likes: it
// changes no device.
type Leaky interface {
	Crossbar
	// Leakage measures it with v between rows and columns; see Array.Leakage.
	Leakage(ctx context.Context, v instrument.Volts, compliance instrument.Amps,
		aperture instrument.Seconds) (Leakage, error)
}

var _ Leaky = (*Array)(nil)

// Leakage is what an array lets pass at a small voltage between all rows
// together and all columns together.
type Leakage struct {
	Voltage instrument.Volts  `json:"v"`                // of the rows; the columns are at 0 V
	Total   instrument.Amps   `json:"total"`            // into the rows
	Lost    instrument.Amps   `json:"lost"`             // of it, what does not come out of the columns
	Status  instrument.Status `json:"status,omitempty"` // union of both readings' statuses
}

// Conductance is that of all devices together.
func (l Leakage) Conductance() instrument.Siemens {
	if l.Voltage == 0 {
		return 0
	}
	return instrument.Siemens(float64(l.Total) / float64(l.Voltage))
}

// Valid tells whether the values may be used.
func (l Leakage) Valid() bool { return l.Status == 0 }

// Leakage measures both with two readings of one bias, after which the lines stay
// as they are until the next step. What flows into the rows comes out of
// the columns through the devices, whatever their states; the rest goes
// elsewhere: through the substrate, a damp socket, a damaged switch. v must be
// within ReadLimit; no device sees more than v.
func (a *Array) Leakage(ctx context.Context, v instrument.Volts, compliance instrument.Amps,
	aperture instrument.Seconds) (Leakage, error) {
	op := "array " + a.wiring.Array + " leakage"
	if limit := a.profile.Read.Limit; !(math.Abs(float64(v)) <= float64(limit)) {
		return Leakage{}, &instrument.Error{Op: op, Kind: instrument.KindUsage,
			Err: fmt.Errorf("the leakage cannot be measured at %v, which is beyond ±%v", v, limit)}
	}
	if err := cmp.Or(a.limits.CheckVoltage(v), a.limits.CheckCompliance(compliance)); err != nil {
		return Leakage{}, &instrument.Error{Op: op, Kind: instrument.KindLimit, Err: err}
	}
	part, err := a.wiring.leaking(v, compliance, aperture)
	if err != nil {
		return Leakage{}, &instrument.Error{Op: op, Kind: instrument.KindUsage, Err: err}
	}
	a.routed = false
	if !a.wiring.ByHand() {
		a.wiring.Select(a.next, part.lines)
		if err := a.router.Route(ctx, a.next); err != nil {
			return Leakage{}, fmt.Errorf("%s: %w", op, err)
		}
	}
	results, err := a.run(ctx, Whole, []bound{part})
	if err != nil {
		return Leakage{}, fmt.Errorf("%s: %w", op, err)
	}
	if len(results) != 1 || len(results[0].Points) != 1 || len(results[0].Points[0].Readings) != 2 {
		return Leakage{}, &instrument.Error{Op: op, Kind: instrument.KindProtocol,
			Err: fmt.Errorf("the analyzer gave %d results, not one with two readings", len(results))}
	}
	into, out := results[0].Points[0].Readings[0], results[0].Points[0].Readings[1]
	// The meters count current out of the unit as positive.
	return Leakage{Voltage: v, Total: instrument.Amps(into.Value), Lost: instrument.Amps(into.Value + out.Value),
		Status: into.Status | out.Status}, nil
}

// ErrNoLeakage is in the chain of the error of a leakage that no bench like this can
// measure.
var ErrNoLeakage = errors.New("the leakage cannot be measured: it needs a source on all rows and another on all " +
	"columns")

// Leaks says why the array's leakage cannot be measured on this bench; nil where it can.
func (w *Wiring) Leaks() error {
	_, err := w.leaking(0, 0, 0)
	return err
}

// leaking is the part in which all lines are on the buses of the others, or of the
// selected ones where those have no sources.
func (w *Wiring) leaking(v instrument.Volts, compliance instrument.Amps, aperture instrument.Seconds) (bound, error) {
	everything := Selection{Rows: allLines(w.Rows), Cols: allLines(w.Cols)}
	for _, way := range []struct {
		lines      Selection
		rows, cols instrument.Channel
	}{{Selection{}, OtherRows, OtherCols}, {everything, Row, Column}} {
		at := w.places(way.lines)
		if r, c := at[way.rows], at[way.cols]; !r.sourced() || !c.sourced() {
			continue
		}
		if part, err := w.bind(Part{way.lines, instrument.Spot{
			Drives: []instrument.Drive{{Channel: way.rows, Voltage: v, Compliance: compliance},
				{Channel: way.cols, Compliance: compliance}},
			Measure: []instrument.Channel{way.rows, way.cols}, Aperture: aperture}}); err == nil {
			return part, nil
		}
	}
	return bound{}, ErrNoLeakage
}

func allLines(n int) Lines {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return LinesOf(list...)
}

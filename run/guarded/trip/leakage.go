package trip

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run/record"
)

// LeakageOptions say how an array's leakage is watched.
type LeakageOptions struct {
	Factor     float64         // by which it may exceed its own median
	Every      int             // visits to devices between two measurements, >= 1
	Compliance instrument.Amps // of the sources
}

const (
	// memory is how many measurements the median is of, and enough from how many
	// on it counts.
	memory, enough = 33, 5

	// leakageVoltage across all devices of a 20 x 20 array: at 50 µS each, 0.4 mA
	// flow. Larger arrays get less.
	leakageVoltage instrument.Volts = 20e-3
	leakageCells   int              = 400

	// leakageAperture is one power line cycle at 50 Hz: mains hum is the largest
	// part of what a short measurement would show.
	leakageAperture instrument.Seconds = 20e-3

	// What the meters themselves may be apart: a share of the reading and an
	// offset. Less than that is never a trip.
	leakageShare  float64         = 0.01
	leakageOffset instrument.Amps = 1e-6
)

// leakage is the history of one array.
type leakage struct {
	o       LeakageOptions
	name    string
	array   array.Leaky
	journal func(kind string, data any) error
	volts   instrument.Volts

	visited array.Cell
	visits  int // since the last measurement
	history []float64
}

func newLeakage(o LeakageOptions, name string, c array.Leaky,
	journal func(kind string, data any) error) *leakage {
	v := leakageVoltage
	rows, cols := c.Size()
	if cells := rows * cols; cells > leakageCells {
		v *= instrument.Volts(leakageCells) / instrument.Volts(cells)
	}
	return &leakage{o: o, name: name, array: c, journal: journal, volts: v, visited: array.Cell{Row: -1}}
}

// check measures when it is time to and compares with the history.
func (l *leakage) check(ctx context.Context, cell array.Cell) error {
	if cell != l.visited {
		l.visits++
	}
	l.visited = cell
	if l.visits < l.o.Every {
		return nil
	}
	l.visits = 0
	m, err := l.array.Leakage(ctx, l.volts, l.o.Compliance, leakageAperture)
	if errors.Is(err, array.ErrNoLeakage) {
		l.o.Every = math.MaxInt // nobody can, on this bench; doctor says so
		return nil
	}
	if err != nil {
		return err
	}
	if l.journal != nil {
		if err := l.journal(record.Leakage, struct {
			Array string `json:"array"`
			array.Leakage
		}{l.name, m}); err != nil {
			return err
		}
	}
	return l.judge(m)
}

// judge compares a measurement with the ones before and remembers it.
func (l *leakage) judge(m array.Leakage) error {
	what := "the leakage of array " + l.name
	switch {
	case m.Status&(instrument.StatusCompliance|instrument.StatusOtherCompliance) != 0:
		return &Trip{What: what, Value: fmt.Sprintf("a source in compliance at %v between all rows and all columns",
			m.Voltage),
			Limit: fmt.Sprintf("less than %v: there is a short", l.o.Compliance)}
	case !m.Valid():
		return &Trip{What: what, Value: fmt.Sprintf("status %08b", m.Status), Limit: "a reading that is valid"}
	}
	lost := math.Abs(float64(m.Lost))
	bound := math.Max(leakageShare*math.Abs(float64(m.Total)), float64(leakageOffset))
	if n := len(l.history); n >= enough {
		sorted := slices.Sorted(slices.Values(l.history))
		bound = math.Max(bound, l.o.Factor*sorted[n/2])
		if lost > bound {
			return &Trip{What: what, Value: fmt.Sprintf("%v of the %v that flow into the rows do not come out of the columns",
				instrument.Amps(lost), m.Total),
				Limit: fmt.Sprintf("%v: %g times the median of the last %d measurements, and no less than what the meters may "+
					"be apart", instrument.Amps(bound), l.o.Factor, n)}
		}
	}
	l.history = append(l.history, lost)
	if len(l.history) > memory {
		l.history = slices.Delete(l.history, 0, 1)
	}
	return nil
}

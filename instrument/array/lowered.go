package array

import (
	"errors"
	"fmt"

	"xlab/instrument"
)

// Shape is what a step has to know of an array to be lowered for it.
type Shape struct {
	Rows, Cols int  // 0 = not known
	Ground     bool // lines can be connected to ground
	FixedRows  bool // other rows than the selected ones cannot be at any potential
	FixedCols  bool // nor can other columns
}

// The lines of an array that do the same during a step have one channel number in
// its instrument steps: that of the selected ones and that of all others. The array
// puts the channels of its sources in their place.
const (
	Row instrument.Channel = 1 + iota
	Column
	OtherRows
	OtherCols
)

// buses are those that the lines of each number are on.
var buses = map[instrument.Channel]Bus{Row: BusForce1, Column: BusForce2, OtherRows: BusOtherRows,
	OtherCols: BusOtherCols}

// Selection says which lines are Row and which are Column: those of the cell where
// there are none, and otherwise all that are named. The others are OtherRows and
// OtherCols.
type Selection struct {
	Rows, Cols             Lines
	GroundRows, GroundCols Lines // these are at ground instead, without a source
	OthersFloat            bool  // the others are connected to nothing instead

	// on are the buses of the lines by their numbers, "" = buses; see Wiring.bind.
	on [OtherCols + 1]Bus
}

// Part is what the analyzer does in one setting of the switches.
type Part struct {
	Lines Selection
	Step  instrument.Step // its channels are Row, Column, OtherRows and OtherCols
}

// Lowered is a step as what the lines of an array do.
type Lowered struct {
	Parts []Part // one after the other

	// Rows and Cols are the lines of the devices that are meant: where they cross. The
	// devices on one of them are half-selected, those on none are unselected.
	Rows, Cols Lines
	Scheme     Scheme // of the other lines; "" = the kind of the step says it

	// Raise makes the step's result of those of all its parts.
	Raise func([]instrument.Result) Result

	asking *asking // nil = nothing is asked about sources at their compliance
}

var errNeedsCell = errors.New("the step is one on a device, and none is named")

// atCell is a step on the device at a cell, in one part.
func atCell(at Cell, scheme Scheme, part Part, r raising) (*Lowered, error) {
	if at == Whole {
		return nil, errNeedsCell
	}
	return &Lowered{Parts: []Part{part}, Rows: LinesOf(at.Row), Cols: LinesOf(at.Col), Scheme: scheme,
		Raise: func(raw []instrument.Result) Result { return r.result(raw[0]) }}, nil
}

// check refuses lines that the array does not have.
func (l *Lowered) check(on Shape) error {
	for _, side := range []struct {
		what  string
		lines Lines
		n     int
	}{{"row", l.Rows, on.Rows}, {"column", l.Cols, on.Cols}} {
		list, err := side.lines.Indices()
		if err != nil {
			return err
		}
		if n := len(list); n > 0 && side.n > 0 && list[n-1] >= side.n {
			return fmt.Errorf("%s %d is outside 0-%d", side.what, list[n-1], side.n-1)
		}
	}
	return nil
}

// Drives are what the sources of a bias scheme force for a voltage across the
// selected device, the row's first and the column's second.
func Drives(scheme Scheme, v instrument.Volts, compliance instrument.Amps) []instrument.Drive {
	f := scheme.Fractions()
	drive := func(lines instrument.Channel, fraction float64) instrument.Drive {
		return instrument.Drive{Channel: lines, Voltage: instrument.Volts(fraction * float64(v)), Compliance: compliance}
	}
	list := []instrument.Drive{drive(Row, f.Row), drive(Column, f.Col)}
	if !f.OthersFloat {
		list = append(list, drive(OtherRows, f.OtherRows), drive(OtherCols, f.OtherCols))
	}
	return list
}

// source is a unit of a step and what bounds it.
type source struct {
	lines      instrument.Channel
	compliance instrument.Amps // 0 = it forces a current
}

// sources are the units of a scheme, the column's first: its current is the cell's.
func sources(scheme Scheme, row, rest instrument.Amps) []source {
	list := []source{{Column, rest}, {Row, row}}
	if !scheme.Fractions().OthersFloat {
		list = append(list, source{OtherRows, rest}, source{OtherCols, rest})
	}
	return list
}

func channels(sources []source) []instrument.Channel {
	list := make([]instrument.Channel, len(sources))
	for i, s := range sources {
		list[i] = s.lines
	}
	return list
}

// raising is the way back from an analyzer's result.
type raising struct {
	cell    func(instrument.Point) float64 // V across the cell
	column  int                            // index of the column's reading
	sources []source                       // what the readings are of; nil where only the column's was taken
	row     bool                           // the reading behind the column's is the row's current, and is kept
}

func fixed(v instrument.Volts) func(instrument.Point) float64 {
	return func(instrument.Point) float64 { return float64(v) }
}

// result takes the column's current from its reading. The meter counts current
// out of the source as positive, the device's current flows into the column's
// source. The status is the column's, which knows of the others' compliance, and
// that of the readings before it; of the others it is told which were limited.
func (r raising) result(raw instrument.Result) Result {
	out := Result{Busy: raw.Busy, Levels: make([]Level, 0, len(raw.Points))}
	for _, p := range raw.Points {
		level := Level{Voltage: instrument.Volts(r.cell(p))}
		if len(p.Readings) >= max(r.column+1, len(r.sources)) {
			level.Current = instrument.Amps(-p.Readings[r.column].Value)
			if r.row {
				level.Row = instrument.Amps(p.Readings[r.column+1].Value)
			}
			for _, reading := range p.Readings[:r.column+1] {
				out.Status |= reading.Status
			}
		} else {
			out.Status |= instrument.StatusInvalid // a current that was not measured is not 0 A
		}
		out.Levels = append(out.Levels, level)
		out.Limited = r.limited(out.Limited, p, level.Voltage)
	}
	return out
}

package array

import (
	"math"
	"slices"

	"xlab/instrument"
	"xlab/instrument/profile"
)

// Demand is what the sources of a bias scheme have to give, magnitudes in A.
type Demand map[Bus]instrument.Amps

// Most is the largest of the sources' currents but the row's, with its bus.
func (d Demand) Most() (Bus, instrument.Amps) {
	bus := BusForce2
	for _, b := range []Bus{BusOtherRows, BusOtherCols} {
		if d[b] > d[bus] {
			bus = b
		}
	}
	return bus, d[bus]
}

// Demand says what the sources will have to give while the selected device, at
// 0 S or at what it will become, sees v, for device conductances g at a small
// voltage in S, row by row. The selected lines are the most loaded ones. It is an
// estimate: every device of a kind counts as the mean of them, and is taken to
// conduct as the published model says.
func (l Resistance) Demand(law *profile.Conduction, rows, cols int, g []float64, scheme Scheme,
	v instrument.Volts) Demand {
	byRow, byCol, total := make([]float64, rows), make([]float64, cols), 0.0
	for k, x := range g {
		byRow[k/cols] += x
		byCol[k%cols] += x
		total += x
	}
	f, volts := scheme.Fractions(), math.Abs(float64(v))
	// The selected device, as good as the mean of its row, is on both lines.
	row, col := slices.Max(byRow), slices.Max(byCol)
	rest := max(total-row-col+row/float64(cols), 0)
	row, col = row*(1-1/float64(cols)), col*(1-1/float64(rows))
	if f.OthersFloat {
		return Demand{} // nothing holds the other lines
	}
	// The devices of a kind share the drop along their lines: a selected line
	// carries all of its own, the others one each.
	current := func(sum, share float64, n, onRow, onCol int) float64 {
		if n == 0 || sum == 0 {
			return 0
		}
		contact := float64(l.Contact)
		along := float64(onRow)*(contact+float64(l.RowSegment)*float64(cols)/2) +
			float64(onCol)*(contact+float64(l.ColSegment)*float64(rows)/2)
		return float64(n) * through(law, sum/float64(n), along, share*volts)
	}
	inRow := current(row, f.Row-f.OtherCols, cols-1, cols-1, 1)
	inCol := current(col, f.OtherRows-f.Col, rows-1, 1, rows-1)
	among := current(rest, f.OtherCols-f.OtherRows, (rows-1)*(cols-1), cols-1, rows-1)
	return Demand{
		BusForce1: instrument.Amps(inRow), BusForce2: instrument.Amps(inCol),
		BusOtherRows: instrument.Amps(math.Abs(inCol - among)), BusOtherCols: instrument.Amps(math.Abs(among - inRow)),
	}
}

// Held is the largest voltage across the selected device, up to v, at which no
// source but the row's has to give more than the compliance.
func (l Resistance) Held(law *profile.Conduction, rows, cols int, g []float64, scheme Scheme, v instrument.Volts,
	compliance instrument.Amps) instrument.Volts {
	fits := func(v instrument.Volts) bool {
		_, most := l.Demand(law, rows, cols, g, scheme, v).Most()
		return most <= compliance
	}
	if fits(v) {
		return v
	}
	low, high := instrument.Volts(0), v
	for range 30 {
		if middle := (low + high) / 2; fits(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

// Compliance gives compliances of the row's source and of the others that hold,
// with a quarter to spare, while the selected device sees v in an array all of
// whose devices have a conductance of g at a small voltage. Floating lines count as
// if they were held in the middle.
func (l Resistance) Compliance(law *profile.Conduction, rows, cols int, g instrument.Siemens, scheme Scheme,
	v instrument.Volts) (row, rest instrument.Amps) {
	if scheme == Floating {
		scheme = HalfVoltage
	}
	const spare = 1.25
	d := l.Demand(law, rows, cols, slices.Repeat([]float64{float64(g)}, rows*cols), scheme, v)
	device := instrument.Amps(law.Current(float64(g), math.Abs(float64(v))))
	_, most := d.Most()
	return spare * (d[BusForce1] + device), spare * max(most, d[BusForce2]+device)
}

// through is the current in A of a device of g behind the resistance that n such
// devices share, n times r in all, at v across both.
func through(law *profile.Conduction, g, r, v float64) float64 {
	low, high := 0.0, v
	for range 60 {
		if u := (low + high) / 2; u+r*law.Current(g, u) > v {
			high = u
		} else {
			low = u
		}
	}
	return law.Current(g, low)
}

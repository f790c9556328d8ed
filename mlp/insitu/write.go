package insitu

import (
	"context"
	"math"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/tuning"
)

// order is what one call on an array does: the pulses of one line, each step
// for those that can be given together.
type order struct {
	array  string
	cell   array.Cell // on the line
	steps  []array.Step
	pulses [][]Pulse // by step
}

// superlinear is by how much more current devices take at half of a write
// voltage, and at all of it, than their conductance at the read voltage says:
// the published devices' current grows with the cube of the voltage (Nili et
// al., IEEE Trans. Nanotechnology 2020). It is only used to stay away from the
// sources' compliance.
const superlinear = 2

// level rounds an amplitude to the grid of those that are used. It never makes
// a pulse stronger than asked for by more than half a step, and never 0 V.
func (s Spec) level(v instrument.Volts) instrument.Volts {
	n := math.Round(math.Abs(float64(v / s.Level)))
	return instrument.Volts(math.Copysign(max(n, 1)*float64(s.Level), float64(v)))
}

// plan puts pulses in the order in which they are given, and together as far as
// the specification allows and the sources can drive them.
func (t *trainer) plan(pulses []Pulse) []order {
	var orders []order
	if t.spec.Write == ByDevice {
		for _, p := range pulses {
			at := t.task.Placement.Device(p.Site)
			orders = append(orders, order{array: at.Array, cell: at.Cell, pulses: [][]Pulse{{p}},
				steps: []array.Step{array.Pulse{Voltage: p.Amplitude, Width: t.spec.Width, Scheme: t.spec.scheme(p.Amplitude),
					Compliance: t.spec.Compliance}}})
		}
		return orders
	}
	along := Columns
	if t.spec.Write == ByRow {
		along = Rows
	}
	for i := range pulses {
		pulses[i].Amplitude = t.spec.level(pulses[i].Amplitude)
	}
	for _, w := range Parallel(pulses, along) {
		first := t.task.Placement.Device(w.Pulses[0].Site)
		o := order{array: first.Array, cell: first.Cell}
		for _, same := range byAmplitude(w.Pulses) {
			for len(same) > 0 {
				n := t.together(first.Array, same)
				o.steps = append(o.steps, t.parallel(same[:n]))
				o.pulses = append(o.pulses, same[:n])
				same = same[n:]
			}
		}
		orders = append(orders, o)
	}
	return orders
}

// byAmplitude splits the pulses of a write into those of one amplitude each,
// the weakest first.
func byAmplitude(pulses []Pulse) [][]Pulse {
	var groups [][]Pulse
	for _, p := range pulses {
		i := 0
		for i < len(groups) && math.Abs(float64(groups[i][0].Amplitude)) < math.Abs(float64(p.Amplitude)) {
			i++
		}
		if i < len(groups) && groups[i][0].Amplitude == p.Amplitude {
			groups[i] = append(groups[i], p)
			continue
		}
		groups = append(groups[:i], append([][]Pulse{{p}}, groups[i:]...)...)
	}
	return groups
}

// lines are the rows and columns of pulses' devices.
func (t *trainer) lines(pulses []Pulse) (rows, cols []int) {
	for _, p := range pulses {
		cell := t.task.Placement.Device(p.Site).Cell
		rows, cols = append(rows, cell.Row), append(cols, cell.Col)
	}
	return rows, cols
}

func (t *trainer) parallel(pulses []Pulse) array.Parallel {
	rows, cols := t.lines(pulses)
	v := pulses[0].Amplitude
	return array.Parallel{Rows: array.LinesOf(rows...), Cols: array.LinesOf(cols...), Voltage: v, Width: t.spec.Width,
		Scheme: t.spec.scheme(v), Compliance: t.spec.Compliance}
}

// together is how many of the pulses, which lie on one line and have one
// amplitude, the sources can drive at the same time: one at least.
func (t *trainer) together(name string, pulses []Pulse) int {
	n := 1
	for n < len(pulses) && t.drain(name, pulses[:n+1]) <= float64(t.spec.Compliance) {
		n++
	}
	return n
}

// drain is about the largest current, in A, that a source of the selected lines
// has to give.
func (t *trainer) drain(name string, pulses []Pulse) float64 {
	rows, cols := t.lines(pulses)
	k := t.known[name]
	v := math.Abs(float64(pulses[0].Amplitude))
	half := halfSelected(t.spec.scheme(pulses[0].Amplitude))
	selectedRows, selectedCols := indexed(rows), indexed(cols)
	fromRows, intoCols := 0.0, 0.0
	for r := range k.rows {
		for c := range k.cols {
			g := math.Max(k.g[r*k.cols+c], 0)
			switch {
			case selectedRows[r] && selectedCols[c]:
				fromRows += g
				intoCols += g
			case selectedRows[r]:
				fromRows += half * g
			case selectedCols[c]:
				intoCols += half * g
			}
		}
	}
	return superlinear * v * math.Max(fromRows, intoCols)
}

func indexed(list []int) map[int]bool {
	m := make(map[int]bool, len(list))
	for _, i := range list {
		m[i] = true
	}
	return m
}

func halfSelected(s array.Scheme) float64 { return float64(s.HalfSelected(1)) }

// sag is the part of the amplitude of a pulse on one device, given together with
// the others of its group, that the lines keep, by their resistance and the
// conductances as known.
func (t *trainer) sag(p Pulse, group []Pulse) float64 {
	at := t.task.Placement.Device(p.Site)
	k := t.known[at.Array]
	rows, cols := t.lines(group)
	selectedRows, selectedCols := indexed(rows), indexed(cols)
	half := halfSelected(t.spec.scheme(p.Amplitude))
	row, col := 0.0, 0.0
	for c := range k.cols {
		share := half
		if selectedCols[c] {
			share = 1
		}
		row += share * math.Max(k.g[at.Cell.Row*k.cols+c], 0)
	}
	for r := range k.rows {
		share := half
		if selectedRows[r] {
			share = 1
		}
		col += share * math.Max(k.g[r*k.cols+at.Cell.Col], 0)
	}
	l := t.spec.Lines
	// On average a device is half a line away from the terminal.
	return row*(float64(l.Contact)+float64(l.RowSegment)*float64(k.cols+1)/2) +
		col*(float64(l.Contact)+float64(l.ColSegment)*float64(k.rows+1)/2)
}

// carry gives the pulses of one order, reads what it pulsed if that is asked
// for, and learns from it.
func (t *trainer) carry(ctx context.Context, o order) error {
	bench := t.task.Arrays[o.array].Bench
	sags := make([][]float64, len(o.pulses))
	for i, group := range o.pulses {
		for _, p := range group {
			sags[i] = append(sags[i], t.sag(p, group))
		}
	}
	steps := o.steps
	alone := t.spec.Write == ByDevice && t.spec.Verify
	if alone {
		steps = append(steps[:len(steps):len(steps)], t.spec.read())
	}
	results, err := bench.Do(ctx, o.cell, steps...)
	for i := range min(len(results), len(o.pulses)) {
		t.point.Pulses += len(o.pulses[i])
		t.point.Writes++
		if results[i].InCompliance() {
			t.point.Limited++
		}
	}
	if err != nil {
		return err
	}
	for i, group := range o.pulses {
		// Where it is not known whether a pulse happened, a read shows what
		// became of the device, and nothing is learnt.
		if !t.spec.Verify && !results[i].Unknown {
			continue
		}
		for j, p := range group {
			cell := t.task.Placement.Device(p.Site).Cell
			before := t.at(o.array, cell)
			var read array.Result
			if alone {
				read = results[len(results)-1]
			} else {
				list, err := bench.Do(ctx, cell, t.spec.read())
				if err != nil {
					return err
				}
				read = list[0]
			}
			if !t.take(o.array, cell, read) || results[i].Unknown || results[i].InCompliance() {
				continue
			}
			if r := t.task.Arrays[o.array].Response; r != nil {
				r.Learn(cell, tuning.Shot{Voltage: p.Amplitude, Before: before, After: t.at(o.array, cell), Sag: sags[i][j]})
			}
		}
	}
	return nil
}

package array

import (
	"math"
	"slices"

	"xlab/instrument"
)

// Span is between which voltages devices are during a step, row minus column, 0 V
// among them: they are left at 0 V.
type Span struct{ Lowest, Highest instrument.Volts }

// Peak is the one of larger magnitude.
func (s Span) Peak() instrument.Volts {
	if -s.Lowest > s.Highest {
		return s.Lowest
	}
	return s.Highest
}

// with widens the span. What is not a number is passed on.
func (s Span) with(v float64) Span {
	return Span{instrument.Volts(min(float64(s.Lowest), v)), instrument.Volts(max(float64(s.Highest), v))}
}

// Extent is where a step acts, what it stresses, by how much and for how long.
// Voltages are those of ideal lines.
type Extent struct {
	Rows, Cols   []int // of the devices that are meant, where they cross
	Selected     Span  // across these
	HalfSelected Span  // across devices on one of the lines
	Unselected   Span  // across devices on none of them

	Width   instrument.Seconds // of a pulse, or of one level of a read or sweep
	Time    instrument.Seconds // of all levels
	Current instrument.Amps    // largest that any source may give: its compliance, or what it forces
}

// Cells are the devices that are meant.
func (e Extent) Cells() []Cell {
	cells := make([]Cell, 0, len(e.Rows)*len(e.Cols))
	for _, row := range e.Rows {
		for _, col := range e.Cols {
			cells = append(cells, Cell{row, col})
		}
	}
	return cells
}

// ExtentOf gives the extent of a step at a cell, or at Whole, of an array.
func ExtentOf(step Step, at Cell, on Shape) (Extent, error) {
	l, err := step.Lower(at, on)
	if err != nil {
		return Extent{}, err
	}
	return l.Extent(on)
}

// Extent is that of the step, on an array of the shape that it was lowered for.
func (l *Lowered) Extent(on Shape) (e Extent, err error) {
	if e.Rows, err = l.Rows.Indices(); err != nil {
		return Extent{}, err
	}
	if e.Cols, err = l.Cols.Indices(); err != nil {
		return Extent{}, err
	}
	for _, p := range l.Parts {
		rows, err := groups(e.Rows, p.Lines.Rows, p.Lines.GroundRows, Row, OtherRows, on.Rows)
		if err != nil {
			return Extent{}, err
		}
		cols, err := groups(e.Cols, p.Lines.Cols, p.Lines.GroundCols, Column, OtherCols, on.Cols)
		if err != nil {
			return Extent{}, err
		}
		b := biasOf(p.Step)
		for _, row := range rows {
			for _, col := range cols {
				switch {
				case row.meant && col.meant:
					e.Selected = b.across(e.Selected, row.lines, col.lines)
				case row.meant || col.meant:
					e.HalfSelected = b.across(e.HalfSelected, row.lines, col.lines)
				default:
					e.Unselected = b.across(e.Unselected, row.lines, col.lines)
				}
			}
		}
		if p.Lines.OthersFloat {
			// Floating lines take what the array gives them; half is the worst that equal
			// devices allow.
			e.HalfSelected = e.HalfSelected.with(float64(e.Selected.Lowest / 2)).with(float64(e.Selected.Highest / 2))
		}
		e.Width = max(e.Width, b.width)
		e.Time += b.width * instrument.Seconds(b.levels)
		e.Current = max(e.Current, b.current)
	}
	return e, nil
}

// group are the lines of one side that do the same, all of them meant or none.
type group struct {
	lines instrument.Channel // 0 = at ground
	meant bool
}

// groups sorts the lines of one side. meant are those of the devices that are meant,
// which are the selected ones where none are named; of a side of unknown size there
// are others.
func groups(meant []int, selected, ground Lines, one, others instrument.Channel, n int) (found []group, err error) {
	chosen, err := selected.Indices()
	if err != nil {
		return nil, err
	}
	if selected == "" {
		chosen = meant
	}
	grounded, err := ground.Indices()
	if err != nil {
		return nil, err
	}
	if n == 0 {
		found = append(found, group{others, false})
		for _, list := range [][]int{meant, chosen, grounded} {
			for _, line := range list {
				n = max(n, line+1)
			}
		}
	}
	for line := range n {
		g := group{others, slices.Contains(meant, line)}
		if slices.Contains(chosen, line) {
			g.lines = one
		} else if slices.Contains(grounded, line) {
			g.lines = 0
		}
		if !slices.Contains(found, g) {
			found = append(found, g)
		}
	}
	return found, nil
}

// bias is what the lines are at during an instrument's step.
type bias struct {
	moments []potentials // at its extremes
	width   instrument.Seconds
	levels  int
	current instrument.Amps
}

// potentials are those of the lines, in V, and whether they are driven; what is at
// ground comes first.
type potentials [OtherCols + 1]struct {
	v      float64
	driven bool
}

func (p *potentials) set(lines instrument.Channel, v float64) {
	if lines > 0 && int(lines) < len(p) { // others are refused where sources are put in their place
		p[lines].v, p[lines].driven = v, true
	}
}

// biasOf reads a step of the instrument. The potential of a forced current may be
// anything up to its compliance, on the side to which the current flows.
func biasOf(step instrument.Step) (b bias) {
	b.levels = 1
	moment := func(drives []instrument.Drive) (at potentials) {
		at[0].driven = true
		for _, d := range drives {
			at.set(d.Channel, float64(d.Voltage))
			b.current = max(b.current, d.Compliance)
		}
		return at
	}
	switch s := step.(type) {
	case instrument.Spot:
		b.moments, b.width = append(b.moments, moment(s.Drives)), s.Settle+s.Aperture
	case instrument.Pulse:
		b.moments, b.width = append(b.moments, moment(s.Drives)), s.Width
	case instrument.Sweep:
		b.width, b.levels = s.Delay+s.Aperture, s.Steps
		if s.TwoWay {
			b.levels *= 2
		}
		for _, level := range []float64{s.Start, s.Stop} {
			at := moment(s.Drives)
			if s.Kind == instrument.SweepCurrent {
				b.current = max(b.current, instrument.Amps(abs(level)))
				if level != 0 {
					level = math.Copysign(s.Compliance, level)
				}
			} else {
				b.current = max(b.current, instrument.Amps(s.Compliance))
			}
			at.set(s.Source, level)
			for _, f := range s.Follow {
				at.set(f.Channel, f.Ratio*level)
				b.current = max(b.current, f.Compliance)
			}
			b.moments = append(b.moments, at)
		}
	}
	return b
}

// across widens a span by what devices between two groups of lines see. Lines that
// nothing drives are left out.
func (b bias) across(s Span, row, col instrument.Channel) Span {
	for _, at := range b.moments {
		if at[row].driven && at[col].driven {
			s = s.with(at[row].v - at[col].v)
		}
	}
	return s
}

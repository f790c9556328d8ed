package array

import (
	"fmt"
	"slices"

	"xlab/instrument"
)

// Routing is a setting of one array's switches while it is put together, line
// by line. A line is connected to one bus at most; a second one is refused. It
// is for routings that are not the choice of one device (Wiring.Select): an
// array that computes, and single switches closed when a bench is brought up.
type Routing struct {
	wiring *Wiring
	lines  []instrument.Switches
	taken  []bool // the line has been spoken for
}

// NewRouting starts with all lines connected to nothing.
func (w *Wiring) NewRouting() *Routing {
	return &Routing{wiring: w, lines: make([]instrument.Switches, w.Lines()), taken: make([]bool, w.Lines())}
}

// Row connects a row, counted from 0, to a bus.
func (r *Routing) Row(row int, bus Bus) error {
	return r.connect("row", r.wiring.RowChip, row, bus)
}

// Col connects a column, counted from 0, to a bus.
func (r *Routing) Col(col int, bus Bus) error {
	return r.connect("column", r.wiring.ColChip, col, bus)
}

// Others connects every line that has not been connected yet to a bus.
func (r *Routing) Others(bus Bus) error {
	s, err := r.wiring.bus(bus)
	if err != nil {
		return err
	}
	for i, taken := range r.taken {
		if !taken {
			r.lines[i], r.taken[i] = s, true
		}
	}
	return nil
}

// Lines is the setting so far, in the order of the chain, as
// instrument.Router takes it. The caller may keep it.
func (r *Routing) Lines() []instrument.Switches { return slices.Clone(r.lines) }

func (r *Routing) connect(what string, chips []int, line int, bus Bus) error {
	if line < 0 || line >= len(chips) {
		return r.wiring.misroute(instrument.KindUsage, fmt.Errorf("there is no %s %d: the array has %d, counted from 0", what,
			line, len(chips)))
	}
	s, err := r.wiring.bus(bus)
	if err != nil {
		return err
	}
	chip := chips[line]
	if r.taken[chip] && r.lines[chip] != s {
		return r.wiring.misroute(instrument.KindRouting, fmt.Errorf("%s %d is on %s already and would be connected to %s "+
			"too, which joins those buses",
			what, line, r.wiring.busOf(r.lines[chip]), bus))
	}
	r.lines[chip], r.taken[chip] = s, true
	return nil
}

// bus finds the switch that leads to a bus.
func (w *Wiring) bus(bus Bus) (instrument.Switches, error) {
	s := w.Switch[bus]
	if s == 0 {
		return 0, w.misroute(instrument.KindUsage, fmt.Errorf("no switch leads to bus %q; the wiring map has: %v",
			string(bus), sortedKeys(w.Switch)))
	}
	return s, nil
}

// busOf is the bus that a switch leads to, "" for none.
func (w *Wiring) busOf(s instrument.Switches) Bus {
	for bus, of := range w.Switch {
		if of == s {
			return bus
		}
	}
	return ""
}

func (w *Wiring) misroute(kind instrument.Kind, err error) error {
	return &instrument.Error{Op: "array " + w.Array + " routing", Kind: kind, Err: err, Advice: "nothing was sent"}
}

package array

import (
	"fmt"
	"strings"
)

// Can tells what the bench lacks for a scheme; nil where it can do it. Of an array that is
// wired by hand it is asked at the first device that can be reached.
func (w *Wiring) Can(scheme Scheme) error {
	step := Pulse{Voltage: 1, Scheme: scheme}
	if err := w.try(step); err != nil {
		return w.cannot(step, scheme, err)
	}
	return nil
}

// Schemes lists those that the bench can do.
func (w *Wiring) Schemes() (list []Scheme) {
	for _, s := range Schemes() {
		if w.try(Pulse{Voltage: 1, Scheme: s}) == nil {
			list = append(list, s)
		}
	}
	return list
}

func (w *Wiring) try(p Pulse) error {
	l, err := p.Lower(w.First(), w.Shape())
	if err != nil {
		return err
	}
	part := l.Parts[0]
	part.Lines.Rows, part.Lines.Cols = l.Rows, l.Cols
	_, err = w.bind(part)
	return err
}

// StandIn is a scheme itself, or the one that a bench without it does instead: the nearest
// in which no other device sees more than half of the voltage. Floating lines are one only
// where they lead nowhere, in an array of one row or one column, and grounded ones only
// where no other column is on anything. Without any the error says what is missing.
func (w *Wiring) StandIn(scheme Scheme) (Scheme, error) {
	missing := w.Can(scheme)
	if missing == nil {
		return scheme, nil
	}
	nearest := []Scheme{HalfVoltage, ThirdVoltage}
	if scheme == Grounded || scheme == Floating {
		nearest = nil
	}
	if wired(w.Rows, w.RowFeed) == 1 || wired(w.Cols, w.ColFeed) == 1 {
		nearest = append(nearest, Floating)
	}
	if wired(w.Cols, w.ColFeed) == 1 {
		nearest = append(nearest, Grounded)
	}
	if scheme == Floating {
		nearest = append(nearest, HalfVoltage, ThirdVoltage)
	}
	for _, s := range nearest {
		if w.Can(s) == nil {
			return s, nil
		}
	}
	return "", missing
}

// wired is how many lines of a side are on anything.
func wired(n int, feeds []Feed) int {
	for _, feed := range feeds {
		if feed == Open {
			n--
		}
	}
	return n
}

// First is the first device that can be reached.
func (w *Wiring) First() Cell {
	for _, cell := range AllCells(w.Rows, w.Cols) {
		if w.reachable(cell) == nil {
			return cell
		}
	}
	return Cell{}
}

// Reach refuses devices whose lines an array that is wired by hand has on nothing that
// reaches them, by name.
func (w *Wiring) Reach(cells ...Cell) error {
	if !w.ByHand() {
		return nil
	}
	var names []string
	var reason error
	for _, cell := range cells {
		if err := w.reachable(cell); err != nil {
			if reason == nil {
				reason = err
			}
			names = append(names, cell.String())
		}
	}
	if reason == nil {
		return nil
	}
	const most = 4
	if more := len(names) - most; more > 0 {
		names = append(names[:most], fmt.Sprintf("%d more", more))
	}
	advice := "wire the lines and change the map"
	if first := w.First(); w.reachable(first) == nil {
		advice = fmt.Sprintf("name devices that can, such as %s, or %s", first, advice)
	}
	return fmt.Errorf("array %s is wired by hand, and %s cannot be reached: %w; %s", w.Array, strings.Join(names, ", "),
		reason, advice)
}

func (w *Wiring) reachable(cell Cell) error {
	l, err := Read{Voltage: 1e-3}.Lower(cell, w.Shape())
	if err != nil {
		return err
	}
	part := l.Parts[0]
	part.Lines.Rows, part.Lines.Cols = l.Rows, l.Cols
	if _, err = w.bind(part); err != nil {
		return w.cannot(Read{}, "", err)
	}
	return nil
}

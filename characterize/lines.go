package characterize

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run"
)

// whole is the state of all devices of an array, by a read of every cell with
// the resistance of the lines taken out. What a device does to the load of its
// lines changes the reads of all others on them, so that a change of one device
// can only be told from a change of its neighbour with the state of all.
type whole struct {
	lines      array.Resistance
	rows, cols int
	reads      []float64 // S, as read, row by row
	devices    []float64 // S, the devices' own
	note       string    // why devices are as read; "" when they are not
}

// readWhole reads every cell of the array.
func (c Conditions) readWhole(ctx context.Context, bench array.DUT) (*whole, error) {
	w := &whole{lines: c.Lines}
	w.rows, w.cols = bench.Size()
	for _, cell := range array.AllCells(w.rows, w.cols) {
		if err := run.CheckStop(ctx); err != nil {
			return nil, err
		}
		p := &probe{bench: bench, conditions: c, cell: cell}
		if err := p.read(ctx); err != nil {
			return nil, fmt.Errorf("device %s: %w", cell, err)
		}
		w.reads = append(w.reads, float64(p.last))
	}
	devices, err := c.Lines.Devices(w.rows, w.cols, w.reads)
	switch {
	case errors.Is(err, array.ErrUnreadable):
		w.note, devices = notTaken(err), slices.Clone(w.reads)
	case err != nil:
		return nil, err
	}
	w.devices = devices
	return w, nil
}

func notTaken(err error) string { return "the lines were not taken out of the reads: " + err.Error() }

func (w *whole) read(c array.Cell) instrument.Siemens {
	return instrument.Siemens(w.reads[c.Row*w.cols+c.Col])
}
func (w *whole) device(c array.Cell) instrument.Siemens {
	return instrument.Siemens(w.devices[c.Row*w.cols+c.Col])
}

// follow takes new reads of a few cells; the other devices are taken to be as
// they were. It corrects the few by what their reads would be until that is what
// they are: each step leaves the attenuation's share of the error before.
func (w *whole) follow(cells []array.Cell, reads []instrument.Siemens) {
	for i, c := range cells {
		k := c.Row*w.cols + c.Col
		w.reads[k] = float64(reads[i])
		if w.note != "" || w.lines == (array.Resistance{}) {
			w.devices[k] = w.reads[k]
		}
	}
	if w.note != "" || w.lines == (array.Resistance{}) {
		return
	}
	for range 100 {
		model := w.lines.Reads(w.rows, w.cols, w.devices)
		worst := 0.0
		for _, c := range cells {
			k := c.Row*w.cols + c.Col
			if w.reads[k] <= 0 || !(w.devices[k] > 0 && w.devices[k] < 1) {
				w.devices[k] = math.Max(w.reads[k], 0)
				continue
			}
			change := w.reads[k] / model[k]
			worst = math.Max(worst, math.Abs(change-1))
			w.devices[k] *= change
		}
		if worst < 1e-6 {
			return
		}
	}
	w.note = notTaken(array.ErrUnreadable)
}

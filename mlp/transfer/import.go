package transfer

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/mat"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/mlp"
	"xlab/run"
	"xlab/tuning"
)

// Array is one crossbar to write into.
type Array struct {
	Bench   array.DUT
	Defects *array.DefectMap // what forming found; nil when nothing is known
}

// Task is what is written and where.
type Task struct {
	Network   *mlp.Network
	Placement mlp.Placement
	Held      []mlp.Constraint // devices that are left alone because training held them
	Arrays    map[string]Array // by the names of the placement
	Tuning    tuning.Spec      // how pulses are given; its targets and tolerance are not used
}

// Event tells an observer how far an import is. It must not block.
type Event struct {
	Array string
	Idle  bool // the idle devices are being written
	tuning.Event
}

// Options are the parts of an import that are not the procedure's.
type Options struct {
	Observe func(Event) // nil = nobody
}

// Import writes a network's weights, array after array, the idle devices of
// each before the others. Devices that the network does not use are left alone.
//
// It blocks as tuning.Tune does, and refuses what that refuses. Devices that do
// not get to their targets are no error but outcomes. With an error there is
// no outcome: what is on the arrays then is known to the journal alone. The
// caller makes the bench safe.
func Import(ctx context.Context, task Task, s Spec, o Options) (*Outcome, error) {
	sizes := make(map[string]mlp.ArraySize, len(task.Arrays))
	for name, a := range task.Arrays {
		rows, cols := a.Bench.Size()
		sizes[name] = mlp.ArraySize{Rows: rows, Columns: cols}
	}
	steps, err := s.plan(task.Network, task.Placement, task.Held, sizes, task.Tuning)
	if err != nil {
		return nil, err
	}
	w := &writing{task: task, spec: s, options: o, records: make(map[mlp.Device]record),
		reads: make(map[string]*mat.Dense), lines: make(map[string]*mat.Dense)}
	for i, t := range steps {
		w.later = nil
		for _, later := range steps[i+1:] {
			size := sizes[later.array]
			w.later = append(w.later, later.spec.Ahead(len(later.targets), size.Rows*size.Columns)...)
		}
		if err := w.write(ctx, t, sizes[t.array]); err != nil {
			return nil, err
		}
	}
	for _, name := range task.Placement.Arrays() {
		if w.reads[name] == nil {
			return nil, fmt.Errorf("array %s: all devices of the network are held, so nothing was read", name)
		}
	}
	return w.outcome()
}

// record is what tuning did to one device.
type record struct {
	tuning.Record
	aim instrument.Siemens
}

// writing is an import under way.
type writing struct {
	task    Task
	spec    Spec
	options Options
	later   []run.Work // than the step under way
	records map[mlp.Device]record
	reads   map[string]*mat.Dense // S, last read of every array on the targets' scale
	lines   map[string]*mat.Dense // S, the same with the lines taken out
}

func (w *writing) write(ctx context.Context, t step, size mlp.ArraySize) error {
	if !t.idle && w.spec.Correct {
		w.correct(&t)
		t.spec.Targets = targets(size, t.targets)
	}
	a := w.task.Arrays[t.array]
	tuned, err := tuning.Tune(ctx, a.Bench, t.array, t.spec, a.Defects, tuning.Options{Observe: func(e tuning.Event) {
		if w.options.Observe != nil {
			e.Ahead = append(e.Ahead, w.later...)
			w.options.Observe(Event{Array: t.array, Idle: t.idle, Event: e})
		}
	}})
	if err != nil {
		return fmt.Errorf("writing array %s: %w", t.array, err)
	}
	for _, r := range tuned.Records {
		w.records[mlp.Device{Array: t.array, Cell: r.Cell}] = record{Record: r, aim: r.Target}
	}
	w.lines[t.array] = mat.NewDense(size.Rows, size.Columns, tuned.Devices)
	w.reads[t.array] = mat.NewDense(size.Rows, size.Columns, tuned.Reads)
	if t.spec.Compensate {
		w.reads[t.array] = w.lines[t.array]
	}
	return nil
}

// correct shifts the targets of carrying devices by what their idle partners
// are off, as far as devices can be tuned. A partner that the defect map lists
// is left to training: an oblivious network does not know of it.
func (w *writing) correct(t *step) {
	reads, defects := w.reads[t.array], w.task.Arrays[t.array].Defects
	if reads == nil {
		return // no device of this array is idle
	}
	minimum := w.task.Network.Design.Range.Min
	for i := range t.targets {
		k := &t.targets[i]
		partner := k.Device
		partner.Cell.Row += 1 - 2*(k.Site.Row%2)
		if _, idle := w.records[partner]; !idle || defects != nil && !defects.Usable(partner.Cell) {
			continue
		}
		off := instrument.Siemens(reads.At(partner.Cell.Row, partner.Cell.Col)) - minimum
		k.Conductance = min(max(k.Conductance+off, t.spec.RangeMin), t.spec.RangeMax)
	}
}

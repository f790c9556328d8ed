package tuning

import (
	"context"
	"math"
	"slices"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run"
)

// Phase is a part of a run.
type Phase string

const (
	PhaseRead    Phase = "read"     // of the whole array
	PhaseCoarse  Phase = "coarse"   // first pass, to a wide band
	PhaseFine    Phase = "fine"     // first pass to the tolerance
	PhaseTouchUp Phase = "touch-up" // passes over what drifted or was disturbed
)

// Event tells an observer how far tuning is. It must not block.
type Event struct {
	Phase       Phase
	Pass        int    // from 1; 0 before the first
	Done, Total int    // devices of this pass or read
	Record      Record // of the device just visited; zero for reads
	// Ahead is what is still to be done in all of the tuning, as far as it is known.
	Ahead []run.Work
}

// Options are the parts of a run that are not the procedure's.
type Options struct {
	Observe func(Event) // told after every device, and once at the end; nil = nobody
}

// Tune sets the devices of the specification to their targets. name is the
// array's, defects what forming found (nil when nothing is known: devices that
// do not answer are then found by trying).
//
// It blocks until done, until the guard around ctx asks it to stop at the next
// device, or until an error or the end of ctx; the outcome so far comes with an
// error too. A faulty specification, an array that was never formed and targets
// that cannot be read through the lines are refused with an error of kind usage
// before the first pulse. Devices that do not get to their targets are no
// error but outcomes with a reason. The caller makes the bench safe.
func Tune(ctx context.Context, bench array.DUT, name string, spec Spec, defects *array.DefectMap,
	o Options) (*Outcome, error) {
	rows, cols := bench.Size()
	if err := spec.Validate(rows, cols); err != nil {
		return nil, err
	}
	if defects != nil && (defects.Rows != rows || defects.Cols != cols) {
		return nil, usage(name, "the defect map is of %d x %d devices, the array has %d x %d",
			"use the defect map of this array", defects.Rows, defects.Cols, rows, cols)
	}
	policy, err := NewPolicy(spec)
	if err != nil {
		return nil, err
	}
	law := newResponse(rows*cols, priorOf(spec.Profile))
	if a, ok := policy.(*adaptive); ok {
		law = a.response
	}
	t := &tuner{bench: bench, name: name, spec: spec, options: o, policy: policy, rows: rows, cols: cols,
		band:  spec.band(),
		lines: newLines(spec.Lines, rows, cols, spec.RangeMax), disturb: newDisturb(law, rows, cols),
		reads: slices.Repeat([]float64{float64(unknown)}, rows*cols), want: make([]float64, rows*cols),
		devices: make([]*device, rows*cols)}
	for _, cell := range spec.Targets.Cells() {
		g, _ := spec.Targets.At(cell)
		d := &device{Record: Record{Cell: cell, Target: g, Start: unknown}, index: cell.Row*cols + cell.Col}
		if defects != nil && !defects.Usable(cell) {
			state := defects.At(cell)
			reason := string(state.State) + " by the defect map"
			if state.Reason != "" {
				reason += ": " + state.Reason
			}
			d.close(Defective, "%s", reason)
		}
		t.asked = append(t.asked, d)
		t.devices[d.index] = d
	}
	if err = t.run(ctx); err == nil && o.Observe != nil {
		// Only now is it known that nothing more has to be done.
		o.Observe(Event{Phase: PhaseRead, Pass: t.passes, Done: len(t.reads), Total: len(t.reads),
			Ahead: []run.Work{work(PhaseRead, 0)}})
	}
	return t.outcome(err), err
}

// tuner is a run under way. Conductances inside are those of the devices, with
// the lines taken out as well as they are known; what reads show is kept beside.
type tuner struct {
	bench      array.DUT
	name       string
	spec       Spec
	options    Options
	policy     Policy
	rows, cols int
	band       float64 // relative distance at which a visit ends
	lines      *lines
	disturb    *disturb
	reads      []float64 // S, last read of every cell, NaN before the first
	first      []float64 // S, device conductances by the first read
	want       []float64 // S, device conductances aimed for
	devices    []*device // by cell, nil where nothing is asked for
	asked      []*device // row by row
	bystanders float64   // largest relative change of a device not asked for
	passes     int
	after      Phase // the last pass's; "" = before the first
	visits     int   // since the lines were solved
}

// error is the relative distance from the target.
func (t *tuner) error(d *device) float64 { return float64(t.shown(d)/d.Target) - 1 }

// shown is the device's conductance on the targets' scale, NaN while it is not
// known: where the lines are taken out, until the whole array was read.
func (t *tuner) shown(d *device) instrument.Siemens {
	switch {
	case !t.spec.Compensate:
		return instrument.Siemens(t.reads[d.index])
	case t.first == nil:
		return unknown
	}
	return instrument.Siemens(t.lines.g[d.index])
}

// away is the relative distance from the conductance aimed for, by all reads
// since the device was left.
func (t *tuner) away(d *device) float64 { return math.Abs(d.guess/t.want[d.index] - 1) }

func (t *tuner) observe(e Event) {
	if t.options.Observe != nil {
		e.Ahead = ahead(e.Phase, e.Total-e.Done, t.after, t.policy.Coarse() > t.band, len(t.open(nil)), len(t.reads))
		t.options.Observe(e)
	}
}

// open are the devices that may still be visited and of which something holds; nil =
// all of them.
func (t *tuner) open(holds func(d *device) bool) []*device {
	var list []*device
	for _, d := range t.asked {
		if d.closed == "" && (holds == nil || holds(d)) {
			list = append(list, d)
		}
	}
	return list
}

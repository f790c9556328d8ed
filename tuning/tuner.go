package tuning

import (
	"context"
	"fmt"
	"math"
	"sort"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run"
)

// Bench is what tuning needs of a crossbar: steps, and one intent for a bounded
// group of steps on a device before the first of them.
type Bench interface {
	array.Crossbar
	Expect(cell array.Cell, b array.Bounds) error
	Settle(data any) error
}

// Event tells an observer how far tuning is. It must not block.
type Event struct {
	Phase       string // "read", "coarse", "fine", "touch-up"
	Pass        int    // from 1
	Done, Total int    // devices of this pass
	Record      Record // of the device just visited; zero for reads
}

// Options are the parts of a run that are not the procedure's.
type Options struct {
	Observe func(Event) // told after every device; nil = nobody
}

// Tune sets the devices of the specification to their targets.
func Tune(ctx context.Context, bench Bench, name string, spec Spec, defects *array.DefectMap, o Options) (*Outcome, error) {
	rows, cols := bench.Size()
	if err := spec.Validate(rows, cols); err != nil {
		return nil, err
	}
	policy, err := NewPolicy(spec)
	if err != nil {
		return nil, err
	}
	t := &tuner{bench: bench, spec: spec, options: o, policy: policy, rows: rows, cols: cols, lines: newLines(spec.Lines, rows, cols),
		reads: make([]float64, rows*cols), want: make([]float64, rows*cols), devices: make([]*device, rows*cols)}
	law := newResponse(rows*cols, publishedPrior())
	if a, ok := policy.(*adaptive); ok {
		law = a.response
	}
	t.disturb = newDisturb(law, rows, cols)
	for _, cell := range spec.Targets.Cells() {
		g, _ := spec.Targets.At(cell)
		d := &device{Record: Record{Cell: cell, Target: g}, index: cell.Row*cols + cell.Col}
		if defects != nil && !defects.Usable(cell) {
			d.closed = Defective
			d.Reason = defects.At(cell).Reason
		}
		t.asked = append(t.asked, d)
		t.devices[d.index] = d
	}
	err = t.run(ctx)
	return t.outcome(), err
}

const (
	// touchUpBand is the part of the tolerance beyond which a device is visited
	// again after all have been read.
	touchUpBand = 0.75
	// patience is how many touch-up passes may bring nothing before the run ends.
	patience = 2
	// rereadWeight is the weight of a new read of a device against those since
	// it was left: a single read has noise, its mean has less.
	rereadWeight = 0.5
	// harmPerBand is the number of pulses that putting another device right
	// costs when a pulse moves it by one band, and harmMost what it costs at most.
	harmPerBand = 0.5
	harmMost    = 3
	// unformedShare is the part of the lowest accepted target below which a
	// device as read cannot have been formed.
	unformedShare = 0.02
)

// device is the state of one device during the run.
type device struct {
	Record
	index   int
	closed  Verdict // it is not visited any more
	reached bool    // was within its band at the end of a visit
	last    float64 // device conductance when left; 0 = not yet
	mark    mark    // of the disturb account when left
	guess   float64 // device conductance by all reads since it was left
}

type tuner struct {
	bench      Bench
	spec       Spec
	options    Options
	policy     Policy
	rows, cols int
	lines      *lines
	disturb    *disturb
	reads      []float64 // S, last read of every cell
	want       []float64 // S, device conductances aimed for
	devices    []*device // by cell, nil where nothing is asked for
	asked      []*device
	passes     int
	refreshed  int
}

func (t *tuner) run(ctx context.Context) error {
	if err := t.readAll(ctx); err != nil {
		return err
	}
	if err := t.aimAll(); err != nil {
		return err
	}
	if err := t.formed(); err != nil {
		return err
	}
	for _, d := range t.asked {
		d.Start = t.shown(d)
	}
	accept := t.spec.Accept * t.spec.Tolerance
	if coarse := t.policy.Coarse(); coarse > t.spec.Tolerance {
		if err := t.pass(ctx, "coarse", coarse, t.outside(coarse)); err != nil {
			return err
		}
		if err := t.readAll(ctx); err != nil {
			return err
		}
		if err := t.aimAll(); err != nil {
			return err
		}
	}
	if err := t.pass(ctx, "fine", accept, t.sensitiveLast(t.outside(accept))); err != nil {
		return err
	}
	left, best, stalled := math.MaxInt, math.MaxInt, 0
	for range t.spec.Passes {
		if err := t.readAll(ctx); err != nil {
			return err
		}
		if err := t.aimAll(); err != nil {
			return err
		}
		todo := t.sensitiveLast(t.drifted(touchUpBand * t.spec.Tolerance))
		if len(todo) == 0 {
			return nil
		}
		if len(todo) >= left {
			stalled++
		} else {
			stalled, left = 0, len(todo)
		}
		outs := len(t.outside(t.spec.Tolerance))
		best = min(best, outs)
		if stalled >= patience && outs <= best || stalled >= 2*patience {
			return nil
		}
		if err := t.pass(ctx, "touch-up", accept, todo); err != nil {
			return err
		}
	}
	return t.readAll(ctx)
}

// formed refuses an array most of whose devices are insulators.
func (t *tuner) formed() error {
	var reads []float64
	for _, d := range t.asked {
		if d.closed == "" {
			reads = append(reads, t.reads[d.index])
		}
	}
	median := instrument.Siemens(Quantile(reads, 0.5))
	if len(reads) > 0 && median < unformedShare*t.spec.RangeMin {
		return &instrument.Error{Op: "tune", Kind: instrument.KindUsage,
			Err:    fmt.Errorf("half of the devices read below %v, less than a formed device can be set to", median),
			Advice: "form the array first: `xlab form`"}
	}
	return nil
}

// outside lists the open devices farther from their target than a band, the
// largest changes first: what they do to the others comes early.
func (t *tuner) outside(band float64) []*device {
	var list []*device
	distance := func(d *device) float64 { return math.Abs(math.Log(t.lines.g[d.index] / t.want[d.index])) }
	for _, d := range t.asked {
		if d.closed == "" && math.Abs(t.error(d)) > band {
			list = append(list, d)
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return distance(list[i]) > distance(list[j]) })
	return list
}

// drifted lists the open devices that are farther than a band from their
// target by all reads since they were left.
func (t *tuner) drifted(band float64) []*device {
	var list []*device
	for _, d := range t.asked {
		if d.closed == "" && math.Abs(d.guess/t.want[d.index]-1) > band {
			list = append(list, d)
		}
	}
	return list
}

// sensitiveLast puts the devices that the others' pulses move most at the end.
func (t *tuner) sensitiveLast(list []*device) []*device {
	sort.SliceStable(list, func(i, j int) bool {
		return t.disturb.exposed(list[i].index, t.lines.g[list[i].index]) < t.disturb.exposed(list[j].index, t.lines.g[list[j].index])
	})
	return list
}

// error is the relative distance from the target.
func (t *tuner) error(d *device) float64 {
	if t.spec.Compensate {
		return t.lines.g[d.index]/float64(d.Target) - 1
	}
	return t.reads[d.index]/float64(d.Target) - 1
}

// shown is the device's conductance on the targets' scale.
func (t *tuner) shown(d *device) instrument.Siemens {
	if t.spec.Compensate {
		return instrument.Siemens(t.lines.g[d.index])
	}
	return instrument.Siemens(t.reads[d.index])
}

// readAll reads every cell of the array and takes the lines out.
func (t *tuner) readAll(ctx context.Context) error {
	reads := make([]float64, len(t.reads))
	for k := range reads {
		if err := run.CheckStop(ctx); err != nil {
			return err
		}
		cell := array.Cell{Row: k / t.cols, Col: k % t.cols}
		results, err := t.bench.Do(ctx, cell, t.spec.read())
		if err != nil {
			return err
		}
		reads[k] = float64(results[0].Conductance())
		if d := t.devices[k]; d != nil && !readable(results[0]) {
			t.unreadable(d, results[0])
			reads[k] = t.reads[k]
		}
	}
	g, err := t.lines.devices(reads, "the array as read")
	if err != nil {
		return err
	}
	copy(t.reads, reads)
	t.lines.assume(g)
	var list []reread
	for _, d := range t.asked {
		if d.last > 0 {
			d.Moved = math.Max(d.Moved, math.Abs(g[d.index]/d.last-1))
			d.guess += rereadWeight * (g[d.index] - d.guess)
			list = append(list, reread{change: g[d.index]/d.last - 1, predicted: t.disturb.received(d.index, d.Cell, d.last, d.mark)})
		} else {
			d.guess = g[d.index]
		}
	}
	t.disturb.learn(list, 2*t.spec.ReadNoise, t.passes > 1)
	return nil
}

// aimAll finds the device conductances that give the targets.
func (t *tuner) aimAll() error {
	for _, d := range t.asked {
		t.want[d.index] = float64(d.Target)
	}
	if t.spec.Compensate {
		return nil
	}
	shown := append([]float64(nil), t.reads...)
	for _, d := range t.asked {
		if d.closed == "" {
			shown[d.index] = float64(d.Target)
		}
	}
	g, err := t.lines.devices(shown, "the targets")
	if err != nil {
		return err
	}
	for _, d := range t.asked {
		t.want[d.index] = g[d.index]
	}
	return nil
}

// pass visits devices until each is within the band.
func (t *tuner) pass(ctx context.Context, phase string, band float64, list []*device) error {
	t.passes++
	t.disturb.begin(list)
	for i, d := range list {
		if err := run.CheckStop(ctx); err != nil {
			return err
		}
		if err := t.visit(ctx, d, band); err != nil {
			return err
		}
		t.disturb.visited(d.Cell)
		if t.refreshed++; t.refreshed%10 == 0 {
			t.lines.refresh()
		}
		if t.options.Observe != nil {
			t.options.Observe(Event{Phase: phase, Pass: t.passes, Done: i + 1, Total: len(list), Record: d.Record})
		}
	}
	return nil
}

// others lists the devices that pulses on d can put wrong: those on its lines
// that are open and not going to be visited in this pass any more.
func (t *tuner) others(d *device) []*device {
	var list []*device
	add := func(k int) {
		if o := t.devices[k]; o != nil && o != d && o.closed == "" && !t.disturb.waiting[k] {
			list = append(list, o)
		}
	}
	for c := range t.cols {
		add(d.Cell.Row*t.cols + c)
	}
	for r := range t.rows {
		add(r*t.cols + d.Cell.Col)
	}
	return list
}

// harm prepares the estimate of what pulses on a device do to the others, in
// pulses that put it right again.
func (t *tuner) harm(d *device) func(v instrument.Volts) float64 {
	others := t.others(d)
	var tables [2]harm
	band := t.spec.Accept * t.spec.Tolerance
	for _, up := range []bool{true, false} {
		weakest, strongest := t.spec.Pulses.span(up)
		scheme := t.spec.scheme(up)
		sag := t.lines.sag(d.index, scheme)
		tables[direction(up)] = t.disturb.harm(others, t.lines.g, up, weakest, strongest, func(v instrument.Volts) exposure { return t.disturb.law.halfSelected(v, scheme, sag) },
			func(o *device, moved float64) float64 {
				bands := moved / band
				return harmPerBand * bands / (1 + bands*harmPerBand/harmMost)
			})
	}
	return func(v instrument.Volts) float64 {
		return tables[direction(v > 0)].at(math.Abs(float64(v)))
	}
}

func (t *tuner) outcome() *Outcome {
	o := &Outcome{Reads: t.reads, Devices: t.lines.g, Passes: t.passes}
	for _, d := range t.asked {
		d.Final, d.Error = t.shown(d), t.error(d)
		switch {
		case d.closed != "":
			d.Verdict = d.closed
		case math.Abs(d.Error) <= t.spec.Tolerance:
			d.Verdict, d.Reason = InTolerance, ""
		case d.reached:
			d.Verdict = Disturbed
			d.Reason = fmt.Sprintf("was in tolerance after %d pulses and has moved since, most by %.1f %% between two visits", d.Pulses, 100*d.Moved)
		default:
			d.Verdict = GaveUp
			if d.Reason == "" {
				d.Reason = fmt.Sprintf("not in tolerance after %d pulses in %d visits", d.Pulses, d.Passes)
			}
		}
		o.Records = append(o.Records, d.Record)
	}
	return o
}

package characterize_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"xlab/instrument"
	"xlab/instrument/array"
)

// stub is a crossbar whose devices change by a fixed factor when a pulse passes
// their threshold. Its lines may have a resistance.
type stub struct {
	rows, cols int
	lines      array.Resistance
	devices    []stubDevice
	now        instrument.Seconds
	warmth     float64 // factor on all conductances
	drift      float64 // exponent of the conductances' fall since written
	disturb    float64 // relative change of half-selected devices by one pulse under V/2
	broken     array.Cell
	failing    int // steps until an error; 0 = none
	done       []array.Step
}

type stubDevice struct {
	g          float64 // S
	set, reset instrument.Volts
	factor     float64           // of the change by a pulse beyond a threshold
	creep      float64           // relative change by a pulse below it, from 0.6 V on
	cubic      float64           // I = g v (1 + cubic v^2)
	status     instrument.Status // of its reads
	limited    []array.Limited   // sources at their compliance in its pulses
	written    instrument.Seconds
}

func newStub(rows, cols int) *stub {
	s := &stub{rows: rows, cols: cols, warmth: 1, broken: array.Cell{Row: -1}}
	for range rows * cols {
		s.devices = append(s.devices, stubDevice{g: 8e-6, set: 0.93, reset: -1.13, factor: 1.1})
	}
	return s
}

func (s *stub) at(c array.Cell) *stubDevice { return &s.devices[c.Row*s.cols+c.Col] }

func (s *stub) Size() (rows, cols int) { return s.rows, s.cols }

func (s *stub) BenchTime(context.Context) (instrument.Seconds, error) { return s.now, nil }

func (s *stub) Wait(_ context.Context, t instrument.Seconds) error {
	s.now += t
	return nil
}

func (s *stub) Reach(_ context.Context, t instrument.Celsius) (instrument.Celsius, error) {
	s.warmth = 1 + float64(t-25)/100
	return t + 0.5, nil // never quite what was asked for
}

func (s *stub) Do(ctx context.Context, cell array.Cell, steps ...array.Step) ([]array.Result, error) {
	var results []array.Result
	for _, step := range steps {
		if ctx.Err() != nil {
			return results, ctx.Err()
		}
		if s.failing--; s.failing == 0 {
			return results, &instrument.Error{Op: "stub", Kind: instrument.KindUnreachable, Err: fmt.Errorf("the cable is out")}
		}
		s.done = append(s.done, step)
		s.now += 5e-3
		results = append(results, s.perform(cell, step))
	}
	return results, nil
}

func (s *stub) perform(cell array.Cell, step array.Step) array.Result {
	d := s.at(cell)
	switch x := step.(type) {
	case array.Read:
		g := s.path(cell)
		return array.Result{Levels: []array.Level{{Voltage: x.Voltage, Current: instrument.Amps(g * float64(x.Voltage))}},
			Status: d.status}
	case array.Pulse:
		s.stress(cell, x.Voltage, x.Scheme)
		return array.Result{Levels: []array.Level{{Voltage: x.Voltage, Current: instrument.Amps(d.g * float64(x.Voltage))}},
			Limited: d.limited}
	case array.Sweep:
		var r array.Result
		for i := range x.Steps {
			level := x.Start
			if x.Steps > 1 {
				level += (x.Stop - x.Start) * float64(i) / float64(x.Steps-1)
			}
			v, amps := level, d.g*level*(1+d.cubic*level*level)
			if x.Kind == instrument.SweepCurrent {
				v, amps = math.Copysign(math.Min(math.Abs(level)/d.g, x.Compliance), level), level
			}
			s.stress(cell, instrument.Volts(v), x.Scheme)
			r.Levels = append(r.Levels, array.Level{Voltage: instrument.Volts(v), Current: instrument.Amps(amps)})
		}
		return r
	}
	panic(fmt.Sprintf("step %T", step))
}

// path is what a read of the cell shows.
func (s *stub) path(cell array.Cell) float64 {
	g := make([]float64, len(s.devices))
	for k, d := range s.devices {
		age := math.Max(1, float64(s.now-d.written))
		g[k] = d.g * s.warmth * math.Pow(age, -s.drift)
	}
	if s.lines == (array.Resistance{}) {
		return g[cell.Row*s.cols+cell.Col]
	}
	return s.lines.Reads(s.rows, s.cols, g)[cell.Row*s.cols+cell.Col]
}

func (s *stub) stress(cell array.Cell, v instrument.Volts, scheme array.Scheme) {
	d := s.at(cell)
	switch {
	case v >= d.set:
		d.g, d.written = d.g*d.factor, s.now
	case v <= d.reset:
		d.g, d.written = d.g/d.factor, s.now
	case v >= 0.6:
		d.g *= 1 + d.creep
	}
	if scheme != array.HalfVoltage {
		return
	}
	for k := range s.devices {
		other := array.Cell{Row: k / s.cols, Col: k % s.cols}
		if (other.Row == cell.Row) != (other.Col == cell.Col) {
			s.devices[k].g *= 1 + math.Copysign(s.disturb, float64(v))
		}
	}
}

// ledger is a journal that checks that every stress was covered by a group.
type ledger struct {
	t      testing.TB
	groups int
	open   map[uint64]bool
	parts  int
	reads  int
}

func (l *ledger) Intent(data any) (uint64, error) {
	intent, ok := data.(array.Intent)
	if !ok || intent.Bounds == nil {
		l.t.Errorf("a step on %v was not covered by the group expected: %+v", intent.Cell, intent.Steps)
	}
	if len(l.open) > 0 {
		l.t.Error("a group was opened before the last one was settled")
	}
	l.groups++
	l.open[uint64(l.groups)] = true
	return uint64(l.groups), nil
}

func (l *ledger) Part(id uint64, _ any) error {
	if !l.open[id] {
		l.t.Errorf("part of intent %d, which is not open", id)
	}
	l.parts++
	return nil
}

func (l *ledger) Result(id uint64, _ any) error { delete(l.open, id); return nil }

func (l *ledger) Event(string, any) error { l.reads++; return nil }

// journaled puts a checking journal in front of the stub.
func journaled(t testing.TB, s *stub) (*array.Journaled, *ledger) {
	l := &ledger{t: t, open: make(map[uint64]bool)}
	return array.NewJournaled(s, "A", l), l
}

func near(t testing.TB, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %.6g, want %.6g +- %.2g", what, got, want, tolerance)
	}
}

// unusable is a defect map with the cells given defective and the others formed.
func unusable(rows, cols int, cells ...array.Cell) *array.DefectMap {
	m := array.NewDefectMap("A", rows, cols)
	for i := range m.Devices {
		m.Devices[i].State = array.StateFormed
	}
	for _, c := range cells {
		m.At(c).State = array.StateDefective
	}
	return m
}

package forming_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"xlab/forming"
	"xlab/instrument"
	"xlab/instrument/array"
)

// ideal is a device that forms at a voltage, is lowered by negative pulses from
// a threshold on and raised by positive ones.
type ideal struct {
	g        float64                      // S, at present
	forms    float64                      // V at which it forms; 0 = never
	formed   float64                      // S after forming
	resetsAt instrument.Volts             // weakest amplitude that lowers it, < 0; 0 = none does
	setsAt   instrument.Volts             // weakest amplitude that raises it, > 0; 0 = none does
	touched  []array.Step                 // everything that was done to it
	after    func(d *ideal, s array.Step) // an accident
}

// bar is a crossbar of such devices, which do not know each other.
type bar struct {
	rows, cols int
	devices    []*ideal
	calls      int
	failAt     int               // number of the call that fails, from 1; 0 = none
	status     instrument.Status // of all reads
	order      []array.Cell
	noise      func() float64 // A, added to every current
}

var errLink = errors.New("the link is lost")

func newBar(rows, cols int) *bar {
	b := &bar{rows: rows, cols: cols}
	for range rows * cols {
		b.devices = append(b.devices, &ideal{g: 1e-8, forms: 1.6, formed: 200e-6, resetsAt: -1.5, setsAt: 1.4})
	}
	return b
}

func (b *bar) at(row, col int) *ideal { return b.devices[row*b.cols+col] }
func (b *bar) Size() (int, int)       { return b.rows, b.cols }

func (b *bar) Do(_ context.Context, cell array.Cell, steps ...array.Step) ([]array.Result, error) {
	if b.calls++; b.calls == b.failAt {
		return nil, errLink
	}
	if len(b.order) == 0 || b.order[len(b.order)-1] != cell {
		b.order = append(b.order, cell)
	}
	d := b.at(cell.Row, cell.Col)
	var results []array.Result
	for _, step := range steps {
		d.touched = append(d.touched, step)
		var r array.Result
		level := func(v float64) {
			i := d.g * v
			if b.noise != nil {
				i += b.noise()
			}
			r.Levels = append(r.Levels, array.Level{Voltage: instrument.Volts(v), Current: instrument.Amps(i)})
		}
		switch s := step.(type) {
		case array.Read:
			level(float64(s.Voltage))
			r.Status = b.status
		case array.Pulse:
			switch {
			case d.resetsAt < 0 && s.Voltage <= d.resetsAt:
				d.g = math.Max(d.g/2, 2e-6)
			case d.setsAt > 0 && s.Voltage >= d.setsAt:
				d.g *= 1.5
			}
			level(float64(s.Voltage))
		case array.Sweep:
			for k := range s.Steps {
				x := s.Start + (s.Stop-s.Start)*float64(k)/float64(s.Steps-1)
				v := x
				if s.Kind == instrument.SweepCurrent {
					v = math.Min(x/d.g, s.Compliance)
				}
				if d.forms > 0 && v >= d.forms && d.g < d.formed {
					d.g = d.formed
				}
				level(v)
			}
		}
		if d.after != nil {
			d.after(d, step)
		}
		results = append(results, r)
	}
	return results, nil
}

// journal counts what is covered: an intent for every visit, and no more.
type journal struct{ intents, open, singles int }

func (j *journal) Intent(data any) (uint64, error) {
	j.intents++
	j.open++
	if data.(array.Intent).Bounds == nil {
		j.singles++
	}
	return uint64(j.intents), nil
}
func (j *journal) Part(uint64, any) error   { return nil }
func (j *journal) Result(uint64, any) error { j.open--; return nil }
func (j *journal) Event(string, any) error  { return nil }

func runOn(t testing.TB, b *bar, spec forming.Spec) (*forming.Outcome, *journal) {
	t.Helper()
	j := &journal{}
	o, err := forming.Run(context.Background(), array.NewJournaled(b, "A", j), "A", spec, forming.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if j.open != 0 || j.singles != 0 {
		t.Errorf("%d intents are open at the end, %d steps needed one of their own", j.open, j.singles)
	}
	return o, j
}

func one(t testing.TB, d *ideal, spec forming.Spec) forming.Record {
	t.Helper()
	b := newBar(1, 1)
	b.devices[0] = d
	o, _ := runOn(t, b, spec)
	return o.Records[0]
}

func voltages(d *ideal) (pulses []float64) {
	for _, s := range d.touched {
		if p, ok := s.(array.Pulse); ok {
			pulses = append(pulses, float64(p.Voltage))
		}
	}
	return pulses
}

func sweeps(d *ideal) (list []array.Sweep) {
	for _, s := range d.touched {
		if w, ok := s.(array.Sweep); ok {
			list = append(list, w)
		}
	}
	return list
}

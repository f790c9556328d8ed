package forming

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run"
)

// While a source of the other lines is at its compliance a device that does not
// form, or does not answer, is no defective one; one that forms is formed.
func TestNoVerdictWhileOthersAreNotHeld(t *testing.T) {
	other := []array.Limited{{Bus: array.BusOtherCols, Unit: 4, Compliance: 5e-3, From: 0.9, Need: 12e-3}}
	high := []array.Limited{{Bus: array.BusForce1, Unit: 1, Compliance: 5e-4, From: 2.3, Need: 1e-3}}
	row := []array.Limited{{Bus: array.BusForce1, Unit: 1, Compliance: 5e-4, From: 0.9, Need: 1e-3}}
	for _, c := range []struct {
		name    string
		limited []array.Limited
		steps   func(array.Step) bool // in which the sources are limited
		stub    func(*stub)
		want    array.State
		sweeps  int
	}{
		{"sweep", other, isSweep, func(s *stub) { s.forms[0] = 0 }, array.StateUntried, 1},
		{"sweep that forms it", other, isSweep, func(*stub) {}, array.StateFormed, 1},
		{"the row's source beyond the first sweep", high, isSweep, func(s *stub) { s.forms[0] = 0 }, array.StateDefective, 8},
		{"the row's source", row, isSweep, func(s *stub) { s.forms[0] = 0 }, array.StateUntried, 8},
		{"pulse", other, isPulse, func(s *stub) { s.stuck[0] = true }, array.StateUntried, 1},
		{"check", other, isRead, func(*stub) {}, array.StateUntried, 0},
		{"nothing", nil, isSweep, func(s *stub) { s.forms[0] = 0 }, array.StateDefective, 8},
	} {
		s := newStub(1, 1)
		c.stub(s)
		s.limited = func(step array.Step) []array.Limited {
			if c.steps(step) {
				return c.limited
			}
			return nil
		}
		o, err := Run(t.Context(), s, "A", DefaultSpec(nil), Options{})
		r := o.Records[0]
		if r.State != c.want || r.Sweeps != c.sweeps {
			t.Errorf("%s: %s after %d sweeps, want %s after %d (%s)", c.name, r.State, r.Sweeps, c.want, c.sweeps, r.Reason)
		}
		var ended *run.Ended
		partial := errors.As(err, &ended) && ended.Outcome == run.OutcomePartial
		if partial != (c.want == array.StateUntried) {
			t.Errorf("%s: the run ends with %v", c.name, err)
		}
		if c.want == array.StateUntried {
			texts := []string{"SMU 4", "the other columns", "5.00 mA", "12.0 mA", "forming.compliance=14.0mA"}
			if c.limited[0].Bus == array.BusForce1 {
				texts = []string{"SMU 1", "the selected row", "500 µA", "forming.icomp=1.10mA"}
			}
			for _, text := range texts {
				if !strings.Contains(r.Reason, text) || !strings.Contains(err.Error(), text) {
					t.Errorf("%s: no %q in %q, %v", c.name, text, r.Reason, err)
				}
			}
		}
	}
}

func isSweep(s array.Step) bool { _, is := s.(array.Sweep); return is }
func isPulse(s array.Step) bool { _, is := s.(array.Pulse); return is }
func isRead(s array.Step) bool  { _, is := s.(array.Read); return is }

// The first sweep measures the column alone. Where it knows of a limited source and
// the device did not form, the same sweep is made once more with all sources
// measured, and the next is stronger only where none of other lines was limited.
func TestAsksWhichSourceWasLimited(t *testing.T) {
	other := array.Limited{Bus: array.BusOtherCols, Unit: 4, Compliance: 5e-3, From: 0.9}
	row := array.Limited{Bus: array.BusForce1, Unit: 1, Compliance: 5e-4, From: 2.2}
	for _, c := range []struct {
		name   string
		source array.Limited
		forms  float64
		tops   []float64
		want   array.State
	}{
		{"other lines", other, 2.4, []float64{2.2, 2.2}, array.StateUntried},
		{"the row", row, 2.4, []float64{2.2, 2.2, 2.5}, array.StateFormed},
		{"forms all the same", other, 2, []float64{2.2}, array.StateFormed},
		{"never forms", row, 0, []float64{2.2, 2.2, 2.5, 2.8, 2.2, 2.5, 2.8, 3.1}, array.StateDefective},
	} {
		s := newStub(1, 1)
		s.forms[0] = c.forms
		s.limited = func(step array.Step) []array.Limited {
			switch sweep, is := step.(array.Sweep); {
			case !is:
				return nil
			case sweep.ColumnOnly:
				return []array.Limited{{From: c.source.From}}
			}
			return []array.Limited{c.source}
		}
		o, _ := Run(t.Context(), s, "A", DefaultSpec(nil), Options{})
		var tops []float64
		for i, sweep := range s.sweeps {
			tops = append(tops, math.Round(100*sweep.Stop)/100)
			if sweep.ColumnOnly != (i == 0) {
				t.Errorf("%s: sweep %d measures the column alone: %t", c.name, i, sweep.ColumnOnly)
			}
		}
		if r := o.Records[0]; r.State != c.want || !slices.Equal(tops, c.tops) {
			t.Errorf("%s: %s after sweeps to %v, want %s after %v: %s", c.name, r.State, tops, c.want, c.tops, r.Reason)
		}
	}
}

// A chip is not stressed device by device while its other lines are not held.
func TestStopsWhereOthersAreNotHeld(t *testing.T) {
	s := newStub(2, 5)
	for k := range s.forms {
		s.forms[k] = 0
	}
	s.limited = func(step array.Step) []array.Limited {
		if isSweep(step) {
			return []array.Limited{{Bus: array.BusOtherRows, Unit: 3, Compliance: 5e-3, From: 0.9}}
		}
		return nil
	}
	o, err := Run(t.Context(), s, "A", DefaultSpec(nil), Options{})
	if err == nil || len(s.sweeps) != mostUnheld || o.Count(array.StateUntried) != 10 ||
		!strings.Contains(err.Error(), "3 of 10 devices") {
		t.Errorf("%d sweeps, %v", len(s.sweeps), err)
	}
}

// The estimate knows what a formed array draws, and refuses what cannot hold it.
func TestLoad(t *testing.T) {
	lines := array.Resistance{Contact: 200, RowSegment: 2, ColSegment: 2}
	few := DefaultSpec(nil)
	few.Devices = []array.Cell{{Row: 30, Col: 3}}
	formed := slices.Repeat([]float64{5e-6}, 64*64)
	for _, c := range []struct {
		name       string
		spec       Spec
		rows       int
		others     []float64
		compliance instrument.Amps
		held       float64 // part of the first sweep
		refused    bool
	}{
		{"20 x 20", DefaultSpec(nil), 20, make([]float64, 400), 5e-3, 1, false},
		{"64 x 64", DefaultSpec(nil), 64, make([]float64, 4096), 5e-3, 0.34, true},
		{"64 x 64, 20 mA", DefaultSpec(nil), 64, make([]float64, 4096), 20e-3, 0.87, false},
		{"one device of a formed array", few, 64, formed, 5e-3, 0.34, true},
		{"one device of a pristine array", few, 64, make([]float64, 4096), 5e-3, 1, false},
	} {
		c.spec.Compliance = c.compliance
		l, err := c.spec.Load(c.rows, c.rows, lines, c.others)
		if (err != nil) != c.refused ||
			instrument.KindOf(err) != map[bool]instrument.Kind{true: instrument.KindLimit}[c.refused] {
			t.Errorf("%s: %v", c.name, err)
		}
		if part := float64(l.Held / l.Voltage); part < 0.9*c.held || part > 1.1*c.held {
			t.Errorf("%s: held up to %.2f of the sweep, want %.2f", c.name, part, c.held)
		}
		if c.refused && !strings.Contains(err.Error(), "raise forming.compliance") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	floating := DefaultSpec(nil)
	floating.Scheme = array.Floating
	if l, err := floating.Load(64, 64, lines, formed); l != nil || err != nil {
		t.Errorf("nothing holds floating lines: %+v, %v", l, err)
	}
}

package tuning

import (
	"context"
	"math"
	"strings"
	"testing"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run"
)

// ideal is an array of devices that answer to pulses by a smooth law and do not
// know each other; there are no lines.
type ideal struct {
	rows, cols int
	g          []float64 // S
	stuck      []bool
	limited    int // device whose reads are in compliance, -1 = none
	open       bool
	uncovered  int
	pulses     []int
	peak       [2]float64 // most negative and most positive voltage
}

func newIdeal(rows, cols int) *ideal {
	s := &ideal{rows: rows, cols: cols, limited: -1, pulses: make([]int, rows*cols), stuck: make([]bool, rows*cols)}
	for k := range rows * cols {
		s.g = append(s.g, 8e-6+1e-6*float64(k%5))
	}
	return s
}

func (s *ideal) Size() (int, int)                      { return s.rows, s.cols }
func (s *ideal) Expect(array.Cell, array.Bounds) error { s.open = true; return nil }
func (s *ideal) Settle(any) error                      { s.open = false; return nil }

func (s *ideal) Do(_ context.Context, cell array.Cell, steps ...array.Step) ([]array.Result, error) {
	k := cell.Row*s.cols + cell.Col
	var results []array.Result
	for _, step := range steps {
		v := instrument.Volts(0.2)
		if p, ok := step.(array.Pulse); ok {
			v = p.Voltage
			if !s.open {
				s.uncovered++
			}
			s.pulses[k]++
			s.peak[0], s.peak[1] = min(s.peak[0], float64(v)), max(s.peak[1], float64(v))
			threshold := 1.0
			if v < 0 {
				threshold = 1.2
			}
			if !s.stuck[k] {
				factor := 1 + 0.05*math.Exp(8*(math.Abs(float64(v))-threshold))
				if v < 0 {
					factor = 1 / factor
				}
				s.g[k] = min(max(s.g[k]*factor, 1e-6), 300e-6)
			}
		}
		r := array.Result{Levels: []array.Level{{Voltage: v, Current: instrument.Amps(s.g[k] * float64(v))}}}
		if k == s.limited {
			r.Status = instrument.StatusCompliance
		}
		results = append(results, r)
	}
	return results, nil
}

func specFor(s *ideal, targets Targets) Spec {
	spec := DefaultSpec()
	spec.Lines = array.Resistance{}
	spec.Targets = targets
	return spec
}

func spread(s *ideal) Targets {
	t := NewTargets(s.rows, s.cols)
	for i, c := range array.AllCells(s.rows, s.cols) {
		t[c.Row][c.Col] = instrument.Siemens(10e-6 * math.Pow(10, float64(i)/float64(s.rows*s.cols)))
	}
	return t
}

func TestPoliciesReachTheTargets(t *testing.T) {
	median := map[string]float64{}
	for _, policy := range Policies() {
		for _, tolerance := range []float64{0.3, 0.05, 0.01} {
			s := newIdeal(4, 5)
			spec := specFor(s, spread(s))
			spec.Policy, spec.Tolerance = policy, tolerance
			o, err := Tune(t.Context(), s, "A", spec, nil, Options{})
			if err != nil {
				t.Fatalf("%s at %v: %v", policy, tolerance, err)
			}
			got := o.Summary()
			if got.InTolerance != 20 {
				t.Errorf("%s at %v: %+v", policy, tolerance, got)
			}
			for _, r := range o.Records {
				if truly := s.g[r.Cell.Row*5+r.Cell.Col]; math.Abs(truly/float64(r.Target)-1) > tolerance {
					t.Errorf("%s at %v: %s is at %v, target %v", policy, tolerance, r.Cell, truly, r.Target)
				}
			}
			if s.uncovered > 0 {
				t.Errorf("%d pulses without an intent", s.uncovered)
			}
			if s.peak[1] > float64(spec.SetMax) || s.peak[0] < float64(spec.ResetMax) {
				t.Errorf("%s: pulses of %v to %v", policy, s.peak[0], s.peak[1])
			}
			if tolerance == 0.05 {
				median[policy] = got.MedianPulses
			}
		}
	}
	if median[PolicyAdaptive] > median[PolicyRamp]/2 {
		t.Errorf("median pulses at 5 %%: adaptive %v, ramp %v", median[PolicyAdaptive], median[PolicyRamp])
	}
}

func TestStuckDeviceIsLeftAlone(t *testing.T) {
	for _, g := range []float64{50e-6, 5e-6} { // above and below its target
		s := newIdeal(2, 2)
		s.stuck[1], s.g[1] = true, g
		targets, err := Uniform(2, 2, array.AllCells(2, 2), 20e-6)
		if err != nil {
			t.Fatal(err)
		}
		o, err := Tune(t.Context(), s, "A", specFor(s, targets), nil, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if r := o.Records[1]; r.Verdict != Stuck || !strings.Contains(r.Reason, "answers to no pulse") || r.Pulses != s.pulses[1] {
			t.Errorf("%+v, %d pulses", r, s.pulses[1])
		}
		if s.pulses[1] > 60 {
			t.Errorf("%d pulses on a stuck device", s.pulses[1])
		}
		if got := o.Summary(); got.InTolerance != 3 || got.Stuck != 1 {
			t.Errorf("%+v", got)
		}
	}
}

func TestDefectiveDeviceIsNotTouched(t *testing.T) {
	s := newIdeal(2, 2)
	defects := array.NewDefectMap("A", 2, 2)
	for i := range defects.Devices {
		defects.Devices[i].State = array.StateFormed
	}
	defects.Devices[2].State, defects.Devices[2].Reason = array.StateDefective, "did not form"
	o, err := Tune(t.Context(), s, "A", specFor(s, spread(s)), defects, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r := o.Records[2]; r.Verdict != Defective || r.Reason != "did not form" || s.pulses[2] != 0 {
		t.Errorf("%+v, %d pulses", r, s.pulses[2])
	}
}

func TestReadInComplianceIsGivenUp(t *testing.T) {
	s := newIdeal(2, 2)
	s.limited = 3
	o, err := Tune(t.Context(), s, "A", specFor(s, spread(s)), nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r := o.Records[3]; r.Verdict != GaveUp || !strings.Contains(r.Reason, "in compliance") || s.pulses[3] != 0 {
		t.Errorf("%+v, %d pulses", r, s.pulses[3])
	}
}

func TestBudgetIsKept(t *testing.T) {
	s := newIdeal(2, 2)
	spec := specFor(s, spread(s))
	spec.Policy, spec.Tolerance, spec.DeviceBudget, spec.PassBudget = PolicyRamp, 0.01, 5, 3
	o, err := Tune(t.Context(), s, "A", spec, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for k, n := range s.pulses {
		if n > spec.DeviceBudget || n != o.Records[k].Pulses {
			t.Errorf("%d pulses, %d recorded, %d allowed", n, o.Records[k].Pulses, spec.DeviceBudget)
		}
	}
	if got := o.Summary(); got.GaveUp == 0 {
		t.Errorf("%+v", got)
	}
	for _, r := range o.Records {
		if r.Verdict == GaveUp && r.Reason == "" {
			t.Errorf("%s gave up without a reason", r.Cell)
		}
	}
}

func TestUnformedArrayIsRefused(t *testing.T) {
	s := newIdeal(2, 2)
	for k := range s.g {
		s.g[k] = 1e-9
	}
	_, err := Tune(t.Context(), s, "A", specFor(s, spread(s)), nil, Options{})
	if instrument.KindOf(err) != instrument.KindUsage || !strings.Contains(err.Error(), "xlab form") {
		t.Errorf("%v", err)
	}
}

func TestStopsBetweenDevices(t *testing.T) {
	s := newIdeal(2, 2)
	ctx, cancel := context.WithCancel(t.Context())
	o, err := Tune(ctx, s, "A", specFor(s, spread(s)), nil, Options{Observe: func(Event) { cancel() }})
	if run.OutcomeOf(err) != run.OutcomeInterrupted || o == nil {
		t.Errorf("%v", err)
	}
}

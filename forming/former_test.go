package forming

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run"
)

// stub is an array of ideal devices that do not know each other: each forms at
// a voltage, is reset by any negative pulse unless it is stuck, and conducts.
type stub struct {
	rows, cols int
	forms      []float64 // V at which a device forms; 0 = never
	stuck      []bool
	g          []float64 // S
	fails      int       // the exchange, counted from 1, that fails; 0 = none
	exchanges  int
	open       bool // an intent is open
	uncovered  int  // stresses without an intent
	sweeps     []array.Sweep
	pulses     map[array.Cell]int
	settled    []any
	limited    func(array.Step) []array.Limited // sources at their compliance in a step; nil = none
}

func newStub(rows, cols int) *stub {
	s := &stub{rows: rows, cols: cols, pulses: map[array.Cell]int{}}
	for range rows * cols {
		s.forms, s.stuck, s.g = append(s.forms, 2), append(s.stuck, false), append(s.g, 1e-8)
	}
	return s
}

func (s *stub) Size() (int, int) { return s.rows, s.cols }
func (s *stub) Expect(array.Cell, array.Bounds) error {
	s.open = true
	return nil
}
func (s *stub) Settle(data any) error {
	s.open = false
	s.settled = append(s.settled, data)
	return nil
}

func (s *stub) Do(_ context.Context, cell array.Cell, steps ...array.Step) ([]array.Result, error) {
	if s.exchanges++; s.exchanges == s.fails {
		return nil, errors.New("the link is lost")
	}
	k := cell.Row*s.cols + cell.Col
	var results []array.Result
	for _, step := range steps {
		if step.Stress() && !s.open {
			s.uncovered++
		}
		v := instrument.Volts(0.1)
		switch step := step.(type) {
		case array.Sweep:
			s.sweeps = append(s.sweeps, step)
			if v = instrument.Volts(step.Stop); s.forms[k] > 0 && step.Stop >= s.forms[k] && s.g[k] < 1e-6 {
				s.g[k] = 200e-6
			}
		case array.Pulse:
			s.pulses[cell]++
			v = step.Voltage
			switch {
			case s.stuck[k] || s.g[k] < 1e-6:
			case v < 0:
				s.g[k] = max(s.g[k]/2, 5e-6)
			default:
				s.g[k] *= 2
			}
		}
		r := array.Result{Levels: []array.Level{{Voltage: v, Current: instrument.Amps(s.g[k] * float64(v))}}}
		if s.limited != nil {
			r.Limited = s.limited(step)
		}
		results = append(results, r)
	}
	return results, nil
}

func formAll(t *testing.T, s *stub, spec Spec) *Outcome {
	t.Helper()
	o, err := Run(t.Context(), s, "A", spec, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s.uncovered > 0 {
		t.Errorf("%d stresses without an intent", s.uncovered)
	}
	return o
}

func TestFormsAndResetsAtOnce(t *testing.T) {
	s := newStub(2, 3)
	o := formAll(t, s, DefaultSpec(nil))
	if n := o.Count(array.StateFormed); n != 6 {
		t.Fatalf("%d formed: %+v", n, o.Records)
	}
	for _, r := range o.Records {
		if r.Sweeps != 1 || r.Formed != 200e-6 || r.After > DefaultSpec(nil).Goff || r.Before != 1e-8 {
			t.Errorf("%+v", r)
		}
		if !o.Defects.Usable(r.Cell) {
			t.Errorf("%s is not usable in the map", r.Cell)
		}
	}
	if len(s.settled) != 6 {
		t.Errorf("%d devices were settled", len(s.settled))
	}
}

func TestRaisesTheMaximum(t *testing.T) {
	s := newStub(1, 1)
	s.forms[0] = 2.7
	o := formAll(t, s, DefaultSpec(nil))
	if r := o.Records[0]; r.State != array.StateFormed || r.Sweeps != 3 {
		t.Errorf("%+v", r)
	}
	for i, want := range []float64{2.2, 2.5, 2.8} {
		if got := s.sweeps[i].Stop; got < want-1e-9 || got > want+1e-9 {
			t.Errorf("sweep %d goes to %v, want %v", i, got, want)
		}
	}
}

func TestPreformedIsOnlySwitchedOff(t *testing.T) {
	s := newStub(1, 1)
	s.g[0] = 30e-6
	o := formAll(t, s, DefaultSpec(nil))
	if r := o.Records[0]; r.State != array.StatePreformed || r.Sweeps != 0 || r.After > DefaultSpec(nil).Goff {
		t.Errorf("%+v", r)
	}
}

func TestDefectiveDevicesAreTriedTwice(t *testing.T) {
	s := newStub(1, 3)
	s.forms[0] = 0                   // never forms
	s.stuck[1], s.g[1] = true, 20e-6 // conducts and answers to nothing
	o := formAll(t, s, DefaultSpec(nil))
	if never := o.Records[0]; never.State != array.StateDefective || never.Sweeps != 2*DefaultSpec(nil).Attempts ||
		!strings.Contains(never.Reason, "did not form") {
		t.Errorf("%+v", never)
	}
	if stuck := o.Records[1]; stuck.State != array.StateDefective || stuck.Sweeps != 0 ||
		!strings.Contains(stuck.Reason, "stuck at") {
		t.Errorf("%+v", stuck)
	}
	if o.Records[2].State != array.StateFormed {
		t.Errorf("%+v", o.Records[2])
	}
	want := []array.Cell{{Row: 0, Col: 0}, {Row: 0, Col: 1}}
	if got := o.Defects.Cells(array.StateDefective); !slices.Equal(got, want) {
		t.Errorf("defective %v, want %v", got, want)
	}
}

// Before the second round every device that works is reset, because one that
// was switched on by accident may have taken the current.
func TestSecondRoundResetsAll(t *testing.T) {
	s := newStub(1, 2)
	s.forms[1] = 0
	switched := false
	o, err := Run(t.Context(), s, "A", DefaultSpec(nil), Options{Observe: func(e Event) {
		if e.Round == 1 && e.Done == 2 {
			s.g[0], s.forms[1], switched = 300e-6, 2, true // an accident; without it the other would have formed
		}
	}})
	if err != nil || !switched {
		t.Fatal(err, switched)
	}
	if s.g[0] > float64(DefaultSpec(nil).Goff) {
		t.Errorf("the first device is still on: %v S", s.g[0])
	}
	if o.Records[1].State != array.StateFormed {
		t.Errorf("%+v", o.Records[1])
	}
}

func TestErrorKeepsWhatWasFormed(t *testing.T) {
	s := newStub(1, 3)
	s.fails = 10
	o, err := Run(t.Context(), s, "A", DefaultSpec(nil), Options{})
	if err == nil || !strings.Contains(err.Error(), "the link is lost") {
		t.Fatal(err)
	}
	if o.Count(array.StateFormed) == 0 || o.Count(array.StateUntried) == 0 {
		t.Errorf("%+v", o.Records)
	}
}

func TestStopsAtTheNextDevice(t *testing.T) {
	s := newStub(1, 3)
	ctx, cancel := context.WithCancel(t.Context())
	o, err := Run(ctx, s, "A", DefaultSpec(nil), Options{Observe: func(e Event) {
		if e.Done == 1 {
			cancel()
		}
	}})
	if run.OutcomeOf(err) != run.OutcomeInterrupted {
		t.Errorf("%v", err)
	}
	if o.Count(array.StateFormed) != 1 || o.Count(array.StateUntried) != 2 {
		t.Errorf("%+v", o.Records)
	}
}

func TestValidateNamesEveryFault(t *testing.T) {
	spec := DefaultSpec(nil)
	spec.Amin, spec.RTH, spec.Attempts, spec.Vreset, spec.Check = 1, 0, 0, 1, 0.3
	spec.Devices = []array.Cell{{Row: 9, Col: 0}}
	err := spec.Validate(2, 2)
	for _, part := range []string{"amin", "rth", "attempts", "vreset", "check", "r9c0"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not named in: %v", part, err)
		}
	}
	current := DefaultSpec(nil)
	current.Mode = instrument.SweepCurrent
	if err := current.Validate(2, 2); err == nil || !strings.Contains(err.Error(), "forming.scheme=floating") {
		t.Errorf("a current sweep under v3: %v", err)
	}
	current.Scheme = array.Floating
	if err := current.Validate(2, 2); err != nil {
		t.Error(err)
	}
}

func TestEstimate(t *testing.T) {
	calls := 0
	e, err := DefaultSpec(nil).Estimate(20, 20, func(steps ...array.Step) (instrument.Seconds, error) {
		calls++
		return instrument.Seconds(0.01 * float64(len(steps))), nil
	})
	if err != nil || calls == 0 {
		t.Fatal(err, calls)
	}
	if e.Devices != 400 || e.LongestTime <= e.TypicalTime || e.MaxVoltage != 3.1 || e.MinVoltage != -2.4 ||
		e.MaxCurrent != 5e-3 {
		t.Errorf("%+v", e)
	}
	refused := errors.New("beyond the limit")
	if _, err := DefaultSpec(nil).Estimate(2, 2, func(...array.Step) (instrument.Seconds, error) {
		return 0,
			refused
	}); !errors.Is(err, refused) {
		t.Errorf("%v", err)
	}
	var b bytes.Buffer
	if err := e.Print(&b); err != nil || !strings.Contains(b.String(), "400 devices; nothing is touched by a dry run") {
		t.Errorf("%v\n%s", err, b.String())
	}
}

func TestWriteCSV(t *testing.T) {
	o := formAll(t, newStub(1, 2), DefaultSpec(nil))
	var b bytes.Buffer
	if err := o.WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "row,col,state,sweeps,sweep_maximum_V,") ||
		!strings.HasPrefix(lines[2], "0,1,formed,1,2.2,") {
		t.Errorf("%q", lines)
	}
	o.Mode = instrument.SweepCurrent
	b.Reset()
	if err := o.WriteCSV(&b); err != nil || !strings.Contains(b.String(), ",sweep_maximum_A,") {
		t.Errorf("%v: %s", err, b.String())
	}
}

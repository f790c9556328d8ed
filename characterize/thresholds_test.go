package characterize_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"xlab/characterize"
	"xlab/figure"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run"
)

// The smallest amplitude of the ramp at or beyond a device's own threshold is
// found, for each device and sign, and the device is left off.
func TestThresholdsAreFound(t *testing.T) {
	s := newStub(4, 5)
	for k := range s.devices {
		s.devices[k].set = instrument.Volts(0.71 + 0.03*float64(k))
		s.devices[k].reset = instrument.Volts(-0.87 - 0.03*float64(k))
	}
	bench, journal := journaled(t, s)
	out, err := characterize.MeasureThresholds(context.Background(), bench,
		characterize.DefaultThresholdSpec(nil, array.AllCells(4, 5)), characterize.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Devices) != 20 || journal.groups != 20 || len(journal.open) != 0 {
		t.Fatalf("%d devices in %d groups, %d left open", len(out.Devices), journal.groups, len(journal.open))
	}
	var sets, inner []float64
	for k, d := range out.Devices {
		// The ramp has 0.50, 0.55, ... V.
		want := func(v instrument.Volts) float64 { return 0.5 + 0.05*math.Ceil((math.Abs(float64(v))-0.5)/0.05-1e-9) }
		near(t, fmt.Sprintf("SET threshold of %s", d.Cell), float64(d.Set.Voltage), want(s.devices[k].set), 1e-9)
		near(t, fmt.Sprintf("RESET threshold of %s", d.Cell), float64(d.Reset.Voltage), -want(s.devices[k].reset), 1e-9)
		near(t, "change by the pulse found", float64(d.Set.To/d.Set.From), 1.1, 1e-9)
		if d.Set.From < 20e-6 || d.Set.From > 50e-6 || d.Reset.From < 20e-6 || d.Reset.From > 55e-6 {
			t.Errorf("%s was measured at %v and %v, outside of the states asked for", d.Cell, d.Set.From, d.Reset.From)
		}
		if d.Left > 10e-6 {
			t.Errorf("%s was left at %v", d.Cell, d.Left)
		}
		sets = append(sets, float64(d.Set.Voltage))
		if !d.Edge {
			inner = append(inner, float64(d.Set.Voltage))
		}
	}
	if len(inner) != 6 || out.Set.WithoutEdges.N != 6 || out.Set.Edges.N != 14 || out.Set.All.N != 20 ||
		out.Set.Missing != 0 {
		t.Errorf("populations of %d, %d, %d and %d", len(inner), out.Set.WithoutEdges.N, out.Set.Edges.N, out.Set.All.N)
	}
	mean := 0.0
	for _, v := range sets {
		mean += v / 20
	}
	near(t, "mean of all", float64(out.Set.All.Mean), mean, 1e-9)
}

// A change that adds up over the ramp is none by a single pulse.
func TestChangeIsCountedAgainstTheReadBefore(t *testing.T) {
	s := newStub(2, 2)
	for k := range s.devices {
		s.devices[k].creep = 0.03 // nine pulses from 0.6 V to 0.93 V make 23 %
	}
	bench, _ := journaled(t, s)
	out, err := characterize.MeasureThresholds(context.Background(), bench,
		characterize.DefaultThresholdSpec(nil, array.AllCells(2, 2)), characterize.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range out.Devices {
		near(t, "SET threshold", float64(d.Set.Voltage), 0.95, 1e-9)
	}
}

func TestThresholdsWithCurrents(t *testing.T) {
	s := newStub(2, 2)
	bench, _ := journaled(t, s)
	spec := characterize.DefaultThresholdSpec(nil, array.AllCells(2, 2))
	spec.Mode = instrument.SweepCurrent
	spec.StartCurrent, spec.StepCurrent = 1e-6, 1e-6
	out, err := characterize.MeasureThresholds(context.Background(), bench, spec, characterize.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range out.Devices {
		// Forced through the device's conductance, at the first microampere beyond.
		at := float64(d.Set.From) * 0.93
		near(t, "SET current", float64(d.Set.Current), 1e-6*math.Ceil(at/1e-6), 1e-9)
		near(t, "SET voltage", float64(d.Set.Voltage), float64(d.Set.Current)/float64(d.Set.From), 1e-6)
	}
	for _, step := range s.done {
		if w, ok := step.(array.Sweep); ok && (w.Scheme != array.Floating ||
			math.Abs(float64(w.Delay+w.Aperture)-500e-6) > 1e-9) {
			t.Fatalf("a current pulse was %+v", w)
		}
	}
}

// What one device does not do is said in its result, and the others go on.
func TestDevicesWithoutThreshold(t *testing.T) {
	s := newStub(3, 3)
	s.devices[1].factor = 1                           // stuck below the states to be measured
	s.devices[2].g, s.devices[2].factor = 30e-6, 1.01 // moves, but never by 5 %
	s.devices[3].status = instrument.StatusOverflow   // cannot be read
	s.devices[4].status = instrument.StatusCompliance // nor this one
	// While its pulses are made the other columns are not held.
	s.devices[0].limited = []array.Limited{{Bus: array.BusOtherCols, Unit: 4, Compliance: 5e-3, From: 1}}
	s.devices[5].reset, s.devices[5].set = -3, 0.93          // cannot be lowered
	s.devices[8] = stubDevice{g: 40e-6, set: 9, factor: 1.1} // never answers to positive pulses
	s.devices[8].reset = -1.13
	bench, journal := journaled(t, s)
	out, err := characterize.MeasureThresholds(context.Background(), bench,
		characterize.DefaultThresholdSpec(nil, array.AllCells(3, 3)),
		characterize.Options{Defects: unusable(3, 3, array.Cell{Row: 2, Col: 0})})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Devices) != 8 || len(out.Skipped) != 1 || len(journal.open) != 0 {
		t.Fatalf("%d devices, %d skipped, %d groups open", len(out.Devices), len(out.Skipped), len(journal.open))
	}
	for i, want := range map[int]string{0: "no verdict: SMU 4 (the other columns)",
		1: "did not bring it between 20.0 µS and 50.0 µS before the set ramp", 2: "no pulse of the set ramp",
		3: "status", 4: "in compliance", 5: "no pulse of the reset ramp", 6: "", 7: "no pulse of the set ramp"} {
		if d := out.Devices[i]; !strings.Contains(d.Reason, want) || (d.Reason == "") != (want == "") {
			t.Errorf("%s: %q, want %q", d.Cell, d.Reason, want)
		}
	}
	if d := out.Devices[7]; d.Set.Found || !d.Reset.Found {
		t.Errorf("%s: found %v and %v", d.Cell, d.Set.Found, d.Reset.Found)
	}
	if out.Set.Missing != 6 || out.Reset.Missing != 6 {
		t.Errorf("%d and %d missing", out.Set.Missing, out.Reset.Missing)
	}
	notes := strings.Join(out.Notes(), "\n")
	if !strings.Contains(notes, "left out by the defect map: r2c0") || !strings.Contains(notes, "r0c1: ") {
		t.Errorf("notes: %s", notes)
	}
}

// Asked to stop, the measurement ends at the next device with what it has.
func TestThresholdsStop(t *testing.T) {
	s := newStub(3, 3)
	bench, _ := journaled(t, s)
	ctx, cancel := context.WithCancel(context.Background())
	out, err := characterize.MeasureThresholds(ctx, bench, characterize.DefaultThresholdSpec(nil, array.AllCells(3, 3)),
		characterize.Options{
			Observe: func(e characterize.Event) {
				if e.Done == 4 {
					cancel()
				}
			}})
	if run.OutcomeOf(err) != run.OutcomeInterrupted || len(out.Devices) != 4 || out.Set.All.N != 4 {
		t.Errorf("%d devices, %v", len(out.Devices), err)
	}
	s.failing = 50
	out, err = characterize.MeasureThresholds(context.Background(), bench,
		characterize.DefaultThresholdSpec(nil, array.AllCells(3, 3)), characterize.Options{})
	if instrument.KindOf(err) != instrument.KindUnreachable || out == nil {
		t.Errorf("a lost bench gives %v", err)
	}
}

func TestThresholdFiles(t *testing.T) {
	bench, _ := journaled(t, newStub(4, 4))
	out, err := characterize.MeasureThresholds(context.Background(), bench,
		characterize.DefaultThresholdSpec(nil, array.AllCells(4, 4)),
		characterize.Options{Defects: unusable(4, 4, array.Cell{Row: 1, Col: 2})})
	if err != nil {
		t.Fatal(err)
	}
	written(t, out, 1+15, "threshold-maps", "thresholds")
	lines := out.Comparison()
	if lines[0].Measured != "+0.950 V" || lines[0].Published != "+1.0 V" || lines[5].Published != "0.15 V" {
		t.Errorf("comparison: %+v", lines)
	}
	// Without any threshold there is nothing to draw, which is no error.
	none := newStub(4, 4)
	for k := range none.devices {
		none.devices[k].factor = 1
	}
	bench, _ = journaled(t, none)
	if out, err = characterize.MeasureThresholds(context.Background(), bench,
		characterize.DefaultThresholdSpec(nil, array.AllCells(4, 4)), characterize.Options{}); err != nil {
		t.Fatal(err)
	}
	written(t, out, 1+16)
	if got := out.Comparison()[0].Measured; got != "-" {
		t.Errorf("the mean of nothing is %s", got)
	}
}

// written checks a measurement's files: lines of CSV, figures, and JSON.
func written(t *testing.T, m characterize.Measurement, lines int, figures ...string) {
	t.Helper()
	var b bytes.Buffer
	if err := m.WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(records) != lines {
		t.Errorf("%d lines of CSV, want %d (%v)", len(records), lines, err)
	}
	var drawn []string
	for _, f := range m.Figures() {
		if _, err := f.Spec.Draw(); err == nil {
			drawn = append(drawn, f.Name)
		} else if !errors.Is(err, figure.ErrNoData) {
			t.Errorf("figure %s: %v", f.Name, err)
		}
		if !strings.HasSuffix(f.Caption, ".") {
			t.Errorf("figure %s: its caption %q is no sentence", f.Name, f.Caption)
		}
	}
	if !slices.Equal(drawn, figures) {
		t.Errorf("figures are %v, want %v", drawn, figures)
	}
	if _, err := json.Marshal(m); err != nil {
		t.Error(err)
	}
}

// Whatever the parameters, no pulse of a ramp is beyond the strongest that was
// allowed, and together they stay within what the intent announces.
func TestRampsStayWithinTheirBounds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newStub(2, 2)
		for k := range s.devices {
			d := &s.devices[k]
			d.g = rapid.Float64Range(1e-6, 100e-6).Draw(rt, "g")
			d.set = instrument.Volts(rapid.Float64Range(0.3, 3).Draw(rt, "set"))
			d.reset = -instrument.Volts(rapid.Float64Range(0.3, 3).Draw(rt, "reset"))
			d.factor = rapid.Float64Range(1, 3).Draw(rt, "factor")
		}
		spec := characterize.DefaultThresholdSpec(nil, array.AllCells(2, 2))
		spec.Start = instrument.Volts(rapid.Float64Range(0.05, 1).Draw(rt, "start"))
		spec.Step = instrument.Volts(rapid.Float64Range(0.02, 0.7).Draw(rt, "step"))
		spec.PreparePulses = rapid.IntRange(1, 30).Draw(rt, "pulses")
		if rapid.Bool().Draw(rt, "current") {
			spec.Mode = instrument.SweepCurrent
		}
		bench, _ := journaled(t, s)
		if _, err := characterize.MeasureThresholds(context.Background(), bench, spec, characterize.Options{}); err != nil {
			rt.Fatal(err)
		}
		for _, step := range s.done {
			e, err := array.ExtentOf(step, array.Cell{}, array.Shape{})
			if v := e.Selected; err != nil || v.Highest > spec.SetMax+1e-9 || v.Lowest < spec.ResetMax-1e-9 {
				rt.Fatalf("%v was applied (%v), allowed are %v to %v", v, err, spec.ResetMax, spec.SetMax)
			}
		}
	})
}

func TestSpecificationsRefuse(t *testing.T) {
	cells := []array.Cell{{Row: 1, Col: 1}}
	thresholds := func(change func(s *characterize.ThresholdSpec)) error {
		s := characterize.DefaultThresholdSpec(nil, cells)
		change(&s)
		return s.Validate(3, 3)
	}
	for _, c := range []struct {
		err  error
		says string
	}{
		{thresholds(func(s *characterize.ThresholdSpec) {}), ""},
		{thresholds(func(s *characterize.ThresholdSpec) { s.Devices = nil }), "no device"},
		{thresholds(func(s *characterize.ThresholdSpec) { s.Devices = []array.Cell{{Row: 3}} }), "r3c0 is outside the 3 x 3"},
		{thresholds(func(s *characterize.ThresholdSpec) { s.Read = 0.3 }), "read"},
		{thresholds(func(s *characterize.ThresholdSpec) { s.Change = 0 }), "change"},
		{thresholds(func(s *characterize.ThresholdSpec) { s.Step = -0.05 }), "step"},
		{thresholds(func(s *characterize.ThresholdSpec) { s.Start = 2 }), "start"},
		{thresholds(func(s *characterize.ThresholdSpec) { s.Mode = "heat" }), "voltage or current"},
		{thresholds(func(s *characterize.ThresholdSpec) { s.Mode, s.StepCurrent = instrument.SweepCurrent, 0 }),
			"step_current"},
		{thresholds(func(s *characterize.ThresholdSpec) { s.SetScheme = array.Grounded }), "for reading"},
		{thresholds(func(s *characterize.ThresholdSpec) { s.ResetScheme = "v9" }), "v9"},
		{thresholds(func(s *characterize.ThresholdSpec) { s.Low = instrument.Siemens(math.NaN()) }), "low"},
		{thresholds(func(s *characterize.ThresholdSpec) { s.ResetMax = -0.1 }), "reset_max"},
		{thresholds(func(s *characterize.ThresholdSpec) { s.Compliance = 0 }), "compliance"},
		{thresholds(func(s *characterize.ThresholdSpec) { s.Lines.Contact = -1 }), "contact"},
		{func() error { s := characterize.DefaultIVSpec(nil, cells); s.Static = 0.5; return s.Validate(3, 3) }(), "static"},
		{func() error { s := characterize.DefaultIVSpec(nil, cells); s.Reset = 0; return s.Validate(3, 3) }(), "reset"},
		{func() error {
			s := characterize.DefaultRetentionSpec(nil, cells)
			s.Last = s.First
			return s.Validate(3, 3)
		}(),
			"the later"},
		{func() error {
			s := characterize.DefaultRetentionSpec(nil, cells)
			s.States = nil
			return s.Validate(3, 3)
		}(),
			"no state"},
		{func() error {
			s := characterize.DefaultEnduranceSpec(nil, cells)
			s.Cycles = 0
			return s.Validate(3, 3)
		}(), "cycles"},
		{func() error {
			s := characterize.DefaultEnduranceSpec(nil, cells)
			s.OffState = s.On
			return s.Validate(3, 3)
		}(), "off_state"},
		{func() error {
			s := characterize.DefaultTemperatureSpec(nil, cells)
			s.Temperatures = s.Temperatures[:1]
			return s.Validate(3, 3)
		}(), "at least two"},
		{func() error {
			s := characterize.DefaultDisturbSpec(nil, cells[0])
			s.Amplitudes[0] = 5
			return s.Validate(3, 3)
		}(), "amplitude"},
		{func() error { return characterize.DefaultDisturbSpec(nil, array.Cell{}).Validate(1, 3) }(), "neighbours"},
	} {
		switch {
		case c.says == "" && c.err != nil:
			t.Errorf("the default is refused: %v", c.err)
		case c.says != "" && (c.err == nil || !strings.Contains(c.err.Error(), c.says)):
			t.Errorf("%v does not say %q", c.err, c.says)
		}
	}
	bench, _ := journaled(t, newStub(3, 3))
	if _, err := characterize.MeasureThresholds(context.Background(), bench, characterize.ThresholdSpec{},
		characterize.Options{}); err == nil {
		t.Error("an empty specification is carried out")
	}
}

// An estimate covers what is really done and passes on what the costing refuses.
func TestEstimatesAreUpperBounds(t *testing.T) {
	s := newStub(3, 3)
	bench, _ := journaled(t, s)
	spec := characterize.DefaultThresholdSpec(nil, array.AllCells(3, 3))
	cost := func(steps ...array.Step) (instrument.Seconds, error) { return instrument.Seconds(len(steps)), nil }
	e, err := spec.Estimate(3, 3, cost)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := characterize.MeasureThresholds(context.Background(), bench, spec, characterize.Options{}); err != nil {
		t.Fatal(err)
	}
	pulses := 0
	for _, step := range s.done {
		if step.Stress() {
			pulses++
		}
	}
	if e.Pulses < pulses || e.Reads < len(s.done)-pulses || e.MaxVoltage != 1.8 || e.MinVoltage != -2.4 ||
		e.Devices != 9 || float64(e.Time) != float64(e.Pulses+e.Reads) {
		t.Errorf("estimate %+v, done %d pulses and %d reads", e, pulses, len(s.done)-pulses)
	}
	refusal := errors.New("too much")
	if _, err := spec.Estimate(3, 3, func(...array.Step) (instrument.Seconds, error) {
		return 0,
			refusal
	}); !errors.Is(err, refusal) {
		t.Errorf("refused: %v", err)
	}
	var text bytes.Buffer
	if err := e.Print(&text); err != nil || !strings.Contains(text.String(), "-2.40 V to 1.80 V") {
		t.Errorf("%v: %s", err, text.String())
	}
}

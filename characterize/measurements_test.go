package characterize_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"xlab/characterize"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run"
)

func TestIV(t *testing.T) {
	s := newStub(4, 4)
	s.devices[5].cubic = 2
	s.devices[5].g = 30e-6
	bench, _ := journaled(t, s)
	cell := array.Cell{Row: 1, Col: 1}
	spec := characterize.DefaultIVSpec(nil, []array.Cell{cell, {Row: 2, Col: 2}})
	spec.Lines = array.Resistance{}
	out, err := characterize.MeasureIV(context.Background(), bench, spec,
		characterize.Options{Defects: unusable(4, 4, array.Cell{Row: 2, Col: 2})})
	if err != nil {
		t.Fatal(err)
	}
	c := out.Devices[0]
	// I(0.4)/I(0.2) of g v (1 + 2 v^2) is 2 (1.32) / (1.08).
	near(t, "ratio", c.Ratio(), 2*1.32/1.08, 1e-6)
	// Behind lines the device has less of the voltage, and the row's line carries
	// the current of the others too.
	behind := characterize.Curve{Lines: [2]instrument.Ohms{250, 230}}
	for _, across := range []float64{0.2, 0.4} {
		own, i, row := across, 0.0, 0.0
		for range 50 {
			i = 30e-6 * own * (1 + 2*own*own)
			row = i + 90e-6*own
			own = across - row*250 - i*230
		}
		behind.Static = append(behind.Static,
			array.Level{Voltage: instrument.Volts(across), Current: instrument.Amps(i), Row: instrument.Amps(row)})
	}
	near(t, "ratio behind lines", behind.Ratio(), 2*1.32/1.08, 1e-6)
	if plain := float64(behind.Static[1].Current / behind.Static[0].Current); plain > 2.43 {
		t.Errorf("the currents' ratio is %.3f: there is nothing to take out", plain)
	}
	near(t, "sum of the other devices on the column", float64(c.Background), 3*8e-6, 1e-12)
	if c.On <= c.Off || c.Conductance != 30e-6 || len(c.Static) != 41 || len(c.Loop) != 2*27 {
		t.Errorf("curve: %+v", c)
	}
	if len(out.Skipped) != 1 || len(out.Notes()) != 1 {
		t.Errorf("skipped %v, notes %v", out.Skipped, out.Notes())
	}
	written(t, out, 1+41+54, "iv", "iv-loops")
	static := 0
	for _, step := range s.done {
		if w, ok := step.(array.Sweep); ok && w.Scheme == array.Grounded {
			if static++; w.Start < -0.4 || w.Stop > 0.4 {
				t.Errorf("with the other lines grounded %v to %v was applied to the whole row", w.Start, w.Stop)
			}
		}
	}
	if static != 1 {
		t.Errorf("%d static curves", static)
	}
}

// The reads come at logarithmic times of the bench's clock after writing, and
// a power law is found again.
func TestRetention(t *testing.T) {
	s := newStub(3, 3)
	s.drift = 0.01
	for k := range s.devices {
		s.devices[k].factor = 1.15
	}
	s.devices[4].factor = 1 // cannot be written
	bench, _ := journaled(t, s)
	spec := characterize.DefaultRetentionSpec(nil, array.AllCells(3, 3))
	spec.First, spec.Last, spec.PerDecade = 10, 5e4, 3
	out, err := characterize.MeasureRetention(context.Background(), bench, s, s, spec, characterize.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range out.Devices {
		if i == 4 {
			if len(d.Reads) != 0 || !strings.Contains(d.Reason, "within 10 %") {
				t.Errorf("the device that cannot be written: %+v", d)
			}
			continue
		}
		if d.State != spec.States[i%4] || len(d.Reads) != 13 { // 3.7 decades: 12 steps and the start
			t.Fatalf("%s: state %v, %d reads", d.Cell, d.State, len(d.Reads))
		}
		near(t, "exponent", d.Exponent(), 0.01, 1e-6)
		near(t, "change", d.Change(), math.Pow(float64(d.Reads[12].Age/d.Reads[0].Age), -0.01)-1, 1e-5)
		if first, last := d.Reads[0].Age, d.Reads[12].Age; first < 10 || first > 20 || last < 5e4 || last > 5.01e4 {
			t.Errorf("%s was read from %v to %v", d.Cell, first, last)
		}
	}
	for _, d := range s.devices[:4] {
		if d.g > 10.1e-6*math.Pow(5e4, 0.01) {
			t.Errorf("a device was left at %v", instrument.Siemens(d.g))
		}
	}
	written(t, out, 1+8*13, "retention-change", "retention")
}

// Cycles are recorded at rising numbers that end with the last cycle, whatever
// is asked for, and every device really gets its cycles.
func TestEnduranceCycles(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newStub(2, 2)
		s.devices[0].factor = 2
		bench, journal := journaled(t, s)
		spec := characterize.DefaultEnduranceSpec(nil, []array.Cell{{}})
		spec.Cycles = rapid.IntRange(1, 120).Draw(rt, "cycles")
		spec.PerDecade = rapid.IntRange(0, 12).Draw(rt, "per decade")
		spec.Fixed = rapid.Bool().Draw(rt, "fixed")
		out, err := characterize.MeasureEndurance(context.Background(), bench, spec, characterize.Options{})
		if err != nil {
			rt.Fatal(err)
		}
		d := out.Devices[0]
		if d.Reason != "" || d.Cycles[0].N != 1 || d.Cycles[len(d.Cycles)-1].N != spec.Cycles || len(journal.open) != 0 {
			rt.Fatalf("of %d cycles: %+v", spec.Cycles, d)
		}
		for i, c := range d.Cycles {
			if i > 0 && c.N <= d.Cycles[i-1].N {
				rt.Fatalf("cycle %d after %d", c.N, d.Cycles[i-1].N)
			}
			if !spec.Fixed && (c.On < spec.On || c.Off > spec.OffState) {
				rt.Fatalf("cycle %d from %v to %v", c.N, c.Off, c.On)
			}
		}
		set := 0
		for _, step := range s.done {
			if p, ok := step.(array.Pulse); ok && p.Voltage >= 0.93 {
				set++
			}
		}
		if spec.Fixed && set != spec.Cycles || set < spec.Cycles {
			rt.Fatalf("%d positive pulses in %d cycles", set, spec.Cycles)
		}
	})
}

func TestEnduranceEnds(t *testing.T) {
	s := newStub(2, 2)
	s.devices[0].factor = 1                         // answers to nothing
	s.devices[1].reset = -9                         // cannot be switched off
	s.devices[2].status = instrument.StatusOverflow // cannot be read
	bench, _ := journaled(t, s)
	spec := characterize.DefaultEnduranceSpec(nil, array.AllCells(2, 2))
	spec.Cycles = 30
	out, err := characterize.MeasureEndurance(context.Background(), bench, spec, characterize.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"up to 1.80 V did not bring it to 60.0 µS",
		"down to -2.40 V did not bring it to 15.0 µS", "status", ""} {
		if d := out.Devices[i]; !strings.Contains(d.Reason, want) || (want == "") != (d.Reason == "") {
			t.Errorf("%s: %q, want %q", d.Cell, d.Reason, want)
		}
	}
	if out.Devices[0].Failed != 1 || out.Devices[3].Failed != 0 {
		t.Errorf("failed in cycles %d and %d", out.Devices[0].Failed, out.Devices[3].Failed)
	}
	spec.Fixed = true
	s.devices[2].status = 0
	if out, err = characterize.MeasureEndurance(context.Background(), bench, spec, characterize.Options{}); err != nil {
		t.Fatal(err)
	}
	if d := out.Devices[0]; d.Failed != 1 || !strings.Contains(d.Reason, "a ratio below 1.1") {
		t.Errorf("%s: %q", d.Cell, d.Reason)
	}
	written(t, out, 1+len(out.Devices[0].Cycles)+len(out.Devices[1].Cycles)+len(out.Devices[2].Cycles)+len(
		out.Devices[3].Cycles), "endurance")
}

// What was broken off in a cycle is no verdict on the device.
func TestEnduranceBrokenOff(t *testing.T) {
	for failing := 20; failing < 40; failing++ {
		s := newStub(1, 1)
		s.failing = failing
		bench, _ := journaled(t, s)
		spec := characterize.DefaultEnduranceSpec(nil, array.AllCells(1, 1))
		spec.Fixed = failing%2 == 0
		out, err := characterize.MeasureEndurance(context.Background(), bench, spec, characterize.Options{})
		if d := out.Devices[0]; err == nil || d.Reason != "" || d.Failed != 0 {
			t.Errorf("step %d: %v; %q, failed in cycle %d", failing, err, d.Reason, d.Failed)
		}
	}
}

// The rise with temperature is the devices', not that of the path with lines
// that all devices load more when they are warm.
func TestTemperature(t *testing.T) {
	s := newStub(5, 5)
	s.lines = array.Resistance{Contact: 2000, RowSegment: 5, ColSegment: 3}
	bench, _ := journaled(t, s)
	spec := characterize.DefaultTemperatureSpec(nil, []array.Cell{{Row: 1, Col: 1}, {Row: 2, Col: 3}, {Row: 4, Col: 0},
		{Row: 3, Col: 3}})
	spec.Lines = s.lines
	out, err := characterize.MeasureTemperature(context.Background(), bench, s, spec, characterize.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range out.Devices {
		if len(h.Reads) != 5 || h.Reads[4].Temperature != 85.5 {
			t.Fatalf("%s: %+v", h.Cell, h.Reads)
		}
		near(t, fmt.Sprintf("rise of %s", h.Cell), h.Change(), 0.6, 1e-5)
		if path := float64(h.Reads[4].Read/h.Reads[0].Read) - 1; path > 0.599 {
			t.Errorf("the path of %s rises by %g: the lines of the stub do nothing", h.Cell, path)
		}
	}
	written(t, out, 1+20, "temperature")
	if c := out.Comparison()[0]; !strings.HasPrefix(c.Measured, "+60.0 %") || c.Published != "+65 %" {
		t.Errorf("comparison: %+v", c)
	}
	// Lines that cannot be taken out are said, and the reads are given.
	s = newStub(5, 5)
	bench, _ = journaled(t, s)
	spec.Lines.Contact = 1e6
	if out, err = characterize.MeasureTemperature(context.Background(), bench, s, spec,
		characterize.Options{}); err != nil {
		t.Fatal(err)
	}
	if r := out.Devices[0].Reads[0]; r.Read != r.Conductance ||
		!strings.Contains(strings.Join(out.Notes(), ""), "not taken out") {
		t.Errorf("%+v, notes %v", r, out.Notes())
	}
}

// Neighbours on the selected lines move under V/2 and not under V/3, also where
// the selected device's own change moves their reads.
func TestDisturb(t *testing.T) {
	s := newStub(5, 5)
	s.lines = array.Resistance{Contact: 500, RowSegment: 2, ColSegment: 2}
	s.disturb = 0.002
	bench, _ := journaled(t, s)
	spec := characterize.DefaultDisturbSpec(nil, array.Cell{Row: 2, Col: 2})
	spec.Lines, spec.Pulses = s.lines, 20
	out, err := characterize.MeasureDisturb(context.Background(), bench, spec,
		characterize.Options{Defects: unusable(5, 5, array.Cell{Row: 1, Col: 2}, array.Cell{Row: 2, Col: 1})})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Series) != 6 {
		t.Fatalf("%d series", len(out.Series))
	}
	moved := false
	for _, series := range out.Series {
		cells := map[characterize.Place]array.Cell{}
		for _, v := range series.Devices {
			cells[v.Place] = v.Cell
			if v.Place == characterize.Selected {
				continue
			}
			want := 0.0
			if series.Scheme == array.HalfVoltage && v.Place != characterize.Unselected {
				want = math.Copysign(0.002, float64(series.Amplitude))
			}
			near(t, fmt.Sprintf("%s %v %s: change per pulse", series.Scheme, series.Amplitude, v.Place), v.PerPulse(), want,
				4e-5)
			moved = moved || math.Abs(float64(v.Reads[20]/v.Reads[0])-1-v.Change()) > 0.002
		}
		if cells[characterize.OnRow] != (array.Cell{Row: 2, Col: 3}) ||
			cells[characterize.OnColumn] != (array.Cell{Row: 3, Col: 2}) || cells[characterize.Selected] != spec.Device {
			t.Errorf("neighbours: %v", cells)
		}
	}
	if !moved {
		t.Error("the lines of the stub do nothing to the reads")
	}
	written(t, out, 1+6*4*21, "disturb-set-1150mV", "disturb-reset-1500mV")
	for _, c := range out.Comparison() {
		if strings.HasPrefix(c.What, "v2, 1.15 V, same row") && c.Published != "+0.03 to 0.09 %" {
			t.Errorf("%+v", c)
		}
	}
}

func TestDisturbNeedsNeighbours(t *testing.T) {
	bench, _ := journaled(t, newStub(2, 2))
	spec := characterize.DefaultDisturbSpec(nil, array.Cell{})
	for _, defective := range []array.Cell{{}, {Row: 1}, {Col: 1}, {Row: 1, Col: 1}} {
		_, err := characterize.MeasureDisturb(context.Background(), bench, spec,
			characterize.Options{Defects: unusable(2, 2, defective)})
		if instrument.KindOf(err) != instrument.KindUsage {
			t.Errorf("with %s defective: %v", defective, err)
		}
	}
	s := newStub(2, 2)
	s.devices[3].factor = 1
	bench, _ = journaled(t, s)
	out, err := characterize.MeasureDisturb(context.Background(), bench, spec, characterize.Options{})
	if err != nil || len(out.Series) != 6 || !strings.Contains(out.Series[0].Reason, "did not bring r1c1") {
		t.Errorf("a neighbour that cannot be written: %v, %+v", err, out)
	}
}

// Every measurement gives the bench's error on, with what it has, and stops when
// asked to, at any step.
func TestMeasurementsEnd(t *testing.T) {
	cells := array.AllCells(3, 3)
	endurance := characterize.DefaultEnduranceSpec(nil, cells)
	endurance.Cycles = 5
	measure := map[string]func(ctx context.Context, b array.DUT, s *stub) (characterize.Measurement, error){
		"thresholds": func(ctx context.Context, b array.DUT, s *stub) (characterize.Measurement, error) {
			return characterize.MeasureThresholds(ctx, b, characterize.DefaultThresholdSpec(nil, cells),
				characterize.Options{})
		},
		"iv": func(ctx context.Context, b array.DUT, s *stub) (characterize.Measurement, error) {
			return characterize.MeasureIV(ctx, b, characterize.DefaultIVSpec(nil, cells), characterize.Options{})
		},
		"retention": func(ctx context.Context, b array.DUT, s *stub) (characterize.Measurement, error) {
			return characterize.MeasureRetention(ctx, b, s, s, characterize.DefaultRetentionSpec(nil, cells),
				characterize.Options{})
		},
		"endurance": func(ctx context.Context, b array.DUT, s *stub) (characterize.Measurement, error) {
			return characterize.MeasureEndurance(ctx, b, endurance, characterize.Options{})
		},
		"temperature": func(ctx context.Context, b array.DUT, s *stub) (characterize.Measurement, error) {
			return characterize.MeasureTemperature(ctx, b, s, characterize.DefaultTemperatureSpec(nil, cells),
				characterize.Options{})
		},
		"disturb": func(ctx context.Context, b array.DUT, s *stub) (characterize.Measurement, error) {
			return characterize.MeasureDisturb(ctx, b, characterize.DefaultDisturbSpec(nil, cells[4]), characterize.Options{})
		},
	}
	for name, f := range measure {
		s := newStub(3, 3)
		bench, _ := journaled(t, s)
		if _, err := f(context.Background(), bench, s); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, at := range []int{1, 2, len(s.done) / 2, len(s.done)} {
			s := newStub(3, 3)
			s.failing = at
			bench, _ := journaled(t, s)
			m, err := f(context.Background(), bench, s)
			if instrument.KindOf(err) != instrument.KindUnreachable || m == nil {
				t.Errorf("%s, error at step %d: %v", name, at, err)
			}
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		bench, _ = journaled(t, newStub(3, 3))
		if _, err := f(ctx, bench, newStub(3, 3)); run.OutcomeOf(err) != run.OutcomeInterrupted {
			t.Errorf("%s, stopped at once: %v", name, err)
		}
	}
}

package b1500

import (
	"math"
	"strings"
	"testing"

	"xlab/instrument"
)

var nan = math.NaN()

func TestRefusedBeforeAByte(t *testing.T) {
	tight := instrument.Limits{MinVoltage: -1, MaxVoltage: 1.5, MaxSpan: 1.8, MaxCurrent: 400e-6, MaxWidth: 10e-3,
		Origin: "bench.yaml: limits"}
	spot := func(f func(*instrument.Spot)) instrument.Step {
		s := verify(0)
		f(&s)
		return s
	}
	pulse := func(f func(*instrument.Pulse)) instrument.Step {
		p := instrument.Pulse{Drives: drives(1, 0), Width: 1e-3, Measure: channels(1), Range: 100e-6}
		f(&p)
		return p
	}
	sweep := func(f func(*instrument.Sweep)) instrument.Step {
		s := instrument.Sweep{Kind: instrument.SweepVoltage, Source: 1, Stop: 1, Steps: 11, Compliance: 100e-6,
			Drives: []instrument.Drive{{Channel: 2, Compliance: 100e-6}}, Measure: channels(1), Aperture: 1e-3}
		f(&s)
		return s
	}
	const limit, usage = instrument.KindLimit, instrument.KindUsage
	for _, tc := range []struct {
		name string
		step instrument.Step
		kind instrument.Kind
		says string // part of the message
	}{
		{"voltage", spot(func(s *instrument.Spot) { s.Drives = drives(1.501) }), limit, "1.501 V"},
		{"voltage, rounded up to beyond the limit", spot(func(s *instrument.Spot) { s.Drives = drives(1.50006) }), limit,
			"1.5001 V"},
		{"negative voltage", spot(func(s *instrument.Spot) { s.Drives = drives(-1.1) }), limit, "-1.1 V"},
		{"voltage beyond all ranges", spot(func(s *instrument.Spot) { s.Drives = drives(1000) }), limit, "1 kV"},
		{"voltage not a number", spot(func(s *instrument.Spot) { s.Drives = drives(instrument.Volts(nan)) }), limit, "NaN"},
		{"voltage infinite", spot(func(s *instrument.Spot) { s.Drives = drives(instrument.Volts(math.Inf(1))) }), limit,
			"Inf"},
		{"span", spot(func(s *instrument.Spot) { s.Drives = drives(1, -0.9) }), limit, "between two channels"},
		{"compliance", spot(func(s *instrument.Spot) { s.Drives = with(drives(0.1), 500e-6) }), limit, "500 µA"},
		{"no compliance", spot(func(s *instrument.Spot) { s.Drives = with(drives(0.1), 0) }), limit, "more than 0 A"},
		{"negative compliance", spot(func(s *instrument.Spot) { s.Drives = with(drives(0.1), -1e-6) }), limit,
			"more than 0 A"},
		{"compliance not a number", spot(func(s *instrument.Spot) { s.Drives = with(drives(0.1), instrument.Amps(nan)) }),
			limit, "NaN"},
		{"compliance below the resolution", spot(func(s *instrument.Spot) { s.Drives = with(drives(0.1), 1e-15) }), limit,
			"more than 0 A"},
		{"unknown channel", spot(func(s *instrument.Spot) { s.Drives[0].Channel = 7 }), usage, "SMU 7"},
		{"channel driven twice", spot(func(s *instrument.Spot) { s.Drives[1].Channel = 1 }), usage, "driven twice"},
		{"unknown measured channel", spot(func(s *instrument.Spot) { s.Measure = channels(9) }), usage, "SMU 9"},
		{"measured twice", spot(func(s *instrument.Spot) { s.Measure = channels(1, 2, 1) }), usage, "measured twice"},
		{"nothing measured", spot(func(s *instrument.Spot) { s.Measure = nil }), usage, "measures nothing"},
		{"no aperture", spot(func(s *instrument.Spot) { s.Aperture = 0 }), usage, "aperture"},
		{"aperture not a number", spot(func(s *instrument.Spot) { s.Aperture = instrument.Seconds(nan) }), usage, "aperture"},
		{"aperture too long", spot(func(s *instrument.Spot) { s.Aperture = 3 }), usage, "longest, 2 s"},
		{"negative settling", spot(func(s *instrument.Spot) { s.Settle = -1 }), usage, "settling"},
		{"settling too long", spot(func(s *instrument.Spot) { s.Settle = 100 }), usage, "settling"},
		{"negative range", spot(func(s *instrument.Spot) { s.Range = -1e-6 }), usage, "measuring range"},
		{"range too large", spot(func(s *instrument.Spot) { s.Range = 1 }), usage, "measuring range"},

		{"width", pulse(func(p *instrument.Pulse) { p.Width = 11e-3 }), limit, "11 ms"},
		{"width of zero", pulse(func(p *instrument.Pulse) { p.Width = 0 }), limit, "more than 0 s"},
		{"width not a number", pulse(func(p *instrument.Pulse) { p.Width = instrument.Seconds(nan) }), limit, "NaN"},
		{"width too short for the analyzer", pulse(func(p *instrument.Pulse) { p.Width = 100e-6 }), usage, "500 µs"},
		{"width between two steps", pulse(func(p *instrument.Pulse) { p.Width = 550e-6 }), usage,
			"500 µs and 600 µs are possible"},
		{"period too short", pulse(func(p *instrument.Pulse) { p.Period = 4e-3 }), usage, "5 ms"},
		{"period too short for the width", pulse(func(p *instrument.Pulse) { p.Width, p.Period = 9e-3, 10e-3 }), usage,
			"11 ms"},
		{"period too long", pulse(func(p *instrument.Pulse) { p.Period = 6 }), usage, "5 s"},
		{"period not a number", pulse(func(p *instrument.Pulse) { p.Period = instrument.Seconds(nan) }), usage, "period"},
		{"pulse of nothing", pulse(func(p *instrument.Pulse) { p.Drives = nil }), usage, "drives nothing"},
		{"pulse voltage", pulse(func(p *instrument.Pulse) { p.Drives = drives(1.6) }), limit, "1.6 V"},
		{"pulse range", pulse(func(p *instrument.Pulse) { p.Range = instrument.Amps(nan) }), usage, "measuring range"},

		{"sweep stop", sweep(func(s *instrument.Sweep) { s.Stop = 1.6 }), limit, "1.6 V"},
		{"sweep start", sweep(func(s *instrument.Sweep) { s.Start = -1.6 }), limit, "-1.6 V"},
		{"sweep stop not a number", sweep(func(s *instrument.Sweep) { s.Stop = nan }), limit, "NaN"},
		{"sweep span", sweep(func(s *instrument.Sweep) { s.Drives[0].Voltage = -0.9 }), limit, "between two channels"},
		{"sweep span at its start", sweep(func(s *instrument.Sweep) { s.Start, s.Stop, s.Drives[0].Voltage = 1, 0, -0.9 }),
			limit, "between two channels"},
		{"sweep compliance", sweep(func(s *instrument.Sweep) { s.Compliance = 1e-3 }), limit, "1 mA"},
		{"sweep without compliance", sweep(func(s *instrument.Sweep) { s.Compliance = 0 }), limit, "more than 0 A"},
		{"sweep level time", sweep(func(s *instrument.Sweep) { s.Delay = 20e-3 }), limit, "pulse width"},
		{"sweep delay", sweep(func(s *instrument.Sweep) { s.Delay = -1 }), usage, "delay"},
		{"sweep of no levels", sweep(func(s *instrument.Sweep) { s.Steps = 0 }), usage, "levels"},
		{"sweep of too many levels", sweep(func(s *instrument.Sweep) { s.Steps = 10002 }), usage, "levels"},
		{"sweep of one level with two ends", sweep(func(s *instrument.Sweep) { s.Steps = 1 }), usage, "one level"},
		{"sweep source driven too", sweep(func(s *instrument.Sweep) { s.Drives[0].Channel = 1 }), usage, "constant drives"},
		{"sweep source unknown", sweep(func(s *instrument.Sweep) { s.Source = 5 }), usage, "SMU 5"},
		{"sweep kind", sweep(func(s *instrument.Sweep) { s.Kind = "power" }), usage, `"power"`},
		{"sweep measures nothing", sweep(func(s *instrument.Sweep) { s.Measure = nil }), usage, "measures nothing"},

		{"current", sweep(func(s *instrument.Sweep) { s.Kind, s.Stop, s.Compliance = instrument.SweepCurrent, 500e-6, 1 }),
			limit, "500 µA"},
		{"negative current", sweep(func(s *instrument.Sweep) {
			s.Kind, s.Start, s.Stop, s.Compliance = instrument.SweepCurrent, -500e-6, 0, 1
		}), limit, "-500 µA"},
		{"current not a number", sweep(func(s *instrument.Sweep) {
			s.Kind, s.Stop, s.Compliance = instrument.SweepCurrent,
				nan, 1
		}), limit, "NaN"},
		{"current beyond all ranges",
			sweep(func(s *instrument.Sweep) { s.Kind, s.Stop, s.Compliance = instrument.SweepCurrent, 1, 1 }), limit, "1 A"},
		{"no current", sweep(func(s *instrument.Sweep) { s.Kind, s.Stop, s.Compliance = instrument.SweepCurrent, 0, 1 }),
			usage, "0 A throughout"},
		{"voltage compliance", sweep(func(s *instrument.Sweep) {
			s.Kind, s.Stop, s.Compliance = instrument.SweepCurrent, 1e-6,
				1.6
		}), limit, "1.6 V"},
		{"voltage compliance on the negative side",
			sweep(func(s *instrument.Sweep) { s.Kind, s.Stop, s.Compliance = instrument.SweepCurrent, -1e-6, 1.2 }), limit,
			"-1.2 V"},
		{"no voltage compliance",
			sweep(func(s *instrument.Sweep) { s.Kind, s.Stop, s.Compliance = instrument.SweepCurrent, 1e-6, 0 }), limit,
			"more than 0 V"},
		{"voltage compliance not a number",
			sweep(func(s *instrument.Sweep) { s.Kind, s.Stop, s.Compliance = instrument.SweepCurrent, 1e-6, nan }), limit,
			"NaN"},
		{"voltage compliance below the resolution",
			sweep(func(s *instrument.Sweep) { s.Kind, s.Stop, s.Compliance = instrument.SweepCurrent, 1e-6, 1e-6 }), usage,
			"resolution"},
		{"span with the voltage compliance", sweep(func(s *instrument.Sweep) {
			s.Kind, s.Stop, s.Compliance = instrument.SweepCurrent, 1e-6, 1.4
			s.Drives[0].Voltage = -0.5
		}), limit, "between two channels"},
		{"no step at all", nil, usage, "cannot be performed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d, bus := openedWith(t, "", tight)
			// The refused step stands behind a good one: neither may be sent.
			_, err := d.Run(t.Context(), verify(0), tc.step)
			if instrument.KindOf(err) != tc.kind || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("error %v of kind %q, want %q and %q in it", err, instrument.KindOf(err), tc.kind, tc.says)
			}
			if bus.operations != 0 {
				t.Errorf("%d operations reached the bus", bus.operations)
			}
			if err != nil && !strings.Contains(err.Error(), "step 2 of 2") {
				t.Errorf("the error does not say which step: %v", err)
			}
			if _, costErr := d.Cost(verify(0), tc.step); instrument.KindOf(costErr) != tc.kind {
				t.Errorf("cost says %v", costErr)
			}
			// Nothing was sent, so nothing is unknown.
			bus.frames = golden(t)["spot"][:4]
			if _, err := d.Run(t.Context(), verify(1e-3)); err != nil {
				t.Errorf("the device does not work any more: %v", err)
			}
		})
	}
}

func TestRoundedValuesAreChecked(t *testing.T) {
	limits := instrument.Limits{MinVoltage: -1.2344, MaxVoltage: 40, MaxSpan: 80, MaxCurrent: 99.99e-6, MaxWidth: 9.97e-3,
		Origin: "test"}
	spot := func(v instrument.Volts, i instrument.Amps) instrument.Step {
		return instrument.Spot{Drives: with(drives(v), i), Measure: channels(1), Aperture: 1e-3}
	}
	pulse := func(width instrument.Seconds) instrument.Step {
		return instrument.Pulse{Drives: with(drives(0.1), 1e-6), Width: width}
	}
	sweep := func(start, stop float64) instrument.Step {
		return instrument.Sweep{Kind: instrument.SweepVoltage, Source: 1, Start: start, Stop: stop, Steps: 2,
			Compliance: 1e-6, Measure: channels(1), Aperture: 1e-3}
	}
	for name, tc := range map[string]struct {
		step instrument.Step
		kind instrument.Kind // "" for allowed
	}{
		"voltage as it is":                             {spot(-1.2344, 1e-6), ""},
		"voltage rounded down":                         {spot(-1.23444, 1e-6), ""},
		"voltage rounded up":                           {spot(-1.23446, 1e-6), instrument.KindLimit},
		"compliance rounded down":                      {spot(0.1, 99.992e-6), ""},
		"compliance rounded up":                        {spot(0.1, 99.993e-6), instrument.KindLimit},
		"width that stays":                             {pulse(9.9e-3), ""},
		"width rounded up":                             {pulse(9.96e-3), instrument.KindLimit},
		"start of a sweep in a fine range":             {sweep(-1.2344, 1), ""},
		"start of a sweep in the coarse range of stop": {sweep(-1.2344, 3), instrument.KindLimit},
	} {
		_, err := New(nil, Options{Limits: limits, Channels: fourChannels}).Cost(tc.step)
		if kind := instrument.KindOf(err); kind != tc.kind {
			t.Errorf("%s: %v of kind %q, want %q", name, err, kind, tc.kind)
		}
	}
}

func TestWhatTheUnitsCanDo(t *testing.T) {
	limits := instrument.Limits{MinVoltage: -100, MaxVoltage: 100, MaxSpan: 200, MaxCurrent: 1, MaxWidth: 10,
		Origin: "test"}
	spot := func(v instrument.Volts, i instrument.Amps) instrument.Step {
		return instrument.Spot{Drives: with(drives(v), i), Measure: channels(1), Aperture: 1e-3}
	}
	for name, tc := range map[string]struct {
		step instrument.Step
		kind instrument.Kind
	}{
		"40 V and 50 mA":   {spot(40, 50e-3), ""},
		"21 V and 51 mA":   {spot(-21, 51e-3), instrument.KindUsage},
		"20 V and 100 mA":  {spot(20, 100e-3), ""},
		"20 V and 101 mA":  {spot(20, 101e-3), instrument.KindUsage},
		"41 V":             {spot(41, 1e-3), instrument.KindUsage},
		"pulse of 2 s":     {instrument.Pulse{Drives: drives(1), Width: 2}, ""},
		"pulse beyond 2 s": {instrument.Pulse{Drives: drives(1), Width: 2.1}, instrument.KindUsage},
		"50 mA up to 40 V, as a current source": {instrument.Sweep{Kind: instrument.SweepCurrent, Source: 1, Stop: 60e-3,
			Steps:      2,
			Compliance: 30, Measure: channels(1), Aperture: 1e-3}, instrument.KindUsage},
		"current beyond the largest range": {instrument.Sweep{Kind: instrument.SweepCurrent, Source: 1, Stop: 0.2, Steps: 2,
			Compliance: 1, Measure: channels(1), Aperture: 1e-3}, instrument.KindUsage},
	} {
		_, err := New(nil, Options{Limits: limits, Channels: fourChannels}).Cost(tc.step)
		if kind := instrument.KindOf(err); kind != tc.kind {
			t.Errorf("%s: %v of kind %q, want %q", name, err, kind, tc.kind)
		}
	}
	for width, period := range map[instrument.Seconds]instrument.Seconds{
		0.5e-3: 5e-3, 3e-3: 5e-3, 3.1e-3: 5.1e-3, 100e-3: 102e-3, 100.1e-3: 110.1e-3, 2: 2.01,
	} {
		cost, err := New(nil, Options{Limits: limits, Channels: fourChannels}).Cost(instrument.Pulse{Drives: drives(1),
			Width: width})
		if err != nil || !near(float64(cost), float64(period)) {
			t.Errorf("a pulse of %v takes %v (%v), want %v", width, cost, err, period)
		}
	}
}

func TestZeroLimitsAllowNothing(t *testing.T) {
	d, bus := openedWith(t, "", instrument.Limits{})
	for _, step := range []instrument.Step{
		verify(0),
		instrument.Spot{Drives: drives(0), Measure: channels(1), Aperture: 1e-3},
		instrument.Pulse{Drives: drives(0.1), Width: 1e-3},
		instrument.Sweep{Kind: instrument.SweepVoltage, Source: 1, Stop: 0.1, Steps: 2, Compliance: 1e-6,
			Measure: channels(1), Aperture: 1e-3},
		instrument.Sweep{Kind: instrument.SweepCurrent, Source: 1, Stop: 1e-9, Steps: 2, Compliance: 1, Measure: channels(1),
			Aperture: 1e-3},
	} {
		if _, err := d.Run(t.Context(), step); instrument.KindOf(err) != instrument.KindLimit {
			t.Errorf("%T with no limits configured: %v", step, err)
		}
	}
	if bus.operations != 0 {
		t.Errorf("%d operations reached the bus", bus.operations)
	}
}

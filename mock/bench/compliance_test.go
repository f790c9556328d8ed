package bench_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"xlab/mock/bench"
	"xlab/mock/device"
)

func near(got, want, relative float64) bool { return math.Abs(got-want) <= relative*math.Abs(want) }

// ohmic is a rig of linear devices of known conductance.
func ohmic(t testing.TB, rows, cols int, g ...float64) *rig {
	r := newRigOf(t, linear(t), rows, cols, bench.DefaultWires())
	setConductances(t, r.devices, g)
	return r
}

func (r *rig) sample(t testing.TB) []bench.Sample {
	t.Helper()
	s := append([]bench.Sample(nil), r.bench.Sample(instant, nil)...)
	if err := r.bench.Fault(); err != nil {
		t.Fatal(err)
	}
	return s
}

// path is the resistance of one device with its two lines, switches and
// contacts in a 1 x 1 array.
func (r *rig) path(g float64) float64 {
	w := r.wires
	return 1/g + 2*(w.SwitchOn+w.Contact) + w.RowSegment + w.ColSegment
}

// One device between two units, worked out by hand.
func TestOneDevice(t *testing.T) {
	const g = 1e-4
	for _, c := range []struct {
		name     string
		row, col bench.Output
		want     func(ohms float64) [2]bench.Sample
	}{
		{"voltage", volts(0.5, 1e-3), volts(-0.5, 1e-3), func(r float64) [2]bench.Sample {
			return [2]bench.Sample{{Voltage: 0.5, Current: 1 / r}, {Voltage: -0.5, Current: -1 / r}}
		}},
		{"voltage at its compliance", volts(1, 20e-6), volts(0, 1e-3), func(r float64) [2]bench.Sample {
			return [2]bench.Sample{{Voltage: 20e-6 * r, Current: 20e-6, InCompliance: true}, {Current: -20e-6}}
		}},
		{"the other unit at its compliance", volts(1, 1e-3), volts(0, 20e-6), func(r float64) [2]bench.Sample {
			return [2]bench.Sample{{Voltage: 1, Current: 20e-6}, {Voltage: 1 - 20e-6*r, Current: -20e-6, InCompliance: true}}
		}},
		{"negative at its compliance", volts(-1, 20e-6), volts(0, 1e-3), func(r float64) [2]bench.Sample {
			return [2]bench.Sample{{Voltage: -20e-6 * r, Current: -20e-6, InCompliance: true}, {Current: 20e-6}}
		}},
		{"current", amps(30e-6, 2), volts(0, 1e-3), func(r float64) [2]bench.Sample {
			return [2]bench.Sample{{Voltage: 30e-6 * r, Current: 30e-6}, {Current: -30e-6}}
		}},
		{"current at its compliance", amps(300e-6, 0.5), volts(0, 1e-3), func(r float64) [2]bench.Sample {
			return [2]bench.Sample{{Voltage: 0.5, Current: 0.5 / r, InCompliance: true}, {Current: -0.5 / r}}
		}},
		{"current out of a source that bounds it", amps(300e-6, 2), volts(0, 20e-6), func(r float64) [2]bench.Sample {
			// The column cannot take it: it is lifted until the row comes to its end.
			return [2]bench.Sample{{Voltage: 2, Current: 20e-6, InCompliance: true},
				{Voltage: 2 - 20e-6*r, Current: -20e-6, InCompliance: true}}
		}},
		{"current of zero", amps(0, 2), volts(0.3, 1e-3), func(float64) [2]bench.Sample {
			return [2]bench.Sample{{Voltage: 0.3}, {Voltage: 0.3}}
		}},
		{"other side off", volts(1, 1e-3), bench.Output{}, func(float64) [2]bench.Sample {
			return [2]bench.Sample{{Voltage: 1}, {Voltage: 1}} // nothing flows, so the far end is at the same potential
		}},
		{"current with no way back", amps(-30e-6, 2), bench.Output{}, func(float64) [2]bench.Sample {
			return [2]bench.Sample{{Voltage: -2, InCompliance: true}, {Voltage: -2}}
		}},
		{"all off", bench.Output{}, bench.Output{}, func(float64) [2]bench.Sample { return [2]bench.Sample{} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := ohmic(t, 1, 1, g)
			r.set(func(isRow bool, _ int) uint8 {
				if isRow {
					return toF1
				}
				return toF2
			})
			r.outputs(c.row, c.col)
			got := r.sample(t)
			for u, want := range c.want(r.path(g)) {
				if math.Abs(got[u].Voltage-want.Voltage) > 1e-7 ||
					math.Abs(got[u].Current-want.Current) > 1e-12+1e-7*math.Abs(want.Current) ||
					got[u].InCompliance != want.InCompliance {
					t.Errorf("unit %d: %+v, want %+v", u+1, got[u], want)
				}
			}
		})
	}
}

// A source shared by many lines is limited in the sum of them.
func TestSharedUnitAtCompliance(t *testing.T) {
	r := ohmic(t, 3, 1, 1e-5, 2e-5, 7e-5)
	r.set(func(isRow bool, _ int) uint8 {
		if isRow {
			return toH1
		}
		return toF2
	})
	r.outputs(bench.Output{}, volts(0, 1e-2), volts(1, 50e-6))
	s := r.sample(t)
	if !s[2].InCompliance || s[1].InCompliance || !near(s[2].Current, 50e-6, 1e-8) || !near(s[1].Current, -50e-6, 1e-8) {
		t.Fatalf("%+v", s)
	}
	// About 100 µS in all, less what the wires take: half the voltage.
	if s[2].Voltage < 0.5 || s[2].Voltage > 0.54 {
		t.Errorf("the unit is at %v V", s[2].Voltage)
	}
	sum := 0.0
	for k, v := range deviceVolts(r.devices) {
		sum += v * []float64{1e-5, 2e-5, 7e-5}[k]
	}
	if !near(sum, 50e-6, 1e-6) {
		t.Errorf("the devices carry %v A", sum)
	}
}

// Under V/3 the common sources of the other rows and columns carry the current
// of all unselected devices; when both come to their compliance, the devices
// see less, and the two sources still balance.
func TestTwoSharedUnitsAtCompliance(t *testing.T) {
	g := make([]float64, 36)
	for k := range g {
		g[k] = 1e-5 + 2e-6*float64(k)
	}
	r := ohmic(t, 6, 6, g...)
	r.select1(2, 3)
	r.outputs(volts(0.75, 5e-3), volts(-0.75, 5e-3), volts(-0.25, 100e-6), volts(0.25, 110e-6))
	s := r.sample(t)
	if !s[2].InCompliance || !s[3].InCompliance || !near(math.Abs(s[2].Current), 100e-6, 1e-8) ||
		!near(math.Abs(s[3].Current), 110e-6, 1e-8) {
		t.Fatalf("%+v", s)
	}
	sum := 0.0
	for _, u := range s {
		sum += u.Current
	}
	if math.Abs(sum) > 1e-12 {
		t.Errorf("%v A get lost", sum)
	}
	// Kirchhoff's law at every line, from the devices' own voltages.
	v := deviceVolts(r.devices)
	rows, others := 0.0, 0.0
	for k := range v {
		if k/6 == 2 {
			rows += g[k] * v[k]
		} else {
			others += g[k] * v[k]
		}
	}
	if !near(rows, s[0].Current, 1e-6) || !near(others, s[2].Current, 1e-6) {
		t.Errorf("the selected row carries %v A and the others %v A; the units give %v A and %v A", rows, others,
			s[0].Current, s[2].Current)
	}
}

// A bus without a source joins its lines: current goes in by one and out by
// another.
func TestOffUnitWithSeveralLines(t *testing.T) {
	r := ohmic(t, 2, 2, 1e-4, 1e-6, 1e-6, 1e-4)
	// Column 0 is driven, column 1 at ground, both rows on H1, whose unit is off.
	r.set(func(isRow bool, line int) uint8 {
		switch {
		case isRow:
			return toH1
		case line == 0:
			return toF1
		}
		return toGND
	})
	r.outputs(volts(1, 1e-3))
	s := r.sample(t)
	if s[2].InCompliance || math.Abs(s[2].Current) > 1e-13 || !near(s[2].Voltage, 0.5, 1e-2) || s[0].Current < 40e-6 {
		t.Errorf("%+v", s)
	}
	// With the rows apart, the current has to go through the small devices.
	r.set(func(isRow bool, line int) uint8 {
		switch {
		case isRow:
			return allOpen
		case line == 0:
			return toF1
		}
		return toGND
	})
	if s := r.sample(t); s[0].Current > 2.1e-6 || s[0].Current < 1.9e-6 {
		t.Errorf("floating rows: %+v", s[0])
	}
}

// Two closed switches on one line short their sources through both.
func TestTwoSwitchesOnALine(t *testing.T) {
	r := ohmic(t, 1, 1, 1e-6)
	r.set(func(isRow bool, _ int) uint8 {
		if isRow {
			return toF1 | toGND
		}
		return toF2
	})
	r.outputs(volts(0.1, 0.1), volts(0, 1e-3))
	s := r.sample(t)
	// 0.1 V across two switches in series; the device has half of it.
	if !near(s[0].Current, 0.1/(2*r.wires.SwitchOn), 1e-4) {
		t.Errorf("the short carries %v A", s[0].Current)
	}
	if v := deviceVolts(r.devices)[0]; !near(v, 0.05, 1e-3) {
		t.Errorf("the device has %v V", v)
	}
	// With a compliance that a careful person sets, the line is pulled to ground.
	r.outputs(volts(0.1, 1e-3), volts(0, 1e-3))
	s = r.sample(t)
	if !s[0].InCompliance || !near(s[0].Current, 1e-3, 1e-8) || !near(s[0].Voltage, 2*r.wires.SwitchOn*1e-3, 1e-3) {
		t.Errorf("%+v", s[0])
	}
	// Two units against each other through the switches alone.
	r.set(func(isRow bool, _ int) uint8 {
		if isRow {
			return toF1 | toF2
		}
		return allOpen
	})
	r.outputs(volts(0.1, 0.1), volts(-0.1, 1e-3))
	s = r.sample(t)
	if !s[1].InCompliance || s[0].InCompliance || !near(s[1].Current, -1e-3, 1e-8) || !near(s[0].Current, 1e-3, 1e-6) ||
		!near(s[1].Voltage, 0.1-19e-3, 1e-3) {
		t.Errorf("%+v", s[:2])
	}
}

func TestNothingConnected(t *testing.T) {
	r := ohmic(t, 2, 2, 1e-5, 1e-5, 1e-5, 1e-5)
	check := func(name string) {
		t.Helper()
		r.outputs(volts(1.5, 1e-3), amps(1e-5, 3), amps(-1e-5, 2), bench.Output{})
		want := []bench.Sample{{Voltage: 1.5}, {Voltage: 3, InCompliance: true}, {Voltage: -2, InCompliance: true}, {}}
		for u, s := range r.sample(t) {
			if s != want[u] {
				t.Errorf("%s: unit %d shows %+v, want %+v", name, u+1, s, want[u])
			}
		}
	}
	check("all open")
	// A bus that leads nowhere is as good as open.
	r.set(func(bool, int) uint8 { return toDead })
	check("on a dead bus")
	if r.bench.ClosedSwitches() != 4 {
		t.Errorf("%d switches closed", r.bench.ClosedSwitches())
	}
	r.set(func(bool, int) uint8 { return toGND })
	check("all grounded")
	for k, v := range deviceVolts(r.devices) {
		if v != 0 {
			t.Errorf("device %d saw %v V", k, v)
		}
	}
}

// The read reference drives lines without any unit.
func TestReadReference(t *testing.T) {
	r := ohmic(t, 2, 1, 1e-5, 3e-5)
	r.set(func(isRow bool, line int) uint8 {
		switch {
		case isRow && line == 1:
			return toRead
		case isRow:
			return toGND
		}
		return toF2
	})
	r.outputs(bench.Output{}, volts(0, 1e-3))
	if s := r.sample(t); !near(s[1].Current, -0.2*3e-5, 0.02) {
		t.Errorf("%+v", s[1])
	}
}

// Two boards on the same units: the currents add up, and what limits a unit
// limits it for both.
func TestTwoBoardsShareUnits(t *testing.T) {
	r := ohmic(t, 1, 1, 4e-5)
	other := attach(t, r.bench, "B", linear(t), 1, 1, seed)
	setConductances(t, other, []float64{6e-5})
	between := func(isRow bool, _ int) uint8 {
		if isRow {
			return toF1
		}
		return toF2
	}
	r.set(between)
	r.outputs(volts(1, 1e-3), volts(0, 1e-3))
	one := r.sample(t)[0].Current
	r.setBoard("B", between)
	both := r.sample(t)[0].Current
	if !near(one, 1/r.path(4e-5), 1e-8) || !near(both, 1/r.path(4e-5)+1/r.path(6e-5), 1e-8) {
		t.Errorf("%v A and %v A", one, both)
	}
	r.outputs(volts(1, 50e-6), volts(0, 1e-3))
	s := r.sample(t)
	if v := 50e-6 / (1/r.path(4e-5) + 1/r.path(6e-5)); !s[0].InCompliance || !near(s[0].Voltage, v, 1e-7) {
		t.Errorf("%+v, want %v V", s[0], v)
	}
}

// With the real, strongly nonlinear devices, some formed and some not: an
// operating point is always found, no source is beyond its compliance, none
// that is short of its level is called free, and no current is lost.
func TestBalanceOfNonlinearDevices(t *testing.T) {
	whole := newRig(t, 4, 4, bench.DefaultWires())
	pristine, err := whole.devices.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	formAll(whole.devices)
	formed, err := whole.devices.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	outer := t
	rapid.Check(t, func(t *rapid.T) {
		b, err := bench.New(bench.Config{Units: 4, Wires: bench.DefaultWires(), Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		r := &rig{bench: b, rows: 4, cols: 4, wires: bench.DefaultWires()}
		r.devices = attach(outer, b, "A", device.Default(), 4, 4, seed)
		chip := pristine
		if rapid.Bool().Draw(t, "formed") {
			chip = formed
		}
		if err := r.devices.UnmarshalJSON(chip); err != nil {
			t.Fatal(err)
		}
		to := rapid.SampledFrom([]uint8{allOpen, toF1, toF2, toH1, toH2, toH1 | toF2})
		r.set(func(bool, int) uint8 { return to.Draw(t, "switches") })
		for range 3 {
			units := drawUnits(t)
			r.outputs(units...)
			s := b.Sample(instant, nil)
			if err := b.Fault(); err != nil {
				t.Fatal(err)
			}
			sum, most := 0.0, 0.0
			for u, o := range units {
				sum += s[u].Current
				most = math.Max(most, math.Abs(s[u].Current))
				bounded, held := s[u].Current, s[u].Voltage
				if o.Mode == bench.ForceCurrent {
					bounded, held = held, bounded
				}
				// Where buses are shorted, milliamperes go round beside a source of
				// microamperes.
				const slack = 1e-6
				rest := slack*o.Compliance + 1e-10
				switch {
				case o.Mode == bench.Off:
					if math.Abs(bounded) > 1e-6*most+1e-12 || s[u].InCompliance {
						t.Fatalf("unit %d is off and gives %+v", u+1, s[u])
					}
				case math.Abs(bounded) > o.Compliance+rest,
					!s[u].InCompliance && math.Abs(held-o.Level) > slack*math.Abs(o.Level)+1e-9,
					s[u].InCompliance && math.Abs(bounded) < o.Compliance-rest:
					t.Fatalf("unit %d: %+v of %+v", u+1, s[u], o)
				}
			}
			if math.Abs(sum) > 1e-6*most+1e-12 {
				t.Fatalf("%v A of %v A get lost: %+v", sum, most, s)
			}
		}
	})
}

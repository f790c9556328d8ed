package array_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"xlab/instrument"
	"xlab/instrument/array"
)

// anyStep draws steps with every field set to anything finite.
func anyStep(t *rapid.T) array.Step {
	x := rapid.Float64Range(-1e6, 1e6)
	scheme := rapid.SampledFrom(array.Schemes())
	switch rapid.IntRange(0, 2).Draw(t, "kind") {
	case 0:
		return array.Read{Voltage: instrument.Volts(x.Draw(t, "v")), Compliance: instrument.Amps(x.Draw(t, "comp")),
			Range:  instrument.Amps(x.Draw(t, "range")),
			Settle: instrument.Seconds(x.Draw(t, "settle")), Aperture: instrument.Seconds(x.Draw(t, "aperture"))}
	case 1:
		return array.Pulse{Voltage: instrument.Volts(x.Draw(t, "v")), Width: instrument.Seconds(x.Draw(t, "width")),
			Scheme: scheme.Draw(t, "scheme"), Compliance: instrument.Amps(x.Draw(t, "comp"))}
	default:
		return array.Sweep{Kind: rapid.SampledFrom([]instrument.SweepKind{instrument.SweepVoltage,
			instrument.SweepCurrent}).Draw(t, "sweep"),
			Start: x.Draw(t, "start"), Stop: x.Draw(t, "stop"), Steps: rapid.IntRange(0, 10001).Draw(t, "steps"),
			TwoWay:     rapid.Bool().Draw(t, "two_way"),
			Compliance: x.Draw(t, "comp"), Return: instrument.Amps(x.Draw(t, "return")), Scheme: scheme.Draw(t, "scheme"),
			Delay: instrument.Seconds(x.Draw(t, "delay")), Aperture: instrument.Seconds(x.Draw(t, "aperture")),
			StopAtCompliance: rapid.Bool().Draw(t, "stop_comp")}
	}
}

// What the journal holds is the step, digit by digit, with its kind in front.
func TestStepJSONReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		step := anyStep(t)
		b, err := json.Marshal(step)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(b), `{"op":"`) {
			t.Fatalf("%s does not begin with its kind", b)
		}
		back, err := array.StepKinds().Step(b)
		if err != nil || back != step {
			t.Fatalf("%+v is encoded as %s and read as %+v, %v", step, b, back, err)
		}
	})
}

func TestUnmarshalStepRefuses(t *testing.T) {
	for _, text := range []string{``, `7`, `{}`, `{"op":"erase"}`, `{"op":"pulse","v":"much"}`,
		`{"op":"pulse","v":1,"scheme":"v7"}`, `{"op":"sweep","steps":1.5}`, `{"op":"read"`} {
		if s, err := array.StepKinds().Step([]byte(text)); err == nil || s != nil {
			t.Errorf("%s: read as %+v, %v", text, s, err)
		}
	}
	if b, err := json.Marshal(aPulse(instrument.Volts(math.NaN()), array.HalfVoltage)); err == nil {
		t.Errorf("a pulse of no voltage is encoded as %s", b)
	}
}

func TestStress(t *testing.T) {
	for step, want := range map[array.Step]bool{aRead(): false, aPulse(1, array.HalfVoltage): true,
		aVoltageSweep(array.HalfVoltage): true, aCurrentSweep(array.Floating): true} {
		if step.Stress() != want {
			t.Errorf("%T: %v", step, step.Stress())
		}
	}
}

func drawMap(t *rapid.T) *array.DefectMap {
	rows, cols := rapid.IntRange(1, 8).Draw(t, "rows"), rapid.IntRange(1, 8).Draw(t, "cols")
	m := array.NewDefectMap("A", rows, cols)
	m.Run, m.Chip = rapid.StringMatching(`[a-z0-9-]{0,8}`).Draw(t, "run"), "chip"
	for _, c := range array.AllCells(rows, cols) {
		d := m.At(c)
		d.State = rapid.SampledFrom([]array.State{array.StateFormed, array.StatePreformed, array.StateDefective,
			array.StateUntried}).Draw(t, "state")
		d.Conductance = instrument.Siemens(rapid.IntRange(0, 1e9).Draw(t, "g")) / 1e12 // what an instrument resolves
		if d.State == array.StateDefective {
			d.Reason = rapid.String().Draw(t, "reason")
		}
	}
	return m
}

// A conductance is a quotient of readings: what its arithmetic adds is not written.
func TestDefectMapIsWrittenAtTheInstrumentsResolution(t *testing.T) {
	m := array.NewDefectMap("A", 1, 1)
	m.Devices[0].Conductance = 3.3650799999999996e-06
	var b strings.Builder
	if err := m.Write(&b); err != nil || !strings.Contains(b.String(), `"conductance": 3.36508e-06`) {
		t.Errorf("%v: %s", err, b.String())
	}
}

func TestDefectMapReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMap(t)
		var b strings.Builder
		if err := m.Write(&b); err != nil {
			t.Fatal(err)
		}
		back, err := array.ReadDefectMap(strings.NewReader(b.String()), "defects.json")
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(m, back); d != "" {
			t.Fatal(d)
		}
		listed, usable := 0, 0
		for _, s := range []array.State{array.StateFormed, array.StatePreformed, array.StateDefective, array.StateUntried} {
			cells := back.Cells(s)
			if cells == nil {
				t.Fatalf("%s: nil, which is null in JSON", s)
			}
			listed += len(cells)
			for _, c := range cells {
				if back.At(c).State != s || back.At(c).Cell != c {
					t.Fatalf("%v is %+v", c, back.At(c))
				}
				if back.Usable(c) {
					usable++
				}
			}
		}
		if listed != m.Rows*m.Cols || usable != len(back.Cells(array.StateFormed))+len(back.Cells(array.StatePreformed)) {
			t.Fatalf("%d listed, %d usable", listed, usable)
		}
	})
}

func TestReadDefectMapRefuses(t *testing.T) {
	const good = `{"version":1,"array":"A","rows":1,"cols":2,"run":"r","chip":"c","devices":[` +
		`{"cell":[0,0],"state":"formed","conductance":1e-5},{"cell":[0,1],"state":"defective","reason":"stuck","conductance":2e-5}]}`
	if _, err := array.ReadDefectMap(strings.NewReader(good), "x"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, old, new, says string }{
		{"cut off", `2e-5}]}`, `2e-5}`, "ends in the middle"},
		{"empty", good, ``, "ends in the middle"},
		{"unknown key", `"run"`, `"rum"`, "rum"},
		{"other version", `"version":1`, `"version":2`, "version 2"},
		{"too few devices", `"cols":2`, `"cols":3`, "2 devices for 1 x 3"},
		{"negative size", `"rows":1,"cols":2`, `"rows":-1,"cols":-2`, "-1 x -2"},
		{"no size", `"rows":1,"cols":2`, `"rows":0,"cols":0`, "0 x 0"},
		{"wrong order", `[0,1]`, `[0,0]`, "r0c0 where r0c1 belongs"},
		{"not a cell", `[0,1]`, `[0]`, "[row, col]"},
		{"unknown state", `"defective"`, `"broken"`, `"broken"`},
		{"no state", `"state":"formed",`, ``, "unknown state"},
		{"text after it", `2e-5}]}`, `2e-5}]} {}`, "after the map"},
	} {
		_, err := array.ReadDefectMap(strings.NewReader(strings.Replace(good, c.old, c.new, 1)), "defects.json")
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "defects.json") {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
}

func TestDefectMapOutside(t *testing.T) {
	m := array.NewDefectMap("A", 2, 3)
	if len(m.Cells(array.StateUntried)) != 6 || m.Usable(array.Cell{Row: 1, Col: 2}) {
		t.Errorf("a new map: %+v", m)
	}
	for _, c := range []array.Cell{{Row: 0, Col: 3}, {Row: 1, Col: -1}, {Row: 2, Col: 0}, {Row: -1, Col: 0}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s of 2 x 3 gave %+v", c, m.At(c))
				}
			}()
			m.At(c)
		}()
	}
}

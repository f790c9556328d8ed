package bench_test

import (
	"math"
	"strings"
	"testing"

	"xlab/hwdocs"
	"xlab/mock/bench"
	"xlab/mock/device"
)

func TestLoadShippedBoards(t *testing.T) {
	for _, name := range []string{"array-a.yaml", "array-b.yaml"} {
		f, err := hwdocs.FS.Open("wiring/" + name)
		if err != nil {
			t.Fatal(err)
		}
		b, err := bench.LoadBoard(f, name, 0.2)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if b.Rows != 20 || b.Cols != 20 || b.Chips() != 40 || b.Name != b.Array {
			t.Errorf("%s: %+v", name, b)
		}
	}
}

func TestLoadBoardRefuses(t *testing.T) {
	good := wiringText("A", 2, 3)
	if _, err := bench.LoadBoard(strings.NewReader(good), "good", 0.2); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, old, new, says string }{
		{"unknown key", "rows: 2\n", "rows: 2\nextra: 1\n", "extra"},
		{"no rows", "rows: 2\n", "rows: 0\n", "at least one"},
		{"no name", "  name: A", "  name: ''", "names"},
		{"no array", "array: A", "array: ''", "names"},
		{"too few chips", "{rows: 0-1}", "{rows: 0}", "4 chips for 5 lines"},
		{"line twice", "{rows: 0-1}", "{rows: 0}, {rows: 0}", "line 0 has chip 1 and chip 2"},
		{"line outside", "{cols: 0-2}", "{cols: 1-3}", "outside 0-2"},
		{"backwards", "{cols: 0-2}", "{cols: 2-0}", "outside 0-2"},
		{"not a number", "{cols: 0-2}", "{cols: a-2}", "invalid syntax"},
		{"neither rows nor cols", "{cols: 0-2}", "{lines: 0-2}", "lines"},
		{"both at once", "{rows: 0-1}, {cols: 0-2}", "{rows: 0-1, cols: 0-2}", "2 entries"},
		{"no such switch", "S7: SPARE", "S9: SPARE", "S9"},
		{"switch by number", "S7: SPARE", "'7': SPARE", `"7"`},
		{"switch with leading zero", "S7: SPARE", "S07: SPARE", "S07"},
	} {
		if !strings.Contains(good, c.old) {
			t.Fatalf("%s: %q is not in the map", c.name, c.old)
		}
		_, err := bench.LoadBoard(strings.NewReader(strings.Replace(good, c.old, c.new, 1)), "map.yaml", 0.2)
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "map.yaml") {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for name, change := range map[string]func(*bench.Config){
		"at least one":        func(c *bench.Config) { c.Units = 0 },
		"switch_on_ohm":       func(c *bench.Config) { c.Wires.SwitchOn = 0 },
		"contact_ohm":         func(c *bench.Config) { c.Wires.Contact = -1 },
		"row_segment_ohm":     func(c *bench.Config) { c.Wires.RowSegment = math.NaN() },
		"col_segment_ohm":     func(c *bench.Config) { c.Wires.ColSegment = math.Inf(1) },
		"line_capacitance_f":  func(c *bench.Config) { c.Wires.LineCapacitance = -1e-12 },
		"noise_of_range":      func(c *bench.Config) { c.Meter.NoiseOfRange = -1 },
		"resolution_of_range": func(c *bench.Config) { c.Meter.Resolution = math.NaN() },
	} {
		c := bench.Config{Units: 4, Wires: bench.DefaultWires(), Meter: bench.DefaultMeter()}
		if _, err := bench.New(c); err != nil {
			t.Fatal(err)
		}
		change(&c)
		if _, err := bench.New(c); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAttachRefuses(t *testing.T) {
	b, err := bench.New(bench.Config{Units: 4, Wires: bench.DefaultWires()})
	if err != nil {
		t.Fatal(err)
	}
	attach(t, b, "A", device.Default(), 2, 2, 1)
	devices, err := device.NewArray(device.Default(), 2, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, text, says string }{
		{"same name again", wiringText("A", 2, 2), "already"},
		{"another size", wiringText("B", 2, 3), "2 x 2"},
		{"a unit that the analyzer has not", strings.Replace(wiringText("B", 2, 2), "H2: 4", "H2: 5", 1), "unit 5"},
	} {
		board, err := bench.LoadBoard(strings.NewReader(c.text), c.name, 0.2)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Attach(board, devices); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
	if b.Devices("A") == nil || b.Devices("B") != nil {
		t.Error("the wrong arrays are there")
	}
	for name, f := range map[string]func(){
		"unknown board":         func() { b.Switch("C", make([]uint8, 4)) },
		"wrong number of chips": func() { b.Switch("A", make([]uint8, 5)) },
		"unknown unit":          func() { b.SetOutputs(map[int]bench.Output{5: {}}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: went through", name)
				}
			}()
			f()
		}()
	}
}

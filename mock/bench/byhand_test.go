package bench_test

import (
	"math"
	"strings"
	"testing"

	"xlab/mock/bench"
	"xlab/mock/device"
)

// attachText attaches an array of ohmic devices by the map.
func attachText(t *testing.T, b *bench.Bench, text string, g []float64) {
	t.Helper()
	board, err := bench.LoadBoard(strings.NewReader(text), "map.yaml", 0.2)
	if err != nil {
		t.Fatal(err)
	}
	devices, err := device.NewArray(linear(t), board.Rows, board.Cols, seed)
	if err != nil {
		t.Fatal(err)
	}
	setConductances(t, devices, g)
	if err := b.Attach(board, devices); err != nil {
		t.Fatal(err)
	}
}

// Lines on units, on ground and on nothing, with contacts of 100 Ω and nothing else in
// between: what flows is what Ohm's law says.
func TestWiredByHand(t *testing.T) {
	const contact, tolerance = 100.0, 1e-9
	at := func(got, want float64) bool { return math.Abs(got-want) <= tolerance*math.Max(math.Abs(want), 1e-6) }
	series := func(g ...float64) float64 { // of devices one behind the other, with the contacts of both ends
		r := 2 * contact
		for _, g := range g {
			r += 1 / g
		}
		return 1 / r
	}
	for _, c := range []struct {
		name, text string
		g          []float64
		out        map[int]bench.Output
		amps       []float64
	}{
		{"one device on units 2 and 3", "rows: 1\ncols: 1\nboard: none\nlines: {rows: [2], cols: [3]}\n", []float64{50e-6},
			map[int]bench.Output{2: volts(0.1, 1e-3), 3: volts(-0.1, 1e-3)},
			[]float64{0, 0.2 * series(50e-6), -0.2 * series(50e-6)}},
		{"the column on ground", "rows: 1\ncols: 1\nboard: none\nlines: {rows: [1], cols: [gnd]}\n", []float64{50e-6},
			map[int]bench.Output{1: volts(0.1, 1e-3)}, []float64{0.1 * series(50e-6), 0, 0}},
		{"a current into it", "rows: 1\ncols: 1\nboard: none\nlines: {rows: [1], cols: [gnd]}\n", []float64{50e-6},
			map[int]bench.Output{1: amps(1e-6, 1)}, []float64{1e-6, 0, 0}},
		{"the column open", "rows: 1\ncols: 1\nboard: none\nlines: {rows: [1], cols: [open]}\n", []float64{50e-6},
			map[int]bench.Output{1: volts(0.1, 1e-3)}, []float64{0, 0, 0}},
		// Through r0c0, and round it through r0c1, r1c1 and r1c0, whose lines float.
		{"the others open", "rows: 2\ncols: 2\nboard: none\nlines: {rows: [1, open], cols: [2, open]}\n",
			[]float64{50e-6, 20e-6, 30e-6, 40e-6}, map[int]bench.Output{1: volts(0.1, 1e-3), 2: volts(0, 1e-3)},
			func() []float64 {
				round := 1 / (1/20e-6 + 1/30e-6 + 1/40e-6)
				i := 0.1 / (2*contact + 1/(50e-6+round))
				return []float64{i, -i, 0}
			}()},
		{"two columns on one unit", "rows: 1\ncols: 2\nboard: none\nlines: {rows: [gnd], cols: [2, 2]}\n",
			[]float64{50e-6, 25e-6}, map[int]bench.Output{2: volts(0.1, 1e-3)},
			func() []float64 {
				r := []float64{contact + 1/50e-6, contact + 1/25e-6}
				return []float64{0, 0.1 / (contact + 1/(1/r[0]+1/r[1])), 0}
			}()},
	} {
		b, err := bench.New(bench.Config{Units: 3, Wires: bench.Wires{Contact: contact, SwitchOn: 9.5}})
		if err != nil {
			t.Fatal(err)
		}
		attachText(t, b, "array: D\n"+c.text, c.g)
		b.SetOutputs(c.out)
		for u, s := range b.Sample(instant, nil) {
			if !at(s.Current, c.amps[u]) {
				t.Errorf("%s: unit %d gives %g A, want %g", c.name, u+1, s.Current, c.amps[u])
			}
		}
		if err := b.Fault(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// A bus on ground is at 0 V behind its switch, and one on nothing is not there.
func TestBusOnGround(t *testing.T) {
	b, err := bench.New(bench.Config{Units: 1, Wires: bench.Wires{Contact: 100, SwitchOn: 10}, Meter: bench.Meter{}})
	if err != nil {
		t.Fatal(err)
	}
	attachText(t, b, `array: A
rows: 1
cols: 2
board: {name: A, chip: adg1438, chain: [{rows: 0}, {cols: 0-1}]}
buses: {S1: F1, S2: F2, S3: H1, S4: H2}
smu: {F1: 1, F2: gnd, H1: open, H2: open}
`, []float64{50e-6, 25e-6})
	b.SetOutputs(map[int]bench.Output{1: volts(0.1, 1e-3)})
	for _, c := range []struct {
		closed []uint8
		want   float64
	}{
		{[]uint8{toF1, toF2, toH2}, 0.1 / (220 + 1/50e-6)},
		{[]uint8{toF1, toH2, toF2}, 0.1 / (220 + 1/25e-6)},
		{[]uint8{toF1, toH2, toH2}, 0},
	} {
		b.Switch("A", c.closed)
		if got := b.Sample(instant, nil)[0].Current; math.Abs(got-c.want) > 1e-15 {
			t.Errorf("%v: %g A, want %g", c.closed, got, c.want)
		}
	}
}

func TestByHandRefuses(t *testing.T) {
	const good = "array: D\nrows: 1\ncols: 2\nboard: none\nlines: {rows: [1], cols: [gnd, open]}\n"
	if _, err := bench.LoadBoard(strings.NewReader(good), "good", 0.2); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, old, new, says string }{
		{"too few", "[gnd, open]", "[gnd]", "1 rows and 1 columns for an array of 1 x 2"},
		{"no lines", "lines: {rows: [1], cols: [gnd, open]}\n", "", "0 rows"},
		{"unit 0", "[1]", "[0]", `"0" is none of`},
		{"another word", "gnd", "ground", `"ground" is none of`},
		{"another board", "none", "nothing", `"nothing" is neither none nor a board`},
		{"smu", "board", "smu: {F1: 1}\nboard", "no smu"},
		{"lines beside a board", "none", "{name: D, chain: []}", "there is a board"},
	} {
		_, err := bench.LoadBoard(strings.NewReader(strings.Replace(good, c.old, c.new, 1)), "map.yaml", 0.2)
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "map.yaml") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

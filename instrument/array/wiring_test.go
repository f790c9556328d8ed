package array_test

import (
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"xlab/hwdocs"
	"xlab/instrument"
	"xlab/instrument/array"
)

func loadShipped(t testing.TB, name string) *array.Wiring {
	t.Helper()
	f, err := hwdocs.FS.Open("wiring/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := array.LoadWiring(f, name)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestShippedWiring(t *testing.T) {
	files, err := fs.Glob(hwdocs.FS, "wiring/array-*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("shipped maps: %v, %v", files, err)
	}
	for _, file := range files {
		w := loadShipped(t, strings.TrimPrefix(file, "wiring/"))
		if w.Rows != 20 || w.Cols != 20 || w.Lines() != 40 {
			t.Errorf("%s: %d x %d, %d lines", file, w.Rows, w.Cols, w.Lines())
		}
		for line := range 20 { // rows 1..20, then columns 1..20
			if w.RowChip[line] != line || w.ColChip[line] != 20+line {
				t.Errorf("%s: row %d on chip %d, column %d on chip %d", file, line, w.RowChip[line], line, w.ColChip[line])
			}
		}
		for bit, bus := range []array.Bus{array.BusForce1, array.BusForce2, array.BusOtherRows, array.BusOtherCols,
			array.BusGround, array.BusReadPlus, array.BusReadMinus, array.BusNeuron} {
			if w.Switch[bus] != 1<<bit {
				t.Errorf("%s: %s is on %08b", file, bus, w.Switch[bus])
			}
		}
		if got := w.Channels(); !slices.Equal(got, []instrument.Channel{1, 2, 3, 4}) {
			t.Errorf("%s: channels %v", file, got)
		}
	}
}

// smallMap is a map with the chain in an unusual order.
const smallMap = `array: T
rows: 3
cols: 2
board:
  name: T
  chip: adg1438
  chain:
    - cols: 1
    - rows: 1-2
    - cols: 0
    - rows: 0
buses: {S1: F1, S2: F2, S3: H1, S4: H2, S5: GND}
smu: {F1: 4, F2: 3, H1: 2, H2: 1}
`

func TestChainOrder(t *testing.T) {
	w, err := array.LoadWiring(strings.NewReader(smallMap), "small")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(w.ColChip, []int{3, 0}) || !slices.Equal(w.RowChip, []int{4, 1, 2}) {
		t.Errorf("rows on chips %v, columns on %v", w.RowChip, w.ColChip)
	}
	into := make([]instrument.Switches, 5)
	w.Select(into, array.Selection{Rows: "2", Cols: "1"})
	if want := []instrument.Switches{2, 4, 1, 8, 4}; !slices.Equal(into, want) {
		t.Errorf("selected: %v, want %v", into, want)
	}
	w.Select(into, array.Selection{Rows: "0", Cols: "0", OthersFloat: true})
	if want := []instrument.Switches{0, 0, 0, 2, 1}; !slices.Equal(into, want) {
		t.Errorf("selected with the others floating: %v, want %v", into, want)
	}
}

func TestWiringRefuses(t *testing.T) {
	for _, c := range []struct{ name, old, new, says string }{
		{"unknown key", "rows: 3", "rows: 3\nrowz: 3", "rowz"},
		{"unknown key of the board", "  chip:", "  chips: 5\n  chip:", "chips"},
		{"key twice", "rows: 3", "rows: 3\nrows: 3", "already defined"},
		{"not YAML", "board:", "board", "yaml"},
		{"a second document", "smu:", "smu: {F1: 4, F2: 3, H1: 2, H2: 1}\n---\nsmu:", "second document"},
		{"no name", "array: T", "array: ''", "array"},
		{"no board name", "  name: T", "  name: ''", "board.name"},
		{"no rows", "rows: 3", "rows: 0", "must be 1"},
		{"negative columns", "cols: 2", "cols: -2", "must be 1"},
		{"absurd rows", "rows: 3", "rows: 2000000000", "must be 1"},
		{"row twice", "- rows: 0", "- rows: 0-1", "row 1 already has chip 2"},
		{"column twice", "- cols: 0", "- cols: 0-1", "column 1 already has chip 1"},
		{"row without a chip", "    - rows: 0\n", "", "row 0 has no chip"},
		{"column without a chip", "    - cols: 0\n", "", "column 0 has no chip"},
		{"row outside", "- rows: 0", "- rows: 3", "outside 0-2"},
		{"both in one part", "- cols: 0", "- {cols: 0, rows: 0}", "board.chain[2]"},
		{"neither in a part", "- cols: 0", "- {}", "board.chain[2]"},
		{"line not a number", "- cols: 0", "- cols: first", `"first"`},
		{"switch that is none", "S5: GND", "S9: GND", "S9"},
		{"switch S0", "S5: GND", "S0: GND", "S0"},
		{"another letter", "S5: GND", "D5: GND", `"D5"`},
		{"switch without S", "S5: GND", "5: GND", `"5"`},
		// Two spellings of one switch would short two buses on every line.
		{"two buses on one switch", "S5: GND", "'1': GND", `"1"`},
		{"two buses on one switch, same spelling", "S5: GND", "S1: GND", "already defined"},
		{"bus on two switches", "S5: GND", "S5: F1", "F1 is on two switches"},
		{"empty bus", "S5: GND", "S5: ''", "S5 leads to no bus"},
		{"no bus for the other rows", "S3: H1, ", "", `bus "H1" is not among the buses`},
		{"no switch to a bus", "S3: H1, S4: H2, S5: GND}\nsmu: {F1: 4, F2: 3, H1: 2, H2: 1}",
			"S4: H2}\nsmu: {F1: 4, F2: 3, H2: 1}", "no switch leads to H1"},
		{"no source for a bus", ", H2: 1}", "}", "no channel drives H2"},
		{"SMU twice", "F2: 3", "F2: 4", "channel 4 drives both F1 and F2"},
		{"channel 0", "F2: 3", "F2: 0", "channel 0 does not exist"},
		{"negative channel", "F2: 3", "F2: -3", "channel -3 does not exist"},
		{"source on an unknown bus", "F2: 3", "F2: 3, F9: 5", `"F9"`},
		{"a word for a channel", "F2: 3", "F2: ground", `"ground" is none of a channel's number, gnd, open`},
		{"the row on ground", "F1: 4", "F1: gnd", "F1 must be on a channel"},
		{"lines beside a board", "buses:", "lines: {rows: [1]}\nbuses:", "lines is for an array without a switch board"},
	} {
		if !strings.Contains(smallMap, c.old) {
			t.Fatalf("%s: %q is not in the map", c.name, c.old)
		}
		_, err := array.LoadWiring(strings.NewReader(strings.Replace(smallMap, c.old, c.new, 1)), "small.yaml")
		if err == nil {
			t.Errorf("%s: accepted", c.name)
			continue
		}
		if !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "small.yaml") {
			t.Errorf("%s: %q does not say %q and the file", c.name, err, c.says)
		}
	}
}

func TestByHandRefuses(t *testing.T) {
	const good = "array: D\nrows: 1\ncols: 2\nboard: none\nlines: {rows: [1], cols: [gnd, open]}\n"
	w, err := array.LoadWiring(strings.NewReader(good), "good")
	if err != nil || !w.ByHand() || !slices.Equal(w.Channels(), []instrument.Channel{1}) {
		t.Fatal(w, err)
	}
	for _, c := range []struct{ name, old, new, says string }{
		{"too few", "[gnd, open]", "[gnd]", "1 rows and 1 columns are given of 1 and 2"},
		{"no lines", "lines: {rows: [1], cols: [gnd, open]}\n", "", "0 rows and 0 columns"},
		{"channel 0", "[1]", "[0]", "channel 0 does not exist"},
		{"another word", "gnd", "ground", `"ground" is none of`},
		{"another board", "none", "nothing", `"nothing" is neither none nor a board`},
		{"smu", "board", "smu: {F1: 1}\nboard", "no smu"},
		{"no row on a channel", "[1]", "[gnd]", "no row is on a channel"},
		{"unknown key", "{rows", "{lows: [1], rows", "lows"},
	} {
		_, err := array.LoadWiring(strings.NewReader(strings.Replace(good, c.old, c.new, 1)), "map.yaml")
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "map.yaml") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// In every setting each line is on at most one bus, exactly one row is on F1
// and one column on F2.
func TestSelectNeverShorts(t *testing.T) {
	w := loadShipped(t, "array-a.yaml")
	rapid.Check(t, func(t *rapid.T) {
		cell := array.Cell{Row: rapid.IntRange(0, w.Rows-1).Draw(t, "row"), Col: rapid.IntRange(0, w.Cols-1).Draw(t, "col")}
		float := rapid.Bool().Draw(t, "float")
		into := slices.Repeat([]instrument.Switches{0xff}, w.Lines()) // whatever was there before
		w.Select(into, array.Selection{Rows: array.LinesOf(cell.Row), Cols: array.LinesOf(cell.Col), OthersFloat: float})
		count := make(map[instrument.Switches]int)
		for _, s := range into {
			if s&(s-1) != 0 {
				t.Fatalf("%v: two buses on a line: %v", cell, into)
			}
			count[s]++
		}
		others := map[instrument.Switches]int{w.Switch[array.BusOtherRows]: w.Rows - 1,
			w.Switch[array.BusOtherCols]: w.Cols - 1}
		if float {
			others = map[instrument.Switches]int{0: w.Lines() - 2}
		}
		for s, n := range others {
			if count[s] != n {
				t.Fatalf("%v: %d lines on %08b", cell, count[s], s)
			}
		}
		if into[w.RowChip[cell.Row]] != w.Switch[array.BusForce1] || into[w.ColChip[cell.Col]] != w.Switch[array.BusForce2] {
			t.Fatalf("%v: %v", cell, into)
		}
	})
}

// loadShippedOnce is for property tests, which need the map many times.
var loadShippedOnce = sync.OnceValue(func() *array.Wiring {
	f, err := hwdocs.FS.Open("wiring/array-a.yaml")
	if err != nil {
		panic(err)
	}
	defer f.Close()
	w, err := array.LoadWiring(f, "array-a.yaml")
	if err != nil {
		panic(err)
	}
	return w
})

package array_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"xlab/instrument"
	"xlab/instrument/array"
)

// bareBench is an ohmic array on ideal wires behind whatever a wiring map says, and an
// analyzer that solves it. It reads the map's text by itself, as little as it needs.
type bareBench struct {
	rows, cols int
	g          []float64      // S
	feed       map[string]int // of lines r0, c1 or of buses; 0 = ground, -1 = nothing
	byHand     bool
	closed     []instrument.Switches
	volts      []float64 // of all lines in the last step: rows, columns; NaN = floating
}

func (b *bareBench) Lines() int { return b.rows + b.cols }

func (b *bareBench) Route(_ context.Context, lines []instrument.Switches) error {
	b.closed = slices.Clone(lines)
	return nil
}

// on is what line i, rows first, is on.
func (b *bareBench) on(i int) int {
	if b.byHand {
		if i < b.rows {
			return b.feed[fmt.Sprintf("r%d", i)]
		}
		return b.feed[fmt.Sprintf("c%d", i-b.rows)]
	}
	for s, bus := range []string{"F1", "F2", "H1", "H2", "GND"} {
		if b.closed[i] == 1<<s {
			return b.feed[bus]
		}
	}
	return -1
}

// solve gives the potentials of all lines for those of the channels, and the currents out
// of the channels. Channels without a drive are at 0 V, as an analyzer leaves them.
func (b *bareBench) solve(volts map[instrument.Channel]float64) map[instrument.Channel]float64 {
	n := b.rows + b.cols
	free := make([]bool, n)
	v := make([]float64, n)
	for i := range n {
		switch on := b.on(i); {
		case on > 0:
			v[i] = volts[instrument.Channel(on)]
		case on < 0:
			free[i] = true
		}
	}
	node := func(i int) (sum, current float64) {
		for k, g := range b.g {
			r, c := k/b.cols, b.rows+k%b.cols
			if r == i {
				sum, current = sum+g, current+g*v[c]
			} else if c == i {
				sum, current = sum+g, current+g*v[r]
			}
		}
		return sum, current
	}
	for range 20000 {
		moved := 0.0
		for i := range n {
			if free[i] {
				sum, current := node(i)
				moved = math.Max(moved, math.Abs(current/sum-v[i]))
				v[i] = current / sum
			}
		}
		if moved < 1e-15 {
			break
		}
	}
	b.volts = slices.Clone(v)
	amps := make(map[instrument.Channel]float64)
	for i := range n {
		if on := b.on(i); on > 0 {
			sum, current := node(i)
			amps[instrument.Channel(on)] += sum*v[i] - current
		}
		if free[i] {
			b.volts[i] = math.NaN()
		}
	}
	return amps
}

func (b *bareBench) Run(_ context.Context, steps ...instrument.Step) (list []instrument.Result, err error) {
	point := func(source float64, drives []instrument.Drive, measure []instrument.Channel) instrument.Point {
		volts := make(map[instrument.Channel]float64)
		for _, d := range drives {
			if _, twice := volts[d.Channel]; twice {
				err = fmt.Errorf("channel %d is driven twice", d.Channel)
			}
			volts[d.Channel] = float64(d.Voltage)
		}
		amps := b.solve(volts)
		p := instrument.Point{Source: source}
		for _, ch := range measure {
			p.Readings = append(p.Readings, instrument.Reading{Channel: ch, Value: amps[ch]})
		}
		return p
	}
	for _, step := range steps {
		var r instrument.Result
		switch s := step.(type) {
		case instrument.Spot:
			r.Points = append(r.Points, point(0, s.Drives, s.Measure))
		case instrument.Pulse:
			r.Points = append(r.Points, point(0, s.Drives, s.Measure))
		case instrument.Sweep:
			for i := range s.Steps {
				level := s.Start + (s.Stop-s.Start)*float64(i)/float64(s.Steps-1)
				drives := []instrument.Drive{{Channel: s.Source, Voltage: instrument.Volts(level)}}
				for _, f := range s.Follow {
					drives = append(drives, instrument.Drive{Channel: f.Channel, Voltage: instrument.Volts(f.Ratio * level)})
				}
				r.Points = append(r.Points, point(level, drives, s.Measure))
			}
		}
		list = append(list, r)
	}
	return list, err
}

// drawBare draws a bench of any shape, with its map.
func drawBare(t *rapid.T) (*bareBench, string) {
	b := &bareBench{rows: rapid.IntRange(1, 3).Draw(t, "rows"), cols: rapid.IntRange(1, 3).Draw(t, "cols"),
		feed: make(map[string]int), byHand: rapid.Bool().Draw(t, "by hand")}
	for range b.rows * b.cols {
		b.g = append(b.g, rapid.Float64Range(1e-6, 3e-4).Draw(t, "g"))
	}
	channel := 0
	word := func(name string) string {
		switch kind := rapid.IntRange(0, 3).Draw(t, name); {
		case kind < 2:
			if channel == 0 || !b.byHand || rapid.IntRange(0, 5).Draw(t, "own") > 0 {
				channel++
			}
			b.feed[name] = channel
			return fmt.Sprint(channel)
		case kind == 2:
			b.feed[name] = 0
			return "gnd"
		}
		b.feed[name] = -1
		return "open"
	}
	text := fmt.Sprintf("array: T\nrows: %d\ncols: %d\n", b.rows, b.cols)
	if b.byHand {
		var rows, cols []string
		for i := range b.rows {
			rows = append(rows, word(fmt.Sprintf("r%d", i)))
		}
		for i := range b.cols {
			cols = append(cols, word(fmt.Sprintf("c%d", i)))
		}
		return b, text + fmt.Sprintf("board: none\nlines: {rows: [%s], cols: [%s]}\n", strings.Join(rows, ", "),
			strings.Join(cols, ", "))
	}
	ground := ""
	if rapid.Bool().Draw(t, "ground") {
		ground, b.feed["GND"] = ", S5: GND", 0
	}
	text += fmt.Sprintf("board: {name: T, chip: adg1438, chain: [{rows: 0-%d}, {cols: 0-%d}]}\n", b.rows-1, b.cols-1) +
		"buses: {S1: F1, S2: F2, S3: H1, S4: H2" + ground + "}\nsmu: {"
	for _, bus := range []string{"F1", "F2", "H1", "H2"} {
		text += bus + ": " + word(bus) + ", "
	}
	return b, text + "}\n"
}

// On a bench of any shape a step is refused, or it puts the voltage across the device, the
// other lines where its scheme wants them against it, and tells the device's own current.
func TestAnyShape(t *testing.T) {
	performed, refused := make(map[string]int), 0
	rapid.Check(t, func(t *rapid.T) {
		b, text := drawBare(t)
		w, err := array.LoadWiring(strings.NewReader(text), "map.yaml")
		if err != nil {
			return // no row on a source
		}
		var router instrument.Router = b
		if w.ByHand() {
			router = nil
		}
		a, err := array.New(w, b, router, wide)
		if err != nil {
			t.Fatal(err)
		}
		cell := array.Cell{Row: rapid.IntRange(0, b.rows-1).Draw(t, "row"), Col: rapid.IntRange(0, b.cols-1).Draw(t, "col")}
		v := rapid.SampledFrom([]float64{-1.6, -0.3, 0.3, 1.1, 2.2}).Draw(t, "v")
		at := func() (across float64) { return b.volts[cell.Row] - b.volts[b.rows+cell.Col] }
		near := func(got, want float64) bool { return math.Abs(got-want) <= 1e-9*math.Max(1, math.Abs(want)) }

		read := array.Read{Voltage: 0.2, Compliance: 1e-3, Aperture: 1e-3}
		if results, err := a.Do(t.Context(), cell, read); err == nil {
			performed["read"]++
			if g := b.g[cell.Row*b.cols+cell.Col]; !near(at(), 0.2) || !near(1e6*float64(results[0].Conductance()), 1e6*g) {
				t.Fatalf("a read of %s gives %v of %v at %v V\n%s", cell, results[0].Conductance(), g, at(), text)
			}
		} else if refused++; instrument.KindOf(err) != instrument.KindUsage {
			t.Fatalf("%v\n%s", err, text)
		}
		product := array.Multiply{From: rapid.SampledFrom([]array.Side{array.Rows, array.Cols}).Draw(t, "from"),
			Compliance: 1e-3, Aperture: 1e-3}
		inputs, outputs := b.rows, b.cols
		if product.From == array.Cols {
			inputs, outputs = outputs, inputs
		}
		for range inputs {
			product.Voltages = append(product.Voltages,
				rapid.SampledFrom([]instrument.Volts{0, 0.1, -0.1, 0.2}).Draw(t, "input"))
		}
		if results, err := a.Do(t.Context(), array.Whole, product); err == nil {
			performed[string(results[0].How)]++
			for out := range outputs {
				want := 0.0
				for in, v := range product.Voltages {
					k := in*b.cols + out
					if product.From == array.Cols {
						k = out*b.cols + in
					}
					want += b.g[k] * float64(v)
				}
				if got := float64(results[0].Levels[out].Current); !near(1e6*got, 1e6*want) {
					t.Fatalf("%v: output %d gives %v A, want %v\n%s", product, out, got, want, text)
				}
			}
		} else if refused++; instrument.KindOf(err) != instrument.KindUsage {
			t.Fatalf("%v\n%s", err, text)
		}
		for _, s := range array.Schemes() {
			steps := []array.Step{array.Pulse{Voltage: instrument.Volts(v), Width: 1e-3, Scheme: s, Compliance: 1e-3},
				array.Sweep{Kind: instrument.SweepVoltage, Start: v / 2, Stop: v, Steps: 3, Compliance: 1e-3, Return: 1e-3,
					Scheme: s, Aperture: 1e-3}}
			for _, step := range steps {
				results, err := a.Do(t.Context(), cell, step)
				if err != nil {
					if refused++; instrument.KindOf(err) != instrument.KindUsage {
						t.Fatalf("%v\n%s", err, text)
					}
					continue
				}
				performed[string(s)]++
				if !near(at(), v) || !near(float64(results[0].Last().Voltage), v) {
					t.Fatalf("%s of %v V puts %v V across %s and tells %v\n%s", s, v, at(), cell, results[0].Last().Voltage, text)
				}
				f := s.Fractions()
				for i, volts := range b.volts {
					share := f.OtherRows
					if i >= b.rows {
						share = f.OtherCols
					}
					if i == cell.Row || i == b.rows+cell.Col {
						continue
					}
					// Lines that are to be like the column may float where no current goes by them.
					if want := b.volts[b.rows+cell.Col] + (share-f.Col)*v; f.OthersFloat != math.IsNaN(volts) &&
						!(s == array.Grounded && math.IsNaN(volts)) || !math.IsNaN(volts) && !near(volts, want) {
						t.Fatalf("%s of %v V at %s: line %d is at %v V, want %v\n%s", s, v, cell, i, volts, want, text)
					}
				}
			}
		}
	})
	for _, what := range []string{"read", "together", "line by line", "v2", "v3", "floating", "grounded"} {
		if performed[what] == 0 {
			t.Errorf("%s was never performed", what)
		}
	}
	t.Logf("performed: %v, refused: %d", performed, refused)
}

// A scheme that the bench can do, and not with these lines, is not among those that are
// offered instead.
func TestRefusedOnTheseLines(t *testing.T) {
	w, err := array.LoadWiring(strings.NewReader("array: T\nrows: 2\ncols: 2\nboard: none\n"+
		"lines: {rows: [1, gnd], cols: [2, gnd]}\n"), "map.yaml")
	if err != nil {
		t.Fatal(err)
	}
	a, err := array.New(w, nil, nil, instrument.Limits{MaxVoltage: 2, MinVoltage: -2, MaxCurrent: 1e-3, MaxWidth: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.Instructions(array.Cell{}, array.Parallel{Rows: "0", Cols: "0,1", Voltage: 1, Width: 1e-3,
		Scheme: array.HalfVoltage, Compliance: 1e-3})
	const want = "v2 on these lines needs sources on the selected column, which is on ground"
	if err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

// What is said of shapes that are met in laboratories.
func TestShapesGolden(t *testing.T) {
	board := func(rows, cols int, smu string) string {
		return fmt.Sprintf("array: T\nrows: %d\ncols: %d\n"+
			"board: {name: T, chip: adg1438, chain: [{rows: 0-%d}, {cols: 0-%d}]}\n"+
			"buses: {S1: F1, S2: F2, S3: H1, S4: H2}\nsmu: {%s}\n", rows, cols, rows-1, cols-1, smu)
	}
	hand := func(rows, cols int, lines string) string {
		return fmt.Sprintf("array: T\nrows: %d\ncols: %d\nboard: none\nlines: {%s}\n", rows, cols, lines)
	}
	var out strings.Builder
	for _, c := range []struct{ name, text string }{
		{"four sources", board(20, 20, "F1: 1, F2: 2, H1: 3, H2: 4")},
		{"two sources, others on ground", board(20, 20, "F1: 1, F2: 2, H1: gnd, H2: gnd")},
		{"two sources, others open", board(20, 20, "F1: 1, F2: 2, H1: open, H2: open")},
		{"three sources, H1 on ground", board(20, 20, "F1: 1, F2: 2, H1: gnd, H2: 3")},
		{"one source, the rest on ground", board(20, 20, "F1: 1, F2: gnd, H1: gnd, H2: gnd")},
		{"a row on two sources, others on ground", board(1, 8, "F1: 1, F2: 2, H1: gnd, H2: gnd")},
		{"a row on one source", board(1, 8, "F1: 1, F2: gnd, H1: gnd, H2: open")},
		{"one device on two sources", hand(1, 1, "rows: [1], cols: [2]")},
		{"one device on one source", hand(1, 1, "rows: [1], cols: [gnd]")},
		{"2 x 2 on four sources", hand(2, 2, "rows: [1, 2], cols: [3, 4]")},
		{"2 x 2 with the others on ground", hand(2, 2, "rows: [1, gnd], cols: [2, gnd]")},
		{"2 x 2 with the others open", hand(2, 2, "rows: [1, open], cols: [2, open]")},
		{"2 x 2 with the others on one source", hand(2, 2, "rows: [1, 3], cols: [2, 3]")},
		{"a row by hand, one column on a source", hand(1, 4, "rows: [1], cols: [2, gnd, gnd, gnd]")},
	} {
		w, err := array.LoadWiring(strings.NewReader(c.text), c.name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%s: %v\n", c.name, w.Schemes())
		for _, s := range array.Schemes() {
			if err := w.Can(s); err != nil {
				other, _ := w.StandIn(s)
				fmt.Fprintf(&out, "  %v\n    instead: %q\n", err, other)
			}
		}
		if err := w.Reach(array.AllCells(w.Rows, w.Cols)...); err != nil {
			fmt.Fprintf(&out, "  %v\n", err)
		}
		if err := w.Leaks(); err != nil {
			fmt.Fprintf(&out, "  %v\n", err)
		}
	}
	const golden = "testdata/shapes.txt"
	want, err := os.ReadFile(golden)
	if err != nil || out.String() != string(want) {
		t.Errorf("%v; what is said is not what is in %s:\n%s", err, golden, out.String())
	}
}

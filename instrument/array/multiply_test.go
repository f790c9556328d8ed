package array_test

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"xlab/instrument"
	"xlab/instrument/array"
)

// matrix is an ideal array of ohmic devices behind its switches and sources.
type matrix struct {
	w     *array.Wiring
	g     [][]float64 // S
	lines []instrument.Switches
	spots int
}

func (m *matrix) Lines() int { return m.w.Lines() }

func (m *matrix) Route(_ context.Context, lines []instrument.Switches) error {
	m.lines = append(m.lines[:0], lines...)
	return nil
}

func (m *matrix) Run(_ context.Context, steps ...instrument.Step) ([]instrument.Result, error) {
	var results []instrument.Result
	for _, step := range steps {
		m.spots++
		spot := step.(instrument.Spot)
		at := func(chip int) float64 {
			for _, d := range spot.Drives {
				if m.lines[chip] == 1<<(d.Channel-1) {
					return float64(d.Voltage)
				}
			}
			return 0 // on GND
		}
		p := instrument.Point{}
		for _, unit := range spot.Measure {
			out := 0.0 // of the unit
			for r, row := range m.w.RowChip {
				for c, col := range m.w.ColChip {
					i := (at(row) - at(col)) * m.g[r][c]
					if m.lines[row] == 1<<(unit-1) {
						out += i
					}
					if m.lines[col] == 1<<(unit-1) {
						out -= i
					}
				}
			}
			p.Readings = append(p.Readings, instrument.Reading{Channel: unit, Value: out})
		}
		results = append(results, instrument.Result{Points: []instrument.Point{p}, Busy: spot.Aperture})
	}
	return results, nil
}

func newMatrix(t interface{ Fatal(...any) }, text string) (*array.Array, *matrix) {
	w, err := array.LoadWiring(strings.NewReader(text), "small")
	if err != nil {
		t.Fatal(err)
	}
	m := &matrix{w: w}
	for r := range w.Rows {
		m.g = append(m.g, make([]float64, w.Cols))
		for c := range m.g[r] {
			m.g[r][c] = 1e-6 * float64(1+7*r+3*c)
		}
	}
	a, err := array.New(w, m, m, wide)
	if err != nil {
		t.Fatal(err)
	}
	return a, m
}

const threeByTwo = `
array: T
rows: 3
cols: 2
board: {name: t, chip: adg1438, chain: [{rows: 0-2}, {cols: 0-1}]}
buses: {S1: F1, S2: F2, S3: H1, S4: H2, S5: GND}
smu: {F1: 1, F2: 2, H1: 3, H2: 4}
`

// Whatever the inputs, from either side and with or without a way to ground, the
// outputs are the product; how it was come by depends on how many voltages there are.
func TestMultiplyIsTheProduct(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ground := rapid.Bool().Draw(t, "ground")
		from := rapid.SampledFrom([]array.Side{array.Rows, array.Cols}).Draw(t, "from")
		text := threeByTwo
		if !ground {
			text = strings.Replace(text, ", S5: GND", "", 1)
		}
		a, m := newMatrix(t, text)
		inputs, outputs := 3, 2
		if from == array.Cols {
			inputs, outputs = outputs, inputs
		}
		step := array.Multiply{From: from, Compliance: 1e-3, Aperture: 1e-3}
		values, zero := map[instrument.Volts]bool{}, false
		for range inputs {
			v := rapid.SampledFrom([]instrument.Volts{0, 0.1, -0.1, 0.2, 0.35}).Draw(t, "v")
			step.Voltages = append(step.Voltages, v)
			values[v], zero = true, zero || v == 0
		}
		delete(values, 0)
		results, err := a.Do(t.Context(), array.Whole, step)
		if err != nil || len(results) != 1 || len(results[0].Levels) != outputs {
			t.Fatalf("%+v, %v", results, err)
		}
		want := array.Together
		if n := len(values); n > 2 || n == 2 && zero && !ground {
			want = array.LineByLine
		}
		if results[0].How != want || want == array.Together && m.spots != outputs {
			t.Fatalf("%v %s in %d reads, want %s", step.Voltages, results[0].How, m.spots, want)
		}
		for o, level := range results[0].Levels {
			product := 0.0
			for i, v := range step.Voltages {
				row, col := i, o
				if from == array.Cols {
					row, col = col, row
				}
				product += m.g[row][col] * float64(v)
			}
			if math.Abs(float64(level.Current)-product) > 1e-15 {
				t.Fatalf("%v: output %d is %v, want %g", step.Voltages, o, level.Current, product)
			}
		}
	})
}

func TestMultiplyRefuses(t *testing.T) {
	limits := wide
	limits.MinVoltage, limits.MaxCurrent = -0.2, 2e-3
	w, err := array.LoadWiring(strings.NewReader(threeByTwo), "small")
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeBench{lines: w.Lines()}
	a, err := array.New(w, f, f, limits)
	if err != nil {
		t.Fatal(err)
	}
	good := array.Multiply{From: array.Rows, Voltages: []instrument.Volts{0.1, 0, -0.1}, Compliance: 1e-3, Aperture: 1e-3}
	for name, c := range map[string]struct {
		at     array.Cell
		change func(*array.Multiply)
		want   string
	}{
		"on a device":       {array.Cell{}, func(*array.Multiply) {}, "with whole lines"},
		"too few voltages":  {array.Whole, func(m *array.Multiply) { m.Voltages = m.Voltages[1:] }, "3 rows needs as many"},
		"of the other side": {array.Whole, func(m *array.Multiply) { m.From = array.Cols }, "2 cols needs as many"},
		"from nowhere":      {array.Whole, func(m *array.Multiply) { m.From = "" }, "from rows or cols"},
		"stress": {array.Whole, func(m *array.Multiply) { m.Voltages[0] = 0.5 },
			"measures all lines at once"},
		"no number": {array.Whole, func(m *array.Multiply) { m.Voltages[0] = instrument.Volts(math.NaN()) },
			"measures all lines at once"},
		"beyond the limit": {array.Whole, func(m *array.Multiply) { m.Voltages[2] = -0.3 }, "-300 mV"},
		// From the columns it is the devices' other sign.
		"beyond it backwards": {array.Whole, func(m *array.Multiply) {
			m.From, m.Voltages = array.Cols, []instrument.Volts{0.3, 0}
		}, "-300 mV"},
		"compliance":    {array.Whole, func(m *array.Multiply) { m.Compliance = 3e-3 }, "3 mA"},
		"no compliance": {array.Whole, func(m *array.Multiply) { m.Compliance = 0 }, "every drive needs one"},
	} {
		m := good
		m.Voltages = slices.Clone(good.Voltages)
		c.change(&m)
		if _, err := a.Do(t.Context(), c.at, m); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
	if len(f.events) > 0 {
		t.Errorf("the bench saw %v", f.events)
	}
}

// A product is journaled as a read of the whole array.
func TestMultiplyIsRecorded(t *testing.T) {
	a, _ := newMatrix(t, threeByTwo)
	journal := &memory{}
	step := array.Multiply{From: array.Rows, Voltages: []instrument.Volts{0.1, 0, -0.1}, Compliance: 1e-3, Aperture: 1e-3}
	if _, err := array.NewJournaled(a, "T", journal).Do(t.Context(), array.Whole, step); err != nil {
		t.Fatal(err)
	}
	if len(journal.kinds) != 1 || journal.kinds[0] != "event" ||
		!strings.HasPrefix(journal.text[0],
			`{"array":"T","cell":null,"steps":[{"op":"multiply","from":"rows","v":[0.1,0,-0.1]`) {
		t.Errorf("the journal has %v: %s", journal.kinds, journal.text)
	}
	var done struct{ Cell array.Cell }
	if err := json.Unmarshal([]byte(journal.text[0]), &done); err != nil || done.Cell != array.Whole {
		t.Errorf("read as of %v, %v", done.Cell, err)
	}
}

// What devices see follows from what the lines do: with inputs of both signs those of
// both are meant, and those on lines at 0 V are half-selected.
func TestExtent(t *testing.T) {
	on := array.Shape{Rows: 3, Cols: 2, Ground: true}
	pulse, sweep := aPulse(-1.5, array.ThirdVoltage), aCurrentSweep(array.Floating)
	span := func(lowest, highest instrument.Volts) array.Span { return array.Span{Lowest: lowest, Highest: highest} }
	for name, c := range map[string]struct {
		step                   array.Step
		at                     array.Cell
		selected, half, others array.Span
		cells                  int
		current                instrument.Amps
	}{
		"read":  {aRead(), array.Cell{Row: 1}, span(0, 0.1), span(0, 0.1), span(0, 0), 1, 1e-3},
		"pulse": {pulse, array.Cell{Row: 1}, span(-1.5, 0), span(-0.5, 0), span(0, 0.5), 1, 1e-3},
		"sweep": {sweep, array.Cell{Row: 1}, span(0, 3), span(0, 1.5), span(0, 0), 1, 5e-3},
		"parallel": {aParallel(1.2, array.HalfVoltage, "0,1,2", "1"), array.Cell{Col: 1}, span(0, 1.2), span(0, 0.6),
			span(0, 0), 3, 1e-3},
		"multiply": {array.Multiply{From: array.Rows, Voltages: []instrument.Volts{0.1, 0, -0.2}, Compliance: 1e-3},
			array.Whole, span(-0.2, 0.1), span(0, 0), span(0, 0), 4, 1e-3},
	} {
		e, err := array.ExtentOf(c.step, c.at, on)
		near := func(a, b array.Span) bool {
			return math.Abs(float64(a.Lowest-b.Lowest)) < 1e-12 && math.Abs(float64(a.Highest-b.Highest)) < 1e-12
		}
		if err != nil || !near(e.Selected, c.selected) || !near(e.HalfSelected, c.half) || !near(e.Unselected, c.others) ||
			len(e.Cells()) != c.cells || e.Current != c.current {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
}

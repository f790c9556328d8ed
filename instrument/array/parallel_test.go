package array_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"xlab/instrument"
	"xlab/instrument/array"
)

func aParallel(v instrument.Volts, s array.Scheme, rows, cols array.Lines) array.Parallel {
	return array.Parallel{Rows: rows, Cols: cols, Voltage: v, Width: 500e-6, Scheme: s, Compliance: 1e-3}
}

// All lines that are written carry the selected buses, all others the common
// ones, and the sources what a single pulse would need.
func TestParallelSelectsItsLines(t *testing.T) {
	w := loadShipped(t, "array-a.yaml")
	rapid.Check(t, func(t *rapid.T) {
		f := &fakeBench{lines: w.Lines(), g: 50e-6}
		a, err := array.New(w, f, f, wide)
		if err != nil {
			t.Fatal(err)
		}
		line := rapid.IntRange(0, 19)
		rows := rapid.SliceOfNDistinct(line, 1, 20, rapid.ID[int]).Draw(t, "rows")
		cols := rapid.SliceOfNDistinct(line, 1, 20, rapid.ID[int]).Draw(t, "cols")
		cell := array.Cell{Row: line.Draw(t, "row"), Col: rapid.SampledFrom(cols).Draw(t, "col")}
		scheme := rapid.SampledFrom([]array.Scheme{array.HalfVoltage, array.ThirdVoltage}).Draw(t, "scheme")
		step := aParallel(1.2, scheme, array.LinesOf(rows...), array.LinesOf(cols...))
		results, err := a.Do(context.Background(), cell, step)
		if err != nil || len(results) != 1 {
			t.Fatalf("%v, %v", results, err)
		}
		for r, chip := range w.RowChip {
			want := w.Switch[array.BusOtherRows]
			if slices.Contains(rows, r) {
				want = w.Switch[array.BusForce1]
			}
			if f.routed[0][chip] != want {
				t.Fatalf("row %d is on %08b, want %08b", r, f.routed[0][chip], want)
			}
		}
		for c, chip := range w.ColChip {
			want := w.Switch[array.BusOtherCols]
			if slices.Contains(cols, c) {
				want = w.Switch[array.BusForce2]
			}
			if f.routed[0][chip] != want {
				t.Fatalf("column %d is on %08b, want %08b", c, f.routed[0][chip], want)
			}
		}
		if _, err := a.Do(context.Background(), cell, aPulse(1.2, scheme)); err != nil {
			t.Fatal(err)
		}
		parallel, single := f.ran[0][0].(instrument.Pulse), f.ran[1][0].(instrument.Pulse)
		if !slices.Equal(parallel.Drives, single.Drives) || parallel.Width != single.Width {
			t.Fatalf("drives %v, a single pulse has %v", parallel.Drives, single.Drives)
		}
	})
}

// Steps with the same lines go out as one sequence, others need the switches.
func TestParallelSequence(t *testing.T) {
	a, f := newArray(t, wide)
	first, second := aParallel(1, array.HalfVoltage, "1,2", "5"), aParallel(1, array.HalfVoltage, "3", "5")
	if _, err := a.Do(t.Context(), array.Cell{Row: 0, Col: 5}, first, first, second); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(f.events, ", "); got != "route, run 2, route, run 1" {
		t.Errorf("the bench saw: %s", got)
	}
}

func TestParallelRefuses(t *testing.T) {
	limits := wide
	limits.MinVoltage, limits.MaxVoltage, limits.MaxCurrent, limits.MaxWidth = -0.3, 1.5, 2e-3, 1e-3
	a, f := newArray(t, limits)
	good := aParallel(0.6, array.ThirdVoltage, "1,2", "5")
	for name, c := range map[string]struct {
		change func(*array.Parallel)
		want   string
	}{
		"floating":    {func(p *array.Parallel) { p.Scheme = array.Floating }, "needs the scheme v2 or v3"},
		"grounded":    {func(p *array.Parallel) { p.Scheme = array.Grounded }, "needs the scheme v2 or v3"},
		"no scheme":   {func(p *array.Parallel) { p.Scheme = "" }, "needs the scheme v2 or v3"},
		"no row":      {func(p *array.Parallel) { p.Rows = "" }, "selects no row"},
		"no column":   {func(p *array.Parallel) { p.Cols = "" }, "selects no column"},
		"outside":     {func(p *array.Parallel) { p.Rows = "3,20" }, "row 20 is outside 0-19"},
		"order":       {func(p *array.Parallel) { p.Rows = "3,1" }, "ascending order"},
		"no number":   {func(p *array.Parallel) { p.Cols = "a" }, "ascending order"},
		"elsewhere":   {func(p *array.Parallel) { p.Rows, p.Cols = "1", "6" }, "on none of the lines"},
		"voltage":     {func(p *array.Parallel) { p.Voltage = 1.6 }, "voltage 1.6 V is beyond"},
		"unselected":  {func(p *array.Parallel) { p.Voltage = 1.2 }, "unselected devices under v3"},
		"width":       {func(p *array.Parallel) { p.Width = 2e-3 }, "pulse width"},
		"compliance":  {func(p *array.Parallel) { p.Compliance = 3e-3 }, "compliance"},
		"compliance0": {func(p *array.Parallel) { p.Compliance = 0 }, "compliance"},
	} {
		p := good
		c.change(&p)
		if _, err := a.Do(t.Context(), array.Cell{Row: 3, Col: 5}, good, p); err == nil ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
	if len(f.events) > 0 {
		t.Errorf("the bench saw %v", f.events)
	}
}

// A group of steps that is expected on one device does not cover what is done to
// several; such a write has an intent of its own.
func TestParallelIsNotCoveredByADevicesIntent(t *testing.T) {
	a, _ := newArray(t, wide)
	journal := &memory{}
	j := array.NewJournaled(a, "A", journal)
	cell := array.Cell{Row: 1, Col: 5}
	if err := j.Expect(cell, array.Bounds{Steps: 5, MinVoltage: -2, MaxVoltage: 2, MaxCurrent: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Do(t.Context(), cell, aParallel(1, array.HalfVoltage, "1,2", "5")); err != nil {
		t.Fatal(err)
	}
	if want := []string{"intent", "result", "intent", "result"}; !slices.Equal(journal.kinds, want) {
		t.Errorf("the journal has %v, want %v", journal.kinds, want)
	}
	if text := journal.text[2]; !strings.Contains(text, `"op":"parallel","rows":"1,2","cols":"5"`) {
		t.Errorf("the intent is %s", text)
	}
}

// memory is a journal that keeps what it is told.
type memory struct{ kinds, text []string }

func (m *memory) keep(kind string, data any) error {
	b, err := json.Marshal(data)
	m.kinds, m.text = append(m.kinds, kind), append(m.text, string(b))
	return err
}
func (m *memory) Intent(data any) (uint64, error) { return 1, m.keep("intent", data) }
func (m *memory) Part(_ uint64, data any) error   { return m.keep("part", data) }
func (m *memory) Result(_ uint64, data any) error { return m.keep("result", data) }
func (m *memory) Event(_ string, data any) error  { return m.keep("event", data) }

func TestParallelJSON(t *testing.T) {
	var p array.Step = aParallel(-1.3, array.HalfVoltage, array.LinesOf(7, 0, 3, 3), "5")
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	back, err := array.StepKinds().Step(b)
	if err != nil || back != p {
		t.Errorf("%s is read as %+v, %v", b, back, err)
	}
	if !strings.Contains(string(b), `"rows":"0,3,7"`) || !p.Stress() {
		t.Errorf("encoded as %s, stress %t", b, p.Stress())
	}
	for _, text := range []string{`{"op":"parallel","rows":"3,1"}`, `{"op":"parallel","rows":"01"}`,
		`{"op":"parallel","cols":"+1"}`, `{"op":"parallel","rows":3}`} {
		if s, err := array.StepKinds().Step([]byte(text)); err == nil || s != nil {
			t.Errorf("%s: read as %+v, %v", text, s, err)
		}
	}
}

package array_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"xlab/instrument"
	"xlab/instrument/array"
)

var ctx = context.Background()

func TestNewRefusesAnotherBoard(t *testing.T) {
	w := loadShipped(t, "array-a.yaml")
	_, err := array.New(w, nil, &fakeBench{lines: 39}, wide)
	if instrument.KindOf(err) != instrument.KindUsage || !strings.Contains(err.Error(), "39 chips") {
		t.Errorf("got %v", err)
	}
}

// Steps that need the same switches go out together; the switches are set only
// when they have to change.
func TestDoRoutesOnlyWhenNeeded(t *testing.T) {
	read, half, floating := aRead(), aPulse(1, array.HalfVoltage), aPulse(1, array.Floating)
	for _, c := range []struct {
		name string
		do   func(t *testing.T, a *array.Array)
		want string
	}{
		{"nothing", func(t *testing.T, a *array.Array) { do(t, a, array.Cell{}) }, ""},
		{"one group", func(t *testing.T, a *array.Array) {
			do(t, a, array.Cell{}, half, read, aPulse(1, array.ThirdVoltage), aVoltageSweep(array.Grounded), read)
		}, "route, run 5"},
		{"floating in between", func(t *testing.T, a *array.Array) { do(t, a, array.Cell{}, read, floating, floating, read) },
			"route, run 1, route, run 2, route, run 1"},
		{"same device again", func(t *testing.T, a *array.Array) {
			do(t, a, array.Cell{Row: 3, Col: 7}, half, read)
			do(t, a, array.Cell{Row: 3, Col: 7}, read)
		}, "route, run 2, run 1"},
		{"another device", func(t *testing.T, a *array.Array) {
			do(t, a, array.Cell{Row: 3, Col: 7}, read)
			do(t, a, array.Cell{Row: 7, Col: 3}, read)
			do(t, a, array.Cell{Row: 3, Col: 7}, read)
		}, "route, run 1, route, run 1, route, run 1"},
		{"floating stays routed", func(t *testing.T, a *array.Array) {
			do(t, a, array.Cell{}, floating)
			do(t, a, array.Cell{}, aCurrentSweep(array.Floating))
		}, "route, run 1, run 1"},
		{"forgotten", func(t *testing.T, a *array.Array) {
			do(t, a, array.Cell{}, read)
			a.Forget()
			do(t, a, array.Cell{}, read)
		}, "route, run 1, route, run 1"},
		{"instructions touch nothing", func(t *testing.T, a *array.Array) {
			if list, err := a.Instructions(array.Cell{}, half, read); err != nil || len(list) != 2 {
				t.Errorf("%v, %v", list, err)
			}
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, f := newArray(t, wide)
			c.do(t, a)
			if got := strings.Join(f.events, ", "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func do(t *testing.T, a *array.Array, cell array.Cell, steps ...array.Step) []array.Result {
	t.Helper()
	results, err := a.Do(ctx, cell, steps...)
	if err != nil || len(results) != len(steps) {
		t.Fatalf("%d results for %d steps, %v", len(results), len(steps), err)
	}
	return results
}

// After an error nothing is known about the switches, so they are set again.
func TestDoForgetsAfterAnError(t *testing.T) {
	cell := array.Cell{Row: 1, Col: 2}
	t.Run("analyzer", func(t *testing.T) {
		a, f := newArray(t, wide)
		f.runOK = func(n int, _ []instrument.Step) error {
			if n == 1 {
				return errBroken
			}
			return nil
		}
		do(t, a, cell, aRead())
		results, err := a.Do(ctx, cell, aPulse(1, array.HalfVoltage), aRead(), aPulse(1, array.HalfVoltage))
		if !errors.Is(err, errBroken) || !strings.Contains(err.Error(), "r1c2") {
			t.Errorf("got %v", err)
		}
		if len(results) != 2 { // all but the last were confirmed
			t.Errorf("%d results", len(results))
		}
		do(t, a, cell, aRead())
		if got, want := strings.Join(f.events, ", "), "route, run 1, run 3, route, run 1"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
	t.Run("second group", func(t *testing.T) {
		a, f := newArray(t, wide)
		f.runOK = func(n int, _ []instrument.Step) error {
			if n == 1 {
				return errBroken
			}
			return nil
		}
		results, err := a.Do(ctx, cell, aRead(), aPulse(1, array.Floating), aPulse(1, array.Floating), aRead())
		if !errors.Is(err, errBroken) || len(results) != 2 {
			t.Errorf("%d results, %v", len(results), err)
		}
	})
	t.Run("board", func(t *testing.T) {
		a, f := newArray(t, wide)
		f.routeOK = func(n int) error {
			if n == 1 {
				return errBroken
			}
			return nil
		}
		results, err := a.Do(ctx, cell, aRead(), aPulse(1, array.Floating))
		if !errors.Is(err, errBroken) || !strings.Contains(err.Error(), "r1c2") || len(results) != 1 {
			t.Errorf("%d results, %v", len(results), err)
		}
		// The analyzer must not have been started on switches of unknown state.
		if got, want := strings.Join(f.events, ", "), "route, run 1, route"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		do(t, a, cell, aRead())
		if got, want := strings.Join(f.events, ", "), "route, run 1, route, route, run 1"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// An analyzer that gives too few or too many results: none may be taken for
// that of another step.
func TestDoRefusesAWrongNumberOfResults(t *testing.T) {
	for _, c := range []struct {
		name string
		bend func(int, []instrument.Result, error) []instrument.Result
	}{
		{"too few", func(_ int, r []instrument.Result, _ error) []instrument.Result { return r[1:] }},
		{"too many", func(_ int, r []instrument.Result, _ error) []instrument.Result { return append(r, r[0]) }},
		{"none", func(int, []instrument.Result, error) []instrument.Result { return nil }},
	} {
		a, f := newArray(t, wide)
		f.bend = c.bend
		results, err := a.Do(ctx, array.Cell{}, aRead(), aPulse(1, array.HalfVoltage))
		if instrument.KindOf(err) != instrument.KindProtocol || len(results) != 0 {
			t.Errorf("%s: %d results, %v", c.name, len(results), err)
		}
		f.bend = nil
		do(t, a, array.Cell{}, aRead())
		if got := f.events[len(f.events)-2]; got != "route" {
			t.Errorf("%s: the switches were trusted: %v", c.name, f.events)
		}
	}
	// Too many together with an error: the error is the news.
	a, f := newArray(t, wide)
	f.runOK = func(int, []instrument.Step) error { return errBroken }
	f.bend = func(_ int, r []instrument.Result, _ error) []instrument.Result {
		return slices.Repeat([]instrument.Result{{}}, 5)
	}
	if results, err := a.Do(ctx, array.Cell{}, aRead()); !errors.Is(err, errBroken) || len(results) != 0 {
		t.Errorf("%d results, %v", len(results), err)
	}
}

// Every step gives the ohmic device's current in the row-to-column direction
// at the voltage that was asked for, whatever the scheme did to the potentials.
func TestResultsInTheCellsTerms(t *testing.T) {
	near := func(got, want float64) bool { return math.Abs(got-want) <= 1e-12*math.Abs(want) }
	rapid.Check(t, func(t *rapid.T) {
		w := loadShippedOnce()
		f := &fakeBench{lines: w.Lines(), g: rapid.Float64Range(1e-7, 1e-3).Draw(t, "g")}
		a, err := array.New(w, f, f, wide)
		if err != nil {
			t.Fatal(err)
		}
		var steps []array.Step
		for range rapid.IntRange(1, 6).Draw(t, "steps") {
			steps = append(steps, drawStep(t))
		}
		cell := array.Cell{Row: rapid.IntRange(0, 19).Draw(t, "row"), Col: rapid.IntRange(0, 19).Draw(t, "col")}
		results, err := a.Do(ctx, cell, steps...)
		if err != nil || len(results) != len(steps) {
			t.Fatalf("%d results for %d steps, %v", len(results), len(steps), err)
		}
		for i, r := range results {
			var want []float64
			switch s := steps[i].(type) {
			case array.Read:
				want = []float64{float64(s.Voltage)}
			case array.Pulse:
				want = []float64{float64(s.Voltage)}
			case array.Sweep:
				for k := range s.Steps {
					x := s.Start
					if k > 0 {
						x += (s.Stop - s.Start) * float64(k) / float64(s.Steps-1)
					}
					if s.Kind == instrument.SweepCurrent {
						x /= f.g
					}
					want = append(want, x)
				}
			}
			if len(r.Levels) != len(want) || !r.Valid() {
				t.Fatalf("%+v: %d levels, status %d", steps[i], len(r.Levels), r.Status)
			}
			for k, l := range r.Levels {
				if !near(float64(l.Voltage), want[k]) || !near(float64(l.Current), want[k]*f.g) {
					t.Fatalf("%+v, level %d: %v V and %v A, want %v V at %v S", steps[i], k, float64(l.Voltage), float64(l.Current),
						want[k], f.g)
				}
			}
			if last := want[len(want)-1]; last != 0 && !near(float64(r.Conductance()), f.g) {
				t.Fatalf("%+v: conductance %v of %v", steps[i], r.Conductance(), f.g)
			}
		}
		// Every step runs on its own cell, with the other lines as its scheme has them.
		var ran []instrument.Step
		for i, group := range f.ran {
			for _, step := range group {
				open := 0
				for _, switches := range f.ranOn[i] {
					if switches == 0 {
						open++
					}
				}
				if on := f.ranOn[i]; on[w.RowChip[cell.Row]] != 1 || on[w.ColChip[cell.Col]] != 2 || (open == 38) != floats(step) ||
					open != 0 && open != 38 {
					t.Fatalf("%+v of %v ran on %v", step, cell, on)
				}
			}
			ran = append(ran, group...)
		}
		if len(ran) != len(steps) {
			t.Fatalf("%d steps ran", len(ran))
		}
	})
}

// floats tells from the instructions whether nothing drives the other lines.
func floats(step instrument.Step) bool {
	switch s := step.(type) {
	case instrument.Pulse:
		return len(s.Drives) == 2
	case instrument.Sweep:
		return len(s.Drives)+len(s.Follow) == 1
	}
	return false
}

func drawStep(t *rapid.T) array.Step {
	scheme := rapid.SampledFrom(array.Schemes())
	volts := rapid.Float64Range(0.01, 3)
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 0:
		r := aRead()
		r.Voltage = instrument.Volts(rapid.Float64Range(0.01, 0.2).Draw(t, "v"))
		return r
	case 1:
		v := instrument.Volts(volts.Draw(t, "v"))
		if rapid.Bool().Draw(t, "negative") {
			v = -v
		}
		return aPulse(v, scheme.Draw(t, "scheme"))
	case 2:
		s := aVoltageSweep(scheme.Draw(t, "scheme"))
		s.Start, s.Stop = volts.Draw(t, "start"), volts.Draw(t, "stop")
		return s
	default:
		s := aCurrentSweep(rapid.SampledFrom([]array.Scheme{array.Floating, array.Grounded}).Draw(t, "scheme"))
		s.Start, s.Stop = rapid.Float64Range(1e-7, 1e-5).Draw(t, "start"), rapid.Float64Range(1e-7, 1e-5).Draw(t, "stop")
		return s
	}
}

// What reaches the analyzer for each kind of step, written out.
func TestInstructions(t *testing.T) {
	a, _ := newArray(t, wide)
	one := func(step array.Step) instrument.Step {
		t.Helper()
		list, err := a.Instructions(array.Cell{}, step)
		if err != nil || len(list) != 1 {
			t.Fatalf("%v, %v", list, err)
		}
		return list[0]
	}
	read := one(array.Read{Voltage: 0.2, Compliance: 1e-3, Range: 1e-5, Settle: 1e-4, Aperture: 0.02}).(instrument.Spot)
	if !slices.Equal(read.Drives, []instrument.Drive{{Channel: 1, Voltage: 0.2, Compliance: 1e-3},
		{Channel: 2, Voltage: 0, Compliance: 1e-3},
		{Channel: 3, Voltage: 0, Compliance: 1e-3}, {Channel: 4, Voltage: 0, Compliance: 1e-3}}) ||
		!slices.Equal(read.Measure, []instrument.Channel{2}) || read.Range != 1e-5 || read.Settle != 1e-4 ||
		read.Aperture != 0.02 {
		t.Errorf("read: %+v", read)
	}
	half := one(array.Pulse{Voltage: 1, Width: 1e-3, Scheme: array.HalfVoltage, Compliance: 1e-3}).(instrument.Pulse)
	if !slices.Equal(half.Drives, []instrument.Drive{{Channel: 1, Voltage: 0.5, Compliance: 1e-3},
		{Channel: 2, Voltage: -0.5, Compliance: 1e-3},
		{Channel: 3, Voltage: 0, Compliance: 1e-3}, {Channel: 4, Voltage: 0, Compliance: 1e-3}}) ||
		half.Width != 1e-3 || !slices.Equal(half.Measure, []instrument.Channel{2, 1, 3, 4}) {
		t.Errorf("pulse: %+v", half)
	}
	third := one(array.Sweep{Kind: instrument.SweepVoltage, Start: 0.6, Stop: 3, Steps: 5, TwoWay: true, Compliance: 5e-4,
		Return: 5e-3,
		Scheme: array.ThirdVoltage, Delay: 1e-3, Aperture: 2e-3, StopAtCompliance: true}).(instrument.Sweep)
	if third.Source != 1 || third.Start != 0.3 || third.Stop != 1.5 || third.Steps != 5 || !third.TwoWay ||
		!third.StopAtCompliance ||
		third.Compliance != 5e-4 || third.Delay != 1e-3 || third.Aperture != 2e-3 || len(third.Drives) != 0 ||
		!slices.Equal(third.Measure, []instrument.Channel{2, 1, 3, 4}) {
		t.Errorf("voltage sweep: %+v", third)
	}
	// Relative to the row's half: the column mirrors it, the other rows are at
	// minus and the other columns at plus a third of it.
	for i, want := range []instrument.Follow{{Channel: 2, Ratio: -1, Compliance: 5e-3},
		{Channel: 3, Ratio: -1.0 / 3, Compliance: 5e-3}, {Channel: 4, Ratio: 1.0 / 3, Compliance: 5e-3}} {
		if len(third.Follow) != 3 || third.Follow[i].Channel != want.Channel ||
			math.Abs(third.Follow[i].Ratio-want.Ratio) > 1e-15 || third.Follow[i].Compliance != want.Compliance {
			t.Errorf("follows: %+v", third.Follow)
		}
	}
	current := one(aCurrentSweep(array.Grounded)).(instrument.Sweep)
	if current.Source != 1 || len(current.Follow) != 0 ||
		!slices.Equal(current.Measure, []instrument.Channel{1, 2, 3, 4}) ||
		!slices.Equal(current.Drives, []instrument.Drive{{Channel: 2, Compliance: 5e-3}, {Channel: 3, Compliance: 5e-3},
			{Channel: 4, Compliance: 5e-3}}) {
		t.Errorf("current sweep: %+v", current)
	}
	if s := one(aCurrentSweep(array.Floating)).(instrument.Sweep); !slices.Equal(s.Drives,
		[]instrument.Drive{{Channel: 2, Compliance: 5e-3}}) {
		t.Errorf("floating current sweep: %+v", s)
	}
}

// A reading that is missing is no measurement of 0 A.
func TestMissingReadingsAreInvalid(t *testing.T) {
	for _, step := range []array.Step{aRead(), aPulse(1, array.HalfVoltage), aVoltageSweep(array.HalfVoltage),
		aCurrentSweep(array.Floating)} {
		a, f := newArray(t, wide)
		f.bend = func(_ int, results []instrument.Result, _ error) []instrument.Result {
			for _, r := range results {
				p := &r.Points[len(r.Points)-1]
				p.Readings = p.Readings[:len(p.Readings)-1]
			}
			return results
		}
		if r := do(t, a, array.Cell{}, step)[0]; r.Valid() {
			t.Errorf("%+v: %+v is taken for a measurement", step, r)
		}
	}
}

func TestStatusIsTheUnionOfAllReadings(t *testing.T) {
	a, f := newArray(t, wide)
	f.bend = func(_ int, results []instrument.Result, _ error) []instrument.Result {
		results[0].Points[1].Readings[0].Status = instrument.StatusCompliance
		results[0].Points[2].Readings[1].Status = instrument.StatusOtherCompliance
		return results
	}
	r := do(t, a, array.Cell{}, aCurrentSweep(array.Floating))[0]
	if r.Status != instrument.StatusCompliance|instrument.StatusOtherCompliance || !r.InCompliance() || !r.Valid() {
		t.Errorf("status %b", r.Status)
	}
	for _, s := range []instrument.Status{instrument.StatusOverflow, instrument.StatusOscillating,
		instrument.StatusInvalid} {
		if (array.Result{Levels: make([]array.Level, 1), Status: s}).Valid() {
			t.Errorf("status %b is valid", s)
		}
	}
	if (array.Result{}).Valid() || (array.Result{}).Conductance() != 0 || (array.Result{}).Last() != (array.Level{}) {
		t.Error("an empty result is a measurement")
	}
}

package array_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"xlab/instrument"
	"xlab/instrument/array"
)

// leaky is an array of equal devices with something else at its rows.
type leaky struct {
	*fakeBench
	device float64 // S, all devices together
	other  float64 // S, from the rows to ground
	wrong  func([]instrument.Result) []instrument.Result
	spots  []instrument.Spot
}

func (l *leaky) Run(_ context.Context, steps ...instrument.Step) ([]instrument.Result, error) {
	s := steps[0].(instrument.Spot)
	l.spots = append(l.spots, s)
	v := float64(s.Drives[0].Voltage)
	readings := []instrument.Reading{{Channel: s.Measure[0], Value: v * (l.device + l.other)},
		{Channel: s.Measure[1], Value: -v * l.device}}
	results := []instrument.Result{{Points: []instrument.Point{{Readings: readings}}}}
	if l.wrong != nil {
		results = l.wrong(results)
	}
	return results, nil
}

func TestLeakage(t *testing.T) {
	w := loadShipped(t, "array-a.yaml")
	l := &leaky{fakeBench: &fakeBench{lines: w.Lines(), g: 50e-6}, device: 20e-3, other: 5e-6}
	a, err := array.New(w, l, l, wide)
	if err != nil {
		t.Fatal(err)
	}
	m, err := a.Leakage(t.Context(), 20e-3, 5e-3, 20e-3)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(float64(m.Lost)-1e-7) > 1e-12 || math.Abs(float64(m.Conductance())-20.005e-3) > 1e-9 || !m.Valid() {
		t.Errorf("%+v, %v", m, m.Conductance())
	}
	// Every row and every column is on its bus, and nothing is driven but these.
	s := l.spots[0]
	if len(s.Drives) != 2 || s.Drives[0].Channel != instrument.Channel(w.SMU[array.BusOtherRows]) ||
		s.Drives[0].Voltage != 20e-3 ||
		s.Drives[1].Channel != instrument.Channel(w.SMU[array.BusOtherCols]) || s.Drives[1].Voltage != 0 {
		t.Errorf("%+v", s)
	}
	for _, bad := range []struct {
		v instrument.Volts
		i instrument.Amps
	}{{0.5, 1e-3}, {-0.5, 1e-3}, {instrument.Volts(math.NaN()), 1e-3}, {0.02, 1}, {0.02, 0}} {
		if _, err := a.Leakage(t.Context(), bad.v, bad.i, 20e-3); err == nil {
			t.Errorf("%v with %v is measured", bad.v, bad.i)
		}
	}
	if len(l.spots) != 1 {
		t.Errorf("%d spots were sent", len(l.spots))
	}
	l.wrong = func(r []instrument.Result) []instrument.Result {
		r[0].Points[0].Readings[1].Status = instrument.StatusCompliance
		return r
	}
	if m, err := a.Leakage(t.Context(), 20e-3, 5e-3, 20e-3); err != nil || m.Valid() {
		t.Errorf("in compliance: %+v, %v", m, err)
	}
	for name, wrong := range map[string]func([]instrument.Result) []instrument.Result{
		"no result": func([]instrument.Result) []instrument.Result { return nil },
		"no point":  func(r []instrument.Result) []instrument.Result { r[0].Points = nil; return r },
		"one reading": func(r []instrument.Result) []instrument.Result {
			r[0].Points[0].Readings = r[0].Points[0].Readings[:1]
			return r
		},
	} {
		l.wrong = wrong
		if _, err := a.Leakage(t.Context(), 20e-3, 5e-3, 20e-3); instrument.KindOf(err) != instrument.KindProtocol {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNotBegun(t *testing.T) {
	a, f := newArray(t, wide)
	gone := &instrument.Error{Op: "bus", Kind: instrument.KindUnreachable, Err: errors.New("pulled")}
	f.routeOK = func(int) error { return gone }
	if _, err := a.Do(t.Context(), array.Cell{}, aPulse(1, array.HalfVoltage)); !errors.Is(err, array.ErrNotBegun) ||
		!errors.Is(err, gone) {
		t.Errorf("a routing that failed: %v", err)
	}
	f.routeOK = nil
	for err, want := range map[error]bool{
		gone: false,
		&instrument.Error{Op: "bus", Kind: instrument.KindTimeout, Err: instrument.ErrNotSent}: true,
	} {
		f.runOK = func(int, []instrument.Step) error { return err }
		if _, got := a.Do(t.Context(), array.Cell{}, aPulse(1, array.HalfVoltage)); errors.Is(got,
			array.ErrNotBegun) != want || instrument.KindOf(got) != instrument.KindOf(err) {
			t.Errorf("%v became %v", err, got)
		}
	}
	if array.NotBegun(nil) != nil {
		t.Error("no error is one")
	}
}

package array_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"xlab/instrument"
	"xlab/instrument/array"
)

// fakeBench is a switch board and an analyzer with one ohmic device between
// the units 1 (row) and 2 (column). It notes in which order what arrives.
type fakeBench struct {
	lines   int
	g       float64 // S
	events  []string
	routed  [][]instrument.Switches
	ran     [][]instrument.Step
	ranOn   [][]instrument.Switches                                                 // how each sequence found the switches
	routeOK func(n int) error                                                       // of the n-th routing, from 0
	runOK   func(n int, steps []instrument.Step) error                              // of the n-th sequence, from 0
	bend    func(n int, results []instrument.Result, err error) []instrument.Result // falsifies an answer
}

var errBroken = errors.New("broken on purpose")

func (f *fakeBench) Lines() int { return f.lines }

func (f *fakeBench) Route(_ context.Context, lines []instrument.Switches) error {
	f.events = append(f.events, "route")
	f.routed = append(f.routed, slices.Clone(lines))
	if f.routeOK != nil {
		return f.routeOK(len(f.routed) - 1)
	}
	return nil
}

func (f *fakeBench) Run(_ context.Context, steps ...instrument.Step) ([]instrument.Result, error) {
	n := len(f.ran)
	f.events = append(f.events, fmt.Sprintf("run %d", len(steps)))
	f.ran = append(f.ran, slices.Clone(steps))
	f.ranOn = append(f.ranOn, f.routed[len(f.routed)-1])
	var err error
	if f.runOK != nil {
		err = f.runOK(n, steps)
	}
	var results []instrument.Result
	for i, step := range steps {
		if err != nil && i == len(steps)-1 {
			break // all but the last were confirmed
		}
		results = append(results, f.perform(step))
	}
	if f.bend != nil {
		results = f.bend(n, results, err)
	}
	return results, err
}

func (f *fakeBench) perform(step instrument.Step) instrument.Result {
	potential := func(drives []instrument.Drive, ch instrument.Channel) float64 {
		for _, d := range drives {
			if d.Channel == ch {
				return float64(d.Voltage)
			}
		}
		return math.NaN()
	}
	point := func(source, row, col float64, measure []instrument.Channel, forced bool) instrument.Point {
		p := instrument.Point{Source: source}
		for _, ch := range measure {
			r := instrument.Reading{Channel: ch, Value: (col - row) * f.g}
			if ch == 1 {
				r.Value = -r.Value
				if forced {
					r.Value = row
				}
			}
			p.Readings = append(p.Readings, r)
		}
		return p
	}
	switch s := step.(type) {
	case instrument.Spot:
		return instrument.Result{Busy: s.Aperture,
			Points: []instrument.Point{point(0, potential(s.Drives, 1), potential(s.Drives, 2), s.Measure, false)}}
	case instrument.Pulse:
		return instrument.Result{Busy: s.Width,
			Points: []instrument.Point{point(0, potential(s.Drives, 1), potential(s.Drives, 2), s.Measure, false)}}
	case instrument.Sweep:
		var r instrument.Result
		for i := range s.Steps {
			level := s.Start
			if i > 0 {
				level += (s.Stop - s.Start) * float64(i) / float64(s.Steps-1)
			}
			r.Busy += s.Delay + s.Aperture
			if s.Kind == instrument.SweepCurrent {
				col := potential(s.Drives, 2)
				r.Points = append(r.Points, point(level, col+level/f.g, col, s.Measure, true))
				continue
			}
			col := 0.0
			for _, follow := range s.Follow {
				if follow.Channel == 2 {
					col = follow.Ratio * level
				}
			}
			r.Points = append(r.Points, point(level, level, col, s.Measure, false))
		}
		return r
	}
	return instrument.Result{}
}

// wide are limits that the tests which are not about limits stay within.
var wide = instrument.Limits{MinVoltage: -5, MaxVoltage: 5, MaxSpan: 10, MaxCurrent: 0.1, MaxWidth: 1, Origin: "test"}

func newArray(t testing.TB, limits instrument.Limits) (*array.Array, *fakeBench) {
	t.Helper()
	w := loadShipped(t, "array-a.yaml")
	f := &fakeBench{lines: w.Lines(), g: 50e-6}
	a, err := array.New(w, f, f, limits)
	if err != nil {
		t.Fatal(err)
	}
	return a, f
}

func aRead() array.Read { return array.Read{Voltage: 0.1, Compliance: 1e-3, Aperture: 20e-3} }

func aPulse(v instrument.Volts, s array.Scheme) array.Pulse {
	return array.Pulse{Voltage: v, Width: 500e-6, Scheme: s, Compliance: 1e-3}
}

func aVoltageSweep(s array.Scheme) array.Sweep {
	return array.Sweep{Kind: instrument.SweepVoltage, Start: 0.5, Stop: 2, Steps: 4, Compliance: 5e-4, Return: 5e-3,
		Scheme: s, Delay: 1e-3, Aperture: 1e-3}
}

func aCurrentSweep(s array.Scheme) array.Sweep {
	return array.Sweep{Kind: instrument.SweepCurrent, Start: 1e-6, Stop: 1e-5, Steps: 4, Compliance: 3, Return: 5e-3,
		Scheme: s, Delay: 1e-3, Aperture: 1e-3}
}

package array_test

import (
	"slices"
	"strings"
	"testing"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/instrument/profile"
)

// limits makes units of the fake bench be at their compliance in steps of at least
// so many readings: those that do not measure them know no more than the column.
func limits(f *fakeBench, from map[instrument.Channel]float64) {
	f.bend = func(n int, results []instrument.Result, _ error) []instrument.Result {
		for i, r := range results {
			for j, p := range r.Points {
				level := p.Source
				if spot, is := f.ran[n][i].(instrument.Spot); is {
					level = float64(spot.Drives[0].Voltage)
				}
				for k, reading := range p.Readings {
					for unit, v := range from {
						switch {
						case level < v:
						case unit == reading.Channel:
							p.Readings[k].Status |= instrument.StatusCompliance
						default:
							p.Readings[k].Status |= instrument.StatusOtherCompliance
						}
					}
				}
				results[i].Points[j] = p
			}
		}
		return results
	}
}

// A read measures the column alone, a sweep all sources: both name those that were
// at their compliance, and say from where on and what they would need.
func TestLimitedSourcesAreNamed(t *testing.T) {
	a, f := newArray(t, wide)
	limits(f, map[instrument.Channel]float64{4: 0.1})
	r := do(t, a, array.Cell{}, array.Read{Voltage: 0.2, Compliance: 1e-3, Aperture: 0.02})[0]
	if len(r.Unheld()) != 1 || len(r.Limited) != 1 || r.Limited[0].Bus != array.BusOtherCols ||
		r.Limited[0].Unit != 4 || !(r.Limited[0].Need > 0) {
		t.Errorf("read: %+v", r)
	}
	if spot := f.ran[len(f.ran)-1][0].(instrument.Spot); spot.Drives[0].Voltage > 0.1 {
		t.Errorf("what is needed is measured at %v", spot.Drives[0].Voltage)
	}

	a, f = newArray(t, wide)
	limits(f, map[instrument.Channel]float64{3: 0.8, 1: 1})
	s := aVoltageSweep(array.HalfVoltage)
	r = do(t, a, array.Cell{}, s)[0]
	i := slices.IndexFunc(r.Limited, func(l array.Limited) bool { return l.Bus == array.BusOtherRows })
	if len(r.Limited) != 2 || i < 0 || r.Limited[i].From != 2 || r.Limited[i].Compliance != s.Return || len(f.ran) != 1 {
		t.Fatalf("sweep: %+v in %d exchanges", r.Limited, len(f.ran))
	}
	if list := r.Unheld(); len(list) != 1 || list[0].Bus != array.BusOtherRows {
		t.Errorf("the row's own compliance counts among %v", list)
	}
	for _, text := range []string{"SMU 3 (the other rows)", "5.00 mA", "forming.compliance=", "limits.max_current"} {
		if all := array.Unheld(r.Unheld(), "forming.compliance"); !strings.Contains(all, text) {
			t.Errorf("no %q in %q", text, all)
		}
	}
	// Of the column alone it is known that another source was, and from where on.
	s.ColumnOnly = true
	r = do(t, a, array.Cell{}, s)[0]
	if len(r.Limited) != 1 || r.Limited[0] != (array.Limited{From: 2}) || len(r.Unheld()) != 1 || len(f.ran) != 2 ||
		len(f.ran[1][0].(instrument.Sweep).Measure) != 1 {
		t.Errorf("column only: %+v in %d exchanges", r.Limited, len(f.ran)-1)
	}
	s.StopAtCompliance = true // the row's current is kept
	if r = do(t, a, array.Cell{}, s)[0]; len(r.Limited) != 2 {
		t.Errorf("with the row's current: %+v", r.Limited)
	}
}

// The estimate for a formed array is that of its devices; without lines it is
// their sum by hand.
func TestDemand(t *testing.T) {
	law := &profile.Of(nil).Conduction
	g := make([]float64, 30)
	for k := range g {
		g[k] = 0.5e-6 // ohmic
	}
	d := array.Resistance{}.Demand(law, 5, 6, g, array.ThirdVoltage, 1.5)
	for bus, want := range map[array.Bus]float64{array.BusForce1: 5, array.BusForce2: 4, array.BusOtherRows: 20 - 4,
		array.BusOtherCols: 20 - 5} {
		if got := float64(d[bus]) / 0.25e-6; got < 0.99*want || got > 1.01*want {
			t.Errorf("%s gives %.3g devices' current, want %g", bus, got, want)
		}
	}
	lines := array.Resistance{Contact: 200, RowSegment: 2, ColSegment: 2}
	for k := range g {
		g[k] = 50e-6
	}
	free := array.Resistance{}.Demand(law, 5, 6, g, array.ThirdVoltage, 1.5)
	behind := lines.Demand(law, 5, 6, g, array.ThirdVoltage, 1.5)
	if bus, most := free.Most(); !(behind[bus] < most) || most < 20*25e-6 {
		t.Errorf("%v without lines, %v with them", free, behind)
	}
	_, most := behind.Most()
	if v := lines.Held(law, 5, 6, g, array.ThirdVoltage, 1.5, 2*most); v != 1.5 {
		t.Errorf("twice what is needed holds up to %v", v)
	}
	if v := lines.Held(law, 5, 6, g, array.ThirdVoltage, 1.5, most/2); v < 0.5 || v > 1.2 {
		t.Errorf("half of what is needed holds up to %v", v)
	}
}

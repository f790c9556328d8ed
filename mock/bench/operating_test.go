package bench_test

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"xlab/mock/bench"
	"xlab/mock/device"
)

// instant is an interval so short that no device changes.
const instant = 1e-9 // s

// Any outputs, any switches, one or two boards that share the units: the
// operating point is the one that the independent dense account finds.
func TestOperatingPoint(t *testing.T) {
	var limited, several, floating, shorted int
	rapid.Check(t, func(rt *rapid.T) {
		d := drawBench(rt)
		b, devices := d.build(t)
		// What was set before must leave nothing behind.
		for range rapid.IntRange(0, 2).Draw(rt, "settings before") {
			d.setOutputs(b, drawUnits(rt))
			b.Sample(instant, nil)
		}
		for i, a := range devices {
			setConductances(t, a, d.arrays[i].g) // with a clean ledger
		}
		d.setOutputs(b, d.units)
		got := b.Sample(instant, nil)
		if err := b.Fault(); err != nil {
			rt.Fatalf("%v\n%s", err, d)
		}
		candidates := d.solve()
		if len(candidates) == 0 {
			rt.Fatalf("the dense account has no solution\n%s", d)
		}
		worst := ""
		for _, want := range candidates {
			if worst = d.compare(got, devices, want); worst == "" {
				break
			}
		}
		if worst != "" {
			rt.Fatalf("%s\n%s", worst, d)
		}
		n := 0
		for _, s := range got {
			if s.InCompliance {
				n++
			}
		}
		limited += min(n, 1)
		if n > 1 {
			several++
		}
		for _, a := range d.arrays {
			for _, set := range a.closed {
				if set == 0 {
					floating++
				}
				if set&(set-1) != 0 {
					shorted++
				}
			}
		}
	})
	// A short run draws too few networks to contain all kinds of them.
	if !testing.Short() && (limited < 20 || several < 5 || floating < 20 || shorted < 20) {
		t.Errorf("not telling: %d cases with compliance, %d with several units, %d floating lines, %d shorted ones", limited,
			several, floating, shorted)
	}
}

// Sources against each other through little more than switches, where changing
// the worst one first goes round in circles.
func TestSourcesThatBoundEachOther(t *testing.T) {
	wires := bench.Wires{RowSegment: 1, ColSegment: 1, Contact: 1, SwitchOn: 1, ReadReference: 0.2}
	pair := []float64{1e-4, 1e-4}
	for _, d := range []*dense{
		{wires, []denseArray{{1, 2, pair, []uint8{toF2 | toH2, allOpen, toF1}}},
			[]bench.Output{volts(-3, 158.46e-6), volts(3, 1.0333e-3), volts(3, 1e-2), amps(-1e-3, 5)}},
		{wires, []denseArray{{1, 2, pair, []uint8{toF1, toF2, toH1}}},
			[]bench.Output{volts(0.367879, 1e-6), volts(3, 74.85e-6), volts(-3, 74.85e-6), {}}},
	} {
		b, devices := d.build(t)
		d.setOutputs(b, d.units)
		got := b.Sample(instant, nil)
		if err := b.Fault(); err != nil {
			t.Fatal(err)
		}
		differs := "the dense account has no solution"
		for _, want := range d.solve() {
			if differs = d.compare(got, devices, want); differs == "" {
				break
			}
		}
		if differs != "" {
			t.Errorf("%s\n%s", differs, d)
		}
	}
}

func drawBench(t *rapid.T) *dense {
	d := &dense{wires: bench.Wires{
		RowSegment: rapid.Float64Range(0.5, 20).Draw(t, "row segment"),
		ColSegment: rapid.Float64Range(0.5, 20).Draw(t, "col segment"),
		Contact:    rapid.Float64Range(0, 500).Draw(t, "contact"), SwitchOn: rapid.Float64Range(1, 50).Draw(t, "switch"),
		ReadReference: 0.2,
	}}
	for range rapid.IntRange(1, 2).Draw(t, "arrays") {
		a := denseArray{rows: rapid.IntRange(1, 3).Draw(t, "rows"), cols: rapid.IntRange(1, 3).Draw(t, "cols")}
		for range a.rows * a.cols {
			a.g = append(a.g, drawLog(t, "g", 1e-6, 1e-4))
		}
		for range a.rows + a.cols {
			set := uint8(0)
			for range rapid.SampledFrom([]int{0, 1, 1, 1, 1, 2}).Draw(t, "closed") {
				set |= 1 << rapid.IntRange(0, 6).Draw(t, "switch")
			}
			a.closed = append(a.closed, set)
		}
		d.arrays = append(d.arrays, a)
	}
	d.units = drawUnits(t)
	return d
}

func drawLog(t *rapid.T, name string, low, high float64) float64 {
	return math.Exp(rapid.Float64Range(math.Log(low), math.Log(high)).Draw(t, name))
}

func drawUnits(t *rapid.T) (units []bench.Output) {
	for range 4 {
		sign := rapid.SampledFrom([]float64{1, -1, 0}).Draw(t, "sign")
		switch rapid.IntRange(0, 3).Draw(t, "mode") {
		case 0:
			units = append(units, bench.Output{})
		case 1, 2:
			units = append(units, volts(sign*drawLog(t, "level", 0.05, 3), drawLog(t, "compliance", 1e-6, 1e-2)))
		default:
			units = append(units, amps(sign*drawLog(t, "level", 1e-7, 1e-3), drawLog(t, "compliance", 0.05, 5)))
		}
	}
	return units
}

func (d *dense) build(t testing.TB) (*bench.Bench, []*device.Array) {
	b, err := bench.New(bench.Config{Units: len(d.units), Wires: d.wires, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	var devices []*device.Array
	for i, a := range d.arrays {
		name := string(rune('A' + i))
		array := attach(t, b, name, linear(t), a.rows, a.cols, seed)
		setConductances(t, array, a.g)
		b.Switch(name, a.closed)
		devices = append(devices, array)
	}
	return b, devices
}

func (d *dense) setOutputs(b *bench.Bench, units []bench.Output) {
	change := make(map[int]bench.Output)
	for u, o := range units {
		change[u+1] = o
	}
	b.SetOutputs(change)
}

// compare says what differs from a solution of the dense account.
func (d *dense) compare(got []bench.Sample, devices []*device.Array, want denseSolution) string {
	near := func(got, want, scale float64) bool { return math.Abs(got-want) <= 1e-6*math.Max(math.Abs(want), scale) }
	flow := 0.0 // the largest current of the bench, which bounds the leak's
	for _, i := range want.amps {
		flow = math.Max(flow, math.Abs(i))
	}
	for u, s := range got {
		if !near(s.Current, want.amps[u], math.Max(flow, 1e-5)) {
			return fmt.Sprintf("unit %d gives %.9g A, want %.9g A", u+1, s.Current, want.amps[u])
		}
		if !near(s.Voltage, want.volts[u], 1) {
			return fmt.Sprintf("unit %d is at %.9g V, want %.9g V", u+1, s.Voltage, want.volts[u])
		}
		if s.InCompliance != want.limited[u] {
			return fmt.Sprintf("unit %d in compliance: %v, want %v", u+1, s.InCompliance, want.limited[u])
		}
	}
	for i, a := range devices {
		for k, v := range deviceVolts(a) {
			if !near(v, want.devices[i][k], 1) {
				return fmt.Sprintf("array %d, device %d has %.9g V, want %.9g V", i, k, v, want.devices[i][k])
			}
		}
	}
	return ""
}

func (d *dense) String() string {
	return fmt.Sprintf("wires %+v\nunits %+v\narrays %+v", d.wires, d.units, d.arrays)
}

package bench_test

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"sync"
	"testing"

	"xlab/mock/bench"
	"xlab/mock/device"
)

func TestVirtualClock(t *testing.T) {
	b, err := bench.New(bench.Config{Units: 2, Wires: bench.DefaultWires(), Meter: bench.DefaultMeter(), Start: 100})
	if err != nil {
		t.Fatal(err)
	}
	b.Hold(0.5)
	b.Sample(0.25, nil)
	b.SetOutputs(map[int]bench.Output{1: volts(1, 1e-3)}) // takes no time
	b.Hold(0)
	b.Hold(-1) // no time passes backwards
	b.Hold(math.NaN())
	if b.Now() != 100.75 || b.Units() != 2 {
		t.Errorf("%v s, %d units", b.Now(), b.Units())
	}
	if o := b.Outputs(); len(o) != 2 || o[0] != volts(1, 1e-3) || o[1] != (bench.Output{}) {
		t.Errorf("%+v", o)
	}
	if b.InterlockOpen() {
		t.Error("the interlock is open")
	}
	if b.OpenInterlock(true); !b.InterlockOpen() {
		t.Error("the interlock is closed")
	}
}

// Time without bias reaches the devices late, and all the same whether it
// came in one piece or in many.
func TestIdleTimeIsNotLost(t *testing.T) {
	var conductances [][]float64
	for _, pieces := range []int{1, 7, 5000} {
		r := newRig(t, 4, 4, bench.DefaultWires())
		formAll(r.devices)
		start := r.devices.Clock()
		before := r.devices.Truth().Conductance
		r.select1(0, 0)
		r.outputs(volts(0, 1e-3), volts(0, 1e-3), volts(0, 1e-3), volts(0, 1e-3))
		for range pieces {
			r.bench.Hold(1e6 / float64(pieces))
		}
		if r.devices.Clock() != start {
			t.Error("the devices were told of each piece")
		}
		a := r.bench.Devices("A") // lets it reach them
		if !near(a.Clock()-start, 1e6, 1e-9) || !near(r.bench.Now(), 1e6, 1e-9) {
			t.Errorf("%d pieces: %v s passed for the devices, %v s on the bench", pieces, a.Clock()-start, r.bench.Now())
		}
		now := a.Truth().Conductance
		drifted := false
		for k := range now {
			drifted = drifted || now[k] != before[k]
		}
		if !drifted {
			t.Errorf("%d pieces: nothing drifted", pieces)
		}
		conductances = append(conductances, now)
	}
	for i := range conductances[1:] {
		for k, g := range conductances[i+1] {
			if !near(g, conductances[0][k], 1e-9) {
				t.Errorf("device %d: %v after many pieces, %v after one", k, g, conductances[0][k])
			}
		}
	}
}

// While one array is under bias, time passes for the other one too.
func TestIdleBesideAStressedArray(t *testing.T) {
	r := newRig(t, 2, 2, bench.DefaultWires())
	other := attach(t, r.bench, "B", device.Default(), 2, 2, seed)
	r.select1(0, 0)
	r.outputs(volts(0.5, 1e-3), volts(-0.5, 1e-3), volts(0, 1e-3), volts(0, 1e-3))
	r.bench.Hold(2e-3)
	r.bench.Sample(1e-3, nil)
	r.bench.Devices("A")
	if r.bench.Devices("B") != other || !near(other.Clock(), 3e-3, 1e-12) || !near(r.devices.Clock(), 3e-3, 1e-12) {
		t.Errorf("the clocks are at %v s and %v s", r.devices.Clock(), other.Clock())
	}
	if e := other.LedgerOf(0); e.Pulses != 0 || e.MaxAbsV != 0 {
		t.Errorf("the unconnected array saw %+v", e)
	}
}

// A read draws its noise at the moment it is made, also after a long time
// without bias that the devices have not been told of yet.
func TestNoiseBelongsToTheMoment(t *testing.T) {
	read := func(touch bool) float64 {
		r := newRig(t, 1, 1, bench.DefaultWires())
		formAll(r.devices)
		r.select1(0, 0)
		r.bench.Hold(12345.678)
		if touch {
			r.bench.Devices("A") // the time reaches the devices now
		}
		r.outputs(volts(0.2, 1e-3), volts(0, 1e-3))
		return r.bench.Sample(20e-3, nil)[0].Current
	}
	if late, early := read(false), read(true); late != early {
		t.Errorf("%v A, or %v A when the time is applied before", late, early)
	}
}

// The same seed and the same calls give the same chip and the same readings.
func TestDeterminism(t *testing.T) {
	run := func(seed uint64, start float64) (readings []bench.Sample, chip []byte) {
		b, err := bench.New(bench.Config{Units: 4, Wires: bench.DefaultWires(), Meter: bench.DefaultMeter(), Seed: seed,
			Start: start})
		if err != nil {
			t.Fatal(err)
		}
		a := attach(t, b, "A", device.Default(), 5, 4, 3)
		formAll(a)
		r := &rig{bench: b, devices: a, rows: 5, cols: 4, wires: bench.DefaultWires()}
		for k := range 20 {
			r.select1(k/4, k%4)
			r.outputs(volts(0.5, 5e-3), volts(-0.5, 5e-3), volts(-0.17, 1e-4), volts(0.17, 5e-3))
			b.Hold(500e-6)
			r.outputs(volts(0.2, 5e-3), volts(0, 5e-3), volts(0, 5e-3), volts(0, 5e-3))
			readings = append(readings, b.Sample(1e-3, nil)...)
		}
		if err := b.Fault(); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(b.Devices("A"))
		if err != nil {
			t.Fatal(err)
		}
		return readings, text
	}
	first, chip := run(1, 0)
	again, same := run(1, 0)
	for i := range first {
		if first[i] != again[i] {
			t.Fatalf("reading %d: %+v, then %+v", i, first[i], again[i])
		}
	}
	if !bytes.Equal(chip, same) {
		t.Error("the chips differ")
	}
	// A later session, and another bench, have other noise of their meters.
	for name, other := range map[string]func() ([]bench.Sample, []byte){
		"another seed":    func() ([]bench.Sample, []byte) { return run(2, 0) },
		"a later session": func() ([]bench.Sample, []byte) { return run(1, 10) },
	} {
		readings, _ := other()
		equal := 0
		for i := range first {
			if readings[i].Current == first[i].Current {
				equal++
			}
		}
		if equal > len(first)/4 {
			t.Errorf("%s: %d of %d readings are the same", name, equal, len(first))
		}
	}
}

// The meters' noise has the spread that is asked for, falls with the square
// root of the aperture, scales with the range, and has no offset.
func TestMeterNoise(t *testing.T) {
	b, err := bench.New(bench.Config{Units: 1, Wires: bench.DefaultWires(),
		Meter: bench.Meter{NoiseOfRange: 2e-5, Reference: 20e-3}, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ aperture, scale, sigma float64 }{
		{20e-3, 1e-4, 2e-9}, {80e-3, 1e-4, 1e-9}, {5e-3, 1e-4, 4e-9}, {20e-3, 1e-6, 2e-11},
		{20e-3, 0, 2e-14}, // the range that fits nothing is the smallest
	} {
		const n = 4000
		sum, squares := 0.0, 0.0
		for range n {
			i := b.Sample(c.aperture, []float64{c.scale})[0].Current
			sum += i
			squares += i * i
		}
		mean, sigma := sum/n, math.Sqrt(squares/n)
		if math.Abs(mean) > 4*c.sigma/math.Sqrt(n) || !near(sigma, c.sigma, 0.05) {
			t.Errorf("%+v: mean %v, sigma %v", c, mean, sigma)
		}
	}
}

// Readings come in steps of the range's resolution, and the range that fits
// follows the current.
func TestMeterResolution(t *testing.T) {
	r := ohmic(t, 1, 1, 1e-5)
	b, err := bench.New(bench.Config{Units: 4, Wires: r.wires, Meter: bench.Meter{Resolution: 1e-4}, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	r.bench = b
	setConductances(t, attach(t, b, "A", linear(t), 1, 1, seed), []float64{1e-5})
	r.select1(0, 0)
	r.outputs(volts(0.123456, 1e-3), volts(0, 1e-3))
	for _, c := range []struct{ scale, step float64 }{{1e-3, 1e-7}, {1e-4, 1e-8}, {0, 1e-9}} {
		i := b.Sample(instant, []float64{c.scale})[0].Current
		if steps := i / c.step; math.Abs(steps-math.Round(steps)) > 1e-6 ||
			!near(i, 0.123456/r.path(1e-5), 0.51*c.step/1.2e-6) {
			t.Errorf("range %v: %v A", c.scale, i)
		}
	}
}

// When the physics fails, nothing passes for a measurement and nothing is
// stressed any more; the first reason is kept.
func TestFault(t *testing.T) {
	r := ohmic(t, 1, 1, 1e-5)
	r.select1(0, 0)
	r.outputs(volts(math.NaN(), 1e-3), volts(0, 1e-3))
	s := r.bench.Sample(1e-3, nil)
	if r.bench.Fault() == nil || !strings.Contains(r.bench.Fault().Error(), "array A") {
		t.Fatalf("fault: %v", r.bench.Fault())
	}
	for u := range s {
		if !math.IsNaN(s[u].Current) || !math.IsNaN(s[u].Voltage) {
			t.Errorf("unit %d shows %+v", u+1, s[u])
		}
	}
	first := r.bench.Fault()
	r.outputs(volts(2, 1e-3), volts(0, 1e-3))
	r.bench.Hold(1e-3)
	if s := r.bench.Sample(1e-3, nil); !math.IsNaN(s[0].Current) || r.bench.Fault() != first {
		t.Errorf("%+v, %v", s[0], r.bench.Fault())
	}
	if !near(r.bench.Now(), 3e-3, 1e-12) {
		t.Errorf("the clock stands at %v s", r.bench.Now())
	}
	if e := r.devices.LedgerOf(0); e.MaxAbsV != 0 {
		t.Errorf("the device saw %v V", e.MaxAbsV)
	}
}

// Do gives one server at a time the bench.
func TestDo(t *testing.T) {
	r := newRig(t, 2, 2, bench.DefaultWires())
	var wait sync.WaitGroup
	for i := range 4 {
		wait.Go(func() {
			for range 50 {
				r.bench.Do(func() {
					r.outputs(volts(0.1*float64(i), 1e-3))
					r.bench.Hold(1e-3)
					r.bench.Sample(1e-3, nil)
				})
			}
		})
	}
	wait.Wait()
	if !near(r.bench.Now(), 0.4, 1e-9) {
		t.Errorf("%v s", r.bench.Now())
	}
}

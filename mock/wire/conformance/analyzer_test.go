package conformance_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"testing"

	analyzer "xlab/driver/b1500"
	"xlab/driver/prologix"
	"xlab/driver/transport"
	"xlab/instrument"
	"xlab/instrument/instrumenttest"
	"xlab/mock/bench"
	box "xlab/mock/wire/b1500"
	adapter "xlab/mock/wire/prologix"
)

// loadOhms is a resistor between the wires of units 1 and 2.
const loadOhms = 50e3

// resistor is a bench with nothing but that resistor and a clock. Both of its
// units force voltages; compliance is the business of the real netlist's tests.
type resistor struct {
	switchBench
	outputs [5]bench.Output // by unit
	open    bool            // interlock
}

func (r *resistor) Units() int          { return 4 }
func (r *resistor) InterlockOpen() bool { return r.open }
func (r *resistor) SetOutputs(change map[int]bench.Output) {
	for unit, o := range change {
		r.outputs[unit] = o
	}
}

func (r *resistor) Sample(aperture float64, _ []float64) []bench.Sample {
	r.Hold(aperture)
	s := make([]bench.Sample, 4)
	for i := range s {
		s[i].Voltage = r.outputs[i+1].Level
	}
	if r.outputs[1].Mode != bench.Off && r.outputs[2].Mode != bench.Off {
		s[0].Current = (s[0].Voltage - s[1].Voltage) / loadOhms
		s[1].Current = -s[0].Current
	}
	return s
}

// levels are what stands at the units.
func (r *resistor) levels() map[instrument.Channel]instrument.Volts {
	out := map[instrument.Channel]instrument.Volts{}
	r.Do(func() {
		for u := 1; u <= 4; u++ {
			out[instrument.Channel(u)] = instrument.Volts(r.outputs[u].Level)
		}
	})
	return out
}

// off tells whether all units are.
func (r *resistor) off() (off bool) {
	r.Do(func() { off = r.outputs == [5]bench.Output{} })
	return off
}

// loadCurrent is what the resistor draws out of a channel.
func loadCurrent(v map[instrument.Channel]instrument.Volts, ch instrument.Channel) instrument.Amps {
	switch ch {
	case 1:
		return instrument.Amps(v[1]-v[2]) / loadOhms
	case 2:
		return instrument.Amps(v[2]-v[1]) / loadOhms
	}
	return 0
}

// counting counts the bytes that reach the simulated side.
type counting struct {
	io.ReadWriteCloser
	n atomic.Int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.ReadWriteCloser.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// source is an analyzer with its driver at one end and the resistor at the
// other, through adapter and bytes.
type source struct {
	bench  *resistor
	box    *box.Analyzer
	driver *analyzer.Device
	sent   *counting
}

var sourceLimits = instrument.Limits{MinVoltage: -2, MaxVoltage: 2, MaxSpan: 3, MaxCurrent: 1e-3, MaxWidth: 1,
	Origin: "test"}

func newSource(t testing.TB, l instrument.Limits, open bool) *source {
	t.Helper()
	load := &resistor{}
	o := box.DefaultOptions()
	o.StrictInterlock, o.StrictTimes = true, true
	simulated, err := box.New(load, o)
	if err != nil {
		t.Fatal(err)
	}
	gpib, err := adapter.New(load, adapter.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	if err := gpib.Attach(17, simulated); err != nil {
		t.Fatal(err)
	}
	near, far := transport.Pipe()
	counted := &counting{ReadWriteCloser: far}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := gpib.Serve(ctx, counted); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("serving: %v", err)
		}
	})
	host, err := prologix.Open(t.Context(), near, prologix.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := host.Close(); err != nil {
			t.Error(err)
		}
		cancel()
		serving.Wait()
	})
	d := analyzer.New(host.Device(17), analyzer.Options{Limits: l, Channels: []instrument.Channel{1, 2, 3, 4}})
	if open {
		if err := d.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return &source{load, simulated, d, counted}
}

func TestAnalyzerSequencer(t *testing.T) {
	instrumenttest.TestSequencer(t, instrumenttest.SequencerFixture{
		Open: func(t *testing.T, l instrument.Limits) instrumenttest.Source {
			r := newSource(t, l, true)
			return instrumenttest.Source{
				Sequencer: r.driver, Safer: r.driver,
				Sent:   func() int { return int(r.sent.n.Load()) },
				Levels: r.bench.levels,
				Stall: func() func() {
					r.bench.Do(func() { r.box.Silence(true) })
					return func() { r.bench.Do(func() { r.box.Silence(false) }) }
				},
			}
		},
		Limits: sourceLimits, Channels: []instrument.Channel{1, 2, 3, 4}, Level: 0.5, Tolerance: 1e-5, Current: loadCurrent,
		Width: 1e-3, Aperture: 20e-3,
	})
}

func TestAnalyzerSafer(t *testing.T) {
	instrumenttest.TestSafer(t, instrumenttest.SaferFixture{Open: func(t *testing.T) instrumenttest.Safed {
		r := newSource(t, sourceLimits, false)
		return instrumenttest.Safed{Safer: r.driver, Disturb: func(t *testing.T) {
			if err := r.driver.Open(t.Context()); err != nil {
				t.Fatal(err)
			}
		}, IsSafe: r.bench.off}
	}})
}

func TestAnalyzerOthers(t *testing.T) {
	instrumenttest.TestIdentifier(t, instrumenttest.IdentifierFixture{Model: "B1500A",
		Open: func(t *testing.T) instrument.Identifier { return newSource(t, sourceLimits, false).driver }})
	instrumenttest.TestClock(t, instrumenttest.ClockFixture{Resolution: 1e-3,
		Open: func(t *testing.T) instrumenttest.Timed {
			r := newSource(t, sourceLimits, true)
			return instrumenttest.Timed{Clock: r.driver, Advance: func(t *testing.T,
				by instrument.Seconds) {
				r.bench.Do(func() { r.bench.Hold(float64(by)) })
			}}
		}})
}

// A sweep that takes longer than the adapter waits for one answer is polled for.
func TestAnalyzerLongSweep(t *testing.T) {
	r := newSource(t, sourceLimits, true)
	sweep := instrument.Sweep{Kind: instrument.SweepVoltage, Source: 1, Stop: 0.5, Steps: 501, Compliance: 1e-3,
		Drives: []instrument.Drive{{Channel: 2, Compliance: 1e-3}}, Measure: []instrument.Channel{1, 2}, Aperture: 20e-3}
	results, err := r.driver.Run(t.Context(), sweep, sweep)
	if err != nil || len(results) != 2 || len(results[1].Points) != 501 {
		t.Fatalf("%d results, %v", len(results), err)
	}
	if last := results[1].Points[500].Readings[0].Value; last != 0.5/loadOhms {
		t.Errorf("last reading %v A, want %v", last, 0.5/loadOhms)
	}
}

// Each fault is an error of its kind, and the analyzer can be used again after.
func TestAnalyzerFaults(t *testing.T) {
	spot := instrument.Spot{Drives: []instrument.Drive{{Channel: 1, Voltage: 0.5, Compliance: 1e-3},
		{Channel: 2, Compliance: 1e-3}, {Channel: 3, Compliance: 1e-3}},
		Measure: []instrument.Channel{1}, Aperture: 1e-3}
	for name, tc := range map[string]struct {
		happens func(*source)
		mend    func(*source)
		kind    instrument.Kind
	}{
		"interlock opened": {func(r *source) { r.bench.open = true }, func(r *source) { r.bench.open = false },
			instrument.KindInterlock},
		"error in the queue":         {func(r *source) { r.box.InjectError(100, 0) }, nil, instrument.KindInstrument},
		"output opened at the panel": {func(r *source) { _ = r.box.OpenOutput(3) }, nil, instrument.KindInstrument},
		"supply lost and back":       {func(r *source) { r.box.PowerCycle() }, nil, instrument.KindInstrument},
	} {
		t.Run(name, func(t *testing.T) {
			r := newSource(t, sourceLimits, true)
			r.bench.Do(func() { tc.happens(r) })
			if _, err := r.driver.Run(t.Context(), spot); instrument.KindOf(err) != tc.kind {
				t.Errorf("%v of kind %q, want %q", err, instrument.KindOf(err), tc.kind)
			}
			if _, err := r.driver.Run(t.Context(), spot); err == nil {
				t.Error("used again without being made safe")
			}
			if tc.mend != nil {
				r.bench.Do(func() { tc.mend(r) })
			}
			if err := r.driver.Open(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := r.driver.Run(t.Context(), spot); err != nil {
				t.Error(err)
			}
		})
	}
}

func BenchmarkAnalyzerPulseRead(b *testing.B) {
	r := newSource(b, sourceLimits, true)
	p := instrument.Pulse{Drives: []instrument.Drive{{Channel: 1, Voltage: 0.6, Compliance: 3e-4},
		{Channel: 2, Voltage: -0.6, Compliance: 3e-4}, {Channel: 3, Compliance: 1e-4}, {Channel: 4, Compliance: 1e-4}},
		Width: 500e-6, Measure: []instrument.Channel{1}, Range: 1e-4}
	s := instrument.Spot{Drives: []instrument.Drive{{Channel: 1, Voltage: 0.2, Compliance: 1e-4},
		{Channel: 2, Compliance: 1e-4}, {Channel: 3, Compliance: 1e-4}, {Channel: 4, Compliance: 1e-4}},
		Measure: []instrument.Channel{2}, Range: 1e-4, Aperture: 20e-3}
	b.ReportAllocs()
	before := r.bench.Now()
	for b.Loop() {
		if _, err := r.driver.Run(b.Context(), p, s); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric((r.bench.Now()-before)/float64(b.N)*1e3, "bench-ms/op")
}

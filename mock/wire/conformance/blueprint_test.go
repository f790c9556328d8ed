package conformance_test

import (
	"bytes"
	"context"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"periph.io/x/conn/v3/physic"

	driver "xlab/driver/adg1438"
	"xlab/driver/blueprint"
	"xlab/driver/buspirate"
	"xlab/driver/transport"
	"xlab/hwdocs"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/instrument/instrumenttest"
	"xlab/mock/bench"
	"xlab/mock/device"
	chips "xlab/mock/wire/adg1438"
	sm1 "xlab/mock/wire/blueprint"
	box "xlab/mock/wire/buspirate"
)

// imaginary is the box that exists only here, with its driver at one end and a
// bench at the other.
type imaginary struct {
	driver *blueprint.Device
	box    *sm1.Server
	sent   *counting
}

func newImaginary(t *testing.T, b sm1.Bench, l instrument.Limits, open bool) *imaginary {
	t.Helper()
	s, err := sm1.New(b)
	if err != nil {
		t.Fatal(err)
	}
	r := &imaginary{box: s, sent: &counting{}}
	conn := serve(t, func(ctx context.Context, rw io.ReadWriteCloser) error {
		r.sent.ReadWriteCloser = rw
		return s.Serve(ctx, r.sent)
	})
	// A short silence is enough to resynchronise within this process.
	link := transport.NewLink(conn, transport.LinkOptions{Name: "SM1", Quiet: 20 * time.Millisecond})
	r.driver = blueprint.New(link, blueprint.Options{Limits: l})
	if open {
		if err := r.driver.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func TestBlueprintSequencer(t *testing.T) {
	instrumenttest.TestSequencer(t, instrumenttest.SequencerFixture{
		Open: func(t *testing.T, l instrument.Limits) instrumenttest.Source {
			load := &resistor{}
			r := newImaginary(t, load, l, true)
			return instrumenttest.Source{
				Sequencer: r.driver, Safer: r.driver,
				Sent:   func() int { return int(r.sent.n.Load()) },
				Levels: load.levels,
				Stall: func() func() {
					load.Do(func() { r.box.Silence(true) })
					return func() { load.Do(func() { r.box.Silence(false) }) }
				},
			}
		},
		Limits: sourceLimits, Channels: []instrument.Channel{1, 2, 3, 4}, Level: 0.5, Tolerance: 1e-6, Current: loadCurrent,
		Width: 500e-6, Aperture: 20e-3, NoSweeps: true,
	})
}

func TestBlueprintOthers(t *testing.T) {
	instrumenttest.TestSafer(t, instrumenttest.SaferFixture{Open: func(t *testing.T) instrumenttest.Safed {
		load := &resistor{}
		d := newImaginary(t, load, sourceLimits, false).driver
		return instrumenttest.Safed{Safer: d, IsSafe: load.off, Disturb: func(t *testing.T) {
			if err := d.Open(t.Context()); err != nil {
				t.Fatal(err)
			}
		}}
	}})
	instrumenttest.TestIdentifier(t, instrumenttest.IdentifierFixture{Model: "SM1",
		Open: func(t *testing.T) instrument.Identifier {
			return newImaginary(t, &resistor{}, sourceLimits, false).driver
		}})
	instrumenttest.TestClock(t, instrumenttest.ClockFixture{Resolution: 1e-6,
		Open: func(t *testing.T) instrumenttest.Timed {
			load := &resistor{}
			return instrumenttest.Timed{Clock: newImaginary(t, load, sourceLimits, true).driver,
				Advance: func(t *testing.T, by instrument.Seconds) {
					load.Do(func() { load.Hold(float64(by)) })
				}}
		}})
}

// Each fault is an error of its kind, found before a pulse is lost, and the box
// can be used again after.
func TestBlueprintFaults(t *testing.T) {
	load := &resistor{}
	r := newImaginary(t, load, sourceLimits, true)
	for name, tc := range map[string]struct {
		happens, mend func()
		kind          instrument.Kind
	}{
		"interlock opened":     {func() { load.open = true }, func() { load.open = false }, instrument.KindInterlock},
		"supply lost and back": {r.box.PowerCycle, func() {}, instrument.KindInstrument},
	} {
		pulse := instrument.Pulse{Drives: []instrument.Drive{{Channel: 1, Voltage: 0.5, Compliance: 1e-3}}, Width: 1e-3}
		for what, use := range map[string]func() error{
			"check": func() error { return r.driver.Check(t.Context()) },
			"pulse": func() error { _, err := r.driver.Run(t.Context(), pulse); return err },
		} {
			if err := use(); err != nil {
				t.Fatalf("%s before: %v", what, err)
			}
			load.Do(tc.happens)
			if err := use(); instrument.KindOf(err) != tc.kind {
				t.Errorf("%s, %s: %v of kind %q, want %q", name, what, err, instrument.KindOf(err), tc.kind)
			}
			if err := use(); instrument.KindOf(err) != instrument.KindUsage {
				t.Errorf("%s, %s: used again without being made safe: %v", name, what, err)
			}
			load.Do(tc.mend)
			if err := r.driver.TakeOver(t.Context()); err != nil {
				t.Error(err)
			}
			if err := r.driver.Open(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A device of the shipped array is read and switched through the box, what it
// conducts is what the chip knows, and a sweep is refused.
func TestBlueprintArray(t *testing.T) {
	b, err := bench.New(bench.Config{Units: 4, Wires: bench.DefaultWires(), Meter: bench.DefaultMeter(), Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	const name = "wiring/array-a.yaml"
	text, err := hwdocs.FS.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	board, err := bench.LoadBoard(bytes.NewReader(text), name, 0.2)
	if err != nil {
		t.Fatal(err)
	}
	devices, err := device.NewArray(device.Default(), board.Rows, board.Cols, 7)
	if err != nil {
		t.Fatal(err)
	}
	cell := array.Cell{Row: 3, Col: 7}
	k := cell.Row*board.Cols + cell.Col
	stress, current := make([]float64, devices.Len()), make([]float64, devices.Len())
	stress[k], current[k] = 2.2, 1e-5
	if formed, _ := devices.Stress(stress, current, 10e-3, 150e-12); formed != k {
		t.Fatalf("device %d is formed, not %d", formed, k)
	}
	stress[k], current[k] = -1.5, -1e-5 // and reset, so that the lines' resistance counts little
	for range 4 {
		devices.Stress(stress, current, 10e-3, 0)
	}
	if err := b.Attach(board, devices); err != nil {
		t.Fatal(err)
	}
	switches, err := chips.New(b, board.Name, board.Chips())
	if err != nil {
		t.Fatal(err)
	}
	pirate, err := box.New(b, switches, box.DefaultTiming())
	if err != nil {
		t.Fatal(err)
	}
	port, err := driver.Connect(buspirate.New(serve(t, pirate.Serve), buspirate.Options{}), physic.MegaHertz)
	if err != nil {
		t.Fatal(err)
	}
	chain := driver.New(port, driver.Options{Chips: board.Chips(), Name: board.Name})
	wiring, err := array.LoadWiring(bytes.NewReader(text), name)
	if err != nil {
		t.Fatal(err)
	}
	limits := instrument.Limits{MinVoltage: -2.5, MaxVoltage: 2.5, MaxSpan: 2.5, MaxCurrent: 1e-3, MaxWidth: 1,
		Origin: "test"}
	r := newImaginary(t, b, limits, true)
	crossbar, err := array.New(wiring, r.driver, chain, limits)
	if err != nil {
		t.Fatal(err)
	}
	if err := chain.Safe(t.Context()); err != nil {
		t.Fatal(err)
	}

	const volts = 0.1
	const lines = 0.1 // of a reading, that the lines' resistance may take
	read := array.Read{Voltage: volts, Compliance: 1e-3, Aperture: 20e-3}
	conductance := func() (measured, known float64) {
		t.Helper()
		results, err := crossbar.Do(t.Context(), cell, read)
		if err != nil || results[0].Status != 0 {
			t.Fatalf("%+v, %v", results, err)
		}
		b.Do(func() { known = b.Devices("A").Conductance(k, volts) })
		return float64(results[0].Levels[0].Current) / volts, known
	}
	before, known := conductance()
	if math.Abs(before/known-1) > lines {
		t.Errorf("%v S are read of %v S", before, known)
	}
	pulse := array.Pulse{Voltage: 1.2, Width: 500e-6, Scheme: array.HalfVoltage, Compliance: 1e-3}
	results, err := crossbar.Do(t.Context(), cell, pulse, pulse)
	if err != nil || len(results) != 2 || len(results[0].Limited) != 0 {
		t.Fatalf("%+v, %v", results, err)
	}
	after, known := conductance()
	if math.Abs(after/known-1) > lines || after < 1.2*before {
		t.Errorf("%v S before, %v S after two pulses, %v S in truth", before, after, known)
	}

	sent := r.sent.n.Load()
	sweep := array.Sweep{Kind: instrument.SweepVoltage, Stop: 1, Steps: 11, Compliance: 1e-3, Return: 1e-3,
		Scheme: array.Grounded, Aperture: 1e-3}
	if _, err := crossbar.Do(t.Context(), cell, sweep); instrument.KindOf(err) != instrument.KindUsage ||
		!strings.Contains(err.Error(), "instrument.Sweep") || r.sent.n.Load() != sent {
		t.Errorf("a sweep: %v, %d bytes sent", err, r.sent.n.Load()-sent)
	}
}

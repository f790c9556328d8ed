package conformance_test

import (
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"periph.io/x/conn/v3/physic"

	driver "xlab/driver/adg1438"
	"xlab/driver/buspirate"
	"xlab/driver/neuron"
	"xlab/driver/transport"
	"xlab/instrument"
	"xlab/instrument/instrumenttest"
	"xlab/mock/bench"
	chips "xlab/mock/wire/adg1438"
	box "xlab/mock/wire/buspirate"
	server "xlab/mock/wire/neuron"
)

// neuronBench is a bench of switches and of neurons that stand at what a test
// says plus what their trims add.
type neuronBench struct {
	switchBench
	volts   [14]float64
	over    [14]int
	codes   [14]int
	seen    int      // changes of the switches up to the last conversion
	played  [][]byte // frames that the switches followed before a conversion
	breakAt int      // conversions until the chain breaks; -1 = never
	cut     func()   // breaks it
}

func (b *neuronBench) Neurons() (hidden, outputs int) { return 10, 4 }

func (b *neuronBench) TrimNeurons(codes []int) { copy(b.codes[:], codes) }

func (b *neuronBench) ConvertNeurons(samples int) []bench.Conversion {
	b.now += float64(samples) * 1.5e-6
	if open := make([]uint8, len(b.closed)); b.changes != b.seen && !slices.Equal(b.closed, open) {
		frame := slices.Clone(b.closed)
		slices.Reverse(frame)
		b.played = append(b.played, frame)
		if b.breakAt--; b.breakAt == 0 {
			b.cut()
		}
	}
	b.seen = b.changes
	r := make([]bench.Conversion, 14)
	for j, v := range b.volts {
		step := 4.0 / 2048
		if j < 10 {
			step *= 0.2
		}
		r[j] = bench.Conversion{Volts: v + step*float64(b.codes[j]), Over: b.over[j]}
	}
	return r
}

// neuronRig is a neuron board's driver and one switch board's, each at its wire,
// with one chain between both boards.
type neuronRig struct {
	bench  *neuronBench
	server *server.Server
	chips  *chips.Chain
	board  *neuron.Board
	chain  *driver.Chain
}

func newNeuronRig(t *testing.T, length int, margin time.Duration) *neuronRig {
	t.Helper()
	b := &neuronBench{switchBench: switchBench{closed: make([]uint8, length)}, breakAt: -1}
	r := &neuronRig{bench: b}
	var err error
	if r.chips, err = chips.New(b, "A", length); err != nil {
		t.Fatal(err)
	}
	if r.server, err = server.New(b, r.chips, server.DefaultOptions("NB-1")); err != nil {
		t.Fatal(err)
	}
	pirate, err := box.New(b, r.chips, box.DefaultTiming())
	if err != nil {
		t.Fatal(err)
	}
	serial := serve(t, r.server.Serve)
	r.board = neuron.New(serial, neuron.Options{Hidden: 10, Outputs: 4, Serial: "NB-1", Average: 4, Margin: margin})
	if err := r.board.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	port := buspirate.New(serve(t, pirate.Serve), buspirate.Options{})
	conn, err := driver.Connect(port, physic.MegaHertz)
	if err != nil {
		t.Fatal(err)
	}
	r.chain = driver.New(conn, driver.Options{Chips: length, Name: "A"})
	if err := r.chain.Safe(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

// serve lets a simulated instrument answer at the far end of a connection, as
// long as the test lasts.
func serve(t *testing.T, answer func(ctx context.Context, rw io.ReadWriteCloser) error) transport.Conn {
	t.Helper()
	host, device := transport.Pipe()
	served := make(chan error, 1)
	go func() { served <- answer(context.Background(), device) }()
	t.Cleanup(func() {
		host.Close()
		if err := <-served; err != nil {
			t.Errorf("server: %v", err)
		}
	})
	return host
}

// see runs f while the bench stands still.
func (r *neuronRig) see(f func()) { r.bench.Do(f) }

// The neuron board has every property that package instrument promises.
func TestNeuronConformance(t *testing.T) {
	instrumenttest.TestNeurons(t, instrumenttest.NeuronsFixture{
		Open: func(t *testing.T) instrumenttest.NeuronBoard {
			r := newNeuronRig(t, 40, 0)
			if err := r.chain.Release(t.Context()); err != nil {
				t.Fatal(err)
			}
			return instrumenttest.NeuronBoard{
				Neurons: r.board,
				Show: func(hidden, outputs []instrument.Volts) {
					r.see(func() {
						for j, v := range append(slices.Clone(hidden), outputs...) {
							r.bench.volts[j] = float64(v)
						}
					})
				},
				OverRange: func(output int) func() {
					r.see(func() { r.bench.over[10+output] = -1 })
					return func() { r.see(func() { r.bench.over[10+output] = 0 }) }
				},
				Stall: func() func() {
					// Whoever has the bench keeps the board from answering.
					hold, held := make(chan struct{}), make(chan struct{})
					go r.see(func() {
						close(held)
						<-hold
					})
					<-held
					return func() { close(hold) }
				},
				Played: func() (played [][]byte) {
					r.see(func() { played = slices.Clone(r.bench.played) })
					return played
				},
				Break: func(after int) func() {
					repair := func() { r.see(func() { r.chips.Repair() }) }
					r.see(func() {
						r.bench.cut = func() {
							if err := r.chips.Break(20, false); err != nil {
								t.Error(err)
							}
						}
						if r.bench.breakAt = after; after == 0 {
							r.bench.cut()
						}
					})
					return repair
				},
			}
		},
		Hidden: 10, Outputs: 4, HiddenTolerance: 1e-6, OutputTolerance: 1e-5, Chips: 40,
		TrimLeft: [2]instrument.Volts{0.4e-3, 2e-3},
	})
}

func TestNeuronIdentity(t *testing.T) {
	instrumenttest.TestIdentifier(t, instrumenttest.IdentifierFixture{Model: "NEURON-10-4",
		Open: func(t *testing.T) instrument.Identifier {
			return newNeuronRig(t, 2, 0).board
		}})
}

// Host and neuron board take turns on one chain: nothing that one of them does is
// a surprise to the other.
func TestOneChainForTwo(t *testing.T) {
	r := newNeuronRig(t, 40, 0)
	ctx := context.Background()
	closed := func() (now []uint8) {
		r.see(func() { now = slices.Clone(r.bench.closed) })
		return now
	}
	lines := make([]instrument.Switches, 40)
	for round := range 3 {
		for i := range lines {
			lines[i] = 1 << ((i + round) % 8)
		}
		if err := r.chain.Route(ctx, lines); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if !slices.Equal(closed(), bytesOf(lines)) {
			t.Fatalf("round %d: the host has routed % x, closed is % x", round, bytesOf(lines), closed())
		}
		frame, err := r.chain.Frame(lines)
		if err != nil {
			t.Fatal(err)
		}
		other := append(slices.Clone(frame[1:]), frame[0])
		if err := r.chain.Release(ctx); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if !slices.Equal(closed(), make([]uint8, 40)) {
			t.Fatalf("round %d: released with % x closed", round, closed())
		}
		played := 0
		r.see(func() { played = len(r.bench.played) })
		if rows, err := r.board.Burst(ctx, [][]byte{frame, other}, round == 1); err != nil || len(rows) != 2 {
			t.Fatalf("round %d: %v, %v", round, rows, err)
		}
		r.see(func() {
			if now := r.bench.played[played:]; len(now) != 2 || !slices.Equal(now[0], frame) || !slices.Equal(now[1], other) {
				t.Errorf("round %d: the board has played % x, given were % x and % x", round, now, frame, other)
			}
		})
		if !slices.Equal(closed(), make([]uint8, 40)) {
			t.Errorf("round %d: after the burst % x are closed", round, closed())
		}
	}
}

// What goes wrong on the line is an error of its own kind, and over when it is
// over.
func TestNeuronFaults(t *testing.T) {
	for name, c := range map[string]struct {
		wrong func(s *server.Server)
		kind  instrument.Kind
	}{
		"garbled":        {func(s *server.Server) { s.Garble(1) }, instrument.KindProtocol},
		"cut off":        {func(s *server.Server) { s.Cut(1) }, instrument.KindTimeout},
		"an error":       {func(s *server.Server) { s.InjectError(-240, "fan") }, instrument.KindInstrument},
		"a broken chain": {func(s *server.Server) { s.InjectError(-240, "switch chain") }, instrument.KindChain},
	} {
		t.Run(name, func(t *testing.T) {
			r := newNeuronRig(t, 2, 200*time.Millisecond)
			r.see(func() { c.wrong(r.server) })
			v, err := r.board.Outputs(t.Context())
			if instrument.KindOf(err) != c.kind || v != nil {
				t.Errorf("%v, %v of kind %q", v, err, instrument.KindOf(err))
			}
			if _, err := r.board.Outputs(t.Context()); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
	t.Run("power lost", func(t *testing.T) {
		r := newNeuronRig(t, 2, 0)
		r.see(func() { r.bench.volts[10] = 0.5; r.server.PowerCycle() })
		if v, err := r.board.Outputs(t.Context()); err != nil || math.Abs(float64(v[0])-0.5) > 1e-6 {
			t.Errorf("%v, %v", v, err)
		}
	})
	t.Run("power lost after trimming", func(t *testing.T) {
		r := newNeuronRig(t, 2, 0)
		if _, _, err := r.board.Trim(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.see(func() { r.server.PowerCycle(); r.server.Garble(1) })
		if _, err := r.board.Outputs(t.Context()); instrument.KindOf(err) != instrument.KindProtocol {
			t.Errorf("garbled: %v", err)
		}
		// The next question finds out, and only then may be measured untrimmed.
		if v, err := r.board.Outputs(t.Context()); instrument.KindOf(err) != instrument.KindInstrument || v != nil ||
			!strings.Contains(err.Error(), "its trims are gone") {
			t.Errorf("%v, %v", v, err)
		}
		if _, _, err := r.board.Trim(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := r.board.Outputs(t.Context()); err != nil {
			t.Error(err)
		}
	})
	t.Run("power lost, line up", func(t *testing.T) {
		r := newNeuronRig(t, 2, 0)
		for _, trim := range []bool{false, true} {
			if trim {
				if _, _, err := r.board.Trim(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if err := r.board.Check(t.Context()); err != nil {
				t.Fatalf("nothing has happened: %v", err)
			}
			r.see(func() { r.server.PowerCycle() })
			if _, err := r.board.Outputs(t.Context()); err != nil {
				t.Errorf("trimmed %v: the line is up: %v", trim, err)
			}
			if err := r.board.Check(t.Context()); !errors.Is(err, instrument.ErrRestarted) ||
				instrument.KindOf(err) != instrument.KindInstrument || neuron.Finding(err) {
				t.Errorf("trimmed %v: %v", trim, err)
			}
			for range 2 { // it is told once, and the mark is set anew
				if err := r.board.Check(t.Context()); err != nil {
					t.Errorf("trimmed %v: told again: %v", trim, err)
				}
			}
		}
	})
	t.Run("resumed after a power cut", func(t *testing.T) {
		r := newNeuronRig(t, 2, 0)
		if _, _, err := r.board.Trim(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := r.board.Resume(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := r.board.Outputs(t.Context()); err != nil {
			t.Errorf("nothing has happened: %v", err)
		}
		r.see(func() { r.server.PowerCycle() })
		if err := r.board.Resume(t.Context()); err != nil {
			t.Fatal(err)
		}
		if v, err := r.board.Outputs(t.Context()); !errors.Is(err, instrument.ErrRestarted) || v != nil {
			t.Errorf("%v, %v", v, err)
		}
		if err := r.board.Reopen(t.Context()); instrument.KindOf(err) != instrument.KindUsage {
			t.Errorf("reopened without knowing how: %v", err)
		}
	})
	t.Run("beyond the trim's reach", func(t *testing.T) {
		r := newNeuronRig(t, 2, 0)
		r.see(func() { r.bench.volts[12] = 5 })
		_, outputs, err := r.board.Trim(t.Context())
		if instrument.KindOf(err) != instrument.KindInstrument || len(outputs) != 4 || outputs[2] < 0.9 ||
			!neuron.Finding(err) {
			t.Errorf("%v, %v", outputs, err)
		}
	})
}

func BenchmarkNeuronOutputs(b *testing.B) {
	far := &neuronBench{switchBench: switchBench{closed: make([]uint8, 2)}, breakAt: -1}
	chain, err := chips.New(far, "A", 2)
	if err != nil {
		b.Fatal(err)
	}
	s, err := server.New(far, chain, server.DefaultOptions("NB-1"))
	if err != nil {
		b.Fatal(err)
	}
	host, device := transport.Pipe()
	go func() { _ = s.Serve(context.Background(), device) }()
	board := neuron.New(host, neuron.Options{Hidden: 10, Outputs: 4})
	defer board.Close()
	if err := board.Open(b.Context()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := board.Outputs(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

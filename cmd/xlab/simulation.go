package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"
	"xlab/driver/transport"
	"xlab/input"
	"xlab/instrument"
	"xlab/lab/config"
	"xlab/mock/bench"
	"xlab/mock/chip"
	"xlab/mock/device"
	"xlab/mock/fault"
	"xlab/mock/wire/adg1438"
	"xlab/mock/wire/b1500"
	"xlab/mock/wire/buspirate"
	"xlab/mock/wire/prologix"
	"xlab/run"
	"xlab/run/lock"
)

// simulation is the simulated bench with its chip and its protocol servers.
type simulation struct {
	file     string
	kept     *chip.File // nil = the chip is in memory only
	held     *lock.Lock // of the chip's file; nil = in memory only
	chip     *chip.Chip
	bench    *bench.Bench
	analyzer *b1500.Analyzer
	adapter  *prologix.Adapter
	boxes    map[string]*buspirate.Server // by board
	chains   map[string]*adg1438.Chain
	neurons  server // nil: the bench has no neuron board

	links  map[server]string // names of the servers' links, for faults
	faults *fault.Engine     // what goes wrong; nil = nothing
	disk   fault.Disk        // under the runs
	ahead  atomic.Int64      // of the computer's clock, ns
	hurry  time.Duration     // the drivers' patience in tests of faults; 0 = session.patience

	// line is put between a server and every connection to it within the
	// process; nil = nothing.
	line func(to server, rw io.ReadWriteCloser) io.ReadWriteCloser

	cancel  context.CancelFunc
	serving sync.WaitGroup
	mu      sync.Mutex
	failure error // first failure of a server
}

// server is a protocol server for one byte stream.
type server interface {
	Serve(ctx context.Context, rw io.ReadWriteCloser) error
}

// simulation makes the simulated bench and says if that took a new chip.
func (a *Lab) simulation(ctx context.Context) (*simulation, error) {
	build := newSimulation
	var held *lock.Lock
	if a.NewBench != nil {
		build = a.NewBench
	} else {
		var err error
		if held, err = a.lockBench(ctx, "working on it"); err != nil {
			return nil, err
		}
	}
	s, made, err := build(a.Config)
	if err != nil {
		return nil, errors.Join(err, held.Release())
	}
	s.held = held
	switch n := s.chip.Recovered; {
	case made:
		fmt.Fprintf(a.Messages, "made a pristine simulated chip with seed %d in %s\n", s.chip.Seed, s.file)
	case n > 0:
		fmt.Fprintf(a.Messages, "the last command on the simulated chip in %s was cut off: the %d things that it still did to "+
			"the devices were recovered\n", s.file, n)
	}
	return s, nil
}

// newSimulation builds the simulated bench of the configuration around the
// chip in its file, which is made when there is none.
func newSimulation(c *config.Config) (s *simulation, made bool, err error) {
	file, err := chip.Open(c.Simulation.Chip)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		made = true
		state, err := newChip(c, c.Simulation.Seed)
		if err != nil {
			return nil, false, err
		}
		// Better now than after an hour: what is done to it has to be kept.
		if file, err = chip.Create(c.Simulation.Chip, state); err != nil {
			return nil, false, keepingError(err)
		}
	case errors.Is(err, chip.ErrOwned):
		return nil, false, keepingError(err)
	case err != nil:
		return nil, false, run.Usage(err)
	}
	s, err = simulate(c, file.Chip(), c.Simulation.Chip)
	if err != nil {
		return nil, made, errors.Join(err, file.Close())
	}
	s.kept = file
	file.Clock(s.bench.Now)
	s.bench.AfterDo(file.Flush)
	return s, made, nil
}

// keepingError says what to do when a chip file cannot be used.
func keepingError(err error) error {
	if errors.Is(err, chip.ErrOwned) {
		return &instrument.Error{Op: "simulated bench", Kind: instrument.KindBusy, Err: err}
	}
	return run.Usage(fmt.Errorf("the simulated chip cannot be kept: %w; simulation.chip names another file", err))
}

// chipIdentity names a simulated chip: another chip in the same file is another
// one.
func chipIdentity(file string, seed uint64) string { return fmt.Sprintf("%s, seed %d", file, seed) }

// chipIdentity names the chip on the bench, so that what is known of another one
// is not taken for it. On hardware only the person at the bench knows.
func chipOnBench(c *config.Config) (string, error) {
	if !c.Simulated() {
		return "", nil
	}
	state, err := chip.Load(c.Simulation.Chip)
	if errors.Is(err, fs.ErrNotExist) {
		return chipIdentity(c.Simulation.Chip, c.Simulation.Seed), nil
	}
	if err != nil {
		return "", err
	}
	return chipIdentity(c.Simulation.Chip, state.Seed), nil
}

// simulate builds the simulated bench around a chip that comes from file, ""
// for one that is in memory only.
func simulate(c *config.Config, state *chip.Chip, file string) (*simulation, error) {
	boards, err := simulatedBoards(c)
	if err != nil {
		return nil, err
	}
	s := &simulation{file: file, chip: state, boxes: make(map[string]*buspirate.Server),
		chains: make(map[string]*adg1438.Chain), links: make(map[server]string)}
	options := b1500.DefaultOptions()
	if options.Slots, err = b1500.ParseSlots(c.Simulation.Slots); err != nil {
		return nil, run.Usage(fmt.Errorf("%s: %w", c.Place("simulation.slots"), err))
	}
	units := 0
	for _, slot := range options.Slots {
		units = max(units, slot.Unit)
	}
	s.bench, err = bench.New(bench.Config{Units: units, Wires: bench.DefaultWires(), Meter: bench.DefaultMeter(),
		Seed: s.chip.Seed, Start: s.chip.Time})
	if err != nil {
		return nil, err
	}
	for i, b := range boards {
		devices := s.chip.Arrays[b.Array]
		if devices == nil {
			return nil, run.Usage(fmt.Errorf("the simulated chip %s has no array %s; `xlab sim chip new` makes one that "+
				"fits the wiring maps", file, b.Array))
		}
		if err := devices.SetTemperature(float64(c.Simulation.Temperature)); err != nil {
			return nil, run.Usage(fmt.Errorf("%s: %w", c.Place("simulation.temperature"), err))
		}
		if err := s.bench.Attach(b, devices); err != nil {
			return nil, run.Usage(fmt.Errorf("%w; `xlab sim chip new` makes a chip that fits the wiring maps, "+
				"and simulation.slots says which units there are", err))
		}
		chain, err := adg1438.New(s.bench, b.Name, b.Chips())
		if err != nil {
			return nil, err
		}
		name := c.Boards[i].Name
		s.chains[name] = chain
		if s.boxes[name], err = buspirate.New(s.bench, chain, buspirate.DefaultTiming()); err != nil {
			return nil, err
		}
		s.links[s.boxes[name]] = "board " + name
	}
	if err := s.attachNeurons(c); err != nil {
		return nil, err
	}
	options.LineFrequency = float64(c.Analyzer.LineFrequency)
	// A bench that must be dead with its cover open, and an analyzer that
	// refuses what a real one would quietly round, find more mistakes.
	options.StrictInterlock, options.StrictTimes = true, true
	if s.analyzer, err = b1500.New(s.bench, options); err != nil {
		return nil, err
	}
	if s.adapter, err = prologix.New(s.bench, prologix.DefaultOptions()); err != nil {
		return nil, err
	}
	s.links[s.adapter] = "analyzer"
	if err := s.adapter.Attach(c.Analyzer.GPIB, s.analyzer); err != nil {
		return nil, err
	}
	return s, s.loadFaults(c)
}

// simulatedBoards reads the wiring maps for the simulated side.
func simulatedBoards(c *config.Config) ([]*bench.Board, error) {
	var boards []*bench.Board
	for _, b := range c.Boards {
		f, name, err := config.OpenWiring(b.Wiring)
		if err != nil {
			return nil, err
		}
		board, err := bench.LoadBoard(f, name, bench.DefaultWires().ReadReference)
		if err != nil {
			return nil, run.Usage(err)
		}
		// Two boards may be wired alike and share a map.
		board.Name, board.Array = b.Name, b.Name
		boards = append(boards, board)
	}
	return boards, nil
}

// newChip makes a pristine chip with the arrays of the wiring maps.
func newChip(c *config.Config, seed uint64) (*chip.Chip, error) {
	technology := device.Default()
	if name := c.Simulation.Technology; name != "" {
		f, err := input.OpenYAML(name)
		if err != nil {
			return nil, run.Usage(fmt.Errorf("%s: %w", c.Place("simulation.technology"), err))
		}
		if technology, err = device.LoadTechnology(f, name); err != nil {
			return nil, run.Usage(err)
		}
	}
	boards, err := simulatedBoards(c)
	if err != nil {
		return nil, err
	}
	var sizes []chip.Size
	for _, b := range boards {
		sizes = append(sizes, chip.Size{Array: b.Array, Rows: b.Rows, Cols: b.Cols})
	}
	return chip.New(technology, seed, sizes)
}

// describe says in words which chip is on the bench.
func (s *simulation) describe() string {
	if s.file == "" {
		return fmt.Sprintf("simulated bench, chip in memory (seed %d)", s.chip.Seed)
	}
	return fmt.Sprintf("simulated bench, chip %s (seed %d)", s.file, s.chip.Seed)
}

// start lets the servers answer until stop.
func (s *simulation) start(ctx context.Context) context.Context {
	ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	return ctx
}

// serve answers on one connection.
func (s *simulation) serve(ctx context.Context, on server, rw io.ReadWriteCloser) {
	s.serving.Go(func() {
		// A server that is told to end has not failed.
		if err := on.Serve(ctx, rw); err != nil && ctx.Err() == nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.failure = errors.Join(s.failure, err)
		}
	})
}

// connect gives the near end of an in-process connection to a server.
func (s *simulation) connect(ctx context.Context, to server) transport.Conn {
	near, far := transport.Pipe()
	rw := s.faulty(to, far)
	if s.line != nil {
		rw = s.line(to, rw)
	}
	s.serve(ctx, to, rw)
	return near
}

// stop ends the servers and keeps the chip's state.
func (s *simulation) stop() error {
	s.cancel()
	s.serving.Wait()
	var err error
	s.bench.Do(func() {
		for name := range s.chip.Arrays {
			s.bench.Devices(name) // lets the time without bias pass
		}
		s.failure = errors.Join(s.failure, s.bench.Fault(), s.faultsFailed())
		s.chip.Time = s.bench.Now()
		if s.kept != nil {
			err = s.kept.Close()
		}
	})
	err = errors.Join(s.failure, err, s.held.Release())
	s.held = nil
	return err
}

package sim

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
	"xlab/instrument"
	"xlab/lab/boxes"
	"xlab/lab/config"
	"xlab/mock/bench"
	"xlab/mock/chip"
	"xlab/mock/device"
	"xlab/mock/fault"
	"xlab/mock/wire/adg1438"
	"xlab/run"
	"xlab/run/lock"
)

// Bench is the simulated bench with its chip and its protocol servers.
type Bench struct {
	File     string
	kept     *chip.File // nil = the chip is in memory only
	Held     *lock.Lock // of the chip's file; nil = in memory only
	Chip     *chip.Chip
	Netlist  *bench.Bench
	Analyzer boxes.Simulated
	Boxes    map[string]boxes.Simulated // by board
	Chains   map[string]*adg1438.Chain
	Neurons  boxes.Server // nil: the bench has no neuron board

	links  map[boxes.Server]string // names of the servers' links, for faults
	Faults *fault.Engine           // what goes wrong; nil = nothing
	disk   fault.Disk              // under the runs
	ahead  atomic.Int64            // of the computer's clock, ns
	Hurry  time.Duration           // the drivers' patience in tests of faults; 0 = session.patience

	// line is put between a server and every connection to it within the
	// process; nil = nothing.
	Line func(to boxes.Server, rw io.ReadWriteCloser) io.ReadWriteCloser

	Cancel  context.CancelFunc
	Serving sync.WaitGroup
	mu      sync.Mutex
	failure error // first failure of a server
}

// Open builds the simulated bench of the configuration around the
// chip in its file, which is made when there is none.
func Open(known *boxes.Registry, c *config.Config) (s *Bench, made bool, err error) {
	file, err := chip.Open(c.Simulation.Chip)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		made = true
		state, err := NewChip(c, c.Simulation.Seed)
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
	s, err = New(known, c, file.Chip(), c.Simulation.Chip)
	if err != nil {
		return nil, made, errors.Join(err, file.Close())
	}
	s.kept = file
	file.Clock(s.Netlist.Now)
	s.Netlist.AfterDo(file.Flush)
	return s, made, nil
}

// keepingError says what to do when a chip file cannot be used.
func keepingError(err error) error {
	if errors.Is(err, chip.ErrOwned) {
		return &instrument.Error{Op: "simulated bench", Kind: instrument.KindBusy, Err: err}
	}
	return run.Usage(fmt.Errorf("the simulated chip cannot be kept: %w; simulation.chip names another file", err))
}

// Identity names a simulated chip: another chip in the same file is another
// one.
func Identity(file string, seed uint64) string { return fmt.Sprintf("%s, seed %d", file, seed) }

// ChipOf names the chip on the bench, so that what is known of another one
// is not taken for it. On hardware only the person at the bench knows.
func ChipOf(c *config.Config) (string, error) {
	if !c.Simulated() {
		return "", nil
	}
	state, err := chip.Load(c.Simulation.Chip)
	if errors.Is(err, fs.ErrNotExist) {
		return Identity(c.Simulation.Chip, c.Simulation.Seed), nil
	}
	if err != nil {
		return "", err
	}
	return Identity(c.Simulation.Chip, state.Seed), nil
}

// New builds the simulated bench around a chip that comes from file, ""
// for one that is in memory only.
func New(known *boxes.Registry, c *config.Config, state *chip.Chip, file string) (*Bench, error) {
	boards, err := simulatedBoards(c)
	if err != nil {
		return nil, err
	}
	s := &Bench{File: file, Chip: state, Boxes: make(map[string]boxes.Simulated),
		Chains: make(map[string]*adg1438.Chain), links: make(map[boxes.Server]string)}
	analyzer, err := known.Analyzer(c)
	if err != nil {
		return nil, err
	}
	units, err := analyzer.Units(c)
	if err != nil {
		return nil, err
	}
	port, _, err := known.Port(config.SimulatedAddress)
	if err != nil {
		return nil, err
	}
	s.Netlist, err = bench.New(bench.Config{Units: units, Wires: bench.DefaultWires(), Meter: bench.DefaultMeter(),
		Seed: s.Chip.Seed, Start: s.Chip.Time})
	if err != nil {
		return nil, err
	}
	for i, b := range boards {
		devices, err := AtTemperature(c, s.Chip, file, b.Array)
		if err != nil {
			return nil, err
		}
		if err := s.Netlist.Attach(b, devices); err != nil {
			return nil, run.Usage(fmt.Errorf("%w; `xlab sim chip new` makes a chip that fits the wiring maps, "+
				"and simulation.slots says which units there are", err))
		}
		if !b.Switched() {
			continue
		}
		chain, err := adg1438.New(s.Netlist, b.Name, b.Chips())
		if err != nil {
			return nil, err
		}
		name := c.Boards[i].Name
		s.Chains[name] = chain
		if s.Boxes[name], err = port.Simulate(s.Netlist, chain); err != nil {
			return nil, err
		}
		s.links[s.Boxes[name]] = "board " + name
	}
	if err := s.attachNeurons(c); err != nil {
		return nil, err
	}
	if s.Analyzer, err = analyzer.Simulate(c, s.Netlist); err != nil {
		return nil, err
	}
	s.links[s.Analyzer] = "analyzer"
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

// NewChip makes a pristine chip with the arrays of the wiring maps.
func NewChip(c *config.Config, seed uint64) (*chip.Chip, error) {
	technology, err := device.OpenTechnology(c.Simulation.Technology)
	if err != nil {
		return nil, run.Usage(fmt.Errorf("%s: %w", c.Place("simulation.technology"), err))
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

// Heat brings an array of the chip to a temperature.
func (s *Bench) Heat(array string, t instrument.Celsius) (err error) {
	s.Netlist.Do(func() {
		if devices := s.Netlist.Devices(array); devices != nil {
			err = devices.SetTemperature(float64(t))
		}
	})
	if err != nil {
		return run.Usage(err) // outside of what the technology is known for
	}
	return nil
}

// Describe says in words which chip is on the bench.
func (s *Bench) Describe() string {
	if s.File == "" {
		return fmt.Sprintf("simulated bench, chip in memory (seed %d)", s.Chip.Seed)
	}
	return fmt.Sprintf("simulated bench, chip %s (seed %d)", s.File, s.Chip.Seed)
}

// Start lets the servers answer until stop.
func (s *Bench) Start(ctx context.Context) context.Context {
	ctx, s.Cancel = context.WithCancel(context.WithoutCancel(ctx))
	return ctx
}

// serve answers on one connection.
func (s *Bench) serve(ctx context.Context, on boxes.Server, rw io.ReadWriteCloser) {
	s.Serving.Go(func() {
		// A server that is told to end has not failed.
		if err := on.Serve(ctx, rw); err != nil && ctx.Err() == nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.failure = errors.Join(s.failure, err)
		}
	})
}

// Connect gives the near end of an in-process connection to a server.
func (s *Bench) Connect(ctx context.Context, to boxes.Server) transport.Conn {
	near, far := transport.Pipe()
	rw := s.Faulty(to, far)
	if s.Line != nil {
		rw = s.Line(to, rw)
	}
	s.serve(ctx, to, rw)
	return near
}

// Stop ends the servers and keeps the chip's state.
func (s *Bench) Stop() error {
	s.Cancel()
	s.Serving.Wait()
	var err error
	s.Netlist.Do(func() {
		for name := range s.Chip.Arrays {
			s.Netlist.Devices(name) // lets the time without bias pass
		}
		s.failure = errors.Join(s.failure, s.Netlist.Fault(), s.faultsFailed())
		s.Chip.Time = s.Netlist.Now()
		if s.kept != nil {
			err = s.kept.Close()
		}
	})
	err = errors.Join(s.failure, err, s.Held.Release())
	s.Held = nil
	return err
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"strings"
	"time"
	"xlab/driver/adg1438"
	"xlab/driver/b1500"
	"xlab/driver/buspirate"
	"xlab/driver/neuron"
	"xlab/driver/prologix"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/lab/config"
	"xlab/lab/sim"
	"xlab/run"
	"xlab/run/guarded"
	"xlab/run/lock"
	"xlab/run/recovery"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
	"periph.io/x/conn/v3/spi/spireg"
	"periph.io/x/host/v3"
)

// session is an open bench: the drivers, and the arrays that were asked for.
type session struct {
	config   *config.Config
	analyzer *b1500.Device
	adapter  *prologix.Adapter // in front of it
	identity instrument.Identity
	boards   map[string]*adg1438.Chain
	wirings  map[string]*array.Wiring // of the arrays that were asked for
	sim      *sim.Bench               // nil on hardware
	closers  []io.Closer              // in the order of opening
	turns    guarded.Turns            // of the arrays
	held     *lock.Lock               // of the instruments; a simulated bench holds its own

	neurons        *neuron.Board // nil: the bench has none
	neuronIdentity instrument.Identity
	neuronLines    *array.NeuronWiring
	classifying    bool         // the board is needed, so that the bench is not back without it
	log            *slog.Logger // of the classifier; nil = silent

	up         *recovery.Ladder // brings the bench back; nil: nobody does
	stoodStill bool             // since the neurons were used last
}

func newSession(c *config.Config, sim *sim.Bench) *session {
	return &session{config: c, sim: sim, boards: make(map[string]*adg1438.Chain),
		wirings: make(map[string]*array.Wiring)}
}

// start lets the simulated bench, if there is one, answer until the session is
// closed.
func (s *session) start(ctx context.Context) context.Context {
	if s.sim == nil {
		return ctx
	}
	return s.sim.Start(ctx)
}

// open connects to the bench for the arrays named. Nothing is stressed: all
// sources are at 0 V and all switches open when it returns. The caller closes
// the session; what was opened before a failure is closed here.
func (a *Opener) open(ctx context.Context, names ...string) (*session, error) {
	if !a.Config.Simulated() {
		return a.openOn(ctx, nil, names...)
	}
	sim, err := a.simulation(ctx)
	if err != nil {
		return nil, err
	}
	return a.openOn(ctx, sim, names...)
}

// openOn is open on a given simulated bench, or on hardware for nil.
func (a *Opener) openOn(ctx context.Context, sim *sim.Bench, names ...string) (s *session, err error) {
	s = newSession(a.Config, sim)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	serving := s.start(ctx)
	if s.sim == nil {
		if s.held, err = a.lockBench(ctx, "working on it"); err != nil {
			return s, err
		}
	}
	run.Steady(ctx)
	// The wiring maps come first: they need no instrument and may be wrong.
	var channels []instrument.Channel
	for _, name := range names {
		b, err := a.Config.Board(name)
		if err != nil {
			return s, err
		}
		w, err := b.LoadWiring()
		if err != nil {
			return s, err
		}
		s.wirings[b.Name] = w
		channels = mergeChannels(channels, w.Channels())
	}
	// All boards, not only those asked for: they hang on the same sources, and a
	// switch that another run left closed would take the pulses.
	lines := make(map[string]int)
	for _, b := range a.Config.Boards {
		w := s.wirings[b.Name]
		if w == nil {
			if w, err = b.LoadWiring(); err != nil {
				return s, err
			}
		}
		lines[b.Name] = w.Lines()
	}
	var faults []error
	s.takeOver(ctx, serving, a, channels, lines, func(_ string, err error) { faults = append(faults, err) })
	if err := errors.Join(faults...); err != nil {
		return s, err
	}
	if err := s.openAnalyzer(ctx); err != nil {
		return s, err
	}
	for name, w := range s.wirings {
		bar, err := array.New(w, s.analyzer, s.boards[name], a.Config.DeviceLimits())
		if err != nil {
			return s, err
		}
		s.turns.Add(name, bar, s.boards[name])
	}
	return s, nil
}

// takeOver connects to all instruments, of which nothing is known: another
// process may have been killed with voltage on a device. The sources are switched
// off before a switch is touched, see hwdocs/safety.md. lines is the length of each
// board's chain. failed is told of every instrument that could not be taken over,
// which is then not among the session's.
//
// An analyzer that cannot be reached does not keep the switches closed. Another
// instrument in its place ends it: this bench is not the one that is configured.
// So does one that somebody else has.
func (s *session) takeOver(ctx, serving context.Context, a *Opener, channels []instrument.Channel, lines map[string]int,
	failed func(name string, err error)) {
	err := s.takeOverAnalyzer(ctx, serving, a, channels)
	if err != nil {
		failed("analyzer", err)
	}
	if kind := instrument.KindOf(err); ctx.Err() != nil || kind == instrument.KindIdentity || kind == instrument.KindBusy {
		return
	}
	for _, b := range s.config.Boards {
		if err := s.openBoard(ctx, serving, a, b, lines[b.Name]); err != nil {
			delete(s.boards, b.Name)
			failed("switch board "+b.Name, err)
		}
	}
	if err := s.openNeurons(ctx, serving, a); err != nil {
		failed("neuron board", err)
	}
}

// takeOverAnalyzer leaves the session without an analyzer where it fails.
func (s *session) takeOverAnalyzer(ctx, serving context.Context, a *Opener, channels []instrument.Channel) error {
	c := s.config
	conn, reopen, err := s.connect(ctx, serving, c.Analyzer.Address, func() sim.Server { return s.sim.Adapter })
	if err != nil {
		return fmt.Errorf("%s: %w", c.Place("analyzer.address"), err)
	}
	s.closers = append(s.closers, conn)
	adapter, err := prologix.Open(ctx, conn, prologix.Options{Logger: a.Log, AnswerTimeout: s.answerTimeout(),
		ReadTimeout: s.readTimeout(), Reopen: reopen})
	if err != nil {
		return fmt.Errorf("%s: %w", c.Place("analyzer.address"), err)
	}
	s.closers = append(s.closers, adapter) // whatever its connection is by then
	analyzer := b1500.New(adapter.Device(c.Analyzer.GPIB), b1500.Options{
		Limits: c.SourceLimits(), Channels: channels, LineFrequency: float64(c.Analyzer.LineFrequency),
		FixedRanges: c.Analyzer.FixedRanges, Margin: s.patience(), Hello: s.answerTimeout(), ReadTimeout: s.readTimeout(),
		Claim: s.lockIdentity, Retries: c.Recovery.Retries, Logger: a.Log})
	if err := analyzer.TakeOver(ctx); err != nil {
		return fmt.Errorf("%s: %w", c.Place("analyzer"), err)
	}
	s.adapter, s.analyzer = adapter, analyzer
	return nil
}

// openAnalyzer makes the analyzer that was taken over ready, and asks it all that
// a run asks before the first stress.
func (s *session) openAnalyzer(ctx context.Context) (err error) {
	if s.identity, err = s.analyzer.Identify(ctx); err == nil {
		err = s.analyzer.Open(ctx)
	}
	if err == nil {
		err = s.analyzer.Check(ctx)
	}
	if err == nil {
		_, err = s.analyzer.BenchTime(ctx)
	}
	if err != nil {
		// Opening ends with the outputs switched on at 0 V; it may have got so far.
		return fmt.Errorf("%s: %w", s.config.Place("analyzer"), errors.Join(err, s.makeSafe(ctx)))
	}
	return nil
}

func (s *session) openBoard(ctx, serving context.Context, a *Opener, b config.Board, lines int) error {
	place := s.config.BoardPlace(b.Name)
	clock := physic.Frequency(math.Round(float64(b.SPIFrequency) * float64(physic.Hertz)))
	var port spi.PortCloser
	var err error
	kind, address, _ := strings.Cut(b.Address, ":")
	switch {
	case b.Address == config.SimulatedAddress, kind == "buspirate":
		if b.Address == config.SimulatedAddress {
			address = config.SimulatedAddress
		}
		conn, reopen, err := s.connect(ctx, serving, address, func() sim.Server { return s.sim.Boxes[b.Name] })
		if err != nil {
			return fmt.Errorf("%s: %w", place, err)
		}
		port = buspirate.New(conn, buspirate.Options{Logger: a.Log, Timeout: s.answerTimeout(),
			Reopen: func(within time.Duration) (buspirate.Link, error) {
				ctx, cancel := context.WithTimeout(context.Background(), within)
				defer cancel()
				return reopen(ctx)
			}})
	case kind == "spi":
		if _, err := host.Init(); err != nil {
			return &instrument.Error{Op: place, Kind: instrument.KindUnreachable, Err: err,
				Advice: "the SPI drivers of this computer cannot be started"}
		}
		if port, err = spireg.Open(address); err != nil {
			return &instrument.Error{Op: place, Channel: b.Address, Kind: instrument.KindUnreachable, Err: err,
				Advice: "check the name of the SPI port and that this user may open it"}
		}
	default: // validated with the configuration
		return run.Usage(fmt.Errorf("%s: %w", place, config.CheckBoardAddress(b.Address)))
	}
	s.closers = append(s.closers, port)
	conn, err := adg1438.Connect(port, clock)
	if err != nil {
		return fmt.Errorf("%s: %w", place, err)
	}
	chain := adg1438.New(conn, adg1438.Options{Chips: lines, Name: b.Name, Logger: a.Log})
	s.boards[b.Name] = chain
	if err := chain.Safe(ctx); err != nil {
		return fmt.Errorf("%s: %w", place, err)
	}
	return nil
}

// patience is how much longer than the bench itself needs an answer may take:
// 5 s, and three times that on the simulated bench, where it has to be computed
// by a machine that may be busy with other things, more for arrays beyond 20 x 20.
func (s *session) patience() time.Duration {
	if hurry := s.hurry(); hurry > 0 {
		return hurry
	}
	if s.sim == nil {
		return 5 * time.Second
	}
	return 15 * time.Second * time.Duration(s.burden())
}

// answerTimeout is how long an adapter may take for an answer of its own: on
// hardware what its driver finds right (0), on the simulated bench as long as
// everything else.
func (s *session) answerTimeout() time.Duration {
	if s.sim == nil {
		return 0
	}
	return s.patience()
}

// hurry is how long a test lets the simulated bench take for an answer; 0 = no
// hurry.
func (s *session) hurry() time.Duration {
	if s.sim == nil {
		return 0
	}
	return s.sim.Hurry
}

// readTimeout is how long the GPIB adapter waits for an answer; 0 = the longest
// that it can.
func (s *session) readTimeout() time.Duration {
	if s.hurry() > 0 {
		return time.Second // of bench time; a read that hangs is waited for that long
	}
	return 0
}

// safeTimeout is how long one instrument may take to be made safe. On hardware
// the adapter may first have to wait for answers that never come, the simulated
// bench for a busy machine.
func (s *session) safeTimeout() time.Duration {
	if s.hurry() > 0 {
		return time.Second * time.Duration(s.burden())
	}
	return 15 * time.Second * time.Duration(s.burden())
}

// burden is how many times larger than 20 x 20 the simulated arrays are; 1 on
// hardware.
func (s *session) burden() int {
	if s.sim == nil {
		return 1
	}
	cells := 0
	for _, a := range s.sim.Chip.Arrays {
		cells = max(cells, a.Len())
	}
	return max(1, cells/400)
}

// safers are what must be made safe, in this order: sources to zero, then
// switches open.
func (s *session) safers() []run.NamedSafer {
	var list []run.NamedSafer
	if s.analyzer != nil {
		list = append(list, run.NamedSafer{Name: "analyzer", Safer: s.analyzer})
	}
	for _, b := range s.config.Boards {
		if chain := s.boards[b.Name]; chain != nil {
			list = append(list, run.NamedSafer{Name: "switch board " + b.Name, Safer: chain})
		}
	}
	return list
}

// makeSafe makes safe what is open, outside a run, in which Guard does it.
func (s *session) makeSafe(ctx context.Context) error {
	return run.Guard(context.WithoutCancel(ctx), run.GuardOptions{Safers: s.safers()},
		func(context.Context) error { return nil })
}

// describe says in words which bench this is.
func (s *session) describe() string {
	if s.sim != nil {
		return s.sim.Describe()
	}
	return fmt.Sprintf("%s (%s)", s.config.Bench, s.config.Analyzer.Address)
}

// Close closes the connections, last opened first, and keeps the simulated
// chip's state.
func (s *session) Close() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i].Close())
	}
	s.closers = nil
	if s.sim != nil && s.sim.Cancel != nil {
		errs = append(errs, s.sim.Stop())
	}
	// Last: until here nobody else may touch the bench.
	errs = append(errs, s.held.Release())
	s.held = nil
	return errors.Join(errs...)
}

func mergeChannels(a, b []instrument.Channel) []instrument.Channel {
	seen := make(map[instrument.Channel]bool)
	var list []instrument.Channel
	for _, c := range append(a, b...) {
		if !seen[c] {
			seen[c] = true
			list = append(list, c)
		}
	}
	return list
}

// simulation makes the simulated bench and says if that took a new chip.
func (a *Opener) simulation(ctx context.Context) (*sim.Bench, error) {
	build := sim.Open
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
	s.Held = held
	switch n := s.Chip.Recovered; {
	case made:
		fmt.Fprintf(a.Messages, "made a pristine simulated chip with seed %d in %s\n", s.Chip.Seed, s.File)
	case n > 0:
		fmt.Fprintf(a.Messages, "the last command on the simulated chip in %s was cut off: the %d things that it still did to "+
			"the devices were recovered\n", s.File, n)
	}
	return s, nil
}

// options are how runs on this bench are kept.
func (s *session) options() run.Options {
	o := s.sim.Keeping()
	o.Reserve = uint64(s.config.Watch.DiskReserve) << 20
	return o
}

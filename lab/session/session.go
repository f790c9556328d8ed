package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"time"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"xlab/driver/adg1438"
	"xlab/driver/neuron"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/lab/boxes"
	"xlab/lab/config"
	"xlab/lab/sim"
	"xlab/mlp/hardware"
	"xlab/run"
	"xlab/run/guarded"
	"xlab/run/lock"
	"xlab/run/recovery"
)

// Session is an open bench: the drivers, and the arrays that were asked for.
type Session struct {
	Config   *config.Config
	Analyzer instrument.Analyzer
	link     boxes.Link // in front of it
	Identity instrument.Identity
	Boards   map[string]*adg1438.Chain
	Wirings  map[string]*array.Wiring // of the arrays that were asked for
	Sim      *sim.Bench               // nil on hardware
	closers  []io.Closer              // in the order of opening
	Turns    guarded.Turns            // of the arrays
	Held     *lock.Lock               // of the instruments; a simulated bench holds its own

	Neurons        *neuron.Board // nil: the bench has none
	NeuronIdentity instrument.Identity
	neuronLines    *array.NeuronWiring
	classifying    bool         // the board is needed, so that the bench is not back without it
	log            *slog.Logger // of the classifier; nil = silent

	Leftovers []string // of a dead process, met while taking over; for the journal

	Up         *recovery.Ladder // brings the bench back; nil: nobody does
	stoodStill bool             // since the neurons were used last
}

func New(c *config.Config, sim *sim.Bench) *Session {
	return &Session{Config: c, Sim: sim, Boards: make(map[string]*adg1438.Chain),
		Wirings: make(map[string]*array.Wiring)}
}

// Start lets the simulated bench, if there is one, answer until the session is
// closed.
func (s *Session) Start(ctx context.Context) context.Context {
	if s.Sim == nil {
		return ctx
	}
	return s.Sim.Start(ctx)
}

// Open connects to the bench for the arrays named. Nothing is stressed: all
// sources are at 0 V and all switches open when it returns. The caller closes
// the session; what was opened before a failure is closed here.
func (o *Opener) Open(ctx context.Context, names ...string) (*Session, error) {
	if !o.Config.Simulated() || o.Played != nil {
		return o.OpenOn(ctx, nil, names...)
	}
	sim, err := o.Simulation(ctx)
	if err != nil {
		return nil, err
	}
	return o.OpenOn(ctx, sim, names...)
}

// OpenOn is open on a given simulated bench, or on hardware for nil.
func (o *Opener) OpenOn(ctx context.Context, sim *sim.Bench, names ...string) (s *Session, err error) {
	s = New(o.Config, sim)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	serving := s.Start(ctx)
	if s.Sim == nil && o.Played == nil {
		if s.Held, err = o.LockBench(ctx, "working on it"); err != nil {
			return s, err
		}
	}
	run.Steady(ctx)
	// The wiring maps come first: they need no instrument and may be wrong.
	var channels []instrument.Channel
	for _, name := range names {
		b, err := o.Config.Board(name)
		if err != nil {
			return s, err
		}
		w, err := o.Config.Wiring(b.Name)
		if err != nil {
			return s, err
		}
		s.Wirings[b.Name] = w
		channels = MergeChannels(channels, w.Channels())
	}
	// All boards, not only those asked for: they hang on the same sources, and a
	// switch that another run left closed would take the pulses.
	lines := make(map[string]int)
	for _, b := range o.Config.SwitchBoards() {
		w := s.Wirings[b.Name]
		if w == nil {
			if w, err = b.LoadWiring(); err != nil {
				return s, err
			}
		}
		lines[b.Name] = w.Lines()
	}
	var faults []error
	s.TakeOver(ctx, serving, o, channels, lines, func(_ string, err error) { faults = append(faults, err) })
	if err := errors.Join(faults...); err != nil {
		return s, err
	}
	if err := s.OpenAnalyzer(ctx); err != nil {
		return s, err
	}
	for name, w := range s.Wirings {
		var router instrument.Router
		var board instrument.Safer = wired{}
		if chain := s.Boards[name]; chain != nil {
			router, board = chain, chain
		}
		bar, err := array.New(w, s.Analyzer, router, o.Config.DeviceLimits())
		if err != nil {
			return s, err
		}
		bar.Suppose(o.Config.Settings.Profile)
		var performer guarded.Array = bar
		if s.Neurons != nil {
			performer = withNeurons(o.Config, bar, hardware.Board{Wiring: w, Router: router}, s.Neurons, s.neuronLines)
		}
		s.Turns.Add(name, performer, board)
	}
	return s, nil
}

// wired are the lines of an array without a switch board, which have no other state.
type wired struct{}

func (wired) Safe(context.Context) error { return nil }

// TakeOver connects to all instruments, of which nothing is known: another
// process may have been killed with voltage on a device. The sources are switched
// off before a switch is touched, see hwdocs/safety.md. lines is the length of each
// board's chain. failed is told of every instrument that could not be taken over,
// which is then not among the session's.
//
// When the analyzer cannot be reached, the switches are opened all the same. TakeOver
// stops when another instrument answers in the analyzer's place, because this bench is
// then not the configured one, or when somebody else has the analyzer in use.
func (s *Session) TakeOver(ctx, serving context.Context, a *Opener, channels []instrument.Channel, lines map[string]int,
	failed func(name string, err error)) {
	if a.Transcript != nil {
		s.closers = append(s.closers, a.Transcript) // the first, so that it is closed behind all links
	}
	err := s.takeOverAnalyzer(ctx, serving, a, channels)
	if err != nil {
		failed("analyzer", err)
	}
	if kind := instrument.KindOf(err); ctx.Err() != nil || kind == instrument.KindIdentity || kind == instrument.KindBusy {
		return
	}
	for _, b := range s.Config.SwitchBoards() {
		if err := s.openBoard(ctx, serving, a, b, lines[b.Name]); err != nil {
			delete(s.Boards, b.Name)
			failed("switch board "+b.Name, err)
		}
	}
	if err := s.openNeurons(ctx, serving, a); err != nil {
		failed("neuron board", err)
	}
}

// takeOverAnalyzer leaves the session without an analyzer where it fails.
func (s *Session) takeOverAnalyzer(ctx, serving context.Context, a *Opener, channels []instrument.Channel) error {
	c := s.Config
	box, err := a.Known().Analyzer(c)
	if err != nil {
		return err
	}
	line, err := s.connect(ctx, serving, a, "analyzer", c.Analyzer.Address,
		func() boxes.Server { return s.Sim.Analyzer })
	if err != nil {
		return fmt.Errorf("%s: %w", c.Place("analyzer.address"), err)
	}
	s.closers = append(s.closers, line)
	analyzer, link, err := box.Connect(ctx, c, line, boxes.AnalyzerOptions{Limits: c.SourceLimits(), Channels: channels,
		Margin: s.patience(), AnswerTimeout: s.answerTimeout(), ReadTimeout: s.readTimeout(), Claim: s.lockIdentity,
		Retries: c.Recovery.Retries, Logger: a.Log, Quiet: cmp.Or(a.Silence, s.quiet()), Leftover: s.leftover})
	if err != nil {
		return fmt.Errorf("%s: %w", c.Place("analyzer.address"), err)
	}
	s.closers = append(s.closers, link) // whatever its connection is by then
	if err := analyzer.TakeOver(ctx); err != nil {
		return fmt.Errorf("%s: %w", c.Place("analyzer"), err)
	}
	s.link, s.Analyzer = link, analyzer
	return nil
}

// OpenAnalyzer makes the analyzer that was taken over ready, and asks it all that
// a run asks before the first stress. What a dead process had sent may come even now,
// between the reset and the last question: an analyzer that has an error to report is
// taken over once more. Nothing was set up for a trigger by then.
func (s *Session) OpenAnalyzer(ctx context.Context) error {
	err := s.openAnalyzer(ctx)
	if instrument.KindOf(err) == instrument.KindInstrument && ctx.Err() == nil {
		s.leftover(err)
		if err = s.Analyzer.TakeOver(ctx); err == nil {
			err = s.openAnalyzer(ctx)
		}
	}
	if err != nil {
		// Opening ends with the outputs switched on at 0 V; it may have got so far.
		return fmt.Errorf("%s: %w", s.Config.Place("analyzer"), errors.Join(err, s.MakeSafe(ctx)))
	}
	return nil
}

func (s *Session) openAnalyzer(ctx context.Context) (err error) {
	if s.Identity, err = s.Analyzer.Identify(ctx); err == nil {
		err = s.Analyzer.Open(ctx)
	}
	if err == nil {
		err = s.Analyzer.Check(ctx)
	}
	if err == nil {
		_, err = s.Analyzer.BenchTime(ctx)
	}
	return err
}

func (s *Session) leftover(met error) {
	s.Leftovers = append(s.Leftovers,
		"met while the analyzer was taken over, probably of a process that is gone: "+met.Error())
}

func (s *Session) openBoard(ctx, serving context.Context, a *Opener, b config.Board, lines int) error {
	place, link := s.Config.BoardPlace(b.Name), "switch board "+b.Name
	clock := physic.Frequency(math.Round(float64(b.SPIFrequency) * float64(physic.Hertz)))
	box, address, err := a.Known().Port(b.Address)
	if err != nil {
		return run.Usage(fmt.Errorf("%s: %w", place, err))
	}
	port, err := box.Open(address, boxes.PortOptions{Place: place, AnswerTimeout: s.answerTimeout(), Logger: a.Log,
		Connect: func(address string) (boxes.Line, error) {
			return s.connect(ctx, serving, a, link, address, func() boxes.Server { return s.Sim.Boxes[b.Name] })
		},
		Attach: func(open func() (spi.PortCloser, error)) (spi.PortCloser, error) {
			if a.Played != nil {
				return a.Played.Port(link), nil
			}
			return a.Transcript.Port(link, open)
		}})
	if err != nil {
		return err
	}
	s.closers = append(s.closers, port)
	conn, err := adg1438.Connect(port, clock)
	if err != nil {
		return fmt.Errorf("%s: %w", place, err)
	}
	chain := adg1438.New(conn, adg1438.Options{Chips: lines, Name: b.Name, Logger: a.Log})
	s.Boards[b.Name] = chain
	if err := chain.Safe(ctx); err != nil {
		return fmt.Errorf("%s: %w", place, err)
	}
	return nil
}

// patience is how much longer than the bench itself needs an answer may take:
// 5 s, and three times that on the simulated bench, where it has to be computed
// by a machine that may be busy with other things, more for arrays beyond 20 x 20.
func (s *Session) patience() time.Duration {
	if hurry := s.hurry(); hurry > 0 {
		return hurry
	}
	if !s.simulated() {
		return 5 * time.Second
	}
	return 15 * time.Second * time.Duration(s.burden())
}

// answerTimeout is how long an adapter may take for an answer of its own: on
// hardware what its driver finds right (0), on the simulated bench as long as
// everything else.
func (s *Session) answerTimeout() time.Duration {
	if !s.simulated() {
		return 0
	}
	return s.patience()
}

// quiet is for how long nothing of another process may come while the analyzer is
// taken over. A simulated bench in this process has had no other.
func (s *Session) quiet() time.Duration {
	if !s.simulated() {
		return 250 * time.Millisecond
	}
	return 0
}

// simulated tells whether the bench is simulated, or was when the transcript was
// recorded that stands for it: what is sent depends on it.
func (s *Session) simulated() bool { return s.Sim != nil || s.Config.Simulated() }

// hurry is how long a test lets the simulated bench take for an answer; 0 = no
// hurry.
func (s *Session) hurry() time.Duration {
	if s.Sim == nil {
		return 0
	}
	return s.Sim.Hurry
}

// readTimeout is how long the GPIB adapter waits for an answer; 0 = the longest
// that it can.
func (s *Session) readTimeout() time.Duration {
	if s.hurry() > 0 {
		return time.Second // of bench time; a read that hangs is waited for that long
	}
	return 0
}

// SafeTimeout is how long one instrument may take to be made safe. On hardware
// the adapter may first have to wait for answers that never come, the simulated
// bench for a busy machine.
func (s *Session) SafeTimeout() time.Duration {
	if s.hurry() > 0 {
		return time.Second * time.Duration(s.burden())
	}
	return 15 * time.Second * time.Duration(s.burden())
}

// burden is how many times larger than 20 x 20 the simulated arrays are; 1 on
// hardware.
func (s *Session) burden() int {
	if s.Sim == nil {
		return 1
	}
	cells := 0
	for _, a := range s.Sim.Chip.Arrays {
		cells = max(cells, a.Len())
	}
	return max(1, cells/400)
}

// Safers are what must be made safe, in this order: sources to zero, then
// switches open.
func (s *Session) Safers() []run.NamedSafer {
	var list []run.NamedSafer
	if s.Analyzer != nil {
		list = append(list, run.NamedSafer{Name: "analyzer", Safer: s.Analyzer})
	}
	for _, b := range s.Config.Boards {
		if chain := s.Boards[b.Name]; chain != nil {
			list = append(list, run.NamedSafer{Name: "switch board " + b.Name, Safer: chain})
		}
	}
	return list
}

// MakeSafe makes safe what is open, outside a run, in which Guard does it.
func (s *Session) MakeSafe(ctx context.Context) error {
	return run.Guard(context.WithoutCancel(ctx), run.GuardOptions{Safers: s.Safers()},
		func(context.Context) error { return nil })
}

// Describe says in words which bench this is.
func (s *Session) Describe() string {
	if s.Sim != nil {
		return s.Sim.Describe()
	}
	return fmt.Sprintf("%s (%s)", s.Config.Bench, s.Config.Analyzer.Address)
}

// Close closes the connections, last opened first, and keeps the simulated
// chip's state.
func (s *Session) Close() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i].Close())
	}
	s.closers = nil
	if s.Sim != nil && s.Sim.Cancel != nil {
		errs = append(errs, s.Sim.Stop())
	}
	// Last: until here nobody else may touch the bench.
	errs = append(errs, s.Held.Release())
	s.Held = nil
	return errors.Join(errs...)
}

func MergeChannels(a, b []instrument.Channel) []instrument.Channel {
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

// Simulation makes the simulated bench and says if that took a new chip.
func (o *Opener) Simulation(ctx context.Context) (*sim.Bench, error) {
	build := func(c *config.Config) (*sim.Bench, bool, error) { return sim.Open(o.Known(), c) }
	var held *lock.Lock
	if o.NewBench != nil {
		build = o.NewBench
	} else {
		var err error
		if held, err = o.LockBench(ctx, "working on it"); err != nil {
			return nil, err
		}
	}
	s, made, err := build(o.Config)
	if err != nil {
		return nil, errors.Join(err, held.Release())
	}
	s.Held = held
	switch n := s.Chip.Recovered; {
	case made:
		fmt.Fprintf(o.Messages, "made a pristine simulated chip with seed %d in %s\n", s.Chip.Seed, s.File)
	case n > 0:
		fmt.Fprintf(o.Messages, "the last command on the simulated chip in %s was cut off: the %d things that it still "+
			"did to the devices were recovered\n", s.File, n)
	}
	return s, nil
}

// Options are how runs on this bench are kept.
func (s *Session) Options() run.Options {
	o := s.Sim.Keeping()
	o.Reserve = uint64(s.Config.Watch.DiskReserve) << 20
	return o
}

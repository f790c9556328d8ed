package instrumenttest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"xlab/instrument"
)

// The suites are tested with instruments that exist only in memory: correct
// ones must pass, and ones with a single fault each must not. A test cannot
// watch another one fail in the same process, so the faulty ones run in a
// process of their own.

// faultVariable names the fault in the environment of that process.
const faultVariable = "INSTRUMENTTEST_FAULT"

// model is a correct two-channel source with a resistor of 10 kohm from each
// channel to ground and one of 50 kohm between them, unless it has a fault.
type model struct {
	fault  string
	limits instrument.Limits
	sent   atomic.Int64
	levels map[instrument.Channel]instrument.Volts
	stall  chan struct{}
	stale  map[instrument.Channel]instrument.Volts
}

func load(volts map[instrument.Channel]instrument.Volts, ch instrument.Channel) instrument.Amps {
	between := instrument.Amps(volts[1]-volts[2]) / 50e3
	if ch == 2 {
		between = -between
	}
	return between + instrument.Amps(volts[ch])/10e3
}

func (m *model) refuse(err error) error {
	if m.fault == "sends before checking" {
		m.sent.Add(1)
	}
	var limit *instrument.LimitError
	if errors.As(err, &limit) {
		return &instrument.Error{Op: "model", Kind: instrument.KindLimit, Err: err}
	}
	return &instrument.Error{Op: "model", Kind: instrument.KindUsage, Err: err}
}

func known(ch instrument.Channel) bool { return ch == 1 || ch == 2 }

func (m *model) drives(ds []instrument.Drive) error {
	var volts []instrument.Volts
	for i, d := range ds {
		if !known(d.Channel) || slices.ContainsFunc(ds[:i], func(e instrument.Drive) bool { return e.Channel == d.Channel }) {
			return errors.New("channel")
		}
		if m.fault != "no voltage limit" {
			if err := m.limits.CheckVoltage(d.Voltage); err != nil {
				return err
			}
		}
		if m.fault != "no compliance limit" {
			if err := m.limits.CheckCompliance(d.Compliance); err != nil {
				return err
			}
		}
		volts = append(volts, d.Voltage)
	}
	if m.fault == "no span limit" {
		return nil
	}
	return m.limits.CheckSpan(volts...)
}

func (m *model) check(step instrument.Step) error {
	measured := func(channels []instrument.Channel) error {
		for i, ch := range channels {
			if !known(ch) || slices.Contains(channels[:i], ch) {
				return errors.New("measured channel")
			}
		}
		return nil
	}
	switch s := step.(type) {
	case instrument.Spot:
		if !(s.Aperture > 0) || !(s.Settle >= 0) || !(s.Range >= 0) {
			return errors.New("timing or range")
		}
		return errors.Join(m.drives(s.Drives), measured(s.Measure))
	case instrument.Pulse:
		if len(s.Drives) == 0 || s.Period != 0 && !(s.Period >= s.Width) {
			return errors.New("nothing driven, or period")
		}
		if m.fault != "no width limit" {
			if err := m.limits.CheckWidth(s.Width); err != nil {
				return err
			}
		}
		return errors.Join(m.drives(s.Drives), measured(s.Measure))
	case instrument.Sweep:
		if s.Steps < 1 || !known(s.Source) {
			return errors.New("levels or source")
		}
		top := s.Stop
		compliance := instrument.Amps(s.Compliance)
		switch s.Kind {
		case instrument.SweepVoltage:
		case instrument.SweepCurrent:
			if err := m.limits.CheckCurrent(instrument.Amps(s.Stop)); err != nil {
				return err
			}
			top, compliance = s.Compliance, m.limits.MaxCurrent
		default:
			return errors.New("kind")
		}
		if err := m.limits.CheckWidth(s.Delay + s.Aperture); err != nil {
			return err
		}
		for _, v := range []float64{s.Start, top} {
			at := append(slices.Clone(s.Drives), instrument.Drive{Channel: s.Source, Voltage: instrument.Volts(v),
				Compliance: compliance})
			if err := m.drives(at); err != nil {
				return err
			}
		}
		return measured(s.Measure)
	}
	return fmt.Errorf("step %T", step)
}

func (m *model) Run(ctx context.Context, steps ...instrument.Step) ([]instrument.Result, error) {
	if err := ctx.Err(); err != nil && m.fault != "ignores an ended context" {
		return nil, err
	}
	if m.fault == "forgets to check the later steps" && len(steps) > 1 {
		m.sent.Add(1)
	}
	for _, step := range steps {
		if err := m.check(step); err != nil {
			return nil, m.refuse(err)
		}
	}
	var results []instrument.Result
	for _, step := range steps {
		m.sent.Add(1)
		if m.stall != nil {
			select {
			case <-m.stall:
			case <-ctx.Done():
				if m.fault == "calls cancelling a time-out" {
					return nil, &instrument.Error{Op: "model", Kind: instrument.KindTimeout, Err: ctx.Err()}
				}
				m.levels[1] = 1 // whatever was under way
				return results, ctx.Err()
			}
		}
		results = append(results, m.perform(step))
	}
	if m.fault == "loses a result" && len(results) > 1 {
		results = results[1:]
	}
	if m.fault == "results in the wrong order" {
		slices.Reverse(results)
	}
	return results, nil
}

func (m *model) point(source float64, drives []instrument.Drive, measure []instrument.Channel) instrument.Point {
	volts := map[instrument.Channel]instrument.Volts{}
	for ch, v := range m.stale {
		volts[ch] = v
	}
	for _, d := range drives {
		volts[d.Channel] = d.Voltage
	}
	p := instrument.Point{Source: source}
	for _, ch := range measure {
		i := load(volts, ch)
		if m.fault == "wrong sign" {
			i = -i
		}
		p.Readings = append(p.Readings, instrument.Reading{Channel: ch, Value: float64(i)})
	}
	if m.fault == "readings in channel order" {
		slices.SortFunc(p.Readings, func(a, b instrument.Reading) int { return int(a.Channel - b.Channel) })
	}
	if m.fault == "leaves the drives on" {
		m.levels = volts
	}
	return p
}

func (m *model) Cost(steps ...instrument.Step) (instrument.Seconds, error) {
	busy := instrument.Seconds(0)
	for _, step := range steps {
		if err := m.check(step); err != nil && m.fault != "costs what it refuses" {
			return 0, m.refuse(err)
		}
		if m.fault != "costs too little" || busy == 0 {
			busy += busyFor(step)
		}
	}
	return busy, nil
}

func busyFor(step instrument.Step) instrument.Seconds {
	switch s := step.(type) {
	case instrument.Spot:
		return s.Settle + s.Aperture
	case instrument.Pulse:
		return s.Width
	case instrument.Sweep:
		return s.Aperture
	}
	return 0
}

func (m *model) perform(step instrument.Step) instrument.Result {
	r := instrument.Result{Busy: busyFor(step)}
	switch s := step.(type) {
	case instrument.Spot:
		r.Points = []instrument.Point{m.point(0, s.Drives, s.Measure)}
	case instrument.Pulse:
		r.Points = []instrument.Point{m.point(0, s.Drives, s.Measure)}
		if m.fault == "an earlier pulse acts on a later one" {
			m.stale = map[instrument.Channel]instrument.Volts{}
			for _, d := range s.Drives {
				if d.Voltage != 0 {
					m.stale[d.Channel] = d.Voltage
				}
			}
		}
	case instrument.Sweep:
		for i := range s.Steps {
			v := s.Start
			if s.Steps > 1 {
				v += (s.Stop - s.Start) * float64(i) / float64(s.Steps-1)
			}
			at := append(slices.Clone(s.Drives), instrument.Drive{Channel: s.Source, Voltage: instrument.Volts(v)})
			r.Points = append(r.Points, m.point(v, at, s.Measure))
		}
		if s.TwoWay && m.fault != "one way only" {
			back := slices.Clone(r.Points)
			slices.Reverse(back)
			r.Points = append(r.Points, back...)
		}
	}
	if m.fault == "takes no time" {
		r.Busy = 0
	}
	return r
}

func (m *model) Safe(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		if m.fault == "claims to be safe" {
			return nil
		}
		return err
	}
	if m.fault == "not safe the second time" && len(m.levels) == 0 {
		return errors.New("nothing to do")
	}
	if m.fault != "safe does nothing" {
		m.levels = map[instrument.Channel]instrument.Volts{}
	}
	return nil
}

func (m *model) BenchTime(ctx context.Context) (instrument.Seconds, error) {
	m.sent.Add(1)
	if m.fault == "clock goes back" {
		return instrument.Seconds(-m.sent.Load()), nil
	}
	return instrument.Seconds(m.sent.Load()), ctx.Err()
}

func (m *model) Identify(ctx context.Context) (instrument.Identity, error) {
	id := instrument.Identity{Model: "MODEL 1"}
	if m.fault == "another identity each time" {
		m.sent.Add(1)
		id.Serial = fmt.Sprint(m.sent.Load())
	}
	return id, ctx.Err()
}

// chain is a correct board of six lines, unless it has a fault.
type chain struct {
	fault  string
	sent   int
	closed []instrument.Switches
	broken bool
}

func (c *chain) Lines() int {
	if c.fault == "wrong number of lines" {
		return 5
	}
	return 6
}

func (c *chain) Route(ctx context.Context, lines []instrument.Switches) error {
	if err := ctx.Err(); err != nil && c.fault != "board ignores an ended context" {
		return err
	}
	if len(lines) != 6 {
		if c.fault == "takes any length" {
			return nil
		}
		return &instrument.Error{Op: "chain", Kind: instrument.KindUsage}
	}
	for _, s := range lines {
		if s&(s-1) != 0 && c.fault != "shorts two buses" {
			return &instrument.Error{Op: "chain", Kind: instrument.KindRouting}
		}
	}
	c.sent += len(lines)
	if c.broken && c.fault != "does not check the chain" {
		return &instrument.Error{Op: "chain", Kind: instrument.KindChain}
	}
	if c.fault == "changes the caller's lines" {
		lines[0] = 0
	}
	c.closed = slices.Clone(lines)
	if c.fault == "reverses the chain" {
		slices.Reverse(c.closed)
	}
	return nil
}

// runAll runs every suite over the models with this fault.
func runAll(t *testing.T, fault string) {
	limits := instrument.Limits{MinVoltage: -1, MaxVoltage: 2, MaxSpan: 2.5, MaxCurrent: 1e-3, MaxWidth: 1, Origin: "test"}
	open := func(l instrument.Limits) *model {
		return &model{fault: fault, limits: l, levels: map[instrument.Channel]instrument.Volts{}}
	}
	t.Run("Sequencer", func(t *testing.T) {
		TestSequencer(t, SequencerFixture{
			Open: func(t *testing.T, l instrument.Limits) Source {
				m := open(l)
				return Source{
					Sequencer: m, Safer: m,
					Sent:   func() int { return int(m.sent.Load()) },
					Levels: func() map[instrument.Channel]instrument.Volts { return m.levels },
					Stall: func() func() {
						m.stall = make(chan struct{})
						return func() { close(m.stall) }
					},
				}
			},
			Limits: limits, Channels: []instrument.Channel{1, 2}, Level: 0.5, Current: load, Tolerance: 1e-6,
			Width: 1e-3, Aperture: 1e-3,
		})
	})
	t.Run("Router", func(t *testing.T) {
		TestRouter(t, RouterFixture{Lines: 6, Open: func(t *testing.T) Board {
			c := &chain{fault: fault, closed: make([]instrument.Switches, 6)}
			return Board{
				Router: c,
				Sent:   func() int { return c.sent },
				Closed: func() []instrument.Switches { return c.closed },
				Break: func() func() {
					c.broken = true
					return func() { c.broken = false }
				},
			}
		}})
	})
	t.Run("Safer", func(t *testing.T) {
		TestSafer(t, SaferFixture{Open: func(t *testing.T) Safed {
			m := open(limits)
			return Safed{
				Safer:   m,
				Disturb: func(*testing.T) { m.levels = map[instrument.Channel]instrument.Volts{1: 1} },
				IsSafe:  func() bool { return len(m.levels) == 0 },
			}
		}})
	})
	t.Run("Identifier", func(t *testing.T) {
		TestIdentifier(t, IdentifierFixture{Model: "MODEL",
			Open: func(*testing.T) instrument.Identifier { return open(limits) }})
	})
	t.Run("Clock", func(t *testing.T) {
		TestClock(t, ClockFixture{Resolution: 1e-3, Open: func(*testing.T) Timed {
			m := open(limits)
			return Timed{Clock: m, Advance: func(*testing.T, instrument.Seconds) { m.sent.Add(1) }}
		}})
	})
	t.Run("Neurons", func(t *testing.T) { runNeurons(t, fault) })
}

// TestModels is what the other process runs too, with a fault.
func TestModels(t *testing.T) { runAll(t, os.Getenv(faultVariable)) }

func TestFaultsAreFound(t *testing.T) {
	if os.Getenv(faultVariable) != "" {
		t.Skip("this is the process with the fault")
	}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	faults := map[string]string{
		"sends before checking":                "TestModels/Sequencer/Refused",
		"no voltage limit":                     "TestModels/Sequencer/Refused/spot:_voltage_too_high",
		"no compliance limit":                  "TestModels/Sequencer/Refused/spot:_no_compliance",
		"no span limit":                        "TestModels/Sequencer/Refused/spot:_span",
		"no width limit":                       "TestModels/Sequencer/Refused/pulse:_width_too_long",
		"forgets to check the later steps":     "TestModels/Sequencer/Refused",
		"ignores an ended context":             "TestModels/Sequencer/EndedContext",
		"calls cancelling a time-out":          "TestModels/Sequencer/Cancel",
		"loses a result":                       "TestModels/Sequencer/SeveralSteps",
		"results in the wrong order":           "TestModels/Sequencer/SeveralSteps",
		"wrong sign":                           "TestModels/Sequencer/Values",
		"readings in channel order":            "TestModels/Sequencer/ResultsInOrder",
		"leaves the drives on":                 "TestModels/Sequencer/Values",
		"an earlier pulse acts on a later one": "TestModels/Sequencer/Pulse",
		"one way only":                         "TestModels/Sequencer/Sweep",
		"takes no time":                        "TestModels/Sequencer/Values",
		"costs too little":                     "TestModels/Sequencer/SeveralSteps",
		"costs what it refuses":                "TestModels/Sequencer/Refused",
		"claims to be safe":                    "TestModels/Safer/EndedContext",
		"not safe the second time":             "TestModels/Safer/Idempotent",
		"safe does nothing":                    "TestModels/Safer/Idempotent",
		"clock goes back":                      "TestModels/Clock",
		"another identity each time":           "TestModels/Identifier",
		"wrong number of lines":                "TestModels/Router/Lines",
		"takes any length":                     "TestModels/Router/WrongLength",
		"shorts two buses":                     "TestModels/Router/TwoBusesOnOneLine",
		"changes the caller's lines":           "TestModels/Router/Routes",
		"reverses the chain":                   "TestModels/Router/Routes",
		"board ignores an ended context":       "TestModels/Router/EndedContext",
		"does not check the chain":             "TestModels/Router/BrokenChain",
	}
	maps.Copy(faults, neuronFaults())
	for fault, where := range faults {
		command := exec.Command(binary, "-test.run=^TestModels$")
		command.Env = append(os.Environ(), faultVariable+"="+fault)
		out, err := command.CombinedOutput()
		if err == nil {
			t.Errorf("%q passes the suites", fault)
		} else if !strings.Contains(string(out), "--- FAIL: "+where) {
			t.Errorf("%q was not found by %s:\n%s", fault, where, out)
		}
	}
}

package boxes

import (
	"context"
	"fmt"

	"xlab/driver/b1500"
	"xlab/driver/flex"
	"xlab/driver/prologix"
	"xlab/instrument"
	"xlab/lab/config"
	"xlab/mock/bench"
	"xlab/mock/fault"
	simulated "xlab/mock/wire/b1500"
	adapter "xlab/mock/wire/prologix"
	"xlab/run"
)

// B1500 is the Keysight B1500A behind a Prologix GPIB adapter.
func B1500() Analyzer {
	return Analyzer{
		Type: "b1500", Instrument: "b1500a", Keys: []string{"gpib", "line_frequency", "fixed_ranges"},
		Extremes: b1500.Extremes(),
		Check:    checkB1500,
		Connect: func(ctx context.Context, c *config.Config, line Line,
			o AnalyzerOptions) (instrument.Analyzer, Link, error) {
			a, err := prologix.Open(ctx, line.Conn, prologix.Options{Logger: o.Logger, AnswerTimeout: o.AnswerTimeout,
				ReadTimeout: o.ReadTimeout, Reopen: line.Reopen})
			if err != nil {
				return nil, nil, err
			}
			return newB1500(a.Device(c.Analyzer.GPIB), c, o), a, nil
		},
		Cost: func(c *config.Config, o AnalyzerOptions, steps ...instrument.Step) (instrument.Seconds, error) {
			return newB1500(nil, c, o).Cost(steps...)
		},
		Units: func(c *config.Config) (units int, err error) {
			slots, err := slotsOf(c)
			for _, slot := range slots {
				units = max(units, slot.Unit)
			}
			return units, err
		},
		Simulate: simulateB1500,
	}
}

func checkB1500(c *config.Config) (faults []error) {
	if a := c.Analyzer.GPIB; a < 0 || a > 30 {
		faults = append(faults, fmt.Errorf("%s is %d; a GPIB address is 0 to 30", c.Place("analyzer.gpib"), a))
	}
	if f := c.Analyzer.LineFrequency; f != 50 && f != 60 {
		faults = append(faults, fmt.Errorf("%s is %s; it is 50 or 60 Hz", c.Place("analyzer.line_frequency"), f.Exact()))
	}
	return faults
}

func newB1500(bus flex.Bus, c *config.Config, o AnalyzerOptions) *b1500.Device {
	return b1500.New(bus, b1500.Options{Limits: o.Limits, Channels: o.Channels,
		LineFrequency: float64(c.Analyzer.LineFrequency), FixedRanges: c.Analyzer.FixedRanges, Margin: o.Margin,
		Hello: o.AnswerTimeout, ReadTimeout: o.ReadTimeout, Claim: o.Claim, Retries: o.Retries, Logger: o.Logger,
		Quiet: o.Quiet, Leftover: o.Leftover})
}

// SimulatedB1500 is the simulated side of a B1500A: its adapter, which answers on the
// line, and the instrument behind it.
type SimulatedB1500 struct {
	*adapter.Adapter
	Instrument *simulated.Analyzer
	bench      *bench.Bench
}

func simulateB1500(c *config.Config, b *bench.Bench) (Simulated, error) {
	options := simulated.DefaultOptions()
	options.LineFrequency = float64(c.Analyzer.LineFrequency)
	// A bench that must be dead with its cover open, and an analyzer that
	// refuses what a real one would quietly round, find more mistakes.
	options.StrictInterlock, options.StrictTimes = true, true
	var err error
	if options.Slots, err = slotsOf(c); err != nil {
		return nil, err
	}
	s := &SimulatedB1500{bench: b}
	if s.Instrument, err = simulated.New(b, options); err != nil {
		return nil, err
	}
	if s.Adapter, err = adapter.New(b, adapter.DefaultOptions()); err != nil {
		return nil, err
	}
	return s, s.Attach(c.Analyzer.GPIB, s.Instrument)
}

func slotsOf(c *config.Config) ([]simulated.Slot, error) {
	slots, err := simulated.ParseSlots(c.Simulation.Slots)
	if err != nil {
		return nil, run.Usage(fmt.Errorf("%s: %w", c.Place("simulation.slots"), err))
	}
	return slots, nil
}

// Faults implements Simulated.
func (s *SimulatedB1500) Faults() fault.Device {
	slot := func(f fault.Fault) error {
		if f.With.Slot > 10 {
			return fmt.Errorf("slot %d: slots are 1 to 10", f.With.Slot)
		}
		return nil
	}
	return fault.Device{Link: true, Acts: map[string]fault.Act{
		"silence":     fault.Lasting(s.Instrument.Silence),
		"hang":        fault.Once(s.Instrument.Hang),
		"power_cycle": fault.Once(s.Instrument.PowerCycle),
		"interlock":   fault.Lasting(s.bench.OpenInterlock),
		"error": {Needs: []string{"code"}, Takes: []string{"slot"}, Valid: slot, Do: func(f fault.Fault) error {
			s.Instrument.InjectError(f.With.Code, f.With.Slot)
			return nil
		}},
		"open_output": {Needs: []string{"slot"}, Valid: slot,
			Do: func(f fault.Fault) error { return s.Instrument.OpenOutput(f.With.Slot) }},
		"clock": {Needs: []string{"seconds"}, Do: func(f fault.Fault) error {
			s.Instrument.JumpClock(f.With.Seconds)
			return nil
		}},
		"adapter_silence":     fault.Lasting(s.Silence),
		"adapter_hang":        fault.Once(s.Hang),
		"adapter_power_cycle": fault.Once(s.PowerCycle),
	}}
}

package instrumenttest

import (
	"math"
	"testing"

	"xlab/instrument"
)

// forbidden is a step that must be refused, and how.
type forbidden struct {
	name string
	step instrument.Step
	kind instrument.Kind // KindLimit or KindUsage; "" for either
}

// forbidden steps. Each differs from a good one in one respect.
func (f SequencerFixture) forbidden() []forbidden {
	const limit, usage, either = instrument.KindLimit, instrument.KindUsage, instrument.KindUnknown
	nan, inf := math.NaN(), math.Inf(1)
	var out []forbidden
	add := func(name string, kind instrument.Kind, step instrument.Step) {
		out = append(out, forbidden{name, step, kind})
	}
	stranger := instrument.Channel(99)
	tooHigh, tooLow := f.Limits.MaxVoltage+0.1, f.Limits.MinVoltage-0.1

	type changed[T any] struct {
		name   string
		kind   instrument.Kind
		change func(T)
	}

	drives := []changed[[]instrument.Drive]{
		{"voltage too high", limit, func(ds []instrument.Drive) { ds[0].Voltage = tooHigh }},
		{"voltage too low", limit, func(ds []instrument.Drive) { ds[0].Voltage = tooLow }},
		{"voltage not a number", either, func(ds []instrument.Drive) { ds[0].Voltage = instrument.Volts(nan) }},
		{"voltage infinite", either, func(ds []instrument.Drive) { ds[0].Voltage = instrument.Volts(-inf) }},
		{"compliance too high", limit, func(ds []instrument.Drive) { ds[0].Compliance = 1.1 * f.Limits.MaxCurrent }},
		{"no compliance", limit, func(ds []instrument.Drive) { ds[0].Compliance = 0 }},
		{"negative compliance", limit, func(ds []instrument.Drive) { ds[0].Compliance = -f.Limits.MaxCurrent }},
		{"compliance not a number", either, func(ds []instrument.Drive) { ds[0].Compliance = instrument.Amps(nan) }},
		{"unknown channel", usage, func(ds []instrument.Drive) { ds[0].Channel = stranger }},
	}
	if len(f.Channels) > 1 {
		drives = append(drives, changed[[]instrument.Drive]{"channel driven twice", usage, func(ds []instrument.Drive) {
			ds[1].Channel = ds[0].Channel
		}})
	}
	if most := f.Limits.MaxVoltage - f.Limits.MinVoltage; len(f.Channels) > 1 && most > f.Limits.MaxSpan+0.1 {
		drives = append(drives, changed[[]instrument.Drive]{"span", limit, func(ds []instrument.Drive) {
			ds[0].Voltage, ds[1].Voltage = f.Limits.MaxVoltage, f.Limits.MinVoltage
		}})
	}
	for _, c := range drives {
		spot, pulse := f.spot(), f.pulse()
		c.change(spot.Drives)
		add("spot: "+c.name, c.kind, spot)
		if !f.NoPulses {
			c.change(pulse.Drives)
			add("pulse: "+c.name, c.kind, pulse)
		}
	}

	for _, c := range []changed[*instrument.Spot]{
		{"unknown measured channel", usage, func(s *instrument.Spot) { s.Measure = []instrument.Channel{stranger} }},
		{"channel measured twice", usage, func(s *instrument.Spot) {
			s.Measure = []instrument.Channel{f.Channels[0], f.Channels[0]}
		}},
		{"no aperture", either, func(s *instrument.Spot) { s.Aperture = 0 }},
		{"aperture not a number", either, func(s *instrument.Spot) { s.Aperture = instrument.Seconds(nan) }},
		{"negative settling", either, func(s *instrument.Spot) { s.Settle = -1 }},
		{"range not a number", either, func(s *instrument.Spot) { s.Range = instrument.Amps(nan) }},
	} {
		s := f.spot()
		c.change(&s)
		add("spot: "+c.name, c.kind, s)
	}

	pulses := []changed[*instrument.Pulse]{
		{"width too long", limit, func(p *instrument.Pulse) { p.Width = 2 * f.Limits.MaxWidth }},
		{"no width", limit, func(p *instrument.Pulse) { p.Width = 0 }},
		{"negative width", limit, func(p *instrument.Pulse) { p.Width = -f.Width }},
		{"width not a number", either, func(p *instrument.Pulse) { p.Width = instrument.Seconds(nan) }},
		{"period shorter than the width", either, func(p *instrument.Pulse) { p.Period = p.Width / 2 }},
		{"nothing driven", usage, func(p *instrument.Pulse) { p.Drives = nil }},
	}
	for _, c := range pulses {
		if !f.NoPulses {
			p := f.pulse()
			c.change(&p)
			add("pulse: "+c.name, c.kind, p)
		}
	}

	sweeps := []changed[*instrument.Sweep]{
		{"stop too high", limit, func(s *instrument.Sweep) { s.Stop = float64(tooHigh) }},
		{"start too low", limit, func(s *instrument.Sweep) { s.Start = float64(tooLow) }},
		{"stop not a number", either, func(s *instrument.Sweep) { s.Stop = nan }},
		{"compliance too high", limit, func(s *instrument.Sweep) { s.Compliance = 1.1 * float64(f.Limits.MaxCurrent) }},
		{"no compliance", limit, func(s *instrument.Sweep) { s.Compliance = 0 }},
		{"level too long", limit, func(s *instrument.Sweep) { s.Delay = 2 * f.Limits.MaxWidth }},
		{"no levels", usage, func(s *instrument.Sweep) { s.Steps = 0 }},
		{"kind", usage, func(s *instrument.Sweep) { s.Kind = "" }},
		{"source driven too", usage, func(s *instrument.Sweep) { s.Drives = f.drives() }},
		{"unknown source", usage, func(s *instrument.Sweep) { s.Source = stranger }},
		{"current too high", limit, func(s *instrument.Sweep) {
			s.Kind, s.Stop, s.Compliance = instrument.SweepCurrent, 1.1*float64(f.Limits.MaxCurrent),
				float64(f.Limits.MaxVoltage)
		}},
		{"voltage compliance too high", limit, func(s *instrument.Sweep) {
			s.Kind, s.Stop, s.Compliance = instrument.SweepCurrent, float64(f.Limits.MaxCurrent), float64(tooHigh)
		}},
	}
	for _, c := range sweeps {
		if !f.NoSweeps {
			s := f.sweep()
			c.change(&s)
			add("sweep: "+c.name, c.kind, s)
		}
	}
	return out
}

func (f SequencerFixture) refused(t *testing.T) {
	s := f.Open(t, f.Limits)
	for _, bad := range f.forbidden() {
		t.Run(bad.name, func(t *testing.T) {
			// Once alone and once behind good steps, which may not be sent either.
			for _, before := range [][]instrument.Step{nil, f.steps()} {
				sent := s.Sent()
				steps := append(before, bad.step)
				results, err := s.Sequencer.Run(t.Context(), steps...)
				s.costless(t, err, steps...)
				kind := instrument.KindOf(err)
				ok := kind == bad.kind
				if bad.kind == instrument.KindUnknown {
					ok = kind == instrument.KindLimit || kind == instrument.KindUsage
				}
				if !ok || len(results) != 0 {
					t.Errorf("%d results, error %v of kind %q, want %q", len(results), err, kind, bad.kind)
				}
				if s.Sent() != sent {
					t.Errorf("%d bytes were sent", s.Sent()-sent)
				}
			}
		})
	}
	// Refusing is no failure: the instrument goes on.
	s.run(t, f.spot())
}

func (f SequencerFixture) zeroLimits(t *testing.T) {
	s := f.Open(t, instrument.Limits{})
	sent := s.Sent()
	for _, step := range f.steps() {
		if _, err := s.Sequencer.Run(t.Context(), step); instrument.KindOf(err) != instrument.KindLimit {
			t.Errorf("a %T without any limits configured: %v", step, err)
		}
	}
	still := f.spot()
	still.Drives = f.drives()
	if _, err := s.Sequencer.Run(t.Context(), still); instrument.KindOf(err) != instrument.KindLimit {
		t.Errorf("a spot at 0 V without any limits configured: %v", err)
	}
	if s.Sent() != sent {
		t.Errorf("%d bytes were sent", s.Sent()-sent)
	}
}

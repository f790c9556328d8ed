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

	drive := func(name string, kind instrument.Kind, change func(ds []instrument.Drive)) {
		spot, pulse := f.spot(), f.pulse()
		change(spot.Drives)
		add("spot: "+name, kind, spot)
		if !f.NoPulses {
			change(pulse.Drives)
			add("pulse: "+name, kind, pulse)
		}
	}
	drive("voltage too high", limit, func(ds []instrument.Drive) { ds[0].Voltage = tooHigh })
	drive("voltage too low", limit, func(ds []instrument.Drive) { ds[0].Voltage = tooLow })
	drive("voltage not a number", either, func(ds []instrument.Drive) { ds[0].Voltage = instrument.Volts(nan) })
	drive("voltage infinite", either, func(ds []instrument.Drive) { ds[0].Voltage = instrument.Volts(-inf) })
	drive("compliance too high", limit, func(ds []instrument.Drive) { ds[0].Compliance = 1.1 * f.Limits.MaxCurrent })
	drive("no compliance", limit, func(ds []instrument.Drive) { ds[0].Compliance = 0 })
	drive("negative compliance", limit, func(ds []instrument.Drive) { ds[0].Compliance = -f.Limits.MaxCurrent })
	drive("compliance not a number", either, func(ds []instrument.Drive) { ds[0].Compliance = instrument.Amps(nan) })
	drive("unknown channel", usage, func(ds []instrument.Drive) { ds[0].Channel = stranger })
	if len(f.Channels) > 1 {
		drive("channel driven twice", usage, func(ds []instrument.Drive) { ds[1].Channel = ds[0].Channel })
		if most := f.Limits.MaxVoltage - f.Limits.MinVoltage; most > f.Limits.MaxSpan+0.1 {
			drive("span", limit, func(ds []instrument.Drive) {
				ds[0].Voltage, ds[1].Voltage = f.Limits.MaxVoltage,
					f.Limits.MinVoltage
			})
		}
	}

	spot := func(name string, kind instrument.Kind, change func(s *instrument.Spot)) {
		s := f.spot()
		change(&s)
		add("spot: "+name, kind, s)
	}
	spot("unknown measured channel", usage, func(s *instrument.Spot) { s.Measure = []instrument.Channel{stranger} })
	spot("channel measured twice", usage,
		func(s *instrument.Spot) { s.Measure = []instrument.Channel{f.Channels[0], f.Channels[0]} })
	spot("no aperture", either, func(s *instrument.Spot) { s.Aperture = 0 })
	spot("aperture not a number", either, func(s *instrument.Spot) { s.Aperture = instrument.Seconds(nan) })
	spot("negative settling", either, func(s *instrument.Spot) { s.Settle = -1 })
	spot("range not a number", either, func(s *instrument.Spot) { s.Range = instrument.Amps(nan) })
	if !f.NoPulses {
		pulse := func(name string, kind instrument.Kind, change func(p *instrument.Pulse)) {
			p := f.pulse()
			change(&p)
			add("pulse: "+name, kind, p)
		}
		pulse("width too long", limit, func(p *instrument.Pulse) { p.Width = 2 * f.Limits.MaxWidth })
		pulse("no width", limit, func(p *instrument.Pulse) { p.Width = 0 })
		pulse("negative width", limit, func(p *instrument.Pulse) { p.Width = -f.Width })
		pulse("width not a number", either, func(p *instrument.Pulse) { p.Width = instrument.Seconds(nan) })
		pulse("period shorter than the width", either, func(p *instrument.Pulse) { p.Period = p.Width / 2 })
		pulse("nothing driven", usage, func(p *instrument.Pulse) { p.Drives = nil })
	}
	if !f.NoSweeps {
		sweep := func(name string, kind instrument.Kind, change func(s *instrument.Sweep)) {
			s := f.sweep()
			change(&s)
			add("sweep: "+name, kind, s)
		}
		sweep("stop too high", limit, func(s *instrument.Sweep) { s.Stop = float64(tooHigh) })
		sweep("start too low", limit, func(s *instrument.Sweep) { s.Start = float64(tooLow) })
		sweep("stop not a number", either, func(s *instrument.Sweep) { s.Stop = nan })
		sweep("compliance too high", limit, func(s *instrument.Sweep) { s.Compliance = 1.1 * float64(f.Limits.MaxCurrent) })
		sweep("no compliance", limit, func(s *instrument.Sweep) { s.Compliance = 0 })
		sweep("level too long", limit, func(s *instrument.Sweep) { s.Delay = 2 * f.Limits.MaxWidth })
		sweep("no levels", usage, func(s *instrument.Sweep) { s.Steps = 0 })
		sweep("kind", usage, func(s *instrument.Sweep) { s.Kind = "" })
		sweep("source driven too", usage, func(s *instrument.Sweep) { s.Drives = f.drives() })
		sweep("unknown source", usage, func(s *instrument.Sweep) { s.Source = stranger })
		sweep("current too high", limit, func(s *instrument.Sweep) {
			s.Kind, s.Stop, s.Compliance = instrument.SweepCurrent, 1.1*float64(f.Limits.MaxCurrent),
				float64(f.Limits.MaxVoltage)
		})
		sweep("voltage compliance too high", limit, func(s *instrument.Sweep) {
			s.Kind, s.Stop, s.Compliance = instrument.SweepCurrent, float64(f.Limits.MaxCurrent), float64(tooHigh)
		})
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

package instrumenttest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"xlab/instrument"
)

// Source is an analyzer that has been opened, seen from both sides.
type Source struct {
	Sequencer instrument.Sequencer
	Safer     instrument.Safer // nil: what needs it is skipped
	// Sent is the number of bytes that the host has written to the instrument
	// so far. It must be set.
	Sent func() int
	// Levels are the voltages at the terminals now, as the far side sees them;
	// nil where they cannot be seen.
	Levels func() map[instrument.Channel]instrument.Volts
	// Stall makes the instrument answer nothing until resume is called; nil
	// where it cannot be made to.
	Stall func() (resume func())
}

// SequencerFixture describes an analyzer and the load at its terminals.
type SequencerFixture struct {
	// Open makes a new instrument with these limits, ready to run steps. It
	// must work with the zero value too. It cleans up with t.Cleanup.
	Open func(t *testing.T, limits instrument.Limits) Source
	// Limits within which the load and the instrument bear everything.
	Limits instrument.Limits
	// Channels to use, at least one, all driven from 0 V.
	Channels []instrument.Channel
	// Level is a voltage that may stand at any channel with either sign, while
	// the others are at 0 V, and draws less than Limits.MaxCurrent.
	Level instrument.Volts
	// Current is what the load draws out of channel ch with these voltages at
	// the channels; one that is not in the map is at 0 V.
	Current func(volts map[instrument.Channel]instrument.Volts, ch instrument.Channel) instrument.Amps
	// Tolerance of a reading, relative to the largest current of its step.
	Tolerance float64
	// Width of a pulse and Aperture of a measurement that the instrument can
	// make exactly.
	Width, Aperture instrument.Seconds
	// NoPulses and NoSweeps: the instrument refuses these steps as usage.
	NoPulses, NoSweeps bool
}

// TestSequencer runs the suite of instrument.Sequencer.
func TestSequencer(t *testing.T, f SequencerFixture) {
	if len(f.Channels) == 0 || f.Open == nil || f.Current == nil || f.Level == 0 || f.Tolerance <= 0 {
		t.Fatal("the fixture is incomplete: Open, Current, Channels, Level and Tolerance are needed")
	}
	runSubtests(t, []subtest{
		{"NoSteps", f.noSteps},
		{"Refused", f.refused},
		{"ZeroLimits", f.zeroLimits},
		{"Values", f.values},
		{"ResultsInOrder", f.order},
		{"Pulse", f.pulses},
		{"Sweep", f.sweeps},
		{"SeveralSteps", f.several},
		{"EndedContext", f.ended},
		{"Cancel", f.cancel},
	})
}

// drives gives the channels these voltages in order, with the largest
// compliance allowed.
func (f SequencerFixture) drives(volts ...instrument.Volts) []instrument.Drive {
	out := make([]instrument.Drive, 0, len(f.Channels))
	for i, ch := range f.Channels {
		d := instrument.Drive{Channel: ch, Compliance: f.Limits.MaxCurrent}
		if i < len(volts) {
			d.Voltage = volts[i]
		}
		out = append(out, d)
	}
	return out
}

// one drives channel i and keeps the others at 0 V.
func (f SequencerFixture) one(i int, v instrument.Volts) []instrument.Drive {
	ds := f.drives()
	ds[i].Voltage = v
	return ds
}

func (f SequencerFixture) spot() instrument.Spot {
	return instrument.Spot{Drives: f.one(0, f.Level), Measure: f.Channels, Aperture: f.Aperture}
}

func (f SequencerFixture) pulse() instrument.Pulse {
	return instrument.Pulse{Drives: f.one(0, f.Level), Width: f.Width, Measure: f.Channels[:1]}
}

func (f SequencerFixture) sweep() instrument.Sweep {
	return instrument.Sweep{
		Kind: instrument.SweepVoltage, Source: f.Channels[0], Stop: float64(f.Level), Steps: 5,
		Compliance: float64(f.Limits.MaxCurrent), Drives: f.drives()[1:], Measure: f.Channels[:1], Aperture: f.Aperture,
	}
}

// steps are one of each kind that the instrument performs.
func (f SequencerFixture) steps() []instrument.Step {
	steps := []instrument.Step{f.spot()}
	if !f.NoPulses {
		steps = append(steps, f.pulse())
	}
	if !f.NoSweeps {
		steps = append(steps, f.sweep())
	}
	return steps
}

// atRest checks that all terminals are at 0 V.
func (s Source) atRest(t *testing.T, when string) {
	t.Helper()
	if s.Levels == nil {
		return
	}
	for ch, v := range s.Levels() {
		if v != 0 {
			t.Errorf("%s: channel %d stands at %v", when, ch, v)
		}
	}
}

// coster is an analyzer that tells without a link how long steps will take.
type coster interface {
	Cost(steps ...instrument.Step) (instrument.Seconds, error)
}

// run performs steps that must succeed.
func (s Source) run(t *testing.T, steps ...instrument.Step) []instrument.Result {
	t.Helper()
	results, err := s.Sequencer.Run(t.Context(), steps...)
	if err != nil {
		t.Fatalf("%v", err)
	}
	if len(results) != len(steps) {
		t.Fatalf("%d results of %d steps", len(results), len(steps))
	}
	busy := instrument.Seconds(0)
	for i, r := range results {
		if !(r.Busy > 0) {
			t.Errorf("step %d took the instrument %v", i, r.Busy)
		}
		busy += r.Busy
	}
	if c, can := s.Sequencer.(coster); can {
		if cost, err := c.Cost(steps...); err != nil || math.Abs(float64(cost-busy)) > 1e-9*float64(busy) {
			t.Errorf("the cost of what took the instrument %v: %v, %v", busy, cost, err)
		}
	}
	s.atRest(t, "after the steps")
	return results
}

// readings checks order and values of one point.
func (f SequencerFixture) readings(t *testing.T, p instrument.Point, drives []instrument.Drive,
	measure []instrument.Channel) {
	t.Helper()
	if len(p.Readings) != len(measure) {
		t.Fatalf("%d readings of %d channels", len(p.Readings), len(measure))
	}
	volts := map[instrument.Channel]instrument.Volts{}
	largest := 0.0
	for _, d := range drives {
		volts[d.Channel] = d.Voltage
	}
	for _, d := range drives {
		largest = math.Max(largest, math.Abs(float64(f.Current(volts, d.Channel))))
	}
	for i, r := range p.Readings {
		want := float64(f.Current(volts, measure[i]))
		if r.Channel != measure[i] || r.Status != 0 || !(math.Abs(r.Value-want) <= f.Tolerance*largest) {
			t.Errorf("reading %d: channel %d, %v, status %b; want channel %d, %v", i, r.Channel, instrument.Amps(r.Value),
				r.Status, measure[i], instrument.Amps(want))
		}
	}
}

func (f SequencerFixture) noSteps(t *testing.T) {
	s := f.Open(t, f.Limits)
	sent := s.Sent()
	results, err := s.Sequencer.Run(t.Context())
	if err != nil || len(results) != 0 || s.Sent() != sent {
		t.Errorf("%v, %v, %d bytes sent", results, err, s.Sent()-sent)
	}
}

func (f SequencerFixture) values(t *testing.T) {
	s := f.Open(t, f.Limits)
	s.atRest(t, "after opening")
	for i := range f.Channels {
		for _, v := range []instrument.Volts{f.Level, -f.Level, f.Level / 2, 0} {
			step := f.spot()
			step.Drives = f.one(i, v)
			r := s.run(t, step)[0]
			if len(r.Points) != 1 || r.Points[0].Source != 0 {
				t.Fatalf("a spot has one point with source 0, not %v", r.Points)
			}
			f.readings(t, r.Points[0], step.Drives, step.Measure)
			if float64(r.Busy) < float64(f.Aperture)*(1-1e-9) {
				t.Errorf("an aperture of %v took the instrument %v", f.Aperture, r.Busy)
			}
		}
	}
}

func (f SequencerFixture) order(t *testing.T) {
	s := f.Open(t, f.Limits)
	step := f.spot()
	step.Measure = slices.Clone(f.Channels)
	slices.Reverse(step.Measure)
	r := s.run(t, step)[0]
	f.readings(t, r.Points[0], step.Drives, step.Measure)
}

func (f SequencerFixture) pulses(t *testing.T) {
	s := f.Open(t, f.Limits)
	step := f.pulse()
	if f.NoPulses {
		f.unsupported(t, s, step)
		return
	}
	for _, v := range []instrument.Volts{f.Level, -f.Level} {
		step.Drives = f.one(0, v)
		r := s.run(t, step)[0]
		if len(r.Points) != 1 || r.Points[0].Source != 0 {
			t.Fatalf("a pulse has one point with source 0, not %v", r.Points)
		}
		f.readings(t, r.Points[0], step.Drives, step.Measure)
		if float64(r.Busy) < float64(f.Width)*(1-1e-9) {
			t.Errorf("a pulse of %v took the instrument %v", f.Width, r.Busy)
		}
	}
	step.Measure = nil
	if r := s.run(t, step)[0]; len(r.Points) != 1 || len(r.Points[0].Readings) != 0 {
		t.Errorf("a pulse that nobody looks at has one point without readings, not %v", r.Points)
	}
	if len(f.Channels) > 1 {
		step.Drives = f.drives(f.Level/2, -f.Level/2)
		step.Measure = f.Channels[:1]
		r := s.run(t, step)[0]
		f.readings(t, r.Points[0], step.Drives, step.Measure)
		// What an earlier pulse drove must not act on a later one.
		step.Drives = f.drives(f.Level / 2)[:1]
		step.Measure = f.Channels
		r = s.run(t, step)[0]
		f.readings(t, r.Points[0], step.Drives, step.Measure)
	}
}

func (f SequencerFixture) sweeps(t *testing.T) {
	s := f.Open(t, f.Limits)
	step := f.sweep()
	if f.NoSweeps {
		f.unsupported(t, s, step)
		return
	}
	level := float64(f.Level)
	for _, tc := range []struct {
		name        string
		start, stop float64
		steps       int
		twoWay      bool
		want        []float64
	}{
		{"up", 0, level, 5, false, []float64{0, level / 4, level / 2, 3 * level / 4, level}},
		{"down", level, -level, 3, false, []float64{level, 0, -level}},
		{"there and back", 0, level, 3, true, []float64{0, level / 2, level, level, level / 2, 0}},
		{"one level", level, level, 1, false, []float64{level}},
	} {
		step.Start, step.Stop, step.Steps, step.TwoWay = tc.start, tc.stop, tc.steps, tc.twoWay
		for _, stop := range []bool{false, true} {
			step.StopAtCompliance = stop
			r := s.run(t, step)[0]
			if len(r.Points) != len(tc.want) {
				t.Fatalf("%s: %d levels, want %d", tc.name, len(r.Points), len(tc.want))
			}
			for i, p := range r.Points {
				if math.Abs(p.Source-tc.want[i]) > 0.01*math.Abs(level) {
					t.Errorf("%s: level %d is %v, want %v", tc.name, i, p.Source, tc.want[i])
				}
				at := append(f.drives()[1:], instrument.Drive{Channel: step.Source, Voltage: instrument.Volts(p.Source)})
				f.readings(t, p, at, step.Measure)
			}
		}
	}
}

// costless checks that what Run refuses has no cost, for the same reason.
func (s Source) costless(t *testing.T, refused error, steps ...instrument.Step) {
	t.Helper()
	c, can := s.Sequencer.(coster)
	if !can {
		return
	}
	if _, err := c.Cost(steps...); fmt.Sprint(err) != fmt.Sprint(refused) {
		t.Errorf("the cost of what is refused with %v: %v", refused, err)
	}
}

// unsupported steps are refused as usage, before a byte.
func (f SequencerFixture) unsupported(t *testing.T, s Source, step instrument.Step) {
	sent := s.Sent()
	_, err := s.Sequencer.Run(t.Context(), f.spot(), step)
	s.costless(t, err, f.spot(), step)
	if instrument.KindOf(err) != instrument.KindUsage || s.Sent() != sent {
		t.Errorf("a %T that the instrument cannot perform: %v, %d bytes sent", step, err, s.Sent()-sent)
	}
}

func (f SequencerFixture) several(t *testing.T) {
	s := f.Open(t, f.Limits)
	var steps []instrument.Step
	for range 3 {
		steps = append(steps, f.steps()...)
	}
	for i, r := range s.run(t, steps...) {
		points := 1
		if sw, is := steps[i].(instrument.Sweep); is {
			points = sw.Steps
		}
		if len(r.Points) != points {
			t.Errorf("step %d, a %T, has %d points, want %d", i, steps[i], len(r.Points), points)
		}
	}
}

func (f SequencerFixture) ended(t *testing.T) {
	s := f.Open(t, f.Limits)
	for _, ctx := range endedContexts(t) {
		sent := s.Sent()
		results, err := s.Sequencer.Run(ctx, f.spot())
		if !isContextKind(err) || len(results) != 0 || s.Sent() != sent {
			t.Errorf("with a context that has ended: %v, %v, %d bytes sent", results, err, s.Sent()-sent)
		}
	}
	s.run(t, f.spot())
}

// cancel ends the context while the instrument is silent.
func (f SequencerFixture) cancel(t *testing.T) {
	s := f.Open(t, f.Limits)
	if s.Stall == nil {
		t.Skip("the fixture cannot make the instrument stop answering")
	}
	resume := s.Stall()
	sent := s.Sent()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	failed := make(chan error, 1)
	go func() {
		_, err := s.Sequencer.Run(ctx, f.spot())
		failed <- err
	}()
	for s.Sent() == sent {
		select {
		case err := <-failed:
			resume()
			t.Fatalf("ended without an answer and without being cancelled: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	cancel()
	// An implementation that waits for its own time-out instead hangs here
	// until the test binary's.
	if err := <-failed; instrument.KindOf(err) != instrument.KindCancelled {
		t.Errorf("cancelled: %v of kind %q", err, instrument.KindOf(err))
	}
	resume()
	if s.Safer == nil {
		return
	}
	if err := s.Safer.Safe(t.Context()); err != nil {
		t.Errorf("safe after cancelling: %v", err)
	}
	s.atRest(t, "after safe")
}

package b1500

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"xlab/instrument"
)

// level is a forced voltage with its compliance, as it will be sent.
type level struct {
	channel    instrument.Channel
	source     sourceRange
	volts      float64
	compliance float64 // A
}

// spot, pulse and sweep are steps that have passed every check: all numbers
// are what the analyzer will really do.
type spot struct {
	drives      []level
	measure     []instrument.Channel
	rangeCode   int
	settle      float64 // s
	integration integration
}

type pulse struct {
	drives        []level
	measure       []instrument.Channel
	rangeCode     int
	width, period float64 // s
}

type sweep struct {
	kind        instrument.SweepKind
	channel     instrument.Channel
	source      sourceRange
	start, stop float64 // V or A
	steps       int     // levels one way
	twoWay      bool
	compliance  float64 // A or V
	rest        float64 // A, compliance of the source at 0 V after a current sweep
	drives      []level
	follow      []follower
	measure     []instrument.Channel
	rangeCode   int
	delay       float64 // s
	integration integration
	abort       bool
}

// follower is a channel that sweeps along with the source.
type follower struct {
	level               // volts is unused
	start, stop float64 // V
}

// checker turns steps into checked ones, or says why not. It sends nothing and
// changes nothing.
type checker struct {
	limits        instrument.Limits
	channels      []instrument.Channel
	lineFrequency float64
	ranges        func(instrument.Channel) []sourceRange

	// The step at hand, for messages.
	what      string
	at, steps int // counted from 1
}

// op is the operation and, among several, the step.
func (c *checker) op() string {
	if c.steps == 1 {
		return "b1500 " + c.what
	}
	return fmt.Sprintf("b1500 %s, step %d of %d", c.what, c.at, c.steps)
}

// all checks every step; nothing may be sent before it has succeeded.
func (c *checker) all(steps []instrument.Step) ([]any, error) {
	checked := make([]any, len(steps))
	c.steps = len(steps)
	for i, step := range steps {
		c.at = i + 1
		var err error
		switch s := step.(type) {
		case instrument.Spot:
			c.what = "spot"
			checked[i], err = c.spot(s)
		case instrument.Pulse:
			c.what = "pulse"
			checked[i], err = c.pulse(s)
		case instrument.Sweep:
			c.what = "sweep"
			checked[i], err = c.sweep(s)
		default:
			c.what = "run"
			err = c.usage(0, fmt.Errorf("a step of type %T cannot be performed", step))
		}
		if err != nil {
			return nil, err
		}
	}
	return checked, nil
}

func channelName(ch instrument.Channel) string {
	if ch == 0 {
		return ""
	}
	return fmt.Sprintf("SMU %d", ch)
}

// usage is a request that cannot be carried out as it stands.
func (c *checker) usage(ch instrument.Channel, err error) error {
	return &instrument.Error{Op: c.op(), Channel: channelName(ch), Kind: instrument.KindUsage, Err: err,
		Advice: "nothing was sent"}
}

// limit passes nil on and gives a limit's refusal its place.
func (c *checker) limit(ch instrument.Channel, err error) error {
	if err == nil {
		return nil
	}
	return &instrument.Error{Op: c.op(), Channel: channelName(ch), Kind: instrument.KindLimit, Err: err}
}

func (c *checker) known(ch instrument.Channel) error {
	if !slices.Contains(c.channels, ch) {
		return c.usage(ch, fmt.Errorf("the channel is not among the configured ones %v", c.channels))
	}
	return nil
}

// voltage rounds v to its range and checks the result. A value that no range
// covers is shown to the limits as it is: they refuse what is not a number.
func (c *checker) voltage(ch instrument.Channel, v instrument.Volts) (float64, sourceRange, error) {
	rounded, r, ok := quantize(float64(v), c.ranges(ch))
	if !ok {
		if err := c.limit(ch, c.limits.CheckVoltage(v)); err != nil {
			return 0, r, err
		}
		return 0, r, c.usage(ch, fmt.Errorf("%s is beyond the largest voltage range, %s", v.Exact(),
			instrument.Volts(voltageRanges[len(voltageRanges)-1].full)))
	}
	return rounded, r, c.limit(ch, c.limits.CheckVoltage(instrument.Volts(rounded)))
}

// currentCompliance rounds and checks the compliance of a unit that forces up
// to volts.
func (c *checker) currentCompliance(ch instrument.Channel, i instrument.Amps, volts float64) (float64, error) {
	rounded, _, ok := quantize(float64(i), currentRanges[:])
	if !ok {
		if err := c.limit(ch, c.limits.CheckCompliance(i)); err != nil {
			return 0, err
		}
		return 0, c.usage(ch, fmt.Errorf("compliance %s is beyond the largest current range, %s", i.Exact(),
			instrument.Amps(maxCurrent)))
	}
	if err := c.limit(ch, c.limits.CheckCompliance(instrument.Amps(rounded))); err != nil {
		return 0, err
	}
	return rounded, c.power(ch, rounded, volts)
}

// power refuses a current that the unit cannot give at its voltage.
func (c *checker) power(ch instrument.Channel, amps, volts float64) error {
	if math.Abs(volts) > 20 && amps > maxCurrentAbove20V {
		return c.usage(ch, fmt.Errorf("the unit gives at most %s beyond 20 V, not %s", instrument.Amps(maxCurrentAbove20V),
			instrument.Amps(amps).Exact()))
	}
	return nil
}

// drives checks each drive and all of them together.
func (c *checker) drives(drives []instrument.Drive) ([]level, error) {
	levels := make([]level, 0, len(drives))
	for _, d := range drives {
		if err := c.known(d.Channel); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(levels, func(l level) bool { return l.channel == d.Channel }) {
			return nil, c.usage(d.Channel, errors.New("the channel is driven twice"))
		}
		volts, r, err := c.voltage(d.Channel, d.Voltage)
		if err != nil {
			return nil, err
		}
		compliance, err := c.currentCompliance(d.Channel, d.Compliance, volts)
		if err != nil {
			return nil, err
		}
		levels = append(levels, level{d.Channel, r, volts, compliance})
	}
	return levels, c.span(levels)
}

// span checks the voltages between all channels at one moment. The commands
// set one channel after the other from 0 V and back, which never makes a
// larger difference than all of them together with ground.
func (c *checker) span(levels []level, more ...float64) error {
	voltages := make([]instrument.Volts, 0, len(levels)+len(more))
	for _, l := range levels {
		voltages = append(voltages, instrument.Volts(l.volts))
	}
	for _, v := range more {
		voltages = append(voltages, instrument.Volts(v))
	}
	return c.limit(0, c.limits.CheckSpan(voltages...))
}

func (c *checker) measured(channels []instrument.Channel) error {
	for i, ch := range channels {
		if err := c.known(ch); err != nil {
			return err
		}
		if slices.Contains(channels[:i], ch) {
			return c.usage(ch, errors.New("the channel is to be measured twice"))
		}
	}
	return nil
}

func (c *checker) spot(s instrument.Spot) (*spot, error) {
	drives, err := c.drives(s.Drives)
	if err != nil {
		return nil, err
	}
	if err := c.measured(s.Measure); err != nil {
		return nil, err
	}
	if len(s.Measure) == 0 {
		return nil, c.usage(0, errors.New("the spot measures nothing: name a channel"))
	}
	out := &spot{drives: drives, measure: s.Measure}
	if out.rangeCode, err = measuringCode(s.Range); err != nil {
		return nil, c.usage(0, err)
	}
	if out.settle, err = waitTime("settling time", s.Settle, maxPause); err != nil {
		return nil, c.usage(0, err)
	}
	if out.integration, err = integrate(s.Aperture, c.lineFrequency, false); err != nil {
		return nil, c.usage(0, err)
	}
	return out, nil
}

func (c *checker) pulse(p instrument.Pulse) (*pulse, error) {
	drives, err := c.drives(p.Drives)
	if err != nil {
		return nil, err
	}
	if len(drives) == 0 {
		return nil, c.usage(0, errors.New("the pulse drives nothing: name a channel"))
	}
	if err := c.measured(p.Measure); err != nil {
		return nil, err
	}
	// The limit speaks first: a width beyond it is refused as such even where
	// the analyzer could not make it either.
	if err := c.limit(0, c.limits.CheckWidth(p.Width)); err != nil {
		return nil, err
	}
	out := &pulse{drives: drives, measure: p.Measure}
	if out.width, out.period, err = pulseTimes(p.Width, p.Period); err != nil {
		return nil, c.usage(0, err)
	}
	if err := c.limit(0, c.limits.CheckWidth(instrument.Seconds(out.width))); err != nil {
		return nil, err
	}
	if out.rangeCode, err = measuringCode(p.Range); err != nil {
		return nil, c.usage(0, err)
	}
	return out, nil
}

func (c *checker) sweep(s instrument.Sweep) (*sweep, error) {
	if err := c.known(s.Source); err != nil {
		return nil, err
	}
	drives, err := c.drives(s.Drives)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(drives, func(l level) bool { return l.channel == s.Source }) {
		return nil, c.usage(s.Source, errors.New("the source of the sweep is among its constant drives too"))
	}
	if err := c.measured(s.Measure); err != nil {
		return nil, err
	}
	if len(s.Measure) == 0 {
		return nil, c.usage(0, errors.New("the sweep measures nothing: name a channel"))
	}
	if s.Steps < 1 || s.Steps > maxLevels {
		return nil, c.usage(s.Source, fmt.Errorf("%d levels are not between 1 and %d", s.Steps, maxLevels))
	}
	out := &sweep{
		kind: s.Kind, channel: s.Source, steps: s.Steps, twoWay: s.TwoWay,
		drives: drives, measure: s.Measure, abort: s.StopAtCompliance,
	}
	switch s.Kind {
	case instrument.SweepVoltage:
		err = c.voltageSweep(s, out)
	case instrument.SweepCurrent:
		err = c.currentSweep(s, out)
	default:
		err = c.usage(s.Source, fmt.Errorf("sweep kind %q is neither %q nor %q", s.Kind, instrument.SweepVoltage,
			instrument.SweepCurrent))
	}
	if err != nil {
		return nil, err
	}
	if s.Steps == 1 && out.start != out.stop {
		return nil, c.usage(s.Source, errors.New("a sweep of one level must start and stop at the same one"))
	}
	if out.rangeCode, err = measuringCode(s.Range); err != nil {
		return nil, c.usage(0, err)
	}
	if out.delay, err = waitTime("delay", s.Delay, maxDelay); err != nil {
		return nil, c.usage(0, err)
	}
	if out.integration, err = integrate(s.Aperture, c.lineFrequency, len(s.Measure) > 1); err != nil {
		return nil, c.usage(0, err)
	}
	return out, c.limit(s.Source, c.limits.CheckWidth(instrument.Seconds(out.levelTime())))
}

// voltageSweep fills in the levels. The range that covers both ends serves all
// levels in between; ends and ground bound every span on the way.
func (c *checker) voltageSweep(s instrument.Sweep, out *sweep) error {
	start, first, err := c.voltage(s.Source, instrument.Volts(s.Start))
	if err != nil {
		return err
	}
	stop, last, err := c.voltage(s.Source, instrument.Volts(s.Stop))
	if err != nil {
		return err
	}
	out.source = first
	if last.full > first.full {
		out.source = last
	}
	// One range for both ends is coarser than the finer end's own.
	if out.start, err = c.coarser(s.Source, start, out.source); err != nil {
		return err
	}
	if out.stop, err = c.coarser(s.Source, stop, out.source); err != nil {
		return err
	}
	largest := math.Max(math.Abs(out.start), math.Abs(out.stop))
	if out.compliance, err = c.currentCompliance(s.Source, instrument.Amps(s.Compliance), largest); err != nil {
		return err
	}
	if err := c.followers(s, out); err != nil {
		return err
	}
	// All of them move in proportion, so the ends bound every span on the way.
	starts, stops := []float64{out.start}, []float64{out.stop}
	for _, f := range out.follow {
		starts, stops = append(starts, f.start), append(stops, f.stop)
	}
	if err := c.span(out.drives, starts...); err != nil {
		return err
	}
	return c.span(out.drives, stops...)
}

// followers fills in the channels that sweep along.
func (c *checker) followers(s instrument.Sweep, out *sweep) error {
	for _, f := range s.Follow {
		if err := c.known(f.Channel); err != nil {
			return err
		}
		on := func(l level) bool { return l.channel == f.Channel }
		if f.Channel == s.Source || slices.ContainsFunc(out.drives, on) ||
			slices.ContainsFunc(out.follow, func(g follower) bool { return on(g.level) }) {
			return c.usage(f.Channel, errors.New("the channel is driven twice"))
		}
		start, first, err := c.voltage(f.Channel, instrument.Volts(f.Ratio*out.start))
		if err != nil {
			return err
		}
		stop, last, err := c.voltage(f.Channel, instrument.Volts(f.Ratio*out.stop))
		if err != nil {
			return err
		}
		along := follower{level: level{channel: f.Channel, source: first}}
		if last.full > first.full {
			along.source = last
		}
		if along.start, err = c.coarser(f.Channel, start, along.source); err != nil {
			return err
		}
		if along.stop, err = c.coarser(f.Channel, stop, along.source); err != nil {
			return err
		}
		if along.compliance, err = c.currentCompliance(f.Channel, f.Compliance,
			math.Max(math.Abs(along.start), math.Abs(along.stop))); err != nil {
			return err
		}
		out.follow = append(out.follow, along)
	}
	return nil
}

func (c *checker) coarser(ch instrument.Channel, v float64, r sourceRange) (float64, error) {
	rounded, _, ok := quantize(v, []sourceRange{r})
	if !ok {
		return 0, c.usage(ch, fmt.Errorf("%s is beyond the range of %s", instrument.Volts(v).Exact(),
			instrument.Volts(r.full)))
	}
	return rounded, c.limit(ch, c.limits.CheckVoltage(instrument.Volts(rounded)))
}

// currentSweep fills in the levels. The voltage compliance counts as a voltage
// that may stand at the unit, on the side to which the current flows.
func (c *checker) currentSweep(s instrument.Sweep, out *sweep) error {
	if len(s.Follow) > 0 {
		return c.usage(s.Follow[0].Channel, errors.New("nothing can follow a forced current, whose potential is not known "+
			"beforehand"))
	}
	start, err := c.current(s.Source, instrument.Amps(s.Start))
	if err != nil {
		return err
	}
	stop, err := c.current(s.Source, instrument.Amps(s.Stop))
	if err != nil {
		return err
	}
	largest := math.Max(math.Abs(start), math.Abs(stop))
	if largest == 0 {
		return c.usage(s.Source, errors.New("the sweep forces 0 A throughout"))
	}
	_, out.source, _ = quantize(largest, currentRanges[:])
	// The range of the larger end serves both. Coarser rounding cannot bring the
	// smaller end beyond the larger one, which has been checked.
	var okStart, okStop bool
	out.start, _, okStart = quantize(start, []sourceRange{out.source})
	out.stop, _, okStop = quantize(stop, []sourceRange{out.source})
	if !okStart || !okStop {
		return c.usage(s.Source, fmt.Errorf("the levels do not fit into the range of %s", instrument.Amps(out.source.full)))
	}
	out.rest = math.Max(math.Abs(out.start), math.Abs(out.stop))

	if !(s.Compliance > 0) {
		return c.limit(s.Source, &instrument.LimitError{
			Quantity: "voltage compliance", Value: instrument.Volts(s.Compliance).Exact(),
			Limit: "more than 0 V: every source needs one", Origin: c.limits.Origin,
		})
	}
	rising, falling := out.start > 0 || out.stop > 0, out.start < 0 || out.stop < 0
	for _, side := range []struct {
		used bool
		sign float64
	}{{rising, 1}, {falling, -1}} {
		if !side.used {
			continue
		}
		volts, _, err := c.voltage(s.Source, instrument.Volts(side.sign*s.Compliance))
		if err != nil {
			return err
		}
		if volts == 0 {
			return c.usage(s.Source, fmt.Errorf("a compliance of %s is below the resolution of the voltage range",
				instrument.Volts(s.Compliance).Exact()))
		}
		if err := c.span(out.drives, volts); err != nil {
			return err
		}
		out.compliance = math.Abs(volts)
	}
	return c.power(s.Source, out.rest, out.compliance)
}

func (c *checker) current(ch instrument.Channel, i instrument.Amps) (float64, error) {
	rounded, _, ok := quantize(float64(i), currentRanges[:])
	if !ok {
		if err := c.limit(ch, c.limits.CheckCurrent(i)); err != nil {
			return 0, err
		}
		return 0, c.usage(ch, fmt.Errorf("current %s is beyond the largest range, %s", i.Exact(),
			instrument.Amps(maxCurrent)))
	}
	return rounded, c.limit(ch, c.limits.CheckCurrent(instrument.Amps(rounded)))
}

// levelTime is how long a sweep stays at one level.
func (s *sweep) levelTime() float64 {
	return math.Round((s.delay+s.integration.of(s.measure))*1e9) / 1e9 // to ns: the sum of decimals is none
}

// levels gives what is forced, level by level.
func (s *sweep) levels() []float64 {
	n := s.steps
	out := make([]float64, n, 2*n)
	for i := range out {
		out[i] = s.start
		if i > 0 {
			x := s.start + (s.stop-s.start)*float64(i)/float64(n-1)
			// Between two levels that are in range the rounding cannot fail.
			if rounded, _, ok := quantize(x, []sourceRange{s.source}); ok {
				x = rounded
			}
			out[i] = x
		}
	}
	if s.twoWay {
		back := slices.Clone(out)
		slices.Reverse(back)
		out = append(out, back...)
	}
	return out
}

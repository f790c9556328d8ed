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

// checkedStep is a *spot, a *pulse or a *sweep: a step that has passed every
// check. All its numbers are what the analyzer will really do.
type checkedStep interface {
	busy() instrument.Seconds       // the analyzer's own time by its data sheet
	bounds() (amps, volts float64)  // the largest compliances
	encode(s *script) []expectation // adds its commands; what is answered per level
}

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

	err error // the first refusal; what is checked after it is not to be used
}

// all checks every step; nothing may be sent before it has succeeded.
func (c *checker) all(steps []instrument.Step) ([]checkedStep, error) {
	checked := make([]checkedStep, len(steps))
	c.steps = len(steps)
	for i, step := range steps {
		c.at = i + 1
		switch s := step.(type) {
		case instrument.Spot:
			c.what = "spot"
			checked[i] = c.spot(s)
		case instrument.Pulse:
			c.what = "pulse"
			checked[i] = c.pulse(s)
		case instrument.Sweep:
			c.what = "sweep"
			checked[i] = c.sweep(s)
		default:
			c.what = "run"
			c.usage(0, fmt.Errorf("a step of type %T cannot be performed", step))
		}
		if c.err != nil {
			return nil, c.err
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

// usage refuses a request that cannot be carried out as it stands, unless err is
// nil.
func (c *checker) usage(ch instrument.Channel, err error) {
	c.refuse(ch, instrument.KindUsage, err, "nothing was sent")
}

// limit gives a limit's refusal its place, unless err is nil.
func (c *checker) limit(ch instrument.Channel, err error) {
	c.refuse(ch, instrument.KindLimit, err, "")
}

func (c *checker) refuse(ch instrument.Channel, kind instrument.Kind, err error, advice string) {
	if err == nil || c.err != nil {
		return
	}
	op := "b1500 " + c.what
	if c.steps > 1 {
		op = fmt.Sprintf("b1500 %s, step %d of %d", c.what, c.at, c.steps)
	}
	c.err = &instrument.Error{Op: op, Channel: channelName(ch), Kind: kind, Err: err, Advice: advice}
}

func (c *checker) known(ch instrument.Channel) {
	if !slices.Contains(c.channels, ch) {
		c.usage(ch, fmt.Errorf("the channel is not among the configured ones %v", c.channels))
	}
}

// rounded rounds x to the smallest range that covers it and checks the result. A
// value that no range covers is shown to the limits as it is: they refuse what is
// not a number. beyond says of it and of the largest range what is wrong.
func rounded[T interface {
	~float64
	fmt.Stringer
	Exact() string
}](c *checker, ch instrument.Channel, x T, ranges []sourceRange, check func(T) error,
	beyond string) (float64, sourceRange) {
	value, r, ok := quantize(float64(x), ranges)
	if ok {
		c.limit(ch, check(T(value)))
	} else if c.err == nil {
		c.limit(ch, check(x))
		c.usage(ch, fmt.Errorf(beyond, x.Exact(), T(ranges[len(ranges)-1].full)))
	}
	return value, r
}

func (c *checker) voltage(ch instrument.Channel, v instrument.Volts) (float64, sourceRange) {
	return rounded(c, ch, v, c.ranges(ch), c.limits.CheckVoltage, "%s is beyond the largest voltage range, %s")
}

func (c *checker) current(ch instrument.Channel, i instrument.Amps) float64 {
	amps, _ := rounded(c, ch, i, currentRanges[:], c.limits.CheckCurrent, "current %s is beyond the largest range, %s")
	return amps
}

// currentCompliance rounds and checks the compliance of a unit that forces up
// to volts.
func (c *checker) currentCompliance(ch instrument.Channel, i instrument.Amps, volts float64) float64 {
	amps, _ := rounded(c, ch, i, currentRanges[:], c.limits.CheckCompliance,
		"compliance %s is beyond the largest current range, %s")
	c.power(ch, amps, volts)
	return amps
}

// power refuses a current that the unit cannot give at its voltage.
func (c *checker) power(ch instrument.Channel, amps, volts float64) {
	if math.Abs(volts) > 20 && amps > maxCurrentAbove20V {
		c.usage(ch, fmt.Errorf("the unit gives at most %s beyond 20 V, not %s", instrument.Amps(maxCurrentAbove20V),
			instrument.Amps(amps).Exact()))
	}
}

// drives checks each drive and all of them together.
func (c *checker) drives(drives []instrument.Drive) []level {
	levels := make([]level, 0, len(drives))
	for _, d := range drives {
		c.known(d.Channel)
		if drivenBy(levels, d.Channel) {
			c.usage(d.Channel, errors.New("the channel is driven twice"))
		}
		volts, r := c.voltage(d.Channel, d.Voltage)
		levels = append(levels, level{d.Channel, r, volts, c.currentCompliance(d.Channel, d.Compliance, volts)})
	}
	c.span(levels)
	return levels
}

func drivenBy(levels []level, ch instrument.Channel) bool {
	return slices.ContainsFunc(levels, func(l level) bool { return l.channel == ch })
}

// span checks the voltages between all channels at one moment. The commands
// set one channel after the other from 0 V and back, which never makes a
// larger difference than all of them together with ground.
func (c *checker) span(levels []level, more ...float64) {
	voltages := make([]instrument.Volts, 0, len(levels)+len(more))
	for _, l := range levels {
		voltages = append(voltages, instrument.Volts(l.volts))
	}
	for _, v := range more {
		voltages = append(voltages, instrument.Volts(v))
	}
	c.limit(0, c.limits.CheckSpan(voltages...))
}

// measured checks the channels that what is to measure: one at least, unless what
// is "".
func (c *checker) measured(what string, channels []instrument.Channel) []instrument.Channel {
	for i, ch := range channels {
		c.known(ch)
		if slices.Contains(channels[:i], ch) {
			c.usage(ch, errors.New("the channel is to be measured twice"))
		}
	}
	if what != "" && len(channels) == 0 {
		c.usage(0, fmt.Errorf("the %s measures nothing: name a channel", what))
	}
	return channels
}

func (c *checker) spot(s instrument.Spot) *spot {
	return &spot{
		drives: c.drives(s.Drives), measure: c.measured("spot", s.Measure), rangeCode: c.measuringCode(s.Range),
		settle: c.waitTime("settling time", s.Settle, maxPause), integration: c.integrate(s.Aperture, false),
	}
}

func (c *checker) pulse(p instrument.Pulse) *pulse {
	out := &pulse{drives: c.drives(p.Drives)}
	if len(p.Drives) == 0 {
		c.usage(0, errors.New("the pulse drives nothing: name a channel"))
	}
	out.measure = c.measured("", p.Measure)
	// The limit speaks first: a width beyond it is refused as such even where
	// the analyzer could not make it either.
	c.limit(0, c.limits.CheckWidth(p.Width))
	out.width, out.period = c.pulseTimes(p.Width, p.Period)
	c.limit(0, c.limits.CheckWidth(instrument.Seconds(out.width)))
	out.rangeCode = c.measuringCode(p.Range)
	return out
}

func (c *checker) sweep(s instrument.Sweep) *sweep {
	c.known(s.Source)
	out := &sweep{
		kind: s.Kind, channel: s.Source, steps: s.Steps, twoWay: s.TwoWay,
		drives: c.drives(s.Drives), abort: s.StopAtCompliance,
	}
	if drivenBy(out.drives, s.Source) {
		c.usage(s.Source, errors.New("the source of the sweep is among its constant drives too"))
	}
	out.measure = c.measured("sweep", s.Measure)
	if s.Steps < 1 || s.Steps > maxLevels {
		c.usage(s.Source, fmt.Errorf("%d levels are not between 1 and %d", s.Steps, maxLevels))
	}
	switch s.Kind {
	case instrument.SweepVoltage:
		c.voltageSweep(s, out)
	case instrument.SweepCurrent:
		c.currentSweep(s, out)
	default:
		c.usage(s.Source, fmt.Errorf("sweep kind %q is neither %q nor %q", s.Kind, instrument.SweepVoltage,
			instrument.SweepCurrent))
	}
	if s.Steps == 1 && out.start != out.stop {
		c.usage(s.Source, errors.New("a sweep of one level must start and stop at the same one"))
	}
	out.rangeCode, out.delay = c.measuringCode(s.Range), c.waitTime("delay", s.Delay, maxDelay)
	out.integration = c.integrate(s.Aperture, len(s.Measure) > 1)
	c.limit(s.Source, c.limits.CheckWidth(instrument.Seconds(out.levelTime())))
	return out
}

// voltageSweep fills in the levels.
func (c *checker) voltageSweep(s instrument.Sweep, out *sweep) {
	source := c.ends(s.Source, s.Start, s.Stop, instrument.Amps(s.Compliance))
	out.source, out.start, out.stop, out.compliance = source.source, source.start, source.stop, source.compliance
	for _, f := range s.Follow {
		c.known(f.Channel)
		if f.Channel == s.Source || drivenBy(out.drives, f.Channel) ||
			slices.ContainsFunc(out.follow, func(g follower) bool { return g.channel == f.Channel }) {
			c.usage(f.Channel, errors.New("the channel is driven twice"))
		}
		out.follow = append(out.follow, c.ends(f.Channel, f.Ratio*out.start, f.Ratio*out.stop, f.Compliance))
	}
	// All of them move in proportion, so the ends bound every span on the way.
	starts, stops := []float64{out.start}, []float64{out.stop}
	for _, f := range out.follow {
		starts, stops = append(starts, f.start), append(stops, f.stop)
	}
	c.span(out.drives, starts...)
	c.span(out.drives, stops...)
}

// ends rounds and checks both ends, in V, of what a channel sweeps through, and its
// compliance. The range that covers both serves all levels in between.
func (c *checker) ends(ch instrument.Channel, start, stop float64, compliance instrument.Amps) follower {
	start, first := c.voltage(ch, instrument.Volts(start))
	stop, last := c.voltage(ch, instrument.Volts(stop))
	out := follower{level: level{channel: ch, source: first}}
	if last.full > first.full {
		out.source = last
	}
	// One range for both ends is coarser than the finer end's own.
	out.start = c.coarser(ch, start, out.source)
	out.stop = c.coarser(ch, stop, out.source)
	out.compliance = c.currentCompliance(ch, compliance, math.Max(math.Abs(out.start), math.Abs(out.stop)))
	return out
}

func (c *checker) coarser(ch instrument.Channel, v float64, r sourceRange) float64 {
	volts, _ := rounded(c, ch, instrument.Volts(v), []sourceRange{r}, c.limits.CheckVoltage,
		"%s is beyond the range of %s")
	return volts
}

// currentSweep fills in the levels. The voltage compliance counts as a voltage
// that may stand at the unit, on the side to which the current flows.
func (c *checker) currentSweep(s instrument.Sweep, out *sweep) {
	if len(s.Follow) > 0 {
		c.usage(s.Follow[0].Channel, errors.New("nothing can follow a forced current, whose potential is not known "+
			"beforehand"))
	}
	start := c.current(s.Source, instrument.Amps(s.Start))
	stop := c.current(s.Source, instrument.Amps(s.Stop))
	largest := math.Max(math.Abs(start), math.Abs(stop))
	if largest == 0 {
		c.usage(s.Source, errors.New("the sweep forces 0 A throughout"))
	}
	_, out.source, _ = quantize(largest, currentRanges[:])
	// The range of the larger end serves both. Coarser rounding cannot bring the
	// smaller end beyond the larger one, which has been checked.
	var okStart, okStop bool
	out.start, _, okStart = quantize(start, []sourceRange{out.source})
	out.stop, _, okStop = quantize(stop, []sourceRange{out.source})
	if !okStart || !okStop {
		c.usage(s.Source, fmt.Errorf("the levels do not fit into the range of %s", instrument.Amps(out.source.full)))
	}
	out.rest = math.Max(math.Abs(out.start), math.Abs(out.stop))

	if !(s.Compliance > 0) {
		c.limit(s.Source, &instrument.LimitError{
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
		volts, _ := c.voltage(s.Source, instrument.Volts(side.sign*s.Compliance))
		if volts == 0 {
			c.usage(s.Source, fmt.Errorf("a compliance of %s is below the resolution of the voltage range",
				instrument.Volts(s.Compliance).Exact()))
		}
		c.span(out.drives, volts)
		out.compliance = math.Abs(volts)
	}
	c.power(s.Source, out.rest, out.compliance)
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

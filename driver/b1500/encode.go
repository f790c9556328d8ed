package b1500

import (
	"maps"
	"math"
	"slices"
	"strconv"

	"xlab/driver/flex"
	"xlab/instrument"
)

// settings remembers what the analyzer was told, so that what stays the same
// is not sent again. Only modes, ranges and timing are remembered: whatever
// sets a level or a compliance is sent every time.
type settings struct {
	sent map[string]string // the last command by what it sets
	// pulsing holds the channels that have an MCPNX setting, with the
	// compliance last used. The analyzer keeps such a setting, so that a
	// channel once told to pulse would pulse again with the next MM 27: from
	// then on it is told to stay at 0 V.
	pulsing map[instrument.Channel]float64
}

func newSettings() *settings {
	return &settings{sent: map[string]string{}, pulsing: map[instrument.Channel]float64{}}
}

// clone makes a copy to encode with. It replaces the original only when what
// was encoded is sent.
func (s *settings) clone() *settings {
	return &settings{sent: maps.Clone(s.sent), pulsing: maps.Clone(s.pulsing)}
}

// script collects the commands of one step.
type script struct {
	*settings
	commands []string
	order    []instrument.Channel // Options.Channels
	fixed    bool                 // Options.FixedRanges
}

func (s *script) add(header string, parameters ...string) {
	s.commands = append(s.commands, flex.Command(header, parameters...))
}

// set adds the command unless the same was sent last for that key.
func (s *script) set(key, header string, parameters ...string) {
	command := flex.Command(header, parameters...)
	if s.sent[key] == command {
		return
	}
	s.sent[key] = command
	s.commands = append(s.commands, command)
}

func integer[T ~int](n T) string { return strconv.Itoa(int(n)) }

func (s *script) mode(mode int, channels []instrument.Channel) {
	parameters := []string{integer(mode)}
	for _, ch := range channels {
		parameters = append(parameters, integer(ch))
	}
	s.set("MM", "MM", parameters...)
}

func (s *script) measuringRange(code int, channels ...instrument.Channel) {
	for _, ch := range channels {
		s.set("RI "+integer(ch), "RI", integer(ch), integer(code))
	}
}

func (s *script) integrate(channels []instrument.Channel, in integration) {
	converter, mode := 0, 1
	if in.highResolution {
		converter, mode = 1, 2
	}
	for _, ch := range channels {
		s.set("AAD "+integer(ch), "AAD", integer(ch), integer(converter))
	}
	s.set("AIT "+integer(converter), "AIT", integer(converter), integer(mode), integer(in.n))
	if len(channels) > 1 && !in.highResolution {
		s.set("PAD", "PAD", "1")
	}
}

// outputRange is the code of a range in which something is forced. In a fixed one,
// which has a minus sign, the analyzer refuses a level that does not fit, such as
// one that lost its decimal point on the way; otherwise it would raise the range.
func (s *script) outputRange(r sourceRange) string {
	if s.fixed {
		return integer(-r.code)
	}
	return integer(r.code)
}

func (s *script) force(l level, volts float64) {
	s.add("DV", integer(l.channel), s.outputRange(l.source), flex.Number(volts), flex.Number(l.compliance))
}

func (s *script) forceAll(levels []level) {
	for _, l := range levels {
		s.force(l, l.volts)
	}
}

// release takes the drives back to 0 V in the opposite order.
func (s *script) release(levels []level) {
	for _, l := range slices.Backward(levels) {
		if l.volts != 0 {
			s.force(l, 0)
		}
	}
}

// expectation is one record of the answer.
type expectation struct {
	channel instrument.Channel
	kind    flex.Type
}

// program is a step ready to be sent, and what its answer must look like.
type program struct {
	lines  []string
	answer bool
	expect []expectation // per level
	levels []float64     // what is forced; one entry for spots and pulses
	abort  bool          // a sweep that may have stopped early
	busy   instrument.Seconds
	// No reading can be larger: the step's largest compliance in A, and for the
	// voltage of a current source its compliance in V. 0 = nothing is known.
	mostAmps, mostVolts float64
}

// encode writes the step's commands and notes in s what they set. order is the
// configured channels, fixed whether output ranges are.
func encode(s *settings, step checkedStep, order []instrument.Channel, fixed bool) (*program, error) {
	sc := &script{settings: s, commands: make([]string, 0, 24), order: order, fixed: fixed}
	p := &program{levels: []float64{0}, busy: step.busy()}
	p.mostAmps, p.mostVolts = step.bounds()
	p.expect = step.encode(sc)
	p.answer = len(p.expect) > 0
	if sweep, is := step.(*sweep); is {
		p.levels, p.abort = sweep.levels(), sweep.abort
	}
	var err error
	p.lines, err = flex.Lines(sc.commands...)
	return p, err
}

func currents(channels []instrument.Channel) []expectation {
	out := make([]expectation, len(channels))
	for i, ch := range channels {
		out[i] = expectation{ch, flex.TypeCurrent}
	}
	return out
}

func (sp *spot) bounds() (amps, volts float64) { return mostCompliance(sp.drives), 0 }

func (p *pulse) bounds() (amps, volts float64) { return mostCompliance(p.drives), 0 }

func (sw *sweep) bounds() (amps, volts float64) {
	amps = max(mostCompliance(sw.drives), sw.rest)
	for _, f := range sw.follow {
		amps = max(amps, f.compliance)
	}
	if sw.kind == instrument.SweepCurrent {
		return max(amps, math.Abs(sw.start), math.Abs(sw.stop)), sw.compliance
	}
	return max(amps, sw.compliance), 0
}

func mostCompliance(drives []level) (most float64) {
	for _, l := range drives {
		most = max(most, l.compliance)
	}
	return most
}

func (sp *spot) busy() instrument.Seconds {
	return instrument.Seconds(sp.settle + sp.integration.of(sp.measure))
}

func (p *pulse) busy() instrument.Seconds { return instrument.Seconds(p.period) }

func (sw *sweep) busy() instrument.Seconds {
	levels := sw.steps
	if sw.twoWay {
		levels *= 2
	}
	return instrument.Seconds(float64(levels) * sw.levelTime())
}

// encode uses the high-speed spot TI for one channel. Several channels go through
// MM 1, because each TI would end its own answer and cost a read.
func (sp *spot) encode(s *script) []expectation {
	many := len(sp.measure) > 1
	if many {
		s.mode(1, sp.measure)
		s.measuringRange(sp.rangeCode, sp.measure...)
	}
	s.integrate(sp.measure, sp.integration)
	s.forceAll(sp.drives)
	if sp.settle > 0 {
		s.add("PA", flex.Number(sp.settle))
	}
	if many {
		s.add("XE")
	} else {
		s.add("TI", integer(sp.measure[0]), integer(sp.rangeCode))
	}
	s.release(sp.drives)
	return currents(sp.measure)
}

// encode uses the pulsed spot when one channel pulses and the multi-channel
// pulsed spot when several do. Both leave the channels at the base, 0 V. The
// modes must measure something; BC drops what nobody asked for.
func (p *pulse) encode(s *script) []expectation {
	var pulsing []level
	for _, l := range p.drives {
		if l.volts != 0 {
			pulsing = append(pulsing, l)
		}
	}
	if len(pulsing) == 0 {
		pulsing = p.drives[:1]
	}
	measure := p.measure
	if len(measure) == 0 {
		measure = []instrument.Channel{pulsing[0].channel}
	}
	if len(pulsing) == 1 && len(measure) == 1 {
		s.pulseOne(p, pulsing[0], measure)
	} else {
		s.pulseMany(p, pulsing, measure)
	}
	s.add("XE")
	if len(p.measure) == 0 {
		s.add("BC")
	}
	return currents(p.measure)
}

func (s *script) pulseOne(p *pulse, source level, measure []instrument.Channel) {
	s.mode(3, measure)
	s.measuringRange(p.rangeCode, p.measure...)
	s.set("PT", "PT", "0", flex.Number(p.width), flex.Number(p.period))
	for _, l := range p.drives {
		if l.channel != source.channel {
			s.force(l, 0)
		}
	}
	s.add("PV", integer(source.channel), s.outputRange(source.source), "0", flex.Number(source.volts),
		flex.Number(source.compliance))
}

func (s *script) pulseMany(p *pulse, pulsing []level, measure []instrument.Channel) {
	// A channel at 0 V that has never pulsed is an ordinary source of 0 V; all
	// others are in the set of pulsing channels, at the place of their channel
	// in the configuration, so that a place never changes its channel.
	var set, still []level
	for _, ch := range s.order {
		on := func(l level) bool { return l.channel == ch }
		i := slices.IndexFunc(p.drives, on)
		compliance, member := s.pulsing[ch]
		switch {
		case i >= 0 && (member || slices.ContainsFunc(pulsing, on)):
			set = append(set, p.drives[i])
			s.pulsing[ch] = p.drives[i].compliance
		case i >= 0:
			still = append(still, p.drives[i])
		case member:
			set = append(set, level{ch, voltageRanges[0], 0, compliance})
		}
	}
	s.mode(27, measure)
	s.measuringRange(p.rangeCode, p.measure...)
	s.set("MCPT", "MCPT", "0", flex.Number(p.period), "0", "1")
	for _, l := range set {
		s.set("MCPNT "+integer(l.channel), "MCPNT", integer(l.channel), "0", flex.Number(p.width))
	}
	for _, l := range still {
		s.force(l, 0)
	}
	for _, l := range set {
		place := slices.Index(s.order, l.channel) + 1
		s.add("MCPNX", integer(place), integer(l.channel), "1", s.outputRange(l.source), "0", flex.Number(l.volts),
			flex.Number(l.compliance))
	}
}

// encode uses the staircase. Afterwards WM leaves the source at its first level,
// from where it goes to 0 V as a voltage source, a current source too.
//
// With channels that follow it is the multi-channel sweep, whose first channel
// is the staircase's own; a new WV forgets the others' settings (K).
func (sw *sweep) encode(s *script) []expectation {
	if len(sw.follow) > 0 {
		s.mode(16, sw.measure)
	} else {
		s.mode(2, sw.measure)
	}
	expect := currents(sw.measure)
	for i, ch := range sw.measure {
		if sw.kind == instrument.SweepCurrent && ch == sw.channel {
			expect[i].kind = flex.TypeVoltage
		} else {
			s.measuringRange(sw.rangeCode, ch)
		}
	}
	s.integrate(sw.measure, sw.integration)
	s.set("WT", "WT", "0", flex.Number(sw.delay))
	abort := 1
	if sw.abort {
		abort = 2
	}
	s.set("WM", "WM", integer(abort), "1")
	s.forceAll(sw.drives)
	header, rest := "WV", sw.compliance
	zero := sw.source
	if sw.kind == instrument.SweepCurrent {
		header, rest, zero = "WI", sw.rest, voltageRanges[0]
	}
	mode := 1
	if sw.twoWay {
		mode = 3
	}
	s.add(header, integer(sw.channel), integer(mode), s.outputRange(sw.source),
		flex.Number(sw.start), flex.Number(sw.stop), integer(sw.steps), flex.Number(sw.compliance))
	for i, f := range sw.follow {
		s.add("WNX", integer(i+2), integer(f.channel), "1", s.outputRange(f.source),
			flex.Number(f.start), flex.Number(f.stop), flex.Number(f.compliance))
	}
	s.add("XE")
	s.force(level{sw.channel, zero, 0, rest}, 0)
	for _, f := range sw.follow {
		s.force(f.level, 0)
	}
	s.release(sw.drives)
	return expect
}

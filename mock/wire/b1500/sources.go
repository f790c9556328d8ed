package b1500

import (
	"math"
	"slices"
)

// sources are the sources that XE uses.
type sources struct {
	primary    *ramp             // WV, WI
	extra      [11]*ramp         // WSV, WSI (2) and WNX (2 to 10)
	pulse      *pulse            // PV, PI
	pulseSweep *ramp             // PWV, PWI
	multi      [11]*pulse        // MCPNX, by its number
	multiKind  int               // MCPWS
	multiSteps int               // MCPWS, 0 = not set
	multiRamps [11]*ramp         // MCPWNX, by its number
	timing     [11]channelTiming // MCPNT, by slot
	sampling   [11]*pulse        // MV, MI, by slot
}

// pulse is a source that pulses: PV, PI and MCPNX.
type pulse struct {
	ch            *channel
	s             setting // its level is the base
	peak          float64
	channelTiming // filled in when it is used
}

// asPulse makes a pulse of a pulsed sweep's source.
func (r *ramp) asPulse() *pulse {
	p := &pulse{ch: r.ch, s: r.s, peak: r.start}
	p.s.level = r.base
	return p
}

// ramp is a source that goes through levels step by step.
type ramp struct {
	ch          *channel
	kind        int // 1 linear, 2 logarithmic, 3 and 4 the same there and back
	steps       int // levels one way
	start, stop float64
	base        float64 // of a pulsed sweep
	s           setting // with the compliance; the level is that of the step
	power       float64 // bound on |V I| in W, 0 = none
}

// mostSteps is the largest number of levels one way.
const mostSteps = 10001

// total is the number of levels there and, by kind, back.
func (r *ramp) total() int {
	if r.kind >= 3 {
		return 2 * r.steps
	}
	return r.steps
}

// level is what the ramp forces at step i of as many as lead has.
func (r *ramp) level(lead *ramp, i int) float64 {
	if i >= lead.steps {
		i = 2*lead.steps - 1 - i
	}
	switch {
	case i == 0:
		return r.start
	case i == lead.steps-1:
		return r.stop
	}
	x := float64(i) / float64(lead.steps-1)
	if lead.kind%2 == 0 && r.start*r.stop > 0 {
		return r.start * math.Pow(r.stop/r.start, x)
	}
	return r.start + (r.stop-r.start)*x
}

// peak is the level of the ramp that is farthest from 0.
func (r *ramp) peak() float64 {
	return math.Max(math.Abs(r.base), math.Max(math.Abs(r.start), math.Abs(r.stop)))
}

// at is the setting for a level, its compliance lowered where the power
// compliance asks for it.
func (r *ramp) at(level float64) setting {
	s := r.s
	s.level = level
	if r.power > 0 && level != 0 {
		s.compliance = math.Min(s.compliance, r.power/math.Abs(level))
	}
	return s
}

// nonNil are those that are not nil, in their order.
func nonNil[T any](all []*T) []*T {
	return slices.DeleteFunc(slices.Clone(all), func(one *T) bool { return one == nil })
}

// channelTiming is MCPNT; width 0 = not set.
type channelTiming struct{ delay, width float64 }

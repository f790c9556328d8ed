package bench

import (
	"fmt"
	"math"
)

// regime is what a unit does at the operating point: it holds its voltage and
// gives whatever current flows, or it gives a current (its level, its
// compliance, or nothing when it is off) and takes whatever voltage results.
type regime struct {
	current bool    // gives a current
	value   float64 // V or A
	limited bool    // by compliance, not by its level
}

// Slack of compliance: a source that is beyond its bound by less is not beyond
// it. It is above the solver's accuracy, so that two sources that carry the
// same current are not both taken to be beyond.
const (
	relativeSlack = 1e-8
	voltageSlack  = 1e-9  // V, for a source of 0 V
	currentSlack  = 1e-16 // A, for a source of 0 A
)

// solve finds the operating point of the whole bench: node voltages of every
// crossbar and, for every unit, whether it is at its compliance. Units start in
// the regime they are programmed to, or were found in while nothing was set
// anew, and change one at a time, the worst violation first, until all agree.
// With devices whose current never falls with voltage there is one such point,
// and this nearly always finds it in one change per limited unit; where sources
// that bound each other make it go round in circles, all combinations are tried.
func (b *Bench) solve() error {
	for u := range b.outputs {
		if b.changed[u] {
			b.changed[u] = false
			b.regimes[u] = b.programmed(u)
		}
	}
	for range 6 * len(b.regimes) {
		b.anchor()
		if err := b.balance(); err != nil {
			return err
		}
		worst, next := b.worst()
		if worst < 0 {
			b.settle()
			return nil
		}
		b.regimes[worst] = next
	}
	return b.search()
}

// programmed is the regime that a unit is set to.
func (b *Bench) programmed(u int) regime {
	switch o := b.outputs[u]; o.Mode {
	case ForceVoltage:
		return regime{value: o.Level}
	case ForceCurrent:
		return regime{current: true, value: o.Level}
	}
	return regime{current: true}
}

// settle takes over what was found.
func (b *Bench) settle() {
	for u := range b.points {
		b.points[u].compliance = b.regimes[u].limited
	}
}

// search tries all combinations of the connected units' regimes: at their
// level, or at their compliance with either sign.
func (b *Bench) search() error {
	tried := make([]int, len(b.outputs)) // 0 at its level, 1 and 2 at its compliance
	for {
		for u, o := range b.outputs {
			b.regimes[u] = b.programmed(u)
			if tried[u] > 0 {
				sign := float64(3 - 2*tried[u])
				b.regimes[u] = regime{current: o.Mode == ForceVoltage, value: sign * o.Compliance, limited: true}
			}
		}
		if !b.anchor() && b.balance() == nil {
			if worst, _ := b.worst(); worst < 0 {
				b.settle()
				return nil
			}
		}
		u := 0
		for ; u < len(tried); u++ {
			if tried[u]++; tried[u] < 3 && b.outputs[u].Mode != Off && b.links[u] > 0 {
				break
			}
			tried[u] = 0
		}
		if u == len(tried) {
			return fmt.Errorf("the sources' compliances contradict each other: %+v", b.outputs)
		}
	}
}

// worst is the unit that is furthest beyond what its regime allows, with the
// regime it belongs in; -1 when all are where they belong.
func (b *Bench) worst() (unit int, next regime) {
	unit, by := -1, 0.0
	for u, o := range b.outputs {
		if excess, change := b.violation(u, o); excess > by {
			unit, by, next = u, excess, change
		}
	}
	return unit, next
}

// violation tells how far a unit is beyond what its regime allows, relative to
// the bound, and the regime that it belongs in; 0 when it is where it belongs.
func (b *Bench) violation(u int, o Output) (excess float64, change regime) {
	p, r := b.points[u], b.regimes[u]
	if o.Mode == Off || b.links[u] == 0 {
		return 0, r
	}
	bounded, held, slack := p.amps, p.volts, voltageSlack // of a voltage source
	if o.Mode == ForceCurrent {
		bounded, held, slack = p.volts, p.amps, currentSlack
	}
	if !r.limited {
		excess = math.Abs(bounded)/o.Compliance - 1 - relativeSlack
		return max(excess, 0), regime{current: o.Mode == ForceVoltage, value: math.Copysign(o.Compliance, bounded),
			limited: true}
	}
	// A limited source falls short of its level; one that overshoots it is not
	// limited after all.
	over := math.Copysign(1, r.value) * (held - o.Level)
	excess = over/math.Max(math.Abs(o.Level), slack/relativeSlack) - relativeSlack
	return max(excess, 0), regime{current: o.Mode == ForceCurrent, value: o.Level}
}

// anchor sees to it that something holds the potential wherever a current is
// driven. Sources that push a current into lines which nothing holds lift them
// until one of them comes to its end: a current source to its compliance, a
// voltage source at its compliance back to its level. It tells whether it had to
// do that. Where nothing drives either, nothing flows, and the crossbar is dead.
func (b *Bench) anchor() (changed bool) {
	for _, a := range b.crossbars {
		a.dead = false
	}
	for _, a := range b.crossbars {
		if a.dead || b.held(a.island) {
			continue
		}
		sum, most := 0.0, -1
		for u, r := range b.regimes {
			if b.islands[u] == a.island {
				sum += r.value
			}
		}
		for u, r := range b.regimes {
			if b.islands[u] == a.island && r.value != 0 && r.value*sum >= 0 &&
				(most < 0 || math.Abs(r.value) > math.Abs(b.regimes[most].value)) {
				most = u
			}
		}
		if most < 0 {
			for _, other := range b.crossbars {
				other.dead = other.dead || other.island == a.island
			}
			continue
		}
		if r, o := &b.regimes[most], b.outputs[most]; o.Mode == ForceCurrent {
			*r = regime{value: math.Copysign(o.Compliance, r.value), limited: true}
		} else {
			*r = regime{value: o.Level}
		}
		changed = true
	}
	return changed
}

// held tells whether any line of an island is at a given potential.
func (b *Bench) held(island int) bool {
	for u, r := range b.regimes {
		if b.islands[u] == island && !r.current {
			return true
		}
	}
	for _, a := range b.crossbars {
		if a.island != island {
			continue
		}
		for i := range a.taps {
			if t := &a.taps[i]; t.links > 1 && b.leadsToFixed(a, t) || t.links == 1 && t.net.unit == 0 {
				return true
			}
		}
	}
	return false
}

func (b *Bench) leadsToFixed(a *netArray, t *tap) bool {
	for n := range a.behind(t) {
		if n.unit == 0 {
			return true
		}
	}
	return false
}

// rewire finds out what the switches connect the units to.
func (b *Bench) rewire() {
	clear(b.links)
	clear(b.spread)
	for u := range b.changed {
		b.changed[u] = true
	}
	b.fixed = false
	for u := range b.islands {
		b.islands[u] = -1 - u // connected to nothing
	}
	for i, a := range b.crossbars {
		a.island = i
		for k := range a.taps {
			for n := range a.behind(&a.taps[k]) {
				b.link(a, &a.taps[k], n)
			}
		}
	}
}

// link takes note of one place where a line of an array leads.
func (b *Bench) link(a *netArray, t *tap, n net) {
	if n.unit == 0 {
		b.fixed = b.fixed || n.fixed != 0 || n.port != nil
		return
	}
	u := n.unit - 1
	b.links[u]++
	// Not a terminal of the nodal solution by itself when its current
	// divides among lines, or when its line has another source too.
	b.spread[u] = b.spread[u] || b.links[u] > 1 || t.links > 1
	if was := b.islands[u]; was < 0 {
		b.islands[u] = a.island
	} else if was != a.island {
		b.merge(was, a)
	}
}

// merge makes one island of the present one of array a and another.
func (b *Bench) merge(island int, a *netArray) {
	from := a.island
	for _, other := range b.crossbars {
		if other.island == from {
			other.island = island
		}
	}
	for u := range b.islands {
		if b.islands[u] == from {
			b.islands[u] = island
		}
	}
}

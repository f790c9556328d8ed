package bench

import (
	"fmt"
	"math"

	"xlab/mock/crossbar"
)

// A unit is in one of two regimes: it holds its voltage and gives whatever
// current flows, or it gives a current (its level, its compliance, or nothing
// when it is off) and takes whatever voltage results.
type regime struct {
	current bool    // gives a current
	value   float64 // V or A
	limited bool    // by compliance, not by its level
}

// tolerance of compliance: a source within it of its bound is not over it.
const complianceSlack = 1e-9

// solve finds the operating point of the whole bench: node voltages of every
// crossbar and, for every unit, whether it is at its compliance. Units start in
// the regime they are programmed to and change one at a time, the worst
// violation first, until all agree; with monotone devices that ends.
func (b *Bench) solve() {
	for _, a := range b.crossbars {
		a.settleIdle()
	}
	regimes := make([]regime, len(b.outputs))
	for u, o := range b.outputs {
		switch o.Mode {
		case ForceVoltage:
			regimes[u] = regime{value: o.Level}
		case ForceCurrent:
			regimes[u] = regime{current: true, value: o.Level}
		default:
			regimes[u] = regime{current: true}
		}
	}
	for range 4 * len(regimes) {
		b.balance(regimes)
		if !b.adjust(regimes) {
			break
		}
	}
	for u := range b.points {
		b.points[u].compliance = regimes[u].limited
	}
}

// adjust moves the unit that violates its bound most into the other regime.
func (b *Bench) adjust(regimes []regime) bool {
	worst, by := -1, complianceSlack
	var next regime
	for u, o := range b.outputs {
		p, r := b.points[u], regimes[u]
		bounded, held := p.amps, p.volts // of a voltage source
		if o.Mode == ForceCurrent {
			bounded, held = p.volts, p.amps
		}
		if o.Mode == Off {
			continue
		}
		var violation float64
		var change regime
		if !r.limited {
			violation = math.Abs(bounded)/o.Compliance - 1
			change = regime{current: o.Mode == ForceVoltage, value: math.Copysign(o.Compliance, bounded), limited: true}
		} else {
			// A limited source falls short of its level; one that overshoots it
			// is not limited after all.
			over := held - o.Level
			if bounded < 0 {
				over = -over
			}
			violation = over / math.Max(math.Abs(o.Level), 1e-15)
			change = regime{current: o.Mode == ForceCurrent, value: o.Level}
		}
		if violation > by {
			worst, by, next = u, violation, change
		}
	}
	if worst < 0 {
		return false
	}
	regimes[worst] = next
	return true
}

// balance solves the network for given regimes. A unit that gives a current to
// one line is part of the nodal solution; where several lines share it, its
// voltage is found outside by a safeguarded secant, unit by unit until all
// agree.
func (b *Bench) balance(regimes []regime) {
	var shared []int
	for u, r := range regimes {
		if r.current && b.linesOn(u+1) > 1 {
			shared = append(shared, u)
		}
	}
	b.network(regimes, shared)
	for round := range 20 {
		moved := false
		for _, u := range shared {
			if b.seek(u, regimes, shared) {
				moved = true
			}
		}
		if !moved || len(shared) == 1 && round > 0 {
			return
		}
	}
}

// seek finds the voltage at which a shared unit gives its current. The total
// current rises with the voltage, so the root is bracketed and kept so.
func (b *Bench) seek(u int, regimes []regime, shared []int) bool {
	target := regimes[u].value
	scale := math.Max(math.Abs(target), 1e-12)
	excess := func(v float64) float64 {
		b.points[u].volts = v
		b.network(regimes, shared)
		return b.points[u].amps - target
	}
	at := b.points[u].volts
	f := excess(at)
	if math.Abs(f) <= 1e-10*scale {
		return false
	}
	low, high, flow, fhigh := at, at, f, f
	for step := 0.05; flow > 0 || fhigh < 0; step *= 2 {
		if step > 1e3 {
			return false // the bound cannot be reached: nothing conducts
		}
		if flow > 0 {
			high, fhigh = low, flow
			low -= step
			flow = excess(low)
		} else {
			low, flow = high, fhigh
			high += step
			fhigh = excess(high)
		}
	}
	for range 100 {
		next := low - flow*(high-low)/(fhigh-flow)
		if !(next > low && next < high) {
			next = (low + high) / 2
		}
		f := excess(next)
		if math.Abs(f) <= 1e-10*scale || high-low < 1e-15 {
			return true
		}
		// Halving the kept end's value (Illinois) keeps both ends moving.
		if f < 0 {
			low, flow = next, f
			fhigh /= 2
		} else {
			high, fhigh = next, f
			flow /= 2
		}
	}
	return true
}

// linesOn counts the lines that are connected to a unit.
func (b *Bench) linesOn(unit int) int {
	n := 0
	for _, a := range b.crossbars {
		for _, set := range a.closed {
			for s := range 8 {
				if set&(1<<s) != 0 && a.board.connected[s] && a.board.nets[s].unit == unit {
					n++
				}
			}
		}
	}
	return n
}

// network solves every crossbar once and sums the units' currents. The voltage
// of a shared unit is the one in points.
func (b *Bench) network(regimes []regime, shared []int) {
	for u, r := range regimes {
		b.points[u].amps = 0
		switch {
		case !r.current:
			b.points[u].volts = r.value
		case !contains(shared, u):
			b.points[u].volts = 0
		}
	}
	for _, a := range b.crossbars {
		if !a.connected() {
			continue
		}
		reference := false
		a.lines(func(line *crossbar.Line, _, _ *float64, set uint8) {
			*line = b.terminal(a.board, set, regimes, shared)
			reference = reference || line.Kind == crossbar.Voltage
		})
		if !reference {
			b.unreferenced(a, regimes)
			continue
		}
		if err := a.solver.Solve(a.rows, a.cols, a.devices, &a.out); err != nil {
			// The devices always conduct a little, so this is a defect of the
			// simulation itself and must not pass for a measurement.
			panic(fmt.Sprintf("array %s: %v\n%v\n%v\n%v", a.board.Array, err, a.rows, a.cols, regimes))
		}
		b.collect(a, regimes, shared)
	}
}

// terminal is what a line sees through its closed switches.
func (b *Bench) terminal(board *Board, set uint8, regimes []regime, shared []int) crossbar.Line {
	w := b.config.Wires
	var conductance, weighted float64
	for s := range 8 {
		if set&(1<<s) == 0 || !board.connected[s] {
			continue
		}
		n := board.nets[s]
		volts := n.fixed
		if n.unit > 0 {
			r := regimes[n.unit-1]
			if r.current && !contains(shared, n.unit-1) {
				if conductance == 0 && r.value != 0 {
					return crossbar.Line{Kind: crossbar.Current, Value: r.value, Resistance: w.SwitchOn + w.Contact}
				}
				continue
			}
			volts = b.points[n.unit-1].volts
		}
		conductance += 1 / w.SwitchOn
		weighted += volts / w.SwitchOn
	}
	if conductance == 0 {
		return crossbar.Line{Kind: crossbar.Floating}
	}
	// Two closed switches short their sources through both; the line sees the
	// mean. The control program refuses such a setting, a bare client can make it.
	return crossbar.Line{Kind: crossbar.Voltage, Value: weighted / conductance, Resistance: 1/conductance + w.Contact}
}

// collect adds a crossbar's line currents to the units'.
func (b *Bench) collect(a *netArray, regimes []regime, shared []int) {
	w := b.config.Wires
	row := true
	visited := 0
	a.lines(func(line *crossbar.Line, current, volts *float64, set uint8) {
		if visited == a.board.Rows {
			row = false
		}
		visited++
		into := *current // into the array
		if !row {
			into = -*current
		}
		if line.Kind == crossbar.Floating || math.IsNaN(into) {
			into = 0
		}
		node := line.Value - into*(line.Resistance-w.Contact)
		for s := range 8 {
			if set&(1<<s) == 0 || !a.board.connected[s] || a.board.nets[s].unit == 0 {
				continue
			}
			u := a.board.nets[s].unit - 1
			switch {
			case regimes[u].current && !contains(shared, u):
				b.points[u].volts = *volts
				if line.Kind == crossbar.Current {
					b.points[u].amps = line.Value
				}
			case set&(set-1) == 0:
				b.points[u].amps += into
			default:
				b.points[u].amps += (b.points[u].volts - node) / w.SwitchOn
			}
		}
	})
}

// unreferenced handles a crossbar that no source holds at a potential: nothing
// flows, and a source that wants to push a current only lifts its line.
func (b *Bench) unreferenced(a *netArray, regimes []regime) {
	clear(a.out.DeviceVolts)
	clear(a.out.RowCurrents)
	clear(a.out.ColCurrents)
	for _, set := range a.closed {
		for s := range 8 {
			if set&(1<<s) == 0 || !a.board.connected[s] || a.board.nets[s].unit == 0 {
				continue
			}
			u := a.board.nets[s].unit - 1
			if o := b.outputs[u]; o.Mode == ForceCurrent && o.Level != 0 {
				b.points[u] = operatingPoint{volts: math.Copysign(o.Compliance, o.Level)}
				regimes[u].limited = true
			}
		}
	}
}

func contains(list []int, x int) bool {
	for _, y := range list {
		if y == x {
			return true
		}
	}
	return false
}

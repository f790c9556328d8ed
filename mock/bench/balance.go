package bench

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"xlab/mock/crossbar"
)

// mostRegimes bounds how often an array is solved until every summing amplifier
// is where it belongs. A row that is lifted by its saturated amplifier lowers the
// others' currents, so that hardly ever more than two rounds are needed.
const mostRegimes = 100

// Accuracy of a unit whose current divides among several lines.
const (
	balanced      = 1e-9  // current missing, relative to what its lines carry
	nearlyBalance = 1e-6  // good enough where rounding allows no better
	noCurrent     = 1e-18 // A; six electrons a second
	probe         = 1e-4  // V, by which a unit is moved to see what its current does
	// V, and times the voltage, of one step: device currents are exponential, but a source without a way for its current
	// goes far
	largestMove = 2.0
)

// balance solves the network for the present regimes. A unit that gives a
// current to one line is part of the nodal solution. Where its current divides
// among several lines, or its line has another source, its voltage is found
// around it by Newton's method: each current rises with its voltage, so there
// is one solution and the step points towards it.
func (b *Bench) balance() error {
	b.sought = b.sought[:0]
	for u, r := range b.regimes {
		if r.current && b.spread[u] && b.driven(u) {
			b.sought = append(b.sought, u)
		}
	}
	if err := b.network(); err != nil || len(b.sought) == 0 {
		return err
	}
	known := false // the derivatives are
	for range 200 {
		missing, settled := b.missing()
		if settled {
			return nil
		}
		if !known {
			if err := b.derive(); err != nil {
				return err
			}
		}
		moved, err := b.step(missing)
		if err != nil {
			return err
		}
		if !moved && !known {
			break
		}
		known = moved // carried along, they may have become too old
	}
	for _, u := range b.sought {
		if !(b.lacks(u) <= b.allowed(u, nearlyBalance)) {
			return fmt.Errorf("the voltage at which unit %d gives %g A to %d lines was not found: it gives %g A at %g V",
				u+1, b.regimes[u].value, b.links[u], b.points[u].amps, b.points[u].volts)
		}
	}
	return nil
}

// driven tells whether the unit's lines belong to a network in which anything
// flows.
func (b *Bench) driven(u int) bool {
	return slices.ContainsFunc(b.crossbars, func(a *netArray) bool { return a.island == b.islands[u] && !a.dead })
}

// lacks is how far a sought unit's current is from what it should be, in A.
func (b *Bench) lacks(u int) float64 { return math.Abs(b.points[u].amps - b.regimes[u].value) }

// allowed is how much may be missing: a part of what the unit's lines carry,
// whatever the sum is, and what is lost to rounding where the current follows
// from the voltage across a switch.
func (b *Bench) allowed(u int, part float64) float64 {
	rounding := float64(b.links[u]) * math.Abs(b.points[u].volts) * 0x1p-50 / b.config.Wires.SwitchOn
	return part*max(b.flow[u], math.Abs(b.regimes[u].value)) + rounding + noCurrent
}

// missing adds up what the sought units' currents lack, and tells whether all
// of them are close enough.
func (b *Bench) missing() (sum float64, settled bool) {
	settled = true
	for _, u := range b.sought {
		f := b.lacks(u)
		sum += f
		settled = settled && f <= b.allowed(u, balanced)
	}
	return sum, settled
}

// newton is the work space of Newton's method, with room for all units. The
// unknowns are how far each sought unit but the last moves by itself, and how
// far all of them move together. Units that are shorted by switches hardly
// differ, and what their common potential does is lost in the differences of
// the currents between them unless it is looked at by itself.
type newton struct {
	slope    [][]float64 // S, sought unit's current by unknown
	system   [][]float64 // slope with what is missing behind it, used up by the elimination
	start    []float64   // V
	shortage []float64   // A, target minus current, at start
	move     []float64   // V, by unknown
}

func newNewton(units int) newton {
	n := newton{start: make([]float64, units), shortage: make([]float64, units), move: make([]float64, units)}
	for range units {
		n.slope = append(n.slope, make([]float64, units))
		n.system = append(n.system, make([]float64, units+1))
	}
	return n
}

// here notes the present voltages and what is missing.
func (b *Bench) here() {
	n := &b.newton
	for i, u := range b.sought {
		n.start[i], n.shortage[i] = b.points[u].volts, b.regimes[u].value-b.points[u].amps
	}
}

// moved puts the sought units where a part of a move brings them.
func (b *Bench) moved(part float64) {
	n := &b.newton
	together := n.move[len(b.sought)-1]
	for i, u := range b.sought {
		d := together
		if i < len(b.sought)-1 {
			d += n.move[i]
		}
		b.points[u].volts = n.start[i] + part*d
	}
}

// derive finds by trying what the sought units' currents do when the unknowns
// move. It leaves the network solved at the last trial.
func (b *Bench) derive() error {
	b.here()
	n := &b.newton
	for j := range b.sought {
		clear(n.move)
		n.move[j] = probe
		b.moved(1)
		if err := b.network(); err != nil {
			return err
		}
		for i, u := range b.sought {
			n.slope[i][j] = (b.points[u].amps - b.regimes[u].value + n.shortage[i]) / probe
		}
	}
	for i, u := range b.sought {
		b.points[u].volts, b.points[u].amps = n.start[i], b.regimes[u].value-n.shortage[i]
	}
	return nil
}

// step moves the sought units' voltages by one step of Newton's method, halved
// until less is missing; false when no part of the step helps. The derivatives
// are carried along by what the step shows of them (Broyden's update), which
// costs nothing.
func (b *Bench) step(missing float64) (moved bool, err error) {
	b.here()
	n := &b.newton
	sought := len(b.sought)
	for i := range sought {
		copy(n.system[i], n.slope[i][:sought])
		n.system[i][sought] = n.shortage[i]
	}
	eliminate(n.system[:sought], n.move[:sought])
	scale, length := 1.0, 0.0
	for i, d := range n.move[:sought] {
		length += d * d
		if i < sought-1 {
			d += n.move[sought-1]
		}
		if math.IsNaN(d) || math.IsInf(d, 0) {
			return false, nil // nothing answers to the voltage
		}
		most := largestMove * math.Max(1, math.Abs(n.start[i]))
		scale = min(scale, most/math.Max(math.Abs(d), most))
	}
	for range 30 {
		b.moved(scale)
		if err := b.network(); err != nil {
			return false, err
		}
		if left, enough := b.missing(); enough || left < missing*(1-1e-3*scale) {
			for i, u := range b.sought {
				// What the current did beyond what the derivatives foretold.
				surprise := b.points[u].amps - b.regimes[u].value + (1-scale)*n.shortage[i]
				for j := range b.sought {
					n.slope[i][j] += surprise * n.move[j] / (scale * length)
				}
			}
			return true, nil
		}
		scale /= 2
	}
	b.moved(0)
	return false, b.network()
}

// eliminate solves a small linear system with the right-hand side in the last
// column into x, by Gaussian elimination. The matrix of a resistive network
// needs no exchange of rows.
func eliminate(m [][]float64, x []float64) {
	n := len(m)
	for i := range n {
		for k := i + 1; k < n; k++ {
			f := m[k][i] / m[i][i]
			for j := i; j <= n; j++ {
				m[k][j] -= f * m[i][j]
			}
		}
	}
	for i := n - 1; i >= 0; i-- {
		x[i] = m[i][n]
		for j := i + 1; j < n; j++ {
			x[i] -= m[i][j] * x[j]
		}
		x[i] /= m[i][i]
	}
}

// network solves every crossbar once and sums the units' currents. The voltage
// of a sought unit is the one in points.
func (b *Bench) network() error {
	for u, r := range b.regimes {
		b.points[u].amps, b.flow[u] = 0, 0
		switch {
		case b.links[u] == 0:
			b.points[u] = b.unloaded(u)
			b.regimes[u].limited = b.points[u].compliance
		case !r.current:
			b.points[u].volts = r.value
		case !b.spread[u] || !b.driven(u):
			b.points[u].volts = 0
		}
	}
	for _, a := range b.order {
		if a.dead {
			clear(a.out.DeviceVolts)
		} else if err := b.array(a); err != nil {
			return fmt.Errorf("array %s: %w", a.board.Array, err)
		}
		b.neurons.solved(a)
	}
	return nil
}

// array solves one crossbar and adds its currents to the units'. An amplifier of
// the neuron board that comes to its rail, or leaves it, changes the network.
func (b *Bench) array(a *netArray) error {
	for range mostRegimes {
		for i := range a.taps {
			line, _, _ := a.line(i)
			*line = b.terminal(a, &a.taps[i])
		}
		if err := a.solver.Solve(a.rows, a.cols, a.devices, &a.out); err != nil {
			return err
		}
		if !b.neurons.currents(b, a) {
			b.collect(a)
			return nil
		}
	}
	return errors.New("it was not found out which summing amplifiers of the neuron board are at their rails: the answer " +
		"changes each time")
}

// unloaded is the state of a unit that no line is connected to: no current
// flows, so a current source goes to its compliance.
func (b *Bench) unloaded(u int) operatingPoint {
	switch o := b.outputs[u]; {
	case o.Mode == ForceVoltage:
		return operatingPoint{volts: o.Level}
	case o.Mode == ForceCurrent && o.Level != 0:
		return operatingPoint{volts: math.Copysign(o.Compliance, o.Level), compliance: true}
	}
	return operatingPoint{}
}

// terminal is what a line sees through its closed switches.
func (b *Bench) terminal(a *netArray, t *tap) crossbar.Line {
	w := &b.config.Wires
	switch {
	case t.links == 0:
		return crossbar.Line{Kind: crossbar.Floating}
	case t.links > 1 && t.onto != nil:
		return b.shared(a, t)
	case t.links > 1:
		// Two closed switches short their sources through both; the line sees
		// the mean. The control program refuses such a setting, a bare client
		// can make it.
		sum := 0.0
		for n := range a.behind(t) {
			sum += b.potential(n)
		}
		n := float64(t.links)
		return crossbar.Line{Kind: crossbar.Voltage, Value: sum / n, Resistance: w.SwitchOn/n + w.Contact}
	}
	through := w.Contact
	if t.wire == nil {
		through += w.SwitchOn
	}
	if u := t.net.unit - 1; u >= 0 && b.regimes[u].current && !b.spread[u] {
		if r := b.regimes[u]; r.value != 0 {
			return crossbar.Line{Kind: crossbar.Current, Value: r.value, Resistance: through}
		}
		return crossbar.Line{Kind: crossbar.Floating}
	}
	line := crossbar.Line{Kind: crossbar.Voltage, Value: b.potential(t.net), Resistance: through}
	if t.onto != nil {
		line.Resistance += t.onto.ohms
	}
	return line
}

// meeting is the potential behind the closed switches of a line that has
// several.
func (b *Bench) meeting(t *tap, line *crossbar.Line, into float64) float64 {
	w := &b.config.Wires
	if t.onto != nil {
		return line.Value - into*(line.Resistance-w.Contact)
	}
	return line.Value - into*w.SwitchOn/float64(t.links)
}

// shared is terminal for a line with several closed switches, one of which leads
// to the neuron board, whose terminals have a resistance of their own.
func (b *Bench) shared(a *netArray, t *tap) crossbar.Line {
	w := &b.config.Wires
	siemens, amps := 0.0, 0.0
	for n := range a.behind(t) {
		g := 1 / (w.SwitchOn + n.ohms())
		siemens += g
		amps += g * b.potential(n)
	}
	return crossbar.Line{Kind: crossbar.Voltage, Value: amps / siemens, Resistance: 1/siemens + w.Contact}
}

// potential is that of a bus which is held, or sought, at a voltage.
func (b *Bench) potential(n net) float64 {
	switch {
	case n.unit > 0:
		return b.points[n.unit-1].volts
	case n.port != nil:
		return n.port.volts
	}
	return n.fixed
}

// collect adds a crossbar's line currents to the units'.
func (b *Bench) collect(a *netArray) {
	for i := range a.taps {
		t := &a.taps[i]
		line, into, volts := a.line(i)
		switch {
		case t.links == 0 || t.links == 1 && t.net.unit == 0:
		case t.links == 1:
			u := t.net.unit - 1
			if line.Kind != crossbar.Voltage { // the unit gives a current to this line alone
				b.points[u].volts, into = volts, b.regimes[u].value
			}
			b.points[u].amps += into
			b.flow[u] += math.Abs(into)
		default:
			// Behind the switches all sources meet.
			w := &b.config.Wires
			node := b.meeting(t, line, into)
			for n := range a.behind(t) {
				if n.unit == 0 {
					continue
				}
				u := n.unit - 1
				share := (b.points[u].volts - node) / w.SwitchOn
				b.points[u].amps += share
				b.flow[u] += math.Abs(share)
			}
		}
	}
}

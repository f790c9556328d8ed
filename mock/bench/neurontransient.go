package bench

import (
	"math"
	"slices"

	"xlab/mock/crossbar"
)

// delays are the time constants in s of the way from a switch to a neuron's
// output. Each stage is one pole: the RC in its feedback and its amplifier's
// bandwidth, which is the gain-bandwidth product over the noise gain, add up.
type delays struct {
	line     float64 // a driven column and a row with their switches, together
	sum      float64
	diff     float64
	scale    [2]float64 // output neurons, hidden neurons
	settling float64    // after this all of it is over
}

// stepSize is the step of the integration in s, below every time constant that
// matters. Inputs are taken to change linearly within a step, which leaves an
// error of second order.
const stepSize = 20e-9

// settledPart is the part of a change that is left when everything is taken to
// have settled: a sixteenth of a step of a 16-bit converter over the full swing.
const settledPart = 0x1p-20

func newDelays(p *NeuronParts, w *Wires) delays {
	pole := func(noiseGain float64) float64 { return noiseGain / (2 * math.Pi * p.GainBandwidth) }
	d := delays{
		line:  2 * (w.SwitchOn + w.Contact) * w.LineCapacitance,
		sum:   p.Feedback*p.FeedbackFarads + pole(1+p.Feedback*p.RowConductance),
		diff:  p.StageDelay + pole(1+p.DifferenceGain),
		scale: [2]float64{p.StageDelay + pole(2), p.StageDelay + pole(1+p.Swing)},
	}
	// A step through all poles of two layers, and the time that the two largest
	// swings take at the slew rate.
	poles := []float64{d.line, d.sum, d.diff, d.scale[1], d.line, d.sum, d.diff, d.scale[0]}
	state := make([]float64, len(poles))
	for d.settling = 2 * (2 * p.Rail) / p.SlewRate; 1-state[len(state)-1] > settledPart; d.settling += stepSize {
		was, is := 1.0, 1.0
		for k, tau := range poles {
			before := state[k]
			state[k] = follow(before, was, is, stepSize, tau)
			was, is = before, state[k]
		}
	}
	return d
}

// follow is a pole's output a time h later, while its input goes linearly from
// was to is.
func follow(y, was, is, h, tau float64) float64 {
	if tau == 0 {
		return is
	}
	e := math.Exp(-h / tau)
	return e*y + (1-e)*was + (is-was)*(1-tau/h*(1-e))
}

// transient is the work space for what the array behind the hidden neurons does
// while their outputs move. The array itself stays at its final operating point:
// devices do not notice a microsecond at 0.2 V.
type transient struct {
	solver     *crossbar.Solver // nil when nothing is fed
	rows, cols []crossbar.Line
	out        crossbar.Solution
	target     [][2]float64 // A, into every neuron, where its rows are going
	was        [][2]float64 // the same, a step earlier
	driven     []float64    // V, final outputs of the hidden neurons
}

func (t *transient) prepare(b *Bench, n *neurons) error {
	t.target, t.was = make([][2]float64, len(n.list)), make([][2]float64, len(n.list))
	t.driven = make([]float64, n.hidden)
	a := n.fed
	if a == nil {
		return nil
	}
	solver, err := crossbar.New(a.solver.Geometry())
	if err != nil {
		return err
	}
	solver.SetWarmStart(true)
	rows, cols := len(a.rows), len(a.cols)
	t.solver, t.rows, t.cols = solver, make([]crossbar.Line, rows), make([]crossbar.Line, cols)
	return nil
}

// rest makes the neurons' rows currentless.
func (n *neurons) rest() {
	if n == nil {
		return
	}
	for j := range n.list {
		for side := range n.list[j].sum {
			n.list[j].sum[side].amps = 0
		}
	}
	n.evaluate(0, n.hidden)
}

// disturb says that something was changed at this moment.
func (n *neurons) disturb() {
	if n != nil {
		n.unsettled = n.delays.settling
	}
}

// arrive puts every neuron where it is going.
func (n *neurons) arrive() {
	n.unsettled = 0
	for j := range n.list {
		n.list[j].now = n.list[j].static
	}
}

// elapse lets the neurons follow what the arrays do, of which the operating
// point was just found, for a time.
func (n *neurons) elapse(b *Bench, seconds float64) {
	if n == nil {
		return
	}
	n.evaluate(n.hidden, len(n.list))
	if seconds >= n.unsettled {
		n.arrive()
		return
	}
	n.unsettled -= seconds
	if err := n.integrate(b, seconds); err != nil {
		b.fail(err)
	}
}

// integrate moves all stages of all neurons on.
func (n *neurons) integrate(b *Bench, seconds float64) error {
	t := &n.transient
	fed := n.feeding()
	for j := range t.driven {
		t.driven[j] = n.list[j].static.out
	}
	defer func() { // the board is where it was for the network's next solution
		for j := range t.driven {
			n.drivers[j].volts = t.driven[j]
		}
	}()
	for j := range n.list {
		t.target[j] = n.list[j].static.amps
	}
	if fed {
		if err := n.feed(b); err != nil {
			return err
		}
	}
	steps := math.Ceil(seconds / stepSize)
	h := seconds / steps
	for range int(steps) {
		for j := range n.hidden {
			n.step(j, h, n.list[j].static.amps)
		}
		copy(t.was, t.target)
		if fed {
			if err := n.feed(b); err != nil {
				return err
			}
		}
		for j := n.hidden; j < len(n.list); j++ {
			n.step(j, h, t.was[j])
		}
	}
	return nil
}

// feeding tells whether any hidden neuron drives its column.
func (n *neurons) feeding() bool {
	if n.fed == nil || n.fed.dead {
		return false
	}
	first := len(n.fed.rows) + n.board.Hidden.Feeds.Column
	return slices.ContainsFunc(n.fed.taps[first:first+len(n.drivers)], func(t tap) bool { return t.onto != nil })
}

// feed finds the currents into the output neurons while the hidden neurons'
// outputs are where they are now.
func (n *neurons) feed(b *Bench) error {
	t, a := &n.transient, n.fed
	for j := range n.drivers {
		n.drivers[j].volts = n.list[j].now.out
	}
	for i := range t.rows {
		t.rows[i] = b.terminal(a, &a.taps[i])
	}
	for i := range t.cols {
		t.cols[i] = b.terminal(a, &a.taps[len(t.rows)+i])
	}
	if err := t.solver.Solve(t.rows, t.cols, a.devices, &t.out); err != nil {
		return err
	}
	for j := n.hidden; j < len(n.list); j++ {
		for side := range 2 {
			row := n.board.Outputs.Row + 2*(j-n.hidden) + side
			if n.board.Outputs.Array != n.board.Hidden.Feeds.Array || a.taps[row].onto == nil {
				continue
			}
			t.target[j][side] = b.intoBoard(&a.taps[row], &t.rows[row], t.out.RowCurrents[row])
		}
	}
	return nil
}

// step moves one neuron on by h, while the currents that its rows come to go
// from was to the present target.
func (n *neurons) step(j int, h float64, was [2]float64) {
	x, p, d := &n.list[j], &n.parts, &n.delays
	before := x.now
	now := &x.now
	target := n.transient.target[j]
	for side := range now.amps {
		s := &x.sum[side]
		now.amps[side] = follow(before.amps[side], was[side], target[side], h, d.line)
		next := follow(before.sum[side], s.output(p, before.amps[side]), s.output(p, now.amps[side]), h, d.sum)
		now.sum[side] = n.slew(before.sum[side], next, h)
	}
	diff := follow(before.diff, x.differ(p, before.sum), x.differ(p, now.sum), h, d.diff)
	now.diff = n.slew(before.diff, diff, h)
	tau := d.scale[0]
	if x.hidden {
		tau = d.scale[1]
	}
	out := follow(before.out, x.scaled(p, before.diff), x.scaled(p, now.diff), h, tau)
	now.out = n.slew(before.out, out, h)
}

// slew bounds how fast an amplifier's output moves.
func (n *neurons) slew(from, to, h float64) float64 {
	return from + clip(to-from, n.parts.SlewRate*h)
}

// Transient makes a change, such as another setting of the switches, and
// follows the neurons: times in s after it, from 0 to duration in equal steps of
// about step, and the hidden and output neurons' outputs in V, one row per time,
// without the converters and their noise. The bench's time goes on by duration
// and the devices are stressed. A back door for showing the propagation delay;
// nil without a neuron board. It must be called under Do.
func (b *Bench) Transient(change func(), step, duration float64) (times []float64, hidden, outputs [][]float64) {
	if b.neurons == nil || !(step > 0) || !(duration > 0) {
		return nil, nil, nil
	}
	change()
	steps := int(math.Ceil(duration / step))
	for k := 0; k <= steps; k++ {
		if k > 0 {
			b.Hold(duration / float64(steps))
		}
		h, o := b.NeuronVolts()
		times, hidden, outputs = append(times, duration*float64(k)/float64(steps)), append(hidden, h), append(outputs, o)
	}
	return times, hidden, outputs
}

// NeuronVolts is what the neurons' outputs are now, in V; a back door. Both are
// nil without a neuron board.
func (b *Bench) NeuronVolts() (hidden, outputs []float64) {
	if b.neurons == nil {
		return nil, nil
	}
	for j := range b.neurons.list {
		v := b.neurons.list[j].now.out
		if b.fault != nil {
			v = math.NaN()
		}
		if j < b.neurons.hidden {
			hidden = append(hidden, v)
		} else {
			outputs = append(outputs, v)
		}
	}
	return hidden, outputs
}

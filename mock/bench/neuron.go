package bench

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"

	"xlab/mock/crossbar"
)

// port is a terminal of the neuron board as a line sees it through its S8: a
// voltage behind a resistance.
type port struct {
	volts, ohms float64
	amps        float64 // out of the line into the board
}

// summing is the inverting amplifier that holds one row at virtual ground, with
// the offset V at its other input: V1 = A (offset - Vn), and through the feedback
// resistor flows what comes from the row, less the bias current. So the row sees
// nearly the offset behind nearly R/A. At a rail V1 stands still, and the row sees
// the rail behind the whole of R.
type summing struct {
	port
	offset   float64 // V
	feedback float64 // Ω
	rail     int     // sign of the rail that it is at, 0 for none
}

// settle makes the port that of the amplifier's present regime.
func (s *summing) settle(p *NeuronParts) {
	if s.rail != 0 {
		s.volts, s.ohms = float64(s.rail)*p.Rail-s.feedback*p.BiasCurrent, s.feedback
		return
	}
	s.volts = (p.OpenLoopGain*s.offset - s.feedback*p.BiasCurrent) / (1 + p.OpenLoopGain)
	s.ohms = s.feedback / (1 + p.OpenLoopGain)
}

// output is V1 when the row gives amps.
func (s *summing) output(p *NeuronParts, amps float64) float64 {
	if s.rail != 0 {
		return float64(s.rail) * p.Rail
	}
	return clip(s.volts+s.ohms*amps-s.feedback*(amps-p.BiasCurrent), p.Rail)
}

// regime tells at which rail the amplifier belongs with its present current.
func (s *summing) regime(p *NeuronParts) int {
	vn := s.volts + s.ohms*s.amps
	if s.rail == 0 {
		if v := vn - s.feedback*(s.amps-p.BiasCurrent); math.Abs(v) > p.Rail*(1+relativeSlack) {
			return sign(v)
		}
		return 0
	}
	// It leaves the rail when its inputs no longer ask for it.
	if float64(s.rail)*p.OpenLoopGain*(s.offset-vn) < p.Rail*(1-relativeSlack) {
		return 0
	}
	return s.rail
}

func sign(x float64) int { return int(math.Copysign(1, x)) }

func clip(x, limit float64) float64 { return min(max(x, -limit), limit) }

// neuron is one op-amp neuron with the imperfections of its parts.
type neuron struct {
	hidden        bool
	sum           [2]summing // plus, minus
	gain, scale   float64    // V/V, of the difference stage and of the scaling stage
	offset, shift float64    // V, at the difference stage's argument and at the output
	trim          float64    // V, at the difference stage's argument
	stuck         float64    // V, at the output; not a number when it works
	static, now   stages     // where it is going, and where it is
}

// stages are the potentials within a neuron, and the currents that make them.
type stages struct {
	amps [2]float64 // A, from the plus and the minus row
	sum  [2]float64 // V
	diff float64    // V
	out  float64    // V
}

// differ is the difference stage's output when the summing amplifiers' are sum:
// limited by diodes to a tanh of 1 V (hidden) or by its rails.
func (n *neuron) differ(p *NeuronParts, sum [2]float64) float64 {
	u := n.gain*(sum[1]-sum[0]) + n.offset + n.trim
	if n.hidden {
		return math.Tanh(u)
	}
	return clip(u, p.Rail)
}

// scaled is the output when the difference stage's is diff.
func (n *neuron) scaled(p *NeuronParts, diff float64) float64 {
	if !math.IsNaN(n.stuck) {
		return n.stuck
	}
	return clip(n.scale*diff+n.shift, p.Rail)
}

// evaluate finds what the neuron comes to with the currents of its rows.
func (n *neuron) evaluate(p *NeuronParts) {
	s := &n.static
	for side := range n.sum {
		s.amps[side] = n.sum[side].amps
		s.sum[side] = n.sum[side].output(p, s.amps[side])
	}
	s.diff = n.differ(p, s.sum)
	s.out = n.scaled(p, s.diff)
}

// neurons is the neuron board on the bench. Its methods do nothing on nil.
type neurons struct {
	board   *NeuronBoard
	parts   NeuronParts
	list    []neuron // hidden, then outputs
	hidden  int
	drivers []port // outputs of the hidden neurons, as columns see them
	// The arrays they are wired to; first is that of the hidden neurons.
	first, fed *netArray
	delays     delays
	unsettled  float64 // s until everything stands still
	noise      *rand.Rand
	transient  transient
	readings   []Conversion
	work       conversionWork
}

// AttachNeurons connects a neuron board to the lines of arrays that were
// attached before. The spread of its parts is drawn from the bench's seed and
// the board's serial number. A board wired to lines that are not there, or a
// second one, is refused.
func (b *Bench) AttachNeurons(board *NeuronBoard, parts NeuronParts) error {
	if b.neurons != nil {
		return fmt.Errorf("neuron board %s: there is already board %s", board.Serial, b.neurons.board.Serial)
	}
	if err := board.validate(); err != nil {
		return fmt.Errorf("neuron board %s: %w", board.Serial, err)
	}
	if err := parts.validate(); err != nil {
		return err
	}
	if err := b.attachNeurons(board, parts); err != nil {
		for _, a := range b.crossbars {
			for i := range a.taps {
				a.taps[i].port = nil // half a board is none
			}
		}
		return err
	}
	// Switches that are closed already lead somewhere now.
	for _, a := range b.crossbars {
		a.relink()
	}
	b.rewire()
	return nil
}

func (b *Bench) attachNeurons(board *NeuronBoard, parts NeuronParts) error {
	h, o := board.Hidden, board.Outputs
	n := &neurons{board: board, parts: parts, list: make([]neuron, h.Count+o.Count), hidden: h.Count,
		drivers:  make([]port, h.Count),
		readings: make([]Conversion, h.Count+o.Count)}
	n.draw(b.config.Seed)
	n.noise = rand.New(rand.NewPCG(n.seed(b.config.Seed), math.Float64bits(b.config.Start)))
	for j := range n.list {
		array, row := h.Array, h.Row+2*j
		if j >= h.Count {
			array, row = o.Array, o.Row+2*(j-h.Count)
		}
		for side := range 2 {
			if _, err := b.wirePort(board, array, "row", row+side, &n.list[j].sum[side].port); err != nil {
				return err
			}
		}
	}
	for j := range n.drivers {
		var err error
		if n.fed, err = b.wirePort(board, h.Feeds.Array, "column", h.Feeds.Column+j, &n.drivers[j]); err != nil {
			return err
		}
	}
	if n.first = b.arrayNamed(h.Array); h.Count > 0 {
		b.order = append(b.order[:0], n.first)
		for _, a := range b.crossbars {
			if a != n.first {
				b.order = append(b.order, a)
			}
		}
	}
	n.delays = newDelays(&n.parts, &b.config.Wires)
	if err := n.transient.prepare(b, n); err != nil {
		return err
	}
	n.rest()
	n.evaluate(n.hidden, len(n.list))
	n.arrive()
	b.neurons = n
	return nil
}

// wirePort connects a line to a terminal of the board.
func (b *Bench) wirePort(board *NeuronBoard, array, kind string, line int, p *port) (*netArray, error) {
	a := b.arrayNamed(array)
	if a == nil {
		return nil, fmt.Errorf("neuron board %s is wired to array %s, which is not on the bench", board.Serial, array)
	}
	if !a.board.Switched() {
		return nil, fmt.Errorf("neuron board %s is wired to array %s, which has no switches", board.Serial, array)
	}
	lines := a.taps[:len(a.rows)]
	if kind == "column" {
		lines = a.taps[len(a.rows):]
	}
	if line >= len(lines) {
		return nil, fmt.Errorf("neuron board %s is wired to %s %d of array %s, which has %d", board.Serial, kind, line, array,
			len(lines))
	}
	lines[line].port = p
	return a, nil
}

func (b *Bench) arrayNamed(name string) *netArray {
	for _, a := range b.crossbars {
		if a.board.Array == name {
			return a
		}
	}
	return nil
}

// seed mixes the board's serial number into the bench's seed.
func (n *neurons) seed(bench uint64) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "neuron board %s", n.board.Serial) // a hash does not fail
	return bench ^ h.Sum64()
}

// draw gives every part its imperfections. Each takes its number whatever the
// spreads are, so that a change of one leaves the others alone.
func (n *neurons) draw(bench uint64) {
	normal := rand.New(rand.NewPCG(n.seed(bench), 1)).NormFloat64
	p := &n.parts
	for j := range n.list {
		x := &n.list[j]
		x.hidden, x.stuck = j < n.hidden, math.NaN()
		for side := range x.sum {
			s := &x.sum[side]
			s.offset = p.Offset * normal()
			s.feedback = p.Feedback * math.Max(0.1, 1+p.FeedbackSpread*normal())
		}
		nominal := 1.0
		if x.hidden {
			nominal = p.Swing // the limiter gives 1 V
		}
		// An offset at the input of an amplifier with resistors around it appears
		// at the output times its noise gain, one more than its gain.
		x.offset = p.Offset * normal() * (1 + p.DifferenceGain)
		x.gain = p.DifferenceGain * (1 + p.GainSpread*normal())
		x.shift = p.Offset * normal() * (1 + nominal)
		x.scale = nominal * (1 + p.GainSpread*normal())
	}
	for j := range n.drivers {
		n.drivers[j].ohms = p.OutputOhms
	}
}

// currents brings the currents of an array's rows into the amplifiers that hold
// them, and tells whether one of these came to its rail or left it.
func (n *neurons) currents(b *Bench, a *netArray) (changed bool) {
	if n == nil {
		return false
	}
	for i := range a.taps {
		t := &a.taps[i]
		if t.onto == nil {
			continue
		}
		line, into, _ := a.line(i)
		t.onto.amps = b.intoBoard(t, line, into)
	}
	for j := range n.list {
		for side := range n.list[j].sum {
			s := &n.list[j].sum[side]
			if rail := s.regime(&n.parts); rail != s.rail {
				s.rail, changed = rail, true
				s.settle(&n.parts)
			}
		}
	}
	return changed
}

// intoBoard is the current that a line gives to its terminal of the board.
func (b *Bench) intoBoard(t *tap, line *crossbar.Line, into float64) float64 {
	if t.links > 1 {
		return (b.meeting(t, line, into) - t.onto.volts) / (b.config.Wires.SwitchOn + t.onto.ohms)
	}
	return -into
}

// solved takes note that an array was solved. The hidden neurons' outputs follow
// from theirs, before the array that they feed is solved.
func (n *neurons) solved(a *netArray) {
	if n == nil {
		return
	}
	for i := range a.taps {
		// No current comes through an open switch, or from a dead array.
		if t := &a.taps[i]; t.port != nil && (t.onto == nil || a.dead) {
			t.port.amps = 0
		}
	}
	if a == n.first {
		n.evaluate(0, n.hidden)
	}
}

func (n *neurons) evaluate(from, to int) {
	for j := from; j < to; j++ {
		x := &n.list[j]
		for side := range x.sum {
			// Without its row an amplifier cannot stay at a rail.
			if s := &x.sum[side]; s.amps == 0 && s.rail != 0 {
				s.rail = 0
			}
			x.sum[side].settle(&n.parts)
		}
		x.evaluate(&n.parts)
		if j < n.hidden {
			n.drivers[j].volts = x.static.out
		}
	}
}

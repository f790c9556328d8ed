package bench

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"sync"

	"xlab/mock/crossbar"
	"xlab/mock/device"
)

// Config is everything the netlist needs beside the devices.
type Config struct {
	Units int   // number of source-measure units
	Wires Wires // between the units and the crosspoints
	Meter Meter // how well the units measure
	Seed  uint64
	Start float64 // virtual time at which the bench is switched on, s
}

// Wires are the passive parts of the bench.
type Wires struct {
	RowSegment      float64 `yaml:"row_segment_ohm"`     // Ω between neighbouring crosspoints on a row
	ColSegment      float64 `yaml:"col_segment_ohm"`     // Ω, on a column
	Contact         float64 `yaml:"contact_ohm"`         // Ω between the bonding line and the crossbar electrode
	SwitchOn        float64 `yaml:"switch_on_ohm"`       // Ω of a closed switch
	LineCapacitance float64 `yaml:"line_capacitance_f"`  // F of a line with its switch, board and cable
	ReadReference   float64 `yaml:"read_reference_volt"` // V of the VREAD+ bus
}

// DefaultWires are the wires of the published chip and board. Pad-to-pad
// resistance of a line is about 800 Ω, mostly its two contacts (Merrikh Bayat
// et al., Nature Communications 9:2331, 2018); with both pads of a line bonded
// together (assumption) the two contacts of 380 Ω are in parallel. The 2 Ω
// segment and the capacitance of line, board and cable are assumptions. The
// on-resistance is the ADG1438 data sheet's typical value.
func DefaultWires() Wires {
	return Wires{RowSegment: 2, ColSegment: 2, Contact: 190, SwitchOn: 9.5, LineCapacitance: 150e-12, ReadReference: 0.2}
}

// Bench is the simulated bench. Its Terminals methods must be called under Do.
type Bench struct {
	config    Config
	mu        sync.Mutex
	outputs   []Output // by unit, index 0 = unit 1; so are the following
	points    []operatingPoint
	samples   []Sample
	crossbars []*netArray
	order     []*netArray // in which they are solved: the hidden neurons' array first
	neurons   *neurons    // nil for none
	now       float64     // virtual time, s; goes on where the chip was left
	interlock bool        // open
	noise     *rand.Rand
	fault     error // first failure of the physics
	after     func()

	// What the switches connect, by unit.
	links   []int  // closed switches that lead to the unit
	spread  []bool // several of them, or one on a line with other sources
	islands []int  // the island of its lines, < 0 for none
	fixed   bool   // some line is on a reference that is not 0 V

	// Of the operating point that is being looked for, by unit.
	regimes []regime
	flow    []float64 // sum of |current| of the unit's lines, A
	sought  []int     // units whose voltage is found around the nodal solution
	newton  newton
	changed []bool // the unit is set otherwise than in the last operating point
}

var _ Terminals = (*Bench)(nil)

// New makes a bench without arrays.
func New(c Config) (*Bench, error) {
	if c.Units < 1 {
		return nil, errors.New("a bench needs at least one source-measure unit")
	}
	if err := cmp.Or(c.Wires.validate(), c.Meter.validate()); err != nil {
		return nil, err
	}
	// The start time in the second word gives a later session on the same chip
	// other noise, and the same one when it is repeated.
	pcg := rand.NewPCG(c.Seed, math.Float64bits(c.Start))
	b := &Bench{config: c, noise: rand.New(pcg), now: c.Start,
		outputs: make([]Output, c.Units), points: make([]operatingPoint, c.Units), samples: make([]Sample, c.Units),
		links: make([]int, c.Units), spread: make([]bool, c.Units), islands: make([]int, c.Units),
		regimes: make([]regime, c.Units), flow: make([]float64, c.Units), sought: make([]int, 0, c.Units),
		changed: make([]bool, c.Units), newton: newNewton(c.Units)}
	b.rewire()
	return b, nil
}

// validate refuses what the network cannot be solved with.
func (w Wires) validate() error {
	for _, part := range []struct {
		name  string
		value float64
	}{{"row_segment_ohm", w.RowSegment}, {"col_segment_ohm", w.ColSegment}, {"contact_ohm", w.Contact},
		{"line_capacitance_f", w.LineCapacitance}} {
		if !(part.value >= 0) || math.IsInf(part.value, 1) {
			return fmt.Errorf("wires: %s %g must be 0 or more", part.name, part.value)
		}
	}
	if !(w.SwitchOn > 0) || math.IsInf(w.SwitchOn, 1) {
		return fmt.Errorf("wires: switch_on_ohm %g must be more than 0: it decides how two closed switches of a line share "+
			"the current", w.SwitchOn)
	}
	return nil
}

// Attach connects an array's devices behind a board, all of whose switches are
// open, or by the wires that stand for one. The devices must have the board's size, and no two boards or arrays one
// name.
func (b *Bench) Attach(board *Board, devices *device.Array) error {
	for _, a := range b.crossbars {
		if a.board.Name == board.Name || a.board.Array == board.Array {
			return fmt.Errorf("array %s behind board %s: there is already array %s behind board %s", board.Array, board.Name,
				a.board.Array, a.board.Name)
		}
	}
	solver, err := crossbar.New(crossbar.Geometry{Rows: board.Rows, Cols: board.Cols,
		RowSegment: b.config.Wires.RowSegment, ColSegment: b.config.Wires.ColSegment})
	if err != nil {
		return fmt.Errorf("array %s: %w", board.Array, err)
	}
	solver.SetWarmStart(true)
	if most := board.lastUnit(); most > b.config.Units {
		return fmt.Errorf("array %s: the wiring map names unit %d, and the analyzer's units end at %d",
			board.Array, most, b.config.Units)
	}
	if rows, cols := devices.Rows(), devices.Cols(); rows != board.Rows || cols != board.Cols {
		return fmt.Errorf("array %s: the wiring map has %d x %d lines, the chip %d x %d", board.Array, board.Rows, board.Cols,
			rows, cols)
	}
	b.crossbars = append(b.crossbars, newNetArray(board, devices, solver))
	b.order = append(b.order, b.crossbars[len(b.crossbars)-1])
	b.rewire()
	return nil
}

// Fault is the first failure of the simulated physics, nil for none. From then
// on no device is stressed any more and the meters show no value, so that
// nothing wrong can pass for a measurement; time goes on. It is a defect of the
// simulation, and whoever ends a session should say so.
func (b *Bench) Fault() error { return b.fault }

// Do runs f while nobody else acts on the bench.
func (b *Bench) Do(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
	if b.after != nil {
		b.after()
	}
}

// AfterDo has f called at the end of every Do, when nobody can have heard yet
// of what was done in it. It must be set before the bench is used.
func (b *Bench) AfterDo(f func()) { b.after = f }

// Units is the number of source-measure units.
func (b *Bench) Units() int { return b.config.Units }

// Now is the virtual bench time in s.
func (b *Bench) Now() float64 { return b.now }

// InterlockOpen tells whether the interlock contact is open.
func (b *Bench) InterlockOpen() bool { return b.interlock }

// OpenInterlock opens or closes the interlock contact; a back door for tests.
func (b *Bench) OpenInterlock(open bool) { b.interlock = open }

// SetOutputs changes outputs at one moment. A unit that does not exist is a
// programming error and panics.
func (b *Bench) SetOutputs(change map[int]Output) {
	for unit, o := range change {
		if b.outputs[unit-1] != o {
			b.outputs[unit-1], b.changed[unit-1] = o, true
			b.neurons.disturb()
		}
	}
}

// Outputs gives the units' present settings, index 0 for unit 1; a back door.
func (b *Bench) Outputs() []Output { return slices.Clone(b.outputs) }

// Switch sets a board's switches at one moment. Another board's name or number
// of chips is a programming error and panics.
func (b *Bench) Switch(board string, closed []uint8) {
	for _, a := range b.crossbars {
		if a.board.Name == board && a.board.Switched() {
			a.setSwitches(closed)
			b.rewire()
			b.neurons.disturb()
			return
		}
	}
	panic(fmt.Sprintf("bench: there is no switch board %q", board))
}

// ClosedSwitches counts the closed switches of all boards; a back door.
func (b *Bench) ClosedSwitches() int {
	n := 0
	for _, a := range b.crossbars {
		for _, t := range a.taps {
			n += bits.OnesCount8(t.set)
		}
	}
	return n
}

// Devices gives the devices of an array, nil if there is none of that name; a
// back door for tests and for keeping the chip's state.
func (b *Bench) Devices(array string) *device.Array {
	a := b.arrayNamed(array)
	if a == nil {
		return nil
	}
	a.settleIdle()
	return a.devices
}

// Hold lets the present state last.
func (b *Bench) Hold(seconds float64) {
	if !(seconds > 0) {
		return
	}
	if b.quiet() {
		b.idle(seconds)
	} else {
		b.stress(seconds)
	}
	b.now += seconds
}

// Sample holds for the aperture and gives what the meters show: not a number
// after a Fault. The slice is the bench's and holds until the next Sample.
func (b *Bench) Sample(aperture float64, fullScale []float64) []Sample {
	quiet := b.quiet()
	b.expose(aperture)
	if quiet {
		for u, o := range b.outputs {
			b.points[u] = operatingPoint{}
			if b.links[u] == 0 {
				b.points[u] = b.unloaded(u)
			} else if o.Mode == ForceVoltage {
				b.points[u].volts = o.Level
			}
		}
	}
	for u, p := range b.points {
		var scale float64
		if u < len(fullScale) {
			scale = fullScale[u]
		}
		if b.fault != nil {
			p.volts, p.amps = math.NaN(), math.NaN()
		}
		b.samples[u] = b.config.Meter.read(p, scale, aperture, b.noise)
	}
	return b.samples
}

// expose lets an aperture pass, in which the devices have the noise of its
// duration.
func (b *Bench) expose(aperture float64) {
	if b.quiet() {
		b.idle(aperture)
	} else {
		for _, a := range b.crossbars {
			if a.linked {
				a.settleIdle() // the noise belongs to the moment of the sample
				a.devices.SampleNoise(aperture)
			}
		}
		b.stress(aperture)
		for _, a := range b.crossbars {
			a.devices.ClearNoise()
		}
	}
	b.now += aperture
}

// quiet tells whether nothing can flow: every source that is connected to
// anything is off or at zero, and no line is on a read reference.
func (b *Bench) quiet() bool {
	if b.fixed || b.fault != nil {
		return b.fault != nil
	}
	for u, o := range b.outputs {
		if b.links[u] > 0 && o.Mode != Off && o.Level != 0 {
			return false
		}
	}
	return true
}

// idle lets time pass without bias. The devices hear of it when it matters.
func (b *Bench) idle(seconds float64) {
	for _, a := range b.crossbars {
		a.idle += seconds
	}
	b.neurons.rest()
	b.neurons.elapse(b, seconds)
}

// stress applies the present state to every device for the given time. A
// device that forms changes the network, so the rest of the time is solved
// anew. Where crossbars share sources at their compliance, each has had its
// own time until then: the moments at which their devices form are not put in
// order, because every cut of an interval would count as a further pulse.
func (b *Bench) stress(seconds float64) {
	for _, a := range b.crossbars {
		if a.linked {
			a.settleIdle()
		}
		a.remaining = seconds
	}
	for again := true; again; {
		if err := b.solve(); err != nil {
			b.fail(err)
			return
		}
		again = false
		for _, a := range b.crossbars {
			if a.remaining > 0 && a.stress(b.config.Wires.LineCapacitance) {
				again = true
			}
		}
	}
	b.neurons.elapse(b, seconds)
}

func (b *Bench) fail(err error) {
	b.fault = fmt.Errorf("simulated bench, at %.6f s: %w", b.now, err)
}

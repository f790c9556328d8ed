package bench

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
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
	outputs   []Output // by unit, index 0 = unit 1
	points    []operatingPoint
	crossbars []*netArray
	now       float64 // virtual time, s; goes on where the chip was left
	interlock bool    // open
	noise     *rand.Rand
	samples   []Sample
}

var _ Terminals = (*Bench)(nil)

// New makes a bench without arrays.
func New(c Config) (*Bench, error) {
	if c.Units < 1 {
		return nil, errors.New("a bench needs at least one source-measure unit")
	}
	// The start time in the second word gives a later session on the same chip
	// other noise, and the same one when it is repeated.
	pcg := rand.NewPCG(c.Seed, math.Float64bits(c.Start))
	return &Bench{config: c, outputs: make([]Output, c.Units), points: make([]operatingPoint, c.Units),
		samples: make([]Sample, c.Units), noise: rand.New(pcg), now: c.Start}, nil
}

// Attach connects an array's devices behind a board. The devices must have the
// board's size.
func (b *Bench) Attach(board *Board, devices *device.Array) error {
	solver, err := crossbar.New(crossbar.Geometry{Rows: board.Rows, Cols: board.Cols,
		RowSegment: b.config.Wires.RowSegment, ColSegment: b.config.Wires.ColSegment})
	if err != nil {
		return fmt.Errorf("array %s: %w", board.Array, err)
	}
	solver.SetWarmStart(true)
	for _, n := range board.nets {
		if n.unit > b.config.Units {
			return fmt.Errorf("array %s: the wiring map names unit %d, the analyzer has %d", board.Array, n.unit, b.config.Units)
		}
	}
	if rows, cols := devices.Rows(), devices.Cols(); rows != board.Rows || cols != board.Cols {
		return fmt.Errorf("array %s: the wiring map has %d x %d lines, the chip %d x %d", board.Array, board.Rows, board.Cols, rows, cols)
	}
	b.crossbars = append(b.crossbars, newNetArray(board, devices, solver))
	return nil
}

// Do runs f while nobody else acts on the bench.
func (b *Bench) Do(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

// Units is the number of source-measure units.
func (b *Bench) Units() int { return b.config.Units }

// Now is the virtual bench time in s.
func (b *Bench) Now() float64 { return b.now }

// InterlockOpen tells whether the interlock contact is open.
func (b *Bench) InterlockOpen() bool { return b.interlock }

// OpenInterlock opens or closes the interlock contact; a back door for tests.
func (b *Bench) OpenInterlock(open bool) { b.interlock = open }

// SetOutputs changes outputs at one moment.
func (b *Bench) SetOutputs(change map[int]Output) {
	for unit, o := range change {
		b.outputs[unit-1] = o
	}
}

// Outputs gives the units' present settings, index 0 for unit 1; a back door.
func (b *Bench) Outputs() []Output { return append([]Output(nil), b.outputs...) }

// Switch sets a board's switches at one moment.
func (b *Bench) Switch(board string, closed []uint8) {
	for _, a := range b.crossbars {
		if a.board.Name == board {
			copy(a.closed, closed)
		}
	}
}

// ClosedSwitches counts the closed switches of all boards; a back door.
func (b *Bench) ClosedSwitches() int {
	n := 0
	for _, a := range b.crossbars {
		for _, set := range a.closed {
			for ; set != 0; set &= set - 1 {
				n++
			}
		}
	}
	return n
}

// Devices gives the devices of an array, nil if there is none of that name; a
// back door for tests and for keeping the chip's state.
func (b *Bench) Devices(array string) *device.Array {
	for _, a := range b.crossbars {
		if a.board.Array == array {
			a.settleIdle()
			return a.devices
		}
	}
	return nil
}

// Hold lets the present state last.
func (b *Bench) Hold(seconds float64) {
	if seconds <= 0 {
		return
	}
	if b.quiet() {
		for _, a := range b.crossbars {
			a.idle += seconds
		}
	} else {
		b.stress(seconds)
	}
	b.now += seconds
}

// Sample holds for the aperture and gives what the meters show.
func (b *Bench) Sample(aperture float64, fullScale []float64) []Sample {
	if b.quiet() {
		for _, a := range b.crossbars {
			a.idle += aperture
		}
		for i, o := range b.outputs {
			b.points[i] = operatingPoint{}
			if o.Mode == ForceVoltage {
				b.points[i].volts = o.Level
			}
		}
	} else {
		for _, a := range b.crossbars {
			if a.connected() {
				a.devices.SampleNoise(aperture)
			}
		}
		b.stress(aperture)
		for _, a := range b.crossbars {
			a.devices.ClearNoise()
		}
	}
	b.now += aperture
	for i, p := range b.points {
		var scale float64
		if i < len(fullScale) {
			scale = fullScale[i]
		}
		b.samples[i] = b.config.Meter.read(p, scale, aperture, b.noise)
	}
	return b.samples
}

// quiet tells whether nothing can flow: every source that is connected to
// anything is off or at zero, and no line is on a read reference.
func (b *Bench) quiet() bool {
	for _, a := range b.crossbars {
		if a.driven(b.outputs) {
			return false
		}
	}
	return true
}

// stress applies the present state to every device for the given time. A
// device that forms changes the network, so the rest of the time is solved anew.
func (b *Bench) stress(seconds float64) {
	for _, a := range b.crossbars {
		a.remaining = seconds
	}
	for {
		b.solve()
		again := false
		for _, a := range b.crossbars {
			if a.remaining > 0 && a.stress(b.config.Wires.LineCapacitance) {
				again = true
			}
		}
		if !again {
			return
		}
	}
}

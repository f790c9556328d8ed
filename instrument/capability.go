package instrument

import "context"

// Channel is the number of an analyzer's source-measure unit, from 1.
type Channel int

// Drive is what one channel forces: a voltage, never without its compliance.
type Drive struct {
	Channel    Channel `json:"channel"`
	Voltage    Volts   `json:"voltage"`    // forced level
	Compliance Amps    `json:"compliance"` // bound on |current|, > 0
}

// Step is one thing an analyzer can do: a Spot, a Pulse or a Sweep.
type Step interface{ step() }

// Spot measures currents under a constant bias and leaves the drives at 0 V.
type Spot struct {
	Drives   []Drive   `json:"drives"`
	Measure  []Channel `json:"measure"`  // channels whose current is read, in the order of the readings
	Range    Amps      `json:"range"`    // largest current expected, fixes the measuring range; 0 = auto
	Settle   Seconds   `json:"settle"`   // wait between applying the bias and measuring, >= 0
	Aperture Seconds   `json:"aperture"` // integration time, > 0
}

// Pulse takes all drives from 0 V to their voltages together, holds them for
// Width and takes them back to 0 V.
type Pulse struct {
	Drives  []Drive   `json:"drives"`
	Width   Seconds   `json:"width"`
	Period  Seconds   `json:"period"`  // whole time the pulse takes; 0 = as short as the instrument allows
	Measure []Channel `json:"measure"` // channels whose current is read during the pulse; may be empty
	Range   Amps      `json:"range"`   // as in Spot
}

// SweepKind says what a sweep forces.
type SweepKind string

const (
	SweepVoltage SweepKind = "voltage" // forces volts, measures and limits amperes
	SweepCurrent SweepKind = "current" // forces amperes, measures and limits volts
)

// Follow is a channel that sweeps together with a voltage sweep's source, at a
// fixed ratio of its level.
type Follow struct {
	Channel    Channel `json:"channel"`
	Ratio      float64 `json:"ratio"`
	Compliance Amps    `json:"compliance"`
}

// Sweep is a linear staircase on one channel with the others at a constant
// bias or, in a voltage sweep, following at a fixed ratio. It leaves all of
// them at 0 V.
type Sweep struct {
	Kind             SweepKind `json:"kind"`
	Source           Channel   `json:"source"`
	Start            float64   `json:"start"`              // first level, V or A
	Stop             float64   `json:"stop"`               // last level, V or A
	Steps            int       `json:"steps"`              // number of levels, >= 1
	TwoWay           bool      `json:"two_way"`            // back to Start after Stop, in as many levels again
	Compliance       float64   `json:"compliance"`         // bound on what is not forced, A or V, > 0
	Drives           []Drive   `json:"drives"`             // constant bias of other channels
	Follow           []Follow  `json:"follow,omitempty"`   // channels that sweep along; voltage sweeps only
	Measure          []Channel `json:"measure"`            // Source gives what it does not force; the others their current
	Range            Amps      `json:"range"`              // as in Spot
	Delay            Seconds   `json:"delay"`              // time at a level before it is measured
	Aperture         Seconds   `json:"aperture"`           // integration time per level
	StopAtCompliance bool      `json:"stop_at_compliance"` // end the staircase at the first level in compliance
}

func (Spot) step()  {}
func (Pulse) step() {}
func (Sweep) step() {}

// Status tells how far a reading may be believed.
type Status uint8

const (
	StatusCompliance      Status = 1 << iota // this channel is at its compliance
	StatusOtherCompliance                    // another channel is at its compliance
	StatusOverflow                           // beyond the measuring range: the value is meaningless
	StatusOscillating                        // the source oscillates
	StatusInvalid                            // the instrument gave no value
)

// Reading is one measured value: amperes, or volts of a current source.
type Reading struct {
	Channel Channel `json:"channel"`
	Value   float64 `json:"value"`
	Status  Status  `json:"status,omitempty"`
}

// Point is one level of a step. Source is the level forced by a sweep in V or
// A and 0 for spots and pulses. Readings are in the order of Measure.
type Point struct {
	Source   float64   `json:"source"`
	Readings []Reading `json:"readings"`
}

// Result is what one step gave. A spot or pulse has one point, a sweep one per
// level that was reached. Busy is the time that the instrument itself needs
// for the step by its data sheet, without any communication.
type Result struct {
	Points []Point `json:"points"`
	Busy   Seconds `json:"busy"`
}

// Identity is what an instrument says it is.
type Identity struct {
	Vendor   string   `json:"vendor"`
	Model    string   `json:"model"`
	Serial   string   `json:"serial"`
	Firmware string   `json:"firmware"`
	Modules  []string `json:"modules,omitempty"` // plugged-in units by slot, "" where a slot is empty
}

// Sequencer performs steps one after the other in as few exchanges as the box
// allows, the instrument's error queue checked among them. Nothing is sent
// when any step is out of limits. On an error the outputs' state is unknown
// and the caller makes the bench safe; results of the steps that were
// confirmed are returned with the error. It blocks until the last answer is
// there or ctx ends.
type Sequencer interface {
	Run(ctx context.Context, steps ...Step) ([]Result, error)
}

// Identifier asks an instrument who it is.
type Identifier interface {
	Identify(ctx context.Context) (Identity, error)
}

// Safer brings an instrument into its safe state: a source to 0 V and
// disconnected, a switch board to all open. It is idempotent, and it is tried
// even when the link has failed before.
type Safer interface {
	Safe(ctx context.Context) error
}

// Clock tells the bench's time since an arbitrary start, as the instrument's
// own time stamp counts it. On a simulated bench it is the virtual time.
type Clock interface {
	BenchTime(ctx context.Context) (Seconds, error)
}

// Analyzer is the parameter analyzer of a bench, with how it is got hold of.
type Analyzer interface {
	Sequencer
	Identifier
	Safer
	Clock
	// TakeOver makes one safe of which nothing is known, not even that it is the
	// right one: another instrument gets no byte but the question who it is, and
	// an error of KindIdentity. It may be repeated; Open is needed afterwards.
	TakeOver(ctx context.Context) error
	// Open makes it ready, with its outputs at 0 V.
	Open(ctx context.Context) error
	// Check asks whether it is as Open left it, and forces nothing.
	Check(ctx context.Context) error
}

// Waiter lets time pass on the bench with all sources at 0 V: a real one by the
// clock on the wall, a simulated one at once.
type Waiter interface {
	// Wait blocks until the time has passed on the bench, until the run that ctx
	// belongs to is asked to stop (no error), or until ctx ends.
	Wait(ctx context.Context, t Seconds) error
}

// Thermostat brings the chip to a temperature: a simulated one at once, a real
// one by the hands of a person who is asked for it.
type Thermostat interface {
	// Reach blocks until the chip has been brought near the temperature and
	// gives the one that it really has, or until ctx ends.
	Reach(ctx context.Context, t Celsius) (Celsius, error)
}

// Switches is the set of closed switches of one line's multiplexer: bit 0 is
// S1, bit 7 is S8. No bit set leaves the line floating. More than one is
// refused: it would short two buses.
type Switches uint8

// Router connects lines to buses. Route sets every line of the board in one
// frame, so that all switches change together, and checks that the chain
// passed the frame on. len(lines) must be the number of lines of the board.
type Router interface {
	Route(ctx context.Context, lines []Switches) error
	Lines() int
}

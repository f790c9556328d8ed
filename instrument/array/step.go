package array

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"xlab/instrument"
	"xlab/instrument/profile"
)

// Step is one thing that can be done to an array: to the device at a cell, as a
// Read, a Pulse, a Sweep and a Parallel are, or with whole lines, as a Multiply is.
// A step knows itself: what it is called, and what every line of the array does
// while it is performed. Everything else that is asked of a step follows from that:
// which devices are meant and which are half-selected, by how much and for how long
// (ExtentOf), what is refused (Array), what an intent covers (Journaled), and what
// is told of it when a run is taken up or exported. A kind more is a type with these
// methods and its UnmarshalJSON among the Kinds that read it back.
//
// It is written to the journal by its MarshalJSON as an object that begins with the
// key "op" (see Tagged).
type Step interface {
	// Name is what tables call its kind.
	Name() string
	// Stress tells whether the step may change devices, so that it has to be
	// journaled before it happens.
	Stress() bool
	// Lower says what the lines do when the step is performed at a cell, or at Whole,
	// of an array. What cannot be performed there, whatever the limits, is an error.
	Lower(at Cell, on Shape) (*Lowered, error)
}

// ReadLimit is the largest magnitude of a read's voltage. Up to it the dynamics
// of the published device do nothing that can be measured, so that a read needs
// no intent; what is beyond it is a pulse or a sweep. A device profile may set
// a lower one.
const ReadLimit = profile.ReadLimit

// Tagged writes v, an object, with an "op" key in front, by which Kinds know it.
func Tagged(op string, v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return append([]byte(`{"op":"`+op+`",`), b[1:]...), nil
}

// Kinds read steps back, by their op.
type Kinds map[string]func([]byte) (Step, error)

// StepKinds are the kinds of this package.
func StepKinds() Kinds {
	return Kinds{"read": Decoded[Read], "pulse": Decoded[Pulse], "sweep": Decoded[Sweep], "parallel": Decoded[Parallel],
		"multiply": Decoded[Multiply]}
}

// Step reads a step written by its MarshalJSON.
func (k Kinds) Step(b []byte) (Step, error) {
	var tag struct {
		Op string `json:"op"`
	}
	if err := json.Unmarshal(b, &tag); err != nil {
		return nil, fmt.Errorf("step: %w", err)
	}
	decode := k[tag.Op]
	if decode == nil {
		return nil, fmt.Errorf("step: op %q is none of %s", tag.Op, strings.Join(slices.Sorted(maps.Keys(k)), ", "))
	}
	step, err := decode(b)
	if err != nil {
		return nil, fmt.Errorf("step %s: %w", tag.Op, err)
	}
	return step, nil
}

// Decoded reads a step of one kind. What cannot have been written of it is refused
// by the kind's Validate.
func Decoded[S interface {
	Step
	Validate() error
}](b []byte) (Step, error) {
	var s S
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, err
	}
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return s, nil
}

// Level is one level of a step: what was across the cell and what flowed
// through its column.
type Level struct {
	Voltage instrument.Volts `json:"v"` // row minus column as forced, or as measured when a current is forced
	Current instrument.Amps  `json:"i"` // out of the column, positive from row to column

	// Row is what goes into the row: the device's current and those of all others on
	// the row. It is kept of voltage sweeps that end at the row's compliance or have
	// the other lines at ground; 0 elsewhere, and in what was recorded before.
	Row instrument.Amps `json:"row,omitempty"`
}

// Result is what a step gave.
type Result struct {
	// Levels are one for a read or pulse, one per level reached for a sweep, and one
	// per line that is read for a multiplication: its current, with a voltage of 0.
	Levels []Level            `json:"levels"`
	Status instrument.Status  `json:"status,omitempty"` // union of all readings' statuses
	Busy   instrument.Seconds `json:"busy"`             // time the instrument needs for the step by itself
	How    How                `json:"how,omitempty"`    // of a multiplication

	// Limited are the sources that were at their compliance. Results recorded
	// before it was kept have none, whatever their status says.
	Limited []Limited `json:"limited,omitempty"`

	// Unknown says that it is not known whether the step happened: the run was
	// cut off before its result was recorded. There are no levels; what became
	// of the device is in a read behind it.
	Unknown bool `json:"unknown,omitempty"`
}

// Last is the last level; zero for an empty result.
func (r Result) Last() Level {
	if len(r.Levels) == 0 {
		return Level{}
	}
	return r.Levels[len(r.Levels)-1]
}

// Conductance is the last level's current over its voltage in S: what a Read
// is made for. It is 0 when there is no level or no voltage.
func (r Result) Conductance() instrument.Siemens {
	l := r.Last()
	if l.Voltage == 0 {
		return 0
	}
	return instrument.Siemens(float64(l.Current) / float64(l.Voltage))
}

// InCompliance tells whether any source was at its compliance.
func (r Result) InCompliance() bool {
	return r.Status&(instrument.StatusCompliance|instrument.StatusOtherCompliance) != 0
}

// Valid tells whether the values may be used as measurements.
func (r Result) Valid() bool {
	return len(r.Levels) > 0 &&
		r.Status&(instrument.StatusOverflow|instrument.StatusOscillating|instrument.StatusInvalid) == 0
}

func abs(x float64) float64 { return max(x, -x) }

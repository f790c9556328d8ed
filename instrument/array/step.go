package array

import (
	"encoding/json"
	"fmt"

	"xlab/instrument"
)

// Step is one thing that can be done to a cell: a Read, a Pulse, a Sweep, or a
// Parallel that does it to others at the same time.
type Step interface {
	// Stress tells whether the step may change devices, so that it has to be
	// journaled before it happens.
	Stress() bool
	// Peak is the largest voltage across the selected device and the largest
	// current that the sources may deliver, both signed or 0 where not bounded.
	Peak() (instrument.Volts, instrument.Amps)
}

// ReadLimit is the largest magnitude of a read's voltage. Up to it the dynamics
// of the published device do nothing that can be measured, so that a read needs
// no intent; what is beyond it is a pulse or a sweep.
const ReadLimit instrument.Volts = 0.4

// Read measures the cell's conductance at a voltage within ReadLimit with all
// other lines grounded.
type Read struct {
	Voltage    instrument.Volts   `json:"v"`
	Compliance instrument.Amps    `json:"comp"`
	Range      instrument.Amps    `json:"range,omitempty"` // largest current expected in the column; 0 = auto
	Settle     instrument.Seconds `json:"settle,omitempty"`
	Aperture   instrument.Seconds `json:"aperture"`
}

// Pulse puts a voltage across the cell for a time under a bias scheme. The
// column's current during the pulse is measured.
type Pulse struct {
	Voltage    instrument.Volts   `json:"v"`
	Width      instrument.Seconds `json:"width"`
	Scheme     Scheme             `json:"scheme"`
	Compliance instrument.Amps    `json:"comp"` // of every source
}

// Sweep is a staircase of voltage or current from the selected row to the
// selected column. In a voltage sweep the other lines follow at the shares that
// the scheme gives them. A forced current leaves the row's potential open, so
// nothing can follow it: the other lines float or are grounded.
type Sweep struct {
	Kind             instrument.SweepKind `json:"sweep"`
	Start            float64              `json:"start"` // V or A
	Stop             float64              `json:"stop"`  // V or A
	Steps            int                  `json:"steps"`
	TwoWay           bool                 `json:"two_way,omitempty"`
	Compliance       float64              `json:"comp"`     // A or V: of the quantity that is not swept
	Return           instrument.Amps      `json:"comp_col"` // compliance of the column and the other lines
	Scheme           Scheme               `json:"scheme"`
	Delay            instrument.Seconds   `json:"delay"`     // at each level before it is measured
	Aperture         instrument.Seconds   `json:"aperture"`  // integration time at each level
	StopAtCompliance bool                 `json:"stop_comp"` // end at the first level in compliance

	// ColumnOnly asks for the column's records alone, which makes an answer a quarter
	// as long: that another source was at its compliance is known then, and not which.
	// It has no effect where the row's current is kept. It is how a sweep is measured
	// and not what it does to devices, so it is no part of a record.
	ColumnOnly bool `json:"-"`
}

func (Read) Stress() bool  { return false }
func (Pulse) Stress() bool { return true }
func (Sweep) Stress() bool { return true }

func (r Read) Peak() (instrument.Volts, instrument.Amps)  { return r.Voltage, r.Compliance }
func (p Pulse) Peak() (instrument.Volts, instrument.Amps) { return p.Voltage, p.Compliance }
func (s Sweep) Peak() (instrument.Volts, instrument.Amps) {
	level := s.Stop
	if abs(s.Start) > abs(s.Stop) {
		level = s.Start
	}
	if s.Kind == instrument.SweepCurrent {
		v := s.Compliance
		if level < 0 {
			v = -v
		}
		return instrument.Volts(v), instrument.Amps(level)
	}
	return instrument.Volts(level), instrument.Amps(s.Compliance)
}

func (r Read) MarshalJSON() ([]byte, error)  { type plain Read; return tagged("read", plain(r)) }
func (p Pulse) MarshalJSON() ([]byte, error) { type plain Pulse; return tagged("pulse", plain(p)) }
func (s Sweep) MarshalJSON() ([]byte, error) { type plain Sweep; return tagged("sweep", plain(s)) }

// tagged writes v with an "op" key in front, by which UnmarshalStep knows it.
func tagged(op string, v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return append([]byte(`{"op":"`+op+`",`), b[1:]...), nil
}

// UnmarshalStep reads a step written by its MarshalJSON.
func UnmarshalStep(b []byte) (Step, error) {
	var tag struct {
		Op string `json:"op"`
	}
	if err := json.Unmarshal(b, &tag); err != nil {
		return nil, fmt.Errorf("step: %w", err)
	}
	decode := decoders[tag.Op]
	if decode == nil {
		return nil, fmt.Errorf("step: op %q is none of read, pulse, sweep, parallel", tag.Op)
	}
	step, err := decode(b)
	if err != nil {
		return nil, fmt.Errorf("step %s: %w", tag.Op, err)
	}
	return step, nil
}

// decoders read the kinds of steps.
var decoders = map[string]func([]byte) (Step, error){"read": decoded[Read], "pulse": decoded[Pulse],
	"sweep": decoded[Sweep], "parallel": decoded[Parallel]}

func decoded[S interface {
	Step
	valid() error
}](b []byte) (Step, error) {
	var s S
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, err
	}
	return s, s.valid()
}

// valid refuses what cannot have been written of a step.
func (Read) valid() error    { return nil }
func (p Pulse) valid() error { return p.Scheme.Validate() }
func (s Sweep) valid() error { return s.Scheme.Validate() }

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
	Levels []Level            `json:"levels"`           // one for a read or pulse, one per level reached for a sweep
	Status instrument.Status  `json:"status,omitempty"` // union of all readings' statuses
	Busy   instrument.Seconds `json:"busy"`             // time the instrument needs for the step by itself

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

package array

import "xlab/instrument"

// Pulse puts a voltage across the cell for a time under a bias scheme. The
// column's current during the pulse is measured.
type Pulse struct {
	Voltage    instrument.Volts   `json:"v"`
	Width      instrument.Seconds `json:"width"`
	Scheme     Scheme             `json:"scheme"`
	Compliance instrument.Amps    `json:"comp"` // of every source
}

func (Pulse) Name() string                   { return "pulse" }
func (Pulse) Stress() bool                   { return true }
func (p Pulse) MarshalJSON() ([]byte, error) { type plain Pulse; return Tagged("pulse", plain(p)) }
func (p Pulse) Validate() error              { return p.Scheme.Validate() }

func (p Pulse) Lower(at Cell, _ Shape) (*Lowered, error) {
	if err := p.Scheme.Validate(); err != nil {
		return nil, err
	}
	sources := sources(p.Scheme, p.Compliance, p.Compliance)
	return atCell(at, p.Scheme, Part{Lines: Selection{OthersFloat: p.Scheme == Floating},
		Step: instrument.Pulse{Drives: Drives(p.Scheme, p.Voltage, p.Compliance), Width: p.Width,
			Measure: channels(sources), Range: p.Compliance}}, raising{cell: fixed(p.Voltage), sources: sources})
}

package array

import "xlab/instrument"

// Read measures the cell's conductance at a voltage within ReadLimit with all
// other lines grounded.
type Read struct {
	Voltage    instrument.Volts   `json:"v"`
	Compliance instrument.Amps    `json:"comp"`
	Range      instrument.Amps    `json:"range,omitempty"` // largest current expected in the column; 0 = auto
	Settle     instrument.Seconds `json:"settle,omitempty"`
	Aperture   instrument.Seconds `json:"aperture"`
}

func (Read) Name() string                   { return "read" }
func (Read) Stress() bool                   { return false }
func (r Read) MarshalJSON() ([]byte, error) { type plain Read; return Tagged("read", plain(r)) }
func (Read) Validate() error                { return nil }

func (r Read) Lower(at Cell, _ Shape) (*Lowered, error) {
	l, err := atCell(at, "", Part{Step: instrument.Spot{
		Drives: Drives(Grounded, r.Voltage, r.Compliance), Measure: []instrument.Channel{Column},
		Range: r.Range, Settle: r.Settle, Aperture: r.Aperture,
	}}, raising{cell: fixed(r.Voltage)})
	if err == nil {
		l.asking = &asking{scheme: Grounded, v: r.Voltage, row: r.Compliance, rest: r.Compliance}
	}
	return l, err
}

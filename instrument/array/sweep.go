package array

import (
	"fmt"

	"xlab/instrument"
)

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

func (s Sweep) Name() string                 { return "sweep_" + string(s.Kind) }
func (Sweep) Stress() bool                   { return true }
func (s Sweep) MarshalJSON() ([]byte, error) { type plain Sweep; return Tagged("sweep", plain(s)) }
func (s Sweep) Validate() error              { return s.Scheme.Validate() }

func (s Sweep) Lower(at Cell, _ Shape) (*Lowered, error) {
	if err := s.performable(); err != nil {
		return nil, err
	}
	sources := sources(s.Scheme, instrument.Amps(s.Compliance), s.Return)
	step := instrument.Sweep{
		Kind: s.Kind, Source: Row, Start: s.Start, Stop: s.Stop, Steps: s.Steps, TwoWay: s.TwoWay,
		Compliance: s.Compliance, Range: s.Return,
		Delay: s.Delay, Aperture: s.Aperture, StopAtCompliance: s.StopAtCompliance,
	}
	r := raising{sources: sources}
	if s.Kind == instrument.SweepCurrent {
		// The row gives volts, which belong to the cell, and comes first.
		sources[0], sources[1] = sources[1], sources[0]
		sources[0].compliance = 0
		step.Drives = Drives(s.Scheme, 0, s.Return)[1:]
		r.cell, r.column = firstValue, 1
	} else {
		// The row has its share of the voltage; the others follow the row.
		f := s.Scheme.Fractions()
		step.Start, step.Stop = s.Start*f.Row, s.Stop*f.Row
		step.Range = max(s.Return, instrument.Amps(s.Compliance))
		for _, d := range Drives(s.Scheme, 1, s.Return)[1:] {
			step.Follow = append(step.Follow,
				instrument.Follow{Channel: d.Channel, Ratio: float64(d.Voltage) / f.Row, Compliance: d.Compliance})
		}
		r.cell = func(p instrument.Point) float64 { return p.Source / f.Row }
		r.row = s.StopAtCompliance || s.Scheme == Grounded
		if s.ColumnOnly && !r.row && len(sources) > 2 {
			r.sources = sources[:1]
		}
	}
	step.Measure = channels(r.sources)
	l, err := atCell(at, s.Scheme, Part{Lines: Selection{OthersFloat: s.Scheme == Floating}, Step: step}, r)
	if err == nil && s.Kind == instrument.SweepVoltage { // of a forced current's row it is not known where it would go
		l.asking = &asking{scheme: s.Scheme, v: Span{}.with(s.Start).with(s.Stop).Peak(),
			row: instrument.Amps(s.Compliance), rest: s.Return, named: true}
	}
	return l, err
}

func (s Sweep) performable() error {
	if err := s.Scheme.Validate(); err != nil {
		return err
	}
	switch s.Kind {
	case instrument.SweepVoltage:
		return nil
	case instrument.SweepCurrent:
		if s.Scheme != Floating && s.Scheme != Grounded {
			return fmt.Errorf("a current sweep needs the other lines floating or grounded, not %q: nothing can follow a "+
				"potential that is not forced", s.Scheme)
		}
		return nil
	}
	return fmt.Errorf("sweep %q is neither %q nor %q", s.Kind, instrument.SweepVoltage, instrument.SweepCurrent)
}

// firstValue is across the cell while a current is forced: the column is at 0 V.
func firstValue(p instrument.Point) float64 {
	if len(p.Readings) == 0 {
		return 0
	}
	return p.Readings[0].Value
}

package export

import (
	"math"
	"strings"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run"
	"xlab/run/record"
)

// readings is the table of everything that was done to devices.
func (s *Source) readings() *Table {
	columns := []Column{
		{"seq", "", "record in the journal", Integer},
		{"segment", "", "segment of the journal, from 1: one per process that worked on the run", Integer},
		{"intent", "", "record of the intent that covers the step; 0 for steps that only read", Integer},
		{"bench_time_s", "s", "bench time last known before the record was written, from the beginning of the run", Real},
		{"array", "", "name of the array", Text},
		{"row", "", "row of the device, from 0; -1 for the whole array", Integer},
		{"col", "", "column of the device, from 0; -1 for the whole array", Integer},
		{"lines", "", "rows x columns that the step selects, such as 0,3x7; empty for one device", Text},
		{"kind", "", "read, pulse, sweep_voltage, sweep_current, parallel or multiply", Text},
		{"step", "", "step within the record, from 0", Integer},
		{"level", "", "level within a sweep, or line that a product was measured at, from 0", Integer},
		{"width_s", "s", "width of a pulse", Real},
		{"scheme", "", "voltages of the other lines", Text},
		{"compliance_a", "A", "current compliance of the sources", Real},
		{"voltage_v", "V", "row minus column: as forced, or as measured where a current is forced", Real},
		{"current_a", "A", "out of the column, positive from row to column", Real},
		{"conductance_s", "S", "current over voltage", Real},
		{"status", "", "how far the reading may be believed: empty for a plain measurement, words joined by +, " +
			"unconfirmed where there is no result", Text},
	}
	return &Table{Name: "readings", Title: "Steps on devices in the order in which they happened", Columns: columns,
		Rows: func(visit func([]Value) error) error {
			row := make([]Value, len(columns))
			return s.scan(func(r run.Record, segment int64, d *record.Done, steps []array.Step) error {
				bench := math.NaN()
				if r.HasBench {
					bench = float64(r.Bench)
				}
				for i, step := range steps {
					p := s.asPerformed(step, d)
					levels := []array.Level{{Voltage: p.Selected.Peak(), Current: instrument.Amps(math.NaN())}}
					status := "unconfirmed"
					if i < len(d.Results) {
						status = statusText(d.Results[i].Status)
						if n := len(d.Results[i].Levels); n > 0 {
							levels = d.Results[i].Levels
						}
					}
					for n, level := range levels {
						g := math.NaN()
						if level.Voltage != 0 {
							g = float64(level.Current) / float64(level.Voltage)
						}
						row = append(row[:0], Value{Integer: int64(r.Seq)}, Value{Integer: segment}, Value{Integer: int64(r.Of)},
							Value{Real: bench},
							Value{Text: d.Array}, Value{Integer: int64(d.Cell.Row)}, Value{Integer: int64(d.Cell.Col)}, Value{Text: p.lines},
							Value{Text: p.Name()}, Value{Integer: int64(i)}, Value{Integer: int64(n)}, Value{Real: p.width},
							Value{Text: p.scheme}, Value{Real: p.compliance},
							Value{Real: float64(level.Voltage)}, Value{Real: float64(level.Current)}, Value{Real: g}, Value{Text: status})
						if err := visit(row); err != nil {
							return err
						}
					}
				}
				return nil
			})
		}}
}

// performed is a step as it was performed.
type performed struct {
	array.Step
	array.Extent
	lines, scheme     string
	width, compliance float64
	sweep             bool
}

// asPerformed says what a step of the record did. Of one that cannot have been
// performed, which the record has with the reason, only the kind is known.
func (s *Source) asPerformed(step array.Step, d *record.Done) performed {
	on := s.shapes[d.Array]
	p := performed{Step: step, width: math.NaN(), compliance: math.NaN()}
	l, err := step.Lower(d.Cell, on)
	if err != nil {
		return p
	}
	if p.Extent, err = l.Extent(on); err != nil || len(l.Parts) == 0 {
		return p
	}
	p.scheme = string(l.Scheme)
	if len(p.Rows) != 1 || len(p.Cols) != 1 {
		p.lines = string(l.Rows) + "x" + string(l.Cols)
	}
	// What an analyzer does is one of three things, whatever the kind of step.
	switch a := l.Parts[0].Step.(type) {
	case instrument.Spot:
		p.compliance = float64(a.Drives[0].Compliance)
	case instrument.Pulse:
		p.width, p.compliance = float64(a.Width), float64(a.Drives[0].Compliance)
	case instrument.Sweep:
		p.sweep = true
		if a.Kind == instrument.SweepVoltage { // otherwise its compliance is a voltage
			p.compliance = a.Compliance
		}
	}
	return p
}

// statusText puts a status in words.
func statusText(s instrument.Status) string {
	if s == 0 {
		return ""
	}
	var words []string
	for _, flag := range []struct {
		bit  instrument.Status
		word string
	}{
		{instrument.StatusCompliance, "compliance"}, {instrument.StatusOtherCompliance, "other_compliance"},
		{instrument.StatusOverflow, "overflow"}, {instrument.StatusOscillating, "oscillating"},
		{instrument.StatusInvalid, "invalid"},
	} {
		if s&flag.bit != 0 {
			words = append(words, flag.word)
		}
	}
	if len(words) == 0 {
		return "unknown"
	}
	return strings.Join(words, "+")
}

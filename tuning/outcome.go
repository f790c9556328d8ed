package tuning

import (
	"encoding/csv"
	"io"
	"math"
	"strconv"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/population"
)

// Verdict says what became of one device.
type Verdict string

const (
	InTolerance Verdict = "in-tolerance"
	Stuck       Verdict = "stuck"     // answers to no pulse in either direction
	Disturbed   Verdict = "disturbed" // was in tolerance and was moved out of it by pulses on its neighbours, or drifted
	GaveUp      Verdict = "gave-up"   // never in tolerance
	Defective   Verdict = "defective" // known from the defect map and not touched
)

// Right tells whether the device has the conductance that was asked for.
func (v Verdict) Right() bool { return v == InTolerance }

// Dead tells whether the device answers to no pulse, as far as is known.
func (v Verdict) Dead() bool { return v == Stuck || v == Defective }

// Record is what happened to one device that was asked for.
type Record struct {
	Cell   array.Cell         `json:"cell"`
	Target instrument.Siemens `json:"target"`
	Start  instrument.Siemens `json:"start"`  // before the first pulse, on the targets' scale
	Final  instrument.Siemens `json:"final"`  // by the last read of the whole array, on the same scale
	Error  float64            `json:"error"`  // Final / Target - 1
	Pulses int                `json:"pulses"` // over all passes
	Passes int                `json:"passes"` // visits
	// largest relative change between two visits: what the neighbours' pulses did
	Moved   float64 `json:"moved"`
	Verdict Verdict `json:"outcome"`
	Reason  string  `json:"reason,omitempty"` // of every outcome but in-tolerance
	Shots   []Shot  `json:"-"`                // all pulses, device conductances
}

// Known tells whether the device was read, so that Start, Final and Error are
// numbers; they are NaN where the run ended before.
func (r Record) Known() bool { return !math.IsNaN(r.Error) }

// Outcome is the result of tuning.
type Outcome struct {
	Records    []Record  // by device, row by row
	Reads      []float64 // S, last read of every cell of the array, row by row; NaN where there was none
	Devices    []float64 // S, the same with the lines taken out
	Passes     int       // over the array, the coarse one and the last ones included
	Bystanders float64   // largest relative change of a device that was not asked for
}

// Summary holds the key figures. Figures of errors and pulses are of all
// devices asked for and read but the defective and stuck ones, and not defined
// where there are no others.
type Summary struct {
	Devices      int               `json:"devices"` // asked for
	InTolerance  int               `json:"in_tolerance"`
	MeanError    population.Number `json:"mean_error"` // of |Final/Target - 1|
	MedianPulses population.Number `json:"median_pulses"`
	P90Pulses    population.Number `json:"p90_pulses"`
	Stuck        int               `json:"stuck"`
	Disturbed    int               `json:"disturbed"`
	GaveUp       int               `json:"gave_up"`
	Defective    int               `json:"defective"`
	// WorstDisturb is the largest relative change of any device between two
	// visits, or since the first read where it was not asked for.
	WorstDisturb float64 `json:"worst_disturb"`
}

// Summary counts the records.
func (o *Outcome) Summary() Summary {
	s := Summary{Devices: len(o.Records), WorstDisturb: o.Bystanders}
	var pulses, errors []float64
	for _, r := range o.Records {
		switch r.Verdict {
		case InTolerance:
			s.InTolerance++
		case Stuck:
			s.Stuck++
			continue
		case Disturbed:
			s.Disturbed++
		case Defective:
			s.Defective++
			continue
		default:
			s.GaveUp++
		}
		if !r.Known() {
			continue
		}
		pulses = append(pulses, float64(r.Pulses))
		errors = append(errors, math.Abs(r.Error))
		s.WorstDisturb = math.Max(s.WorstDisturb, r.Moved)
	}
	s.MeanError, s.MedianPulses, s.P90Pulses = population.Of(errors).Mean, population.Quantile(pulses, 0.5),
		population.Quantile(pulses, 0.9)
	return s
}

// WriteCSV writes one line per device in SI units.
func (o *Outcome) WriteCSV(w io.Writer) error {
	number := instrument.Decimal
	lines := [][]string{{"row", "col", "target_S", "start_S", "final_S", "error", "pulses", "passes", "moved", "outcome",
		"reason"}}
	for _, r := range o.Records {
		lines = append(lines, []string{
			strconv.Itoa(r.Cell.Row), strconv.Itoa(r.Cell.Col), number(float64(r.Target)), number(float64(r.Start)),
			number(float64(r.Final)),
			number(r.Error), strconv.Itoa(r.Pulses), strconv.Itoa(r.Passes), number(r.Moved), string(r.Verdict), r.Reason,
		})
	}
	return csv.NewWriter(w).WriteAll(lines)
}

// WriteTraces writes every write pulse with what was read before and after it, in
// S: the plain reads, as targets are meant, and the device's conductance with the
// lines taken out as well as they were known at the time.
func (o *Outcome) WriteTraces(w io.Writer) error {
	number := instrument.Decimal
	lines := [][]string{{"row", "col", "pulse", "voltage_V", "before_S", "after_S", "before_corrected_S",
		"after_corrected_S"}}
	for _, d := range o.Records {
		for i, s := range d.Shots {
			lines = append(lines, []string{strconv.Itoa(d.Cell.Row), strconv.Itoa(d.Cell.Col), strconv.Itoa(i + 1),
				number(float64(s.Voltage)), number(float64(s.ReadBefore)), number(float64(s.ReadAfter)),
				number(float64(s.Before)), number(float64(s.After))})
		}
	}
	return csv.NewWriter(w).WriteAll(lines)
}

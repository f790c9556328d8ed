package forming

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/instrument/profile"
	"xlab/run"
)

// WriteCSV writes one line per device in SI units.
func (o *Outcome) WriteCSV(w io.Writer) error {
	number := instrument.Decimal
	maximum := "sweep_maximum_V"
	if o.Mode == instrument.SweepCurrent {
		maximum = "sweep_maximum_A"
	}
	lines := [][]string{{"row", "col", "state", "sweeps", maximum, "forming_V", "before_S", "formed_S", "after_S",
		"resets", "reason"}}
	for _, r := range o.Records {
		lines = append(lines, []string{
			strconv.Itoa(r.Cell.Row), strconv.Itoa(r.Cell.Col), string(r.State), strconv.Itoa(r.Sweeps), number(r.Maximum),
			number(float64(r.SwitchedV)),
			number(float64(r.Before)), number(float64(r.Formed)), number(float64(r.After)), strconv.Itoa(r.Resets), r.Reason,
		})
	}
	return csv.NewWriter(w).WriteAll(lines)
}

// Estimate is what a forming run will do, for people who want to know before.
type Estimate struct {
	Devices     int                `json:"devices"`
	Sweeps      int                `json:"sweeps"`       // at most, over both rounds
	Pulses      int                `json:"pulses"`       // at most
	TypicalTime instrument.Seconds `json:"typical_time"` // instrument time when every device forms at the first attempt
	LongestTime instrument.Seconds `json:"longest_time"` // instrument time when nothing forms
	MaxVoltage  instrument.Volts   `json:"max_voltage"`  // across a selected device
	MinVoltage  instrument.Volts   `json:"min_voltage"`
	MaxCurrent  instrument.Amps    `json:"max_current"` // forced, or compliance of any source
	Load        *Load              `json:"load,omitempty"`
	Spec        Spec               `json:"spec"`
}

// Load is what the sources of the other lines will have to give in a sweep once
// all devices asked for are formed: about, by the published model.
type Load struct {
	Voltage instrument.Volts `json:"voltage"` // top of the first sweep
	Bus     array.Bus        `json:"bus"`     // whose source gives most
	Current instrument.Amps  `json:"current"` // at that voltage
	Held    instrument.Volts `json:"held"`    // up to here the compliance is enough; Voltage where it is to the top
}

// Load estimates the other lines' currents and refuses, with an error of kind
// limit, a compliance that cannot hold them up to where devices begin to form, by
// the profile a share of the top of the first sweep. others are the conductances in S
// of the devices, row by row, as far as they are known, 0 for those that were never
// formed; lines is what lies between them and the sources. nil and no error where
// nothing holds the other lines.
func (s Spec) Load(rows, cols int, lines array.Resistance, others []float64) (*Load, error) {
	if s.Mode != instrument.SweepVoltage || s.Scheme == array.Floating {
		return nil, nil
	}
	p := profile.Of(s.Profile)
	off := float64(s.Goff) * float64(p.Conductance.UsuallyOff/p.Conductance.Off)
	g := slices.Clone(others)
	for _, c := range s.devices(rows, cols) {
		g[c.Row*cols+c.Col] = off
	}
	l := &Load{Voltage: instrument.Volts(s.maximum(0))}
	l.Bus, l.Current = lines.Demand(&p.Conduction, rows, cols, g, s.Scheme, l.Voltage).Most()
	l.Held = lines.Held(&p.Conduction, rows, cols, g, s.Scheme, l.Voltage, s.Compliance)
	if l.Held < instrument.Volts(p.Forming.LeastShare)*l.Voltage {
		return l, &instrument.Error{Op: "forming", Kind: instrument.KindLimit,
			Err: fmt.Errorf("%s; at %v no device forms, and the others would see more than they should", l.text(s), l.Held),
			Advice: "raise " + complianceKey + ", and limits.max_current with it where that is less, " +
				"or form with another scheme"}
	}
	return l, nil
}

func (l *Load) text(s Spec) string {
	text := fmt.Sprintf("the source of %s will have to give about %v at the top of a first sweep, %v, when all is "+
		"formed; its compliance of %v (%s) is enough", l.Bus.Lines(), l.Current, l.Voltage, s.Compliance, complianceKey)
	if l.Held < l.Voltage {
		text += fmt.Sprintf(" up to about %v only", l.Held)
	}
	return text
}

// A freshly formed device usually takes so many reset pulses, with so many reads
// between them (the means over the simulated chip of seed 1). Only the estimate
// of time depends on it.
const (
	typicalResets = 9
	typicalReads  = 7
)

// Estimate costs the specification. cost gives the instrument time of steps
// and refuses those that are out of limits.
func (s Spec) Estimate(rows, cols int, cost func(steps ...array.Step) (instrument.Seconds, error)) (*Estimate, error) {
	e, err := s.estimate(rows, cols, cost)
	if key := s.refused(err); key != "" {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return e, err
}

// refused is the configuration key of what a limit refused; "" where it is none of
// the parameters as they stand.
func (s Spec) refused(err error) string {
	l, ok := errors.AsType[*instrument.LimitError](err)
	if !ok {
		return ""
	}
	for _, p := range []struct{ key, value string }{
		{rowKey, s.Icomp.Exact()}, {complianceKey, s.Compliance.Exact()}, {"forming.imax", s.Imax.Exact()},
		{"forming.vcomp", s.Vcomp.Exact()}, {"forming.vmax", s.Vmax.Exact()}, {"forming.vmin", s.Vmin.Exact()},
		{"forming.vset", s.Vset.Exact()}, {"forming.vreset_max", s.VresetMax.Exact()},
		{"forming.check", s.Check.Exact()}, {"forming.pulse_width", s.PulseWidth.Exact()},
	} {
		if p.value == l.Value {
			return p.key
		}
	}
	return ""
}

func (s Spec) estimate(rows, cols int, cost func(steps ...array.Step) (instrument.Seconds, error)) (*Estimate, error) {
	n := len(s.devices(rows, cols))
	check, err := cost(s.check())
	if err != nil {
		return nil, err
	}
	pulse, err := cost(s.pulse(s.VresetMax))
	if err != nil {
		return nil, err
	}
	if _, err := cost(s.pulse(s.Vset)); err != nil {
		return nil, err
	}
	var sweeps instrument.Seconds
	attempts := 0
	for attempts < s.Attempts {
		t, err := cost(s.sweep(attempts), s.check())
		if err != nil {
			return nil, err
		}
		sweeps += t
		attempts++
		if s.maximum(attempts) == s.maximum(attempts-1) {
			break
		}
	}
	first, err := cost(s.sweep(0), s.check())
	if err != nil {
		return nil, err
	}
	b := s.bounds()
	e := &Estimate{Devices: n, Sweeps: 2 * attempts * n, Pulses: 2 * (b.Steps - s.Attempts) * n, MaxVoltage: b.MaxVoltage,
		MinVoltage: b.MinVoltage, MaxCurrent: b.MaxCurrent, Spec: s}
	e.TypicalTime = instrument.Seconds(n) * (check + first + typicalResets*pulse + typicalReads*check)
	e.LongestTime = 2 * instrument.Seconds(n) * (check + sweeps + instrument.Seconds(b.Steps-s.Attempts)*(pulse+check))
	return e, nil
}

// Print writes the estimate for a person.
func (e *Estimate) Print(w io.Writer) error {
	s := e.Spec
	unit := func(x float64) string { return instrument.Volts(x).String() }
	limit := fmt.Sprintf("current compliance %v", s.Icomp)
	if s.Mode == instrument.SweepCurrent {
		unit = func(x float64) string { return instrument.Amps(x).String() }
		limit = fmt.Sprintf("voltage compliance %v", s.Vcomp)
	}
	first, last := s.sweep(0), s.sweep(s.Attempts-1)
	load := ""
	if e.Load != nil {
		load = e.Load.text(s) + "\n"
		if e.Load.Held < e.Load.Voltage {
			load += "  a device that has not formed by then gets no verdict and stays untried\n"
		}
	}
	_, err := fmt.Fprintf(w, `%d devices; nothing is touched by a dry run
for every device:
  read at %v; below %v it is pre-formed and only switched off
  %s sweep from %s to %s in %d levels, %s, other lines %s
  formed when the current at %v has grown %g times; otherwise again up to %s, %d attempts
  reset with pulses of %v, %v to %v, until below %v, other lines %s
then, if any failed: all devices are reset and those are tried once more
across a selected device: %v to %v; no source gives more than %v
%sat most %d sweeps and %d pulses; instrument time about %s if all form at once, %s if none does
`, e.Devices, s.Check, s.RTH, s.Mode, unit(first.Start), unit(first.Stop), s.Levels, limit, s.Scheme, s.Check,
		s.Amin, unit(last.Stop), s.Attempts,
		s.PulseWidth, s.Vreset, s.VresetMax, s.Goff, s.ResetScheme, e.MinVoltage, e.MaxVoltage, e.MaxCurrent, load,
		e.Sweeps, e.Pulses, minutes(e.TypicalTime), minutes(e.LongestTime))
	return err
}

func minutes(t instrument.Seconds) string {
	if t < 120 {
		return fmt.Sprintf("%.0f s", float64(t))
	}
	return fmt.Sprintf("%.0f min", math.Ceil(float64(t)/60))
}

// Cost is what a plan has to know.
func (e *Estimate) Cost() run.Cost {
	return run.Cost{Devices: e.Devices, Sweeps: e.Sweeps, Pulses: e.Pulses, TypicalTime: e.TypicalTime,
		LongestTime: e.LongestTime, MinVoltage: e.MinVoltage, MaxVoltage: e.MaxVoltage, MaxCurrent: e.MaxCurrent}
}

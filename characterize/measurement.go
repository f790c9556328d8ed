package characterize

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"

	"xlab/figure"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/population"
	"xlab/run"
	"xlab/run/keyfigure"
)

// Measurement is the result of any of the measurements, as it is written down.
// It marshals to JSON with everything that was measured.
type Measurement interface {
	// Comparison lists measured beside published values.
	Comparison() []keyfigure.Comparison
	// Figures shows the result, what is to be looked at first in front.
	Figures() []figure.Figure
	// WriteCSV writes the data in SI units, empty where there is no value.
	WriteCSV(w io.Writer) error
	// Notes says in words what is missing and why.
	Notes() []string
}

// Estimate is what a measurement will do at most, for people who want to know
// before.
type Estimate struct {
	Devices    int                `json:"devices"`
	Pulses     int                `json:"pulses"` // at most, sweeps among them
	Reads      int                `json:"reads"`  // at most
	Time       instrument.Seconds `json:"time"`   // of the instruments, at most
	Wait       instrument.Seconds `json:"wait"`   // without anything to do
	MaxVoltage instrument.Volts   `json:"max_voltage"`
	MinVoltage instrument.Volts   `json:"min_voltage"`
	MaxCurrent instrument.Amps    `json:"max_current"` // of any source
}

// Costing gives the instrument time of steps and refuses those out of limits.
type Costing func(steps ...array.Step) (instrument.Seconds, error)

// work is a number of equal steps.
type work struct {
	n    int
	step array.Step
}

// estimate sums up work on a number of devices.
func estimate(devices int, cost Costing, list ...work) (*Estimate, error) {
	e := &Estimate{Devices: devices}
	for _, w := range list {
		t, err := cost(w.step)
		if err != nil {
			return nil, err
		}
		e.Time += t * instrument.Seconds(w.n)
		if w.step.Stress() {
			e.Pulses += w.n
		} else {
			e.Reads += w.n
		}
		x, err := array.ExtentOf(w.step, array.Cell{}, array.Shape{})
		if err != nil {
			return nil, err
		}
		e.MinVoltage, e.MaxVoltage = min(e.MinVoltage, x.Selected.Lowest), max(e.MaxVoltage, x.Selected.Highest)
		e.MaxCurrent = max(e.MaxCurrent, x.Current)
	}
	return e, nil
}

// Print writes the estimate for a person.
func (e *Estimate) Print(w io.Writer) error {
	waiting := ""
	if e.Wait > 0 {
		waiting = fmt.Sprintf(" and %s of waiting", run.FormatDuration(e.Wait))
	}
	_, err := fmt.Fprintf(w, `%s; nothing is touched by a dry run
at most %d pulses and sweeps and %d reads; instrument time at most %s%s
across a selected device: %v to %v; sources give up to %v
`, population.Devices(e.Devices), e.Pulses, e.Reads, run.FormatDuration(e.Time), waiting, e.MinVoltage,
		e.MaxVoltage, e.MaxCurrent)
	return err
}

// preparing is the work of bringing and switching off devices at most, with the
// reads behind the pulses.
func (c Conditions) preparing(times int) []work {
	strongest := c.pulse(c.ResetMax, c.Width)
	return []work{
		{times * c.PreparePulses, strongest},
		{times * c.OffPulses, c.pulse(c.ResetMax, c.OffWidth)},
		{times * (c.PreparePulses + c.OffPulses + 1), c.read()},
		{0, c.pulse(c.SetMax, c.Width)},
	}
}

// table writes CSV lines under a heading.
type table [][]string

func (t *table) add(fields ...any) {
	line := make([]string, len(fields))
	for i, f := range fields {
		switch f := f.(type) {
		case float64:
			line[i] = instrument.Decimal(f)
		default:
			line[i] = fmt.Sprint(f)
		}
	}
	*t = append(*t, line)
}

func (t table) write(w io.Writer) error { return csv.NewWriter(w).WriteAll(t) }

// names lists cells for a message.
func names(cells []array.Cell) string {
	list := make([]string, len(cells))
	for i, c := range cells {
		list[i] = c.String()
	}
	return strings.Join(list, ", ")
}

// notes lists the devices that were left out and those that something is to be
// said about.
func notes[D any](skipped []array.Cell, devices []D, of func(D) (array.Cell, string)) []string {
	var list []string
	if len(skipped) > 0 {
		list = append(list, "left out by the defect map: "+names(skipped))
	}
	for _, d := range devices {
		if cell, reason := of(d); reason != "" {
			list = append(list, cell.String()+": "+reason)
		}
	}
	return list
}

// Cost is what a plan has to know.
func (e *Estimate) Cost() run.Cost {
	return run.Cost{Devices: e.Devices, Pulses: e.Pulses, LongestTime: e.Time, MinVoltage: e.MinVoltage,
		MaxVoltage: e.MaxVoltage, MaxCurrent: e.MaxCurrent}
}

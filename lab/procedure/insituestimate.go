package procedure

import (
	"fmt"
	"io"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/mlp/insitu"
	"xlab/run"
	"xlab/run/screen"
)

// inSituEstimate says what a training in place may do at most, for people who
// want to know before.
type inSituEstimate struct {
	Devices    int                `json:"devices"`      // of the network that can be changed
	Held       int                `json:"held"`         // that cannot
	Epochs     int                `json:"epochs"`       // at most
	StartLimit int                `json:"start_pulses"` // at most, to bring the devices to their start
	Pulses     int                `json:"pulses"`       // at most, of training
	Longest    instrument.Seconds `json:"longest_time"` // instrument time, the neuron board's not counted
	MinVoltage instrument.Volts   `json:"min_voltage"`  // across a selected device
	MaxVoltage instrument.Volts   `json:"max_voltage"`
	MaxCurrent instrument.Amps    `json:"max_current"` // compliance of every source
	Spec       insitu.Spec        `json:"spec"`
}

// estimate costs a training without touching anything. What is out of
// limits is refused.
func (s *InSituSpec) estimate(l Lab) (inSituEstimate, error) {
	e := inSituEstimate{Epochs: s.Training.Epochs, MaxCurrent: s.Training.Compliance, Spec: s.Training}
	held, err := s.held()
	if err != nil {
		return e, err
	}
	e.Held = len(held)
	e.Devices = s.Design.Devices() - e.Held
	e.Pulses = e.Devices * e.Epochs
	read := array.Read{Voltage: s.Training.Read, Compliance: s.Training.Compliance, Settle: s.Training.Settle,
		Aperture: s.Training.Aperture}
	e.MinVoltage, e.MaxVoltage = s.Training.Reset, s.Training.Set
	if s.Training.Rule == insitu.Variable {
		e.MinVoltage, e.MaxVoltage = s.Tuning.ResetMax, s.Tuning.SetMax
	}
	reads := 0
	if s.Training.Verify {
		reads += e.Pulses
	}
	if s.Training.Reread > 0 {
		reads += e.Epochs / s.Training.Reread * s.Design.Devices()
	}
	for i, name := range s.Placement.Arrays() {
		w, err := l.Wiring(name)
		if err != nil {
			return e, err
		}
		cost := costs(l, w)
		if _, err := cost(s.extremes()...); err != nil {
			return e, err
		}
		readTime, err := cost(read)
		if err != nil {
			return e, err
		}
		e.Longest += instrument.Seconds(w.Rows*w.Cols) * readTime
		if i == 0 {
			pulseTime, err := cost(s.extremes()[0])
			if err != nil {
				return e, err
			}
			e.Longest += instrument.Seconds(e.Pulses)*pulseTime + instrument.Seconds(reads)*readTime
		}
		if how := s.Tuning; s.targets(name, w.Rows, w.Cols) != nil {
			how.Targets, how.Tolerance = s.targets(name, w.Rows, w.Cols), s.Start.Tolerance
			start, err := how.Estimate(w.Rows, w.Cols, cost)
			if err != nil {
				return e, err
			}
			e.StartLimit += start.Pulses
			e.Longest += start.LongestTime
			e.MinVoltage, e.MaxVoltage = min(e.MinVoltage, start.MinVoltage), max(e.MaxVoltage, start.MaxVoltage)
		}
	}
	return e, nil
}

// Print implements Estimate.
func (e inSituEstimate) Print(w io.Writer) error {
	_, err := fmt.Fprintf(w, `training in place, %s amplitude, %s of %d at most; %d are held; `+
		`nothing is touched by a dry run
pulses             %d at most for the start, %d at most for training
instrument time    %s at most, without the neuron board's
voltage            %v to %v across a selected device
compliance         %v
`, e.Spec.Rule, screen.Count(e.Epochs, "epoch"), e.Devices, e.Held, e.StartLimit, e.Pulses,
		run.FormatDuration(e.Longest), e.MinVoltage, e.MaxVoltage, e.MaxCurrent)
	return err
}

// Cost implements Estimate.
func (e inSituEstimate) Cost() run.Cost {
	return run.Cost{Devices: e.Devices, Pulses: e.StartLimit + e.Pulses, LongestTime: e.Longest,
		MinVoltage: e.MinVoltage, MaxVoltage: e.MaxVoltage, MaxCurrent: e.MaxCurrent}
}

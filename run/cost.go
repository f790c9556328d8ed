package run

import "xlab/instrument"

// Cost is what the work of a run does and costs, at most unless it says otherwise.
type Cost struct {
	Devices     int                `json:"devices,omitempty"`
	Sweeps      int                `json:"sweeps"`
	Pulses      int                `json:"pulses"`
	TypicalTime instrument.Seconds `json:"typical_time"` // instrument time, as a rule; 0 = only the longest is known
	LongestTime instrument.Seconds `json:"longest_time"`
	MinVoltage  instrument.Volts   `json:"min_voltage"`
	MaxVoltage  instrument.Volts   `json:"max_voltage"`
	MaxCurrent  instrument.Amps    `json:"max_current"`
}

// Bytes on disk, by what a run journals: measured on runs of all kinds on the
// simulated bench, rounded up. Pulses come with their verifying read. The rest is
// figures and tables.
const (
	bytesPerPulse  = 700
	bytesPerSweep  = 6000
	bytesPerDevice = 1200
	bytesPerRun    = 400_000
)

// Bytes is what the run's directory takes on disk, about.
func (c Cost) Bytes() int64 {
	return bytesPerRun + int64(c.Pulses)*bytesPerPulse + int64(c.Sweeps)*bytesPerSweep + int64(c.Devices)*bytesPerDevice
}

package characterize

import (
	"xlab/input"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/instrument/profile"
)

// Conditions are how devices are read, written and switched off in every
// measurement. Voltages are across the array's terminals, row minus column.
type Conditions struct {
	Read       instrument.Volts   `json:"read"`       // voltage of all reads
	Aperture   instrument.Seconds `json:"aperture"`   // integration time of all reads
	Settle     instrument.Seconds `json:"settle"`     // before it begins
	Compliance instrument.Amps    `json:"compliance"` // of every source

	Width       instrument.Seconds `json:"width"`        // of measuring and writing pulses
	SetScheme   array.Scheme       `json:"set_scheme"`   // other lines during positive pulses
	ResetScheme array.Scheme       `json:"reset_scheme"` // other lines during negative pulses

	Low           instrument.Siemens `json:"low"`            // a prepared device is between Low
	High          instrument.Siemens `json:"high"`           // and High
	PreparePulses int                `json:"prepare_pulses"` // at most
	PrepareStep   instrument.Volts   `json:"prepare_step"`   // by which they rise
	SetStart      instrument.Volts   `json:"set_start"`      // first amplitude of preparing pulses
	SetMax        instrument.Volts   `json:"set_max"`        // strongest positive amplitude of all
	ResetStart    instrument.Volts   `json:"reset_start"`    // < 0
	ResetMax      instrument.Volts   `json:"reset_max"`      // strongest negative amplitude of all, < 0

	Off       instrument.Siemens `json:"off"`        // a device is off at or below this conductance
	OffStart  instrument.Volts   `json:"off_start"`  // first amplitude of the pulses that switch it off, < 0
	OffWidth  instrument.Seconds `json:"off_width"`  // their width
	OffPulses int                `json:"off_pulses"` // at most

	// Lines are taken out of the reads of measurements that compare devices
	// while the load of their lines changes (temperature, disturb); zero leaves
	// the reads as they are.
	Lines array.Resistance `json:"lines"`
}

// DefaultConditions are for devices of a profile, nil for the default one: pulses and
// states of their working range, off as forming leaves them. Positive pulses use
// V/3 and negative ones V/2, for the reason given at forming: what the others see
// must not switch them on.
func DefaultConditions(p *profile.Profile) Conditions {
	p = profile.Of(p)
	set, reset, off := &p.Pulses.Set, &p.Pulses.Reset, &p.Forming
	return Conditions{
		Read: p.Read.Voltage, Aperture: 20e-3, Settle: 1e-3, Compliance: 5e-3,
		Width: p.Pulses.Width, SetScheme: array.ThirdVoltage, ResetScheme: array.HalfVoltage,
		Low: p.Conductance.PreparedLow, High: p.Conductance.PreparedHigh, PreparePulses: 60, PrepareStep: 50e-3,
		SetStart: set.Weakest, SetMax: set.Utmost, ResetStart: reset.Weakest, ResetMax: reset.Utmost,
		Off: p.Conductance.Off, OffStart: off.Reset, OffWidth: off.Width, OffPulses: off.ResetPulses,
		Lines: array.Resistance(p.Lines),
	}
}

// faults are those of a specification.
type faults struct{ input.Faults }

func (f *faults) cells(cells []array.Cell, rows, cols int) {
	f.Check(len(cells) > 0, "no device is named")
	for _, c := range cells {
		f.Add(c.Within(rows, cols))
	}
}

// scheme refuses what is none, and the one that is for reading only.
func (f *faults) scheme(name string, s array.Scheme) {
	err := s.Validate()
	f.Check(err == nil, "%s: %w", name, err)
	f.Check(s != array.Grounded, "%s: grounded puts the whole voltage on every device of the row; it is for reading", name)
}

func (f *faults) conditions(c Conditions) {
	f.Check(c.Read > 0 && c.Read <= 0.2, "read: %v must be above 0 V and at most 200 mV, so that it disturbs nothing",
		c.Read)
	f.Check(c.Aperture > 0 && c.Settle >= 0, "aperture %v must be more than 0 s and settle %v not negative", c.Aperture,
		c.Settle)
	f.Check(c.Compliance > 0, "compliance: %v must be more than 0 A: every drive needs one", c.Compliance)
	f.Check(c.Width > 0 && c.OffWidth > 0, "width %v and off_width %v must be more than 0 s", c.Width, c.OffWidth)
	f.scheme("set_scheme", c.SetScheme)
	f.scheme("reset_scheme", c.ResetScheme)
	f.Check(c.Low > 0 && c.Low < c.High, "low %v and high %v must be positive, the second the higher", c.Low, c.High)
	f.Check(c.Off > 0 && c.Off <= c.Low, "off: %v must be positive and at most low, %v", c.Off, c.Low)
	f.Check(c.PreparePulses >= 1 && c.OffPulses >= 1, "prepare_pulses %d and off_pulses %d must be at least 1",
		c.PreparePulses, c.OffPulses)
	f.Check(c.PrepareStep > 0, "prepare_step: %v must be more than 0 V", c.PrepareStep)
	f.Check(c.SetStart > 0 && c.SetStart <= c.SetMax, "set_start %v and set_max %v must be positive, the second the "+
		"stronger", c.SetStart, c.SetMax)
	f.Add(c.Lines.Validate())
	f.Check(c.ResetStart < 0 && c.ResetMax <= c.ResetStart && c.OffStart < 0 && c.ResetMax <= c.OffStart,
		"reset_start %v, off_start %v and reset_max %v must be negative, the last the strongest", c.ResetStart, c.OffStart,
		c.ResetMax)
}

func (c Conditions) read() array.Read {
	return array.Read{Voltage: c.Read, Compliance: c.Compliance, Settle: c.Settle, Aperture: c.Aperture}
}

func (c Conditions) pulse(v instrument.Volts, width instrument.Seconds) array.Pulse {
	return array.Pulse{Voltage: v, Width: width, Scheme: c.scheme(v > 0), Compliance: c.Compliance}
}

// scheme is what the other lines do under voltages of one sign.
func (c Conditions) scheme(positive bool) array.Scheme {
	if positive {
		return c.SetScheme
	}
	return c.ResetScheme
}

// bounds cover preparing and switching off, and more stressing steps of the
// same amplitudes.
func (c Conditions) bounds(more int) array.Bounds {
	return array.Bounds{Steps: c.PreparePulses + c.OffPulses + more, MinVoltage: c.ResetMax, MaxVoltage: c.SetMax,
		MaxCurrent: c.Compliance}
}

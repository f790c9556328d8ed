package forming

import (
	"xlab/input"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/instrument/profile"
)

// Spec holds the parameters of the forming procedure. Currents and voltages
// are magnitudes at the selected device with the sign row minus column.
type Spec struct {
	// in the order of forming; empty = all, row by row
	Devices  []array.Cell         `json:"devices" mapstructure:"-"`
	Attempts int                  `json:"attempts" mapstructure:"attempts"` // sweeps per device and round
	Mode     instrument.SweepKind `json:"mode" mapstructure:"mode"`         // current or voltage staircase

	Istart instrument.Amps  `json:"istart" mapstructure:"istart"` // first level of every current sweep
	Imin   instrument.Amps  `json:"imin" mapstructure:"imin"`     // maximum of the first attempt
	Imax   instrument.Amps  `json:"imax" mapstructure:"imax"`     // maximum never to be passed
	Istep  instrument.Amps  `json:"istep" mapstructure:"istep"`   // by which a failed attempt raises the maximum
	Vcomp  instrument.Volts `json:"vcomp" mapstructure:"vcomp"`   // voltage compliance of current sweeps

	Vstart instrument.Volts `json:"vstart" mapstructure:"vstart"` // the same four for voltage sweeps
	Vmin   instrument.Volts `json:"vmin" mapstructure:"vmin"`
	Vmax   instrument.Volts `json:"vmax" mapstructure:"vmax"`
	Vstep  instrument.Volts `json:"vstep" mapstructure:"vstep"`
	Icomp  instrument.Amps  `json:"icomp" mapstructure:"icomp"` // current compliance of voltage sweeps

	Levels   int                `json:"levels" mapstructure:"levels"`     // levels of one sweep
	Delay    instrument.Seconds `json:"delay" mapstructure:"delay"`       // at each level before it is measured
	Aperture instrument.Seconds `json:"aperture" mapstructure:"aperture"` // of the measurement at each level
	Scheme   array.Scheme       `json:"scheme" mapstructure:"scheme"`     // other lines during a sweep

	Amin float64         `json:"amin" mapstructure:"amin"` // current ratio at the check voltage that counts as formed
	RTH  instrument.Ohms `json:"rth" mapstructure:"rth"`   // below it at the check voltage a device is pre-formed

	Check instrument.Volts   `json:"check" mapstructure:"check"`           // voltage of the checks
	Time  instrument.Seconds `json:"check_time" mapstructure:"check_time"` // integration time of the checks

	Vreset instrument.Volts `json:"vreset" mapstructure:"vreset"` // first amplitude of the reset, < 0
	// strongest amplitude of the reset, <= Vreset
	VresetMax   instrument.Volts `json:"vreset_max" mapstructure:"vreset_max"`
	ResetPulses int              `json:"reset_pulses" mapstructure:"reset_pulses"` // pulses of one reset at most
	// by which an ineffective reset is strengthened, > 0
	VresetStep instrument.Volts `json:"vreset_step" mapstructure:"vreset_step"`
	// strongest amplitude that must switch a working device on
	Vset        instrument.Volts   `json:"vset" mapstructure:"vset"`
	PulseWidth  instrument.Seconds `json:"pulse_width" mapstructure:"pulse_width"`   // of reset and set pulses
	ResetScheme array.Scheme       `json:"reset_scheme" mapstructure:"reset_scheme"` // other lines during reset pulses
	SetScheme   array.Scheme       `json:"set_scheme" mapstructure:"set_scheme"`     // other lines during set pulses
	// factor in conductance that counts as a response to a pulse, > 1
	Response float64            `json:"response" mapstructure:"response"`
	Goff     instrument.Siemens `json:"goff" mapstructure:"goff"` // a reset is complete below this conductance

	Compliance instrument.Amps `json:"compliance" mapstructure:"compliance"` // of every source during pulses and checks

	// what is believed of the devices beside the values above, which come from it too; nil = the default profile
	Profile *profile.Profile `json:"device_profile,omitzero" mapstructure:"-"`
}

// DefaultSpec gives the parameters for devices of a profile, nil for the default
// one. hwdocs/forming.md explains them.
func DefaultSpec(p *profile.Profile) Spec {
	p = profile.Of(p)
	f := &p.Forming
	return Spec{
		Attempts: 4, Mode: instrument.SweepVoltage,
		Istart: f.Istart, Imin: f.Imin, Imax: f.Imax, Istep: f.Istep, Vcomp: f.Vcomp,
		Vstart: f.Vstart, Vmin: f.Vmin, Vmax: f.Vmax, Vstep: f.Vstep, Icomp: f.Icomp,
		Levels: 40, Delay: 340e-6, Aperture: 160e-6, Scheme: array.ThirdVoltage,
		Amin: f.Amin, RTH: f.RTH, Check: p.Read.Check, Time: 20e-3,
		Vreset: f.Reset, VresetMax: p.Pulses.Reset.Utmost, VresetStep: f.ResetStep, ResetPulses: f.ResetPulses, Vset: f.Set,
		PulseWidth: f.Width, ResetScheme: array.HalfVoltage, SetScheme: array.ThirdVoltage,
		Response: f.Response, Goff: p.Conductance.Off, Compliance: 5e-3, Profile: p,
	}
}

// Validate checks the parameters against each other and the array's size. All
// faults are reported at once. Limits are the bench's and are checked by Estimate.
func (s Spec) Validate(rows, cols int) error {
	var f input.Faults
	seen := make(map[array.Cell]bool)
	for _, c := range s.Devices {
		f.Check(!seen[c], "device %s is listed twice", c)
		seen[c] = true
		f.Add(c.Within(rows, cols))
	}
	f.Check(s.Attempts >= 1, "attempts: %d must be at least 1", s.Attempts)
	f.Check(s.Levels >= 2 && s.Levels <= 10001, "levels: %d must be 2 to 10001", s.Levels)
	for _, part := range []struct {
		key    string
		scheme array.Scheme
	}{{"scheme", s.Scheme}, {"reset_scheme", s.ResetScheme}, {"set_scheme", s.SetScheme}} {
		f.Check(part.scheme.Validate() == nil, "%s: %q must be one of %v", part.key, part.scheme, array.Schemes())
	}
	switch s.Mode {
	case instrument.SweepCurrent:
		f.Check(s.Scheme == array.Floating || s.Scheme == array.Grounded, "scheme: %q does not go with a current sweep, "+
			"whose potential nothing can follow: set forming.scheme=floating", s.Scheme)
		f.Check(s.Istart > 0 && s.Istart < s.Imin && s.Imin <= s.Imax, "istart %v, imin %v, imax %v must rise in this order "+
			"from above 0", s.Istart, s.Imin, s.Imax)
		f.Check(s.Istep > 0, "istep: %v must be more than 0 A", s.Istep)
		f.Check(s.Vcomp > 0, "vcomp: %v must be more than 0 V", s.Vcomp)
	case instrument.SweepVoltage:
		f.Check(s.Vstart > 0 && s.Vstart < s.Vmin && s.Vmin <= s.Vmax, "vstart %v, vmin %v, vmax %v must rise in this order "+
			"from above 0", s.Vstart, s.Vmin, s.Vmax)
		f.Check(s.Vstep > 0, "vstep: %v must be more than 0 V", s.Vstep)
		f.Check(s.Icomp > 0, "icomp: %v must be more than 0 A", s.Icomp)
	default:
		f.Check(false, "mode: %q must be current or voltage", s.Mode)
	}
	f.Check(s.Delay >= 0 && s.Aperture > 0 && s.Time > 0, "delay %v, aperture %v and check_time %v must be positive",
		s.Delay, s.Aperture, s.Time)
	f.Check(s.Amin > 1, "amin: %g must be more than 1", s.Amin)
	f.Check(s.RTH > 0, "rth: %v must be more than 0 Ω", s.RTH)
	f.Check(s.Check > 0 && s.Check <= 0.2, "check: %v must be above 0 V and at most 200 mV, so that it disturbs nothing",
		s.Check)
	f.Check(s.Vreset < 0 && s.VresetMax <= s.Vreset, "vreset %v and vreset_max %v must be negative, the second the "+
		"stronger", s.Vreset, s.VresetMax)
	f.Check(s.ResetPulses >= 1, "reset_pulses: %d must be at least 1", s.ResetPulses)
	f.Check(s.VresetStep > 0, "vreset_step: %v must be more than 0 V", s.VresetStep)
	f.Check(s.Vset > (setPulses-1)*s.VresetStep, "vset: %v must be more than %d steps of vreset_step %v, from which it "+
		"is approached", s.Vset, setPulses-1, s.VresetStep)
	f.Check(s.PulseWidth > 0, "pulse_width: %v must be more than 0 s", s.PulseWidth)
	f.Check(s.Response > 1, "response: %g must be more than 1", s.Response)
	f.Check(s.Goff > 0, "goff: %v must be more than 0 S", s.Goff)
	f.Check(s.Compliance > 0, "compliance: %v must be more than 0 A: every drive needs one", s.Compliance)
	return f.Err("forming parameters")
}

// maximum is the top of the sweep of an attempt, counted from 0.
func (s Spec) maximum(attempt int) float64 {
	if s.Mode == instrument.SweepVoltage {
		return float64(min(s.Vmin+instrument.Volts(attempt)*s.Vstep, s.Vmax))
	}
	return float64(min(s.Imin+instrument.Amps(attempt)*s.Istep, s.Imax))
}

func (s Spec) sweep(attempt int) array.Sweep {
	w := array.Sweep{Kind: s.Mode, Start: float64(s.Istart), Stop: s.maximum(attempt), Steps: s.Levels,
		Compliance: float64(s.Vcomp), Return: s.Compliance, Scheme: s.Scheme, Delay: s.Delay, Aperture: s.Aperture}
	if s.Mode == instrument.SweepVoltage {
		w.Start, w.Compliance = float64(s.Vstart), float64(s.Icomp)
	}
	return w
}

func (s Spec) check() array.Read {
	return array.Read{Voltage: s.Check, Compliance: s.Compliance, Aperture: s.Time}
}

// pulse chooses the bias scheme by the sign: what the other devices see must
// not switch them on. A reset under V/2 puts a negative voltage on
// half-selected devices and none on the rest, where V/3 would put a third of it
// with the opposite sign on all of them; a positive pulse does the reverse.
func (s Spec) pulse(v instrument.Volts) array.Pulse {
	scheme := s.ResetScheme
	if v > 0 {
		scheme = s.SetScheme
	}
	return array.Pulse{Voltage: v, Width: s.PulseWidth, Scheme: scheme, Compliance: s.Compliance}
}

// bounds cover everything that one visit to a device may do.
func (s Spec) bounds() array.Bounds {
	top := max(s.Vcomp, s.Vset)
	current := max(s.Imax, s.Compliance)
	if s.Mode == instrument.SweepVoltage {
		top, current = max(instrument.Volts(s.maximum(s.Attempts-1)), s.Vset), max(s.Icomp, s.Compliance)
	}
	return array.Bounds{Steps: s.Attempts + 2*s.ResetPulses + setPulses, MinVoltage: s.VresetMax, MaxVoltage: top,
		MaxCurrent: current}
}

// setPulses is the number of set pulses that confirm a working device: they
// rise to Vset in steps of VresetStep.
const setPulses = 6

func (s Spec) devices(rows, cols int) []array.Cell {
	if len(s.Devices) == 0 {
		return array.AllCells(rows, cols)
	}
	return s.Devices
}

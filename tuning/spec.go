package tuning

import (
	"slices"

	"xlab/input"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/instrument/profile"
)

// Spec says what is to be tuned and how. Voltages are those across the array's
// terminals, row minus column.
type Spec struct {
	Targets Targets `json:"-" mapstructure:"-"`
	// relative distance from the target that is still right, such as 0.05
	Tolerance float64 `json:"tolerance" mapstructure:"tolerance"`
	Policy    string  `json:"policy" mapstructure:"policy"` // one of Policies

	Pulses `mapstructure:",squash"`
	Width  instrument.Seconds `json:"width" mapstructure:"width"` // of every write pulse
	// other lines during pulses that raise
	SetScheme   array.Scheme `json:"set_scheme" mapstructure:"set_scheme"`
	ResetScheme array.Scheme `json:"reset_scheme" mapstructure:"reset_scheme"` // other lines during pulses that lower

	// pulses per device at most; 0 = what suits the policy
	DeviceBudget int `json:"device_budget" mapstructure:"device_budget"`
	// pulses per device and pass at most; 0 = what suits the policy
	PassBudget int `json:"pass_budget" mapstructure:"pass_budget"`
	Passes     int `json:"passes" mapstructure:"passes"` // passes over what is out of tolerance, after the first ones

	// part of the tolerance at which a visit ends, below 1: disturb needs the rest, and the reads' noise at least so much
	Accept float64 `json:"accept" mapstructure:"accept"`
	Coarse float64 `json:"coarse" mapstructure:"coarse"` // band of the adaptive policy's coarse pass; 0 = none

	RampStep instrument.Volts `json:"ramp_step" mapstructure:"ramp_step"` // step of the ramp policy
	// step of the two-speed policy far from the target
	FastStep instrument.Volts `json:"fast_step" mapstructure:"fast_step"`
	SlowStep instrument.Volts `json:"slow_step" mapstructure:"slow_step"` // and within Near of it
	Near     float64          `json:"near" mapstructure:"near"`

	// voltage of all reads; negative ones disturb less
	Read       instrument.Volts   `json:"read" mapstructure:"read"`
	Aperture   instrument.Seconds `json:"aperture" mapstructure:"aperture"`     // integration time of all reads
	Settle     instrument.Seconds `json:"settle" mapstructure:"settle"`         // before it begins
	Range      instrument.Amps    `json:"range" mapstructure:"range"`           // measuring range of reads, 0 = automatic
	ReadNoise  float64            `json:"read_noise" mapstructure:"read_noise"` // relative deviation of repeated reads
	Compliance instrument.Amps    `json:"compliance" mapstructure:"compliance"` // of every source in pulses and reads

	Lines array.Resistance `json:"lines" mapstructure:"lines"` // between the sources and the devices
	// targets are the devices' own conductances, not those that reads show
	Compensate bool `json:"compensate" mapstructure:"compensate"`

	RangeMin instrument.Siemens `json:"range_min" mapstructure:"range_min"` // lowest target that is accepted
	RangeMax instrument.Siemens `json:"range_max" mapstructure:"range_max"` // highest

	// what is believed of the devices beside the values above, which come from it too; nil = the default profile
	Profile *profile.Profile `json:"device_profile,omitzero" mapstructure:"-"`
}

// DefaultSpec gives the parameters for devices of a profile, nil for the default
// one, without targets. hwdocs/tuning.md explains them.
func DefaultSpec(p *profile.Profile) Spec {
	p = profile.Of(p)
	set, reset := &p.Pulses.Set, &p.Pulses.Reset
	return Spec{
		Tolerance: 0.05, Policy: PolicyAdaptive,
		Pulses: Pulses{SetMin: set.Weakest, SetMax: set.Strongest, ResetMin: reset.Weakest, ResetMax: reset.Strongest},
		Width:  p.Pulses.Width, SetScheme: array.ThirdVoltage, ResetScheme: array.HalfVoltage,
		Passes: 10,
		Accept: 0.65, Coarse: 0.08,
		RampStep: 10e-3, FastStep: 60e-3, SlowStep: 24e-3, Near: 0.3,
		Read: -p.Read.Voltage, Aperture: 40e-3, ReadNoise: p.Read.Noise, Compliance: 5e-3,
		Lines:    array.Resistance(p.Lines),
		RangeMin: p.Conductance.TargetLow, RangeMax: p.Conductance.TargetHigh, Profile: p,
	}
}

// Validate checks the parameters against each other and the array's size. All
// faults are reported at once. Limits are the bench's and are checked by
// Estimate.
func (s Spec) Validate(rows, cols int) error {
	var f input.Faults
	f.Check(s.Tolerance > 0 && s.Tolerance < 1, "tolerance: %g must be above 0 and below 1, such as 0.05 for 5 %%",
		s.Tolerance)
	f.Check(slices.Contains(Policies(), s.Policy), "policy: %q must be one of %v", s.Policy, Policies())
	f.Check(s.SetMin > 0 && s.SetMin <= s.SetMax, "vset_min %v and vset_max %v must be positive, the second the stronger",
		s.SetMin, s.SetMax)
	f.Check(s.ResetMin < 0 && s.ResetMax <= s.ResetMin, "vreset_min %v and vreset_max %v must be negative, the second "+
		"the stronger", s.ResetMin, s.ResetMax)
	f.Check(s.Width > 0, "width: %v must be more than 0 s", s.Width)
	f.Check(s.SetScheme != "" && s.ResetScheme != "", "set_scheme and reset_scheme must be among %v", array.Schemes())
	perDevice, perPass := s.budgets()
	f.Check(s.DeviceBudget >= 0 && s.PassBudget >= 0 && perPass <= perDevice, "pass_budget %d and device_budget %d must "+
		"not be negative, the second the larger", s.PassBudget, s.DeviceBudget)
	f.Check(s.Passes >= 0, "passes: %d must not be negative", s.Passes)
	f.Check(s.Accept > 0 && s.Accept <= 1, "accept: %g must be above 0 and at most 1", s.Accept)
	f.Check(s.Coarse >= 0 && s.Coarse < 1, "coarse: %g must be 0 or more and below 1", s.Coarse)
	f.Check(s.RampStep > 0 && s.FastStep > 0 && s.SlowStep > 0, "ramp_step %v, fast_step %v and slow_step %v must be "+
		"more than 0 V", s.RampStep, s.FastStep, s.SlowStep)
	f.Check(s.Near >= 0, "near: %g must not be negative", s.Near)
	f.Check(s.Read != 0 && s.Read <= 0.2 && s.Read >= -0.2, "read: %v must be at most 200 mV of either sign, so that it "+
		"disturbs nothing, and not 0 V", s.Read)
	f.Check(s.Aperture > 0 && s.Settle >= 0 && s.Range >= 0, "aperture %v must be more than 0 s, settle %v and range %v "+
		"not negative", s.Aperture, s.Settle, s.Range)
	f.Check(s.ReadNoise > 0 && s.band() > 0, "read_noise: %g must be above 0 and well below the tolerance of %g, or "+
		"nothing can be verified", s.ReadNoise, s.Tolerance)
	f.Check(s.Compliance > 0, "compliance: %v must be more than 0 A: every drive needs one", s.Compliance)
	f.Check(s.RangeMin > 0 && s.RangeMin < s.RangeMax, "range_min %v and range_max %v must be positive, the second the "+
		"higher", s.RangeMin, s.RangeMax)
	f.Add(s.Lines.Validate())
	f.Add(s.Targets.Check(rows, cols, s.RangeMin, s.RangeMax))
	return f.Err("tuning parameters")
}

func (s Spec) read() array.Read {
	return array.Read{Voltage: s.Read, Compliance: s.Compliance, Range: s.Range, Settle: s.Settle, Aperture: s.Aperture}
}

// Pulse is the write pulse of a voltage.
func (s Spec) Pulse(v instrument.Volts) array.Pulse {
	return array.Pulse{Voltage: v, Width: s.Width, Scheme: s.scheme(v > 0), Compliance: s.Compliance}
}

func (s Spec) scheme(up bool) array.Scheme {
	if up {
		return s.SetScheme
	}
	return s.ResetScheme
}

// band is the relative distance from the target at which a visit ends. It
// leaves two and a half deviations of the noise to the tolerance.
func (s Spec) band() float64 { return min(s.Accept*s.Tolerance, s.Tolerance-2.5*s.ReadNoise) }

// budgets gives the pulses per device and per device and pass. A ramp needs
// many and disturbs little with most of them.
func (s Spec) budgets() (perDevice, perPass int) {
	perDevice, perPass = 600, 200
	if s.Policy == PolicyAdaptive {
		perDevice, perPass = 120, 40
	}
	if s.DeviceBudget > 0 {
		perDevice = s.DeviceBudget
		perPass = min(perPass, perDevice)
	}
	if s.PassBudget > 0 {
		perPass = s.PassBudget
	}
	return perDevice, perPass
}

// bounds cover everything that one visit to a device may do: its pulses and
// those that find out whether it is stuck.
func (s Spec) bounds(pulses int) array.Bounds {
	return array.Bounds{Steps: pulses + without, MinVoltage: s.ResetMax, MaxVoltage: s.SetMax, MaxCurrent: s.Compliance}
}

// without is the number of strongest pulses in a row without enough effect
// after which a direction is given up.
const without = 3

package insitu

import (
	"math"

	"xlab/input"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/instrument/profile"
	"xlab/mlp/train"
)

// RuleName names a rule in a specification.
type RuleName string

const (
	Fixed    RuleName = "fixed"    // FixedAmplitude
	Variable RuleName = "variable" // VariableAmplitude
)

// Writing says how the pulses of an update are given.
type Writing string

const (
	ByDevice Writing = "devices" // one after the other
	ByRow    Writing = "rows"    // along one row at a time: several columns are selected with it
	ByColumn Writing = "columns" // along one column at a time: several rows are selected with it
)

// Spec says how a network is trained in place.
type Spec struct {
	Rule   RuleName         `json:"rule"`
	Epochs int              `json:"epochs"`       // updates at most
	Goal   float64          `json:"goal_percent"` // accuracy on the training set at which training ends
	Loss   train.Loss       `json:"loss"`         //
	Target instrument.Volts `json:"target_v"`     // outputs are to reach +Target or -Target, > 0
	// share of the earlier batches in the accumulated gradient, 0 to below 1
	Memory float64 `json:"memory"`
	Write  Writing `json:"writing"` //
	// amplitudes are rounded to multiples of it, so that pulses can be given together, > 0
	Level instrument.Volts `json:"amplitude_step_v"`

	// Of the fixed amplitudes.
	Set   instrument.Volts `json:"set_v"`   // > 0
	Reset instrument.Volts `json:"reset_v"` // < 0
	// devices with less than this share of their layer's largest gradient are left alone
	Threshold float64 `json:"threshold"`

	// Of the variable amplitudes.
	Change   instrument.Siemens `json:"change_s"`   // of the device with the largest gradient, in the first epoch
	Smallest instrument.Siemens `json:"smallest_s"` // changes below it wait for another batch
	// Verify reads every device that was pulsed, so that its response is learnt;
	// without it conductances are known from the rereads alone.
	Verify bool `json:"verify"`
	// Reread is the number of epochs after which all devices of the network are
	// read again, because pulses on others and time have moved them; 0 = never.
	Reread int `json:"reread"`

	// Trim nulls the neurons' offsets before every epoch, because they depend on
	// the conductances. Without it the network learns to live with them.
	Trim bool `json:"trim"`

	Width       instrument.Seconds `json:"width"`
	SetScheme   array.Scheme       `json:"set_scheme"`
	ResetScheme array.Scheme       `json:"reset_scheme"`
	// of every source; lines are written together only as far as it reaches
	Compliance instrument.Amps    `json:"compliance"`
	Read       instrument.Volts   `json:"read"`     // voltage of all reads
	Aperture   instrument.Seconds `json:"aperture"` // integration time of all reads
	Settle     instrument.Seconds `json:"settle"`   // before it begins
	Lines      array.Resistance   `json:"lines"`    // between the sources and the devices, as far as known
}

// DefaultSpec trains the letters on devices of a profile, nil for the default one,
// with the rule. hwdocs/insitu.md explains the values.
func DefaultSpec(p *profile.Profile, rule RuleName) Spec {
	p = profile.Of(p)
	s := Spec{
		Rule: rule, Epochs: 100, Goal: 100, Loss: train.Shortfall, Target: 3, Write: ByColumn, Level: 50e-3,
		Set: p.Pulses.Set.Threshold, Reset: p.Pulses.Reset.Threshold, Threshold: 0.1,
		Change: p.Measure.InPlaceChange, Smallest: p.Measure.InPlaceLeast, Reread: 10, Trim: true,
		Width: p.Pulses.Width, SetScheme: array.HalfVoltage, ResetScheme: array.HalfVoltage, Compliance: 5e-3,
		Read: p.Read.Voltage, Aperture: 2e-3,
		Lines: array.Resistance(p.Lines),
	}
	if rule == Variable {
		s.Memory, s.Verify = 0.5, true
	}
	return s
}

// Validate checks the parameters; all faults are reported at once.
func (s Spec) Validate() error {
	var f input.Faults
	positive := func(x float64) bool { return x > 0 && !math.IsInf(x, 0) }
	f.Check(s.Rule == Fixed || s.Rule == Variable, "rule %q is unknown: use %q or %q", s.Rule, Fixed, Variable)
	f.Check(s.Epochs >= 1, "epochs: %d must be 1 or more", s.Epochs)
	f.Check(s.Goal > 0 && s.Goal <= 100, "goal: %g must be above 0 and at most 100, in percent", s.Goal)
	f.Check(s.Loss == train.MeanSquare || s.Loss == train.Shortfall, "loss %q is unknown: use %q or %q", s.Loss,
		train.MeanSquare, train.Shortfall)
	f.Check(positive(float64(s.Target)), "target output %v must be more than 0 V", s.Target)
	f.Check(s.Memory >= 0 && s.Memory < 1, "memory: %g must be 0 or more and below 1", s.Memory)
	f.Check(s.Write == ByDevice || s.Write == ByRow || s.Write == ByColumn, "writing %q is unknown: use %q, %q or %q",
		s.Write, ByDevice, ByRow, ByColumn)
	f.Check(positive(float64(s.Level)), "amplitude step %v must be more than 0 V", s.Level)
	f.Check(s.Set > 0 && s.Reset < 0, "set %v must be positive and reset %v negative", s.Set, s.Reset)
	f.Check(s.Threshold >= 0 && s.Threshold < 1, "threshold: %g must be 0 or more and below 1", s.Threshold)
	f.Check(s.Smallest >= 0 && s.Change > s.Smallest && positive(float64(s.Change)),
		"change %v must be more than smallest %v, and neither negative", s.Change, s.Smallest)
	f.Check(s.Reread >= 0, "reread: %d must not be negative", s.Reread)
	f.Check(s.Rule != Variable || s.Verify || s.Reread > 0, "variable amplitudes need reads: after the pulses (verify) "+
		"or every so many epochs (reread)")
	f.Check(positive(float64(s.Width)), "width: %v must be more than 0 s", s.Width)
	for _, scheme := range []array.Scheme{s.SetScheme, s.ResetScheme} {
		f.Check(scheme == array.HalfVoltage || scheme == array.ThirdVoltage,
			"scheme %q: pulses on many devices need %s or %s", scheme, array.HalfVoltage, array.ThirdVoltage)
	}
	f.Check(positive(float64(s.Compliance)), "compliance: %v must be more than 0 A", s.Compliance)
	f.Check(s.Read != 0 && s.Read >= -array.ReadLimit && s.Read <= array.ReadLimit,
		"read: %v must be within ±%v and not 0 V", s.Read, array.ReadLimit)
	f.Check(positive(float64(s.Aperture)) && s.Settle >= 0, "aperture %v must be more than 0 s, settle %v not negative",
		s.Aperture, s.Settle)
	f.Add(s.Lines.Validate())
	return f.Err("in-situ training")
}

// read is the step that reads a device.
func (s Spec) read() array.Read {
	return array.Read{Voltage: s.Read, Compliance: s.Compliance, Settle: s.Settle, Aperture: s.Aperture}
}

func (s Spec) scheme(v instrument.Volts) array.Scheme {
	if v > 0 {
		return s.SetScheme
	}
	return s.ResetScheme
}

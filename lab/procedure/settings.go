package procedure

import (
	"xlab/forming"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/instrument/profile"
	"xlab/mlp/transfer"
	"xlab/tuning"
)

// Settings are the sections of the configuration that procedures bring. Keys are
// those of the tags.
type Settings struct {
	Read    Reads        `mapstructure:"read"`    // how conductances are read
	Forming forming.Spec `mapstructure:"forming"` // parameters of the published procedure
	Tuning  tuning.Spec  `mapstructure:"tuning"`  // parameters of write-and-verify
	MLP     MLP          `mapstructure:"mlp"`     // parameters of the import of networks

	// Profile is what is believed of the devices, and what the values of keys that
	// nobody gives come from.
	Profile *profile.Profile `mapstructure:"-"`
}

// DefaultSettings are the values of keys that no file gives, for devices of a profile.
func DefaultSettings(p *profile.Profile) Settings {
	return Settings{Read: Reads{Voltage: profile.Of(p).Read.Voltage, Aperture: 40e-3, Settle: 1e-3, Compliance: 5e-3},
		Forming: forming.DefaultSpec(p), Tuning: tuning.DefaultSpec(p), MLP: MLP{Spec: transfer.DefaultSpec()},
		Profile: profile.Of(p)}
}

// Reads is the section read: how conductances are read.
type Reads struct {
	Voltage    instrument.Volts   `mapstructure:"voltage"`
	Aperture   instrument.Seconds `mapstructure:"aperture"`
	Settle     instrument.Seconds `mapstructure:"settle"`
	Compliance instrument.Amps    `mapstructure:"compliance"`
}

// Step is the configured read as a step on a cell.
func (r Reads) Step() array.Read {
	return array.Read{Voltage: r.Voltage, Compliance: r.Compliance, Settle: r.Settle, Aperture: r.Aperture}
}

// MLP is the section mlp: how networks are written into arrays.
type MLP struct {
	transfer.Spec `mapstructure:",squash"`
	Policy        string `mapstructure:"policy"` // of the pulses; "" = tuning.policy
}

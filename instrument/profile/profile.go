// Package profile is what control believes of the devices on the bench before it has measured any: in which range
// of conductances they work, which pulses set, reset and form them, how they respond, what disturbs nothing.
//
// It is a document of its own, so that another stack needs a file and no other program. It belongs to the
// vocabulary of instruments because an array (what a read may be, what the sources will have to give), the
// algorithms above it and the configuration all ask for it. It is never made of what a simulated bench simulates:
// what a device is, a measurement says.
package profile

import (
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"

	"xlab/input"
	"xlab/instrument"
)

//go:embed *.yaml
var documents embed.FS

// Default names the profile that holds where none is named.
const Default = "pt-al2o3-tio2"

// Profile is what is believed of a kind of device. hwdocs/device-profile.md explains every key. Voltages are row
// minus column, set ones positive, reset ones negative. It is read-only once it is loaded.
type Profile struct {
	Name        string   `yaml:"name"`
	Description string   `yaml:"description"`
	Sources     []string `yaml:"sources"` // where the values come from, as the comments beside them call it

	Conductance Conductance `yaml:"conductance"`
	Lines       Lines       `yaml:"lines"`
	Read        Read        `yaml:"read"`
	Pulses      Pulses      `yaml:"pulses"`
	Forming     Forming     `yaml:"forming"`
	Measure     Measure     `yaml:"measure"`
	Conduction  Conduction  `yaml:"conduction"`
	Response    Response    `yaml:"response"`

	text []byte // of the document
	file string // that it was read from
}

// Conductance is where devices work.
type Conductance struct {
	Low          instrument.Siemens `yaml:"low" rule:"positive"` // ends of the working range
	High         instrument.Siemens `yaml:"high" rule:"positive" above:"low"`
	TargetLow    instrument.Siemens `yaml:"target_low" rule:"positive"` // of what may be asked for
	TargetHigh   instrument.Siemens `yaml:"target_high" rule:"positive" above:"target_low"`
	PreparedLow  instrument.Siemens `yaml:"prepared_low" rule:"positive"` // where a device is measured from
	PreparedHigh instrument.Siemens `yaml:"prepared_high" rule:"positive" above:"prepared_low"`
	UsuallyOff   instrument.Siemens `yaml:"usually_off" rule:"positive"`             // what a complete reset leaves
	Off          instrument.Siemens `yaml:"off" rule:"positive" above:"usually_off"` // what it leaves at most
}

// Lines are the resistances between the sources and the devices.
type Lines struct {
	Contact    instrument.Ohms `yaml:"contact" rule:"nonnegative"`
	RowSegment instrument.Ohms `yaml:"row_segment" rule:"nonnegative"`
	ColSegment instrument.Ohms `yaml:"col_segment" rule:"nonnegative"`
}

// Read is how devices are read without changing them.
type Read struct {
	Limit      instrument.Volts `yaml:"limit" rule:"positive"` // of every read; what is beyond it is stress
	Voltage    instrument.Volts `yaml:"voltage" rule:"positive"`
	Check      instrument.Volts `yaml:"check" rule:"positive"` // of a device that may not be formed, and of temperatures
	Noise      float64          `yaml:"noise" rule:"positive"` // relative, of one long read
	ShortNoise float64          `yaml:"short_noise" rule:"positive"`
}

// Pulses are those that write formed devices.
type Pulses struct {
	Width instrument.Seconds `yaml:"width" rule:"positive"`
	// half-selected magnitude from which on a device may switch
	Strong instrument.Volts `yaml:"strong" rule:"positive"`
	Set    Set              `yaml:"set"`
	Reset  Reset            `yaml:"reset"`
}

// Set are pulses that raise the conductance.
type Set struct {
	Threshold instrument.Volts `yaml:"threshold" rule:"positive" above:"weakest"` // of the mean device: a change by 5 %
	Weakest   instrument.Volts `yaml:"weakest" rule:"positive"`
	Strongest instrument.Volts `yaml:"strongest" rule:"positive" above:"threshold"` // when tuning
	Utmost    instrument.Volts `yaml:"utmost" rule:"positive" above:"weakest"`      // when measuring
}

// Reset are pulses that lower it.
type Reset struct {
	Threshold instrument.Volts `yaml:"threshold" rule:"negative" above:"weakest"`
	Weakest   instrument.Volts `yaml:"weakest" rule:"negative"`
	Strongest instrument.Volts `yaml:"strongest" rule:"negative" above:"threshold"`
	Utmost    instrument.Volts `yaml:"utmost" rule:"negative" above:"weakest"`
}

// Forming is how a pristine device is formed and tried. See forming.Spec.
type Forming struct {
	Istart      instrument.Amps    `yaml:"istart" rule:"positive"`
	Imin        instrument.Amps    `yaml:"imin" rule:"positive" above:"istart"`
	Imax        instrument.Amps    `yaml:"imax" rule:"positive" above:"istart"`
	Istep       instrument.Amps    `yaml:"istep" rule:"positive"`
	Vcomp       instrument.Volts   `yaml:"vcomp" rule:"positive"`
	Vstart      instrument.Volts   `yaml:"vstart" rule:"positive"`
	Vmin        instrument.Volts   `yaml:"vmin" rule:"positive" above:"vstart"`
	Vmax        instrument.Volts   `yaml:"vmax" rule:"positive" above:"vstart"`
	Vstep       instrument.Volts   `yaml:"vstep" rule:"positive"`
	Icomp       instrument.Amps    `yaml:"icomp" rule:"positive"`
	Amin        float64            `yaml:"amin" rule:"positive"`
	RTH         instrument.Ohms    `yaml:"rth" rule:"positive"`
	Reset       instrument.Volts   `yaml:"reset" rule:"negative"` // first amplitude of pulses that switch off
	ResetStep   instrument.Volts   `yaml:"reset_step" rule:"positive"`
	ResetPulses int                `yaml:"reset_pulses" rule:"positive"` // at most
	Set         instrument.Volts   `yaml:"set" rule:"positive"`
	Width       instrument.Seconds `yaml:"width" rule:"positive"` // of all these pulses
	Response    float64            `yaml:"response" rule:"positive"`
	LeastShare  float64            `yaml:"least_share" rule:"fraction"` // of vmin; below it no device forms
}

// Measure is how devices are characterized.
type Measure struct {
	Static      instrument.Volts   `yaml:"static" rule:"positive"` // end of curves that change nothing
	LoopSet     instrument.Volts   `yaml:"loop_set" rule:"positive"`
	LoopReset   instrument.Volts   `yaml:"loop_reset" rule:"negative"`
	LoopLimit   instrument.Amps    `yaml:"loop_limit" rule:"positive"`
	RampStart   instrument.Volts   `yaml:"ramp_start" rule:"positive"`
	RampCurrent instrument.Amps    `yaml:"ramp_current" rule:"positive"` // first of a ramp in current
	RampMaximum instrument.Amps    `yaml:"ramp_maximum" rule:"positive" above:"ramp_current"`
	CycleSet    instrument.Volts   `yaml:"cycle_set" rule:"positive"`
	CycleReset  instrument.Volts   `yaml:"cycle_reset" rule:"negative"`
	CycleOn     instrument.Siemens `yaml:"cycle_on" rule:"positive" above:"cycle_off"`
	CycleOff    instrument.Siemens `yaml:"cycle_off" rule:"positive"`
	// of a curve that is asked for without a compliance, at least
	LeastCompliance instrument.Amps      `yaml:"least_compliance" rule:"positive"`
	Disturb         []instrument.Volts   `yaml:"disturb" rule:"any"`
	Kept            []instrument.Siemens `yaml:"kept" rule:"positive"`   // states whose retention is followed
	Heated          []instrument.Siemens `yaml:"heated" rule:"positive"` // states that are read at several temperatures
	InPlaceStart    instrument.Siemens   `yaml:"in_place_start" rule:"positive"`
	InPlaceChange   instrument.Siemens   `yaml:"in_place_change" rule:"positive" above:"in_place_least"`
	InPlaceLeast    instrument.Siemens   `yaml:"in_place_least" rule:"positive"`
}

// Conduction is the static current of a device of conductance G at a small voltage:
// I = G V + (PerSiemens G + PerSquare G^2 + Offset) V^3.
type Conduction struct {
	PerSiemens float64            `yaml:"cubic_per_siemens" rule:"nonnegative"`        // 1/V^2
	PerSquare  float64            `yaml:"cubic_per_square_siemens" rule:"nonnegative"` // 1/(S V^2)
	Offset     float64            `yaml:"cubic_offset" rule:"nonnegative"`             // S/V^2
	Least      instrument.Siemens `yaml:"least" rule:"positive"`                       // below it a device is ohmic
}

// Current is the current in A through a device of g (S, at a small voltage) at v in V.
func (c *Conduction) Current(g, v float64) float64 {
	if g < float64(c.Least) {
		return g * v
	}
	return g*v + (c.PerSiemens*g+c.PerSquare*g*g+c.Offset)*v*v*v
}

// Response is what is believed of the change by one pulse before the first; tuning/response.go has the law.
type Response struct {
	Reference instrument.Siemens `yaml:"reference" rule:"positive"` // state at which the terms hold
	Spread    float64            `yaml:"spread" rule:"positive"`    // of ln|dG| from pulse to pulse
	Gain      float64            `yaml:"gain_deviation" rule:"positive"`
	Weight    float64            `yaml:"weight" rule:"positive"` // pulses that spread and deviations are worth
	Set       Direction          `yaml:"set"`
	Reset     Direction          `yaml:"reset"`
}

// Direction is the law of one sign; voltages are magnitudes.
type Direction struct {
	Deviation      instrument.Volts          `yaml:"threshold_deviation" rule:"positive"` // from device to device
	Step           Scale[instrument.Siemens] `yaml:"step"`                                // largest by one pulse
	StepSlope      Normal[float64]           `yaml:"step_slope"`
	StepCurve      Normal[float64]           `yaml:"step_curve"`
	Middle         Normal[instrument.Volts]  `yaml:"middle"` // half the largest step
	MiddleSlope    Normal[instrument.Volts]  `yaml:"middle_slope"`
	MiddleCurve    Normal[instrument.Volts]  `yaml:"middle_curve"`
	Steepness      Scale[float64]            `yaml:"steepness_per_volt"`
	SteepnessSlope Normal[float64]           `yaml:"steepness_slope"`
	Load           Normal[float64]           `yaml:"load"`
}

// Normal is a value that is known to a deviation.
type Normal[T ~float64] struct {
	Mean  T `yaml:"mean" rule:"any"`
	Sigma T `yaml:"sigma" rule:"positive"`
}

// Scale is a positive value whose logarithm is known to a deviation.
type Scale[T ~float64] struct {
	Median  T       `yaml:"median" rule:"positive"`
	SigmaLn float64 `yaml:"sigma_ln" rule:"positive"`
}

// Open reads the profile that a person named: one of those shipped, or a file (see input.Named). "" is the default.
// What is wrong with it is told with its place.
func Open(name string) (*Profile, error) {
	text, shown, err := input.Named(cmp.Or(name, Default), "device profile", documents)
	if err != nil {
		return nil, err
	}
	return parse(text, shown)
}

func parse(text []byte, file string) (*Profile, error) {
	p := &Profile{text: text, file: file}
	if err := input.Strict(text, file, p); err != nil {
		return nil, err
	}
	return p, p.validate()
}

// shipped is the default, parsed once.
var shipped = sync.OnceValue(func() *Profile {
	p, err := Open(Default)
	if err != nil {
		panic(err) // the tests load it, so this means a broken build
	}
	return p
})

// Of is the profile, or the default one for nil.
func Of(p *Profile) *Profile {
	if p == nil {
		return shipped()
	}
	return p
}

// IsZero tells whether the profile is the default one as it is shipped. Records leave that out: the version of the
// program, which they hold, says what it was.
func (p *Profile) IsZero() bool { return string(p.text) == string(shipped().text) }

// String names the profile with what tells its contents from others, "" for the default one.
func (p *Profile) String() string {
	if p == nil || p.IsZero() {
		return ""
	}
	sum := sha256.Sum256(p.text)
	return fmt.Sprintf("%s (%s)", p.Name, hex.EncodeToString(sum[:8]))
}

// File is what the profile was read from, for messages.
func (p *Profile) File() string { return p.file }

// Document is the text that the profile was read from.
func (p *Profile) Document() []byte { return p.text }

// MarshalJSON keeps the whole document, so that a record needs no file beside it.
func (p *Profile) MarshalJSON() ([]byte, error) { return json.Marshal(string(p.text)) }

// UnmarshalJSON reads it back.
func (p *Profile) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	q, err := parse([]byte(text), "recorded device profile")
	if err == nil {
		*p = *q
	}
	return err
}

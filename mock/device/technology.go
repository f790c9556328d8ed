package device

import (
	"cmp"
	"embed"
	"fmt"
	"io"

	"xlab/input"
)

//go:embed *.yaml
var shipped embed.FS

// defaultName is the technology that is simulated where none is named.
const defaultName = "pt-al2o3-tio2"

// Technology is the complete set of constants of a device stack, as read from a technology file. The meaning, unit
// and source of each constant are written beside it in the file (pt-al2o3-tio2.yaml for the default); the
// comments here say where it enters the model. Model selects which of the model sections is used.
//
// A Technology is read-only once it is loaded and may be shared by any number of arrays.
type Technology struct {
	Name        string `yaml:"name"`
	Model       string `yaml:"model"` // a key of the model registry: metal-oxide or linear-memristor
	Description string `yaml:"description"`

	Noise  NoiseConstants  `yaml:"noise"`
	Ledger LedgerConstants `yaml:"ledger"`

	MetalOxide      *MetalOxideConstants      `yaml:"metal_oxide,optional"`
	LinearMemristor *LinearMemristorConstants `yaml:"linear_memristor,optional"`

	source []byte // the file as it was read: a chip's saved state carries it
}

// Default returns the technology of the published 20 x 20 crossbars, Pt/Al2O3/TiO2-x/Ti/Pt, embedded in the
// program. Each call parses its own copy.
func Default() *Technology {
	t, err := OpenTechnology(defaultName)
	if err != nil {
		panic(err) // the tests load it, so this means a broken build
	}
	return t
}

// OpenTechnology reads the technology that a person named: one of those shipped, or a file (see input.Named). ""
// is the default.
func OpenTechnology(name string) (*Technology, error) {
	text, shown, err := input.Named(cmp.Or(name, defaultName), "technology", shipped)
	if err != nil {
		return nil, err
	}
	return parseTechnology(text, shown)
}

// LoadTechnology reads a technology file. name is used in messages only. The file is YAML and read strictly: a
// key that is unknown, missing, given twice or out of its bounds is an error that names the line.
func LoadTechnology(r io.Reader, name string) (*Technology, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%s: reading the technology file: %w", name, err)
	}
	return parseTechnology(text, name)
}

func parseTechnology(text []byte, name string) (*Technology, error) {
	t := &Technology{source: text}
	if err := input.Strict(text, name, t); err != nil {
		return nil, err
	}
	if err := t.validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return t, nil
}

// Source returns the text of the file the technology was read from.
func (t *Technology) Source() string { return string(t.source) }

// NoiseConstants describe the read noise, common to all models: conductance fluctuations relative to the
// conductance, 1/f plus two-level (telegraph) noise on some devices.
type NoiseConstants struct {
	FlickerAtOneHertz     float64 `yaml:"flicker_at_1_hertz_per_hertz" rule:"nonnegative"`
	FlickerReference      float64 `yaml:"flicker_reference_conductance_siemens" rule:"positive"`
	FlickerExponent       float64 `yaml:"flicker_conductance_exponent" rule:"nonnegative"`
	FlickerFloor          float64 `yaml:"flicker_floor_conductance_siemens" rule:"positive"`
	Fastest               float64 `yaml:"fastest_second" rule:"positive"`
	Slowest               float64 `yaml:"slowest_second" rule:"positive"`
	TelegraphShare        float64 `yaml:"telegraph_share" rule:"fraction"`
	TelegraphMedian       float64 `yaml:"telegraph_amplitude_median" rule:"nonnegative"`
	TelegraphSigmaLn      float64 `yaml:"telegraph_amplitude_sigma_ln" rule:"nonnegative"`
	TelegraphDwellMedian  float64 `yaml:"telegraph_dwell_median_second" rule:"positive"`
	TelegraphDwellSigmaLn float64 `yaml:"telegraph_dwell_sigma_ln" rule:"nonnegative"`
}

// LedgerConstants say how the stress ledger counts intervals by amplitude.
type LedgerConstants struct {
	BinWidth float64 `yaml:"bin_width_volt" rule:"positive"`
	Bins     int     `yaml:"bins" rule:"positive"`
	Floor    float64 `yaml:"floor_volt" rule:"nonnegative"`
}

// MetalOxideConstants are the constants of the metal-oxide model.
type MetalOxideConstants struct {
	State      StateConstants      `yaml:"state"`
	Static     StaticConstants     `yaml:"static"`
	Set        SetConstants        `yaml:"set"`
	Reset      ResetConstants      `yaml:"reset"`
	Subthresh  SubthreshConstants  `yaml:"subthreshold"`
	Spread     SpreadConstants     `yaml:"spread"`
	Pristine   PristineConstants   `yaml:"pristine"`
	Forming    FormingConstants    `yaml:"forming"`
	Preformed  PreformedConstants  `yaml:"preformed"`
	Unformable UnformableConstants `yaml:"unformable"`
	Overstress OverstressConstants `yaml:"overstress"`
	Drift      DriftConstants      `yaml:"drift"`
}

// StateConstants bound the internal state G0.
type StateConstants struct {
	Min float64 `yaml:"g0_min_siemens" rule:"positive"`
	Max float64 `yaml:"g0_max_siemens" rule:"positive"`
}

// StaticConstants give I(V) = (A1 + xi s1) V + (A3 + xi s3) V^3 of a formed device; T is in degrees Celsius.
type StaticConstants struct {
	A1Offset         float64 `yaml:"a1_offset_siemens" rule:"any"`
	A1PerG0          float64 `yaml:"a1_per_g0" rule:"positive"`
	A1PerCelsius     float64 `yaml:"a1_per_celsius_siemens" rule:"any"`
	A3PerG0          float64 `yaml:"a3_per_g0_per_square_volt" rule:"any"`
	A3PerG0Squared   float64 `yaml:"a3_per_g0_squared_per_siemens_per_square_volt" rule:"any"`
	A3Temperature    float64 `yaml:"a3_temperature_siemens_per_square_volt" rule:"any"`
	A3TempExponent   float64 `yaml:"a3_temperature_exponent" rule:"any"`
	S1Offset         float64 `yaml:"s1_offset_siemens" rule:"any"`
	S1PerG0          float64 `yaml:"s1_per_g0" rule:"any"`
	S1PerCelsius     float64 `yaml:"s1_per_celsius_siemens" rule:"any"`
	S1PerG0Squared   float64 `yaml:"s1_per_g0_squared_per_siemens" rule:"any"`
	S3Offset         float64 `yaml:"s3_offset_siemens_per_square_volt" rule:"any"`
	S3PerG0          float64 `yaml:"s3_per_g0_per_square_volt" rule:"any"`
	S3PerCelsius     float64 `yaml:"s3_per_celsius_siemens_per_square_volt" rule:"any"`
	S3PerG0Squared   float64 `yaml:"s3_per_g0_squared_per_siemens_per_square_volt" rule:"any"`
	S3PerG0Celsius   float64 `yaml:"s3_per_g0_celsius_per_square_volt" rule:"any"`
	XiClip           float64 `yaml:"xi_clip_sigma" rule:"positive"`
	A1FloorFraction  float64 `yaml:"a1_floor_fraction_of_g0" rule:"positive"`
	FitLimit         float64 `yaml:"fit_limit_volt" rule:"positive"`
	TemperatureLow   float64 `yaml:"temperature_low_celsius" rule:"positive"`
	TemperatureHigh  float64 `yaml:"temperature_high_celsius" rule:"positive"`
	TemperatureStart float64 `yaml:"temperature_start_celsius" rule:"positive"`
}

// SetConstants give the change by one SET pulse: C0 (1 - tanh(c1 (ln t - c2))) (tanh(c3 (V - shift) - c4) + 1).
type SetConstants struct {
	C0     float64    `yaml:"c0_siemens" rule:"positive"`
	C1     float64    `yaml:"c1" rule:"negative"`
	Ranges []SetRange `yaml:"ranges"`
	Gain   float64    `yaml:"gain" rule:"positive"`
	Shift  float64    `yaml:"shift_volt" rule:"any"`
}

// SetRange holds the SET constants of one range of G0.
type SetRange struct {
	Low  float64 `yaml:"g0_low_siemens" rule:"positive"`
	High float64 `yaml:"g0_high_siemens" rule:"positive"`
	C2   float64 `yaml:"c2_ln_second" rule:"any"`
	C3   float64 `yaml:"c3_per_volt" rule:"positive"`
	C4   float64 `yaml:"c4" rule:"any"`
}

// ResetConstants give the change by one RESET pulse:
// C0 (-1 - tanh(c1 (ln t - c2))) (tanh(c3 (V - shift) - c4) - 1), c1, c2 and c4 taken at a compressed state
// StateReference (G0 / StateReference)^StateExponent.
type ResetConstants struct {
	C0             float64      `yaml:"c0_siemens" rule:"negative"`
	C3             float64      `yaml:"c3_per_volt" rule:"positive"`
	Ranges         []ResetRange `yaml:"ranges"`
	Gain           float64      `yaml:"gain" rule:"positive"`
	Shift          float64      `yaml:"shift_volt" rule:"any"`
	StateReference float64      `yaml:"state_reference_siemens" rule:"positive"`
	StateExponent  float64      `yaml:"state_exponent" rule:"positive"`
}

// ResetRange holds the RESET constants of one range of G0.
type ResetRange struct {
	Low  float64 `yaml:"g0_low_siemens" rule:"positive"`
	High float64 `yaml:"g0_high_siemens" rule:"positive"`
	C1   float64 `yaml:"c1" rule:"positive"`
	C2   float64 `yaml:"c2_ln_second" rule:"any"`
	C4   float64 `yaml:"c4" rule:"any"`
}

// SubthreshConstants shape and shorten the law of change far below the thresholds.
type SubthreshConstants struct {
	Onset           float64 `yaml:"onset_volt" rule:"nonnegative"`
	Full            float64 `yaml:"full_volt" rule:"positive"`
	CollectFraction float64 `yaml:"collect_fraction" rule:"nonnegative"`
}

// SpreadConstants are the device-to-device and cycle-to-cycle spreads of switching.
type SpreadConstants struct {
	SetSigma      float64 `yaml:"set_threshold_sigma_volt" rule:"nonnegative"`
	ResetSigma    float64 `yaml:"reset_threshold_sigma_volt" rule:"nonnegative"`
	EdgeFactor    float64 `yaml:"edge_factor" rule:"positive"`
	ClipSigma     float64 `yaml:"clip_sigma" rule:"positive"`
	CycleSigmaLn  float64 `yaml:"cycle_sigma_ln" rule:"nonnegative"`
	CycleFraction float64 `yaml:"cycle_from_fraction" rule:"nonnegative"`
}

// PristineConstants describe the device as fabricated: I = Is sinh(V/v0).
type PristineConstants struct {
	ResistanceMedian  float64 `yaml:"resistance_median_ohm" rule:"positive"`
	ResistanceSigmaLn float64 `yaml:"resistance_sigma_ln" rule:"nonnegative"`
	ResistanceAt      float64 `yaml:"resistance_at_volt" rule:"positive"`
	V0                float64 `yaml:"v0_volt" rule:"positive"`
	TangentAbove      float64 `yaml:"tangent_above_volt" rule:"positive"`
	ClipSigma         float64 `yaml:"clip_sigma" rule:"positive"`
}

// FormingConstants say when a pristine device forms and what it forms to.
type FormingConstants struct {
	VoltageMean        float64 `yaml:"voltage_mean_volt" rule:"positive"`
	VoltageSigma       float64 `yaml:"voltage_sigma_volt" rule:"nonnegative"`
	EdgeFactor         float64 `yaml:"edge_factor" rule:"positive"`
	ClipSigma          float64 `yaml:"clip_sigma" rule:"positive"`
	ReferenceTime      float64 `yaml:"reference_time_second" rule:"positive"`
	VoltPerDecade      float64 `yaml:"voltage_per_decade_of_time_volt" rule:"positive"`
	CurrentMedian      float64 `yaml:"current_median_ampere" rule:"nonnegative"`
	CurrentSigmaLn     float64 `yaml:"current_sigma_ln" rule:"nonnegative"`
	ConductanceMedian  float64 `yaml:"conductance_median_siemens" rule:"positive"`
	ConductanceSigmaLn float64 `yaml:"conductance_sigma_ln" rule:"nonnegative"`
	ChargeReference    float64 `yaml:"charge_reference_coulomb" rule:"positive"`
	ChargeExponent     float64 `yaml:"charge_exponent" rule:"nonnegative"`
	TransientTime      float64 `yaml:"transient_second" rule:"nonnegative"`
	ChargeLimit        float64 `yaml:"charge_limit_coulomb" rule:"positive"`
}

// PreformedConstants describe devices that switch without forming.
type PreformedConstants struct {
	Share              float64 `yaml:"share" rule:"fraction"`
	ConductanceMedian  float64 `yaml:"conductance_median_siemens" rule:"positive"`
	ConductanceSigmaLn float64 `yaml:"conductance_sigma_ln" rule:"nonnegative"`
	ClipSigma          float64 `yaml:"clip_sigma" rule:"positive"`
}

// UnformableConstants describe devices that forming leaves stuck.
type UnformableConstants struct {
	ShareLow           float64 `yaml:"share_low" rule:"fraction"`
	ShareHigh          float64 `yaml:"share_high" rule:"fraction"`
	StuckMedian        float64 `yaml:"stuck_conductance_median_siemens" rule:"positive"`
	StuckSigmaLn       float64 `yaml:"stuck_conductance_sigma_ln" rule:"nonnegative"`
	LeakyShare         float64 `yaml:"leaky_share" rule:"fraction"`
	LeakyResistanceLow float64 `yaml:"leaky_resistance_low_ohm" rule:"positive"`
	LeakyResistanceTop float64 `yaml:"leaky_resistance_high_ohm" rule:"positive"`
	LeakyV0            float64 `yaml:"leaky_v0_volt" rule:"positive"`
	LeakyStuckMedian   float64 `yaml:"leaky_stuck_conductance_median_siemens" rule:"positive"`
	ClipSigma          float64 `yaml:"clip_sigma" rule:"positive"`
}

// OverstressConstants say what destroys a device, and into what.
type OverstressConstants struct {
	FormedPositive   float64 `yaml:"formed_positive_volt" rule:"positive"`
	FormedNegative   float64 `yaml:"formed_negative_volt" rule:"negative"`
	PristinePositive float64 `yaml:"pristine_positive_volt" rule:"positive"`
	PristineNegative float64 `yaml:"pristine_negative_volt" rule:"negative"`
	Current          float64 `yaml:"current_ampere" rule:"positive"`
	HeatingCurrent   float64 `yaml:"heating_current_ampere" rule:"positive"`
	HeatingCharge    float64 `yaml:"heating_charge_coulomb" rule:"positive"`
	SpreadFraction   float64 `yaml:"spread_fraction" rule:"fraction"`
	ClipSigma        float64 `yaml:"clip_sigma" rule:"positive"`
	ShortShare       float64 `yaml:"short_share" rule:"fraction"`
	ShortMedian      float64 `yaml:"short_conductance_median_siemens" rule:"positive"`
	ShortSigmaLn     float64 `yaml:"short_conductance_sigma_ln" rule:"nonnegative"`
	OpenConductance  float64 `yaml:"open_conductance_siemens" rule:"positive"`
}

// DriftConstants describe the slow change of a written state without bias.
type DriftConstants struct {
	Mean             float64 `yaml:"exponent_mean" rule:"any"`
	Sigma            float64 `yaml:"exponent_sigma" rule:"nonnegative"`
	ClipSigma        float64 `yaml:"clip_sigma" rule:"positive"`
	Start            float64 `yaml:"start_second" rule:"positive"`
	RestartFraction  float64 `yaml:"restart_fraction" rule:"positive"`
	ActivationEnergy float64 `yaml:"activation_energy_electronvolt" rule:"nonnegative"`
	Reference        float64 `yaml:"reference_celsius" rule:"positive"`
	Step             float64 `yaml:"step_second" rule:"positive"`
	StepRatio        float64 `yaml:"step_ratio" rule:"nonnegative"`
}

// LinearMemristorConstants are those of Soudry et al.: i = G v, G = g0 + g1 s, ds/dt = v.
type LinearMemristorConstants struct {
	G0          float64 `yaml:"g0_siemens" rule:"positive"`
	G1          float64 `yaml:"g1_siemens_per_volt_second" rule:"positive"`
	G1SigmaLn   float64 `yaml:"g1_sigma_ln" rule:"nonnegative"`
	ClipSigma   float64 `yaml:"clip_sigma" rule:"positive"`
	Max         float64 `yaml:"g_max_siemens" rule:"positive"`
	Start       float64 `yaml:"g_start_siemens" rule:"positive"`
	Temperature float64 `yaml:"temperature_celsius" rule:"any"`
}

package bench

import (
	"errors"
	"fmt"
	"io"
	"math"
)

// NeuronBoard is the neuron board as it is wired: which lines its neurons hold
// and drive through S8 of the switch boards. Lines count from 0.
type NeuronBoard struct {
	Serial      string
	Hidden      HiddenNeurons
	Outputs     OutputNeurons
	PatternPort string `yaml:"pattern_port"` // the array behind the switch board that its burst mode drives
}

// HiddenNeurons says where the hidden neurons are: neuron j holds rows Row+2j
// (plus) and Row+2j+1 (minus) of Array, and drives column Feeds.Column+j of
// Feeds.Array.
type HiddenNeurons struct {
	Count int
	Array string
	Row   int
	Feeds struct {
		Array  string
		Column int
	}
}

// OutputNeurons says where the output neurons are: neuron j holds rows Row+2j
// (plus) and Row+2j+1 (minus) of Array.
type OutputNeurons struct {
	Count int
	Array string
	Row   int
}

// LoadNeuronBoard reads the wiring map of a neuron board, with a reader of the
// bench's own like LoadBoard.
func LoadNeuronBoard(r io.Reader, name string) (*NeuronBoard, error) {
	var f struct {
		Board *NeuronBoard `yaml:"neuron_board"`
	}
	if err := decodeWiring(r, name, &f); err != nil {
		return nil, err
	}
	if f.Board == nil {
		return nil, fmt.Errorf("wiring %s: there is no neuron_board", name)
	}
	if err := f.Board.validate(); err != nil {
		return nil, fmt.Errorf("wiring %s: %w", name, err)
	}
	return f.Board, nil
}

// What no board and no array has; it keeps a slip of the pen in a map from
// being taken for a request for memory.
const (
	mostNeurons = 1 << 10
	mostLines   = 1 << 16
)

func (n *NeuronBoard) validate() error {
	h, o := n.Hidden, n.Outputs
	switch {
	case n.Serial == "":
		return errors.New("the neuron board needs a serial number")
	case h.Count < 0 || o.Count < 0 || h.Count+o.Count == 0:
		return fmt.Errorf("%d hidden and %d output neurons: a board needs at least one", h.Count, o.Count)
	case h.Count > mostNeurons || o.Count > mostNeurons:
		return fmt.Errorf("%d hidden and %d output neurons: no board has more than %d", h.Count, o.Count, mostNeurons)
	case h.Row < 0 || o.Row < 0 || h.Feeds.Column < 0:
		return errors.New("lines of the neuron board count from 0")
	case h.Row > mostLines || o.Row > mostLines || h.Feeds.Column > mostLines:
		return fmt.Errorf("the neuron board names a line beyond %d: no array has as many", mostLines)
	case h.Count > 0 && h.Array == h.Feeds.Array:
		// Rows that are read and columns that are driven by what is read would
		// cross in the array: a loop, not a layer.
		return fmt.Errorf("the hidden neurons are on array %s and feed the same array: they must feed another one", h.Array)
	case h.Array == o.Array && h.Row < o.Row+2*o.Count && o.Row < h.Row+2*h.Count:
		return fmt.Errorf("hidden and output neurons share rows of array %s", h.Array)
	}
	return nil
}

// NeuronParts are the electrical properties of a neuron board. Figures of the
// AD8034 are its data sheet's typical ones; everything else is an assumption.
// Spreads are standard deviations of a normal distribution.
type NeuronParts struct {
	Offset         float64 `yaml:"offset_volt"`         // V, spread of every amplifier's input offset
	BiasCurrent    float64 `yaml:"bias_current_ampere"` // A into an inverting input
	OpenLoopGain   float64 `yaml:"open_loop_gain"`      // V/V
	GainBandwidth  float64 `yaml:"gain_bandwidth_hz"`   // Hz
	SlewRate       float64 `yaml:"slew_rate_v_per_s"`   // V/s
	NoiseDensity   float64 `yaml:"noise_v_per_rthz"`    // V/√Hz at an input
	Rail           float64 `yaml:"rail_volt"`           // V, largest |output| of an amplifier
	OutputOhms     float64 `yaml:"output_ohm"`          // Ω of a hidden neuron's output
	Feedback       float64 `yaml:"feedback_ohm"`        // Ω of a summing amplifier
	FeedbackFarads float64 `yaml:"feedback_f"`          // F across it
	FeedbackSpread float64 `yaml:"feedback_spread"`     // relative
	DifferenceGain float64 `yaml:"difference_gain"`     // V/V; times Feedback it is the neuron's V/A
	GainSpread     float64 `yaml:"gain_spread"`         // relative, of the difference stage and of the scaling stage
	Swing          float64 `yaml:"swing_volt"`          // V, of a hidden neuron's tanh
	StageDelay     float64 `yaml:"stage_delay_s"`       // s, RC of the difference and of the scaling stage
	// S of a typical row: sets the summing amplifiers' noise gain and so their bandwidth
	RowConductance float64 `yaml:"row_conductance_s"`
	TrimReach      float64 `yaml:"trim_reach_volt"`     // V at the difference stage
	SampleTime     float64 `yaml:"sample_s"`            // s of one conversion
	HiddenRange    float64 `yaml:"hidden_range_volt"`   // V, full scale of the hidden neurons' converters
	OutputRange    float64 `yaml:"output_range_volt"`   // V, full scale of the output neurons' converters
	ConverterBits  int     `yaml:"converter_bits"`      // resolution over plus and minus the range
	TrimBits       int     `yaml:"trim_bits"`           // resolution over plus and minus the reach
	Celsius        float64 `yaml:"temperature_celsius"` // of the resistors, for their thermal noise
}

// DefaultNeuronParts is the board of hwdocs/neuron.md.
func DefaultNeuronParts() NeuronParts {
	return NeuronParts{
		Offset: 1e-3, BiasCurrent: 1e-12, OpenLoopGain: 4e4, GainBandwidth: 80e6, SlewRate: 80e6, NoiseDensity: 11e-9,
		Rail: 10, OutputOhms: 1, Feedback: 20e3, FeedbackFarads: 5e-12, FeedbackSpread: 1e-3, DifferenceGain: 50,
		GainSpread: 5e-3,
		Swing:      0.2, StageDelay: 50e-9, RowConductance: 1e-3, TrimReach: 4, SampleTime: 1.5e-6,
		HiddenRange: 0.256, OutputRange: 10.24, ConverterBits: 16, TrimBits: 12, Celsius: 25,
	}
}

const (
	absoluteZero = 273.15 // K at 0 °C
	boltzmann    = 1.380649e-23
)

func (p NeuronParts) validate() error {
	for _, part := range []struct {
		name  string
		value float64
		least float64 // must be more, or may be equal when it is 0 with zero set
		zero  bool
	}{
		{"offset_volt", p.Offset, 0, true}, {"bias_current_ampere", p.BiasCurrent, 0, true},
		{"noise_v_per_rthz", p.NoiseDensity, 0, true},
		{"output_ohm", p.OutputOhms, 0, true}, {"feedback_f", p.FeedbackFarads, 0, true},
		{"feedback_spread", p.FeedbackSpread, 0, true},
		{"gain_spread", p.GainSpread, 0, true}, {"row_conductance_s", p.RowConductance, 0, true},
		{"trim_reach_volt", p.TrimReach, 0, true},
		{"temperature_celsius + 273.15", p.Celsius + absoluteZero, 0, true}, {"stage_delay_s", p.StageDelay, 0, true},
		{"open_loop_gain", p.OpenLoopGain, 0, false}, {"gain_bandwidth_hz", p.GainBandwidth, 0, false},
		{"slew_rate_v_per_s", p.SlewRate, 0, false},
		{"rail_volt", p.Rail, 0, false}, {"feedback_ohm", p.Feedback, 0, false},
		{"difference_gain", p.DifferenceGain, 0, false},
		{"swing_volt", p.Swing, 0, false}, {"sample_s", p.SampleTime, 0, false},
		{"hidden_range_volt", p.HiddenRange, 0, false},
		{"output_range_volt", p.OutputRange, 0, false},
		{"converter_bits", float64(p.ConverterBits), 1, true}, {"trim_bits", float64(p.TrimBits), 1, true},
	} {
		enough := part.value > part.least || part.zero && part.value == part.least
		if !enough || math.IsInf(part.value, 1) {
			return fmt.Errorf("neuron board: %s %g is out of range", part.name, part.value)
		}
	}
	if p.ConverterBits > 32 || p.TrimBits > 32 {
		return fmt.Errorf("neuron board: converter_bits %d and trim_bits %d may be 32 at most", p.ConverterBits, p.TrimBits)
	}
	return nil
}

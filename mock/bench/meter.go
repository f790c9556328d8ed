package bench

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Meter describes how well a source-measure unit measures current.
type Meter struct {
	// NoiseOfRange is the standard deviation of a reading over one reference
	// aperture, as a part of the measuring range; it falls with the square
	// root of the aperture. Assumption, after the resolution of a
	// high-resolution unit's converter.
	NoiseOfRange float64 `yaml:"noise_of_range"`
	Reference    float64 `yaml:"reference_aperture_s"` // s
	Resolution   float64 `yaml:"resolution_of_range"`  // smallest step of a reading, as a part of the range
}

// DefaultMeter is a high-resolution unit's meter: 2e-5 of the range over one
// 20 ms power line cycle, six digits.
func DefaultMeter() Meter { return Meter{NoiseOfRange: 2e-5, Reference: 20e-3, Resolution: 1e-6} }

func (m Meter) validate() error {
	for _, part := range []struct {
		name  string
		value float64
	}{{"noise_of_range", m.NoiseOfRange}, {"reference_aperture_s", m.Reference}, {"resolution_of_range", m.Resolution}} {
		if !(part.value >= 0) || math.IsInf(part.value, 1) {
			return fmt.Errorf("meter: %s %g must be 0 or more", part.name, part.value)
		}
	}
	return nil
}

// operatingPoint is the exact state of a unit's terminal.
type operatingPoint struct {
	volts, amps float64
	compliance  bool
}

func (m Meter) read(p operatingPoint, fullScale, aperture float64, noise *rand.Rand) Sample {
	if fullScale <= 0 {
		fullScale = fittingRange(p.amps)
	}
	sigma := fullScale * m.NoiseOfRange
	if aperture > 0 {
		sigma *= math.Sqrt(m.Reference / aperture)
	}
	amps := p.amps + sigma*noise.NormFloat64()
	if step := fullScale * m.Resolution; step > 0 {
		amps = math.Round(amps/step) * step
	}
	return Sample{Voltage: p.volts, Current: amps, InCompliance: p.compliance}
}

// fittingRange is the smallest decade range, from 1 nA to 100 mA, that holds
// the current.
func fittingRange(amps float64) float64 {
	r := 1e-9
	for r < math.Abs(amps) && r < 0.1 {
		r *= 10
	}
	return r
}

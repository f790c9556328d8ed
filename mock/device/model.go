package device

import "encoding/json"

// model is what an Array needs from a device technology: the population's law of conduction, what an interval of
// bias does to it, and its state. Everything common to all technologies (read noise, stress ledger, clock,
// saving) is the Array's. Slices have one element per device, row-major. New technologies and array kinds
// implement this and enter the registry of models.
type model interface {
	// currents writes the noise-free static current (A) and its slope dI/dV (S, above zero) at the voltages v.
	currents(v, i, g []float64)
	// conductance returns the noise-free chord conductance I/V (S) of device k at the given voltage (not zero).
	conductance(k int, volts float64) float64
	// pulse applies one interval of constant bias of at most the given time (above zero). It ends early when a pristine
	// device forms: formed is that device (else -1), used the time that passed, discharged the charge (C) that the line,
	// of the given capacitance (F), sent through it. index numbers the intervals of the array's life, for the
	// draws of this one.
	pulse(v, i []float64, seconds, farads float64, index uint64) (formed int, used, discharged float64)
	// idle lets time pass without bias.
	idle(seconds float64)
	// temperature and setTemperature are in degrees Celsius.
	temperature() float64
	setTemperature(celsius float64) error
	// condition says what device k is now, origin what it left the fabrication as.
	condition(k int) Condition
	origin(k int) Origin
	// state returns the internal state variable of device k (S), zero where the condition has none.
	state(k int) float64
	save() (json.RawMessage, error)
	restore(json.RawMessage) error
}

// modelEntry is one law in the registry: the section of the technology file that belongs to it, what checks that
// section, nil where the file has none, and the constructor of a population.
type modelEntry struct {
	section  string
	validate func(t *Technology) func() error
	build    func(p population) model
}

// population is what a model is built from. noise is told of every change of a device's conductance, because the
// relative noise depends on it.
type population struct {
	technology *Technology
	rows, cols int
	seed       uint64
	noise      *noise
}

// models returns the registry: the technologies by the name used for `model` in a technology file.
func models() map[string]modelEntry {
	return map[string]modelEntry{
		"metal-oxide": {section: "metal_oxide", build: newMetalOxide,
			validate: func(t *Technology) func() error { return check(t.MetalOxide) }},
		"linear-memristor": {section: "linear_memristor", build: newLinearMemristor,
			validate: func(t *Technology) func() error { return check(t.LinearMemristor) }},
	}
}

// check is what checks a section's constants, nil where there are none.
func check[C any, P interface {
	*C
	validate() error
}](constants P) func() error {
	if constants == nil {
		return nil
	}
	return constants.validate
}

// Condition is what a device is at present.
type Condition uint8

const (
	Pristine Condition = iota // never formed
	Formed                    // switches
	Stuck                     // conducts, and no pulse moves it
	Shorted                   // destroyed, a low resistance for good
	Open                      // destroyed, no connection for good
)

// Destroyed reports whether the device is lost.
func (c Condition) Destroyed() bool { return c == Shorted || c == Open }

// String returns the condition as one word.
func (c Condition) String() string {
	return [...]string{"pristine", "formed", "stuck", "shorted", "open"}[c]
}

// Origin is what a device left the fabrication as. It never changes.
type Origin uint8

const (
	Normal     Origin = iota // pristine, can be formed
	Preformed                // already switches
	Unformable               // pristine, forming leaves it stuck
)

// String returns the origin as one word.
func (o Origin) String() string { return [...]string{"normal", "preformed", "unformable"}[o] }

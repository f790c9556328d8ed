package bench

// Mode says what a source-measure unit does to the wire it drives.
type Mode uint8

const (
	Off          Mode = iota // output switch open: no current flows
	ForceVoltage             // Level in V, Compliance bounds |current| in A
	ForceCurrent             // Level in A out of the unit, Compliance bounds |voltage| in V
)

// Output is the setting of one source-measure unit.
type Output struct {
	Mode       Mode
	Level      float64 // V or A, by Mode
	Compliance float64 // A or V, > 0 unless Off
}

// Sample is what one unit's meters show, averaged over an aperture.
type Sample struct {
	Voltage      float64 // V at the unit's terminal against ground
	Current      float64 // A out of the unit
	InCompliance bool    // the unit does not reach its level
}

// Terminals is the electrical side of the bench, as the protocol servers use
// it. Units are numbered from 1. All calls are made under Do, which gives one
// server at a time the bench: the physics and its virtual clock are not
// concurrent.
type Terminals interface {
	// Do runs f while nobody else acts on the bench.
	Do(f func())
	// Units is the number of source-measure units.
	Units() int
	// SetOutputs changes the given units' outputs at one moment; no time passes.
	SetOutputs(change map[int]Output)
	// Hold lets the present state last: every device is stressed with what it
	// really sees, and the virtual clock advances by seconds.
	Hold(seconds float64)
	// Sample holds for the aperture and returns what the units' meters show,
	// index 0 for unit 1. fullScale is the measuring range of each unit in A
	// (0 = the range that fits), which sets the meter's noise and resolution.
	Sample(aperture float64, fullScale []float64) []Sample
	// Now is the virtual bench time in s.
	Now() float64
	// InterlockOpen tells whether the interlock contact is open.
	InterlockOpen() bool
	// Switch sets the closed switches (bit 0 = S1) of every chip of a board at
	// one moment, index 0 for chip 1. No time passes.
	Switch(board string, closed []uint8)
}

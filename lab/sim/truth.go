package sim

import (
	"errors"
	"fmt"
	"io/fs"
	"math"

	"xlab/lab/config"
	"xlab/mock/chip"
	"xlab/mock/device"
	"xlab/run"
)

// Truth is what the simulated chip really is, of one array.
type Truth struct {
	File  string `json:"file"`
	Array string `json:"array"`
	device.Truth
	Seed      uint64  `json:"seed"` // the chip's
	BenchTime float64 `json:"bench_time_s"`
	Ledger    Ledger  `json:"ledger"`
	Kept      bool    `json:"-"` // there is such a chip; false = it will be made
}

// Ledger sums the stress that the devices of an array have really seen.
type Ledger struct {
	MaxAbsV float64 `json:"max_abs_v"` // V across any device
	MaxAbsI float64 `json:"max_abs_i"` // A through any device
	Pulses  uint64  `json:"pulses"`    // intervals above the ledger's floor, of all devices
}

// TruthOf gives the truth of an array of the chip in the configuration's file. Where
// there is none it is that of the chip that will be made.
func TruthOf(c *config.Config, array string) (*Truth, error) {
	b, err := c.Board(array)
	if err != nil {
		return nil, err
	}
	t := &Truth{File: c.Simulation.Chip, Array: b.Name, Kept: true}
	state, err := chip.Load(t.File)
	if errors.Is(err, fs.ErrNotExist) {
		t.Kept = false
		state, err = NewChip(c, c.Simulation.Seed)
	}
	if err != nil {
		return nil, run.Usage(err)
	}
	devices, err := ArrayOf(state, t.File, t.Array)
	if err != nil {
		return nil, err
	}
	t.Truth, t.Seed, t.BenchTime = devices.Truth(), state.Seed, state.Time
	for _, entry := range devices.Ledger() {
		t.Ledger.MaxAbsV = math.Max(t.Ledger.MaxAbsV, entry.MaxAbsV)
		t.Ledger.MaxAbsI = math.Max(t.Ledger.MaxAbsI, entry.MaxAbsI)
		t.Ledger.Pulses += uint64(entry.Pulses)
	}
	return t, nil
}

// ArrayOf gives an array of the chip that comes from file.
func ArrayOf(state *chip.Chip, file, name string) (*device.Array, error) {
	devices := state.Arrays[name]
	if devices == nil {
		return nil, run.Usage(fmt.Errorf("the simulated chip %s has no array %s; `xlab sim chip new` makes one that fits "+
			"the wiring maps", file, name))
	}
	return devices, nil
}

// AtTemperature is an array of the chip as the bench has it: at the configured
// temperature.
func AtTemperature(c *config.Config, state *chip.Chip, file, name string) (*device.Array, error) {
	devices, err := ArrayOf(state, file, name)
	if err != nil {
		return nil, err
	}
	if err := devices.SetTemperature(float64(c.Simulation.Temperature)); err != nil {
		return nil, run.Usage(fmt.Errorf("%s: %w", c.Place("simulation.temperature"), err))
	}
	return devices, nil
}

// Replace puts a pristine chip into the configuration's file.
func Replace(c *config.Config, seed uint64) error {
	state, err := NewChip(c, seed)
	if err != nil {
		return err
	}
	file, err := chip.Create(c.Simulation.Chip, state)
	if err != nil {
		return keepingError(err)
	}
	if err := file.Close(); err != nil {
		return keepingError(err)
	}
	return nil
}

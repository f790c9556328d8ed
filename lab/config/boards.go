package config

import (
	"fmt"
	"math"
	"strings"

	"xlab/instrument"
	"xlab/run"
)

// Board says where an array's switch board is and what is wired to it.
type Board struct {
	Name string `mapstructure:"name"` // the array's name
	// sim, buspirate:serial:PATH or tcp:HOST:PORT, spi:NAME; none = there is no board, the lines are wired by hand
	Address      string           `mapstructure:"address"`
	SPIFrequency instrument.Hertz `mapstructure:"spi_frequency"` // clock of the chain
	Wiring       string           `mapstructure:"wiring"`        // a file, or array-a.yaml and array-b.yaml as shipped
}

// NoBoard is the address of an array without a switch board.
const NoBoard = "none"

// Switched tells whether there is a switch board.
func (b Board) Switched() bool { return b.Address != NoBoard }

// SwitchBoards are the arrays that have one.
func (c *Config) SwitchBoards() (list []Board) {
	for _, b := range c.Boards {
		if b.Switched() {
			list = append(list, b)
		}
	}
	return list
}

// Neurons says where the neuron board is, what it is wired to, and how it
// measures.
type Neurons struct {
	Address   string           `mapstructure:"address"`   // sim, serial:PATH or tcp:HOST:PORT
	Wiring    string           `mapstructure:"wiring"`    // a file, or neuron-board.yaml as shipped
	Reference instrument.Volts `mapstructure:"reference"` // of VREAD+ on all switch boards; VREAD- is its negative
	Average   int              `mapstructure:"average"`   // samples per value
	Burst     bool             `mapstructure:"burst"`     // the board drives patterns through its pattern port
}

// Board finds the board of an array.
func (c *Config) Board(name string) (Board, error) {
	var names []string
	for _, b := range c.Boards {
		if strings.EqualFold(b.Name, name) {
			return b, nil
		}
		names = append(names, b.Name)
	}
	return Board{}, run.Usage(fmt.Errorf("there is no array %q on this bench; %s has: %s", name, c.Origin(),
		strings.Join(names, ", ")))
}

// BoardPlace names the board and where its address was set.
func (c *Config) BoardPlace(name string) string {
	for i, b := range c.Boards {
		if b.Name == name {
			return fmt.Sprintf("board %s, %s", name, c.Place(fmt.Sprintf("boards[%d].address", i)))
		}
	}
	return "board " + name
}

// HasNeurons tells whether the bench has a neuron board.
func (c *Config) HasNeurons() bool { return c.Neurons.Address != "" }

// checkNeurons tells what is wrong with the section neurons.
func (c *Config) checkNeurons(boxes Boxes) (faults []error) {
	n := c.Neurons
	if n.Address == "" {
		if _, given := c.places["neurons"]; given {
			faults = append(faults, fmt.Errorf("%s: address must be given; without a neuron board leave the section out",
				c.Place("neurons")))
		}
		return faults
	}
	if (n.Address == SimulatedAddress) != c.Simulated() {
		faults = append(faults, fmt.Errorf("%s is %q and the analyzer's %q: a bench is either simulated or real",
			c.Place("neurons.address"), n.Address, c.Analyzer.Address))
	}
	if n.Address != SimulatedAddress {
		if err := boxes.CheckAddress(n.Address); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", c.Place("neurons.address"), err))
		}
	}
	for other, address := range c.otherAddresses() {
		if n.Address != SimulatedAddress && n.Address == address {
			faults = append(faults, fmt.Errorf("%s is %q, where %s is too: each has a port of its own",
				c.Place("neurons.address"), n.Address, other))
		}
	}
	if n.Wiring == "" {
		faults = append(faults, fmt.Errorf("%s must name the neuron board's wiring map", c.Place("neurons.wiring")))
	}
	if !(n.Reference > 0) || math.IsInf(float64(n.Reference), 0) {
		faults = append(faults, fmt.Errorf("%s is %s; it must be more than 0 V", c.Place("neurons.reference"),
			n.Reference.Exact()))
	}
	if n.Average < 1 || n.Average > 1024 {
		faults = append(faults, fmt.Errorf("%s is %d; it is 1 to 1024", c.Place("neurons.average"), n.Average))
	}
	return faults
}

// otherAddresses are the addresses of the instruments that are no neuron board.
func (c *Config) otherAddresses() map[string]string {
	list := map[string]string{"the analyzer": c.Analyzer.Address}
	for _, b := range c.Boards {
		// What is in front of a port's address says what hangs on it.
		_, list["switch board "+b.Name], _ = strings.Cut(b.Address, ":")
	}
	return list
}

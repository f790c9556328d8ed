package sim

import (
	"fmt"
	"math"

	"xlab/lab/config"
	"xlab/mock/bench"
	"xlab/mock/fault"
	"xlab/mock/wire"
	"xlab/mock/wire/neuron"
	"xlab/run"
)

// NeuronLink is the name of the neuron board's line in scripts of faults.
const NeuronLink = "neurons"

// attachNeurons puts the simulated neuron board on the bench, if it has one. The
// spread of its parts is the chip's seed's, so that every chip has its own board.
func (s *Bench) attachNeurons(c *config.Config) error {
	if c.Neurons.Address == "" {
		return nil
	}
	board, err := simulatedNeurons(c)
	if err != nil {
		return err
	}
	if err := s.Netlist.AttachNeurons(board, bench.DefaultNeuronParts()); err != nil {
		return run.Usage(fmt.Errorf("wiring map %s: %w", c.Neurons.Wiring, err))
	}
	var port wire.Peripheral // none
	if chain := s.Chains[board.PatternPort]; chain != nil {
		port = chain
	}
	server, err := neuron.New(s.Netlist, port, neuron.DefaultOptions(board.Serial))
	if err != nil {
		return err
	}
	s.Neurons, s.links[server] = server, NeuronLink
	return nil
}

// simulatedNeurons reads the neuron board's map for the simulated side.
func simulatedNeurons(c *config.Config) (*bench.NeuronBoard, error) {
	f, name, err := config.OpenWiring(c.Neurons.Wiring)
	if err != nil {
		return nil, err
	}
	board, err := bench.LoadNeuronBoard(f, name)
	if err != nil {
		return nil, run.Usage(err)
	}
	// The map's arrays are those of the bench, whose boards may be written
	// otherwise in its configuration.
	for _, array := range []*string{&board.Hidden.Array, &board.Hidden.Feeds.Array, &board.Outputs.Array,
		&board.PatternPort} {
		if *array == "" {
			continue
		}
		b, err := c.Board(*array)
		if err != nil {
			return nil, fmt.Errorf("wiring map %s: %w", name, err)
		}
		*array = b.Name
	}
	return board, nil
}

// neuronFaults are what can be done to the neuron board.
func (s *Bench) neuronFaults(board *neuron.Server) fault.Device {
	hidden, outputs := s.Netlist.Neurons()
	return fault.Device{Link: true, Acts: map[string]fault.Act{
		"silence":     fault.Lasting(board.Silence),
		"hang":        fault.Once(board.Hang),
		"power_cycle": fault.Once(board.PowerCycle),
		"error": {Needs: []string{"code"}, Do: func(f fault.Fault) error {
			board.InjectError(f.With.Code, "")
			return nil
		}},
		// A neuron at one end, counted from 1 in slot, the hidden ones first.
		"saturate": {Needs: []string{"slot"}, Takes: []string{"high"},
			Valid: func(f fault.Fault) error {
				if f.With.Slot > hidden+outputs {
					return fmt.Errorf("neuron %d: there are %d hidden and %d output neurons", f.With.Slot, hidden, outputs)
				}
				return nil
			},
			Do: func(f fault.Fault) error {
				parts := bench.DefaultNeuronParts()
				volts := parts.Rail
				if f.With.Slot <= hidden {
					volts = parts.Swing
				}
				if !f.With.High {
					volts = -volts
				}
				s.Netlist.StickNeuron(f.With.Slot-1, volts)
				return nil
			},
			Undo: func(f fault.Fault) error {
				s.Netlist.StickNeuron(f.With.Slot-1, math.NaN())
				return nil
			}},
	}}
}

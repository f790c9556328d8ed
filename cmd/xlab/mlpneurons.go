package main

import (
	"context"
	"errors"
	"fmt"
	"xlab/instrument"
	"xlab/lab/config"
	"xlab/lab/session"
	"xlab/mlp"
	"xlab/mlp/hardware"
)

// classifiable tells why the bench's neuron board cannot classify a network's
// data; nil if it can. Nothing is opened.
func classifiable(c *config.Config, s mlpSpec) error {
	if !c.HasNeurons() {
		return errors.New("there is no neuron board on this bench: give its address in the section neurons of bench.yaml")
	}
	w, err := c.NeuronWiring()
	if err != nil {
		return err
	}
	boards, err := session.UnopenedBoards(c, s.Placement)
	if err != nil {
		return err
	}
	if _, err := hardware.New(s.Network.Network.Design, s.Placement, boards,
		recordedNeurons{w.Hidden.Count, w.Outputs.Count},
		hardware.Options{Limits: c.DeviceLimits(), Reference: c.Neurons.Reference, Wiring: w}); err != nil {
		return err
	}
	for _, k := range []*keptSet{s.Train, s.Test} {
		if k == nil {
			continue
		}
		for i, row := range k.X {
			for j, x := range row {
				if x != -1 && x != 0 && x != 1 {
					return fmt.Errorf("data set %s, sample %d, feature %d is %g: on the bench an input is at ±%v or 0 V, for "+
						"features of 1, -1 and 0; --ternary rounds them", k.Name, i, j, x, s.Network.Network.Design.InputLevel)
				}
			}
		}
	}
	return nil
}

// classifyIfPossible has an import classify on the hardware, or says in a
// warning why it will not.
func (s *mlpSpec) classifyIfPossible(c *config.Config) {
	err := classifiable(c, *s)
	if err != nil {
		s.Warnings = append(s.Warnings, fmt.Sprintf("%v; the classification is computed from the conductances read", err))
	}
	s.Classify, s.Trim = err == nil, err == nil
}

// Classifier implements procedure.Bench. In a replay everything comes from the record.
func (r *recorded) Classifier(design mlp.Design, placement mlp.Placement) (*hardware.Classifier, error) {
	if r.session != nil {
		return r.session.Classifier(design, placement, r)
	}
	boards, err := session.UnopenedBoards(r.lab.Config, placement)
	if err != nil {
		return nil, err
	}
	neurons := recordedNeurons{hidden: design.Sizes[1], outputs: design.Sizes[design.Layers()]}
	return hardware.New(design, placement, boards, neurons, hardware.Options{Recorder: r, Limits: r.header.Limits})
}

// recordedNeurons stand for a neuron board whose answers are in the record.
type recordedNeurons struct{ hidden, outputs int }

var errNoBoard = errors.New("the record does not have this measurement of the neuron board")

func (n recordedNeurons) Neurons() (hidden, outputs int) { return n.hidden, n.outputs }

func (recordedNeurons) Outputs(context.Context) ([]instrument.Volts, error) { return nil, errNoBoard }

func (recordedNeurons) Hidden(context.Context) ([]instrument.Volts, error) { return nil, errNoBoard }

func (recordedNeurons) Trim(context.Context) (hidden, outputs []instrument.Volts, err error) {
	return nil, nil, errNoBoard
}

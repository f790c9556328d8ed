package lab

import (
	"context"
	"errors"
	"xlab/instrument"
	"xlab/lab/session"
	"xlab/mlp"
	"xlab/mlp/hardware"
)

// Classifier implements procedure.Bench. In a replay everything comes from the record.
func (r *Run) Classifier(design mlp.Design, placement mlp.Placement) (*hardware.Classifier, error) {
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

// Classifiable implements procedure.Lab.
func (l *Lab) Classifiable(design mlp.Design, placement mlp.Placement) error {
	c := l.Config
	w, err := c.NeuronWiring()
	if err != nil {
		return err
	}
	boards, err := session.UnopenedBoards(c, placement)
	if err != nil {
		return err
	}
	_, err = hardware.New(design, placement, boards, recordedNeurons{w.Hidden.Count, w.Outputs.Count},
		hardware.Options{Limits: c.DeviceLimits(), Reference: c.Neurons.Reference, Wiring: w})
	return err
}

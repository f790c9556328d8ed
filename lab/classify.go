package lab

import (
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
	sizes := make(map[string]mlp.ArraySize)
	for _, a := range r.header.Arrays {
		sizes[a.Name] = mlp.ArraySize{Rows: a.Rows, Columns: a.Cols}
	}
	return hardware.Recorded(design, placement, sizes, hardware.Options{Recorder: r, Limits: r.header.Limits})
}

// unopenedNeurons is a neuron board without its link: it has neurons and is never asked.
type unopenedNeurons struct {
	neuronBoard
	hidden, outputs int
}

type neuronBoard = instrument.Neurons

func (n unopenedNeurons) Neurons() (hidden, outputs int) { return n.hidden, n.outputs }

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
	_, err = hardware.New(design, placement, boards, unopenedNeurons{hidden: w.Hidden.Count, outputs: w.Outputs.Count},
		hardware.Options{Limits: c.DeviceLimits(), Reference: c.Neurons.Reference, Wiring: w})
	return err
}

package main

import (
	"errors"
	"fmt"
	"xlab/lab"
	"xlab/lab/config"
	"xlab/lab/session"
)

// classifiable tells why the bench's neuron board cannot classify a network's
// data; nil if it can. Nothing is opened.
func classifiable(c *config.Config, s mlpSpec) error {
	if !c.HasNeurons() {
		return errors.New("there is no neuron board on this bench: give its address in the section neurons of bench.yaml")
	}
	if err := (&lab.Lab{Opener: session.Opener{Config: c}}).Classifiable(s.Network.Network.Design, s.Placement); err != nil {
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

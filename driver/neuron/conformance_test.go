package neuron

import (
	"slices"
	"testing"

	"xlab/instrument"
	"xlab/instrument/instrumenttest"
)

func TestNeurons(t *testing.T) {
	instrumenttest.TestNeurons(t, instrumenttest.NeuronsFixture{
		Open: func(t *testing.T) instrumenttest.NeuronBoard {
			board, far := open(t, nil)
			return instrumenttest.NeuronBoard{
				Neurons: board,
				Show: func(hidden, outputs []instrument.Volts) {
					far.see(func() { far.hidden, far.outputs = slices.Clone(hidden), slices.Clone(outputs) })
				},
				OverRange: func(output int) func() {
					far.see(func() { far.overRange = output })
					return func() { far.see(func() { far.overRange = -1 }) }
				},
				Stall: func() func() {
					far.stall()
					return far.resume
				},
				Played: func() (played [][]byte) {
					far.see(func() { played = slices.Clone(far.played) })
					return played
				},
				Break: func(after int) func() {
					far.see(func() { far.breakAfter = after })
					return func() { far.see(func() { far.breakAfter = -1 }) }
				},
			}
		},
		Hidden: 10, Outputs: 4, HiddenTolerance: 1e-6, OutputTolerance: 1e-5, Chips: 40,
	})
}

func TestIdentifier(t *testing.T) {
	instrumenttest.TestIdentifier(t, instrumenttest.IdentifierFixture{Model: "NEURON-10-4",
		Open: func(t *testing.T) instrument.Identifier {
			_, conn := newBox(t)
			return New(conn, Options{Hidden: 10, Outputs: 4})
		}})
}

package instrument

import (
	"context"
	"errors"
)

// ErrRestarted is in the chain of an error that says that a neuron board was
// switched off and on, so that its trims are gone.
var ErrRestarted = errors.New("the board was switched off and on, and its trims are gone")

// Neurons reads the outputs of op-amp neurons, which the lines of crossbars hold
// at virtual ground: hidden neurons, whose outputs drive columns of the next
// array, and output neurons, whose outputs are the result. What the lines carry
// is up to the routing at the moment of the reading.
//
// A reading has one value per neuron of the board, neuron 0 first, used or not.
// Values are finite. An output neuron at its supply rail is a value like any
// other; a converter over its range is an error of KindInstrument that names the
// neuron. Both methods block until the answer is there or ctx ends; after an
// error the next reading is independent of the one that failed.
type Neurons interface {
	// Neurons gives the number of hidden and of output neurons of the board.
	Neurons() (hidden, outputs int)
	// Outputs reads the output neurons.
	Outputs(ctx context.Context) ([]Volts, error)
	// Hidden reads the hidden neurons.
	Hidden(ctx context.Context) ([]Volts, error)
}

// Trimmer is a neuron board that can null its neurons' offsets. The caller
// grounds all columns of the arrays first: what the neurons show then is taken
// for their offset. It returns what is left, which the board cannot trim
// further. A neuron whose offset is beyond the trim's reach is an error of
// KindInstrument, and what is left is returned with it.
type Trimmer interface {
	Trim(ctx context.Context) (hidden, outputs []Volts, err error)
}

// Burster is a neuron board that drives the switch chain of one array by
// itself, faster than its host could.
type Burster interface {
	// Burst sends every frame, a whole chain's bytes in the order they go onto the
	// wire and all of one length, waits until the neurons have settled, and
	// reads the output neurons or, with hidden, the hidden ones. It returns one
	// row of values per frame, in the order of the frames; with an error, the
	// rows that were measured. Any number of frames is taken; boards with a
	// smaller memory are given them in parts.
	//
	// The host's own controller of that chain must be idle meanwhile. Afterwards
	// all switches of the chain are open, and the host sets them anew.
	Burst(ctx context.Context, frames [][]byte, hidden bool) ([][]Volts, error)
}

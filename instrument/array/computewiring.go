package array

import (
	"errors"
	"fmt"
	"io"
)

// NeuronWiring is the map of a neuron board: which lines of which arrays its
// neurons are wired to. The wires end at the boards' NEURON switches; that such
// a switch is closed is up to the routing.
type NeuronWiring struct {
	Serial  string        // serial number of the board, "" = not given
	Hidden  HiddenNeurons // its hidden neurons
	Outputs NeuronLines   // its output neurons
	// PatternPort is the array whose switch chain the board can drive by itself;
	// "" = none.
	PatternPort string
}

// NeuronLines are neurons on successive pairs of rows: neuron j holds row
// Row+2j (plus line) and row Row+2j+1 (minus line) of the array.
type NeuronLines struct {
	Count int    `yaml:"count"`
	Array string `yaml:"array"`
	Row   int    `yaml:"row"`
}

// HiddenNeurons are neurons whose outputs drive successive columns: neuron j
// drives column Feeds.Column+j of Feeds.Array.
type HiddenNeurons struct {
	NeuronLines `yaml:",inline"`
	Feeds       struct {
		Array  string `yaml:"array"`
		Column int    `yaml:"column"`
	} `yaml:"feeds"`
}

// LoadNeuronWiring reads a neuron board's wiring map. Unknown keys and numbers
// that no board has are errors that name the file and the place.
func LoadNeuronWiring(r io.Reader, name string) (*NeuronWiring, error) {
	var f struct {
		Board *struct {
			Serial      string        `yaml:"serial"`
			Hidden      HiddenNeurons `yaml:"hidden"`
			Outputs     NeuronLines   `yaml:"outputs"`
			PatternPort string        `yaml:"pattern_port"`
		} `yaml:"neuron_board"`
	}
	if err := decodeWiring(r, name, "board", &f); err != nil {
		return nil, err
	}
	if f.Board == nil {
		return nil, fmt.Errorf("wiring map %s: it does not describe a neuron board (neuron_board)", name)
	}
	w := &NeuronWiring{Serial: f.Board.Serial, Hidden: f.Board.Hidden, Outputs: f.Board.Outputs,
		PatternPort: f.Board.PatternPort}
	if err := w.validate(); err != nil {
		return nil, fmt.Errorf("wiring map %s: neuron_board: %w", name, err)
	}
	return w, nil
}

func (w *NeuronWiring) validate() error {
	for _, side := range []struct {
		what  string
		lines NeuronLines
	}{{"hidden", w.Hidden.NeuronLines}, {"outputs", w.Outputs}} {
		switch l := side.lines; {
		case l.Array == "":
			return fmt.Errorf("%s.array must be given", side.what)
		case l.Count < 1 || l.Count > maxLines:
			return fmt.Errorf("%s.count is %d; it is 1 to %d", side.what, l.Count, maxLines)
		case l.Row < 0 || l.Row > maxLines:
			return fmt.Errorf("%s.row is %d; rows count from 0", side.what, l.Row)
		}
	}
	switch f := w.Hidden.Feeds; {
	case f.Array == "":
		return errors.New("hidden.feeds.array must be given")
	case f.Column < 0 || f.Column > maxLines:
		return fmt.Errorf("hidden.feeds.column is %d; columns count from 0", f.Column)
	}
	return nil
}

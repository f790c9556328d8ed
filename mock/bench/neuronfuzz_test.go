package bench

import (
	"bytes"
	"testing"

	"xlab/hwdocs"
)

// Whatever is in a file, it is a board that can be attached somewhere, or an
// error that names the file.
func FuzzLoadNeuronBoard(f *testing.F) {
	text, err := hwdocs.FS.ReadFile("wiring/neuron-board.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("neuron_board: {serial: x, outputs: {count: 1000000000000}}"))
	f.Add([]byte("neuron_board: [1, 2]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		board, err := LoadNeuronBoard(bytes.NewReader(text), "map.yaml")
		if err != nil {
			if !bytes.Contains([]byte(err.Error()), []byte("map.yaml")) {
				t.Errorf("%q does not name the file", err)
			}
			return
		}
		b, err := New(Config{Units: 1, Wires: DefaultWires()})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.AttachNeurons(board, DefaultNeuronParts()); err == nil {
			t.Errorf("%+v was attached to a bench without arrays", board)
		}
	})
}

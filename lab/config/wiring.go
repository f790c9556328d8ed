package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"xlab/hwdocs"
	"xlab/input"
	"xlab/instrument/array"
	"xlab/run"
)

// Wiring loads the wiring map of an array.
func (c *Config) Wiring(name string) (*array.Wiring, error) {
	b, err := c.Board(name)
	if err != nil {
		return nil, err
	}
	return b.LoadWiring()
}

// NeuronWiring loads the neuron board's wiring map, with the arrays under the
// names that they have on this bench.
func (c *Config) NeuronWiring() (*array.NeuronWiring, error) {
	f, shown, err := OpenWiring(c.Neurons.Wiring)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Place("neurons.wiring"), err)
	}
	w, err := array.LoadNeuronWiring(f, shown)
	if err != nil {
		return nil, run.Usage(err)
	}
	sizes := make(map[string][2]int) // rows and columns
	for _, name := range []*string{&w.Hidden.Array, &w.Hidden.Feeds.Array, &w.Outputs.Array, &w.PatternPort} {
		if *name == "" {
			continue // the pattern port may be on none
		}
		b, err := c.Board(*name)
		if err != nil {
			return nil, fmt.Errorf("wiring map %s: %w", shown, err)
		}
		lines, err := b.LoadWiring()
		if err != nil {
			return nil, err
		}
		*name, sizes[b.Name] = b.Name, [2]int{lines.Rows, lines.Cols}
	}
	for _, side := range []struct {
		key, array, what string
		side, end        int // rows or columns; first line behind the last
	}{
		{"hidden", w.Hidden.Array, "row", 0, w.Hidden.Row + 2*w.Hidden.Count},
		{"outputs", w.Outputs.Array, "row", 0, w.Outputs.Row + 2*w.Outputs.Count},
		{"hidden.feeds", w.Hidden.Feeds.Array, "column", 1, w.Hidden.Feeds.Column + w.Hidden.Count},
	} {
		if have := sizes[side.array][side.side]; side.end > have {
			return nil, run.Usage(fmt.Errorf("wiring map %s: neuron_board.%s needs array %s up to %s %d, it has %d, counted "+
				"from 0", shown, side.key, side.array, side.what, side.end-1, have))
		}
	}
	return w, nil
}

// LoadWiring loads a board's wiring map under the name that the board has on this
// bench: boards that are wired alike may share a map.
func (b Board) LoadWiring() (*array.Wiring, error) {
	f, shown, err := OpenWiring(b.Wiring)
	if err != nil {
		return nil, err
	}
	w, err := array.LoadWiring(f, shown)
	if err != nil {
		return nil, run.Usage(err)
	}
	w.Array, w.Board = b.Name, b.Name
	return w, nil
}

// OpenWiring opens a wiring map: a file, or one of those that are shipped.
func OpenWiring(name string) (io.Reader, string, error) {
	f, err := input.OpenYAML(name)
	if err == nil {
		return f, name, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, "", run.Usage(err)
	}
	shipped, err := hwdocs.FS.Open(path.Join("wiring", name))
	if err != nil {
		return nil, "", run.Usage(fmt.Errorf("wiring map %q is neither a file nor one of those shipped (array-a.yaml, "+
			"array-b.yaml)", name))
	}
	return shipped, name + " (shipped)", nil
}

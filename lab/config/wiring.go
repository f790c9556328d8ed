package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"

	"xlab/hwdocs"
	"xlab/input"
	"xlab/instrument/array"
	"xlab/run"
)

// Wiring loads the wiring map of an array. Nothing can take a source from an array that is
// wired by hand: one that another array has too is refused.
func (c *Config) Wiring(name string) (*array.Wiring, error) {
	b, err := c.Board(name)
	if err != nil {
		return nil, err
	}
	w, err := b.LoadWiring()
	if err != nil {
		return nil, err
	}
	for _, other := range c.Boards {
		if other.Name == b.Name || b.Switched() && other.Switched() {
			continue
		}
		o, err := other.LoadWiring()
		if err != nil {
			return nil, err
		}
		for _, channel := range o.Channels() {
			if slices.Contains(w.Channels(), channel) {
				return nil, run.Usage(fmt.Errorf("array %s and array %s are both on SMU %d, and without a switch board "+
					"nothing takes one off: give each its own sources, or describe one of them only", b.Name, other.Name,
					channel))
			}
		}
	}
	return w, nil
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
		if lines.ByHand() {
			return nil, run.Usage(fmt.Errorf("wiring map %s: array %s has no switch board, and so no switch to a neuron",
				shown, b.Name))
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
	if w.ByHand() == b.Switched() {
		has, fits := "has board: none", NoBoard
		if !b.Switched() {
			has, fits = "describes a switch board", "where that is"
		}
		return nil, run.Usage(fmt.Errorf("wiring map %s %s, and the address of board %s is %s: it must be %s", shown, has,
			b.Name, b.Address, fits))
	}
	if w.Array = b.Name; b.Switched() {
		w.Board = b.Name
	}
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
			"array-b.yaml, one-device.yaml, row-of-8.yaml, two-units.yaml)", name))
	}
	return shipped, name + " (shipped)", nil
}

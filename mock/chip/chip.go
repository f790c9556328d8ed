// Package chip is a simulated chip as a thing with a memory: its arrays of
// devices live in a file, so that one command finds what another left. The
// same seed and the same commands give the same file, byte for byte.
package chip

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"xlab/mock/device"
)

// fileFormat names the layout of a chip file.
const fileFormat = "xlab simulated chip 1"

// Chip is one die with its arrays.
type Chip struct {
	Format string                   `json:"format"`
	Seed   uint64                   `json:"seed"`
	Time   float64                  `json:"bench_time_s"` // virtual time of the bench when the chip was last saved, s
	Arrays map[string]*device.Array `json:"arrays"`
}

// Size names an array of a chip and its dimensions.
type Size struct {
	Array      string
	Rows, Cols int
}

// New makes a pristine chip. Arrays draw from different parts of the seed's
// random numbers, in the order of their names.
func New(t *device.Technology, seed uint64, sizes []Size) (*Chip, error) {
	sizes = slices.Clone(sizes)
	slices.SortFunc(sizes, func(a, b Size) int { return bytes.Compare([]byte(a.Array), []byte(b.Array)) })
	c := &Chip{Format: fileFormat, Seed: seed, Arrays: make(map[string]*device.Array)}
	for i, s := range sizes {
		a, err := device.NewArray(t, s.Rows, s.Cols, seed+uint64(i)<<32)
		if err != nil {
			return nil, fmt.Errorf("array %s: %w", s.Array, err)
		}
		c.Arrays[s.Array] = a
	}
	return c, nil
}

// Load reads a chip file. A missing file is fs.ErrNotExist.
func Load(path string) (*Chip, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var c Chip
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, fmt.Errorf("simulated chip %s: %w; `xlab sim chip new` replaces it", path, err)
	}
	if c.Format != fileFormat {
		return nil, fmt.Errorf("simulated chip %s has the format %q, this program reads %q; `xlab sim chip new` replaces it", path, c.Format, fileFormat)
	}
	return &c, nil
}

// Save writes the chip file in one piece: a reader sees the old or the new
// one, also when the writer dies.
func (c *Chip) Save(path string) (err error) {
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("simulated chip %s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), ignoreMissing(os.Remove(f.Name())))
		}
	}()
	if _, err := f.Write(append(text, '\n')); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

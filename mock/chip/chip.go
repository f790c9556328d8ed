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
// random numbers, in the order of their names. Two arrays of one name are an
// error.
func New(t *device.Technology, seed uint64, sizes []Size) (*Chip, error) {
	sizes = slices.Clone(sizes)
	slices.SortFunc(sizes, func(a, b Size) int { return bytes.Compare([]byte(a.Array), []byte(b.Array)) })
	c := &Chip{Format: fileFormat, Seed: seed, Arrays: make(map[string]*device.Array)}
	for i, s := range sizes {
		if c.Arrays[s.Array] != nil {
			return nil, fmt.Errorf("array %s is there twice", s.Array)
		}
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
	// The format comes first: in another one the rest may mean something else.
	var head struct {
		Format string `json:"format"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, fmt.Errorf("simulated chip %s: %w; `xlab sim chip new` replaces it", path, err)
	}
	if head.Format != fileFormat {
		return nil, fmt.Errorf("simulated chip %s has the format %q, this program reads %q; `xlab sim chip new` replaces it", path, head.Format, fileFormat)
	}
	var c Chip
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return nil, fmt.Errorf("simulated chip %s: %w; `xlab sim chip new` replaces it", path, err)
	}
	for name, a := range c.Arrays {
		if a == nil {
			return nil, fmt.Errorf("simulated chip %s: array %s is empty; `xlab sim chip new` replaces it", path, name)
		}
	}
	return &c, nil
}

// Save writes the chip file in one piece: a reader sees the old or the new
// one, also when the writer dies.
func (c *Chip) Save(path string) error {
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
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("simulated chip %s was not saved: %w", path, errors.Join(err, ignoreMissing(os.Remove(f.Name()))))
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

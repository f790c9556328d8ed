// Package chip is a simulated chip as a thing with a memory: its arrays of
// devices live in a file, so that one command finds what another left. The
// same seed and the same commands give the same file, byte for byte.
//
// A process that works on a chip owns it (Open, Create). What it does to the
// devices is in the record beside the file before it is done: a process that is
// killed loses nothing of it, and who loads the chip next finds it as it was
// left. The record is handed to the operating system and not forced onto the
// disk: a power cut of the computer may lose the last seconds, or leave the
// chip as it was when its owner took it.
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

	"xlab/input"
	"xlab/mock/device"
	"xlab/run/atomicfile"
)

// fileFormat names the layout of a chip file.
const fileFormat = "xlab simulated chip 1"

// Chip is one die with its arrays.
type Chip struct {
	Format string                   `json:"format"`
	Seed   uint64                   `json:"seed"`
	Time   float64                  `json:"bench_time_s"` // virtual time of the bench when the chip was last saved, s
	Arrays map[string]*device.Array `json:"arrays"`

	// Recovered is the number of acts on devices that Load found in the record
	// of an owner that was killed; they are in the state above.
	Recovered int `json:"-"`
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

// Load reads a chip file and brings it to where the record beside it ends. It
// changes no file, and works while another process owns the chip. A missing
// file is fs.ErrNotExist.
func Load(path string) (*Chip, error) {
	c, _, err := load(path)
	return c, err
}

// load also gives the checksum of the file.
func load(path string) (*Chip, checksum, error) {
	path = realPath(path)
	// The record first: when its owner replaces the file in between, the record
	// does not belong to it, and need not.
	record, err := input.ReadFile(recordPath(path), input.Data)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, checksum{}, err
	}
	text, err := input.ReadFile(path, input.Record)
	if err != nil {
		return nil, checksum{}, err
	}
	c, err := parse(path, text)
	if err != nil {
		return nil, checksum{}, err
	}
	sum := checksumOf(text)
	if err := c.recover(record, sum); err != nil {
		return nil, checksum{}, fmt.Errorf("the record of simulated chip %s: %w; remove %s to go on with the chip as "+
			"it was before the work in that record", path, err, recordPath(path))
	}
	return c, sum, nil
}

func parse(path string, text []byte) (*Chip, error) {
	// The format comes first: in another one the rest may mean something else.
	var head struct {
		Format string `json:"format"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, fmt.Errorf("simulated chip %s: %w; `xlab sim chip new` replaces it", path, err)
	}
	if head.Format != fileFormat {
		return nil, fmt.Errorf("simulated chip %s has the format %q, this program reads %q; `xlab sim chip new` replaces it",
			path, head.Format, fileFormat)
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

// Save writes the chip file, which is its owner's alone to read, in one piece and
// onto the disk: a reader sees the old or the new one, also when the writer dies. A record of the file that is replaced
// is of no use afterwards and ignored.
func (c *Chip) Save(path string) error {
	_, err := c.save(path)
	return err
}

// save also gives the checksum of the file.
func (c *Chip) save(path string) (checksum, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return checksum{}, fmt.Errorf("simulated chip %s: %w", path, err)
	}
	text = append(text, '\n')
	if err := makeDirectory(path); err != nil {
		return checksum{}, err
	}
	if err := atomicfile.WriteFile(path, atomicfile.Private, text); err != nil {
		return checksum{}, fmt.Errorf("simulated chip: %w", err)
	}
	return checksumOf(text), nil
}

// makeDirectory makes the directory of a chip file.
func makeDirectory(path string) error {
	return os.MkdirAll(filepath.Dir(path), atomicfile.PrivateDir)
}

// realPath is the chip file behind symbolic links: a chip has one record, whatever
// name it is called by.
func realPath(path string) string {
	if real, err := atomicfile.Target(path); err == nil {
		return real
	}
	return path // opening it tells what is wrong
}

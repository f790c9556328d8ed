package mlp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"

	"gonum.org/v1/gonum/mat"

	"xlab/input"
	"xlab/run/atomicfile"
)

const (
	fileFormat  = "xlab network"
	fileVersion = 1
)

// Data says which data set a network was trained on.
type Data struct {
	Name    string   `json:"name"`
	Digest  string   `json:"digest"` // of features and labels; tells two sets of one name apart
	Samples int      `json:"samples"`
	Classes []string `json:"classes"` // names in the order of the outputs
	// Offset and Scale turn a feature x of the source into the network's
	// feature (x - Offset) Scale, one per input. Empty when nothing was
	// normalised.
	Offset []float64 `json:"offset,omitempty"`
	Scale  []float64 `json:"scale,omitempty"`
}

// Approach says how a network came about.
type Approach string

const (
	Oblivious Approach = "hardware-oblivious" // trained as if every device were good
	Aware     Approach = "hardware-aware"     // trained with the defect map's devices held
	InSitu    Approach = "in-situ"            // trained on the devices themselves
)

// Provenance is where a network comes from.
type Provenance struct {
	Program  string   `json:"program"` // program and version
	Created  string   `json:"created,omitempty"`
	Approach Approach `json:"approach"`
	Data     Data     `json:"data"`
	Seed     uint64   `json:"seed"`
	// Training is the options of the training, as its package writes them.
	Training json.RawMessage `json:"training,omitempty"`
	// Accuracies in software, in percent; nil when not determined.
	TrainAccuracy *float64 `json:"train_accuracy_percent,omitempty"`
	TestAccuracy  *float64 `json:"test_accuracy_percent,omitempty"`
	// DefectMap identifies the defect map that was trained for; "" when none.
	DefectMap string `json:"defect_map,omitempty"`
}

// ErrOtherChip is in the chain of CheckDefectMap's error.
var ErrOtherChip = errors.New("weights were trained for another defect map")

// CheckDefectMap tells whether the network may be imported into the chip whose
// defect map has the given identifier. A network that was trained oblivious of
// defects fits every chip.
func (p Provenance) CheckDefectMap(id string) error {
	if p.DefectMap == "" || p.DefectMap == id {
		return nil
	}
	return fmt.Errorf("%w: they hold the stuck devices of %q, this chip has %q; train again for this chip or import "+
		"knowing that they do not fit",
		ErrOtherChip, p.DefectMap, id)
}

// File is a network on disk: one readable JSON file.
type File struct {
	Provenance  Provenance
	Network     *Network
	Placement   Placement    // nil when it was not placed
	Constraints []Constraint // devices that were held in training
}

// fileJSON is the layout of version 1.
type fileJSON struct {
	Format       string        `json:"format"`
	Version      int           `json:"version"`
	Provenance   Provenance    `json:"provenance"`
	Design       Design        `json:"design"`
	Placement    Placement     `json:"placement,omitempty"`
	Constraints  []Constraint  `json:"constraints,omitempty"`
	Conductances [][][]decimal `json:"conductances_s"` // layer, row, column
}

// decimal is a number that is written with an exponent: 1.35993e-05 can be
// read, 0.0000135993 must be counted.
type decimal float64

func (d decimal) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(d), 'e', -1, 64), nil
}

// numberList matches an indented JSON list that holds nothing but numbers. The
// line break behind the bracket cannot occur inside a JSON string.
var numberList = regexp.MustCompile(`\[\n[\s\d.eE,+-]*\]`)

// Write writes the file, a row of conductances on a line. What it writes, Read
// accepts and returns unchanged.
func (f *File) Write(w io.Writer) error {
	if err := f.validate(); err != nil {
		return err
	}
	j := fileJSON{
		Format: fileFormat, Version: fileVersion,
		Provenance: f.Provenance, Design: f.Network.Design,
		Placement: f.Placement, Constraints: f.Constraints,
	}
	for _, g := range f.Network.G {
		rows, columns := g.Dims()
		layer := make([][]decimal, rows)
		for r := range layer {
			layer[r] = make([]decimal, columns)
			for c, x := range g.RawRowView(r) {
				layer[r][c] = decimal(x)
			}
		}
		j.Conductances = append(j.Conductances, layer)
	}
	text, err := json.MarshalIndent(j, "", "  ")
	if err != nil {
		return fmt.Errorf("network file: %w", err)
	}
	// One number per line is what indentation makes of a matrix, and nobody
	// can read that.
	text = numberList.ReplaceAllFunc(text, func(list []byte) []byte {
		numbers := bytes.Join(bytes.Fields(bytes.Trim(list, "[]")), []byte(" "))
		return append(append([]byte("["), numbers...), ']')
	})
	_, err = w.Write(append(text, '\n'))
	return err
}

// Read reads a file. It is strict: an unknown key, a newer version, sizes that
// contradict each other, or anything after the file's end is an error.
func Read(r io.Reader) (*File, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("network file: %w", err)
	}
	var head struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, fmt.Errorf("network file: %w", input.JSONError(err, text))
	}
	switch {
	case head.Format != fileFormat:
		return nil, fmt.Errorf("network file: its format is %q, not %q: it is another kind of file", head.Format, fileFormat)
	case head.Version > fileVersion:
		return nil, fmt.Errorf("network file: version %d is newer than this program's %d: use the program that wrote it, "+
			"or a newer one", head.Version, fileVersion)
	case head.Version < 1:
		return nil, fmt.Errorf("network file: version %d does not exist", head.Version)
	}
	var j fileJSON
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&j); err != nil {
		return nil, fmt.Errorf("network file: %w", input.JSONError(err, text))
	}
	if j.Provenance.Training != nil {
		var compact bytes.Buffer // indentation is of the file, not of the options
		if err := json.Compact(&compact, j.Provenance.Training); err != nil {
			return nil, fmt.Errorf("network file: training options: %w", err)
		}
		j.Provenance.Training = compact.Bytes()
	}
	f := &File{
		Provenance: j.Provenance, Placement: j.Placement, Constraints: j.Constraints,
		Network: &Network{Design: j.Design},
	}
	if err := j.Design.Validate(); err != nil {
		return nil, fmt.Errorf("network file: %w", err)
	}
	for l, rows := range j.Conductances {
		if len(rows) == 0 || len(rows[0]) == 0 {
			return nil, fmt.Errorf("network file: layer %d has no conductances", l)
		}
		g := mat.NewDense(len(rows), len(rows[0]), nil)
		for r, row := range rows {
			if len(row) != len(rows[0]) {
				return nil, fmt.Errorf("network file: layer %d, row %d has %d conductances, row 0 has %d", l, r, len(row),
					len(rows[0]))
			}
			for c, x := range row {
				g.Set(r, c, float64(x))
			}
		}
		f.Network.G = append(f.Network.G, g)
	}
	if err := f.validate(); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *File) validate() error {
	if f.Network == nil {
		return errors.New("network file: there is no network in it")
	}
	if err := f.Network.Validate(); err != nil {
		return fmt.Errorf("network file: %w", err)
	}
	d := f.Network.Design
	if err := d.CheckConstraints(f.Constraints); err != nil {
		return fmt.Errorf("network file: %w", err)
	}
	for _, k := range f.Constraints {
		if g := f.Network.G[k.Site.Layer].At(k.Site.Row, k.Site.Col); g != float64(k.Conductance) {
			return fmt.Errorf("network file: %s is constrained to %s but has %g S", k.Site, k.Conductance.Exact(), g)
		}
	}
	if f.Placement != nil && len(f.Placement) != d.Layers() {
		return fmt.Errorf("network file: placement has %d blocks, the network has %d layers", len(f.Placement), d.Layers())
	}
	data := f.Provenance.Data
	if n := len(data.Classes); n != 0 && n != d.Sizes[len(d.Sizes)-1] {
		return fmt.Errorf("network file: data has %d classes, the network has %d outputs", n, d.Sizes[len(d.Sizes)-1])
	}
	for _, n := range []int{len(data.Offset), len(data.Scale)} {
		if n != 0 && n != d.Sizes[0] || len(data.Offset) != len(data.Scale) {
			return fmt.Errorf("network file: normalisation has %d offsets and %d scales, the network has %d inputs",
				len(data.Offset), len(data.Scale), d.Sizes[0])
		}
	}
	switch f.Provenance.Approach {
	case Oblivious, Aware, InSitu:
	default:
		return fmt.Errorf("network file: approach %q is unknown: use %q, %q or %q", f.Provenance.Approach, Oblivious, Aware,
			InSitu)
	}
	return nil
}

// Save writes the file at path. An older file there is replaced only when the
// new one is complete.
func (f *File) Save(path string) error {
	if err := atomicfile.Write(path, atomicfile.Shared, f.Write); err != nil {
		return fmt.Errorf("network file: %w", err)
	}
	return nil
}

// Load reads the file at path.
func Load(path string) (*File, error) {
	text, err := input.ReadText(path)
	if err != nil {
		return nil, fmt.Errorf("network file: %w", err)
	}
	f, err := Read(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

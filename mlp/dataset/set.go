package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Image is the size of samples that are images, in pixels. Their features are
// the pixels row by row from the top left.
type Image struct {
	Rows    int `json:"rows"`
	Columns int `json:"columns"`
}

// Pixels is the number of features of an image.
func (i Image) Pixels() int { return i.Rows * i.Columns }

// Set is a labelled data set.
type Set struct {
	Name     string     // where it comes from
	Features []string   // names, one per feature; nil when they have none
	Classes  []string   // names, one per class
	X        *mat.Dense // samples x features
	Labels   []int      // class of every sample
	Image    Image      // zero when the samples are not images
	Reading  *Reading   // how the file was understood that it comes from; nil = no table
}

// Len is the number of samples.
func (s *Set) Len() int { return len(s.Labels) }

// Width is the number of features.
func (s *Set) Width() int {
	_, width := s.X.Dims()
	return width
}

// Validate refuses a set whose parts contradict each other or whose features
// are not finite numbers.
func (s *Set) Validate() error {
	if s.X == nil || s.X.IsEmpty() || len(s.Labels) == 0 {
		return fmt.Errorf("data set %s has no samples", s.Name)
	}
	samples, width := s.X.Dims()
	switch {
	case samples != len(s.Labels):
		return fmt.Errorf("data set %s has %d samples and %d labels", s.Name, samples, len(s.Labels))
	case s.Features != nil && len(s.Features) != width:
		return fmt.Errorf("data set %s has %d features and %d names for them", s.Name, width, len(s.Features))
	case s.Image != Image{} && s.Image.Pixels() != width:
		return fmt.Errorf("data set %s has images of %d x %d pixels and %d features", s.Name, s.Image.Rows, s.Image.Columns,
			width)
	}
	for i, y := range s.Labels {
		if y < 0 || y >= len(s.Classes) {
			return fmt.Errorf("data set %s: sample %d has label %d, there are %d classes", s.Name, i, y, len(s.Classes))
		}
		for f, x := range s.X.RawRowView(i) {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return fmt.Errorf("data set %s: sample %d, %s is %g, not a finite number", s.Name, i, s.feature(f), x)
			}
		}
	}
	return nil
}

func (s *Set) feature(f int) string {
	if s.Features != nil {
		return fmt.Sprintf("feature %q", s.Features[f])
	}
	return fmt.Sprintf("feature %d", f)
}

// Counts is the number of samples of every class.
func (s *Set) Counts() []int {
	n := make([]int, len(s.Classes))
	for _, y := range s.Labels {
		n[y]++
	}
	return n
}

// Warnings lists, in sentences, what is probably not meant: classes that never
// occur, features that never change, and equal samples of different classes.
// The set must be valid.
func (s *Set) Warnings() []string {
	var list []string
	for c, n := range s.Counts() {
		if n == 0 {
			list = append(list, fmt.Sprintf("class %q never occurs in data set %s: its output can only learn to stay low",
				s.Classes[c], s.Name))
		}
	}
	samples, width := s.X.Dims()
	constant := 0
	for f := range width {
		first, same := s.X.At(0, f), samples > 1
		for i := 1; i < samples && same; i++ {
			same = s.X.At(i, f) == first
		}
		if same {
			constant++
		}
	}
	if constant > 0 {
		list = append(list, fmt.Sprintf("%d of %d features of data set %s never change: they carry nothing", constant, width,
			s.Name))
	}
	first := make(map[string]int, samples)
	conflicts := 0
	for i := range samples {
		key := string(rowBytes(nil, s.X.RawRowView(i)))
		if k, ok := first[key]; !ok {
			first[key] = i
		} else if s.Labels[k] != s.Labels[i] {
			conflicts++
		}
	}
	switch {
	case conflicts == 1:
		list = append(list, fmt.Sprintf("1 sample of data set %s equals a sample of another class: no network can "+
			"classify both", s.Name))
	case conflicts > 1:
		list = append(list, fmt.Sprintf("%d samples of data set %s equal a sample of another class: no network can "+
			"classify both", conflicts, s.Name))
	}
	return list
}

func rowBytes(b []byte, row []float64) []byte {
	for _, x := range row {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return b
}

// Digest is the SHA-256 of classes, labels and features in hexadecimal: equal
// sets have equal digests, whatever they are called.
func (s *Set) Digest() string {
	h := sha256.New()
	var b []byte
	for _, c := range s.Classes {
		b = binary.LittleEndian.AppendUint64(b, uint64(len(c)))
		b = append(b, c...)
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(s.Width()))
	h.Write(b)
	for i, y := range s.Labels {
		b = binary.LittleEndian.AppendUint64(b[:0], uint64(y))
		h.Write(rowBytes(b, s.X.RawRowView(i)))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Pick is the set of the samples with the given indices, in their order. It
// shares no features with s.
func (s *Set) Pick(indices []int) (*Set, error) {
	if len(indices) == 0 {
		return nil, fmt.Errorf("data set %s: a selection of no samples is empty", s.Name)
	}
	p := *s
	p.X = mat.NewDense(len(indices), s.Width(), nil)
	p.Labels = make([]int, len(indices))
	for k, i := range indices {
		if i < 0 || i >= s.Len() {
			return nil, fmt.Errorf("data set %s has no sample %d: it has %d", s.Name, i, s.Len())
		}
		p.X.SetRow(k, s.X.RawRowView(i))
		p.Labels[k] = s.Labels[i]
	}
	return &p, nil
}

// Only is the set of the samples of the named classes. Labels count the
// classes in the order they are named here.
func (s *Set) Only(classes ...string) (*Set, error) {
	label := make(map[int]int, len(classes))
	for k, name := range classes {
		c := slices.Index(s.Classes, name)
		if c < 0 {
			return nil, fmt.Errorf("data set %s has no class %q: it has %q", s.Name, name, s.Classes)
		}
		if _, twice := label[c]; twice {
			return nil, fmt.Errorf("class %q is named twice", name)
		}
		label[c] = k
	}
	var indices []int
	for i, y := range s.Labels {
		if _, ok := label[y]; ok {
			indices = append(indices, i)
		}
	}
	p, err := s.Pick(indices)
	if err != nil {
		return nil, err
	}
	p.Classes = slices.Clone(classes)
	for i, y := range p.Labels {
		p.Labels[i] = label[y]
	}
	return p, nil
}

// Split splits by seed: of every class, the given share (0 to 1, rounded to
// whole samples) is drawn for the first set and the others go into the rest.
// Samples keep their order. The same seed draws the same samples.
func (s *Set) Split(share float64, seed uint64) (first, rest *Set, err error) {
	if !(share > 0 && share < 1) {
		return nil, nil, fmt.Errorf("data set %s cannot be split at a share of %g: it must lie between 0 and 1", s.Name,
			share)
	}
	r := rand.New(rand.NewPCG(seed, 0))
	members := make([][]int, len(s.Classes))
	for i, y := range s.Labels {
		members[y] = append(members[y], i)
	}
	var a, b []int
	for _, m := range members {
		r.Shuffle(len(m), func(i, j int) { m[i], m[j] = m[j], m[i] })
		n := int(math.Round(share * float64(len(m))))
		a, b = append(a, m[:n]...), append(b, m[n:]...)
	}
	if len(a) == 0 || len(b) == 0 {
		return nil, nil, fmt.Errorf("data set %s: a share of %g of %d samples in %d classes leaves one part empty: "+
			"give another share", s.Name, share, s.Len(), len(s.Classes))
	}
	slices.Sort(a)
	slices.Sort(b)
	if first, err = s.Pick(a); err != nil {
		return nil, nil, err
	}
	rest, err = s.Pick(b)
	return first, rest, err
}

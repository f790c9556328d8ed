package dataset

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"

	"gonum.org/v1/gonum/mat"

	"xlab/input"
)

// Magic numbers of IDX files: two zero bytes, 8 for unsigned bytes, and the
// number of dimensions (LeCun, Cortes, Burges: the MNIST database).
const (
	idxLabels = 0x00000801
	idxImages = 0x00000803
)

// IDXOptions say how a pair of IDX files is to be understood.
type IDXOptions struct {
	Name    string // for messages; empty = the image file's name
	Classes int    // number of classes, 0 = up to the largest label that occurs; names are the numbers
	First   int    // read only the first so many samples; 0 = all
}

// OpenIDX reads the image file and the label file at two paths.
func OpenIDX(images, labels string, o IDXOptions) (*Set, error) {
	i, err := input.Open(images, input.Data)
	if err != nil {
		return nil, err
	}
	defer i.Close()
	l, err := input.Open(labels, input.Data)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	o.Name = cmp.Or(o.Name, filepath.Base(images))
	return ReadIDX(i, l, o)
}

// ReadIDX reads grey images and their labels, each as it is or compressed with
// gzip. Pixels are features from 0 to 255. Another magic number, counts that
// do not agree, and files that are too short or too long are errors with the
// byte at which they show.
func ReadIDX(images, labels io.Reader, o IDXOptions) (*Set, error) {
	o.Name = cmp.Or(o.Name, "IDX")
	pixels, size, err := readIDX(images, o.Name+" (images)", idxImages)
	if err != nil {
		return nil, err
	}
	classes, count, err := readIDX(labels, o.Name+" (labels)", idxLabels)
	if err != nil {
		return nil, err
	}
	if count[0] != size[0] {
		return nil, fmt.Errorf("%s: there are %d images and %d labels", o.Name, size[0], count[0])
	}
	if o.First < 0 || o.First > size[0] {
		return nil, fmt.Errorf("%s: the first %d samples were asked for, there are %d", o.Name, o.First, size[0])
	}
	samples := size[0]
	if o.First > 0 {
		samples = o.First
	}
	s := &Set{
		Name:   o.Name,
		Image:  Image{Rows: size[1], Columns: size[2]},
		X:      mat.NewDense(samples, size[1]*size[2], nil),
		Labels: make([]int, samples),
	}
	largest := 0
	for i := range s.Labels {
		s.Labels[i] = int(classes[i])
		largest = max(largest, s.Labels[i])
		if o.Classes != 0 && s.Labels[i] >= o.Classes {
			return nil, fmt.Errorf("%s (labels): byte %d: label %d of sample %d, there are to be %d classes", o.Name, 8+i,
				s.Labels[i], i, o.Classes)
		}
		row := s.X.RawRowView(i)
		for f := range row {
			row[f] = float64(pixels[i*len(row)+f])
		}
	}
	for c := range max(o.Classes, largest+1) {
		s.Classes = append(s.Classes, strconv.Itoa(c))
	}
	return s, s.Validate()
}

// readIDX reads one file of unsigned bytes and its dimensions.
func readIDX(r io.Reader, name string, magic uint32) (data []byte, size []int, err error) {
	b := bufio.NewReader(r)
	if head, err := b.Peek(2); err == nil && head[0] == 0x1f && head[1] == 0x8b {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		b = bufio.NewReader(z)
	}
	header := make([]uint32, 1+int(magic&0xff))
	if err := binary.Read(b, binary.BigEndian, header[:1]); err != nil {
		return nil, nil, short(name, 0, err)
	}
	if header[0] != magic {
		return nil, nil, fmt.Errorf("%s: byte 0: magic number %#08x, expected %#08x: this is another kind of file", name,
			header[0], magic)
	}
	if err := binary.Read(b, binary.BigEndian, header[1:]); err != nil {
		return nil, nil, short(name, 4, err)
	}
	total := int64(1)
	for k, n := range header[1:] {
		total *= int64(n)
		size = append(size, int(n))
		if n == 0 || total > MaxPixels {
			return nil, nil, fmt.Errorf("%s: byte %d: dimension %d is %d: sizes must be 1 or more and their product at most %d",
				name, 4+4*k, k, n, MaxPixels)
		}
	}
	start := int64(4 * len(header))
	// Growing with what is really there, a wrong header costs no memory.
	data, err = io.ReadAll(io.LimitReader(b, total))
	if err != nil {
		return nil, nil, short(name, start+int64(len(data)), err)
	}
	if int64(len(data)) < total {
		return nil, nil, fmt.Errorf("%s: byte %d: the file ends here, %d bytes early", name, start+int64(len(data)),
			total-int64(len(data)))
	}
	if n, err := io.Copy(io.Discard, b); err != nil {
		return nil, nil, short(name, start+total, err)
	} else if n > 0 {
		return nil, nil, fmt.Errorf("%s: byte %d: %d bytes follow where the file should end", name, start+total, n)
	}
	return data, size, nil
}

func short(name string, at int64, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s: byte %d: the file ends in the middle: %w", name, at, io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("%s: byte %d: %w", name, at, err)
}

package dataset

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"xlab/input/table"
	"xlab/mlp/dataset/datasettest"
)

const kinds = "height, width ,kind\n1.5,2,b\n-3e2, 4,a\n0,0,b\n"

func TestReadTable(t *testing.T) {
	s, err := ReadTable(strings.NewReader("\ufeff"+kinds), TableOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Features, []string{"height", "width"}) || !slices.Equal(s.Classes, []string{"a", "b"}) ||
		!slices.Equal(s.Labels, []int{1, 0, 1}) || !slices.Equal(s.X.RawMatrix().Data, []float64{1.5, 2, -300, 4, 0, 0}) {
		t.Errorf("read as %+v", s)
	}
	for name, o := range map[string]TableOptions{
		"label by name":  {Label: "kind"},
		"label by index": {Label: "2"},
	} {
		again, err := ReadTable(strings.NewReader(kinds), o)
		if err != nil || again.Digest() != s.Digest() {
			t.Errorf("%s: %v", name, err)
		}
	}
	numbered, err := ReadTable(strings.NewReader("1;0;x\n5;6;7\n"),
		TableOptions{Label: "1", Options: table.Options{Separator: ';', Header: table.Yes}, Ignore: []string{"x"}})
	if err != nil || !slices.Equal(numbered.Features, []string{"0"}) || !slices.Equal(numbered.Classes, []string{"5"}) {
		t.Errorf("a label column whose name is a number: %+v, %v", numbered, err)
	}
	declared, err := ReadTable(strings.NewReader(kinds), TableOptions{Classes: []string{"b", "c", "a"}})
	if err != nil || !slices.Equal(declared.Labels, []int{0, 2, 0}) {
		t.Errorf("declared classes: %+v, %v", declared, err)
	}
	if w := declared.Warnings(); len(w) != 1 || !strings.Contains(w[0], `class "c" never occurs`) {
		t.Errorf("warnings %q", w)
	}
}

func TestReadTableErrors(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		o    TableOptions
		want string
	}{
		"empty":        {"", TableOptions{}, "t.csv: the file is empty"},
		"header only":  {"a,b\n", TableOptions{}, "t.csv: there is no sample"},
		"name missing": {"a,,c\n1,2,x\n", TableOptions{}, "t.csv:1:3: column 1 has no name"},
		"name twice":   {"a,a\n1,2\n", TableOptions{}, `t.csv:1:3: column name "a" is there twice`},
		"no such label": {kinds, TableOptions{Label: "colour"},
			`t.csv: the class: there is no column "colour": the heading has ["height"`},
		"no such index": {kinds, TableOptions{Label: "3"},
			"t.csv: the class: there is no column 3: there are 3, counted from 0"},
		"nothing to ignore": {kinds, TableOptions{Ignore: []string{"q"}}, `to ignore: there is no column "q"`},
		"no features":       {"kind\na\n", TableOptions{}, "there is a single column"},
		"short line": {"a,b,c\n1,2,x\n1,2\n", TableOptions{},
			"t.csv:3:3: 2 cells in this line, the others have 3 (separated by commas"},
		"long line": {"a,b\n1,x\n1,x,9\n", TableOptions{}, "t.csv:3:3: 3 cells in this line, the others have 2"},
		"not a number": {"a,b\n1,x\n2O,x\n", TableOptions{},
			`t.csv:3:1: column 0 (a): "2O" is not a finite number (the class is taken from column 1 (b); --label`},
		"NaN": {"a,b,c\n1,NaN,x\n", TableOptions{}, `t.csv:2:3: column 1 (b): "NaN" is not a finite number`},
		"too large": {"a,c\n1e999,x\n1,y\n", TableOptions{},
			`t.csv:2:1: column 0 (a): "1e999" is not a finite number`},
		"value missing": {"a,b,c\n1,,x\n", TableOptions{}, `t.csv:2:3: the value in column 1 (b) is missing`},
		"class missing": {"a,c\n1,\n2,x\n", TableOptions{}, `t.csv:2:3: the class in column 1 (c) is missing`},
		"undeclared class": {kinds, TableOptions{Classes: []string{"a"}},
			`t.csv:2:7: class "b" in column 2 (kind) is not one of ["a"]`},
		"stray quote":         {"a,c\n1\"2,x\n", TableOptions{}, "t.csv:2:2: bare \""},
		"stray quote, header": {"a\"b,c\n", TableOptions{}, "t.csv:1:2: bare \""},
	} {
		t.Run(name, func(t *testing.T) {
			c.o.Name = "t.csv"
			_, err := ReadTable(strings.NewReader(c.text), c.o)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	if _, err := OpenTable(filepath.Join(t.TempDir(), "none.csv"), TableOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

func idx(magic uint32, data []byte, sizes ...uint32) []byte {
	var b []byte
	for _, n := range append([]uint32{magic}, sizes...) {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return append(b, data...)
}

func zipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReadIDX(t *testing.T) {
	images := idx(idxImages, []byte{0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255}, 2, 2, 3)
	labels := idx(idxLabels, []byte{3, 1}, 2)
	s, err := ReadIDX(bytes.NewReader(images), bytes.NewReader(labels), IDXOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if s.Image != (Image{2, 3}) || !slices.Equal(s.Labels, []int{3, 1}) ||
		!slices.Equal(s.Classes, []string{"0", "1", "2", "3"}) ||
		!slices.Equal(s.X.RawRowView(1), []float64{250, 251, 252, 253, 254, 255}) {
		t.Errorf("read as %+v", s)
	}
	packed, err := ReadIDX(bytes.NewReader(zipped(t, images)), bytes.NewReader(zipped(t, labels)), IDXOptions{Classes: 4})
	if err != nil || packed.Digest() != s.Digest() {
		t.Errorf("compressed: %v", err)
	}
	first, err := ReadIDX(bytes.NewReader(images), bytes.NewReader(labels), IDXOptions{First: 1, Classes: 5})
	if err != nil || first.Len() != 1 || len(first.Classes) != 5 {
		t.Errorf("the first sample of five classes: %+v, %v", first, err)
	}
}

func TestReadIDXErrors(t *testing.T) {
	images := idx(idxImages, []byte{0, 1, 2, 3}, 2, 1, 2)
	labels := idx(idxLabels, []byte{3, 1}, 2)
	for name, c := range map[string]struct {
		images, labels []byte
		o              IDXOptions
		want           string
	}{
		"empty": {nil, labels, IDXOptions{}, "t (images): byte 0: the file ends in the middle"},
		"swapped": {labels, images, IDXOptions{},
			"t (images): byte 0: magic number 0x00000801, expected 0x00000803"},
		"header short": {images[:9], labels, IDXOptions{}, "t (images): byte 4: the file ends in the middle"},
		"data short":   {images[:18], labels, IDXOptions{}, "t (images): byte 18: the file ends here, 2 bytes early"},
		"data long": {images, append(slices.Clone(labels), 1, 2, 3), IDXOptions{},
			"t (labels): byte 10: 3 bytes follow"},
		"counts":    {images, idx(idxLabels, []byte{1}, 1), IDXOptions{}, "2 images and 1 labels"},
		"no images": {idx(idxImages, nil, 0, 1, 2), labels, IDXOptions{}, "byte 4: dimension 0 is 0"},
		"enormous": {idx(idxImages, nil, 1<<31, 1<<31, 1<<31), labels, IDXOptions{},
			"byte 4: dimension 0 is 2147483648"},
		"label too large": {images, labels, IDXOptions{Classes: 3},
			"byte 8: label 3 of sample 0, there are to be 3 classes"},
		"too many wanted": {images, labels, IDXOptions{First: 3}, "the first 3 samples were asked for, there are 2"},
		"gzip torn":       {zipped(t, images)[:20], labels, IDXOptions{}, "t (images): byte"},
		"gzip not gzip":   {[]byte{0x1f, 0x8b, 0, 0, 0, 0, 0, 0, 0, 0, 0}, labels, IDXOptions{}, "t (images): gzip"},
		"gzip, wrong data": {zipped(t, []byte("hello, hello")), labels, IDXOptions{},
			"t (images): byte 0: magic number 0x68656c6c"},
	} {
		t.Run(name, func(t *testing.T) {
			c.o.Name = "t"
			_, err := ReadIDX(bytes.NewReader(c.images), bytes.NewReader(c.labels), c.o)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestIris(t *testing.T) {
	s, err := OpenTable(datasettest.Shared(t, "uci", "iris.csv"), TableOptions{Label: "species"})
	if err != nil {
		t.Fatal(err)
	}
	if s.Len() != 150 || s.Width() != 4 || !slices.Equal(s.Classes, []string{"setosa", "versicolor", "virginica"}) ||
		!slices.Equal(s.Counts(), []int{50, 50, 50}) {
		t.Errorf("%d x %d, %q, %v", s.Len(), s.Width(), s.Classes, s.Counts())
	}
	if !slices.Equal(s.X.RawRowView(0), []float64{5.1, 3.5, 1.4, 0.2}) {
		t.Errorf("first sample %v", s.X.RawRowView(0))
	}
}

func TestWDBC(t *testing.T) {
	s, err := OpenTable(datasettest.Shared(t, "uci", "wdbc.csv"),
		TableOptions{Label: "diagnosis", Classes: []string{"B", "M"}})
	if err != nil {
		t.Fatal(err)
	}
	if s.Len() != 569 || s.Width() != 30 || !slices.Equal(s.Counts(), []int{357, 212}) || s.Features[0] != "mean_radius" {
		t.Errorf("%d x %d, %v, %q", s.Len(), s.Width(), s.Counts(), s.Features)
	}
}

func TestMNIST(t *testing.T) {
	s, err := OpenIDX(datasettest.Shared(t, "mnist", "t10k-images-idx3-ubyte.gz"),
		datasettest.Shared(t, "mnist", "t10k-labels-idx1-ubyte.gz"),
		IDXOptions{Classes: 10})
	if err != nil {
		t.Fatal(err)
	}
	if s.Len() != 10000 || s.Image != (Image{28, 28}) || !slices.Equal(s.Labels[:8], []int{7, 2, 1, 0, 4, 1, 4, 9}) {
		t.Errorf("%d images of %v, labels %v ...", s.Len(), s.Image, s.Labels[:8])
	}
}

func FuzzReadTable(f *testing.F) {
	f.Add(kinds)
	f.Add("a,c\n\"1\n2\",x\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ReadTable(strings.NewReader(text), TableOptions{})
		if err == nil && s.Validate() != nil {
			t.Errorf("an invalid set was read: %v", s.Validate())
		}
	})
}

func FuzzReadIDX(f *testing.F) {
	f.Add(idx(idxImages, []byte{0, 1, 2, 3}, 2, 1, 2), idx(idxLabels, []byte{3, 1}, 2))
	f.Fuzz(func(t *testing.T, images, labels []byte) {
		s, err := ReadIDX(bytes.NewReader(images), bytes.NewReader(labels), IDXOptions{})
		if err == nil && s.Validate() != nil {
			t.Errorf("an invalid set was read: %v", s.Validate())
		}
	})
}

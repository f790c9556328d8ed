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

	"xlab/mlp/dataset/datasettest"
)

const table = "height, width ,kind\n1.5,2,b\n-3e2, 4,a\n0,0,b\n"

func TestReadCSV(t *testing.T) {
	s, err := ReadCSV(strings.NewReader("\ufeff"+table), CSVOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Features, []string{"height", "width"}) || !slices.Equal(s.Classes, []string{"a", "b"}) ||
		!slices.Equal(s.Labels, []int{1, 0, 1}) || !slices.Equal(s.X.RawMatrix().Data, []float64{1.5, 2, -300, 4, 0, 0}) {
		t.Errorf("read as %+v", s)
	}
	for name, o := range map[string]CSVOptions{
		"label by name":  {Label: "kind"},
		"label by index": {Label: "2"},
	} {
		again, err := ReadCSV(strings.NewReader(table), o)
		if err != nil || again.Digest() != s.Digest() {
			t.Errorf("%s: %v", name, err)
		}
	}
	numbered, err := ReadCSV(strings.NewReader("1;0;x\n5;6;7\n"), CSVOptions{Label: "1", Comma: ';', Ignore: []string{"x"}})
	if err != nil || !slices.Equal(numbered.Features, []string{"0"}) || !slices.Equal(numbered.Classes, []string{"5"}) {
		t.Errorf("a label column whose name is a number: %+v, %v", numbered, err)
	}
	declared, err := ReadCSV(strings.NewReader(table), CSVOptions{Classes: []string{"b", "c", "a"}})
	if err != nil || !slices.Equal(declared.Labels, []int{0, 2, 0}) {
		t.Errorf("declared classes: %+v, %v", declared, err)
	}
	if w := declared.Warnings(); len(w) != 1 || !strings.Contains(w[0], `class "c" never occurs`) {
		t.Errorf("warnings %q", w)
	}
}

func TestReadCSVErrors(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		o    CSVOptions
		want string
	}{
		"empty":               {"", CSVOptions{}, "t.csv: the file is empty"},
		"header only":         {"a,b\n", CSVOptions{}, "t.csv: there is no sample"},
		"name missing":        {"a,,c\n", CSVOptions{}, "t.csv:1:3: column 1 has no name"},
		"name twice":          {"a,a\n", CSVOptions{}, `t.csv:1:3: column name "a" is there twice`},
		"no such label":       {table, CSVOptions{Label: "colour"}, `t.csv:1: there is no label column "colour"`},
		"no such index":       {table, CSVOptions{Label: "3"}, "t.csv:1: there is no label column 3"},
		"nothing to ignore":   {table, CSVOptions{Ignore: []string{"q"}}, `no column "q" to ignore`},
		"no features":         {"kind\na\n", CSVOptions{}, "no column is left for features"},
		"short line":          {"a,b,c\n1,2,x\n1,2\n", CSVOptions{}, "t.csv:3:3: 2 fields in this line, the header has 3"},
		"long line":           {"a,b\n1,x,9\n", CSVOptions{}, "t.csv:2:3: 3 fields in this line, the header has 2"},
		"not a number":        {"a,b\n1,x\n2O,x\n", CSVOptions{}, `t.csv:3:1: "2O" in column "a" is not a number`},
		"NaN":                 {"a,b,c\n1,NaN,x\n", CSVOptions{}, `t.csv:2:3: NaN in column "b" is not a finite number`},
		"too large":           {"a,c\n1e999,x\n", CSVOptions{}, `t.csv:2:1: "1e999" in column "a" is not a number`},
		"value missing":       {"a,b,c\n1,,x\n", CSVOptions{}, `t.csv:2:3: the value of "b" is missing`},
		"class missing":       {"a,c\n1,\n", CSVOptions{}, `t.csv:2:3: the class in column "c" is missing`},
		"undeclared class":    {table, CSVOptions{Classes: []string{"a"}}, `t.csv:2:7: class "b" is not one of ["a"]`},
		"stray quote":         {"a,c\n1\"2,x\n", CSVOptions{}, "t.csv:2:2: bare \""},
		"stray quote, header": {"a\"b,c\n", CSVOptions{}, "t.csv:1:2: bare \""},
	} {
		t.Run(name, func(t *testing.T) {
			c.o.Name = "t.csv"
			_, err := ReadCSV(strings.NewReader(c.text), c.o)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	if _, err := OpenCSV(filepath.Join(t.TempDir(), "none.csv"), CSVOptions{}); !errors.Is(err, fs.ErrNotExist) {
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
	if s.Image != (Image{2, 3}) || !slices.Equal(s.Labels, []int{3, 1}) || !slices.Equal(s.Classes, []string{"0", "1", "2", "3"}) ||
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
		"empty":            {nil, labels, IDXOptions{}, "t (images): byte 0: the file ends in the middle"},
		"swapped":          {labels, images, IDXOptions{}, "t (images): byte 0: magic number 0x00000801, expected 0x00000803"},
		"header short":     {images[:9], labels, IDXOptions{}, "t (images): byte 4: the file ends in the middle"},
		"data short":       {images[:18], labels, IDXOptions{}, "t (images): byte 18: the file ends here, 2 bytes early"},
		"data long":        {images, append(slices.Clone(labels), 1, 2, 3), IDXOptions{}, "t (labels): byte 10: 3 bytes follow"},
		"counts":           {images, idx(idxLabels, []byte{1}, 1), IDXOptions{}, "2 images and 1 labels"},
		"no images":        {idx(idxImages, nil, 0, 1, 2), labels, IDXOptions{}, "byte 4: dimension 0 is 0"},
		"enormous":         {idx(idxImages, nil, 1<<31, 1<<31, 1<<31), labels, IDXOptions{}, "byte 4: dimension 0 is 2147483648"},
		"label too large":  {images, labels, IDXOptions{Classes: 3}, "byte 8: label 3 of sample 0, there are to be 3 classes"},
		"too many wanted":  {images, labels, IDXOptions{First: 3}, "the first 3 samples were asked for, there are 2"},
		"gzip torn":        {zipped(t, images)[:20], labels, IDXOptions{}, "t (images): byte"},
		"gzip not gzip":    {[]byte{0x1f, 0x8b, 0, 0, 0, 0, 0, 0, 0, 0, 0}, labels, IDXOptions{}, "t (images): gzip"},
		"gzip, wrong data": {zipped(t, []byte("hello, hello")), labels, IDXOptions{}, "t (images): byte 0: magic number 0x68656c6c"},
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
	s, err := OpenCSV(datasettest.Shared(t, "uci", "iris.csv"), CSVOptions{Label: "species"})
	if err != nil {
		t.Fatal(err)
	}
	if s.Len() != 150 || s.Width() != 4 || !slices.Equal(s.Classes, []string{"setosa", "versicolor", "virginica"}) || !slices.Equal(s.Counts(), []int{50, 50, 50}) {
		t.Errorf("%d x %d, %q, %v", s.Len(), s.Width(), s.Classes, s.Counts())
	}
	if !slices.Equal(s.X.RawRowView(0), []float64{5.1, 3.5, 1.4, 0.2}) {
		t.Errorf("first sample %v", s.X.RawRowView(0))
	}
}

func TestWDBC(t *testing.T) {
	s, err := OpenCSV(datasettest.Shared(t, "uci", "wdbc.csv"), CSVOptions{Label: "diagnosis", Classes: []string{"B", "M"}})
	if err != nil {
		t.Fatal(err)
	}
	if s.Len() != 569 || s.Width() != 30 || !slices.Equal(s.Counts(), []int{357, 212}) || s.Features[0] != "mean_radius" {
		t.Errorf("%d x %d, %v, %q", s.Len(), s.Width(), s.Counts(), s.Features)
	}
}

func TestMNIST(t *testing.T) {
	s, err := OpenIDX(datasettest.Shared(t, "mnist", "t10k-images-idx3-ubyte.gz"), datasettest.Shared(t, "mnist", "t10k-labels-idx1-ubyte.gz"),
		IDXOptions{Classes: 10})
	if err != nil {
		t.Fatal(err)
	}
	if s.Len() != 10000 || s.Image != (Image{28, 28}) || !slices.Equal(s.Labels[:8], []int{7, 2, 1, 0, 4, 1, 4, 9}) {
		t.Errorf("%d images of %v, labels %v ...", s.Len(), s.Image, s.Labels[:8])
	}
	first, rest, err := s.Cut(8000)
	if err != nil || first.Len() != 8000 || rest.Len() != 2000 {
		t.Errorf("cut into %d and %d, %v", first.Len(), rest.Len(), err)
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add(table)
	f.Add("a,c\n\"1\n2\",x\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ReadCSV(strings.NewReader(text), CSVOptions{})
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

func FuzzReadPatterns(f *testing.F) {
	f.Add(letters)
	f.Add("A\n#. ..\n.# ##\n; comment\n\nB\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ReadPatterns(strings.NewReader(text), "fuzz")
		if err == nil && s.Validate() != nil {
			t.Errorf("an invalid set was read: %v", s.Validate())
		}
	})
}

package figure_test

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"

	"xlab/figure"
)

// files puts figures into memory.
func files(t *testing.T, list ...figure.Figure) (map[string][]byte, []string) {
	t.Helper()
	found := make(map[string][]byte)
	names, err := figure.WriteFiles(func(name string, write func(io.Writer) error) error {
		var b bytes.Buffer
		err := write(&b)
		found[name] = b.Bytes()
		return err
	}, figure.AllFormats, list...)
	if err != nil {
		t.Fatal(err)
	}
	return found, names
}

// Every figure has its three forms and its caption, with what its kind has to say
// about bars, in the order given; one without data is left out. Written again, every byte is the same: a PDF has
// neither a date nor an order of its own for the images of large maps.
func TestWriteFiles(t *testing.T) {
	large := figure.Maps{Title: "−1 Ω", Panels: []figure.Map{grid(101, 101), grid(102, 101)}}
	list := []figure.Figure{
		{Name: "b", Caption: "Three maps < four.", Spec: large},
		{Name: "none", Caption: "Nothing.", Spec: figure.Histogram{}},
		{Name: "a", Caption: "Counts.", Spec: kinds()["histogram"].spec},
	}
	first, names := files(t, list...)
	second, _ := files(t, list...)
	if want := []string{"b.svg", "b.png", "b.pdf", "a.svg", "a.png", "a.pdf"}; !slices.Equal(names, want) {
		t.Errorf("files are %v, want %v", names, want)
	}
	for name, text := range first {
		if !bytes.Equal(text, second[name]) {
			t.Errorf("%s differs when it is written again", name)
		}
	}
	var listed []figure.Listed
	if err := json.Unmarshal(first[figure.ListFile], &listed); err != nil ||
		!slices.Equal(listed, []figure.Listed{{Name: "b", Caption: "Three maps < four."},
			{Name: "a", Caption: "Counts. Error bars: the root of each count."}}) {
		t.Errorf("list is %v, %v", listed, err)
	}
	if !strings.Contains(string(first["b.svg"]), "<desc>Three maps &lt; four.</desc>") {
		t.Error("the SVG does not hold its caption")
	}
	for _, name := range []string{"a.pdf", "b.pdf"} {
		pdf := first[name]
		if !bytes.HasPrefix(pdf, []byte("%PDF-")) || !bytes.Contains(pdf, []byte("%%EOF")) ||
			bytes.Contains(pdf, []byte("Date (")) {
			t.Errorf("%s is no PDF without a date", name)
		}
	}
}

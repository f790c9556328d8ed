package draw

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"math"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/plot/vg"

	"xlab/figure"
	"xlab/mlp"
	"xlab/mlp/dataset"
)

// Every pixel of every letter must have its colour where the layout puts it.
func TestPatternsShowEveryPixel(t *testing.T) {
	s := dataset.Letters()
	var b bytes.Buffer
	layout, err := Patterns(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := layout.WritePNG(&b); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	scale := float64(img.Bounds().Dx()) / float64(layout.width)
	if dpi := scale * 72; math.Abs(dpi-200) > 1 {
		t.Errorf("the figure has %g dots per inch", dpi)
	}
	top := layout.top
	for _, list := range layout.members {
		for k, i := range list {
			for p, want := range s.X.RawRowView(i) {
				x := layout.left + vg.Length(k)*(layout.tile.X+gap) + layout.tile.X*(vg.Length(p%4)+0.5)/4
				y := top + layout.tile.Y*(vg.Length(p/4)+0.5)/4
				red, _, _, _ := img.At(int(float64(x)*scale), int(float64(y)*scale)).RGBA()
				if black := red < 0x8000; black != (want == 1) {
					t.Fatalf("pattern %d, pixel %d is drawn black: %v, its feature is %g", i, p, black, want)
				}
			}
		}
		top += layout.classHeight(list)
	}
}

func TestPatternsAsSVG(t *testing.T) {
	s, err := dataset.Flip(dataset.Letters())
	if err != nil {
		t.Fatal(err)
	}
	s.Name = "a < b"
	var b bytes.Buffer
	sheet, err := Patterns(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := sheet.WriteSVG(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{">A</text>", ">X</text>", "a &lt; b"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the figure", want)
		}
	}
}

func TestPatternsErrors(t *testing.T) {
	letters := dataset.Letters()
	flat := dataset.Letters()
	flat.Image = dataset.Image{}
	if _, err := Patterns(flat); err == nil || !strings.Contains(err.Error(), "has no images to draw") {
		t.Errorf("no image: %v", err)
	}
	sheet, err := Patterns(letters)
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("disk full")
	for name, write := range map[string]func(io.Writer) error{"PNG": sheet.WritePNG, "SVG": sheet.WriteSVG} {
		if err := write(failing{broken}); !errors.Is(err, broken) {
			t.Errorf("%s to a writer that fails: %v", name, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestFiguresOfAnEvaluation(t *testing.T) {
	out := mat.NewDense(5, 2, []float64{1, -1, 2, 1, -3, 3, 10, 10, 0, 1})
	e, err := mlp.Evaluate(out, []int{0, 1, 1, 1, 0})
	if err != nil {
		t.Fatal(err)
	}
	confusion := Confusion("confusion", "Decisions", "by the hardware", e, []string{"benign", "malignant"})
	if _, err := Confusion("confusion", "Decisions", "", e, []string{"benign"}).Spec.Draw(); err == nil {
		t.Error("one name for two classes is accepted")
	}
	for want, draw := range map[string]func() (*figure.Drawing, error){
		"malignant": confusion.Spec.Draw,
		"hardware": Margins("margins", "Margins", figure.Sample{Name: "software", Values: e.Margins},
			figure.Sample{Name: "hardware", Values: []float64{-5, 2, 9}}).Spec.Draw,
	} {
		d, err := draw()
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := d.WriteSVG(&b); err != nil || !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in the figure (%v)", want, err)
		}
	}
}

package figure

import (
	"image/color"
	"math"
	"testing"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// paintCells draws the cells of a map alone, ten points to the cell, and
// returns the colour in the middle of each.
func paintCells(t *testing.T, m Map) (at func(row, col int) color.NRGBA, p panel) {
	t.Helper()
	s := sheet{Maps: Maps{Panels: []Map{m}}}
	if err := m.check(); err != nil {
		t.Fatal(err)
	}
	if err := s.settleScales(); err != nil {
		t.Fatal(err)
	}
	wide, high := vg.Length(m.Cols)*10, vg.Length(m.Rows)*10
	canvas := vgimg.NewWith(vgimg.UseWH(wide, high), vgimg.UseDPI(72))
	c := draw.New(canvas)
	s.panels[0].drawCells(c, c.Rectangle)
	return func(row, col int) color.NRGBA {
		// A quarter off the middle, clear of marks and hatching lines' crossing.
		return color.NRGBAModel.Convert(canvas.Image().At(col*10+4, row*10+4)).(color.NRGBA)
	}, s.panels[0]
}

func near(a, b color.NRGBA) bool {
	d := func(x, y uint8) bool { return math.Abs(float64(x)-float64(y)) <= 2 }
	return d(a.R, b.R) && d(a.G, b.G) && d(a.B, b.B)
}

// Every cell has the colour of its value, row 0 at the top and column 0 at
// the left, drawn cell by cell and as an image.
func TestCellsHaveTheirColours(t *testing.T) {
	for _, size := range [][2]int{{3, 5}, {20, 20}, {70, 66}} {
		rows, cols := size[0], size[1]
		m := Map{Rows: rows, Cols: cols, Values: make([]float64, rows*cols), Unit: "S"}
		for i := range m.Values {
			m.Values[i] = float64((i*7919)%1000) * 1e-7
		}
		at, _ := paintCells(t, m)
		scale, err := Scale{}.Over(m.Values)
		if err != nil {
			t.Fatal(err)
		}
		colors := sequential()
		for row := range rows {
			for col := range cols {
				v := m.Values[row*cols+col]
				want := colors[int(math.Round((v-scale.Min)/(scale.Max-scale.Min)*254))]
				if got := at(row, col); !near(got, want) {
					t.Fatalf("%d x %d: r%dc%d with %g is %v, want %v", rows, cols, row, col, v, got, want)
				}
			}
		}
	}
}

func TestLogarithmicAndDivergingColours(t *testing.T) {
	at, p := paintCells(t, Map{Rows: 1, Cols: 4, Values: []float64{1e-6, 1e-5, 1e-4, -1e-9}, Scale: Scale{Log: true}})
	up := sequential()
	for col, want := range []int{0, 127, 254, 0} {
		if got := at(0, col); !near(got, up[want]) {
			t.Errorf("logarithmic c%d is %v, want %v", col, got, up[want])
		}
	}
	if below, above := p.exceeds(p.scale); !below || above {
		t.Errorf("a negative value is below a logarithmic scale, and nothing above: %v, %v", below, above)
	}

	at, p = paintCells(t, Map{Rows: 1, Cols: 5, Values: []float64{-7, -5, 0, 5, 4.999},
		Scale: Scale{Diverging: true, Max: 5}})
	both, err := diverging()
	if err != nil {
		t.Fatal(err)
	}
	for col, want := range []int{0, 0, 127, 254, 254} {
		if got := at(0, col); !near(got, both[want]) {
			t.Errorf("diverging c%d is %v, want %v", col, got, both[want])
		}
	}
	if below, above := p.exceeds(p.scale); !below || above {
		t.Errorf("-7 is below a scale to 5 and nothing above: %v, %v", below, above)
	}
}

// Cells without a value are white with lines, neighbours are not.
func TestHatching(t *testing.T) {
	m := Map{Rows: 2, Cols: 2, Values: []float64{1, math.NaN(), 3, 4}}
	s := sheet{Maps: Maps{Panels: []Map{m}}}
	if err := s.settleScales(); err != nil {
		t.Fatal(err)
	}
	canvas := vgimg.NewWith(vgimg.UseWH(80, 80), vgimg.UseDPI(72))
	c := draw.New(canvas)
	s.panels[0].drawCells(c, c.Rectangle)
	white, grey := 0, 0
	for x := 42; x < 78; x++ {
		for y := 2; y < 38; y++ {
			r, g, b, _ := canvas.Image().At(x, y).RGBA()
			switch spread := max(r, g, b) - min(r, g, b); {
			case spread > 0x1000:
				t.Fatalf("%d,%d in the cell without a value is coloured", x, y)
			case r > 0xf000:
				white++
			default:
				grey++
			}
		}
	}
	if white < 400 || grey < 100 {
		t.Errorf("cell without a value has %d white and %d grey pixels of 1296: it is not hatched", white, grey)
	}
	if got := s.panels[0].colors[127]; near(got, noValue) {
		t.Error("the ground of a cell without a value is a colour of the scale")
	}
}

// The hatching of a box stays inside of it.
func TestHatchingStaysInside(t *testing.T) {
	box := vg.Rectangle{Min: vg.Point{X: 13.3, Y: 7.1}, Max: vg.Point{X: 41.9, Y: 19.4}}
	var found vg.Path
	hatch(draw.Canvas{Canvas: &strokes{path: &found}}, []vg.Rectangle{box})
	if len(found) < 10 {
		t.Fatalf("only %d points of hatching", len(found))
	}
	for _, p := range found {
		if p.Pos.X < box.Min.X-1e-6 || p.Pos.X > box.Max.X+1e-6 || p.Pos.Y < box.Min.Y-1e-6 || p.Pos.Y > box.Max.Y+1e-6 {
			t.Errorf("%v is outside of %v", p.Pos, box)
		}
	}
}

// strokes keeps the last stroked path and does nothing else.
type strokes struct {
	vg.Canvas
	path *vg.Path
}

func (s *strokes) SetLineWidth(vg.Length)             {}
func (s *strokes) SetLineDash([]vg.Length, vg.Length) {}
func (s *strokes) SetColor(color.Color)               {}
func (s *strokes) Stroke(p vg.Path)                   { *s.path = p }

func TestNumbersInCells(t *testing.T) {
	_, p := paintCells(t, Map{Rows: 1, Cols: 3, Values: []float64{9.66e-5, 7.04e-6, math.NaN()}, Unit: "S"})
	for col, want := range []string{"96.6", "7.0", ""} {
		if got := p.number(0, col); got != want {
			t.Errorf("number %d is %q, want %q", col, got, want)
		}
	}
	_, p = paintCells(t, Map{Rows: 1, Cols: 3, Values: []float64{150, 3, -2}})
	for col, want := range []string{"150", "3", "−2"} {
		if got := p.number(0, col); got != want {
			t.Errorf("whole number %d is %q, want %q", col, got, want)
		}
	}
}

// The sequential scale gets lighter in even steps, so that equal differences
// look equal and it can be printed in grey.
func TestColourMapsAreEven(t *testing.T) {
	up := sequential()
	first, _, _ := lab(up[0])
	last, _, _ := lab(up[254])
	mean := (last - first) / 254
	// Components are whole numbers of 255, so that steps are compared over ten.
	for i := 10; i < len(up); i++ {
		a, _, _ := lab(up[i-10])
		b, _, _ := lab(up[i])
		if step := (b - a) / 10; step < 0.6*mean || step > 1.4*mean {
			t.Errorf("lightness rises by %.3f from step %d to %d, %.3f on average", step, i-10, i, mean)
		}
	}
	both, err := diverging()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 127 {
		a, _, _ := lab(both[i])
		b, _, _ := lab(both[254-i])
		if math.Abs(a-b) > 4 {
			t.Errorf("steps %d and %d on both sides of zero have lightness %.1f and %.1f", i, 254-i, a, b)
		}
		if next, _, _ := lab(both[i+1]); next < a-0.3 {
			t.Errorf("lightness falls from step %d on, before the middle", i)
		}
	}
	if _, a, b := lab(both[127]); math.Hypot(a, b) > 3 {
		t.Errorf("zero is %v, which is not grey", both[127])
	}
	if r, b := both[254].R, both[254].B; r <= b {
		t.Errorf("the upper end is %v: above zero is red", both[254])
	}
}

func TestLabThereAndBack(t *testing.T) {
	for _, c := range viridisAnchors {
		l, a, b := lab(hex(c))
		if back := fromLab(l, a, b); back != hex(c) {
			t.Errorf("%06x comes back as %v", c, back)
		}
	}
	if l, a, b := lab(hex(0xffffff)); math.Abs(l-100) > 0.01 || math.Hypot(a, b) > 0.05 {
		t.Errorf("white is %g %g %g", l, a, b)
	}
}

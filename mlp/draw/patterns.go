package draw

import (
	"fmt"
	"image/color"
	"io"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"xlab/mlp/dataset"
)

var (
	ink   = color.NRGBA{R: 0x26, G: 0x2b, B: 0x33, A: 0xff}
	faint = color.NRGBA{R: 0x6b, G: 0x72, B: 0x7c, A: 0xff}
	rule  = color.NRGBA{R: 0xd5, G: 0xd8, B: 0xdc, A: 0xff}
)

const (
	perLine   = 10 // patterns side by side
	titleSize = 9
)

var (
	tileWide vg.Length = 13 * vg.Millimeter // of one pattern
	gap                = tileWide * 0.22    // rounded as the sheet's other lengths are
)

// Sheet is a drawing of patterns.
type Sheet struct {
	set           *dataset.Set
	members       [][]int   // samples to draw, by class
	tile          vg.Point  // size of one pattern
	left, top     vg.Length // margins that hold the class names and the title
	width, height vg.Length
}

// Patterns lays out the images of a set, class by class, black (1) on white
// (-1) with the shades between. Features beyond -1 to 1 are drawn as black or
// white. The set, whose name is the title, must not change before the sheet is
// written.
func Patterns(s *dataset.Set) (*Sheet, error) {
	if s.Image.Pixels() == 0 {
		return nil, fmt.Errorf("data set %s has no images to draw", s.Name)
	}
	t := &Sheet{set: s, members: make([][]int, len(s.Classes))}
	for i, y := range s.Labels {
		t.members[y] = append(t.members[y], i)
	}
	t.layOut()
	return t, nil
}

// WritePNG writes the sheet as a PNG image at 200 dots per inch.
func (t *Sheet) WritePNG(w io.Writer) error {
	c := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(t.width, t.height), vgimg.UseDPI(200))}
	t.draw(draw.New(c))
	_, err := c.WriteTo(w)
	return err
}

// WriteSVG writes the sheet as an SVG document.
func (t *Sheet) WriteSVG(w io.Writer) error {
	c := vgsvg.New(t.width, t.height)
	t.draw(draw.New(c))
	_, err := c.WriteTo(w)
	return err
}

func (t *Sheet) layOut() {
	s := t.set
	t.tile = vg.Point{X: tileWide, Y: tileWide * vg.Length(s.Image.Rows) / vg.Length(s.Image.Columns)}
	longest := vg.Length(0)
	for _, name := range s.Classes {
		longest = max(longest, style(t.nameSize(), ink).Width(name))
	}
	t.left, t.top = longest+2.2*gap, 1.5*gap+2.6*titleSize
	columns := 0
	t.height = t.top + gap
	for _, m := range t.members {
		columns = max(columns, min(len(m), perLine))
		t.height += t.classHeight(m)
	}
	t.width = t.left + vg.Length(columns)*(t.tile.X+gap) + gap
	t.width = max(t.width, 2*gap+style(titleSize, ink).Width(s.Name))
}

func (t *Sheet) nameSize() vg.Length { return min(t.tile.Y*0.42, 14) }

// classHeight is the height of the lines of one class and the space below.
func (t *Sheet) classHeight(members []int) vg.Length {
	lines := max(1, (len(members)+perLine-1)/perLine)
	return vg.Length(lines)*(t.tile.Y+gap) + gap
}

func (t *Sheet) draw(c draw.Canvas) {
	rectangle(c, 0, 0, t.width, t.height, color.White) // SVG has no ground of its own
	title := style(titleSize, faint)
	title.YAlign = draw.YTop
	c.FillText(title, vg.Point{X: gap, Y: t.height - 1.5*gap}, t.set.Name)
	y := t.height - t.top
	for class, members := range t.members {
		name := style(t.nameSize(), ink)
		name.XAlign, name.YAlign = draw.XCenter, draw.YCenter
		c.FillText(name, vg.Point{X: t.left / 2, Y: y - t.tile.Y/2}, t.set.Classes[class])
		for k, i := range members {
			x := t.left + vg.Length(k%perLine)*(t.tile.X+gap)
			t.pattern(c, x, y-vg.Length(k/perLine)*(t.tile.Y+gap)-t.tile.Y, t.set.X.RawRowView(i))
		}
		y -= t.classHeight(members)
	}
}

// pattern draws one image with its lower left corner at x, y. Small images get
// lines between their pixels, so that white ones can be counted.
func (t *Sheet) pattern(c draw.Canvas, x, y vg.Length, pixels []float64) {
	size := t.set.Image
	dx, dy := t.tile.X/vg.Length(size.Columns), t.tile.Y/vg.Length(size.Rows)
	grid := dx >= 4
	// Without lines between them, pixels that only touch would show seams.
	bleed := vg.Length(0.15)
	if grid {
		bleed = 0
	}
	for p, v := range pixels {
		if share := min(max((v+1)/2, 0), 1); share > 0 {
			left, bottom := x+vg.Length(p%size.Columns)*dx, y+t.tile.Y-vg.Length(p/size.Columns+1)*dy
			rectangle(c, left, bottom, dx+bleed, dy+bleed, shade(share))
		}
	}
	c.SetColor(rule)
	c.SetLineWidth(0.5)
	if grid {
		for k := 1; k < size.Columns; k++ {
			line(c, x+vg.Length(k)*dx, y, x+vg.Length(k)*dx, y+t.tile.Y)
		}
		for k := 1; k < size.Rows; k++ {
			line(c, x, y+vg.Length(k)*dy, x+t.tile.X, y+vg.Length(k)*dy)
		}
	}
	c.SetColor(faint)
	c.SetLineWidth(0.6)
	c.Stroke(box(x, y, t.tile.X, t.tile.Y))
}

// shade is white at 0 and ink at 1.
func shade(share float64) color.Color {
	mix := func(dark uint8) uint8 { return uint8(255 - share*float64(255-dark) + 0.5) }
	return color.NRGBA{R: mix(ink.R), G: mix(ink.G), B: mix(ink.B), A: 0xff}
}

func line(c vg.Canvas, x0, y0, x1, y1 vg.Length) {
	var p vg.Path
	p.Move(vg.Point{X: x0, Y: y0})
	p.Line(vg.Point{X: x1, Y: y1})
	c.Stroke(p)
}

func style(size vg.Length, c color.Color) draw.TextStyle {
	return draw.TextStyle{
		Color:   c,
		Font:    font.Font{Typeface: "Liberation", Variant: "Sans", Size: size},
		Handler: text.Plain{Fonts: font.DefaultCache},
	}
}

// rectangle fills a box given by its lower left corner.
func rectangle(c vg.Canvas, x, y, width, height vg.Length, fill color.Color) {
	c.SetColor(fill)
	c.Fill(box(x, y, width, height))
}

func box(x, y, width, height vg.Length) vg.Path {
	return vg.Rectangle{Min: vg.Point{X: x, Y: y}, Max: vg.Point{X: x + width, Y: y + height}}.Path()
}

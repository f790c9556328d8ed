package figure

import (
	"bytes"
	"image"
	"image/color"
	"io"
	"regexp"

	"codeberg.org/go-pdf/fpdf"
	xfont "golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgpdf"
)

// The order in which a document lists its images would be that of a map.
func init() { fpdf.SetDefaultCatalogSort(true) }

// dates are the entries of a PDF that say when it was written.
var dates = regexp.MustCompile(`/(Creation|Mod)Date \(D:\d{14}\)`)

// WritePDF writes the figure as a PDF of one page, for print. Texts are
// outlines: they look the same everywhere, and no font has to be embedded. The
// document has no date, so that equal figures are equal files.
func (d *Drawing) WritePDF(w io.Writer) (err error) {
	defer about(&err, "figure %q as PDF", d.title)
	canvas := document{vgpdf.New(d.width, d.height), make(map[int]bool)}
	d.whiten(canvas)
	if err := d.paintOn(canvas); err != nil {
		return err
	}
	var raw bytes.Buffer
	if _, err := canvas.WriteTo(&raw); err != nil {
		return err
	}
	// Blanks of the same length leave the places of all other entries as the
	// document says they are.
	undated := dates.ReplaceAllFunc(raw.Bytes(), func(date []byte) []byte { return bytes.Repeat([]byte{' '}, len(date)) })
	_, err = w.Write(undated)
	return err
}

// document is a PDF as the plot library writes it, but for three things that it
// does differently from images and SVG, or from one time to the next.
type document struct {
	*vgpdf.Canvas
	widths map[int]bool // of the images so far, in pixels
}

// straight is a colour whose parts are not multiplied with its opacity: a PDF
// does that itself.
type straight color.NRGBA

func (s straight) RGBA() (r, g, b, a uint32) {
	return uint32(s.R) * 0x101, uint32(s.G) * 0x101, uint32(s.B) * 0x101, uint32(s.A) * 0x101
}

// SetColor sets the colour of lines and areas.
func (d document) SetColor(c color.Color) {
	d.Canvas.SetColor(straight(color.NRGBAModel.Convert(c).(color.NRGBA)))
}

// DrawImage draws an image. The library lists images by their width, and those
// of the same width as they come: here each has a width of its own, by repeating
// its pixels.
func (d document) DrawImage(place vg.Rectangle, img image.Image) {
	size, times := img.Bounds(), 1
	for d.widths[times*size.Dx()] {
		times++
	}
	d.widths[times*size.Dx()] = true
	wide := image.NewNRGBA(image.Rect(0, 0, times*size.Dx(), size.Dy()))
	for x := range wide.Rect.Dx() {
		for y := range wide.Rect.Dy() {
			wide.Set(x, y, img.At(size.Min.X+x/times, size.Min.Y+y))
		}
	}
	d.Canvas.DrawImage(place, wide)
}

// FillString draws one line of text with its baseline beginning at pt, as the
// outlines of its letters. The library's own text knows the letters of Windows
// 1252 only: no minus, no ohm.
func (d document) FillString(face font.Face, pt vg.Point, text string) {
	units := face.Face.UnitsPerEm()
	scale := face.Font.Size / vg.Length(units) / 64
	var b sfnt.Buffer
	var path vg.Path
	at, previous := pt, sfnt.GlyphIndex(0)
	for _, r := range text {
		glyph, err := face.Face.GlyphIndex(&b, r)
		if err != nil {
			panic(err) // paintOn makes it an error
		}
		ppem := fixed.I(int(units))
		if kern, err := face.Face.Kern(&b, previous, glyph, ppem, xfont.HintingNone); err == nil && previous != 0 {
			at.X += vg.Length(kern) * scale
		}
		outline, err := face.Face.LoadGlyph(&b, glyph, ppem, nil)
		if err != nil {
			panic(err)
		}
		place := func(p fixed.Point26_6) vg.Point { // fonts count downwards
			return vg.Point{X: at.X + vg.Length(p.X)*scale, Y: at.Y - vg.Length(p.Y)*scale}
		}
		for i, s := range outline {
			switch s.Op {
			case sfnt.SegmentOpMoveTo:
				if i > 0 {
					path.Close()
				}
				path.Move(place(s.Args[0]))
			case sfnt.SegmentOpLineTo:
				path.Line(place(s.Args[0]))
			case sfnt.SegmentOpQuadTo:
				path.QuadTo(place(s.Args[0]), place(s.Args[1]))
			case sfnt.SegmentOpCubeTo:
				path.CubeTo(place(s.Args[0]), place(s.Args[1]), place(s.Args[2]))
			}
		}
		if len(outline) > 0 {
			path.Close()
		}
		advance, err := face.Face.GlyphAdvance(&b, glyph, ppem, xfont.HintingNone)
		if err != nil {
			panic(err)
		}
		at.X, previous = at.X+vg.Length(advance)*scale, glyph
	}
	d.Fill(path)
}

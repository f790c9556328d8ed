package figure

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"image/color"
	"image/png"
	"io"
	"sync"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/recorder"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// ErrNoData says that a figure has nothing to show: no value is finite, or
// none can stand on the logarithmic axis that was asked for.
var ErrNoData = errors.New("there is no value to draw")

// pixels is the width of every PNG. A screen shows it in full, and on paper
// it is 180 mm at 170 dots per inch.
const pixels = 1200

// Drawing is a finished figure. It does not change any more and keeps none of
// the data it was drawn from. Its methods may be called at the same time.
type Drawing struct {
	title         string
	caption       string // of a figure with one
	width, height vg.Length

	replay sync.Mutex // replaying prepares fonts inside of the recording
	record recorder.Canvas
}

// Title is the figure's title as drawn, for an alternative text or a caption.
func (d *Drawing) Title() string { return d.title }

// Size is the size of the PNG in pixels; the SVG has the same proportions.
func (d *Drawing) Size() (width, height int) {
	perPoint := float64(d.dotsPerInch()) / 72
	return int(d.width.Points()*perPoint + 0.5), int(d.height.Points()*perPoint + 0.5)
}

func (d *Drawing) dotsPerInch() int { return int(pixels*72/d.width.Points() + 0.5) }

// newDrawing records what paint draws on a canvas of that size. The plot
// library panics on what it cannot draw; the specifications are checked so
// that this does not happen, and if it happens nevertheless a figure is not
// worth an aborted run: the panic becomes the error.
func newDrawing(title string, width, height vg.Length, paint func(draw.Canvas)) (d *Drawing, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			d, err = nil, fmt.Errorf("figure %q cannot be drawn: %v; please report this with the figure's data", title, cause)
		}
	}()
	d = &Drawing{title: title, width: width, height: height}
	paint(draw.NewCanvas(&d.record, width, height))
	return d, nil
}

// paintOn draws the recording on a canvas.
func (d *Drawing) paintOn(c vg.Canvas) (err error) {
	d.replay.Lock()
	defer d.replay.Unlock()
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%v", cause)
		}
	}()
	return d.record.ReplayOn(c)
}

// fontStack names the fonts an SVG is shown in. Arial and Helvetica have the
// metrics of Liberation Sans, in which the layout was measured, so that one of
// the three is at hand on practically every system and no font has to travel
// with each figure.
const fontStack = "font-family:Liberation Sans,Arial,Helvetica,sans-serif"

// whiten paints the ground of a canvas that has none.
func (d *Drawing) whiten(c vg.Canvas) {
	c.SetColor(color.White)
	c.Fill(draw.NewCanvas(c, d.width, d.height).Path())
}

// WriteSVG writes the figure as an SVG document of its own. The texts in it
// are text elements, which can be searched and copied.
func (d *Drawing) WriteSVG(w io.Writer) (err error) {
	defer about(&err, "figure %q as SVG", d.title)
	canvas := vgsvg.New(d.width, d.height)
	d.whiten(canvas)
	if err := d.paintOn(canvas); err != nil {
		return err
	}
	var raw bytes.Buffer
	if _, err := canvas.WriteTo(&raw); err != nil {
		return err
	}
	body := raw.Bytes()
	start := bytes.Index(body, []byte("<svg"))
	end := bytes.IndexByte(body[max(start, 0):], '>')
	if start < 0 || end < 0 {
		return errors.New("the plot library wrote no svg element; is it another version?")
	}
	body = body[start+end+1:]
	body = bytes.ReplaceAll(body, []byte("font-family:Liberation Sans;font-variant:normal;"), []byte(fontStack+";"))
	body = bytes.ReplaceAll(body, []byte("data:image/jpg;"), []byte("data:image/png;")) // which is what it is

	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" `+
		`width="%gpt" height="%gpt" viewBox="0 0 %g %g" role="img">`+"\n",
		d.width.Points(), d.height.Points(), d.width.Points(), d.height.Points())
	fmt.Fprintf(&out, "<title>%s</title>", html.EscapeString(d.title))
	if d.caption != "" {
		fmt.Fprintf(&out, "<desc>%s</desc>", html.EscapeString(clean(d.caption)))
	}
	out.Write(body)
	_, err = w.Write(out.Bytes())
	return err
}

// WritePNG writes the figure as a PNG image, 1200 pixels wide.
func (d *Drawing) WritePNG(w io.Writer) (err error) {
	defer about(&err, "figure %q as PNG", d.title)
	canvas := vgimg.NewWith(vgimg.UseWH(d.width, d.height), vgimg.UseDPI(d.dotsPerInch()),
		vgimg.UseBackgroundColor(color.White))
	if err := d.paintOn(canvas); err != nil {
		return err
	}
	// Compressing takes longer than drawing.
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	return encoder.Encode(w, canvas.Image())
}

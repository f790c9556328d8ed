package figure

import (
	"image"
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

const (
	// mostVectorCells bounds maps that are drawn cell by cell; larger ones are
	// an image, which keeps the SVG small.
	mostVectorCells = 64 * 64
	// mostHatched bounds the hatched pieces; where there are more of them they
	// are too small to be hatched, and left white.
	mostHatched = 4096
	// overlap is how far each cell reaches below its neighbours. It is one
	// pixel of the widest figure: with less of it, a hairline shows between
	// cells whose edge lies inside of a pixel.
	overlap     = 0.75
	leastNumber = 5 // size of text in cells, at least
)

// noValue is the ground of cells without a value. White is on neither of the
// colour scales.
var noValue = hex(0xffffff)

// drawCells draws the map itself.
func (p *panel) drawCells(c draw.Canvas, area vg.Rectangle) {
	c.SetColor(noValue)
	c.Fill(area.Path())
	image := p.Rows*p.Cols > mostVectorCells
	if image {
		p.drawImage(c, area)
	}
	var hollow []vg.Rectangle
	p.runs(area, func(box vg.Rectangle, step int) {
		switch {
		case step < 0:
			hollow = append(hollow, box)
		case !image:
			c.SetColor(p.colors[step])
			box.Max.X, box.Min.Y = min(box.Max.X+overlap, area.Max.X), max(box.Min.Y-overlap, area.Min.Y)
			c.Fill(box.Path())
		}
	})
	if len(hollow) <= mostHatched {
		hatch(c, hollow)
	}
	c.SetLineStyle(draw.LineStyle{Color: ink, Width: 0.8})
	c.Stroke(area.Path())
	if p.Numbers && p.valued {
		p.drawNumbers(c, area)
	}
	for _, k := range p.Marks {
		for _, at := range k.Cells {
			box := p.box(area, at[0], at[1], at[1]+1)
			ground := noValue
			if step := p.step(at[0], at[1]); step >= 0 {
				ground = p.colors[step]
			}
			spot, size := middle(box), min(box.Size().X, box.Size().Y)*0.7
			if p.Numbers {
				// The number has the middle; the mark goes above its end.
				spot, size = spot.Add(box.Size().Scale(0.28)), size/2
			}
			drawSymbol(c, k.Symbol, spot, min(max(size, 5), 16), onto(ground))
		}
	}
}

// step is the colour of a cell, -1 without a value.
func (p *panel) step(row, col int) int {
	v := p.Values[row*p.Cols+col]
	if !p.valued || math.IsNaN(v) {
		return -1
	}
	return p.colors.at(p.scale.place(v))
}

// box is the place of the cells of a row from one column to before another.
func (p *panel) box(area vg.Rectangle, row, from, to int) vg.Rectangle {
	wide, high := area.Size().X/vg.Length(p.Cols), area.Size().Y/vg.Length(p.Rows)
	return vg.Rectangle{
		Min: vg.Point{X: area.Min.X + vg.Length(from)*wide, Y: area.Max.Y - vg.Length(row+1)*high},
		Max: vg.Point{X: area.Min.X + vg.Length(to)*wide, Y: area.Max.Y - vg.Length(row)*high},
	}
}

// runs visits the cells, row after row, joined where neighbours in a row have
// the same colour.
func (p *panel) runs(area vg.Rectangle, visit func(box vg.Rectangle, step int)) {
	for row := range p.Rows {
		for from := 0; from < p.Cols; {
			step, to := p.step(row, from), from+1
			for to < p.Cols && p.step(row, to) == step {
				to++
			}
			visit(p.box(area, row, from, to), step)
			from = to
		}
	}
}

// drawImage draws the cells as an image. Each cell is several pixels of it,
// because viewers smooth between pixels and cells are to have edges.
func (p *panel) drawImage(c draw.Canvas, area vg.Rectangle) {
	palette := make(color.Palette, 0, len(p.colors)+1)
	for _, tone := range p.colors {
		palette = append(palette, tone)
	}
	palette = append(palette, noValue)
	zoom := max(1, pixels/max(p.Rows, p.Cols))
	img := image.NewPaletted(image.Rect(0, 0, p.Cols*zoom, p.Rows*zoom), palette)
	for row := range p.Rows {
		line := img.Pix[row*zoom*img.Stride:]
		for col := range p.Cols {
			step := p.step(row, col)
			if step < 0 {
				step = len(p.colors)
			}
			for i := range zoom {
				line[col*zoom+i] = uint8(step)
			}
		}
		for i := 1; i < zoom; i++ {
			copy(line[i*img.Stride:(i+1)*img.Stride], line[:img.Stride])
		}
	}
	c.DrawImage(area, img)
}

// hatch draws thin diagonal lines in the boxes. The lines of boxes beside
// each other continue each other.
func hatch(c draw.Canvas, boxes []vg.Rectangle) {
	if len(boxes) == 0 {
		return
	}
	const apart = 5.0 // along x
	var lines vg.Path
	for _, b := range boxes {
		// On each line x - y is a multiple of the distance.
		first := math.Ceil(float64(b.Min.X-b.Max.Y) / apart)
		last := math.Floor(float64(b.Max.X-b.Min.Y) / apart)
		for k := first; k <= last; k++ {
			d := vg.Length(k * apart)
			from, to := max(b.Min.X, b.Min.Y+d), min(b.Max.X, b.Max.Y+d)
			if from < to {
				lines.Move(vg.Point{X: from, Y: from - d})
				lines.Line(vg.Point{X: to, Y: to - d})
			}
		}
	}
	c.SetLineStyle(draw.LineStyle{Color: hex(0x9aa0a7), Width: 0.7})
	c.Stroke(lines)
}

func middle(b vg.Rectangle) vg.Point {
	return vg.Point{X: (b.Min.X + b.Max.X) / 2, Y: (b.Min.Y + b.Max.Y) / 2}
}

// drawSymbol draws a mark of the given size around a point. The cross is
// drawn with lines, which stay clear when they are small.
func drawSymbol(c draw.Canvas, symbol string, at vg.Point, size vg.Length, tone color.NRGBA) {
	if symbol != "×" {
		write(c, bold(size), tone, at.X, at.Y-size*0.35, 0.5, clean(symbol))
		return
	}
	h := size * 0.4
	style := draw.LineStyle{Color: tone, Width: max(0.8, size*0.12)}
	c.StrokeLine2(style, at.X-h, at.Y-h, at.X+h, at.Y+h)
	c.StrokeLine2(style, at.X-h, at.Y+h, at.X+h, at.Y-h)
}

// drawNumbers writes the values into their cells, in the prefix of the bar.
func (p *panel) drawNumbers(c draw.Canvas, area vg.Rectangle) {
	size := p.numberSize()
	for row := range p.Rows {
		for col := range p.Cols {
			if step := p.step(row, col); step >= 0 {
				at := middle(p.box(area, row, col, col+1))
				write(c, plain(size), onto(p.colors[step]), at.X, at.Y-size*0.35, 0.5, p.number(row, col))
			}
		}
	}
}

// numberSize is the size of text at which all numbers fit their cells.
func (p *panel) numberSize() vg.Length {
	wide, high := p.cellsWide/vg.Length(p.Cols), p.cellsHigh/vg.Length(p.Rows)
	size := min(tickSize, high*0.7)
	for row := range p.Rows {
		for col := range p.Cols {
			if w := textWidth(plain(tickSize), p.number(row, col)); w > 0 {
				size = min(size, tickSize*wide*0.88/w)
			}
		}
	}
	return size
}

// number writes a value with three significant digits of the largest one;
// whole numbers have no decimals.
func (p *panel) number(row, col int) string {
	scaled := p.Values[row*p.Cols+col] * math.Pow10(-p.scale.exponent)
	if math.IsNaN(scaled) {
		return ""
	}
	decimals := 0
	if !p.whole() {
		largest := max(-p.scale.min, p.scale.max) * math.Pow10(-p.scale.exponent)
		decimals = max(0, 2-powerOf(largest))
	}
	text := strconv.FormatFloat(scaled, 'f', decimals, 64)
	if p.scale.log {
		text = strconv.FormatFloat(scaled, 'g', 3, 64)
	}
	return minus(text)
}

// whole reports whether every value is a whole number.
func (p *panel) whole() bool {
	for _, v := range p.Values {
		if !math.IsNaN(v) && v != math.Trunc(v) {
			return false
		}
	}
	return p.scale.exponent == 0
}

package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"xlab/run/screen"
)

// grid is a map of one value per device, row by row.
type grid struct {
	title  string
	unit   string  // of the printed numbers: "µS"
	scale  float64 // printed number per SI value
	rows   int
	cols   int
	values []float64         // NaN where there is none
	marks  map[[2]int]string // replaces the number, such as "x" for a defective device
}

// cell is the width of a printed number, with the blank before it.
const cell = 5

// print writes the map as a grid of numbers, in pieces of as many columns as the
// screen has room for. With colour each cell's background shows its place between
// the smallest and the largest value on a logarithmic scale, and a bar below
// explains it. Marked cells have no part in that: a single bad device would take the
// colours from all others.
func (g grid) print(to *screen.Screen) error {
	low, high := math.Inf(1), math.Inf(-1)
	for k, v := range g.values {
		if _, marked := g.marks[[2]int{k / g.cols, k % g.cols}]; v > 0 && !marked {
			low, high = min(low, v), max(high, v)
		}
	}
	if _, err := fmt.Fprintf(to, "%s, %s\n", g.title, g.unit); err != nil {
		return err
	}
	pieces := 1
	if width := to.Width(); width > 0 {
		room := max(1, (width-cell)/cell)
		pieces = (g.cols + room - 1) / room
	}
	var out strings.Builder
	for i := range pieces {
		if i > 0 {
			out.WriteString("\n")
		}
		g.piece(&out, i*g.cols/pieces, (i+1)*g.cols/pieces, func(text string, v float64) string {
			if !to.Coloured() {
				return text
			}
			return shade(text, position(v, low, high))
		})
	}
	if to.Coloured() && high > low {
		left, right := g.number(low, "")+" ", fmt.Sprintf(" %s %s (logarithmic)", g.number(high, ""), g.unit)
		length := max(2, min(40, to.Width()-cell-screen.Width(left+right)))
		out.WriteString(strings.Repeat(" ", cell) + left)
		for i := range length {
			out.WriteString(shade(" ", float64(i)/float64(length-1)))
		}
		out.WriteString(right + "\n")
	}
	return to.Styled(out.String())
}

// piece writes some of the columns.
func (g grid) piece(out *strings.Builder, from, to int, shaded func(text string, v float64) string) {
	out.WriteString(strings.Repeat(" ", cell))
	for c := from; c < to; c++ {
		fmt.Fprintf(out, "%*d", cell, c)
	}
	out.WriteString("\n")
	for r := range g.rows {
		fmt.Fprintf(out, "%*d ", cell-1, r)
		for c := from; c < to; c++ {
			v := g.values[r*g.cols+c]
			mark := g.marks[[2]int{r, c}]
			text := fmt.Sprintf("%*s", cell, g.number(v, mark))
			if v > 0 && mark == "" {
				text = shaded(text, v)
			}
			out.WriteString(text)
		}
		out.WriteString("\n")
	}
}

func (g grid) number(v float64, mark string) string {
	switch x := v * g.scale; {
	case mark != "":
		return mark
	case math.IsNaN(v):
		return "-"
	case math.Abs(x) >= 99.95:
		return strconv.FormatFloat(x, 'f', 0, 64)
	case math.Abs(x) >= 0.095:
		return strconv.FormatFloat(x, 'f', 1, 64)
	default:
		return strconv.FormatFloat(x, 'f', 2, 64)
	}
}

// position places v between low and high on a logarithmic scale, 0 to 1.
func position(v, low, high float64) float64 {
	if !(high > low) {
		return 0.5
	}
	return math.Log(v/low) / math.Log(high/low)
}

// stops of a perceptually even scale from dark blue over green to yellow.
var stops = [][3]float64{{68, 1, 84}, {59, 82, 139}, {33, 145, 140}, {94, 201, 98}, {253, 231, 37}}

// shade gives text a background for x in 0 to 1, with readable letters on it.
func shade(text string, x float64) string {
	x = math.Max(0, math.Min(1, x)) * float64(len(stops)-1)
	i := min(int(x), len(stops)-2)
	f := x - float64(i)
	var rgb [3]int
	for k := range rgb {
		rgb[k] = int(math.Round(stops[i][k]*(1-f) + stops[i+1][k]*f))
	}
	ink := "97"
	if 299*rgb[0]+587*rgb[1]+114*rgb[2] > 128000 {
		ink = "30"
	}
	return fmt.Sprintf("\x1b[%s;48;2;%d;%d;%dm%s\x1b[0m", ink, rgb[0], rgb[1], rgb[2], text)
}

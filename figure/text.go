package figure

import (
	"cmp"
	"image/color"
	"strings"
	"unicode"
	"unicode/utf8"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Sizes of text in points, on a figure 600 or 900 points wide.
const (
	titleSize = 15
	labelSize = 12.5
	tickSize  = 11
	noteSize  = 10
)

var (
	ink   = color.NRGBA{R: 0x1c, G: 0x1e, B: 0x21, A: 0xff} // text, axes
	muted = color.NRGBA{R: 0x5c, G: 0x60, B: 0x66, A: 0xff} // second-rank text
	faint = color.NRGBA{R: 0xe2, G: 0xe4, B: 0xe7, A: 0xff} // grid lines
)

func plain(size vg.Length) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
}

func bold(size vg.Length) font.Font {
	f := plain(size)
	f.Weight = xfont.WeightBold
	return f
}

func textWidth(f font.Font, s string) vg.Length {
	face := font.DefaultCache.Lookup(f, f.Size)
	return face.Width(s)
}

// write puts one line of text with its baseline at y; align is 0 for text
// that starts at x, 0.5 for text centred on it and 1 for text that ends there.
func write(c draw.Canvas, f font.Font, ink color.Color, x, y, align vg.Length, s string) {
	if s == "" {
		return
	}
	face := font.DefaultCache.Lookup(f, f.Size)
	c.SetColor(ink)
	c.FillString(face, vg.Point{X: x - align*face.Width(s), Y: y}, s)
}

// writeUp is write for text turned a quarter to the left: its baseline is the
// vertical line at x, and align is along y.
func writeUp(c draw.Canvas, f font.Font, ink color.Color, x, y, align vg.Length, s string) {
	c.Push()
	c.Translate(vg.Point{X: x, Y: y})
	c.Rotate(quarterTurn)
	write(c, f, ink, 0, 0, align, s)
	c.Pop()
}

// clean makes one line of valid XML text of s: what no document may contain
// becomes the replacement character, which can be seen.
func clean(s string) string {
	s = strings.ToValidUTF8(s, string(utf8.RuneError))
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r) || r == 0xfffe || r == 0xffff:
			return utf8.RuneError
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}

// named is a cleaned label, or another one where it is empty.
func named(label, otherwise string) string {
	return cmp.Or(clean(label), otherwise)
}

// wrap breaks text between words so that no line is wider than width. A
// single word that is too wide is broken where it has to be.
func wrap(f font.Font, s string, width vg.Length) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		for textWidth(f, word) > width {
			if line != "" {
				lines, line = append(lines, line), ""
			}
			head := fitting(f, word, width)
			lines, word = append(lines, word[:head]), word[head:]
		}
		switch joined := line + " " + word; {
		case line == "":
			line = word
		case textWidth(f, joined) <= width:
			line = joined
		default:
			lines, line = append(lines, line), word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// fitting is the length in bytes of the longest beginning of s that fits, at
// least one character.
func fitting(f font.Font, s string, width vg.Length) int {
	_, end := utf8.DecodeRuneInString(s)
	for end < len(s) {
		_, n := utf8.DecodeRuneInString(s[end:])
		if textWidth(f, s[:end+n]) > width {
			break
		}
		end += n
	}
	return end
}

// shorten cuts a name that is wider than width and marks the cut.
func shorten(f font.Font, s string, width vg.Length) string {
	if textWidth(f, s) <= width {
		return s
	}
	return strings.TrimRight(s[:fitting(f, s, width-textWidth(f, "…"))], " ") + "…"
}

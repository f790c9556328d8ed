package dataset

import (
	"bufio"
	"cmp"
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"
)

// letters is the project's own training set: ten variants each of A, T, V and
// X on 4 x 4 pixels.
//
//go:embed letters.txt
var letters string

// Letters is the training set of 40 letter patterns: ten variants each of A,
// T, V and X as 4 x 4 black-and-white images. No linear classifier separates
// them; the tests prove it.
func Letters() *Set {
	s, err := ReadPatterns(strings.NewReader(letters), "letters")
	if err != nil {
		panic(err) // the text is compiled in, and a test reads it
	}
	return s
}

// ReadPatterns reads black-and-white images drawn as text. Every class is a
// line with its name, followed by strips of patterns: patterns side by side,
// separated by blanks, '#' black and '.' white, as many lines as a pattern has
// rows. All patterns have the same size. An empty line ends a strip; a line
// that starts with ';' is a comment. Errors name the line of text.
func ReadPatterns(r io.Reader, name string) (*Set, error) {
	p := patternReader{name: name, set: &Set{Name: name}}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		var err error
		switch {
		case strings.HasPrefix(line, ";"):
		case line == "":
			err = p.endStrip(n)
		case strings.Trim(line, "#. ") == "":
			err = p.row(n, strings.Fields(line))
		default:
			err = p.class(n, line)
		}
		if err != nil {
			return nil, err
		}
		p.lines = n
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := p.endStrip(p.lines); err != nil {
		return nil, err
	}
	if len(p.pixels) == 0 {
		return nil, fmt.Errorf("%s: there is no pattern in it", name)
	}
	p.set.X = mat.NewDense(len(p.set.Labels), p.set.Image.Pixels(), p.pixels)
	return p.set, p.set.Validate()
}

type patternReader struct {
	name   string
	set    *Set
	lines  int
	strip  [][]string // rows of the strip being read, one text per pattern
	pixels []float64
}

func (p *patternReader) class(line int, name string) error {
	if err := p.endStrip(line); err != nil {
		return err
	}
	if slices.Contains(p.set.Classes, name) {
		return fmt.Errorf("%s:%d: class %q is there twice", p.name, line, name)
	}
	p.set.Classes = append(p.set.Classes, name)
	return nil
}

func (p *patternReader) row(line int, cells []string) error {
	if len(p.set.Classes) == 0 {
		return fmt.Errorf("%s:%d: a pattern before the name of its class", p.name, line)
	}
	if len(p.strip) > 0 && len(cells) != len(p.strip[0]) {
		return fmt.Errorf("%s:%d: %d patterns in this row of the strip, %d in the one before", p.name, line, len(cells),
			len(p.strip[0]))
	}
	p.set.Image.Columns = cmp.Or(p.set.Image.Columns, len(cells[0]))
	for i, c := range cells {
		if len(c) != p.set.Image.Columns {
			return fmt.Errorf("%s:%d: pattern %d is %d pixels wide, others are %d", p.name, line, i, len(c), p.set.Image.Columns)
		}
	}
	p.strip = append(p.strip, cells)
	return nil
}

func (p *patternReader) endStrip(line int) error {
	if len(p.strip) == 0 {
		return nil
	}
	p.set.Image.Rows = cmp.Or(p.set.Image.Rows, len(p.strip))
	if len(p.strip) != p.set.Image.Rows {
		return fmt.Errorf("%s:%d: the patterns above have %d rows, others have %d", p.name, line, len(p.strip),
			p.set.Image.Rows)
	}
	for i := range p.strip[0] {
		for _, row := range p.strip {
			for _, c := range row[i] {
				pixel := -1.0
				if c == '#' {
					pixel = 1
				}
				p.pixels = append(p.pixels, pixel)
			}
		}
		p.set.Labels = append(p.set.Labels, len(p.set.Classes)-1)
	}
	p.strip = nil
	return nil
}

// Flip is the set in which every pattern occurs once for each of its pixels,
// with that pixel turned from black to white or back: 640 test patterns from
// the 40 letters. Sample i*pixels + k is pattern i with pixel k flipped. All
// features must be 1 or -1.
func Flip(s *Set) (*Set, error) {
	samples, width := s.X.Dims()
	f := *s
	f.Name = s.Name + ", each pixel flipped once"
	f.X = mat.NewDense(samples*width, width, nil)
	f.Labels = make([]int, 0, samples*width)
	for i := range samples {
		row := s.X.RawRowView(i)
		for k, x := range row {
			if x != 1 && x != -1 {
				return nil, fmt.Errorf("data set %s: sample %d, %s is %g: only black (1) and white (-1) can be flipped", s.Name, i,
					s.feature(k), x)
			}
			f.X.SetRow(i*width+k, row)
			f.X.Set(i*width+k, k, -x)
			f.Labels = append(f.Labels, s.Labels[i])
		}
	}
	return &f, nil
}

// shades are characters of rising ink for grey patterns.
const shades = ".:-=+*%@#"

// Sheet draws the patterns as text, perLine of them side by side, class by
// class. Black and white give what ReadPatterns reads; grey is drawn in nine
// shades. Features beyond -1 to 1 are drawn as black or white.
func (s *Set) Sheet(w io.Writer, perLine int) error {
	if s.Image.Pixels() == 0 {
		return fmt.Errorf("data set %s has no images to draw", s.Name)
	}
	if perLine < 1 {
		return fmt.Errorf("%d patterns per line cannot be drawn", perLine)
	}
	b := bufio.NewWriter(w)
	for c, name := range s.Classes {
		if c > 0 {
			fmt.Fprintln(b)
		}
		fmt.Fprintln(b, name)
		var members []int
		for i, y := range s.Labels {
			if y == c {
				members = append(members, i)
			}
		}
		for k := 0; k < len(members); k += perLine {
			if k > 0 {
				fmt.Fprintln(b)
			}
			strip := members[k:min(k+perLine, len(members))]
			for row := range s.Image.Rows {
				for n, i := range strip {
					if n > 0 {
						b.WriteByte(' ')
					}
					b.WriteString(s.pixelRow(i, row))
				}
				b.WriteByte('\n')
			}
		}
	}
	return b.Flush()
}

func (s *Set) pixelRow(sample, row int) string {
	pixels := s.X.RawRowView(sample)[row*s.Image.Columns : (row+1)*s.Image.Columns]
	text := make([]byte, len(pixels))
	const top = len(shades) - 1
	for i, x := range pixels {
		level := int((x+1)/2*float64(top) + 0.5)
		text[i] = shades[min(max(level, 0), top)]
	}
	return string(text)
}

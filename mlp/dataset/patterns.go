package dataset

import (
	"bufio"
	_ "embed"
	"fmt"
	"io"
	"strings"

	"gonum.org/v1/gonum/mat"
)

// letters is the project's own training set: ten variants each of A, T, V and
// X on 4 x 4 pixels.
//
//go:embed letters.txt
var letters string

// Letters is the training set of 40 letter patterns: ten variants each of A,
// T, V and X as 4 x 4 images, black (1) on white (-1). No linear classifier
// separates them; the tests prove it. In the text, which is compiled in, a class is
// its name and the rows of its patterns side by side.
func Letters() *Set {
	s := &Set{Name: "letters", Image: Image{Rows: 4, Columns: 4}}
	var pixels []float64
	_, text, _ := strings.Cut(letters, "\n") // what it is
	for class, block := range strings.Split(strings.TrimSpace(text), "\n\n") {
		lines := strings.Split(block, "\n")
		s.Classes = append(s.Classes, lines[0])
		for i := range strings.Fields(lines[1]) {
			for _, row := range lines[1:] {
				for _, c := range strings.Fields(row)[i] {
					pixels = append(pixels, map[rune]float64{'#': 1, '.': -1}[c])
				}
			}
			s.Labels = append(s.Labels, class)
		}
	}
	s.X = mat.NewDense(len(s.Labels), s.Image.Pixels(), pixels)
	return s
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
// class. Black is # and white a point; grey is drawn in nine shades. Features
// beyond -1 to 1 are drawn as black or white.
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

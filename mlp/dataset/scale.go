package dataset

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Scaling turns a feature x into (x - Offset) Scale, which is meant to lie
// between -1 and 1. It is fitted to a training set and then applied to every
// other set, so that nothing of a test set enters the training.
type Scaling struct {
	Offset []float64 `json:"offset"` // one per feature, in the feature's unit
	Scale  []float64 `json:"scale"`  // one per feature, in 1/unit
}

// FitRange scales the smallest value of every feature to -1 and the largest to
// 1. A feature that never changes becomes 0.
func FitRange(s *Set) Scaling {
	samples, width := s.X.Dims()
	c := Scaling{Offset: make([]float64, width), Scale: make([]float64, width)}
	column := make([]float64, samples)
	for f := range width {
		mat.Col(column, f, s.X)
		low, high := slices.Min(column), slices.Max(column)
		c.Offset[f] = (low + high) / 2
		if high > low {
			c.Scale[f] = 2 / (high - low)
		}
	}
	return c
}

// GreyScaling scales 0 to -1 and 255 to 1 in all of width features, the pixels of
// grey images.
func GreyScaling(width int) Scaling {
	const half = 255.0 / 2
	return Scaling{Offset: slices.Repeat([]float64{half}, width), Scale: slices.Repeat([]float64{1 / half}, width)}
}

// Apply is the scaled set. Values that come to lie beyond -1 or 1, because the
// scaling was fitted to other samples, are set to the bound; limited tells how
// many, for the caller to report.
func (c Scaling) Apply(s *Set) (scaled *Set, limited int, err error) {
	samples, width := s.X.Dims()
	if len(c.Offset) != width || len(c.Scale) != width {
		return nil, 0, fmt.Errorf("scaling is of %d features, data set %s has %d", len(c.Scale), s.Name, width)
	}
	t := *s
	t.X = mat.NewDense(samples, width, nil)
	for i := range samples {
		from, to := s.X.RawRowView(i), t.X.RawRowView(i)
		for f, x := range from {
			to[f] = (x - c.Offset[f]) * c.Scale[f]
			// Rounding alone passes the bound by 1 unit in the last place; that
			// is not worth reporting.
			if math.Abs(to[f]) > 1 {
				if math.Abs(to[f]) > 1+1e-9 {
					limited++
				}
				to[f] = math.Copysign(1, to[f])
			}
		}
	}
	return &t, limited, nil
}

// Pool shrinks images to rows x columns pixels, each the mean of the pixels of
// the original that it covers: 28 x 28 digits become 4 x 4 inputs.
func Pool(s *Set, rows, columns int) (*Set, error) {
	if s.Image.Pixels() == 0 {
		return nil, fmt.Errorf("data set %s has no images to shrink", s.Name)
	}
	if rows < 1 || columns < 1 || rows > s.Image.Rows || columns > s.Image.Columns {
		return nil, fmt.Errorf("images of %d x %d pixels cannot be shrunk to %d x %d", s.Image.Rows, s.Image.Columns, rows,
			columns)
	}
	p := *s
	p.Image = Image{Rows: rows, Columns: columns}
	p.Features = nil
	p.X = mat.NewDense(s.Len(), p.Image.Pixels(), nil)
	for i := range s.Len() {
		from, to := s.X.RawRowView(i), p.X.RawRowView(i)
		for r := range rows {
			top, bottom := r*s.Image.Rows/rows, (r+1)*s.Image.Rows/rows
			for c := range columns {
				left, right := c*s.Image.Columns/columns, (c+1)*s.Image.Columns/columns
				sum := 0.0
				for y := top; y < bottom; y++ {
					for _, x := range from[y*s.Image.Columns+left : y*s.Image.Columns+right] {
						sum += x
					}
				}
				to[r*columns+c] = sum / float64((bottom-top)*(right-left))
			}
		}
	}
	return &p, nil
}

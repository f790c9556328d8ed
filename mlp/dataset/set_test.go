package dataset

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"
)

func small() *Set {
	return &Set{
		Name:    "small",
		Classes: []string{"no", "yes"},
		X:       mat.NewDense(4, 2, []float64{1, 2, 3, 4, 5, 6, 7, 8}),
		Labels:  []int{0, 1, 1, 0},
	}
}

func TestValidate(t *testing.T) {
	if err := small().Validate(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		spoil func(*Set)
		want  string
	}{
		"empty":  {func(s *Set) { s.X, s.Labels = nil, nil }, "has no samples"},
		"labels": {func(s *Set) { s.Labels = s.Labels[:3] }, "4 samples and 3 labels"},
		"names":  {func(s *Set) { s.Features = []string{"a"} }, "2 features and 1 names"},
		"image":  {func(s *Set) { s.Image = Image{2, 2} }, "images of 2 x 2 pixels and 2 features"},
		"label":  {func(s *Set) { s.Labels[2] = 2 }, "sample 2 has label 2, there are 2 classes"},
		"NaN":    {func(s *Set) { s.X.Set(1, 1, math.NaN()) }, "sample 1, feature 1 is NaN"},
		"NaN, named": {func(s *Set) { s.Features = []string{"a", "b"}; s.X.Set(1, 1, math.Inf(1)) },
			`sample 1, feature "b" is +Inf`},
	} {
		t.Run(name, func(t *testing.T) {
			s := small()
			c.spoil(s)
			if err := s.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	s := small()
	if w := s.Warnings(); len(w) != 0 {
		t.Errorf("warnings about nothing: %q", w)
	}
	s.Classes = append(s.Classes, "maybe")
	s.X = mat.NewDense(4, 2, []float64{1, 2, 1, 4, 1, 2, 1, 8})
	w := strings.Join(s.Warnings(), "\n")
	for _, want := range []string{`class "maybe" never occurs`, "1 of 2 features of data set small never change",
		"1 sample of data set small equals a sample of another class"} {
		if !strings.Contains(w, want) {
			t.Errorf("no warning %q in\n%s", want, w)
		}
	}
}

func TestDigestTellsSetsApart(t *testing.T) {
	base := small().Digest()
	renamed := small()
	renamed.Name = "other"
	if renamed.Digest() != base {
		t.Error("the name changes the digest")
	}
	for name, change := range map[string]func(*Set){
		"feature": func(s *Set) { s.X.Set(0, 0, 1.5) },
		"label":   func(s *Set) { s.Labels[0] = 1 },
		"class":   func(s *Set) { s.Classes = []string{"no", "yet"} },
		"shape":   func(s *Set) { s.X, s.Labels = mat.NewDense(8, 1, s.X.RawMatrix().Data), append(s.Labels, s.Labels...) },
	} {
		s := small()
		change(s)
		if s.Digest() == base {
			t.Errorf("another %s has the same digest", name)
		}
	}
}

func TestOnly(t *testing.T) {
	s, err := Letters().Only("X", "A")
	if err != nil {
		t.Fatal(err)
	}
	if s.Len() != 20 || s.Labels[0] != 1 || s.Labels[19] != 0 {
		t.Errorf("%d samples, labels %v", s.Len(), s.Labels)
	}
	if s.Validate() != nil || !slices.Equal(s.Counts(), []int{10, 10}) {
		t.Errorf("counts %v, %v", s.Counts(), s.Validate())
	}
	for _, names := range [][]string{{"A", "Q"}, {"A", "A"}, {}} {
		if _, err := Letters().Only(names...); err == nil {
			t.Errorf("a selection of %q is accepted", names)
		}
	}
}

func TestSplitRefusesAnEmptyPart(t *testing.T) {
	two, err := small().Pick([]int{0, 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := two.Split(0.1, 1); err == nil || !strings.Contains(err.Error(), "a share of 0.1 of 2 samples") {
		t.Errorf("%v", err)
	}
}

func TestSplitIsStratifiedAndSeeded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, seed := Letters(), rapid.Uint64().Draw(t, "seed")
		a, b, err := s.Split(0.7, seed)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(a.Counts(), []int{7, 7, 7, 7}) || !slices.Equal(b.Counts(), []int{3, 3, 3, 3}) {
			t.Fatalf("split into %v and %v", a.Counts(), b.Counts())
		}
		// Letters are distinct: together the parts must hold each of them once.
		seen := map[string]bool{}
		for _, part := range []*Set{a, b} {
			for i := range part.Len() {
				seen[string(rowBytes(nil, part.X.RawRowView(i)))] = true
			}
		}
		if len(seen) != s.Len() {
			t.Fatalf("the parts hold %d different samples of %d", len(seen), s.Len())
		}
		again, _, err := s.Split(0.7, seed)
		if err != nil || again.Digest() != a.Digest() {
			t.Fatalf("the same seed splits differently (%v)", err)
		}
	})
	one, _, _ := Letters().Split(0.5, 1)
	two, _, _ := Letters().Split(0.5, 2)
	if one.Digest() == two.Digest() {
		t.Error("two seeds split the same way")
	}
	for _, share := range []float64{0, 1, math.NaN()} {
		if _, _, err := small().Split(share, 1); err == nil {
			t.Errorf("a share of %g is accepted", share)
		}
	}
}

func TestScalings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		samples, width := rapid.IntRange(1, 8).Draw(t, "samples"), rapid.IntRange(1, 4).Draw(t, "width")
		values := rapid.SliceOfN(rapid.Float64Range(-1e6, 1e6), samples*width, samples*width).Draw(t, "values")
		s := &Set{Name: "drawn", Classes: []string{"a"}, X: mat.NewDense(samples, width, values),
			Labels: make([]int, samples)}
		c := FitRange(s)
		scaled, limited, err := c.Apply(s)
		if err != nil || limited != 0 {
			t.Fatalf("%d values of the fitted set beyond the bounds, %v", limited, err)
		}
		for f := range width {
			low, high := math.Inf(1), math.Inf(-1)
			for i := range samples {
				x := scaled.X.At(i, f)
				low, high = min(low, x), max(high, x)
				if back := x/max(c.Scale[f], 1e-300) + c.Offset[f]; c.Scale[f] != 0 &&
					math.Abs(back-s.X.At(i, f)) > 1e-6*(1+math.Abs(s.X.At(i, f))) {
					t.Fatalf("%g is scaled to %g and that back to %g", s.X.At(i, f), x, back)
				}
			}
			if c.Scale[f] != 0 && (math.Abs(low+1) > 1e-9 || math.Abs(high-1) > 1e-9) || c.Scale[f] == 0 &&
				(low != 0 || high != 0) {
				t.Fatalf("feature %d is scaled to %g ... %g", f, low, high)
			}
		}
	})
	s := small()
	c := FitRange(s)
	// Feature 0 is 1, 3, 5, 7.
	if c.Offset[0] != 4 || math.Abs(c.Scale[0]-1.0/3) > 1e-15 {
		t.Errorf("offset %g, scale %g", c.Offset[0], c.Scale[0])
	}
	s.X.Set(0, 0, 100)
	scaled, limited, err := c.Apply(s)
	if err != nil || limited != 1 || scaled.X.At(0, 0) != 1 {
		t.Errorf("%d values limited, the first is %g, %v", limited, scaled.X.At(0, 0), err)
	}
	if s.X.At(0, 0) != 100 {
		t.Error("scaling changed the set it was given")
	}
	if _, _, err := GreyScaling(3).Apply(s); err == nil || !strings.Contains(err.Error(),
		"scaling is of 3 features, data set small has 2") {
		t.Errorf("wrong width: %v", err)
	}
}

func TestPool(t *testing.T) {
	s := &Set{Name: "image", Classes: []string{"a"}, Labels: []int{0}, Image: Image{4, 6},
		X: mat.NewDense(1, 24, []float64{
			0, 1, 2, 3, 4, 5,
			6, 7, 8, 9, 10, 11,
			1, 1, 1, 1, 1, 1,
			3, 3, 3, 3, 3, 3,
		})}
	p, err := Pool(s, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	want := []float64{3.5, 5.5, 7.5, 2, 2, 2}
	if !slices.Equal(p.X.RawRowView(0), want) || p.Image != (Image{2, 3}) || p.Validate() != nil {
		t.Errorf("pooled to %v %v, want %v", p.Image, p.X.RawRowView(0), want)
	}
	whole, err := Pool(s, 4, 6)
	if err != nil || !slices.Equal(whole.X.RawRowView(0), s.X.RawRowView(0)) {
		t.Errorf("pooling to the same size changes the image (%v)", err)
	}
	for _, size := range [][2]int{{0, 1}, {5, 1}, {1, 7}} {
		if _, err := Pool(s, size[0], size[1]); err == nil {
			t.Errorf("pooling to %v is accepted", size)
		}
	}
	if _, err := Pool(small(), 1, 1); err == nil {
		t.Error("pooling of what is no image is accepted")
	}
}

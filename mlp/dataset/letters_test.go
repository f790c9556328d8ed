package dataset

import (
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize/convex/lp"
)

func TestLettersAreFortyDistinctPatterns(t *testing.T) {
	s := Letters()
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	if s.Len() != 40 || s.Width() != 16 || (s.Image != Image{4, 4}) {
		t.Fatalf("%d patterns of %d pixels, image %v", s.Len(), s.Width(), s.Image)
	}
	if !slices.Equal(s.Classes, []string{"A", "T", "V", "X"}) || !slices.Equal(s.Counts(), []int{10, 10, 10, 10}) {
		t.Errorf("classes %q with %v patterns", s.Classes, s.Counts())
	}
	seen := map[string]int{}
	for i := range s.Len() {
		key := string(rowBytes(nil, s.X.RawRowView(i)))
		if k, ok := seen[key]; ok {
			t.Errorf("patterns %d and %d are the same", k, i)
		}
		seen[key] = i
		for _, x := range s.X.RawRowView(i) {
			if x != 1 && x != -1 {
				t.Errorf("pattern %d has a pixel of %g", i, x)
			}
		}
	}
	if w := s.Warnings(); len(w) != 0 {
		t.Errorf("warnings: %q", w)
	}
}

func TestFlipTurnsEveryPixelOnce(t *testing.T) {
	s := Letters()
	f, err := Flip(s)
	if err != nil {
		t.Fatal(err)
	}
	if f.Len() != 640 || f.Validate() != nil {
		t.Fatalf("%d test patterns, %v", f.Len(), f.Validate())
	}
	for i := range f.Len() {
		parent, pixel := i/16, i%16
		if f.Labels[i] != s.Labels[parent] {
			t.Fatalf("test pattern %d has class %d, its parent %d", i, f.Labels[i], s.Labels[parent])
		}
		for k, x := range f.X.RawRowView(i) {
			if want := s.X.At(parent, k) * map[bool]float64{true: -1, false: 1}[k == pixel]; x != want {
				t.Fatalf("test pattern %d, pixel %d is %g, want %g", i, k, x, want)
			}
		}
	}
	s.X.Set(3, 5, 0.5)
	if _, err := Flip(s); err == nil || !strings.Contains(err.Error(), "sample 3, feature 5 is 0.5") {
		t.Errorf("flipping grey: %v", err)
	}
}

// TestLettersShareSums is the shortest proof that no linear classifier
// separates the letters: two patterns of one class have, pixel by pixel, the
// same sum as two of another. Any linear score gives both couples the same sum
// of scores, so it cannot be positive for the one class and negative for the
// other. That holds for one class against the rest and for the largest of
// several scores.
func TestLettersShareSums(t *testing.T) {
	s := Letters()
	type couple struct{ class, a, b int }
	sums := map[string][]couple{}
	for a := range s.Len() {
		for b := range a {
			if s.Labels[a] == s.Labels[b] {
				sum := make([]float64, s.Width())
				for k := range sum {
					sum[k] = s.X.At(a, k) + s.X.At(b, k)
				}
				key := string(rowBytes(nil, sum))
				sums[key] = append(sums[key], couple{s.Labels[a], a, b})
			}
		}
	}
	found := 0
	for _, list := range sums {
		for _, c := range list[1:] {
			if c.class != list[0].class {
				found++
				t.Logf("%s%v + %s%v = %s%v + %s%v", s.Classes[c.class], c.a, s.Classes[c.class], c.b,
					s.Classes[list[0].class], list[0].a, s.Classes[list[0].class], list[0].b)
			}
		}
	}
	if found == 0 {
		t.Error("no two classes share a sum of two patterns")
	}
}

// intersection looks for a point that lies in the convex hull of the patterns
// with sign 1 and in that of the patterns with sign -1: weights >= 0, of sum 1
// in each hull, with equal mean patterns. There is one exactly when no plane
// separates the two sets (Farkas). columns are sign times (pattern, 1).
func intersection(t *testing.T, columns [][]float64) (weights []float64, found bool) {
	t.Helper()
	height := len(columns[0])
	a := mat.NewDense(height+1, len(columns), nil)
	for j, c := range columns {
		a.SetCol(j, append(slices.Clone(c), 1))
	}
	b := make([]float64, height+1)
	b[height] = 1
	_, x, err := lp.Simplex(make([]float64, len(columns)), a, b, 1e-10, nil)
	if err == lp.ErrInfeasible {
		return nil, false
	}
	if err != nil {
		t.Fatal(err)
	}
	// The solver is not trusted: what it found is checked.
	var left mat.VecDense
	left.MulVec(a, mat.NewVecDense(len(x), x))
	for i, want := range b {
		if math.Abs(left.AtVec(i)-want) > 1e-9 {
			t.Fatalf("equation %d of the certificate is off by %g", i, left.AtVec(i)-want)
		}
	}
	for j, w := range x {
		if w < -1e-12 {
			t.Fatalf("weight %d of the certificate is %g", j, w)
		}
	}
	return x, true
}

// oneAgainstRest are the columns of intersection for one class.
func oneAgainstRest(s *Set, class int) [][]float64 {
	columns := make([][]float64, s.Len())
	for i := range columns {
		sign := -1.0
		if s.Labels[i] == class {
			sign = 1
		}
		for _, x := range s.X.RawRowView(i) {
			columns[i] = append(columns[i], sign*x)
		}
		columns[i] = append(columns[i], sign)
	}
	return columns
}

// largestScore are the columns for the classifier with one linear score per
// class whose largest decides: for every pattern and every wrong class, the
// score of the right one must be larger. The scores of the last class are the
// zero that the others are measured from.
func largestScore(s *Set) [][]float64 {
	block := s.Width() + 1
	var columns [][]float64
	for i, y := range s.Labels {
		for k := range s.Classes {
			if k == y {
				continue
			}
			c := make([]float64, block*(len(s.Classes)-1))
			for class, sign := range map[int]float64{y: 1, k: -1} {
				if class == len(s.Classes)-1 {
					continue
				}
				for f, x := range s.X.RawRowView(i) {
					c[class*block+f] = sign * x
				}
				c[class*block+s.Width()] = sign
			}
			columns = append(columns, c)
		}
	}
	return columns
}

func TestLettersAreNotLinearlySeparable(t *testing.T) {
	s := Letters()
	for class, name := range s.Classes {
		columns := oneAgainstRest(s, class)
		_, found := intersection(t, columns)
		if inseparable := name == "T" || name == "V"; found != inseparable {
			t.Errorf("%s against the other letters: inseparable %v, want %v", name, found, inseparable)
		}
		// Where there is a plane, the perceptron finds it: the procedure above
		// does not call everything inseparable, nor miss a plane that exists.
		if plane := perceptron(columns, 10000); plane == found {
			t.Errorf("%s against the other letters: inseparable %v, but a plane found %v", name, found, plane)
		}
	}
	if _, found := intersection(t, largestScore(s)); !found {
		t.Error("a single-layer perceptron with one output per letter classifies all of them")
	}
}

// perceptron is Rosenblatt's rule: it looks for w with w c > 0 for all
// columns, and finds one in a finite number of rounds if there is any.
func perceptron(columns [][]float64, rounds int) bool {
	w := make([]float64, len(columns[0]))
	for range rounds {
		wrong := false
		for _, c := range columns {
			if floats.Dot(w, c) <= 0 {
				floats.Add(w, c)
				wrong = true
			}
		}
		if !wrong {
			return true
		}
	}
	return false
}

func ExampleSet_Sheet() {
	letters := Letters()
	vs, err := letters.Only("V")
	if err != nil {
		panic(err)
	}
	if err := vs.Sheet(os.Stdout, 5); err != nil {
		panic(err)
	}
	// Output:
	// V
	// #..# #..# .... #..# ##.#
	// #..# #..# #..# .##. #..#
	// #..# .##. #..# .##. #..#
	// .##. .... .##. .... .##.
	//
	// #..# #.#. .#.# #.#. #..#
	// ##.# #.#. .#.# ##.. .#.#
	// .##. .#.. ..#. ##.. ..##
	// .#.. .#.. ..#. .... ...#
}

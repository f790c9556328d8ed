package procedure

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"xlab/mlp"
	"xlab/mlp/dataset"
)

// A set survives being kept in a run's specification.
func TestKeptSet(t *testing.T) {
	letters := dataset.Letters()
	again, err := KeepSet(letters).Set()
	if err != nil || again.Digest() != letters.Digest() || again.Image != letters.Image {
		t.Errorf("the letters came back as %+v, %v", again, err)
	}
	broken := KeepSet(letters)
	broken.X[5] = broken.X[5][:3]
	if _, err := broken.Set(); err == nil || !strings.Contains(err.Error(), "sample 5 has 3 features") {
		t.Errorf("a row too short: %v", err)
	}
}

func TestDataFlags(t *testing.T) {
	file := filepath.Join(t.TempDir(), "points.csv")
	if err := os.WriteFile(file, []byte("x,y,side\n0,0,a\n10,4,a\n5,2,b\n4,8,b\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	d := &DataFlags{file: file}
	data, err := d.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	if data.Test != nil || data.Scaling == nil || data.Train.X.At(1, 0) != 1 || data.Train.X.At(2, 0) != 0 ||
		data.Train.X.At(0, 1) != -1 {
		t.Errorf("scaled to %v", mat.Formatted(data.Train.X))
	}
	// With the scaling of another training, values beyond it are limited and told.
	known := &dataset.Scaling{Offset: []float64{2, 2}, Scale: []float64{0.5, 0.5}}
	if data, err = d.Load(known); err != nil || !strings.Contains(strings.Join(data.Warnings, "\n"),
		"3 values lie beyond what the scaling was fitted to") {
		t.Errorf("warnings %q, %v", data.Warnings, err)
	}
	d.ternary = true
	if data, err = d.Load(nil); err != nil || data.Train.X.At(3, 0) != 0 {
		t.Errorf("rounded to %v, %v", mat.Formatted(data.Train.X), err)
	}
	// A network that tells three letters apart is given those, not all.
	three := &mlp.File{Provenance: mlp.Provenance{Data: mlp.Data{Classes: []string{"A", "T", "X"}}}}
	if letters, err := (&DataFlags{}).loadFor(three); err != nil || letters.Train.Len() != 30 ||
		letters.Test.Len() != 480 || len(letters.Test.Classes) != 3 {
		t.Errorf("three letters: %+v, %v", letters, err)
	}
	if letters, err := (&DataFlags{classes: []string{"V", "A"}}).loadFor(three); err != nil || letters.Train.Len() != 20 ||
		letters.Train.Classes[0] != "V" {
		t.Errorf("two letters asked for: %+v, %v", letters, err)
	}
	// The class is the one column that holds no numbers, wherever it is.
	if err := os.WriteFile(file, []byte("side,x\na,0\nb,1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	sides, err := (&DataFlags{file: file}).Load(nil)
	if err != nil || !slices.Equal(sides.Train.Classes, []string{"a", "b"}) {
		t.Errorf("the class in the first column: %v", err)
	}
	n, err := mlp.New(mlp.LetterDesign())
	if err != nil {
		t.Fatal(err)
	}
	if err := data.fits(&mlp.File{Network: n}); err == nil || !strings.Contains(err.Error(),
		"has 2 features, the network 16-10-4 has 16 inputs") {
		t.Errorf("width: %v", err)
	}
}

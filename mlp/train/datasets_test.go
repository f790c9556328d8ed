package train

import (
	"testing"

	"xlab/mlp"
	"xlab/mlp/dataset"
	"xlab/mlp/dataset/datasettest"
)

// learn scales with the training part alone, trains, and checks the test part.
func learn(t *testing.T, first, rest *dataset.Set, scaling dataset.Scaling, o Options, least float64, hidden ...int) {
	t.Helper()
	first, limited, err := scaling.Apply(first)
	if err != nil || limited != 0 {
		t.Fatalf("%d values of the training part limited, %v", limited, err)
	}
	rest, limited, err = scaling.Apply(rest)
	if err != nil {
		t.Fatal(err)
	}
	sizes := append(append([]int{first.Width()}, hidden...), len(first.Classes))
	d := mlp.NewDesign(sizes...)
	arrays := map[string]mlp.ArraySize{"A": {Rows: 20, Columns: 20}, "B": {Rows: 20, Columns: 20}}
	if err := mlp.DefaultPlacement("A", "B").Validate(d, arrays); err != nil {
		t.Fatal(err)
	}
	r := train(t, Task{Design: d, Set: first}, o)
	a := accuracy(t, r.Network, rest)
	t.Logf("%v: training %.2f %%, %.2f %% with errors, test %.2f %% (%d values limited)", sizes, r.Accuracy, r.Survived, a,
		limited)
	if a < least {
		t.Errorf("test %.2f %%, want %.1f %% or more", a, least)
	}
}

func TestIris(t *testing.T) {
	s, err := dataset.OpenTable(datasettest.Shared(t, "uci", "iris.csv"), dataset.TableOptions{Label: "species"})
	if err != nil {
		t.Fatal(err)
	}
	first, rest, err := s.Split(0.7, 1)
	if err != nil {
		t.Fatal(err)
	}
	o := Defaults()
	o.Epochs, o.Scatter = 300, mlp.Tolerance(0.1)
	learn(t, first, rest, dataset.FitRange(first), o, 93, 8)
}

// Thirty features do not fit twenty columns; the ten means do.
func TestWDBC(t *testing.T) {
	path := datasettest.Shared(t, "uci", "wdbc.csv")
	all, err := dataset.OpenTable(path, dataset.TableOptions{Label: "diagnosis"})
	if err != nil {
		t.Fatal(err)
	}
	d := mlp.NewDesign(all.Width(), 6, 2)
	if err := mlp.DefaultPlacement("A", "B").Validate(d, map[string]mlp.ArraySize{"A": {Rows: 20, Columns: 20},
		"B": {Rows: 20, Columns: 20}}); err == nil {
		t.Error("31 columns fit an array of 20")
	}
	s, err := dataset.OpenTable(path, dataset.TableOptions{Label: "diagnosis", Ignore: all.Features[10:]})
	if err != nil {
		t.Fatal(err)
	}
	first, rest, err := s.Split(0.7, 1)
	if err != nil {
		t.Fatal(err)
	}
	o := Defaults()
	o.Epochs, o.Restarts, o.Replicas, o.Scatter = 200, 2, 2, mlp.Tolerance(0.1)
	learn(t, first, rest, dataset.FitRange(first), o, 90, 6)
}

// 4 x 4 pixels are little for a digit; what is learnt is far from chance.
func TestMNIST(t *testing.T) {
	s, err := dataset.OpenIDX(datasettest.Shared(t, "mnist", "t10k-images-idx3-ubyte.gz"),
		datasettest.Shared(t, "mnist", "t10k-labels-idx1-ubyte.gz"),
		dataset.IDXOptions{Classes: 10, First: 1200})
	if err != nil {
		t.Fatal(err)
	}
	small, err := dataset.Pool(s, 4, 4)
	if err != nil {
		t.Fatal(err)
	}
	first, rest, err := small.Split(2.0/3, 1)
	if err != nil {
		t.Fatal(err)
	}
	o := Defaults()
	o.Epochs, o.Restarts, o.Trials, o.Scatter = 200, 1, 0, mlp.Tolerance(0)
	o.Rate, o.Target = 0.5e-6, 2 // grey values need hidden neurons that are not saturated
	learn(t, first, rest, dataset.FitRange(first), o, 50, 10)
}

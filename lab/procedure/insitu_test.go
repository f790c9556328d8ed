package procedure

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"xlab/instrument/array"
	"xlab/mlp"
	"xlab/mlp/insitu"
	"xlab/run"
)

// bare is a laboratory with the settings that no file gives and arrays of 20 x 20
// devices.
type bare struct{ Lab }

func (bare) Settings() *Settings {
	s := DefaultSettings(nil)
	return &s
}

func (bare) Wiring(name string) (*array.Wiring, error) {
	return &array.Wiring{Array: strings.ToUpper(name), Rows: 20, Cols: 20}, nil
}

func testInSituSpec(t *testing.T, rule insitu.RuleName, classes int) InSituSpec {
	t.Helper()
	spec, err := DefaultInSituSpec(bare{}, rule, classes, "a, B")
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// From a run's header alone the training can be taken up again.
func TestInSituSpecReadsBack(t *testing.T) {
	spec := testInSituSpec(t, insitu.Variable, 4)
	n, err := mlp.New(spec.Design)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range n.G {
		g.Apply(func(r, c int, _ float64) float64 { return 10e-6 + 1e-7*float64(r*20+c) }, g)
	}
	spec.Start = InSituStart{Tolerance: 0.3, Network: &KeptNetwork{File: &mlp.File{Network: n,
		Provenance: mlp.Provenance{Program: "xlab", Approach: mlp.Oblivious}}}}
	spec.Defects = map[string]*array.DefectMap{"A": array.NewDefectMap("A", 20, 20)}
	text, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	back, err := SpecOf[InSituSpec](&run.Header{Spec: json.RawMessage(text)})
	if err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(back)
	if err != nil || string(again) != string(text) {
		t.Errorf("written as\n%s\nand again as\n%s\n%v", text, again, err)
	}
	if asJSON(t, back.targets("B", 20, 20)) != asJSON(t, spec.targets("B", 20, 20)) || back.Placement[0].Array != "A" {
		t.Errorf("the start or the placement %+v is another one", back.Placement)
	}
}

// The start depends on the seed alone, lies within its spread, and asks nothing
// of devices beside the network.
func TestInSituStart(t *testing.T) {
	spec := testInSituSpec(t, insitu.Fixed, 3)
	first := spec.targets("A", 20, 20)
	lowest, highest := math.Inf(1), 0.0
	for _, cell := range array.AllCells(20, 20) {
		g, asked := first.At(cell)
		if asked != (cell.Col < 17) {
			t.Fatalf("%s is asked for: %t", cell, asked)
		}
		if asked {
			lowest, highest = math.Min(lowest, float64(g)), math.Max(highest, float64(g))
		}
	}
	if lowest < 19e-6 || lowest > 19.1e-6 || highest > 21e-6 || highest < 20.9e-6 {
		t.Errorf("starting conductances from %g to %g S", lowest, highest)
	}
	if asJSON(t, first) != asJSON(t, spec.targets("A", 20, 20)) {
		t.Error("the start is another one when it is asked for again")
	}
	at := array.Cell{Row: 1, Col: 1}
	before, _ := first.At(at)
	spec.Start.Seed = 2
	if after, _ := spec.targets("A", 20, 20).At(at); after == before {
		t.Error("another seed gives the same start")
	}
	if spec.Start = (InSituStart{}); spec.targets("A", 20, 20) != nil {
		t.Error("devices that stay as they are have targets")
	}
}

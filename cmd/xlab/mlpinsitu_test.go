package main

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/lab/config"
	"xlab/lab/procedure"
	"xlab/mlp"
	"xlab/mlp/insitu"
	"xlab/mlp/stability"
	"xlab/mlp/transfer"
	"xlab/run"
)

func testInsituSpec(t *testing.T, rule insitu.RuleName, classes int) (*config.Config, insituSpec) {
	t.Helper()
	c, err := config.Load("", nil)
	if err != nil {
		t.Fatal(err)
	}
	letters, err := letterClasses(classes)
	if err != nil {
		t.Fatal(err)
	}
	spec, err := defaultInsituSpec(c, rule, letters, "a, B")
	if err != nil {
		t.Fatal(err)
	}
	return c, spec
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
func TestInsituSpecReadsBack(t *testing.T) {
	_, spec := testInsituSpec(t, insitu.Variable, 4)
	n, err := mlp.New(spec.Design)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range n.G {
		g.Apply(func(r, c int, _ float64) float64 { return 10e-6 + 1e-7*float64(r*20+c) }, g)
	}
	spec.Start = insituStart{Tolerance: 0.3,
		Network: &procedure.KeptNetwork{File: &mlp.File{Network: n, Provenance: mlp.Provenance{Program: "xlab", Approach: mlp.Oblivious}}}}
	spec.Defects = map[string]*array.DefectMap{"A": array.NewDefectMap("A", 20, 20)}
	text, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	back, err := procedure.SpecOf[insituSpec](&run.Header{Spec: json.RawMessage(text)})
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
func TestInsituStart(t *testing.T) {
	_, spec := testInsituSpec(t, insitu.Fixed, 3)
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
	if spec.Start = (insituStart{}); spec.targets("A", 20, 20) != nil {
		t.Error("devices that stay as they are have targets")
	}
}

func TestInsituRows(t *testing.T) {
	var list []insituStudied
	for chip := range uint64(4) {
		for i, k := range insituCases() {
			list = append(list, insituStudied{insituCase: k, Chip: chip + 1, Accuracy: 100 - float64(i)*float64(chip),
				Epochs: 10 * (i + 1)})
		}
	}
	rows := insituRows(list)
	if len(rows) != 3 || rows[0].Published != "70 %" || rows[0].Perfect != 4 || rows[2].Perfect != 1 ||
		rows[2].Accuracy.Mean != 97 || rows[2].Accuracy.Min != 94 || rows[1].Epochs.Mean != 20 {
		t.Errorf("rows %+v", rows)
	}
}

// The reference device is usable and none of the network's.
func TestReferenceDevice(t *testing.T) {
	c, spec := testInsituSpec(t, insitu.Fixed, 3)
	n, err := mlp.New(spec.Design)
	if err != nil {
		t.Fatal(err)
	}
	m := array.NewDefectMap("A", 20, 20)
	for i := range m.Devices {
		m.Devices[i].State = array.StateFormed
	}
	m.At(array.Cell{Row: 0, Col: 17}).State = array.StateDefective
	s := procedure.NetworkSpec{Network: procedure.KeptNetwork{File: &mlp.File{Network: n}}, Placement: spec.Placement,
		Defects: map[string]*array.DefectMap{"A": m}}
	for _, k := range []struct {
		named string
		want  array.Cell
		ok    bool
	}{{"", array.Cell{Row: 0, Col: 18}, true}, {"r7c19", array.Cell{Row: 7, Col: 19}, true},
		{"r0c17", array.Cell{}, false}, {"r0c3", array.Cell{}, false}, {"r0-1c18", array.Cell{}, false},
		{"x", array.Cell{}, false}} {
		r, err := referenceFor(c, s, k.named, 30e-6)
		if (err == nil) != k.ok || k.ok && (r.Cell != k.want || r.Array != "A") {
			t.Errorf("%q: %+v, %v", k.named, r, err)
		}
	}
}

func TestStabilityResult(t *testing.T) {
	age := instrument.Seconds(10)
	s := stabilitySpec{Measure: stability.Spec{Variants: []stability.Variant{stability.Plain, stability.Biased},
		Ages: []instrument.Seconds{10}}}
	points := []stability.Point{{Variant: stability.Plain, Age: &age, Train: 90},
		{Variant: stability.Plain, Age: &age, Train: 80}, {Variant: stability.Biased, Age: &age, Train: 100}}
	s.MLP.Warnings = []string{"before"}
	bad := badlyWritten(&transfer.Outcome{Weights: make([]transfer.Weight, 4)}, "as trained", transfer.DefaultSpec())
	r := s.result(points, bad, procedure.Figures{})
	if len(r.Warnings) != 2 || !strings.Contains(r.Warnings[1], "weights as trained: 0 of 4 are within 30 %, and 97 % "+
		"of them should be") {
		t.Errorf("warnings %q", r.Warnings)
	}
	if r.Lowest["plain"] != 80 || r.Lowest["biased"] != 100 {
		t.Errorf("lowest %v", r.Lowest)
	}
	l := s.lines("", s.axis(), points, func(p stability.Point) float64 { return p.Train }, nil)
	if len(l.Series) != 2 || len(l.Series[0].X) != 2 || l.Series[1].Y[0] != 100 || !l.X.Log {
		t.Errorf("lines %+v", l)
	}
}

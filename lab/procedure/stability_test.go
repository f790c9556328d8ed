package procedure

import (
	"strings"
	"testing"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/mlp"
	"xlab/mlp/stability"
	"xlab/mlp/transfer"
)

// The reference device is usable and none of the network's.
func TestReferenceDevice(t *testing.T) {
	n, err := mlp.New(mlp.NewDesign(16, 10, 3))
	if err != nil {
		t.Fatal(err)
	}
	m := array.NewDefectMap("A", 20, 20)
	for i := range m.Devices {
		m.Devices[i].State = array.StateFormed
	}
	m.At(array.Cell{Row: 0, Col: 17}).State = array.StateDefective
	s := NetworkSpec{Network: KeptNetwork{File: &mlp.File{Network: n}},
		Placement: mlp.DefaultPlacement("A", "B"),
		Defects:   map[string]*array.DefectMap{"A": m}}
	for _, k := range []struct {
		named string
		want  array.Cell
		ok    bool
	}{{"", array.Cell{Row: 0, Col: 18}, true}, {"r7c19", array.Cell{Row: 7, Col: 19}, true},
		{"r0c17", array.Cell{}, false}, {"r0c3", array.Cell{}, false}, {"r0-1c18", array.Cell{}, false},
		{"x", array.Cell{}, false}} {
		r, err := referenceFor(bare{}, s, k.named, 30e-6)
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
	m := &StabilityMeasurement{spec: s, points: points, warnings: bad}
	m.Summary(nil, Figures{})
	r := m.Result
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

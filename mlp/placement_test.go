package mlp

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"

	"xlab/instrument"
	"xlab/instrument/array"
)

func twoArrays() map[string]ArraySize {
	return map[string]ArraySize{"A": {Rows: 20, Columns: 20}, "B": {Rows: 20, Columns: 20}}
}

func TestLetterNetworkFitsTwoArrays(t *testing.T) {
	d := LetterDesign()
	if err := DefaultPlacement("A", "B").Validate(d, twoArrays()); err != nil {
		t.Fatal(err)
	}
	rows, columns := d.Block(0)
	if rows != 20 || columns != 17 {
		t.Errorf("hidden layer is %d rows x %d columns, want 20 x 17", rows, columns)
	}
	rows, columns = d.Block(1)
	if rows != 8 || columns != 11 {
		t.Errorf("output layer is %d rows x %d columns, want 8 x 11", rows, columns)
	}
	if d.Devices() != 428 {
		t.Errorf("%d devices, want 428", d.Devices())
	}
	// The output layer anywhere it fits, and one step beyond.
	if err := (Placement{{Array: "A"}, {Array: "B", Row: 12, Column: 9}}).Validate(d, twoArrays()); err != nil {
		t.Error(err)
	}
}

func TestPlacementErrors(t *testing.T) {
	for name, c := range map[string]struct {
		p    Placement
		d    Design
		want []string
	}{
		"too few": {Placement{{Array: "A"}}, LetterDesign(), []string{"placement has 1 blocks, the network has 2 layers"}},
		"no array": {DefaultPlacement("A", "C"), LetterDesign(),
			[]string{`layer 1 is placed on array "C", which the bench does not have`}},
		"negative": {Placement{{Array: "A", Column: -1}, {Array: "B"}}, LetterDesign(),
			[]string{"layer 0 starts at row 0, column -1 of array A"}},
		"row": {Placement{{Array: "A"}, {Array: "B", Row: 13}}, LetterDesign(), []string{"layer 1 does not fit " +
			"array B: it needs 8 rows x 11 columns (4 neurons as pairs of lines, 10 inputs and a bias) from row 13, column " +
			"0; the array has 20 x 20"}},
		"column": {Placement{{Array: "A", Column: 4}, {Array: "B"}}, LetterDesign(),
			[]string{"layer 0 does not fit array A", "from row 0, column 4"}},
		"both": {DefaultPlacement("A", "B"), NewDesign(30, 12, 2), []string{"layer 0 does not fit array A: it needs " +
			"24 rows x 31 columns (12 neurons as pairs of lines, 30 inputs and a bias)"}},
		"every one": {DefaultPlacement("A", "C"), NewDesign(30, 12, 2), []string{"layer 0 does not fit", `array "C"`}},
		"same rows": {Placement{{Array: "A"}, {Array: "A", Row: 3, Column: 5}}, NewDesign(4, 2, 2),
			[]string{"layers 0 and 1 share lines of array A"}},
		"same columns": {Placement{{Array: "A"}, {Array: "A", Row: 4, Column: 4}}, NewDesign(4, 2, 2),
			[]string{"layers 0 and 1 share lines of array A"}},
		"no design": {DefaultPlacement("A"), NewDesign(4), []string{"its inputs and its outputs"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.p.Validate(c.d, twoArrays())
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
		})
	}
	diagonal := Placement{{Array: "A"}, {Array: "A", Row: 4, Column: 5}}
	if err := diagonal.Validate(NewDesign(4, 2, 2), twoArrays()); err != nil {
		t.Errorf("two layers on lines of their own: %v", err)
	}
}

func TestSitesAndDevicesAreInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := NewDesign(rapid.IntRange(1, 9).Draw(t, "inputs"), rapid.IntRange(1, 5).Draw(t, "hidden"),
			rapid.IntRange(1, 5).Draw(t, "outputs"))
		p := Placement{
			{Array: "A", Row: rapid.IntRange(0, 10).Draw(t, "row"), Column: rapid.IntRange(0, 10).Draw(t, "column")},
			{Array: "B", Row: rapid.IntRange(0, 10).Draw(t, "row"), Column: rapid.IntRange(0, 10).Draw(t, "column")},
		}
		if err := p.Validate(d, twoArrays()); err != nil {
			t.Fatal(err)
		}
		n, err := New(d)
		if err != nil {
			t.Fatal(err)
		}
		targets, err := n.Targets(p)
		if err != nil || len(targets) != d.Devices() {
			t.Fatalf("%d targets for %d devices, %v", len(targets), d.Devices(), err)
		}
		used := map[Device]bool{}
		for _, target := range targets {
			if used[target.Device] {
				t.Fatalf("device %s is used twice", target.Device)
			}
			used[target.Device] = true
			if s, ok := p.Site(d, target.Device); !ok || s != target.Site {
				t.Fatalf("%s lies at %s, and there lies %s", target.Site, target.Device, s)
			}
		}
		for _, name := range []string{"A", "B"} {
			for r := range 20 {
				for c := range 20 {
					at := Device{name, array.Cell{Row: r, Col: c}}
					if _, ok := p.Site(d, at); ok != used[at] {
						t.Fatalf("device %s: used %v, has a site %v", at, used[at], ok)
					}
				}
			}
		}
	})
}

func TestTargetsMarkIdleDevices(t *testing.T) {
	n := mustNew(t, NewDesign(1, 2))
	n.SetPair(0, 1, 1, Pair{Plus: 10e-6, Minus: 40e-6})
	targets, err := n.Targets(DefaultPlacement("B"))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range targets {
		carries := x.Site == Site{Layer: 0, Row: 3, Col: 1}
		if x.Idle == carries {
			t.Errorf("%s at %s: idle %v", x.Site, x.Conductance, x.Idle)
		}
		if carries && (x.Device != Device{"B", array.Cell{Row: 3, Col: 1}} ||
			math.Abs(float64(x.Conductance)-40e-6) > 1e-18) {
			t.Errorf("%s is to be %s", x.Device, x.Conductance)
		}
	}
	if _, err := n.Targets(DefaultPlacement("A", "B")); err == nil {
		t.Error("a placement of two layers is accepted for one")
	}
}

func TestReadTakesTheBlocksOut(t *testing.T) {
	n := randomNetwork(NewDesign(3, 2, 2), 20)
	p := Placement{{Array: "A", Row: 5, Column: 7}, {Array: "B", Row: 1, Column: 2}}
	arrays := map[string]*mat.Dense{"A": mat.NewDense(20, 20, nil), "B": mat.NewDense(6, 5, nil)}
	targets, err := n.Targets(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range targets {
		arrays[x.Device.Array].Set(x.Device.Cell.Row, x.Device.Cell.Col, float64(x.Conductance))
	}
	back, err := p.Read(n.Design, arrays)
	if err != nil {
		t.Fatal(err)
	}
	for l := range n.G {
		if !mat.Equal(back.G[l], n.G[l]) {
			t.Errorf("layer %d is read back differently", l)
		}
	}
	arrays["A"].Set(6, 8, math.NaN())
	if _, err := p.Read(n.Design, arrays); err == nil || !strings.Contains(err.Error(),
		"layer 0, row 1, column 1: NaN S") {
		t.Errorf("NaN: %v", err)
	}
	arrays["B"] = mat.NewDense(4, 5, nil)
	if _, err := p.Read(n.Design, arrays); err == nil || !strings.Contains(err.Error(), "layer 1 does not fit array B") {
		t.Errorf("too small: %v", err)
	}
}

func TestConstraintsFromFaults(t *testing.T) {
	d := NewDesign(2, 2, 2) // blocks of 4 x 3 and 4 x 3
	p := Placement{{Array: "A", Row: 1, Column: 1}, {Array: "B"}}
	list, err := p.Constraints(d, []Fault{
		{Kind: Stuck, Device: Device{"B", array.Cell{Row: 3, Col: 2}}, Conductance: 55e-6},
		{Kind: Stuck, Device: Device{"A", array.Cell{Row: 0, Col: 0}}, Conductance: 55e-6}, // outside the block
		{Kind: Stuck, Device: Device{"A", array.Cell{Row: 2, Col: 1}}, Conductance: 70e-6}, // on the dead row as well
		{Kind: DeadRow, Device: Device{Array: "A", Cell: array.Cell{Row: 2}}},
		{Kind: DeadColumn, Device: Device{Array: "B", Cell: array.Cell{Col: 0}}},
		{Kind: Stuck, Device: Device{"A", array.Cell{Row: 4, Col: 3}}, Conductance: 0},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []Constraint{
		{Site{0, 1, 0}, 0, "dead row"}, {Site{0, 1, 1}, 0, "dead row"}, {Site{0, 1, 2}, 0, "dead row"},
		{Site{0, 3, 2}, 0, "stuck"},
		{Site{1, 0, 0}, 0, "dead column"}, {Site{1, 1, 0}, 0, "dead column"}, {Site{1, 2, 0}, 0, "dead column"},
		{Site{1, 3, 0}, 0, "dead column"}, {Site{1, 3, 2}, 55e-6, "stuck"},
	}
	if !slices.Equal(list, want) {
		t.Errorf("constraints\n%v, want\n%v", list, want)
	}
	if err := d.CheckConstraints(list); err != nil {
		t.Error(err)
	}
	for name, f := range map[string]Fault{
		"kind": {Kind: "tired", Device: Device{"A", array.Cell{Row: 1, Col: 1}}},
		"NaN": {Kind: Stuck, Device: Device{"A", array.Cell{Row: 1, Col: 1}},
			Conductance: instrument.Siemens(math.NaN())},
		"negative": {Kind: Stuck, Device: Device{"A", array.Cell{Row: 1, Col: 1}}, Conductance: -1e-6},
	} {
		if _, err := p.Constraints(d, []Fault{f}); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if _, err := p[:1].Constraints(d, nil); err == nil {
		t.Error("a placement of one layer of two is accepted")
	}
}

func TestCheckConstraints(t *testing.T) {
	d := NewDesign(2, 2)
	err := d.CheckConstraints([]Constraint{
		{Site: Site{0, 4, 0}}, {Site: Site{1, 0, 0}}, {Site: Site{0, 0, 3}}, {Site: Site{0, -1, 0}},
		{Site: Site{0, 1, 1}, Conductance: -1},
		{Site: Site{0, 2, 2}, Conductance: 1e-6}, {Site: Site{0, 2, 2}, Conductance: 1e-6},
	})
	if err == nil {
		t.Fatal("accepted")
	}
	if n := strings.Count(err.Error(), "no such device"); n != 4 {
		t.Errorf("%d constraints outside the network in %q, want 4", n, err)
	}
	for _, want := range []string{"layer 0, neuron 0, input 1, minus device: -1 S is not",
		"layer 0, neuron 1, input 2, plus device is given twice"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q lacks %q", err, want)
		}
	}
}

func TestFaultsOfDefectMaps(t *testing.T) {
	d := NewDesign(2, 2, 2)
	p := Placement{{Array: "A", Row: 1, Column: 1}, {Array: "B"}}
	formed := func(name string) *array.DefectMap {
		m := array.NewDefectMap(name, 6, 6)
		m.Chip = "seven"
		for i := range m.Devices {
			m.Devices[i].State, m.Devices[i].Conductance = array.StateFormed, 20e-6
		}
		return m
	}
	a, b := formed("A"), formed("B")
	*a.At(array.Cell{Row: 2, Col: 3}) = array.DeviceState{Cell: array.Cell{Row: 2, Col: 3}, State: array.StateDefective,
		Conductance: 63e-6}
	// not used
	*a.At(array.Cell{Row: 0, Col: 0}) = array.DeviceState{Cell: array.Cell{Row: 0, Col: 0}, State: array.StateDefective,
		Conductance: 63e-6}
	b.At(array.Cell{Row: 1, Col: 2}).State = array.StatePreformed
	*b.At(array.Cell{Row: 3, Col: 0}) = array.DeviceState{Cell: array.Cell{Row: 3, Col: 0}, State: array.StateUntried,
		Conductance: -2e-9}
	maps := map[string]*array.DefectMap{"A": a, "B": b}
	faults, untried, err := p.Faults(d, maps)
	if err != nil {
		t.Fatal(err)
	}
	want := []Fault{
		{Stuck, Device{"A", array.Cell{Row: 2, Col: 3}}, 63e-6},
		{Stuck, Device{"B", array.Cell{Row: 3, Col: 0}}, 0},
	}
	if !slices.Equal(faults, want) || !slices.Equal(untried, []Device{want[1].Device}) {
		t.Errorf("faults %v, untried %v", faults, untried)
	}
	held, err := p.Constraints(d, faults)
	if err != nil || !slices.Equal(held, []Constraint{{Site{0, 1, 2}, 63e-6, "stuck"}, {Site{1, 3, 0}, 0, "stuck"}}) {
		t.Errorf("constraints %v, %v", held, err)
	}

	id := DefectMapID(a, b)
	if id != DefectMapID(b, a) || !strings.Contains(id, "A:seven:") {
		t.Errorf("identifier %q, in the other order %q", id, DefectMapID(b, a))
	}
	a.At(array.Cell{Row: 2, Col: 3}).Conductance = 64e-6
	if DefectMapID(a, b) != id {
		t.Error("reading a stuck device again changes the identifier")
	}
	a.At(array.Cell{Row: 5, Col: 5}).State = array.StateDefective
	if DefectMapID(a, b) == id {
		t.Error("another defective device does not change the identifier")
	}

	delete(maps, "B")
	if _, _, err := p.Faults(d, maps); err == nil || !strings.Contains(err.Error(), `array "B"`) {
		t.Errorf("without the map of array B: %v", err)
	}
	maps["B"] = array.NewDefectMap("B", 3, 3)
	if _, _, err := p.Faults(d, maps); err == nil || !strings.Contains(err.Error(), "layer 1 does not fit array B") {
		t.Errorf("with a map of a smaller array: %v", err)
	}
	maps["B"] = array.NewDefectMap("B", 6, 6)
	if _, untried, err := p.Faults(d, maps); err != nil || len(untried) != 12 {
		t.Errorf("%d untried devices of 12 of a chip that was never formed, %v", len(untried), err)
	}
}

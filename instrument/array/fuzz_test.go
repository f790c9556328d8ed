package array

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"xlab/instrument"
)

// addWirings gives the fuzzer the wiring maps that are shipped.
func addWirings(f *testing.F) {
	files, err := filepath.Glob("../../hwdocs/wiring/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("array: A\nrows: 1\ncols: 1\nboard: {name: b, chip: ADG1438, chain: [{rows: 0}, {cols: 0}]}\nbuses: " +
		"{S1: F1}\nsmu: {F1: 1}\n"))
	f.Add([]byte("rows: &a [*a]\n"))
}

func FuzzLoadWiring(f *testing.F) {
	addWirings(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		w, err := LoadWiring(bytes.NewReader(text), "map.yaml")
		if err != nil {
			if !bytes.Contains([]byte(err.Error()), []byte("map.yaml")) {
				t.Errorf("%q does not name the file", err)
			}
			return
		}
		if w.ByHand() {
			if len(w.RowFeed) != w.Rows || len(w.ColFeed) != w.Cols || len(w.Channels()) == 0 {
				t.Fatalf("%d x %d on %v and %v", w.Rows, w.Cols, w.RowFeed, w.ColFeed)
			}
			return
		}
		if len(w.RowChip) != w.Rows || len(w.ColChip) != w.Cols || w.Rows < 1 || w.Cols < 1 {
			t.Fatalf("%d x %d with %d and %d chips", w.Rows, w.Cols, len(w.RowChip), len(w.ColChip))
		}
		chips := slices.Concat(w.RowChip, w.ColChip)
		slices.Sort(chips)
		for i, chip := range chips {
			if chip != i {
				t.Fatalf("the chips of the lines are %v", chips)
			}
		}
		for bus, s := range w.Switch {
			if s == 0 || s&(s-1) != 0 {
				t.Errorf("bus %s is on the switches %08b", bus, s)
			}
		}
	})
}

func FuzzReadDefectMap(f *testing.F) {
	var b bytes.Buffer
	if err := NewDefectMap("A", 2, 3).Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"version":1,"array":"A","rows":4294967296,"cols":4294967296,"devices":[]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ReadDefectMap(bytes.NewReader(text), "defects.json")
		if err != nil {
			return
		}
		if last := (Cell{m.Rows - 1, m.Cols - 1}); m.At(last).Cell != last {
			t.Errorf("the last device is %s, want %s", m.At(last).Cell, last)
		}
		var written bytes.Buffer
		if err := m.Write(&written); err != nil {
			t.Fatal(err)
		}
		again, err := ReadDefectMap(bytes.NewReader(written.Bytes()), "again")
		if err != nil {
			t.Fatal(err)
		}
		var twice bytes.Buffer
		if err := again.Write(&twice); err != nil || twice.String() != written.String() {
			t.Errorf("written again: %v, %s; want %s", err, &twice, &written)
		}
	})
}

func FuzzUnmarshalStep(f *testing.F) {
	for _, s := range []Step{Read{Voltage: 0.2}, Pulse{Voltage: -1, Scheme: HalfVoltage},
		Sweep{Kind: "current", Steps: 3, Scheme: Floating}, Parallel{Rows: "1,2", Cols: "3", Scheme: ThirdVoltage},
		Multiply{From: Cols, Voltages: []instrument.Volts{0.1, 0, -0.1}, Aperture: 1e-3}} {
		text, err := json.Marshal(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := StepKinds().Step(text)
		if err != nil {
			return
		}
		s.Stress()
		if _, err := ExtentOf(s, Cell{1, 2}, Shape{}); err != nil {
			t.Log(err) // what was never performed
		}
		first, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		again, err := StepKinds().Step(first)
		if err != nil || !reflect.DeepEqual(again, s) {
			t.Errorf("%s is read as %+v, written and read again as %+v, %v", text, s, again, err)
		}
	})
}

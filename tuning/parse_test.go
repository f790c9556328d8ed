package tuning

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"xlab/input/table"
	"xlab/instrument"
)

func TestParseTarget(t *testing.T) {
	for text, want := range map[string]float64{
		"10uS": 10e-6, "96.6kΩ": 1 / 96.6e3, "7 kohm": 1 / 7e3, "1e-5S": 1e-5, " 50k\u2126 ": 1 / 50e3, "2.5 µS": 2.5e-6,
	} {
		if g, err := ParseTarget(text); err != nil || math.Abs(float64(g)/want-1) > 1e-12 {
			t.Errorf("%q: %v, %v, want %v", text, g, err, want)
		}
	}
	for _, text := range []string{"", "10", "1e-5", "-10uS", "0S", "0ohm", "nan", "10uV", "infS", "1e999S"} {
		if g, err := ParseTarget(text); err == nil {
			t.Errorf("%q was taken for %v", text, g)
		}
	}
}

func TestReadTable(t *testing.T) {
	read := func(text, unit string) (Targets, error) {
		t, _, err := ReadTable(strings.NewReader(text), table.Options{Name: "t.csv"}, unit)
		return t, err
	}
	got, err := read("20uS, ,5e4\n-, 96.6kΩ,20uS\n", "ohm")
	if err != nil {
		t.Fatal(err)
	}
	nan := math.NaN()
	want := [][]float64{{20e-6, nan, 1 / 5e4}, {nan, 1 / 96.6e3, 20e-6}}
	for r := range want {
		for c, w := range want[r] {
			if g := float64(got[r][c]); !(math.Abs(g/w-1) < 1e-12 || math.IsNaN(g) && math.IsNaN(w)) {
				t.Errorf("%d, %d: %v, want %v", r, c, g, w)
			}
		}
	}
	for text, places := range map[string][]string{
		"":                           {"t.csv: the file is empty"},
		"1uS,2uS\n1uS,2uS\n3uS\n":    {"t.csv:3:1: 1 cells in this line, the others have 2"},
		"1uS,3uS\n-2uS,x\n5uS,3uS\n": {"t.csv:2: cell 1", "t.csv:2: cell 2", "above 0 S"},
		"1uS,x\n-2uS,3uS\n":          {"the first line (1uS, x) may be a heading or values: say --header yes or --header no"},
		strings.Repeat("x\n", 15):    {"t.csv:10: cell 1", "and 5 more"},
	} {
		_, err := read(text, "S")
		for _, place := range places {
			if err == nil || !strings.Contains(err.Error(), place) {
				t.Errorf("%q: %v does not say %q", text, err, place)
			}
		}
	}
	// What spreadsheets and programs write of the same targets.
	for name, text := range map[string]string{
		"Excel, European":     "\ufeff0,00002;;0,00005\r\n;0,00003;0,00002\r\n;;\r\n",
		"heading and numbers": ",0,1,2\n0,2e-05,,5e-05\n1,,3e-05,2e-05\n",
		"named rows":          "row,c0,c1,c2\nr0,2e-05,,5e-05\nr1,,3e-05,2e-05\n",
		"comment and blanks":  "# in S\n2e-05 -    5e-05\n-     3e-05 2e-05\n\n",
		"of a run":            "c0_S,c1_S,c2_S\n0.00002,,0.00005\n,0.00003,0.00002\n",
		"separators at ends":  "20uS,,50uS,\n,30uS,20uS,\n,,,\n",
		"comma and units":     "20,0uS;;50uS\n-;30uS;\"20,0 µS\"\n",
	} {
		got, err := read(text, "S")
		got = got.Trim(2, 3)
		if rows, cols := got.Size(); err != nil || rows != 2 || cols != 3 {
			t.Errorf("%s: %v, %v", name, got, err)
			continue
		}
		for i, want := range []float64{20e-6, nan, 50e-6, nan, 30e-6, 20e-6} {
			if g := float64(got[i/3][i%3]); !(math.Abs(g/want-1) < 1e-12 || math.IsNaN(g) && math.IsNaN(want)) {
				t.Errorf("%s: %v", name, got)
			}
		}
	}
	if _, err := read("1", "volt"); err == nil {
		t.Error("a unit of volt was accepted")
	}
}

func TestReadPNG(t *testing.T) {
	picture := image.NewNRGBA(image.Rect(3, 4, 6, 5)) // bounds need not begin at 0
	picture.Set(3, 4, color.White)
	picture.Set(4, 4, color.Black)
	picture.Set(5, 4, color.Transparent)
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		t.Fatal(err)
	}
	got, err := ReadPNG(&b, "t.png", 10e-6, 100e-6)
	if err != nil {
		t.Fatal(err)
	}
	if rows, cols := got.Size(); rows != 1 || cols != 3 || got[0][0] != 100e-6 || got[0][1] != 10e-6 ||
		!math.IsNaN(float64(got[0][2])) {
		t.Errorf("%v", got)
	}
	if _, err := ReadPNG(strings.NewReader("no picture"), "t.png", 1, 2); err == nil ||
		!strings.Contains(err.Error(), "t.png") {
		t.Errorf("%v", err)
	}
}

func TestFace(t *testing.T) {
	f, err := Face(20, 20)
	if err != nil {
		t.Fatal(err)
	}
	levels := map[instrument.Siemens]bool{}
	low, high := instrument.Siemens(math.Inf(1)), instrument.Siemens(0)
	for _, c := range f.Cells() {
		g, _ := f.At(c)
		levels[g] = true
		low, high = min(low, g), max(high, g)
	}
	if len(f.Cells()) != 400 || len(levels) != faceLevels {
		t.Errorf("%d devices with %d levels", len(f.Cells()), len(levels))
	}
	if math.Abs(float64(low)*96.6e3-1) > 1e-12 || math.Abs(float64(high)*7e3-1) > 1e-12 {
		t.Errorf("from %v to %v", low, high)
	}
	if f, err := Face(64, 32); err != nil || len(f.Cells()) != 64*32 {
		t.Errorf("another size: %v", err)
	}
	if _, err := Face(7, 20); err == nil {
		t.Error("a face on 7 rows")
	}
}

func TestTargetsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, cols := rapid.IntRange(1, 5).Draw(t, "rows"), rapid.IntRange(1, 5).Draw(t, "cols")
		want := NewTargets(rows, cols)
		for r := range want {
			for c := range want[r] {
				if rapid.Bool().Draw(t, "asked") {
					want[r][c] = instrument.Siemens(rapid.Float64Range(1e-9, 1).Draw(t, "g"))
				}
			}
		}
		b, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Targets
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		for r := range want {
			for c, w := range want[r] {
				if g := got[r][c]; g != w && !(math.IsNaN(float64(g)) && math.IsNaN(float64(w))) {
					t.Fatalf("%d, %d: %v, want %v", r, c, g, w)
				}
			}
		}
	})
}

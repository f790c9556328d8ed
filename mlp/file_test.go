package mlp

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"

	"xlab/instrument"
)

func sampleFile() *File {
	n, err := New(NewDesign(2, 1, 2))
	if err != nil {
		panic(err)
	}
	n.SetPair(0, 0, 0, Pair{Plus: 42.1234e-6, Minus: 10e-6})
	n.SetPair(1, 1, 1, Pair{Plus: 10e-6, Minus: 100e-6})
	n.SetPair(1, 0, 0, Pair{Plus: 163.2e-6, Minus: 71e-6})
	train, test := 100.0, 82.34
	return &File{
		Network:   n,
		Placement: DefaultPlacement("A", "B"),
		Constraints: []Constraint{
			{Site: Site{1, 0, 0}, Conductance: 163.2e-6, Reason: "stuck"},
		},
		Provenance: Provenance{
			Program: "xlab 1.2.3", Created: "2024-05-06T07:08:09Z", Approach: Aware,
			Data: Data{Name: "two [ 1,  2 ]", Digest: "abcd", Samples: 7, Classes: []string{"no", "yes"},
				Offset: []float64{0.5, 1}, Scale: []float64{2, 1e-3}},
			Seed: 18446744073709551615, Training: json.RawMessage(`{"epochs":600,"rates":[1,2]}`),
			TrainAccuracy: &train, TestAccuracy: &test, DefectMap: "chip-7",
		},
	}
}

var compareFiles = cmp.Comparer(func(a, b *mat.Dense) bool { return mat.Equal(a, b) })

func TestFileGolden(t *testing.T) {
	golden := filepath.Join("testdata", "network.json")
	var text bytes.Buffer
	if err := sampleFile().Write(&text); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text.String()); diff != "" {
		t.Errorf("what is written differs from %s (-want +got):\n%s", golden, diff)
	}
	f, err := Load(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sampleFile(), f, compareFiles); diff != "" {
		t.Errorf("what is read differs (-want +got):\n%s", diff)
	}
}

func TestFileIsReadBackUnchanged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.IntRange(1, 6), 2, 4).Draw(t, "sizes")
		n, err := New(NewDesign(sizes...))
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range n.G {
			g.Apply(func(_, _ int, _ float64) float64 { return rapid.Float64Range(0, 1e-3).Draw(t, "g") }, g)
		}
		f := &File{Network: n, Provenance: Provenance{
			Program: rapid.StringMatching(`[ -~]{0,20}`).Draw(t, "program"), Approach: Oblivious,
			Data: Data{Name: rapid.StringMatching(`(\[ [0-9, ]*\])?\PC{0,8}`).Draw(t, "name")},
		}}
		var text bytes.Buffer
		if err := f.Write(&text); err != nil {
			t.Fatal(err)
		}
		back, err := Read(&text)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(f, back, compareFiles); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

func TestFileErrors(t *testing.T) {
	var b bytes.Buffer
	if err := sampleFile().Write(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	change := func(old, new string) string {
		if !strings.Contains(text, old) {
			t.Fatalf("the file has no %q to spoil", old)
		}
		return strings.Replace(text, old, new, 1)
	}
	for name, c := range map[string]struct{ text, want string }{
		"empty":       {"", "unexpected end"},
		"other file":  {`{"format": "xlab run"}`, `its format is "xlab run"`},
		"newer":       {change(`"version": 1`, `"version": 2`), "version 2 is newer than this program's 1"},
		"no version":  {change(`"version": 1`, `"version": 0`), "version 0 does not exist"},
		"unknown key": {change(`"seed"`, `"sead"`), `unknown field "sead"`},
		"torn":        {text[:len(text)/2], "line "},
		"tail":        {text + "{}", "line "},
		"wrong type": {change(`"sizes": [2, 1, 2]`, `"sizes": [2, "1", 2]`),
			"line 29, column 20: design.sizes: there is a string where a whole number belongs"},
		"missing row": {change("      [1e-05, 1e-05, 1e-05]\n", "      [1e-05, 1e-05]\n"),
			"layer 0, row 1 has 2 conductances, row 0 has 3"},
		"other sizes": {change(`"sizes": [2, 1, 2]`, `"sizes": [2, 2, 2]`),
			"layer 0 has 2 x 3 conductances, its sizes ask for 4 x 3"},
		"no layers": {change(text[strings.Index(text, `"conductances_s"`):], "\"conductances_s\": []\n}"),
			"0 layers of conductances"},
		"empty layer": {change(text[strings.Index(text, `"conductances_s"`):], "\"conductances_s\": [[]]\n}"),
			"layer 0 has no conductances"},
		"negative":         {change("4.21234e-05", "-4.21234e-05"), "layer 0, row 0, column 0: -4.21234e-05 S is not"},
		"moved constraint": {change("1.632e-04,", "1.5e-04,"), "is constrained to 163.2 µS but has 0.00015 S"},
		"alien constraint": {change(`"row": 0,
        "col": 0`, `"row": 9,
        "col": 0`), "the network has no such device"},
		"classes":       {change("\"yes\"\n", "\"yes\",\n\"maybe\"\n"), "data has 3 classes, the network has 2 outputs"},
		"normalisation": {change(`"scale": [2, 0.001]`, `"scale": [2]`), "2 offsets and 1 scales"},
		"approach":      {change(`"hardware-aware"`, `"by hand"`), `approach "by hand" is unknown`},
		"design":        {change(`"input_v": 0.2`, `"input_v": 0`), "input level is 0 V"},
		"placement": {change("    },\n    {\n      \"array\": \"B\",\n      \"row\": 0,\n      \"column\": 0\n    }",
			"    }"), "placement has 1 blocks"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(strings.NewReader(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	if err := (&File{}).Write(&b); err == nil || !strings.Contains(err.Error(), "there is no network in it") {
		t.Errorf("an empty file: %v", err)
	}
}

func TestSaveReplacesOnlyByACompleteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "net.json")
	if err := sampleFile().Save(path); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	bad := sampleFile()
	bad.Network.G = nil
	if err := bad.Save(path); err == nil {
		t.Error("a network without conductances is saved")
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the older file is damaged (%v)", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("%d files are left in the directory, %v", len(left), err)
	}
	if err := sampleFile().Save(filepath.Join(dir, "none", "net.json")); err == nil {
		t.Error("saving into a directory that is not there succeeds")
	}
	if _, err := Load(filepath.Join(dir, "other.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("loading what is not there: %v", err)
	}
}

func TestCheckDefectMap(t *testing.T) {
	for _, c := range []struct {
		trained, chip string
		fits          bool
	}{{"", "chip-7", true}, {"chip-7", "chip-7", true}, {"chip-7", "chip-8", false}, {"chip-7", "", false}} {
		err := Provenance{DefectMap: c.trained}.CheckDefectMap(c.chip)
		if (err == nil) != c.fits || err != nil && !errors.Is(err, ErrOtherChip) {
			t.Errorf("trained for %q, chip %q: %v", c.trained, c.chip, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	if err := sampleFile().Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := Read(bytes.NewReader(text))
		if err != nil {
			return
		}
		if err := file.Write(&bytes.Buffer{}); err != nil {
			t.Errorf("what was read cannot be written: %v", err)
		}
	})
}

// The units in a file are those of instrument: plain numbers in SI units, and
// text with a unit where a person wrote one.
func TestFileTakesQuantitiesWithUnits(t *testing.T) {
	var b bytes.Buffer
	if err := sampleFile().Write(&b); err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(b.String(), `"input_v": 0.2`, `"input_v": "150mV"`, 1)
	f, err := Read(strings.NewReader(text))
	if err != nil || f.Network.Design.InputLevel != instrument.Volts(0.15) {
		t.Errorf("input level %v, %v", f, err)
	}
}

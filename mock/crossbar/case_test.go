package crossbar_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"xlab/input/table"
	"xlab/mock/crossbar"
)

// caseFile is a case that is right; tests change one thing at a time.
const caseFile = `{
  "g_file": "G.csv",
  "r_word_segment_ohm": 2,
  "r_bit_segment_ohm": 3,
  "r_row_driver_ohm": 100,
  "r_col_sense_ohm": 50,
  "device": {"model": "linear"},
  "row_terminal_volts": [0.2, null],
  "col_terminal_volts": [0, 0, -0.1]
}`

const caseConductances = "1e-5, 2e-5, 3e-5\n4e-5, 0, 1e-3\n"

func caseDir(t *testing.T, csv string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "G.csv"), []byte(csv), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestSolveCase(t *testing.T) {
	g := []float64{1e-5, 2e-5, 3e-5, 4e-5, 0, 1e-3}
	geo := crossbar.Geometry{Rows: 2, Cols: 3, RowSegment: 2, ColSegment: 3}
	rows := []crossbar.Line{{Kind: voltage, Value: 0.2, Resistance: 100}, {}}
	cols := []crossbar.Line{
		{Kind: voltage, Resistance: 50}, {Kind: voltage, Resistance: 50}, {Kind: voltage, Value: -0.1, Resistance: 50},
	}
	for device, laws := range map[string][]law{
		`{"model": "linear"}`:            linearLaws(g),
		`{"model": "sinh", "v0": 0.25}`:  sinhLaws(g, 0.25),
		`{"vc": 0.6, "model": "cubic"}`:  cubicLaws(g, 0.6),
		"{\n\t\"model\" : \"linear\"\n}": linearLaws(g),
	} {
		text := strings.Replace(caseFile, `{"model": "linear"}`, device, 1)
		got, err := crossbar.SolveCase(strings.NewReader(text), caseDir(t, "\ufeff"+caseConductances), table.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var volts []float64
		for _, v := range got.DeviceVolts {
			volts = append(volts, v...)
		}
		if !math.IsNaN(got.RowCurrents[1]) {
			t.Errorf("a floating row carries %g A", got.RowCurrents[1])
		}
		sol := &crossbar.Solution{RowCurrents: []float64{got.RowCurrents[0], 0}, ColCurrents: got.ColCurrents,
			DeviceVolts: volts}
		compare(t, rows, cols, sol, reference(t, geo, rows, cols, laws))
	}
}

// An absolute file name is not looked for in the case's directory.
func TestCaseAbsoluteFile(t *testing.T) {
	dir := caseDir(t, caseConductances)
	name, err := json.Marshal(filepath.Join(dir, "G.csv"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(caseFile, `"G.csv"`, string(name), 1)
	if _, err := crossbar.SolveCase(strings.NewReader(text), t.TempDir(), table.Options{}); err != nil {
		t.Fatal(err)
	}
}

func ExampleSolveCase() {
	dir, err := os.MkdirTemp("", "case")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "G.csv"), []byte("100e-6,100e-6\n"), 0o600); err != nil {
		panic(err)
	}
	result, err := crossbar.SolveCase(strings.NewReader(`{
		"g_file": "G.csv",
		"r_word_segment_ohm": 0, "r_bit_segment_ohm": 0, "r_row_driver_ohm": 0, "r_col_sense_ohm": 0,
		"device": {"model": "linear"},
		"row_terminal_volts": [0.5],
		"col_terminal_volts": [0, null]
	}`), dir, table.Options{})
	if err != nil {
		panic(err)
	}
	text, err := json.Marshal(result)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
	// Output:
	// {"row_currents_a":[0.00005],"col_currents_a":[0.00005,null],"device_volts":[[0.5,0]]}
}

func TestCaseErrors(t *testing.T) {
	type test struct {
		name     string
		old, new string // replaced in the case file
		csv      string // "" for the right one
		want     []string
	}
	tests := []test{
		{name: "unknown field", old: `"r_row_driver_ohm"`, new: `"r_row_drive_ohm"`,
			want: []string{"line 5, column 22", "r_row_drive_ohm", "did you mean r_row_driver_ohm"}},
		{name: "field in capitals", old: `"device"`, new: `"Device"`,
			want: []string{"line 7", "Device", "did you mean device"}},
		{name: "missing field", old: `"r_col_sense_ohm": 50,`, new: ``,
			want: []string{"r_col_sense_ohm is missing", "write 0"}},
		{name: "given twice", old: `"g_file": "G.csv",`, new: `"g_file": "G.csv", "g_file": "H.csv",`,
			want: []string{"line 2, column 32", "g_file", "given twice"}},
		{name: "missing file", old: `"G.csv"`, new: `"no.csv"`, want: []string{"g_file", "no.csv", "beside the case file"}},
		{name: "empty file name", old: `"G.csv"`, new: `""`, want: []string{"line 2, column 13", "g_file", "CSV"}},
		{name: "file name is a number", old: `"G.csv"`, new: `7`, want: []string{"line 2", "g_file: 7"}},
		{name: "resistance is text", old: `3,`, new: `"3k",`, want: []string{"line 4", "r_bit_segment_ohm", `"3k"`, "ohm"}},
		{name: "resistance is null", old: `3,`, new: `null,`, want: []string{"line 4", "r_bit_segment_ohm", "null", "ohm"}},
		{name: "negative resistance", old: `100,`, new: `-100,`, want: []string{"line 5", "r_row_driver_ohm", "-100",
			"0 or more"}},
		{name: "too large", old: `100,`, new: `1e999,`, want: []string{"line 5", "r_row_driver_ohm", "1e999"}},
		{name: "NaN", old: `-0.1`, new: `NaN`, want: []string{"line 9, column 32", "not a JSON object"}},
		{name: "voltage is text", old: `-0.1`, new: `"x"`, want: []string{"line 9, column 32", "col_terminal_volts[2]",
			"null for a floating line"}},
		{name: "voltages are a number", old: `[0.2, null]`, new: `0.2`,
			want: []string{"line 8", "row_terminal_volts", "list"}},
		{name: "voltages are null", old: `[0.2, null]`, new: `null`, want: []string{"line 8", "row_terminal_volts", "list"}},
		{name: "too few rows", old: `[0.2, null]`, new: `[0.2]`, want: []string{"2 rows of 3", "row_terminal_volts has 1"}},
		{name: "too many columns", old: `-0.1]`, new: `-0.1, 0]`, want: []string{"2 rows of 3", "col_terminal_volts 4"}},
		{name: "device is text", old: `{"model": "linear"}`, new: `"linear"`,
			want: []string{"line 7, column 13", "device", "object"}},
		{name: "no model", old: `{"model": "linear"}`, new: `{}`, want: []string{"line 7", "device", "model is missing"}},
		{name: "unknown model", old: `"linear"`, new: `"diode"`, want: []string{"line 7, column 23", "device.model",
			`"diode"`, `"sinh"`}},
		{name: "no v0", old: `"linear"`, new: `"sinh"`, want: []string{"line 7", "v0 is missing"}},
		{name: "v0 of 0", old: `"linear"`, new: `"sinh", "v0": 0`, want: []string{"line 7", "device.v0", "above 0"}},
		{name: "vc below 0", old: `"linear"`, new: `"cubic", "vc": -1`, want: []string{"line 7", "device.vc", "above 0"}},
		{name: "v0 for linear", old: `"linear"`, new: `"linear", "v0": 1`,
			want: []string{"line 7", "device.v0", "unknown field"}},
		{name: "not an object", old: caseFile, new: `[1]`, want: []string{"line 1, column 1", "object"}},
		{name: "cut short", old: "\n}", new: ``, want: []string{"unexpected end"}},
		{name: "empty", old: caseFile, new: ``, want: []string{"unexpected end"}},
		{name: "something behind", old: "\n}", new: "\n}\n{}", want: []string{"line 11, column 1", "after top-level value"}},
		{name: "a comma too many", old: "-0.1]", new: "-0.1],", want: []string{"line 10, column 1", "not a JSON object"}},

		{name: "negative conductance", csv: "1,2,2\n4,-5,6\n", want: []string{"G.csv:2:3: ", "-5 S", "0 or more"}},
		{name: "conductance NaN", csv: "1,2,2\n4,5,NaN\n", want: []string{"G.csv:2:5: ", "NaN"}},
		{name: "conductance Inf", csv: "1,+Inf,3\n4,5,6\n", want: []string{"G.csv", "(1, +Inf, 3)", "--header"}},
		{name: "header or not", csv: "1,2,3\n4,5,6\n",
			want: []string{"G.csv", "the first line (1, 2, 3) may be a heading or values", "--header"}},
		{name: "ragged", csv: "1,2,2\n1,2,3\n4,5\n", want: []string{"G.csv:3:3: 2 cells in this line, the others have 3"}},
		{name: "wrong size", csv: "1,2,3\n", want: []string{"G.csv", "1 rows of 3", "row_terminal_volts has 2"}},
		{name: "empty table", csv: "\n", want: []string{"G.csv", "empty"}},
		{name: "bad quotes", csv: "1,\"2,3\n4,5,6\n", want: []string{"G.csv:2:", "quote"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			csv := test.csv
			if csv == "" {
				csv = caseConductances
			}
			text := strings.Replace(caseFile, test.old, test.new, 1)
			if test.old != "" && text == caseFile {
				t.Fatalf("%q is not in the case", test.old)
			}
			_, err := crossbar.SolveCase(strings.NewReader(text), caseDir(t, csv), table.Options{})
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}

package array_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"xlab/instrument/array"
)

func TestParseCells(t *testing.T) {
	all := array.AllCells(3, 4)
	for _, c := range []struct {
		text string
		want []array.Cell
	}{
		{"", all}, {"  \t", all}, {"all", all}, {"ALL", all}, {" all ", all}, {"r*c*", all}, {"*.*", all},
		{"r2c3", []array.Cell{{2, 3}}},
		{"R2C3", []array.Cell{{2, 3}}},
		{"2.3", []array.Cell{{2, 3}}},
		{"r0-2c1", []array.Cell{{0, 1}, {1, 1}, {2, 1}}},
		{"r1c1-2", []array.Cell{{1, 1}, {1, 2}}},
		{"r1-1c0", []array.Cell{{1, 0}}},
		{"r1c*", []array.Cell{{1, 0}, {1, 1}, {1, 2}, {1, 3}}},
		{"r*c0", []array.Cell{{0, 0}, {1, 0}, {2, 0}}},
		{"0-1.2-3", []array.Cell{{0, 2}, {0, 3}, {1, 2}, {1, 3}}},
		{"r2c3,r0c0;1.1 2.2\t0.1\n0.2", []array.Cell{{2, 3}, {0, 0}, {1, 1}, {2, 2}, {0, 1}, {0, 2}}},
		{"r2c3, r2c3, r2c2-3", []array.Cell{{2, 3}, {2, 2}}}, // each once, in the order written
	} {
		got, err := array.ParseCells(c.text, 3, 4)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q: got %v, %v; want %v", c.text, got, err, c.want)
		}
	}
}

func TestParseCellsRefuses(t *testing.T) {
	for _, c := range []struct{ text, says string }{
		{",", "names none"}, {" ; ,", "names none"},
		{"all r0c0", `"all"`}, {"x", `"x"`}, {"r3", `"r3"`}, {"c3", `"c3"`}, {"3", `"3"`},
		{"r3c0", "row 3 is outside 0-2"}, {"r0c4", "column 4 is outside 0-3"},
		{"r0-3c0", "row 0-3 is outside 0-2"},
		{"r2-1c0", "backwards"},
		{"r-1c0", `row "-1"`}, {"r0c-1", `column "-1"`}, {"r+1c0", `row "+1"`}, {"r0c1-", `column "1-"`},
		{"rc", `row ""`}, {"r0c", `column ""`}, {".", `row ""`}, {"r1.2", `row "r1"`}, {"1.2.3", `column "2.3"`},
		{"r0-1-2c0", `row "0-1-2"`}, {"r**c0", `row "**"`},
		{"r99999999999999999999c0", "row"},
		{"r0c0 r0c9", `"r0c9"`},
	} {
		got, err := array.ParseCells(c.text, 3, 4)
		if err == nil {
			t.Errorf("%q: accepted as %v", c.text, got)
			continue
		}
		if !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: %q does not say %q", c.text, err, c.says)
		}
	}
}

func drawCells(t *rapid.T, rows, cols int) []array.Cell {
	return rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) array.Cell {
		return array.Cell{Row: rapid.IntRange(0, rows-1).Draw(t, "row"), Col: rapid.IntRange(0, cols-1).Draw(t, "col")}
	}), 1, 12, rapid.ID[array.Cell]).Draw(t, "cells")
}

// A printed cell is the cell again, in a list and in JSON.
func TestCellsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, cols := rapid.IntRange(1, 256).Draw(t, "rows"), rapid.IntRange(1, 256).Draw(t, "cols")
		cells := drawCells(t, rows, cols)
		words := make([]string, len(cells))
		for i, c := range cells {
			words[i] = c.String()
		}
		text := strings.Join(words, rapid.SampledFrom([]string{",", " ", ", ", ";"}).Draw(t, "separator"))
		back, err := array.ParseCells(text, rows, cols)
		if err != nil || !slices.Equal(back, cells) {
			t.Fatalf("%q: %v, %v", text, back, err)
		}
		b, err := json.Marshal(cells)
		if err != nil {
			t.Fatal(err)
		}
		var decoded []array.Cell
		if err := json.Unmarshal(b, &decoded); err != nil || !slices.Equal(decoded, cells) {
			t.Fatalf("%s: %v, %v", b, decoded, err)
		}
	})
}

func TestCellJSONRefuses(t *testing.T) {
	for _, text := range []string{`[1]`, `[1,2,3]`, `"r1c2"`, `{"row":1}`, `[1.5,2]`, `[]`} {
		var c array.Cell
		if err := c.UnmarshalJSON([]byte(text)); err == nil {
			t.Errorf("%s: accepted as %v", text, c)
		}
	}
}

func ExampleParseCells() {
	cells, err := array.ParseCells("r3c7, r0-1c2", 20, 20)
	fmt.Println(cells, err)
	_, err = array.ParseCells("r20c0", 20, 20)
	fmt.Println(err)
	// Output:
	// [r3c7 r0c2 r1c2] <nil>
	// device "r20c0": row 20 is outside 0-19
}

// What is nearly right is answered with the right form, and only that.
func TestNearlyCells(t *testing.T) {
	for text, want := range map[string]string{
		"3,7": "r3c7", "(3, 7)": "r3c7", "[3;7]": "r3c7", "3 7": "r3c7", "3x7": "r3c7", "3c7": "r3c7", "r3,c7": "r3c7",
		"R3-C7": "r3c7", "row 3 col 7": "r3c7", "row3col7": "r3c7",
		"c7r3": "r3c7", "C7,R3": "r3c7", "r3": "r3c*", "c7": "r*c7", "col 7": "r*c7",
		"37": "", "r3d7": "", "r7-3c1": "", "r99c1": "",
	} {
		_, err := array.ParseCells(text, 20, 20)
		if err == nil || strings.Contains(err.Error(), "did you mean") != (want != "") ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

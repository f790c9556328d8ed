package tuning

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"xlab/instrument"
	"xlab/instrument/array"
)

func TestPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, w := rapid.IntRange(1, 4).Draw(t, "h"), rapid.IntRange(1, 4).Draw(t, "w")
		rows, cols := rapid.IntRange(1, 6).Draw(t, "rows"), rapid.IntRange(1, 6).Draw(t, "cols")
		at := array.Cell{Row: rapid.IntRange(-1, 5).Draw(t, "row"), Col: rapid.IntRange(-1, 5).Draw(t, "col")}
		part := NewTargets(h, w)
		for _, c := range array.AllCells(h, w) {
			part[c.Row][c.Col] = instrument.Siemens(1 + c.Row*w + c.Col)
		}
		placed, err := part.Place(rows, cols, at)
		if fits := at.Row >= 0 && at.Col >= 0 && at.Row+h <= rows && at.Col+w <= cols; fits != (err == nil) {
			t.Fatalf("%d x %d at %s of %d x %d: %v", h, w, at, rows, cols, err)
		} else if !fits {
			return
		}
		if r, c := placed.Size(); r != rows || c != cols || len(placed.Cells()) != h*w {
			t.Fatalf("%d x %d with %d targets", r, c, len(placed.Cells()))
		}
		for _, c := range array.AllCells(h, w) {
			if g, ok := placed.At(array.Cell{Row: at.Row + c.Row, Col: at.Col + c.Col}); !ok || g != part[c.Row][c.Col] {
				t.Fatalf("%s went elsewhere", c)
			}
		}
	})
}

func TestUniform(t *testing.T) {
	cells := []array.Cell{{Row: 1, Col: 2}, {Row: 0, Col: 0}}
	u, err := Uniform(2, 3, cells, 20e-6)
	if err != nil || len(u.Cells()) != 2 || u[1][2] != 20e-6 || u[0][0] != 20e-6 {
		t.Errorf("%v, %v", u, err)
	}
	for _, c := range []array.Cell{{Row: 2}, {Col: 3}, {Row: -1}, {Col: -1}} {
		if _, err := Uniform(2, 3, []array.Cell{c}, 20e-6); err == nil || !strings.Contains(err.Error(), "outside the 2 x "+
			"3 array") {
			t.Errorf("%s: %v", c, err)
		}
	}
	if r, c := (Targets{}).Size(); r != 0 || c != 0 {
		t.Errorf("nothing has %d x %d", r, c)
	}
}

func TestTargetsCheck(t *testing.T) {
	good := func() Targets {
		u, err := Uniform(3, 5, array.AllCells(3, 5), 20e-6)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	for name, c := range map[string]struct {
		change func(u Targets) Targets
		want   string
	}{
		"good":   {func(u Targets) Targets { return u }, ""},
		"bounds": {func(u Targets) Targets { u[0][0], u[2][4] = 10e-6, 100e-6; return u }, ""},
		"size":   {func(u Targets) Targets { return u[:2] }, "2 x 5 values for an array of 3 x 5"},
		"ragged": {func(u Targets) Targets { u[1] = u[1][:4]; return u }, "row 1 has 4 values"},
		"zero":   {func(u Targets) Targets { u[1][3] = 0; return u }, "not a positive conductance: r1c3"},
		"infinite": {func(u Targets) Targets { u[1][3] = instrument.Siemens(math.Inf(1)); return u },
			"not a positive conductance: r1c3"},
		"low": {func(u Targets) Targets { u[0][2] = 9e-6; return u }, "outside the range of 10.0 µS to 100 µS (10.0 kΩ to " +
			"100 kΩ): r0c2 (9.00 µS = 111 kΩ)"},
		"high": {func(u Targets) Targets {
			for _, c := range array.AllCells(3, 5) {
				u[c.Row][c.Col] = 101e-6
			}
			return u
		}, "r1c4 (101 µS = 9.90 kΩ) and 5 more"},
		"none": {func(Targets) Targets { return NewTargets(3, 5) }, "no device is asked for"},
	} {
		err := c.change(good()).Check(3, 5, 10e-6, 100e-6)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

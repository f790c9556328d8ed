package chip_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"xlab/mock/chip"
	"xlab/mock/device"
)

var two = []chip.Size{{Array: "A", Rows: 6, Cols: 5}, {Array: "B", Rows: 6, Cols: 5}}

func make2(t *testing.T, seed uint64) *chip.Chip {
	t.Helper()
	c, err := chip.New(device.Default(), seed, two)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// use does something to a chip that leaves traces in all parts of its state.
func use(c *chip.Chip) {
	for _, name := range []string{"A", "B"} {
		a := c.Arrays[name]
		v, i, g := make([]float64, a.Len()), make([]float64, a.Len()), make([]float64, a.Len())
		for k := range v {
			v[k] = 1.9 - 0.02*float64(k)
		}
		for left := 5e-3; left > 0; {
			a.SampleNoise(1e-3)
			a.Currents(v, i, g)
			formed, used := a.Stress(v, i, left, 150e-12)
			if left -= used; formed < 0 {
				break
			}
		}
		a.Idle(1234.5)
	}
	c.Time += 1.25
}

func saved(t *testing.T, c *chip.Chip) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "chip.json")
	if err := c.Save(path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// What is loaded is saved again byte for byte, and goes on as the original
// would have.
func TestSaveAndLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "deeper", "chip.json") // Save makes the directory
	for _, used := range []bool{false, true} {
		original := make2(t, 11)
		if used {
			use(original)
		}
		if err := original.Save(path); err != nil {
			t.Fatal(err)
		}
		first, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		loaded, err := chip.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if loaded.Seed != 11 || loaded.Time != original.Time || len(loaded.Arrays) != 2 {
			t.Errorf("used %v: seed %d, time %v, %d arrays", used, loaded.Seed, loaded.Time, len(loaded.Arrays))
		}
		if again := saved(t, loaded); !bytes.Equal(first, again) {
			t.Errorf("used %v: loaded and saved again, %d bytes became %d others", used, len(first), len(again))
		}
		use(original)
		use(loaded)
		if !bytes.Equal(saved(t, original), saved(t, loaded)) {
			t.Errorf("used %v: the loaded chip goes on differently", used)
		}
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestSeeds(t *testing.T) {
	one, same, other := make2(t, 1), make2(t, 1), make2(t, 2)
	if !bytes.Equal(saved(t, one), saved(t, same)) {
		t.Error("one seed gave two chips")
	}
	use(one)
	use(same)
	if !bytes.Equal(saved(t, one), saved(t, same)) {
		t.Error("the same treatment gave two chips")
	}
	fresh := make2(t, 1)
	for name, pair := range map[string][2]*device.Array{
		"two seeds": {fresh.Arrays["A"], other.Arrays["A"]}, "the arrays of one chip": {fresh.Arrays["A"], fresh.Arrays["B"]},
		"arrays of neighbouring seeds": {fresh.Arrays["B"], other.Arrays["A"]},
	} {
		if slices.Equal(pair[0].Truth().Conductance, pair[1].Truth().Conductance) {
			t.Errorf("%s are the same", name)
		}
	}
	// The order in which the arrays are named makes no difference.
	turned, err := chip.New(device.Default(), 1, []chip.Size{two[1], two[0]})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(saved(t, turned), saved(t, fresh)) {
		t.Error("the order of the arrays matters")
	}
}

func TestNewRefuses(t *testing.T) {
	for name, sizes := range map[string][]chip.Size{
		"twice":    {{Array: "A", Rows: 2, Cols: 2}, {Array: "A", Rows: 3, Cols: 3}},
		"array Z:": {{Array: "Z", Rows: 0, Cols: 2}},
	} {
		if _, err := chip.New(device.Default(), 1, sizes); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chip.json")
	if _, err := chip.Load(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	good := string(saved(t, make2(t, 1)))
	for _, c := range []struct{ name, text, says string }{
		{"empty", "", "unexpected end"},
		{"no JSON", "chip", "invalid character"},
		{"cut off", good[:len(good)/2], "unexpected end"},
		{"another format", strings.Replace(good, "xlab simulated chip 1", "xlab simulated chip 2", 1),
			`"xlab simulated chip 2"`},
		// The format is what is wrong, not what the rest of it looks like.
		{"another format with other contents", `{"format":"xlab simulated chip 0","arrays":[1,2]}`,
			`"xlab simulated chip 0"`},
		{"no format", `{}`, `format ""`},
		{"unknown key", strings.Replace(good, `"seed"`, `"sead"`, 1), "sead"},
		{"an array that is none", `{"format":"xlab simulated chip 1","seed":1,"bench_time_s":0,"arrays":{"A":null}}`,
			"array A"},
		{"damaged array", strings.Replace(good, `"rows":6`, `"rows":7`, 1), "entries instead of"},
	} {
		if c.text == good {
			t.Fatalf("%s: nothing was changed", c.name)
		}
		if err := os.WriteFile(path, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := chip.Load(path)
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), path) ||
			!strings.Contains(err.Error(), "xlab sim chip new") {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
}

// A chip that cannot be written leaves the old file as it was and nothing
// beside it.
func TestSaveIsAllOrNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "chip.json")
	c := make2(t, 3)
	if err := c.Save(path); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c.Time = -1 / zero() // no number that a file can hold
	if err := c.Save(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the old file is gone: %v", err)
	}
	// A directory in the file's place cannot be replaced by a file.
	blocked := filepath.Join(dir, "blocked.json")
	if err := os.MkdirAll(filepath.Join(blocked, "inside"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := make2(t, 3).Save(blocked); err == nil || !strings.Contains(err.Error(), "blocked.json") {
		t.Errorf("got %v", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func zero() float64 { return 0 }

// A reader that looks all the time while the file is replaced sees a whole chip.
func TestReadersSeeAWholeFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open file cannot be replaced there")
	}
	path := filepath.Join(t.TempDir(), "chip.json")
	a, b := make2(t, 1), make2(t, 2)
	if err := a.Save(path); err != nil {
		t.Fatal(err)
	}
	one, other := saved(t, a), saved(t, b)
	done := make(chan error, 1)
	go func() {
		for range 30 {
			if err := errors.Join(b.Save(path), a.Save(path)); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			return
		default:
		}
		text, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(text, one) && !bytes.Equal(text, other) {
			t.Fatalf("%d bytes, %v", len(text), err)
		}
	}
}

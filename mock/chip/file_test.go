package chip_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"xlab/mock/chip"
	"xlab/mock/device"
)

// create puts a new chip into a file.
func create(t *testing.T, seed uint64) (*chip.File, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "deeper", "chip.json")
	f, err := chip.Create(path, make2(t, seed))
	if err != nil {
		t.Fatal(err)
	}
	return f, path
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// killed is what a killed owner leaves: copies of its two files, in another
// directory because the owner here is still alive.
func killed(t *testing.T, path string, change func(record []byte) []byte) string {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "chip.json")
	record := mustRead(t, path+".acts")
	if change != nil {
		record = change(bytes.Clone(record))
	}
	for name, text := range map[string][]byte{copied: mustRead(t, path), copied + ".acts": record} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return copied
}

// states are the arrays of a chip.
func states(t *testing.T, c *chip.Chip) string {
	t.Helper()
	text, err := json.Marshal(c.Arrays)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// stress does one interval of stress, after a pause.
func stress(f *chip.File, name string, volts float64) {
	a := f.Chip().Arrays[name]
	v, i, g := make([]float64, a.Len()), make([]float64, a.Len()), make([]float64, a.Len())
	for k := range v {
		v[k] = volts - 0.05*float64(k)
	}
	a.Idle(3)
	a.SampleNoise(1e-3)
	a.Currents(v, i, g)
	if volts > 1 {
		a.Stress(v, i, 1e-3, 150e-12)
	} else {
		a.Bias(v, 1e-3, 150e-12)
	}
	f.Flush()
	a.ClearNoise()
}

// A chip whose owner is killed is found as it was after the last stress, at any
// moment; a second owner goes on from there.
func TestKilledOwner(t *testing.T) {
	f, path := create(t, 11)
	defer f.Close()
	c := f.Chip()
	now := 100.0
	f.Clock(func() float64 { return now })
	for n := range 6 {
		stress(f, []string{"A", "B"}[n%2], 2.4-0.5*float64(n))
		left := killed(t, path, nil)
		found, err := chip.Load(left)
		if err != nil {
			t.Fatal(err)
		}
		if states(t, found) != states(t, c) {
			t.Fatalf("after %d stresses the chip is found in another state", n+1)
		}
		if want := now + 1e-3; found.Time != want || found.Recovered < n+1 {
			t.Errorf("bench time %v, want %v; %d acts", found.Time, want, found.Recovered)
		}
		now += 10
	}

	left := killed(t, path, nil)
	g, err := chip.Open(left)
	if err != nil {
		t.Fatal(err)
	}
	if g.Chip().Recovered == 0 || states(t, g.Chip()) != states(t, c) {
		t.Error("the next owner finds another state")
	}
	stress(g, "A", 1.5)
	stress(f, "A", 1.5)
	again := killed(t, left, nil) // killed again
	found, err := chip.Load(again)
	if err != nil || states(t, found) != states(t, c) {
		t.Errorf("killed a second time: %v", err)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	found, err = chip.Load(left)
	if err != nil || found.Recovered != 0 || states(t, found) != states(t, c) {
		t.Errorf("after a clean end: %v", err)
	}
	if entries, err := os.ReadDir(filepath.Dir(left)); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// A frame that is cut off anywhere or damaged ends the record: what came before
// it holds.
func TestTornRecord(t *testing.T) {
	f, path := create(t, 5)
	defer f.Close()
	before := states(t, f.Chip())
	stress(f, "A", 2)
	one, oneRecord := states(t, f.Chip()), len(mustRead(t, path+".acts"))
	stress(f, "B", 2)
	two, twoRecord := states(t, f.Chip()), len(mustRead(t, path+".acts"))
	headerSize := 12 + 32 + 4
	for cut := 0; cut <= twoRecord; cut += 101 {
		want := before
		if cut >= oneRecord {
			want = one
		}
		if cut == twoRecord {
			want = two
		}
		found, err := chip.Load(killed(t, path, func(b []byte) []byte { return b[:cut] }))
		if err != nil || states(t, found) != want {
			t.Fatalf("cut at %d of %d: %v", cut, twoRecord, err)
		}
		if cut == twoRecord {
			continue
		}
		found, err = chip.Load(killed(t, path, func(b []byte) []byte { b[cut] ^= 0x20; return b }))
		switch {
		case cut < headerSize, cut < oneRecord:
			want = before
		default:
			want = one
		}
		if err != nil || states(t, found) != want {
			t.Fatalf("bit changed at %d of %d: %v", cut, twoRecord, err)
		}
	}
}

// The record of another state of the file, as a kill between saving and
// beginning anew leaves it, is ignored, and so are frames of an earlier use
// behind the last one.
func TestStaleRecord(t *testing.T) {
	f, path := create(t, 5)
	c := f.Chip()
	for range 5 {
		stress(f, "A", 2)
	}
	stale := mustRead(t, path+".acts")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	want := states(t, c)
	if err := os.WriteFile(path+".acts", stale, 0o600); err != nil {
		t.Fatal(err)
	}
	if found, err := chip.Load(path); err != nil || found.Recovered != 0 || states(t, found) != want {
		t.Fatalf("the acts were done twice (%v)", err)
	}
	g, err := chip.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	stress(g, "A", 1)
	left := killed(t, path, nil)
	if len(mustRead(t, left+".acts")) != len(stale) {
		t.Fatal("the record was not written in place: the test shows nothing")
	}
	found, err := chip.Load(left)
	if err != nil || states(t, found) != states(t, g.Chip()) {
		t.Errorf("frames of an earlier use were taken for new ones (%v)", err)
	}
}

// The record is folded into the file again and again, so that it does not grow
// without bound, and at every moment the two together hold everything.
func TestRecordIsFolded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chip.json")
	c, err := chip.New(device.Default(), 3, []chip.Size{{Array: "A", Rows: 64, Cols: 64}})
	if err != nil {
		t.Fatal(err)
	}
	f, err := chip.Create(path, c)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	folds, before := 0, mustRead(t, path)
	a := c.Arrays["A"]
	v, i := make([]float64, a.Len()), make([]float64, a.Len())
	for n := range 1200 {
		v[n%a.Len()] = 1.2
		a.Stress(v, i, 1e-4, 0)
		f.Flush()
		if n%50 != 0 {
			continue
		}
		if now := mustRead(t, path); !bytes.Equal(now, before) {
			folds++
			before = now
			found, err := chip.Load(killed(t, path, nil))
			if err != nil || states(t, found) != states(t, c) {
				t.Fatalf("after folding at %d: %v", n, err)
			}
		}
	}
	if info, err := os.Stat(path + ".acts"); err != nil || folds == 0 || info.Size() > 40<<20 {
		t.Errorf("folded %d times, record of %d bytes, %v", folds, info.Size(), err)
	}
}

// One process at a time owns a chip; looking at it does not need that.
func TestOneOwner(t *testing.T) {
	f, path := create(t, 1)
	stress(f, "A", 1)
	for name, take := range map[string]func() (*chip.File, error){
		"open":   func() (*chip.File, error) { return chip.Open(path) },
		"create": func() (*chip.File, error) { return chip.Create(path, make2(t, 2)) },
	} {
		if _, err := take(); !errors.Is(err, chip.ErrOwned) {
			t.Errorf("%s: %v", name, err)
		}
	}
	found, err := chip.Load(path)
	if err != nil || states(t, found) != states(t, f.Chip()) {
		t.Errorf("looking at it: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	g, err := chip.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	if _, err := chip.Open(path + "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no chip: %v", err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// A chip has one owner and one record, whatever name it is called by, and a link
// stays one.
func TestLinkToChip(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("making links needs a privilege")
	}
	dir := t.TempDir()
	path, link := filepath.Join(dir, "real", "chip.json"), filepath.Join(dir, "link.json")
	if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o700), os.Symlink(path, link)); err != nil {
		t.Fatal(err)
	}
	f, err := chip.Create(link, make2(t, 1)) // the link leads nowhere yet
	if err != nil {
		t.Fatal(err)
	}
	stress(f, "A", 1)
	if _, err := chip.Open(path); !errors.Is(err, chip.ErrOwned) {
		t.Errorf("a second owner by the other name: %v", err)
	}
	if found, err := chip.Load(link); err != nil || states(t, found) != states(t, f.Chip()) {
		t.Errorf("looking at it by the link: %v", err)
	}
	want := states(t, f.Chip())
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if found, err := chip.Load(path); err != nil || states(t, found) != want {
		t.Errorf("after the end: %v", err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link was replaced: %v", err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// BenchmarkRecord is what the record adds to an interval of stress of a 20 x 20
// array.
func BenchmarkRecord(b *testing.B) {
	for _, recorded := range []bool{false, true} {
		b.Run(map[bool]string{false: "none", true: "record"}[recorded], func(b *testing.B) {
			flush := func() {}
			c, err := chip.New(device.Default(), 3, []chip.Size{{Array: "A", Rows: 20, Cols: 20},
				{Array: "B", Rows: 20, Cols: 20}})
			if err != nil {
				b.Fatal(err)
			}
			if recorded {
				f, err := chip.Create(filepath.Join(b.TempDir(), "chip.json"), c)
				if err != nil {
					b.Fatal(err)
				}
				defer f.Close()
				flush = f.Flush
			}
			a := c.Arrays["A"]
			v := make([]float64, a.Len())
			for k := range v {
				v[k] = 0.3
			}
			for b.Loop() {
				a.Bias(v, 1e-3, 0)
				flush()
			}
		})
	}
}

package bench

import (
	"bytes"
	"io/fs"
	"testing"

	"xlab/hwdocs"
)

func FuzzLoadBoard(f *testing.F) {
	files, err := fs.Glob(hwdocs.FS, "wiring/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, file := range files {
		text, err := fs.ReadFile(hwdocs.FS, file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("array: A\nrows: 1000000000000\ncols: 1\nboard: {name: b}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := LoadBoard(bytes.NewReader(text), "map.yaml", 0.1)
		if err != nil {
			if !bytes.Contains([]byte(err.Error()), []byte("map.yaml")) {
				t.Errorf("%q does not name the file", err)
			}
			return
		}
		seen := make([]bool, b.Chips())
		for _, chips := range [][]int{b.rowChip, b.colChip} {
			for _, chip := range chips {
				if chip < 0 || chip >= len(seen) || seen[chip] {
					t.Fatalf("the chips of the lines are %v and %v", b.rowChip, b.colChip)
				}
				seen[chip] = true
			}
		}
	})
}

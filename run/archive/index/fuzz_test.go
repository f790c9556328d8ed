package index

import (
	"os"
	"path/filepath"
	"testing"

	"xlab/run"
)

// FuzzDatabase finds runs with any bytes in the place of the index.
func FuzzDatabase(f *testing.F) {
	root := f.TempDir()
	r := newRun(f, root, 0, run.Header{Command: "form", Array: "A"}, 2, run.OutcomeComplete)
	if n, err := Rebuild(f.Context(), root); err != nil || n != 1 {
		f.Fatal(n, err)
	}
	text, err := os.ReadFile(filepath.Join(root, File))
	must(f, err)
	f.Add(uint32(0), []byte("garbage"), uint32(0))
	f.Add(uint32(100), []byte{0}, uint32(len(text)/2))
	f.Add(uint32(18), []byte{9, 9}, uint32(0))
	f.Fuzz(func(t *testing.T, at uint32, bytes []byte, cut uint32) {
		dir := t.TempDir()
		must(t, os.CopyFS(filepath.Join(dir, r.ID()), os.DirFS(r.Dir())))
		spoiled := append([]byte{}, text[:len(text)-int(cut)%len(text)]...)
		for i, b := range bytes {
			spoiled[(int(at)+i)%len(spoiled)] = b
		}
		must(t, os.WriteFile(filepath.Join(dir, File), spoiled, 0o600))
		for range 2 {
			found, _, err := Find(t.Context(), dir, Query{})
			if err != nil {
				t.Fatal(err)
			}
			// Contents that are only wrong are noticed by their marks: here the copy
			// is newer than what the database knows.
			if len(found) != 1 || found[0].ID != r.ID() || found[0].Outcome != run.OutcomeComplete {
				t.Fatalf("found %+v", found)
			}
		}
	})
}

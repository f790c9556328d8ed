package run

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzDirectory reads any bytes as the files of a run: a list of runs shows it,
// as broken where nothing else can be said.
func FuzzDirectory(f *testing.F) {
	r, err := Create(f.TempDir(), Header{Command: "form", Array: "A"}, Options{})
	must(f, err)
	must(f, r.Finish(OutcomePartial, map[string]int{"devices": 3}))
	var files [][]byte
	for _, name := range []string{firstSegment, resultFile, specFile} {
		text, err := os.ReadFile(filepath.Join(r.Dir(), name))
		must(f, err)
		files = append(files, text)
	}
	f.Add(files[0], files[1], files[2])
	f.Add(files[0], []byte(nil), []byte("{"))
	f.Add([]byte(nil), []byte(`{"version":99}`), []byte("null"))
	f.Add(files[0][:30], []byte(`{"version":1,"bench_seconds":1e999}`), []byte("[]"))
	f.Fuzz(func(t *testing.T, journal, result, spec []byte) {
		dir := filepath.Join(t.TempDir(), "20261122T141500Z-form-a-1f3c")
		must(t, os.Mkdir(dir, 0o755))
		for name, text := range map[string][]byte{firstSegment: journal, resultFile: result, specFile: spec} {
			if text != nil {
				must(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
			}
		}
		s := Read(dir)
		if s.ID != filepath.Base(dir) || s.Started.IsZero() && len(s.Problems) == 0 && s.Result == nil && s.Header.ID == "" {
			t.Errorf("%+v", s)
		}
		if s.Outcome == OutcomeBroken && len(s.Problems) == 0 && s.Cause == "" {
			t.Error("nothing is said about why it is broken")
		}
		if report, err := ScanJournal(dir, nil); err == nil {
			if err := Check(dir, report); err == nil && (spec == nil || journal == nil) {
				t.Error("nothing is missing")
			}
		}
		if list, err := List(filepath.Dir(dir)); err != nil || len(list) != 1 {
			t.Errorf("%v, %v", list, err)
		}
	})
}

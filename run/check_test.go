package run

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"xlab/instrument"
)

// TestCheck: whatever is done to the files of a run is found, with its place.
func TestCheck(t *testing.T) {
	// Lines of a segment, with the line feeds.
	edit := func(name string, change func(lines [][]byte) [][]byte) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			path := filepath.Join(dir, name)
			text, err := os.ReadFile(path)
			must(t, err)
			must(t, os.WriteFile(path, bytes.Join(change(bytes.SplitAfter(text, []byte("\n"))), nil), 0o600))
		}
	}
	rename := func(from, to string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			must(t, os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)))
		}
	}
	for name, c := range map[string]struct {
		spoil func(t *testing.T, dir string)
		words string // "" = nothing is wrong
	}{
		"nothing":    {func(*testing.T, string) {}, ""},
		"a torn end": {edit("journal.jsonl", func(l [][]byte) [][]byte { return append(l, []byte(`{"seq":4,"ty`)) }), ""},
		"a doubled line": {edit("journal.jsonl", func(l [][]byte) [][]byte { return slices.Insert(l, 2, l[1]) }),
			"journal.jsonl:3: record 2 comes after record 2"},
		"a missing line": {edit("journal.jsonl", func(l [][]byte) [][]byte { return slices.Delete(l, 1, 2) }),
			"journal.jsonl:2: records 2 to 2 are missing before it"},
		"reordered lines": {edit("journal-0002.jsonl", func(l [][]byte) [][]byte { l[1], l[2] = l[2], l[1]; return l }),
			"journal-0002.jsonl:2: records 5 to 5 are missing before it; journal-0002.jsonl:3: record 5 comes after record 6"},
		"a changed line": {edit("journal.jsonl", func(l [][]byte) [][]byte { l[1][10] ^= 1; return l }),
			"journal.jsonl:2: its checksum does not fit"},
		"a renamed segment": {rename("journal-0003.jsonl", "journal-0004.jsonl"),
			"journal-0004.jsonl:1: the segment before it, journal-0003.jsonl, is missing; " +
				"journal-0004.jsonl:1: the header is of segment 3: was the file renamed?"},
		"the last segment under another name": {rename("journal-0003.jsonl", "journal-3.jsonl"),
			"journal-3.jsonl: not the name of a segment: was the file renamed?; " +
				"result.json: the run has 3 segments, and the files of 2 are there"},
		"the last segment moved away": {rename("journal-0003.jsonl", "old"),
			"result.json: the run has 3 segments, and the files of 2 are there"},
		"the first segment moved away": {rename("journal.jsonl", "old"),
			"journal-0002.jsonl:1: the segment before it, journal.jsonl, is missing"},
		"the specification moved away": {rename("spec.json", "old"), "spec.json is missing"},
		"a segment in another one's place": {func(t *testing.T, dir string) {
			rename("journal-0002.jsonl", "x")(t, dir)
			rename("journal-0003.jsonl", "journal-0002.jsonl")(t, dir)
			rename("x", "journal-0003.jsonl")(t, dir)
		}, "journal-0002.jsonl:1: the header is of segment 3: was the file renamed?"},
		"a backup of an editor beside a segment": {func(t *testing.T, dir string) {
			must(t, os.WriteFile(filepath.Join(dir, "journal.jsonl~"), nil, 0o600))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := threeSegments(t)
			c.spoil(t, dir)
			report, err := ScanJournal(dir, nil)
			must(t, err)
			err = Check(dir, report)
			switch {
			case c.words == "":
				must(t, err)
			case err == nil || !strings.Contains(err.Error(), c.words) || instrument.KindOf(err) != instrument.KindUsage:
				t.Errorf("%v, want %q", err, c.words)
			}
		})
	}
}

// threeSegments is a run that was taken up twice, with records 1 to 9.
func threeSegments(t *testing.T) string {
	t.Helper()
	r, err := Create(t.TempDir(), Header{Command: "form"}, Options{})
	must(t, err)
	dir := r.Dir()
	for range 2 {
		must(t, r.Journal().Note("at work"))
		must(t, r.Finish(OutcomeInterrupted, nil))
		claim, err := NewClaim(dir, nil)
		must(t, err)
		r, err = claim.Continue(Header{}, Options{})
		must(t, err)
	}
	must(t, r.Journal().Note("at work"))
	must(t, r.Finish(OutcomeComplete, nil))
	return dir
}

package index

import (
	"testing"

	"xlab/run"
)

// BenchmarkNote is what a run pays at its beginning and its end.
func BenchmarkNote(b *testing.B) {
	root := b.TempDir()
	r := newRun(b, root, 0, run.Header{Command: "form", Array: "A"}, 2, run.OutcomeComplete)
	for b.Loop() {
		must(b, Note(b.Context(), root, r.ID()))
	}
}

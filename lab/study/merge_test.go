package study_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"xlab/lab/study"
	"xlab/lab/study/shard"
	"xlab/run"
)

// A shard of a study or a version that this program does not know is not made into a table.
func TestMergeOfAnother(t *testing.T) {
	program, err := shard.Program()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ program, words string }{
		"old":     {"0.1.0", "was computed by xlab 0.1.0, and this is " + program},
		"unknown": {program, `knows no study "unknown"`},
	} {
		file := filepath.Join(t.TempDir(), name)
		h, err := shard.NewHead(name, shard.Seeds{1}, []string{"part"}, map[string]any{"study": 1})
		if err != nil {
			t.Fatal(err)
		}
		h.Program = c.program
		w, err := shard.Begin(file, h)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Append(shard.Chip{Seed: 1, Results: []json.RawMessage{[]byte("1")}}); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		_, found, err := study.Merge([]string{file}, nil)
		if err == nil || found != nil || !strings.Contains(err.Error(), c.words) || run.ExitCode(err) != run.ExitUsage {
			t.Errorf("%s: %v, %v", name, found, err)
		}
	}
}

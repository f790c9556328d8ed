package study

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"xlab/lab"
	"xlab/lab/study/shard"
	"xlab/run"
)

// A file that decides results and is changed while a study is under way is noticed: no
// chip is kept that the head does not describe. With the file as it was the study goes on
// to the same shard.
func TestChangedFile(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const wiring = "array: small\nrows: 2\ncols: 3\n" +
		"board: {name: small, chip: adg1438, chain: [{cols: 0-2}, {rows: 0-1}]}\n" +
		"buses: {S1: F1, S2: F2, S3: H1, S4: H2, S5: GND}\nsmu: {F1: 1, F2: 2, H1: 3, H2: 4}\n"
	bench := put("bench.yaml", "limits: {min_voltage: -2.5V, max_voltage: 3.5V, max_current: 5mA, max_width: 20ms}\n"+
		"boards: [{name: A, address: sim, wiring: '"+put("map.yaml", wiring)+"'}]\n")
	l := lab.New()
	if err := l.ReadConfig(bench, []string{"runs=none", "simulation.chip=none"}); err != nil {
		t.Fatal(err)
	}
	change := false
	s := &Study{Name: "test", lab: l, arrays: []string{"A"}, settings: 1, Parts: []Part{{"defects",
		func(_ context.Context, c *Chip) (any, error) {
			if change && c.Seed == 3 {
				put("map.yaml", wiring+"# not what it was\n")
			}
			return len(c.Defects), nil
		}}}}
	seeds := shard.Seeds{1, 2, 3, 4}
	whole, cut := filepath.Join(dir, "whole"), filepath.Join(dir, "cut")
	if err := s.Shard(t.Context(), seeds, whole); err != nil {
		t.Fatal(err)
	}
	change = true
	err := s.Shard(t.Context(), seeds, cut)
	if err == nil || run.ExitCode(err) != run.ExitUsage || !strings.Contains(err.Error(), "is not kept: the study as it "+
		"began and its files as they are now do not fit together: settings bench.boards[0].wiring is ") {
		t.Errorf("the file was changed: %v", err)
	}
	if part, err := shard.Read(cut + shard.Part); err != nil || len(part.Chips) > 2 {
		t.Errorf("it was kept: %+v, %v", part, err)
	}
	change = false
	put("map.yaml", wiring)
	if err := s.Shard(t.Context(), seeds, cut); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(cut); err != nil || !bytes.Equal(got, want) {
		t.Errorf("it became another shard (%v)", err)
	}
}

package config_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"xlab/lab/boxes"
	"xlab/lab/config"
)

// What a chip in memory shows depends on values and on what is in files, not on names,
// places and who is told.
func TestDeciding(t *testing.T) {
	dir := t.TempDir()
	bench := func(file, wiring string, set ...string) string {
		t.Helper()
		path := filepath.Join(dir, file)
		if err := os.WriteFile(path, []byte(wiring), 0o600); err != nil {
			t.Fatal(err)
		}
		description := filepath.Join(dir, "bench.yaml")
		text := "analyzer: {address: sim}\nboards: [{name: A, address: sim, wiring: " + path + "}]\n" +
			"limits: {min_voltage: -2.5V, max_voltage: 3.5V, max_current: 5mA, max_width: 20ms}\n"
		if err := os.WriteFile(description, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(description, set, boxes.Default())
		if err != nil {
			t.Fatal(err)
		}
		out, err := json.Marshal(c.Deciding())
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	base := bench("one.yaml", "array: A")
	for _, same := range []string{
		bench("two.yaml", "array: A"), bench("one.yaml", "array: A", "runs="+dir),
		bench("one.yaml", "array: A", "bench=x"),
		bench("one.yaml", "array: A", "simulation.seed=7"), bench("one.yaml", "array: A", "figures=svg"),
		bench("one.yaml", "array: A", "tuning.tolerance=0.05"), // as it is anyhow
	} {
		if same != base {
			t.Errorf("%s\nis another bench than\n%s", same, base)
		}
	}
	script := filepath.Join(dir, "faults.yaml")
	if err := os.WriteFile(script, []byte("faults: []"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{
		bench("one.yaml", "array: B"), bench("one.yaml", "array: A", "tuning.passes=3"),
		bench("one.yaml", "array: A", "simulation.temperature=40"),
		bench("one.yaml", "array: A", "simulation.faults="+script),
		bench("one.yaml", "array: A", "limits.max_voltage=3V"), bench("one.yaml", "array: A", "forming.levels=4"),
		bench("one.yaml", "array: A", "simulation.technology=linear-memristor"),
	} {
		if other == base {
			t.Errorf("another bench has the same settings, %s", other)
		}
	}
}

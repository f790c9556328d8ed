package config_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"xlab/instrument/array"
	"xlab/lab/boxes"
	"xlab/lab/config"
	"xlab/mock/bench"
)

// The maps and settings of hwdocs/benches.md are read by both sides, and what it says that
// they can do is so.
func TestBenchesPage(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "hwdocs", "benches.md"))
	if err != nil {
		t.Fatal(err)
	}
	maps := 0
	for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		if !strings.HasPrefix(block[1], "array:") {
			file := filepath.Join(t.TempDir(), "bench.yaml")
			if err := os.WriteFile(file, []byte(block[1]), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := config.Load(file, nil, boxes.Default()); err != nil {
				t.Errorf("%s: %v", block[1], err)
			}
			continue
		}
		maps++
		if _, err := array.LoadWiring(strings.NewReader(block[1]), "map"); err != nil {
			t.Errorf("%s: %v", block[1], err)
		}
		if _, err := bench.LoadBoard(strings.NewReader(block[1]), "map", 0.2); err != nil {
			t.Errorf("%s: %v", block[1], err)
		}
	}
	if maps != 3 {
		t.Errorf("%d maps", maps)
	}
	for name, can := range map[string]string{"one-device.yaml": "v2 v3 floating grounded",
		"row-of-8.yaml": "v2 v3 floating grounded", "two-units.yaml": "v2 floating grounded",
		"array-a.yaml": "v2 v3 floating grounded"} {
		address := config.SimulatedAddress
		if name == "one-device.yaml" {
			address = config.NoBoard
		}
		w, err := config.Board{Name: "A", Address: address, Wiring: name}.LoadWiring()
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, s := range w.Schemes() {
			list = append(list, string(s))
		}
		if got := strings.Join(list, " "); got != can || !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("%s can do %s, want %s", name, got, can)
		}
	}
}

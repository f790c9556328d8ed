package config_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"xlab/lab/boxes"
	"xlab/lab/config"
)

// commentedKey is a key that a template offers behind a comment sign, also the first of a list's item.
var commentedKey = regexp.MustCompile(`(?m)^( *)# ?((?:  )*(?:- )?[a-z_]+:(?: .*)?)$`)

// A template with all that it offers switched on is understood, and there is
// no section of the configuration that it keeps to itself. The section of the
// simulation is for simulated benches alone, and locks are of real instruments.
func TestTemplates(t *testing.T) {
	for _, c := range []struct {
		name     string
		template []byte
		without  string
	}{
		{"simulated", config.Template(false, false), "locks"},
		{"hardware", config.Template(true, false), "simulation"},
	} {
		text := commentedKey.ReplaceAllString(string(c.template), "$1$2")
		file := filepath.Join(t.TempDir(), c.name+".yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		read, err := config.Load(file, nil, boxes.Default())
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for _, key := range append(config.Keys(), "boards") {
			key, _, _ = strings.Cut(key, ".")
			if given := read.Given(key); given != (key != c.without) {
				t.Errorf("%s: section %s is offered: %t", c.name, key, given)
			}
		}
	}
}

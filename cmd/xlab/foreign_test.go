package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"xlab/run"
)

// A name that comes with a plan does nothing to a terminal, also behind a pipe, and
// passes for no line of the program's own.
func TestForeignNames(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "plan.yaml")
	text := `{plan: "p\e[31m\nxlab: all done", steps: [{step: "s\e]0;t\a\nxlab: nothing to do", ` +
		`run: read, array: A, with: {devices: r0c0}}]}`
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	code := Main([]string{"run", file, "--dry-run", "--set", "runs=" + dir,
		"--set", "simulation.chip=" + filepath.Join(dir, "chip.json")}, nil, &out, &out)
	if code != run.ExitDone {
		t.Fatalf("exit code %d\n%s", code, &out)
	}
	said := out.String()
	for _, want := range []string{`p\u001b[31m\nxlab: all done`, `s\u001b]0;t\u0007\nxlab: nothing to do`} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in\n%q", want, said)
		}
	}
	if strings.ContainsAny(said, "\x1b\a") || strings.Contains(said, "\nxlab: ") {
		t.Errorf("a terminal would take orders, or a person a name for a message:\n%q", said)
	}
}

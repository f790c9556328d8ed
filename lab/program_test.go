package lab_test

import (
	"bytes"
	"fmt"
	"go/doc"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"xlab/lab/config"
)

// TestMain keeps the configuration of whoever runs the tests away from them.
func TestMain(m *testing.M) {
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, config.EnvironmentPrefix+"_") {
			os.Unsetenv(name)
		}
	}
	os.Setenv("XDG_CONFIG_HOME", filepath.Join(os.TempDir(), "no-such-directory"))
	m.Run()
}

// TestProgram builds the example as a program in a module of its own, and runs it.
func TestProgram(t *testing.T) {
	goCommand, err := exec.LookPath("go")
	if err != nil {
		t.Skip("there is no go command to build a program with")
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "example_test.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	example := doc.Examples(file)[0]
	var program bytes.Buffer
	if err := format.Node(&program, files, example.Play); err != nil {
		t.Fatal(err)
	}
	if lines := bytes.Count(program.Bytes(), []byte("\n")); lines > 40 {
		t.Errorf("the program has %d lines, want at most 40", lines)
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"main.go": program.String(), "go.sum": string(sums),
		"go.mod": fmt.Sprintf("module program\n\ngo 1.26\n\nrequire xlab v0.0.0\n\nreplace xlab => %q\n", root)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command(goCommand, "run", ".")
	c.Dir, c.Env = dir, append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	var messages strings.Builder
	c.Stderr = &messages
	printed, err := c.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, messages.String(), program.String())
	}
	if string(printed) != example.Output {
		t.Errorf("the program printed %q, the example prints %q", printed, example.Output)
	}
}

//go:build unix

package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// onTTY runs the program with its output on a terminal of the given width and
// gives what it wrote.
func onTTY(t *testing.T, env []string, args ...string) string {
	t.Helper()
	near, far, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	if err := pty.Setsize(near, &pty.Winsize{Rows: 40, Cols: 120}); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("xlab", args...)
	c.Stdout, c.Stderr = far, far
	c.Dir = t.TempDir()
	c.Env = append(os.Environ(), "HOME="+c.Dir, "XDG_STATE_HOME="+c.Dir, "TERM=xterm")
	c.Env = append(c.Env, env...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	far.Close()
	read := make(chan []byte)
	go func() {
		// Reading ends with an error when the program's end is closed.
		text, _ := io.ReadAll(near)
		read <- text
	}()
	err = c.Wait()
	text := <-read
	near.Close()
	if err != nil {
		t.Fatalf("xlab %v: %v\n%s", args, err, text)
	}
	return string(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
}

// TestTerminal checks what only a terminal sees: colours, and progress as one
// line that is drawn over.
func TestTerminal(t *testing.T) {
	t.Parallel()
	has := func(text, pattern string, want bool) {
		t.Helper()
		if regexp.MustCompile(pattern).MatchString(text) != want {
			t.Errorf("%s found: %t, want %t in\n%q", pattern, !want, want, text)
		}
	}
	const shaded, bold, redrawn = `\x1b\[(30|97);48;2;\d+;\d+;\d+m`, `\x1b\[1m`, `\r[^\n]*\x1b\[K`
	text := onTTY(t, nil, "read")
	has(text, `conductance at 200 mV, µS`, true)
	has(text, shaded, true)
	has(text, `\(logarithmic\)\n`, true)
	has(text, redrawn, true)
	has(text, `\r\x1b\[1mread A\x1b\[0m 400/400 \(100 %\), done in [^\n]*\x1b\[K\n`, true)

	text = onTTY(t, nil, "form", "-d", "r0c0-1")
	has(text, shaded, true)
	has(text, bold+`form A`, true)
	has(text, `2/2 \(100 %\), done in .*: r0c1 `, true)

	text = onTTY(t, []string{"NO_COLOR=1"}, "read")
	has(text, `conductance at 200 mV, µS`, true)
	has(text, `\x1b\[[0-9;]*m`, false)
	has(text, redrawn, true)

	text = onTTY(t, []string{"TERM=dumb"}, "sim", "chip")
	has(text, `array A, true conductance`, true)
	has(text, `\x1b`, false)
	text = onTTY(t, []string{"TERM=dumb"}, "read", "-d", "r0c0-1")
	has(text, `\x1b|\r[^\n]`, false)
	has(text, `\nread A 2/2`, true)

	// What is not for people has no colour on a terminal either.
	text = onTTY(t, nil, "read", "--json")
	has(text, shaded, false)
}

// TestForeignTextOnATerminal checks that a plan's name with escape sequences is
// shown in a table and in messages, and not acted upon, with the program's own
// colours beside it.
func TestForeignTextOnATerminal(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "plan.yaml")
	text := "plan: \"\\e]0;title\\a\\e[31mred\\u202e\"\nsteps: [{run: read, with: {devices: r0c0}}]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"run", file, "--dry-run"}, {"run", file}, {"run", file, "--dry-run", "--json"}} {
		text := onTTY(t, nil, args...)
		if !strings.Contains(text, `\u001b]0;title\u0007\u001b[31mred\u202e`) && len(args) > 2 {
			t.Errorf("%v: the name is not shown: %q", args, text)
		}
		if regexp.MustCompile(`\x1b\]|\x07|\x1b\[31m|\x{202e}`).MatchString(text) {
			t.Errorf("%v: the terminal is told what the file says: %q", args, text)
		}
	}
}

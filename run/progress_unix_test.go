//go:build linux || darwin

package run

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

// onTerminal runs f with a terminal of the given width and returns what it showed.
func onTerminal(t *testing.T, columns uint16, f func(terminal *os.File)) string {
	t.Helper()
	master, terminal, err := pty.Open()
	must(t, err)
	must(t, pty.Setsize(master, &pty.Winsize{Rows: 24, Cols: columns}))
	shown := make(chan string)
	go func() {
		text, _ := io.ReadAll(master) // ends with an error when the terminal is closed
		shown <- string(text)
	}()
	f(terminal)
	must(t, terminal.Close())
	text := <-shown
	must(t, master.Close())
	return strings.ReplaceAll(text, "\r\n", "\n")
}

func TestProgressOnATerminal(t *testing.T) {
	show := func(terminal *os.File, pairs ...string) {
		c := newClock()
		p := NewProgress(ProgressOptions{Output: terminal, Label: "form", Now: c.now, Getenv: environment(pairs...)})
		for i := range 11 {
			p.Observe(Event{Array: "A", Done: i, Total: 10})
			c.advance(50 * time.Millisecond) // drawn at every second one
		}
		p.Message("interrupt: stopping")
		p.Close()
	}
	plain := onTerminal(t, 80, func(f *os.File) { show(f, "NO_COLOR", "1", "TERM", "xterm") })
	frames := strings.Split(plain, "\r")
	want := []string{
		"",
		"form A 0/10 (0 %)\x1b[K",
		"form A 2/10 (20 %), 400 ms left\x1b[K",
		"form A 4/10 (40 %), 300 ms left\x1b[K",
		"form A 6/10 (60 %), 200 ms left\x1b[K",
		"form A 8/10 (80 %), 100 ms left\x1b[K",
		"form A 10/10 (100 %), done in 500 ms\x1b[K",
		"\x1b[Kinterrupt: stopping\n",
		"form A 10/10 (100 %), done in 550 ms\x1b[K",
		"form A 10/10 (100 %), done in 550 ms\x1b[K\n",
	}
	if len(frames) != len(want) {
		t.Fatalf("%q", frames)
	}
	for i := range frames {
		if frames[i] != want[i] {
			t.Errorf("frame %d is %q, want %q", i, frames[i], want[i])
		}
	}
	if bold := onTerminal(t, 80, func(f *os.File) { show(f, "TERM", "xterm") }); !strings.Contains(bold,
		"\r\x1b[1mform A\x1b[0m 2/10") {
		t.Errorf("in colour: %q", bold)
	}
	if dumb := onTerminal(t, 80, func(f *os.File) { show(f, "TERM", "dumb") }); strings.ContainsAny(dumb, "\r\x1b") ||
		!strings.Contains(dumb, "form A 10/10 (100 %), done in 550 ms\n") {
		t.Errorf("on a dumb terminal: %q", dumb)
	}
	narrow := onTerminal(t, 24, func(f *os.File) { show(f, "NO_COLOR", "1", "TERM", "xterm") })
	for frame := range strings.SplitSeq(narrow, "\r") {
		line, _, _ := strings.Cut(frame, "\x1b[K")
		if len([]rune(line)) > 23 {
			t.Errorf("wider than the terminal: %q", line)
		}
	}
}

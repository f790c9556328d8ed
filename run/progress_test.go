package run

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"xlab/instrument"
)

func environment(pairs ...string) func(string) string {
	return func(key string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == key {
				return pairs[i+1]
			}
		}
		return ""
	}
}

// Elsewhere than on a terminal there is a line now and then.
func TestProgressInALog(t *testing.T) {
	var out bytes.Buffer
	c := newClock()
	p := NewProgress(ProgressOptions{Output: &out, Label: "form A", Now: c.now, Getenv: environment()})
	p.Observe(Event{Done: 0, Total: 400, Bench: 1000})
	for i := range 400 {
		c.advance(10 * time.Millisecond)
		p.Observe(Event{Done: i + 1, Total: 400, Bench: instrument.Seconds(1000 + 3*(i+1)), Note: fmt.Sprintf("r%dc%d formed", i/20, i%20)})
	}
	p.Message("done\n")
	p.Close()
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 12 {
		t.Fatalf("%d lines:\n%s", len(lines), &out)
	}
	for i, want := range map[int]string{
		0:  "form A 0/400 (0 %), bench time 0 ms",
		1:  "form A 40/400 (10 %), 3.6 s left, bench time 2 min 00 s + 18 min 00 s: r1c19 formed",
		10: "form A 400/400 (100 %), done in 4.0 s, bench time 20 min 00 s: r19c19 formed",
		11: "done",
	} {
		if lines[i] != want {
			t.Errorf("line %d is %q, want %q", i, lines[i], want)
		}
	}
	if strings.ContainsAny(out.String(), "\r\x1b") {
		t.Errorf("control characters in a log: %q", &out)
	}
}

func TestProgressOfSlowDevices(t *testing.T) {
	var out bytes.Buffer
	c := newClock()
	p := NewProgress(ProgressOptions{Output: &out, Now: c.now, Getenv: environment()})
	for i := range 10 {
		p.Observe(Event{Done: i, Total: 100000})
		c.advance(31 * time.Second)
	}
	if n := strings.Count(out.String(), "\n"); n != 5 { // the first, and one every 62 s
		t.Errorf("%d lines:\n%s", n, &out)
	}
}

// After a resume the remaining time is that of the rest, at the present pace.
func TestProgressAfterAResume(t *testing.T) {
	var out bytes.Buffer
	c := newClock()
	p := NewProgress(ProgressOptions{Output: &out, Already: 300, Now: c.now, Getenv: environment()})
	c.advance(2 * time.Second)
	p.Observe(Event{Done: 301, Total: 400})
	if want := "301/400 (75 %), 3 min 18 s left\n"; out.String() != want {
		t.Errorf("%q, want %q", &out, want)
	}
}

func TestProgressIgnoresOtherEvents(t *testing.T) {
	var out bytes.Buffer
	p := NewProgress(ProgressOptions{Output: &out, Getenv: environment()})
	p.Observe(Event{Kind: "phase", Note: "round 2"})
	p.Close()
	if out.Len() != 0 {
		t.Errorf("%q", &out)
	}
	p.Message("hello")
	if out.String() != "hello\n" {
		t.Errorf("%q", &out)
	}
}

func TestProgressGoesToStderr(t *testing.T) {
	if p := NewProgress(ProgressOptions{}); p.options.Output != os.Stderr {
		t.Errorf("goes to %v", p.options.Output)
	}
}

type deaf struct{}

func (deaf) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestProgressThatNobodyCanRead(t *testing.T) {
	p := NewProgress(ProgressOptions{Output: deaf{}, Getenv: environment()})
	p.Observe(Event{Done: 1, Total: 1})
	p.Message("x")
	p.Close()
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		text string
		n    int
		want string
	}{{"form", 10, "form"}, {"form", 2, "fo"}, {"µΩ°C", 3, "µΩ°"}, {"a\x1b[2Jb\nc", 10, "a [2Jb c"}, {"x", 0, ""}} {
		if got := cut(c.text, c.n); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

package run

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
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

// Elsewhere than on a terminal there is a line every ten seconds and one at the end.
func TestProgressInALog(t *testing.T) {
	var out bytes.Buffer
	c := newClock()
	p := NewProgress(ProgressOptions{Output: &out, Label: "form", Now: c.now, Getenv: environment()})
	p.Observe(Event{Array: "A", Total: 400})
	for i := range 400 {
		c.advance(100 * time.Millisecond)
		p.Observe(Event{Array: "A", Done: i + 1, Total: 400, Note: fmt.Sprintf("r%dc%d formed", i/20, i%20)})
	}
	p.Message("saved\n")
	p.Close()
	want := `form A 100/400 (25 %), 30 s left: r4c19 formed
form A 200/400 (50 %), 20 s left: r9c19 formed
form A 300/400 (75 %), 10 s left: r14c19 formed
form A 400/400 (100 %), done in 40 s: r19c19 formed
saved
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &out, want)
	}
}

// However often a run tells of itself and however many parts it has, a log gets a
// line every ten seconds, with the time that all of them take.
func TestProgressOverPhases(t *testing.T) {
	var out bytes.Buffer
	c := newClock()
	p := NewProgress(ProgressOptions{Output: &out, Label: "mlp run", Now: c.now, Getenv: environment()})
	for i, array := range []string{"A", "B"} {
		for k := range 5 {
			c.advance(4 * time.Second)
			p.Observe(Event{Array: array, Phase: "fine", Done: k + 1, Total: 5, Note: "pass 1",
				Ahead: []Work{{"visit", 5*(2-i) - k - 1, 1}}})
		}
	}
	p.Close()
	want := `mlp run A 30 %, 28 s left: fine 3/5, pass 1
mlp run B 60 %, 16 s left: fine 1/5, pass 1
mlp run B 90 %, 4.0 s left: fine 4/5, pass 1
mlp run B 100 %, done in 40 s: fine 5/5, pass 1
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &out, want)
	}
}

// A run that tells nothing for long, and one that ends early.
func TestProgressThatEnds(t *testing.T) {
	var out bytes.Buffer
	c := newClock()
	p := NewProgress(ProgressOptions{Output: &out, Now: c.now, Getenv: environment()})
	c.advance(2 * time.Second)
	p.Observe(Event{Done: 1, Total: 40})
	p.Close()
	p.Close()
	if want := "1/40 (2 %), ended after 2.0 s\n"; out.String() != want {
		t.Errorf("%q, want %q", &out, want)
	}
}

// After a resume the remaining time is that of the rest, at the present pace.
func TestProgressAfterAResume(t *testing.T) {
	var out bytes.Buffer
	c := newClock()
	p := NewProgress(ProgressOptions{Output: &out, Quiet: true, Now: c.now, Getenv: environment()})
	for i := range 300 {
		p.Observe(Event{Done: i + 1, Total: 400})
	}
	c.advance(time.Hour)
	if last := p.Resume(); last.Done != 300 {
		t.Errorf("it had come to %d", last.Done)
	}
	c.advance(12 * time.Second)
	p.Observe(Event{Done: 301, Total: 400})
	if want := "301/400 (75 %), 19 min 48 s left\n"; out.String() != want {
		t.Errorf("%q, want %q", &out, want)
	}
}

// What instruments and files say is not acted upon.
func TestProgressOfForeignText(t *testing.T) {
	var out bytes.Buffer
	p := NewProgress(ProgressOptions{Output: &out, Label: "plan \x1b[31mred", Getenv: environment()})
	p.Observe(Event{Done: 1, Total: 1, Note: "a\nb\x07"})
	p.Close()
	p.Message("\u202eevil")
	if want := `plan \u001b[31mred 1/1 (100 %), done in `; !strings.HasPrefix(out.String(), want) ||
		!strings.HasSuffix(out.String(), `: a\nb\u0007`+"\n"+`\u202eevil`+"\n") {
		t.Errorf("%q", &out)
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

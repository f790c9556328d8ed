package transcript

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"xlab/driver/transport"
)

// pipe opens a connection to something that echoes.
func pipe(context.Context) (transport.Conn, error) {
	near, far := transport.Pipe()
	go func() {
		_, _ = io.Copy(far, far)
		_ = far.Close()
	}()
	return near, nil
}

func exchange(t *testing.T, c transport.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, len(text))); err != nil {
		t.Fatal(err)
	}
}

// A disk that is full in the middle disturbs no link, and is told once.
func TestRecorderFails(t *testing.T) {
	var said []string
	r := NewRecorder([]string{"form"}, func(text string) { said = append(said, text) })
	c, err := r.Line("analyzer", pipe)(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	exchange(t, c, "before\n")
	dir := t.TempDir()
	r.Into(dir)
	exchange(t, c, "written\n")
	if err := r.files[0].to.Close(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		exchange(t, c, "lost\n")
	}
	if err := errors.Join(c.Close(), r.Close()); err != nil {
		t.Errorf("closing gave %v", err)
	}
	if len(said) != 1 || !errors.Is(r.Err(), os.ErrClosed) || !strings.Contains(said[0], "already closed") {
		t.Errorf("said was %q, of %v", said, r.Err())
	}
	p, err := Load(dir)
	if err != nil || len(p.sections) != 1 || !p.sections[0].cut || p.Arguments[0] != "form" {
		t.Fatalf("%+v, %v", p, err)
	}
	if c, err = p.Line("analyzer")(t.Context()); err != nil {
		t.Fatal(err)
	}
	exchange(t, c, "before\nwritten\n")
	if _, err := c.Read(make([]byte, 1)); err == nil || p.End() == nil || !p.End().Cut {
		t.Errorf("behind the end: %v, %+v", err, p.End())
	}
}

// Every opening is a section of its own, those that failed too.
func TestRecorderOpensAgain(t *testing.T) {
	r := NewRecorder(nil, func(text string) { t.Error(text) })
	dir := filepath.Join(t.TempDir(), "new")
	r.Into(dir)
	gone := errors.New("the port is gone\n== not here")
	fail := false
	open := r.Line("switch board Ä/1", func(ctx context.Context) (transport.Conn, error) {
		if fail {
			return nil, gone
		}
		return pipe(ctx)
	})
	say := func(open Open, text string) {
		c, err := open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		exchange(t, c, text)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	say(open, "first\n")
	fail = true
	if _, err := open(t.Context()); err != gone {
		t.Fatal(err)
	}
	fail = false
	say(open, "second\n")
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	p, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	var ended error
	p.Play(func(err error) { ended = err })
	again := p.Line("switch board Ä/1")
	say(again, "first\n")
	if _, err := again(t.Context()); err == nil || !strings.Contains(err.Error(), "the port is gone") {
		t.Errorf("the second opening gave %v", err)
	}
	if e := p.End(); e == nil || e.Sent != "the end" || e.Recorded != `"second\n"` || e.File != "switch-board-Ä-1.txt" {
		t.Errorf("what is left is %+v", e)
	}
	say(again, "second\n")
	if e := p.End(); e != nil || p.Frames() != 5 || ended != nil {
		t.Errorf("%v, %d frames, %v", e, p.Frames(), ended)
	}
	if _, err := again(t.Context()); err == nil || ended == nil || p.End().Cut {
		t.Errorf("one more opening gave %v and %v", err, ended)
	}
}

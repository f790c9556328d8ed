package buspirate_test

import (
	"bytes"
	"encoding/hex"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"xlab/driver/buspirate"
	"xlab/hwdocs"
)

// step is one request of the golden session and its answer.
type step struct{ request, answer []byte }

// script plays the golden session and complains about any other write.
type script struct {
	t       *testing.T
	steps   []step
	pending []byte
	closed  bool
}

func (s *script) SetDeadline(time.Time) error { return nil }
func (s *script) Close() error                { s.closed = true; return nil }
func (s *script) Write(p []byte) (int, error) {
	if len(s.steps) == 0 || !bytes.Equal(p, s.steps[0].request) {
		s.t.Fatalf("wrote % x, golden session continues %v", p, s.steps)
	}
	s.pending = append(s.pending, s.steps[0].answer...)
	s.steps = s.steps[1:]
	return len(p), nil
}
func (s *script) Read(p []byte) (int, error) {
	if len(s.pending) == 0 {
		return 0, os.ErrDeadlineExceeded
	}
	n := copy(p, s.pending)
	s.pending = s.pending[n:]
	return n, nil
}

// The driver writes exactly the golden session.
func TestGoldenSession(t *testing.T) {
	text, err := fs.ReadFile(hwdocs.FS, "golden/buspirate.txt")
	if err != nil {
		t.Fatal(err)
	}
	var s script
	s.t = t
	var transfers []string
	for _, line := range strings.Split(string(text), "\n") {
		kind, rest, _ := strings.Cut(line, " ")
		switch kind {
		case "==":
			if names, ok := strings.CutPrefix(rest, "transfer "); ok {
				transfers = append(transfers, names)
			}
		case ">":
			s.steps = append(s.steps, step{request: unhex(t, rest)})
		case "<":
			s.steps[len(s.steps)-1].answer = unhex(t, rest)
		}
	}
	if len(transfers) < 4 {
		t.Fatalf("only %d transfers in the file", len(transfers))
	}
	port := buspirate.New(&s, buspirate.Options{})
	conn, err := port.Connect(physic.MegaHertz, spi.Mode1, 8)
	if err != nil {
		t.Fatal(err)
	}
	for _, tr := range transfers {
		out, in, _ := strings.Cut(tr, " -> ")
		w, want := unhex(t, out), unhex(t, in)
		r := make([]byte, len(w))
		if err := conn.Tx(w, r); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(r, want) {
			t.Errorf("transfer % x read % x, golden % x", w, r, want)
		}
	}
	if err := port.Close(); err != nil {
		t.Error(err)
	}
	if len(s.steps) != 0 || !s.closed {
		t.Errorf("not written: %v; closed %v", s.steps, s.closed)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

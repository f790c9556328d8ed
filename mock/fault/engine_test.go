package fault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"xlab/mock/fault"
)

// box answers every line with "ok " and what it heard.
type box struct {
	heard []string
	now   float64
	acts  []string
}

func (b *box) engine(t *testing.T, s *fault.Script) *fault.Engine {
	t.Helper()
	say := func(what string) func(fault.Fault) error {
		return func(fault.Fault) error {
			b.acts = append(b.acts, fmt.Sprintf("%s before %d", what, len(b.heard)+1))
			return nil
		}
	}
	e, err := fault.New(s, fault.Options{
		Devices: map[string]fault.Device{"box": {Link: true, Acts: map[string]fault.Act{
			"sleep": {Do: say("sleep"), Undo: say("wake")},
			"fail":  {Do: func(fault.Fault) error { return errors.New("it broke") }},
		}}, "other": {Link: true}},
		Do: func(f func()) { f() }, Now: func() float64 { return b.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// talk sends the pieces one after the other and gives what came back for each.
func (b *box) talk(t *testing.T, e *fault.Engine, pieces ...string) []string {
	t.Helper()
	var answers []string
	for _, p := range pieces {
		s := &script{in: []byte(p)}
		c := e.Wrap("box", s)
		in := make([]byte, 64)
		for {
			n, err := c.Read(in)
			if n > 0 {
				b.heard = append(b.heard, string(in[:n]))
				if _, err := c.Write(append([]byte("ok "), in[:n]...)); err != nil {
					t.Fatal(err)
				}
			}
			if err != nil {
				break
			}
		}
		answers = append(answers, string(s.out))
		if err := c.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			t.Fatal(err)
		}
		b.now++
	}
	return answers
}

// script is a stream with one piece in it.
type script struct {
	in, out []byte
	closed  bool
}

func (s *script) Read(p []byte) (int, error) {
	if s.closed || len(s.in) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.in)
	s.in = s.in[n:]
	return n, nil
}

func (s *script) Write(p []byte) (int, error) {
	if s.closed {
		return 0, io.ErrClosedPipe
	}
	s.out = append(s.out, p...)
	return len(p), nil
}

func (s *script) Close() error {
	s.closed = true
	return nil
}

// pieces is n pieces that differ.
func pieces(n int) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("piece %02d;", i+1))
	}
	return list
}

func TestBytes(t *testing.T) {
	for name, c := range map[string]struct {
		fault  fault.Fault
		heard  string // of the second piece
		answer string
	}{
		"nothing": {fault.Fault{What: fault.Lose, Toward: fault.TowardHost, Piece: 3}, "piece 02;",
			"ok piece 02;"},
		"lose a byte": {fault.Fault{What: fault.Lose, Toward: fault.TowardHost, Byte: 12 + 4}, "piece 02;",
			"ok iece 02;"},
		"lose a byte inward": {fault.Fault{What: fault.Lose, Toward: fault.TowardInstrument, Byte: 9 + 1}, "iece 02;",
			"ok iece 02;"},
		"lose three": {fault.Fault{What: fault.Lose, Toward: fault.TowardHost, Byte: 12 + 1, Bytes: 3},
			"piece 02;", "piece 02;"},
		"lose more than is": {fault.Fault{What: fault.Lose, Toward: fault.TowardHost, Byte: 12 + 10, Bytes: 30},
			"piece 02;", "ok piece "},
		"lose the rest": {fault.Fault{What: fault.Lose, Toward: fault.TowardInstrument, Byte: 9 + 6,
			Bytes: fault.Rest}, "piece", "ok piece"},
		"lose all": {fault.Fault{What: fault.Lose, Toward: fault.TowardHost, Piece: 2, Bytes: fault.All},
			"piece 02;", ""},
		"lose all inward": {fault.Fault{What: fault.Lose, Toward: fault.TowardInstrument, Piece: 2, Bytes: fault.All},
			"", ""},
		"twice": {fault.Fault{What: fault.Duplicate, Toward: fault.TowardHost, Byte: 12 + 10, Bytes: 2},
			"piece 02;", "ok piece 0202;"},
		"all twice": {fault.Fault{What: fault.Duplicate, Toward: fault.TowardInstrument, Piece: 2,
			Bytes: fault.All}, "piece 02;piece 02;", "ok piece 02;piece 02;"},
		"a command": {fault.Fault{What: fault.Lose, Toward: fault.TowardHost, Command: "02", Bytes: fault.All},
			"piece 02;", ""},
		"the second of them": {fault.Fault{What: fault.Lose, Toward: fault.TowardHost, Command: "piece", Number: 2,
			Bytes: fault.All}, "piece 02;", ""},
		"a text across a break": {fault.Fault{What: fault.Lose, Toward: fault.TowardHost, Command: "01;piece 02",
			Bytes: fault.All}, "piece 02;", ""},
		"a time": {fault.Fault{What: fault.Lose, Toward: fault.TowardHost, Time: 0.5, Bytes: fault.All}, "piece 02;", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := c.fault
			f.On = "box"
			b := &box{}
			e := b.engine(t, &fault.Script{Faults: []fault.Fault{f}})
			answers := b.talk(t, e, pieces(3)...)
			if c.heard == "" {
				b.heard = slices.Insert(b.heard, 1, "")
			}
			if len(b.heard) != 3 || b.heard[1] != c.heard || answers[1] != c.answer {
				t.Errorf("heard %q, answered %q; want %q, %q", b.heard, answers, c.heard, c.answer)
			}
			if b.heard[0] != "piece 01;" || answers[0] != "ok piece 01;" || name != "nothing" && b.heard[2] != "piece 03;" {
				t.Errorf("others were changed: %q, %q", b.heard, answers)
			}
			if n := len(e.Happened()); n != 1 {
				t.Errorf("%d faults have happened", n)
			}
		})
	}
}

// Garbled text is no text any more, altered text still is; neither is what it was.
func TestGarbled(t *testing.T) {
	for _, what := range []string{fault.Garble, fault.Alter} {
		b := &box{}
		e := b.engine(t, &fault.Script{Seed: 3,
			Faults: []fault.Fault{{What: what, On: "box", Toward: fault.TowardHost, Rate: 1}}})
		for _, answer := range b.talk(t, e, pieces(200)...) {
			piece := strings.TrimSuffix(b.heard[0], ";")
			b.heard = b.heard[1:]
			want := []byte("ok " + piece + ";")
			changed := 0
			for k := range want {
				if len(answer) != len(want) {
					t.Fatalf("%q of %q", answer, want)
				}
				if answer[k] == want[k] {
					continue
				}
				changed++
				digit := want[k] >= '0' && want[k] <= '9'
				if what == fault.Garble && answer[k] < 0x80 || what == fault.Alter &&
					(answer[k] >= 0x80 || digit && (answer[k] < '0' || answer[k] > '9')) {
					t.Errorf("%s: %q of %q", what, answer, want)
				}
			}
			if changed != 1 {
				t.Errorf("%s: %d bytes of %q changed: %q", what, changed, want, answer)
			}
		}
	}
}

// The same seed gives the same faults, another one others, and a rate is kept.
func TestRate(t *testing.T) {
	const n = 2000
	life := func(seed uint64) ([]string, int) {
		b := &box{}
		e := b.engine(t, &fault.Script{Seed: seed,
			Faults: []fault.Fault{{What: fault.Lose, On: "box", Toward: fault.TowardHost, Rate: 0.1}}})
		return b.talk(t, e, pieces(n)...), len(e.Happened())
	}
	one, happened := life(1)
	if again, _ := life(1); !slices.Equal(one, again) {
		t.Error("one seed, two lives")
	}
	if other, _ := life(2); slices.Equal(one, other) {
		t.Error("two seeds, one life")
	}
	// Four standard deviations of the binomial distribution.
	if happened < 146 || happened > 254 {
		t.Errorf("%d of %d at a rate of 0.1", happened, n)
	}
}

func TestActs(t *testing.T) {
	b := &box{}
	e := b.engine(t, &fault.Script{Faults: []fault.Fault{
		{What: "sleep", On: "box", Piece: 2, Pieces: 2},
		{What: "sleep", On: "box", Command: "06", Pieces: 1},
		{What: "fail", On: "box", Piece: 3},
	}})
	b.talk(t, e, pieces(8)...)
	if want := []string{"sleep before 2", "wake before 4", "sleep before 6", "wake before 7"}; !slices.Equal(b.acts,
		want) {
		t.Errorf("%q, want %q", b.acts, want)
	}
	if err := e.Err(); err == nil || !strings.Contains(err.Error(), "it broke") ||
		!strings.Contains(err.Error(), "fault 3") {
		t.Errorf("%v", err)
	}
}

// A pulled cable ends all connections, and the next ones fail until it is back.
func TestCut(t *testing.T) {
	b := &box{}
	e := b.engine(t, &fault.Script{Faults: []fault.Fault{{What: fault.Cut, On: "box", Piece: 2, Attempts: 2}}})
	other := &script{}
	e.Wrap("box", other)
	answers := b.talk(t, e, pieces(2)...)
	if answers[0] == "" || answers[1] != "" || len(b.heard) != 1 || !other.closed {
		t.Errorf("%q, heard %q, the other connection closed: %v", answers, b.heard, other.closed)
	}
	for range 2 {
		if err := e.Connect("box"); !errors.Is(err, fault.ErrUnplugged) {
			t.Errorf("%v", err)
		}
	}
	if err := errors.Join(e.Connect("box"), e.Connect("other")); err != nil {
		t.Error(err)
	}
	if answers := b.talk(t, e, "again;"); answers[0] != "ok again;" {
		t.Errorf("%q after the cable was put back", answers)
	}
}

// What is delayed comes, unless the connection ends before.
func TestDelay(t *testing.T) {
	b := &box{}
	e := b.engine(t, &fault.Script{Faults: []fault.Fault{
		{What: fault.Delay, On: "box", Toward: fault.TowardHost, Piece: 1, For: time.Millisecond},
		{What: fault.Delay, On: "box", Toward: fault.TowardInstrument, Piece: 2, For: time.Hour},
	}})
	if answers := b.talk(t, e, "one;"); answers[0] != "ok one;" {
		t.Errorf("%q", answers)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	near, far := net.Pipe()
	c := e.Wrap("box", far)
	done := make(chan error, 1)
	go func() {
		_, err := c.Read(make([]byte, 10))
		done <- err
	}()
	if _, err := near.Write([]byte("two;")); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		if !errors.Is(err, io.EOF) {
			t.Errorf("%v", err)
		}
	case <-ctx.Done():
		t.Error("closing does not end a delay")
	}
}

func TestDisk(t *testing.T) {
	var d fault.Disk
	e, err := fault.New(&fault.Script{Faults: []fault.Fault{
		{What: "slow", On: "disk", Piece: 2, Pieces: 1, For: time.Millisecond},
		{What: "no_space", On: "disk", Piece: 3, Pieces: 1},
		{What: "full", On: "disk", Piece: 4, Pieces: 1},
		{What: "fail_sync", On: "disk", Piece: 5},
	}}, fault.Options{Devices: map[string]fault.Device{"disk": d.Device()}, Do: func(f func()) { f() },
		Now: func() float64 { return 0 }})
	if err != nil {
		t.Fatal(err)
	}
	d.Under(e, "disk")
	path := filepath.Join(t.TempDir(), "f")
	real, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	f := d.File(real)
	for n, want := range []struct {
		full        bool
		sync, write error
	}{{}, {}, {full: true}, {full: true, write: syscall.ENOSPC}, {sync: syscall.EIO}} {
		if err := f.Sync(); !errors.Is(err, want.sync) {
			t.Errorf("sync %d: %v, want %v", n+1, err, want.sync)
		}
		if d.Full() != want.full {
			t.Errorf("after sync %d: full %v", n+1, d.Full())
		}
		if _, err := f.Write([]byte("ab")); !errors.Is(err, want.write) {
			t.Errorf("write after sync %d: %v, want %v", n+1, err, want.write)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || !bytes.Equal(text, []byte("ababab"+"a"+"ab")) {
		t.Errorf("%q, %v", text, err)
	}
}

package buspirate_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"xlab/driver/buspirate"
	"xlab/instrument"
)

// A link that is lost is opened again by the next transfer, and so is that of a
// box that no longer answers. Nothing of the transfer that failed is sent again.
func TestReopenedLink(t *testing.T) {
	for name, fail := range map[string]func(*link){
		"pulled":  func(l *link) { l.readErr, l.writeErr = io.ErrClosedPipe, io.ErrClosedPipe },
		"no sign": func(l *link) { l.silent = 1 << 30 },
	} {
		t.Run(name, func(t *testing.T) {
			first, second := newLink(), newLink()
			out, opened := true, 0
			_, c := connect(t, first, buspirate.Options{Reopen: func(within time.Duration) (buspirate.Link, error) {
				if opened++; within != time.Second || !first.closed {
					t.Errorf("opened within %v with the old link closed: %v", within, first.closed)
				}
				if out {
					return nil, errors.New("no such port")
				}
				return second, nil
			}})
			r := make([]byte, 2)
			if err := c.Tx([]byte{1, 2}, r); err != nil {
				t.Fatal(err)
			}
			fail(first)
			for range 3 {
				if err := c.Tx([]byte{0x10, 0x20}, r); err == nil || instrument.KindOf(err) != instrument.KindUnreachable &&
					instrument.KindOf(err) != instrument.KindTimeout {
					t.Fatalf("while it is out: %v", err)
				}
			}
			out = false
			if err := c.Tx([]byte{0x01, 0x02}, r); err != nil || !bytes.Equal(r, []byte{0xfe, 0xfd}) {
				t.Fatalf("% x %v", r, err)
			}
			if len(second.frames) != 1 || !bytes.Equal(second.frames[0], []byte{1, 2}) || opened < 2 {
				t.Errorf("after %d openings the box got the frames % x", opened, second.frames)
			}
		})
	}
	l := newLink()
	_, c := connect(t, l, buspirate.Options{})
	l.readErr = io.ErrClosedPipe
	for range 2 {
		if err := c.Tx([]byte{1}, nil); instrument.KindOf(err) != instrument.KindUnreachable {
			t.Errorf("without a way to open it again: %v", err)
		}
	}
}

// FuzzAnswers plays a box that answers anything to a transfer: what is read back
// without an error is what the box has answered to these very bytes.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte{1, 1, 0xef, 0xdf, 1, 1, 'S', 'P', 'I', '1'}, uint16(0))
	f.Add([]byte{1, 1, 0xef, 0xdf, 1, 1, 'S', 'P', 'I', '1', 1}, uint16(3))
	f.Add([]byte("BBIO1SPI1"), uint16(1))
	f.Add([]byte{}, uint16(2))
	f.Fuzz(func(t *testing.T, noise []byte, at uint16) {
		l := newLink()
		_, c := connect(t, l, buspirate.Options{})
		// The answer is replaced from a place on.
		l.garble = func(a []byte) []byte { return append(a[:min(int(at), len(a))], noise...) }
		r := make([]byte, 2)
		if err := c.Tx([]byte{0x10, 0x20}, r); err == nil {
			answer := append([]byte{1, 1, 0xef, 0xdf, 1, 1}, "SPI1"...)
			whole := append(append([]byte(nil), answer[:min(int(at), len(answer))]...), noise...)
			if len(whole) < len(answer) || !bytes.Equal(r, whole[2:4]) || whole[0] != 1 || whole[1] != 1 ||
				!bytes.Equal(whole[4:10], answer[4:]) {
				t.Fatalf("% x was read from % x", r, whole)
			}
		} else if kind := instrument.KindOf(err); kind != instrument.KindTimeout && kind != instrument.KindProtocol &&
			kind != instrument.KindIdentity {
			t.Fatalf("%v of kind %q", err, kind)
		}
		l.garble = nil
		if err := c.Tx([]byte{0x01, 0x02}, r); err == nil && !bytes.Equal(r, []byte{0xfe, 0xfd}) {
			t.Fatalf("the transfer after it read % x", r)
		}
	})
}

package transport

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"xlab/instrument"
)

// socket is an adapter at a port of its own.
type socket struct {
	master *os.File
	name   string
}

func newSocket(t *testing.T) *socket {
	t.Helper()
	master, slave, err := pty.Open()
	if errors.Is(err, pty.ErrUnsupported) {
		t.Skip("this operating system has no pseudo-terminals")
	}
	if err != nil {
		t.Fatal(err)
	}
	// The test keeps it open too: reading from a master without a slave fails.
	t.Cleanup(func() { _, _ = master.Close(), slave.Close() })
	return &socket{master, slave.Name()}
}

// answer echoes lines until the port is gone.
func (s *socket) answer() { go serveEcho(s.master) }

func serveEcho(rw interface {
	Read([]byte) (int, error)
	Write([]byte) (int, error)
}) {
	buf := make([]byte, 1024)
	for {
		n, err := rw.Read(buf)
		if err != nil {
			return
		}
		if _, err := rw.Write(buf[:n]); err != nil {
			return
		}
	}
}

// The adapter comes back under the same name, a link to another device: what a
// link below /dev/serial/by-id does after the cable was pulled.
func TestAdapterComesBackBehindALink(t *testing.T) {
	first, second := newSocket(t), newSocket(t)
	link := filepath.Join(t.TempDir(), "usb-adapter")
	if err := os.Symlink(first.name, link); err != nil {
		t.Fatal(err)
	}
	reattached(t, "serial:"+link, usbPorts, first, second, func() {
		if err := errors.Join(os.Remove(link), os.Symlink(second.name, link)); err != nil {
			t.Fatal(err)
		}
	})
}

// The adapter comes back under another name and is found by its serial number,
// which was remembered or was the address from the beginning.
func TestAdapterComesBackUnderAnotherName(t *testing.T) {
	for _, form := range []string{"name", "number"} {
		t.Run(form, func(t *testing.T) {
			first, second, other := newSocket(t), newSocket(t), newSocket(t)
			there := []usbPort{{other.name, "FT0001"}, {first.name, "FT0002"}, {"/dev/ttyUSB9", ""}}
			address := "serial:" + first.name
			if form == "number" {
				address = "serial:usb=FT0002"
			}
			reattached(t, address, func() ([]usbPort, error) { return there, nil }, first, second, func() {
				there = []usbPort{{first.name, "FT0003"}, {other.name, "FT0001"}, {second.name, "FT0002"}}
			})
		})
	}
}

// reattached asks an adapter, pulls its cable, and asks again once it is back.
func reattached(t *testing.T, address string, ports func() ([]usbPort, error), first, second *socket, back func()) {
	t.Helper()
	o, err := NewOpener(address)
	if err != nil {
		t.Fatal(err)
	}
	o.ports = ports
	c, err := o.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l := NewLink(c, LinkOptions{Reopen: o.Open, Quiet: time.Millisecond})
	t.Cleanup(func() { _ = l.Close() })
	first.answer()
	ask(t, l, "one\n", "one")
	if err := first.master.Close(); err != nil {
		t.Fatal(err)
	}
	answers, err := l.Exchange(t.Context(), []byte("two\n"), 1, 20*time.Second)
	wantKind(t, answers, err, instrument.KindUnreachable)
	// As long as it is out, errors say that nothing was sent.
	answers, err = l.Exchange(t.Context(), []byte("three\n"), 1, 20*time.Second)
	wantKind(t, answers, err, instrument.KindUnreachable)
	if !errors.Is(err, ErrNotSent) || !strings.Contains(err.Error(), "cannot be opened again") {
		t.Errorf("while it is out: %v", err)
	}
	back()
	second.answer()
	ask(t, l, "four\n", "four")
}

// The adapter's place is taken by another one: it is not used in its stead.
func TestAnotherAdapterIsNotOpened(t *testing.T) {
	first := newSocket(t)
	there := []usbPort{{first.name, "FT0002"}}
	o, err := NewOpener("serial:" + first.name)
	if err != nil {
		t.Fatal(err)
	}
	o.ports = func() ([]usbPort, error) { return there, nil }
	c, err := o.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	there = []usbPort{{first.name, "FT0003"}}
	_, err = o.Open(t.Context())
	if instrument.KindOf(err) != instrument.KindUnreachable || !strings.Contains(err.Error(), "FT0002") ||
		!strings.Contains(err.Error(), "FT0003 at "+first.name) {
		t.Errorf("another adapter at its name: %v", err)
	}
	// Where ports cannot be listed, the name has to do.
	o.ports = func() ([]usbPort, error) { return nil, errors.New("no list") }
	if c, err = o.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if o, err = NewOpener("serial:usb=FT0002"); err != nil {
		t.Fatal(err)
	}
	for what, ports := range map[string]func() ([]usbPort, error){
		"no list":            func() ([]usbPort, error) { return nil, errors.New("no list") },
		"no USB adapter":     func() ([]usbPort, error) { return nil, nil },
		"FT0003 at /dev/foo": func() ([]usbPort, error) { return []usbPort{{"/dev/foo", "FT0003"}}, nil },
	} {
		o.ports = ports
		if _, err := o.Open(t.Context()); instrument.KindOf(err) != instrument.KindUnreachable ||
			!strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := usbPorts(); err != nil {
		t.Logf("this computer's adapters cannot be listed: %v", err)
	}
}

// A TCP connection is opened again, the old one closed before: many an adapter
// has room for one client.
func TestReconnect(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	defer func() { listener.Close(); <-served }()
	go func() {
		defer close(served)
		for n := 0; ; n++ {
			c, err := listener.Accept() // one after the other
			if err != nil {
				return
			}
			if n == 0 {
				buf := make([]byte, 4)
				if _, err := c.Read(buf); err == nil {
					_, _ = c.Write(buf)
				}
				_ = c.Close() // pulled
				continue
			}
			serveEcho(c)
			_ = c.Close()
		}
	}()
	o, err := NewOpener("tcp:" + listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c, err := o.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l := NewLink(c, LinkOptions{Reopen: o.Open, Quiet: time.Millisecond})
	defer l.Close()
	ask(t, l, "one\n", "one")
	answers, err := l.Exchange(t.Context(), []byte("two\n"), 1, 20*time.Second)
	wantKind(t, answers, err, instrument.KindUnreachable)
	ask(t, l, "six\n", "six")
	// A box that no longer answers is given up, and opened again as well.
	if err := l.Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
	ask(t, l, "ten\n", "ten")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	answers, err = l.Exchange(t.Context(), []byte("end\n"), 1, time.Second)
	wantKind(t, answers, err, instrument.KindUnreachable)
	if !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Drop(ctx); instrument.KindOf(err) != instrument.KindCancelled {
		t.Errorf("with a context that has ended: %v", err)
	}
	near, far := Pipe()
	defer far.Close()
	without := NewLink(near, LinkOptions{})
	defer without.Close()
	if err := without.Drop(t.Context()); instrument.KindOf(err) != instrument.KindUsage {
		t.Errorf("without a way to open it again: %v", err)
	}
}

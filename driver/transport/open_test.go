package transport

import (
	"errors"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/creack/pty"

	"xlab/instrument"
)

// A port that was closed can be opened again at once, and nobody is left who
// takes bytes away from it.
func TestReopenSerial(t *testing.T) {
	for _, library := range []Library{LibraryBugst, LibraryTarm} {
		t.Run(string(library), func(t *testing.T) {
			master, slave, err := pty.Open()
			if errors.Is(err, pty.ErrUnsupported) {
				t.Skip("this operating system has no pseudo-terminals")
			}
			if err != nil {
				t.Fatal(err)
			}
			defer master.Close()
			defer slave.Close()
			for range 30 {
				c, err := open(t.Context(), "serial:"+slave.Name()+"?library="+string(library))
				if err != nil {
					t.Fatal(err)
				}
				mustWrite(t, master, "hello\n")
				mustRead(t, c, "hello\n")
				if err := c.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestOpenFailures(t *testing.T) {
	file := t.TempDir() + "/regular"
	if err := os.WriteFile(file, []byte("no port"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	l.Close()
	for _, address := range []string{
		"serial:/dev/there-is-no-such-port",
		"serial:/dev/there-is-no-such-port?library=tarm",
		"serial:" + file,
		"serial:" + file + "?library=tarm",
		"tcp:" + closed,
	} {
		c, err := open(t.Context(), address)
		if err == nil {
			c.Close()
			t.Errorf("%s was opened", address)
			continue
		}
		var e *instrument.Error
		if !errors.As(err, &e) || e.Kind != instrument.KindUnreachable || e.Advice == "" ||
			!strings.HasPrefix(e.Channel, strings.TrimSuffix(address, "?library=tarm")) {
			t.Errorf("%s: %v (kind %q), want kind unreachable, the address and advice", address, err, instrument.KindOf(err))
		}
	}
}

// Pseudo-terminals have no modem lines. That they are asked for only when the
// address says so is what makes all the other tests pass.
func TestModemLinesAreOptional(t *testing.T) {
	master, slave, err := pty.Open()
	if errors.Is(err, pty.ErrUnsupported) {
		t.Skip("this operating system has no pseudo-terminals")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer slave.Close()
	c, err := open(t.Context(), "serial:"+slave.Name()+"?dtr=off")
	if err == nil {
		c.Close()
		t.Fatal("DTR of a pseudo-terminal was set")
	}
	if !strings.Contains(err.Error(), "DTR") {
		t.Errorf("the error does not name the line: %v", err)
	}
}

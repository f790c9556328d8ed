package transport

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func endpoints(t *testing.T, address string, ports []usbPort, adapters map[string]string) []string {
	t.Helper()
	o, err := NewOpener(address)
	if err != nil {
		t.Fatal(err)
	}
	o.ports = func() ([]usbPort, error) { return ports, nil }
	o.adapter = func(port string) string { return adapters[port] }
	return o.Endpoints(t.Context())
}

// Addresses of one place have a name in common, those of different places none.
func TestEndpoints(t *testing.T) {
	dir := t.TempDir()
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	device, other, alias := filepath.Join(dir, "ttyUSB0"), filepath.Join(dir, "ttyUSB1"), filepath.Join(dir, "by-id")
	for _, file := range []string{device, other} {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(device, alias); err != nil {
		alias = device // a system without links
	}
	ports := []usbPort{{device, "FT0001"}, {other, "FT0002"}}
	places := [][]string{
		{"tcp:localhost:1234", "tcp:127.0.0.1:1234", "tcp:[::1]:1234", "tcp:LOCALHOST:1234", "tcp:0.0.0.0:1234",
			"tcp:[::ffff:127.0.0.1]:1234"},
		{"tcp:localhost:1235", "tcp:127.0.0.2:1235"},
		{"tcp:192.0.2.7:1234", "tcp:[::ffff:192.0.2.7]:1234"},
		{"tcp:192.0.2.7:1235"},
		{"serial:" + device, "serial:" + alias + "?baud=9600", "serial:" + filepath.Join(dir, "x", "..", "ttyUSB0"),
			"serial:usb=FT0001"},
		{"serial:" + other, "serial:usb=FT0002"},
		{"serial:" + filepath.Join(dir, "gone"), "serial:" + filepath.Join(dir, "x", "..", "gone")},
		{"serial:usb=FT0003"},
		{"serial:COM5", `serial:\\.\com5`},
		{"serial:COM6"},
		{"serial:/dev/cu.usbmodem1", "serial:/dev/tty.usbmodem1"},
	}
	where := make(map[string]int)
	for i, place := range places {
		first := endpoints(t, place[0], ports, nil)
		for _, address := range place {
			names := endpoints(t, address, ports, nil)
			if !slices.ContainsFunc(names, func(n string) bool { return slices.Contains(first, n) }) {
				t.Errorf("%s has %q, %s has %q", place[0], first, address, names)
			}
			for _, name := range names {
				if j, seen := where[name]; seen && j != i {
					t.Errorf("%s is %s, and so is another place", address, name)
				}
				where[name] = i
			}
		}
	}
	unasked, cancel := context.WithCancel(t.Context())
	cancel()
	if got := hostEndpoints(unasked, "Bench.Lab.:1234"); !slices.Equal(got, []string{"tcp:bench.lab:1234"}) {
		t.Errorf("a host that nobody knows: %q", got)
	}
	for _, own := range interfaces() {
		if got := socketEndpoint(own, 5, interfaces()); got != "tcp:127.0.0.1:5" {
			t.Errorf("%v of this computer is %s", own, got)
		}
	}
	if got := socketEndpoint(netip.MustParseAddr("fe80::1%x"), 5, nil); got != "tcp:[fe80::1%x]:5" {
		t.Error(got)
	}
}

// An adapter that was plugged in again has another device and the same number;
// the number of two adapters tells nothing.
func TestSerialNumbersOfAdapters(t *testing.T) {
	for _, c := range []struct {
		name     string
		adapters map[string]string
		want     []string
	}{
		{"one adapter with two ports", map[string]string{"/dev/a": "1-1", "/dev/b": "1-1"},
			[]string{"serial:/dev/a", "usb:0001"}},
		{"two adapters", map[string]string{"/dev/a": "1-1", "/dev/b": "1-2"}, []string{"serial:/dev/a"}},
		{"a system that does not tell", nil, []string{"serial:/dev/a", "usb:0001"}},
	} {
		ports := []usbPort{{"/dev/a", "0001"}, {"/dev/b", "0001"}}
		if got := endpoints(t, "serial:/dev/a", ports, c.adapters); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// What a connection has reached is one of the endpoints of its address.
func TestReached(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	here := newSocket(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(here.name, link); err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"tcp:localhost:" + port, "serial:" + link} {
		o, err := NewOpener(address)
		if err != nil {
			t.Fatal(err)
		}
		names := o.Endpoints(t.Context())
		c, err := o.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := Reached(c); !slices.Contains(names, got) {
			t.Errorf("%s reached %q, its endpoints are %q", address, got, names)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

package transport

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Endpoints names the places that the address leads to at this moment: every
// address of a host, with its port, or the device of a serial port and the serial
// number of its USB adapter. Addresses of one place have a name in common, however
// they are written: host names and numbers, this computer under any of its names,
// links to a device. Nothing is opened. A host that nobody knows now, and a USB
// adapter that is not there, are named as they are in the address; opening tells
// what is wrong with them. It blocks for as long as the host's name is looked up, 5 s
// at the longest.
func (o *Opener) Endpoints(ctx context.Context) []string {
	if o.address.Network == TCP {
		return hostEndpoints(ctx, o.address.Name)
	}
	at, err := o.find(o.address.USB)
	if err != nil {
		return []string{usbEndpoint(o.address.USB)}
	}
	names := []string{deviceEndpoint(at.Name)}
	if number := o.ownNumber(at.Name); number != "" {
		names = append(names, usbEndpoint(number))
	}
	return names
}

// Reached names the place that a connection of this package has led to, in the form
// of Endpoints; "" for a connection of another kind.
func Reached(c Conn) string {
	switch c := c.(type) {
	case *tcpConn:
		if to, err := netip.ParseAddrPort(c.conn.RemoteAddr().String()); err == nil {
			return socketEndpoint(to.Addr(), to.Port(), interfaces())
		}
	case *serialConn:
		return deviceEndpoint(c.name)
	}
	return ""
}

func hostEndpoints(ctx context.Context, name string) []string {
	host, text, err := net.SplitHostPort(name)
	if err != nil {
		return []string{"tcp:" + name}
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return []string{"tcp:" + name}
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	list, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil || len(list) == 0 {
		return []string{"tcp:" + net.JoinHostPort(strings.ToLower(strings.TrimSuffix(host, ".")), text)}
	}
	own := interfaces()
	var names []string
	for _, a := range list {
		names = append(names, socketEndpoint(a, uint16(port), own))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// interfaces are the addresses of this computer on its networks.
func interfaces() []netip.Addr {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil // what they are then is not known to be here
	}
	var own []netip.Addr
	for _, a := range list {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			own = append(own, p.Addr().Unmap())
		}
	}
	return own
}

// socketEndpoint names a port of an address. All addresses of this computer are one:
// who listens there mostly listens on all of them.
func socketEndpoint(a netip.Addr, port uint16, own []netip.Addr) string {
	a = a.Unmap()
	if a.IsLoopback() || a.IsUnspecified() || slices.Contains(own, a.WithZone("")) {
		a = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return "tcp:" + netip.AddrPortFrom(a, port).String()
}

// deviceEndpoint names a serial port by its device, whatever link leads there.
func deviceEndpoint(device string) string {
	// Windows: COM5, com5 and \\.\COM5 are one.
	if short := strings.ToUpper(strings.TrimPrefix(device, `\\.\`)); strings.HasPrefix(short, "COM") &&
		!strings.ContainsAny(short, `/\.`) {
		return "serial:" + short
	}
	if absolute, err := filepath.Abs(device); err == nil {
		device = absolute
	}
	device = resolved(device)
	// macOS lists every port twice.
	if called, found := strings.CutPrefix(device, "/dev/cu."); found {
		device = "/dev/tty." + called
	}
	return "serial:" + device
}

func usbEndpoint(number string) string { return "usb:" + number }

// ownNumber is the serial number of the USB adapter behind a device, "" where it
// has none, or shares it with another adapter, as cheap ones do that all have 0001.
func (o *Opener) ownNumber(device string) string {
	number := o.serialOf(device)
	if number == "" {
		return ""
	}
	ports, err := o.ports()
	if err != nil {
		return ""
	}
	adapters := make(map[string]bool)
	for _, p := range ports {
		if p.serial == number {
			adapters[o.adapter(p.name)] = true
		}
	}
	if len(adapters) > 1 {
		return ""
	}
	return number
}

// usbAdapter is where the USB adapter of a serial port is plugged in, the same for
// all ports of one adapter; "" where the system does not tell.
func usbAdapter(device string) string {
	dir, err := filepath.EvalSymlinks(filepath.Join("/sys/class/tty", filepath.Base(device), "device"))
	if err != nil {
		return ""
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "idVendor")); err == nil {
			return dir
		}
	}
	return ""
}

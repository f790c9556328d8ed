package transport

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"xlab/instrument"
)

// usbPort is a serial port of a USB adapter that the operating system lists.
type usbPort struct {
	name   string // device, as it is opened
	serial string // serial number of the adapter, "" where it has none
}

// Opener opens the same connection again and again. A USB adapter that comes
// back under another name after its cable was pulled is recognised by its serial
// number, which is remembered from the first opening; another adapter that has
// taken its name is not opened in its place. It is safe for concurrent use.
type Opener struct {
	address Address
	ports   func() ([]usbPort, error) // that there are now
	adapter func(port string) string  // where the adapter of a port is plugged in; see usbAdapter

	mu     sync.Mutex
	serial string // of the adapter that was opened last; "" = not known
}

// NewOpener makes an opener of an address in one of the forms of ParseAddress.
// An address that does not parse is an *instrument.Error of kind usage. Nothing is
// opened.
func NewOpener(address string) (*Opener, error) {
	a, err := ParseAddress(address)
	if err != nil {
		return nil, err
	}
	return &Opener{address: a, ports: usbPorts, adapter: usbAdapter}, nil
}

// Open opens the connection. Errors are *instrument.Error: busy for a serial port
// that another program holds, cancelled when ctx ends, otherwise unreachable; an
// adapter that is not there names those that are. It blocks until the port is
// open or the host has accepted.
func (o *Opener) Open(ctx context.Context) (Conn, error) {
	if o.address.Network != Serial {
		return o.address.dial(ctx)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	wanted := cmp.Or(o.address.USB, o.serial)
	at, err := o.find(wanted)
	if err != nil {
		return nil, err
	}
	c, err := at.dial(ctx)
	if err != nil {
		return nil, err
	}
	if o.serial == "" {
		o.serial = o.serialOf(at.Name)
	}
	return c, nil
}

// find tells where the adapter with the serial number is now; without one, or
// where the operating system does not list serial numbers, at its usual name.
func (o *Opener) find(serial string) (Address, error) {
	at := o.address
	if serial == "" {
		return at, nil
	}
	ports, err := o.ports()
	if err != nil {
		if at.USB == "" {
			return at, nil
		}
		return at, o.missing(fmt.Errorf("the ports cannot be listed: %w", err), "name the port by its device instead")
	}
	// Its usual name is the first choice: an adapter with several ports lists
	// all of them under one number.
	usual := resolved(at.Name)
	at.USB = ""
	if at.Name != "" && slices.ContainsFunc(ports, func(p usbPort) bool { return p.serial == serial && p.name == usual }) {
		return at, nil
	}
	var there []string
	for _, p := range ports {
		if p.serial == serial {
			at.Name = p.name
			return at, nil
		}
		if p.serial != "" {
			there = append(there, fmt.Sprintf("%s at %s", p.serial, p.name))
		}
	}
	listed := "there is no USB adapter at all"
	if len(there) > 0 {
		listed = "there is " + strings.Join(there, ", ")
	}
	return at, o.missing(fmt.Errorf("the USB adapter with the serial number %s is not there: %s", serial, listed),
		"check its cable and power, and the serial number")
}

func (o *Opener) missing(err error, advice string) error {
	return &instrument.Error{Op: "open", Channel: o.address.String(), Kind: instrument.KindUnreachable, Err: err,
		Advice: advice}
}

// serialOf is the serial number of the adapter behind a device, "" when it has
// none or cannot be found out: then the name has to do.
func (o *Opener) serialOf(device string) string {
	ports, err := o.ports()
	device = resolved(device)
	i := slices.IndexFunc(ports, func(p usbPort) bool { return p.name == device })
	if err != nil || i < 0 {
		return ""
	}
	return ports[i].serial
}

// resolved follows links such as those below /dev/serial/by-id.
func resolved(device string) string {
	if target, err := filepath.EvalSymlinks(device); err == nil {
		return target
	}
	return device
}

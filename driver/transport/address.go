package transport

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"xlab/instrument"
)

// Library names the serial-port library behind a serial connection.
type Library string

const (
	LibraryBugst Library = "bugst" // go.bug.st/serial, the default: maintained, exclusive access
	LibraryTarm  Library = "tarm"  // github.com/tarm/serial, the alternative
)

// Parity is the parity bit of a serial port.
type Parity string

const (
	ParityNone Parity = "none"
	ParityOdd  Parity = "odd"
	ParityEven Parity = "even"
)

// Line is what to do with a modem line of a serial port when it is opened.
type Line string

const (
	LineUnset Line = ""    // leave it as the operating system sets it; pseudo-terminals have no modem lines
	LineOn    Line = "on"  // asserted
	LineOff   Line = "off" // not asserted
)

// Network is a kind of connection that an address can name.
type Network string

const (
	Serial Network = "serial"
	TCP    Network = "tcp"
)

// Address is a parsed address. Only Network and Name matter for TCP.
type Address struct {
	Network Network
	Name    string // device of a serial port, host:port of TCP; "" with USB
	USB     string // serial number of the USB adapter whose port is meant, whatever its name is today; "" = Name

	Baud    int     // bit/s, > 0
	Library Library // which library opens the port
	Bits    int     // data bits, 5 to 8
	Parity  Parity
	Stop    int  // stop bits, 1 or 2
	DTR     Line // needs LibraryBugst unless LineUnset
	RTS     Line // needs LibraryBugst unless LineUnset
}

// usbPrefix begins the serial number of a USB adapter in the place of a device.
const usbPrefix = "usb="

const addressForms = "write serial:DEVICE, such as serial:/dev/ttyUSB0?baud=115200&library=bugst " +
	"or serial:usb=SERIALNUMBER " +
	"(options baud=N, library=bugst|tarm, bits=5..8, parity=none|odd|even, stop=1|2, dtr=on|off, rts=on|off), " +
	"or tcp:HOST:PORT, such as tcp:192.168.1.20:1234"

// ParseAddress reads an address of one of the forms
//
//	serial:/dev/ttyUSB0?baud=115200&library=bugst
//	serial:COM5
//	serial:usb=A50285BI?baud=115200
//	tcp:host:1234
//	tcp:[::1]:1234
//
// What is left out of a serial address is 115200 baud, 8 data bits, no parity,
// one stop bit, the library bugst, and modem lines that are left alone. The
// form with usb= names a USB adapter by its serial number, under whatever name
// the operating system lists it when it is opened. An
// unknown, repeated or impossible option is an *instrument.Error of kind usage
// that names the valid forms. Nothing is opened.
func ParseAddress(s string) (Address, error) {
	a, err := parseAddress(s)
	if err != nil {
		return Address{}, &instrument.Error{Op: "address", Channel: s, Kind: instrument.KindUsage, Err: err,
			Advice: addressForms}
	}
	return a, nil
}

func parseAddress(s string) (Address, error) {
	network, rest, found := strings.Cut(s, ":")
	switch {
	case strings.TrimSpace(s) == "":
		return Address{}, errors.New("the address is empty")
	case strings.TrimSpace(s) != s:
		return Address{}, errors.New("there is white space around the address")
	case found && network == string(Serial):
		return parseSerial(rest)
	case found && network == string(TCP):
		return parseTCP(rest)
	case found && !strings.ContainsAny(network, `/\.`) && len(network) > 1:
		return Address{}, fmt.Errorf("%q is no kind of connection", network)
	default:
		return Address{}, errors.New("it does not say the kind of connection")
	}
}

func parseTCP(rest string) (Address, error) {
	host, port, err := net.SplitHostPort(rest)
	if err != nil {
		var detail *net.AddrError
		if errors.As(err, &detail) {
			return Address{}, errors.New(detail.Err)
		}
		return Address{}, err
	}
	if host == "" {
		return Address{}, errors.New("the host is missing")
	}
	if strings.ContainsAny(host, "/?& \t") {
		return Address{}, fmt.Errorf("%q is no host; TCP addresses take no options", host)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return Address{}, fmt.Errorf("the port is %q and must be a number from 1 to 65535", port)
	}
	return Address{Network: TCP, Name: rest}, nil
}

func parseSerial(rest string) (Address, error) {
	device, query, _ := strings.Cut(rest, "?")
	if device == "" {
		return Address{}, errors.New("the serial port's device is missing")
	}
	number, byNumber := strings.CutPrefix(device, usbPrefix)
	if byNumber {
		device = ""
		if number == "" || strings.ContainsAny(number, " \t") {
			return Address{}, fmt.Errorf("%q is no serial number of a USB adapter", number)
		}
	}
	a := Address{Network: Serial, Name: device, Baud: 115200, Library: LibraryBugst, Bits: 8, Parity: ParityNone, Stop: 1}
	if byNumber {
		a.USB = number
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return Address{}, fmt.Errorf("the options %q do not parse: %w", query, err)
	}
	for _, key := range slices.Sorted(maps.Keys(values)) { // of several mistakes always the same is reported
		if len(values[key]) > 1 {
			return Address{}, fmt.Errorf("the option %s is given %d times", key, len(values[key]))
		}
		if err := a.set(key, values[key][0]); err != nil {
			return Address{}, err
		}
	}
	if a.Library == LibraryTarm && (a.DTR != LineUnset || a.RTS != LineUnset) {
		return Address{}, errors.New("the library tarm cannot set modem lines: leave dtr and rts out, or use library=bugst")
	}
	return a, nil
}

func (a *Address) set(key, value string) error {
	switch key {
	case "baud":
		return whole(&a.Baud, key, value, 1, math.MaxInt, "a whole number above 0")
	case "bits":
		return whole(&a.Bits, key, value, 5, 8, "5, 6, 7 or 8")
	case "stop":
		if value != "1" && value != "2" {
			return fmt.Errorf("stop is %q and must be 1 or 2", value)
		}
		a.Stop = int(value[0] - '0')
		return nil
	case "library":
		return choose(&a.Library, key, value, LibraryBugst, LibraryTarm)
	case "parity":
		return choose(&a.Parity, key, value, ParityNone, ParityOdd, ParityEven)
	case "dtr":
		return choose(&a.DTR, key, value, LineOn, LineOff)
	case "rts":
		return choose(&a.RTS, key, value, LineOn, LineOff)
	}
	return fmt.Errorf("there is no option %q", key)
}

func whole(to *int, key, value string, least, most int, valid string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < least || n > most {
		return fmt.Errorf("%s is %q and must be %s", key, value, valid)
	}
	*to = n
	return nil
}

func choose[T ~string](to *T, key, value string, valid ...T) error {
	if !slices.Contains(valid, T(value)) {
		names := make([]string, len(valid))
		for i, v := range valid {
			names[i] = string(v)
		}
		return fmt.Errorf("%s is %q and must be %s", key, value, strings.Join(names, " or "))
	}
	*to = T(value)
	return nil
}

// String is the address in the form that ParseAddress reads: baud rate and
// library always, the other options where they differ from the default.
func (a Address) String() string {
	if a.Network != Serial {
		return string(a.Network) + ":" + a.Name
	}
	name := a.Name
	if a.USB != "" {
		name = usbPrefix + a.USB
	}
	s := fmt.Sprintf("serial:%s?baud=%d&library=%s", name, a.Baud, a.Library)
	for _, option := range []struct{ key, value, usual string }{
		{"bits", strconv.Itoa(a.Bits), "8"},
		{"parity", string(a.Parity), string(ParityNone)},
		{"stop", strconv.Itoa(a.Stop), "1"},
		{"dtr", string(a.DTR), string(LineUnset)},
		{"rts", string(a.RTS), string(LineUnset)},
	} {
		if option.value != option.usual {
			s += "&" + option.key + "=" + option.value
		}
	}
	return s
}

// dial opens the connection by its name.
func (a Address) dial(ctx context.Context) (Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, &instrument.Error{Op: "open", Channel: a.String(), Kind: instrument.KindOf(err), Err: context.Cause(ctx)}
	}
	switch a.Network {
	case Serial:
		return openSerial(a)
	case TCP:
		return openTCP(ctx, a)
	}
	return nil, &instrument.Error{Op: "open", Channel: a.String(), Kind: instrument.KindUsage,
		Err: fmt.Errorf("%q is no kind of connection", a.Network), Advice: addressForms}
}

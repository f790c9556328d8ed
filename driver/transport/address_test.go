package transport

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"xlab/instrument"
)

func TestParseAddress(t *testing.T) {
	serial := func(change func(*Address)) Address {
		a := Address{Network: Serial, Name: "/dev/ttyUSB0", Baud: 115200, Library: LibraryBugst, Bits: 8, Parity: ParityNone,
			Stop: 1}
		if change != nil {
			change(&a)
		}
		return a
	}
	for text, want := range map[string]Address{
		"serial:/dev/ttyUSB0":                        serial(nil),
		"serial:/dev/ttyUSB0?":                       serial(nil),
		"serial:/dev/ttyUSB0?baud=9600":              serial(func(a *Address) { a.Baud = 9600 }),
		"serial:/dev/ttyUSB0?library=tarm&baud=9600": serial(func(a *Address) { a.Baud, a.Library = 9600, LibraryTarm }),
		"serial:/dev/ttyUSB0?bits=7&parity=even&stop=2": serial(func(a *Address) {
			a.Bits, a.Parity, a.Stop = 7, ParityEven,
				2
		}),
		"serial:/dev/ttyUSB0?dtr=off&rts=on": serial(func(a *Address) { a.DTR, a.RTS = LineOff, LineOn }),
		"serial:COM5":                        serial(func(a *Address) { a.Name = "COM5" }),
		"serial:usb=A50285BI?baud=9600": serial(func(a *Address) {
			a.Name, a.USB, a.Baud = "", "A50285BI",
				9600
		}),
		"serial:/dev/serial/by-id/usb-Prologix:1-if00": serial(func(
			a *Address) {
			a.Name = "/dev/serial/by-id/usb-Prologix:1-if00"
		}),
		"tcp:192.168.1.20:1234":     {Network: TCP, Name: "192.168.1.20:1234"},
		"tcp:[::1]:1234":            {Network: TCP, Name: "[::1]:1234"},
		"tcp:gpib.lab.example:1234": {Network: TCP, Name: "gpib.lab.example:1234"},
	} {
		got, err := ParseAddress(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func TestParseAddressRefuses(t *testing.T) {
	for text, names := range map[string]string{ // address and what its error has to name
		"":                                        "empty",
		" serial:/dev/ttyUSB0":                    "white space",
		"/dev/ttyUSB0":                            "kind of connection",
		"COM5":                                    "kind of connection",
		"192.168.1.20:1234":                       "kind of connection",
		"usb:/dev/ttyUSB0":                        `"usb"`,
		"Serial:/dev/ttyUSB0":                     `"Serial"`,
		"serial:":                                 "device",
		"serial:?baud=9600":                       "device",
		"serial:usb=":                             "serial number",
		"serial:usb=?baud=9600":                   "serial number",
		"serial:/dev/ttyUSB0?baud=fast":           `"fast"`,
		"serial:/dev/ttyUSB0?baud=0":              `"0"`,
		"serial:/dev/ttyUSB0?baud=-9600":          `"-9600"`,
		"serial:/dev/ttyUSB0?baud=":               "baud",
		"serial:/dev/ttyUSB0?boud=9600":           `"boud"`,
		"serial:/dev/ttyUSB0?baud=1&baud=2":       "2 times",
		"serial:/dev/ttyUSB0?library=other":       "bugst or tarm",
		"serial:/dev/ttyUSB0?bits=9":              `"9"`,
		"serial:/dev/ttyUSB0?stop=1.5":            `"1.5"`,
		"serial:/dev/ttyUSB0?parity=mark":         "none or odd or even",
		"serial:/dev/ttyUSB0?dtr=1":               "on or off",
		"serial:/dev/ttyUSB0?library=tarm&dtr=on": "tarm cannot set modem lines",
		"serial:/dev/ttyUSB0?baud=%zz":            "do not parse",
		"tcp:":                                    "missing port",
		"tcp:host":                                "missing port",
		"tcp::1234":                               "host is missing",
		"tcp:host:":                               "1 to 65535",
		"tcp:host:0":                              "1 to 65535",
		"tcp:host:65536":                          "1 to 65535",
		"tcp:host:gpib":                           `"gpib"`,
		"tcp:host:1234?baud=1":                    "1 to 65535",
		"tcp://host:1234":                         "host",
		"tcp:::1:1234":                            "colons",
	} {
		a, err := ParseAddress(text)
		var e *instrument.Error
		if !errors.As(err, &e) || e.Kind != instrument.KindUsage {
			t.Errorf("%q: %+v, %v; want an error of kind usage", text, a, err)
			continue
		}
		if !strings.Contains(e.Err.Error(), names) {
			t.Errorf("%q: the error %q does not name %s", text, e.Err, names)
		}
		for _, form := range []string{"serial:", "tcp:", "baud=", "library=bugst|tarm"} {
			if !strings.Contains(err.Error(), form) {
				t.Errorf("%q: the error does not show the valid form %s: %v", text, form, err)
			}
		}
		if _, err := open(t.Context(), text); instrument.KindOf(err) != instrument.KindUsage {
			t.Errorf("%q: Open gave %v", text, err)
		}
	}
}

// open opens the connection that an address names.
func open(ctx context.Context, address string) (Conn, error) {
	o, err := NewOpener(address)
	if err != nil {
		return nil, err
	}
	return o.Open(ctx)
}

func TestOpenObeysContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, address := range []string{"tcp:127.0.0.1:1", "serial:/dev/there-is-no-such-port"} {
		if _, err := open(ctx, address); instrument.KindOf(err) != instrument.KindCancelled ||
			!errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want it cancelled", address, err)
		}
	}
}

// Whatever parses, prints, and parses again to the same.
func FuzzParseAddress(f *testing.F) {
	f.Add("serial:/dev/ttyUSB0?baud=9600&library=tarm&bits=7&parity=odd&stop=2")
	f.Add("serial:COM5?dtr=on&rts=off")
	f.Add("tcp:[::1]:1234")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseAddress(text)
		if err != nil {
			return
		}
		again, err := ParseAddress(a.String())
		if err != nil || again != a {
			t.Fatalf("%q gives %+v, which prints as %q and gives %+v, %v", text, a, a, again, err)
		}
	})
}

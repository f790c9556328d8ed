//go:build linux || windows || cgo

package transport

import (
	"github.com/tarm/serial"
)

// tarmPort is a port of github.com/tarm/serial. On Unix its Read reports a
// time-out as 0, io.EOF, on Windows as 0, nil.
type tarmPort struct{ *serial.Port }

func (p tarmPort) discard() error { return p.Flush() }

func openTarm(a Address) (port, error) {
	config := &serial.Config{Name: a.Name, Baud: a.Baud, ReadTimeout: readTimeout, Size: byte(a.Bits),
		StopBits: serial.Stop1, Parity: serial.ParityNone}
	if a.Stop == 2 {
		config.StopBits = serial.Stop2
	}
	switch a.Parity {
	case ParityOdd:
		config.Parity = serial.ParityOdd
	case ParityEven:
		config.Parity = serial.ParityEven
	}
	p, err := serial.OpenPort(config)
	if err != nil {
		return nil, err
	}
	return tarmPort{p}, nil
}

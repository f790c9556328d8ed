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
	parity := map[Parity]serial.Parity{ParityNone: serial.ParityNone, ParityOdd: serial.ParityOdd,
		ParityEven: serial.ParityEven}
	stop := map[int]serial.StopBits{1: serial.Stop1, 2: serial.Stop2}
	p, err := serial.OpenPort(&serial.Config{Name: a.Name, Baud: a.Baud, ReadTimeout: readTimeout, Size: byte(a.Bits),
		StopBits: stop[a.Stop], Parity: parity[a.Parity]})
	if err != nil {
		return nil, err
	}
	return tarmPort{p}, nil
}

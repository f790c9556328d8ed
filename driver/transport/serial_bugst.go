package transport

import (
	"errors"
	"fmt"

	bugst "go.bug.st/serial"

	"xlab/instrument"
)

// bugstPort is a port of go.bug.st/serial. Its Read reports a time-out as 0, nil.
type bugstPort struct{ bugst.Port }

func (p bugstPort) discard() error { return p.ResetOutputBuffer() }

func openBugst(a Address) (port, error) {
	mode := &bugst.Mode{BaudRate: a.Baud, DataBits: a.Bits, StopBits: bugst.OneStopBit}
	if a.Stop == 2 {
		mode.StopBits = bugst.TwoStopBits
	}
	switch a.Parity {
	case ParityOdd:
		mode.Parity = bugst.OddParity
	case ParityEven:
		mode.Parity = bugst.EvenParity
	}
	p, err := bugst.Open(a.Name, mode)
	if err != nil {
		return nil, err
	}
	if err := p.SetReadTimeout(readTimeout); err != nil {
		return nil, errors.Join(fmt.Errorf("set the read time-out: %w", err), p.Close())
	}
	// The modem lines are set only where the address says so: pseudo-terminals
	// have none, and DTR resets some adapters.
	for _, line := range []struct {
		name string
		to   Line
		set  func(bool) error
	}{{"DTR", a.DTR, p.SetDTR}, {"RTS", a.RTS, p.SetRTS}} {
		if line.to == LineUnset {
			continue
		}
		if err := line.set(line.to == LineOn); err != nil {
			return nil, errors.Join(fmt.Errorf("set %s %s: %w (a pseudo-terminal has no modem lines)", line.name, line.to, err),
				p.Close())
		}
	}
	return bugstPort{p}, nil
}

// bugstKind sorts the library's own errors.
func bugstKind(err error) (instrument.Kind, bool) {
	var e *bugst.PortError
	if !errors.As(err, &e) {
		return instrument.KindUnknown, false
	}
	switch e.Code() {
	case bugst.PortBusy:
		return instrument.KindBusy, true
	case bugst.InvalidSpeed, bugst.InvalidDataBits, bugst.InvalidParity, bugst.InvalidStopBits:
		return instrument.KindUsage, true
	}
	return instrument.KindUnreachable, true
}

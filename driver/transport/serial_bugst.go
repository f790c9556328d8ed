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
	parity := map[Parity]bugst.Parity{ParityNone: bugst.NoParity, ParityOdd: bugst.OddParity, ParityEven: bugst.EvenParity}
	stop := map[int]bugst.StopBits{1: bugst.OneStopBit, 2: bugst.TwoStopBits}
	p, err := bugst.Open(a.Name, &bugst.Mode{BaudRate: a.Baud, DataBits: a.Bits, StopBits: stop[a.Stop],
		Parity: parity[a.Parity]})
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

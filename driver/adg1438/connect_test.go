package adg1438_test

import (
	"errors"
	"strings"
	"testing"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"xlab/driver/adg1438"
	"xlab/instrument"
)

// port remembers how it was connected.
type port struct {
	clock physic.Frequency
	mode  spi.Mode
	bits  int
	calls int
	err   error
}

func (p *port) String() string { return "port" }
func (p *port) Connect(f physic.Frequency, mode spi.Mode, bits int) (spi.Conn, error) {
	p.calls++
	p.clock, p.mode, p.bits = f, mode, bits
	return newBoard(1), p.err
}

func TestConnect(t *testing.T) {
	var p port
	if c, err := adg1438.Connect(&p, adg1438.MaxClock); err != nil || c == nil {
		t.Fatal(err)
	}
	if p.calls != 1 || p.mode != spi.Mode1 || p.bits != 8 || p.clock != 20*physic.MegaHertz {
		t.Errorf("connected as %+v", p)
	}
}

func TestConnectRefuses(t *testing.T) {
	for _, tc := range []struct {
		clock physic.Frequency
		kind  instrument.Kind
		text  string
	}{
		{adg1438.MaxClock + physic.Hertz, instrument.KindLimit, "20MHz"},
		{50 * physic.MegaHertz, instrument.KindLimit, "50MHz"},
		{0, instrument.KindUsage, "no SPI clock"},
		{-physic.MegaHertz, instrument.KindUsage, "no SPI clock"},
	} {
		var p port
		_, err := adg1438.Connect(&p, tc.clock)
		if instrument.KindOf(err) != tc.kind || !strings.Contains(err.Error(), tc.text) {
			t.Errorf("%s: %v", tc.clock, err)
		}
		if p.calls != 0 {
			t.Errorf("%s: the port was touched", tc.clock)
		}
	}
	broken := errors.New("no such device")
	p := port{err: broken}
	if _, err := adg1438.Connect(&p, physic.MegaHertz); instrument.KindOf(err) != instrument.KindUnreachable ||
		!errors.Is(err, broken) {
		t.Errorf("port that fails: %v", err)
	}
}

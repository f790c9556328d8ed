package transcript

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"periph.io/x/conn/v3"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
)

// shifter is an SPI port with a register of two bytes behind it, on which the third
// transfer fails.
type shifter struct {
	held   [2]byte
	n      int
	closed bool
}

func (s *shifter) String() string                    { return "spidev0.0" }
func (s *shifter) Close() error                      { s.closed = true; return nil }
func (s *shifter) LimitSpeed(physic.Frequency) error { return nil }
func (s *shifter) Duplex() conn.Duplex               { return conn.Half }
func (s *shifter) MaxTxSize() int                    { return 64 }

func (s *shifter) Connect(_ physic.Frequency, _ spi.Mode, bits int) (spi.Conn, error) {
	if bits != 8 {
		return nil, errors.New("8 bits only")
	}
	return s, nil
}

func (s *shifter) Tx(w, r []byte) error {
	if s.n++; s.n == 3 {
		return errors.New("bus fault")
	}
	copy(r, s.held[:])
	copy(s.held[:], w)
	return nil
}

func (s *shifter) TxPackets([]spi.Packet) error { return errors.New("not used") }

func TestPort(t *testing.T) {
	dir := t.TempDir()
	r := NewRecorder(nil, func(text string) { t.Error(text) })
	r.Into(dir)
	refused := errors.New("no such port")
	if _, err := r.Port("switch board B", func() (spi.PortCloser, error) { return nil, refused }); err != refused {
		t.Error(err)
	}
	real := &shifter{}
	port, err := r.Port("switch board A", func() (spi.PortCloser, error) { return real, nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := port.Connect(physic.MegaHertz, spi.Mode1, 16); err == nil {
		t.Error("16 bits are taken")
	}
	use := func(port spi.PortCloser, played bool) {
		c, err := port.Connect(physic.MegaHertz, spi.Mode1, 8)
		if err != nil {
			t.Fatal(err)
		}
		if most := c.(conn.Limits).MaxTxSize(); !played && (most != 64 || c.Duplex() != conn.Half) {
			t.Errorf("the port is %s and takes %d bytes", c.Duplex(), most)
		}
		for i, want := range []string{"\x00\x00", "\x0a\x01", "", "\xff\x5c"} {
			got := make([]byte, 2)
			err := c.Tx([]byte{[]byte{0x0a, 0xff, 3, 4}[i], []byte{1, 0x5c, 3, 4}[i]}, got)
			if (err == nil) != (want != "") || err == nil && string(got) != want {
				t.Errorf("transfer %d gave %q, %v; want %q", i, got, err, want)
			}
		}
		if err := c.TxPackets([]spi.Packet{{W: []byte{7}, R: make([]byte, 1)}}); err != nil {
			t.Error(err)
		}
		if err := port.Close(); err != nil {
			t.Error(err)
		}
	}
	use(port, false)
	if err := r.Close(); err != nil || !real.closed {
		t.Errorf("closing gave %v", err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "switch-board-A.txt"))
	if err != nil || !bytes.Contains(text, []byte("\n== spidev0.0\n")) ||
		!bytes.Contains(text, []byte("\n# write, after 0 of 2 bytes: bus fault\n")) {
		t.Errorf("%v in:\n%s", err, text)
	}
	p, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Port("switch board B").Connect(physic.MegaHertz, spi.Mode1, 8); err == nil {
		t.Error("a port that was not there is")
	}
	again := p.Port("switch board A")
	if _, err := again.Connect(physic.MegaHertz, spi.Mode1, 16); err == nil {
		t.Error("16 bits are taken")
	}
	use(again, true)
	if e := p.End(); e != nil {
		t.Error(e)
	}
}

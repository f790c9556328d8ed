package transcript

import (
	"context"
	"io"
	"time"

	"periph.io/x/conn/v3"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"xlab/driver/transport"
)

// A transfer on an SPI port is told as on any other link: what is clocked out as what
// is written, what comes back meanwhile as the answer to it.

// Port is what open opens, with a record of all transfers.
func (r *Recorder) Port(link string, open func() (spi.PortCloser, error)) (spi.PortCloser, error) {
	p, err := open()
	if r == nil {
		return p, err
	}
	f := r.file(link)
	if err != nil {
		return nil, f.refused(err)
	}
	return &recordedPort{PortCloser: p, to: f}, nil
}

type recordedPort struct {
	spi.PortCloser
	to   *file
	conn transport.Conn // nil until it is connected
}

func (p *recordedPort) Connect(f physic.Frequency, mode spi.Mode, bits int) (spi.Conn, error) {
	c, err := p.PortCloser.Connect(f, mode, bits)
	if err != nil {
		return nil, p.to.refused(err)
	}
	told := transfers{duplex: c.Duplex()}
	if l, ok := c.(conn.Limits); ok {
		told.most = l.MaxTxSize()
	}
	p.conn = transport.Record(&stream{conn: c, close: p.PortCloser.Close}, p.to, p.to.of.clock)
	told.Conn = p.conn
	return &told, nil
}

func (p *recordedPort) Close() error {
	if p.conn == nil {
		return p.PortCloser.Close()
	}
	return p.conn.Close()
}

// stream is an SPI connection as a stream: what comes back of a Write is read next.
type stream struct {
	conn  spi.Conn
	close func() error
	in    []byte
}

func (s *stream) Write(p []byte) (int, error) {
	s.in = make([]byte, len(p))
	if err := s.conn.Tx(p, s.in); err != nil {
		s.in = nil
		return 0, err
	}
	return len(p), nil
}

func (s *stream) Read(p []byte) (int, error) {
	n := copy(p, s.in)
	s.in = s.in[n:]
	return n, nil
}

func (s *stream) SetDeadline(time.Time) error { return nil }
func (s *stream) Close() error                { return s.close() }
func (s *stream) String() string              { return s.conn.String() }

// transfers are the transfers of an SPI connection over a stream.
type transfers struct {
	transport.Conn
	duplex conn.Duplex
	most   int // bytes in one; 0 = any
}

func (t *transfers) Duplex() conn.Duplex { return t.duplex }
func (t *transfers) MaxTxSize() int      { return t.most }

func (t *transfers) Tx(w, r []byte) error {
	// What comes back of a transfer is there at once, or never.
	if err := t.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := t.Write(w); err != nil {
		return err
	}
	back := make([]byte, len(w))
	_, err := io.ReadFull(t.Conn, back)
	copy(r, back)
	return err
}

func (t *transfers) TxPackets(packets []spi.Packet) error {
	for _, p := range packets {
		if err := t.Tx(p.W, p.R); err != nil {
			return err
		}
	}
	return nil
}

// Port plays an SPI port.
func (p *Player) Port(link string) spi.PortCloser { return &playedPort{open: p.Line(link)} }

type playedPort struct {
	open Open
	conn transport.Conn
}

func (p *playedPort) Connect(physic.Frequency, spi.Mode, int) (c spi.Conn, err error) {
	if p.conn, err = p.open(context.Background()); err != nil {
		return nil, err
	}
	return &transfers{Conn: p.conn, duplex: conn.Full}, nil
}

func (p *playedPort) LimitSpeed(physic.Frequency) error { return nil }
func (p *playedPort) String() string                    { return "transcript" }

func (p *playedPort) Close() error {
	if p.conn == nil {
		return nil
	}
	return p.conn.Close()
}

package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"xlab/instrument"
)

// dialTimeout bounds the time for a host to accept. A host in the same
// laboratory answers in milliseconds; one that is switched off never does.
const dialTimeout = 5 * time.Second

func openTCP(ctx context.Context, a Address) (Conn, error) {
	dialer := net.Dialer{Timeout: dialTimeout}
	c, err := dialer.DialContext(ctx, "tcp", a.Name)
	if err != nil {
		kind := instrument.KindUnreachable
		if ctx.Err() != nil {
			kind, err = instrument.KindOf(ctx.Err()), errors.Join(ctx.Err(), err)
		}
		return nil, &instrument.Error{Op: "open", Channel: a.String(), Kind: kind, Err: err,
			Advice: "check that the instrument is switched on, the network cable, and host and port of the address"}
	}
	return &tcpConn{conn: c, address: a.String()}, nil
}

// tcpConn is a TCP connection. The network poller of the runtime gives
// deadlines and Close the meaning that Conn asks for.
type tcpConn struct {
	conn    net.Conn
	address string
	close   sync.Once
}

func (c *tcpConn) String() string { return c.address }

func (c *tcpConn) SetDeadline(t time.Time) error { return c.conn.SetDeadline(t) }

func (c *tcpConn) Read(p []byte) (int, error) {
	n, err := c.conn.Read(p)
	if err != nil && err != io.EOF {
		err = c.explain("read", err)
	}
	return n, err
}

func (c *tcpConn) Write(p []byte) (int, error) {
	n, err := c.conn.Write(p)
	if err != nil {
		err = c.explain("write", err)
	}
	return n, err
}

func (c *tcpConn) explain(op string, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed) {
		return err
	}
	return &instrument.Error{Op: op, Channel: c.address, Kind: instrument.KindUnreachable, Err: err,
		Advice: "the network connection was lost: check cable and power, then open it again"}
}

func (c *tcpConn) Close() (err error) {
	c.close.Do(func() { err = c.conn.Close() })
	return err
}

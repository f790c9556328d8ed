package transport

import (
	"io"
	"time"
)

// Pipe returns the two ends of a connection within the process. What is
// written to one end is read from the other; up to 2 MiB wait in each
// direction, beyond that Write blocks until the other end reads. Both ends have
// deadlines of their own. When one end is closed, the other reads what is left
// and then io.EOF, and its writes fail with io.ErrClosedPipe.
func Pipe() (a, b Conn) {
	there, back := newQueue(queueLimit), newQueue(queueLimit)
	return &pipeConn{in: back, out: there}, &pipeConn{in: there, out: back}
}

type pipeConn struct {
	in, out *queue
}

func (c *pipeConn) Read(p []byte) (int, error)  { return c.in.read(p) }
func (c *pipeConn) Write(p []byte) (int, error) { return c.out.write(p) }
func (c *pipeConn) String() string              { return "in-process connection" }

// Pending is the number of bytes that have arrived and have not been read.
func (c *pipeConn) Pending() int { return c.in.waiting() }

func (c *pipeConn) SetDeadline(t time.Time) error {
	c.in.setReadDeadline(t)
	c.out.setWriteDeadline(t)
	return nil
}

func (c *pipeConn) Close() error {
	c.out.closeWrite(io.EOF)
	c.in.closeRead()
	return nil
}

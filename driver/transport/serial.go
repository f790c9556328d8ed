package transport

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"xlab/instrument"
)

const (
	// readTimeout is the time-out that the libraries are opened with, the
	// shortest that github.com/tarm/serial can do. It is a fall-back: where a
	// watch waits for bytes, reads do not block.
	readTimeout = 100 * time.Millisecond

	// writeChunk is the most that is handed to the operating system in one
	// call. A request of an exchange fits, so that it leaves in one piece; of a
	// longer write that is given up, nothing leaves after the chunk under way.
	writeChunk = 4096

	// closeGrace is how long Close waits for the operating system, which
	// keeps a port open until its unsent bytes have left, on Linux up to 30 s.
	closeGrace = time.Second
)

// port is what the serial libraries have in common. Read blocks for readTimeout
// at the longest and then returns 0 with nil or io.EOF.
type port interface {
	io.ReadWriteCloser
	discard() error // drop what was written and has not left
}

// serialConn is a serial port behind either library.
type serialConn struct {
	address string
	name    string // of the device
	port    port
	watch   *watch
	in      *queue        // filled by the pump, emptied by Read
	pumped  chan struct{} // closed when the pump has ended

	mu      sync.Mutex
	changed sync.Cond // a write ended, the connection closed or failed, or the deadline changed
	writeBy deadline
	sending *sending // the write that the operating system has; nil = none
	closed  bool
	left    bool  // Close has left the port to the goroutine that is still writing
	failed  error // why the port can no longer be used
}

// sending is one write on its way to the operating system.
type sending struct {
	data      []byte // own copy: it may outlive the call of Write
	sent      int
	err       error
	done      bool
	abandoned bool // its Write has returned: stop at the next chunk
}

func openSerial(a Address) (Conn, error) {
	open := openBugst
	if a.Library == LibraryTarm {
		open = openTarm
	}
	w, err := openWatch(a.Name)
	if err != nil {
		return nil, serialOpenError(a, err)
	}
	p, err := open(a)
	if err != nil {
		return nil, serialOpenError(a, errors.Join(err, w.close()))
	}
	c := &serialConn{address: a.String(), name: a.Name, port: p, watch: w, in: newQueue(queueLimit),
		pumped: make(chan struct{})}
	c.changed.L = &c.mu
	go c.pump()
	return c, nil
}

func serialOpenError(a Address, err error) error {
	kind, advice := instrument.KindUnreachable, "check that this is a serial port: on Linux list them with ls -l "+
		"/dev/serial/by-id"
	of, known := bugstKind(err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		advice = "no such port: check the cable and list the ports, on Linux with ls -l /dev/serial/by-id"
	case errors.Is(err, fs.ErrPermission):
		advice = "the user may not open the port: on Linux join the group dialout and log in again"
	case errors.Is(err, syscall.EBUSY) || known && of == instrument.KindBusy:
		kind, advice = instrument.KindBusy, "another program has the port open: end it, on Linux fuser -v shows which it is"
	case known && of == instrument.KindUsage:
		kind, advice = of, "choose a setting that the port can do"
	}
	return &instrument.Error{Op: "open", Channel: a.String(), Kind: kind, Err: err, Advice: advice}
}

func (c *serialConn) String() string { return c.address }

// Pending is the number of bytes that have arrived and have not been read.
func (c *serialConn) Pending() int { return c.in.waiting() }

// pump moves bytes from the port into the queue until the connection is closed
// or the port fails.
func (c *serialConn) pump() {
	defer close(c.pumped)
	buf := make([]byte, 4096)
	for {
		hungUp, err := c.watch.readable()
		if err != nil {
			c.fail("wait for", err)
			return
		}
		n, err := c.port.Read(buf)
		if n > 0 {
			if _, err := c.in.write(buf[:n]); err != nil {
				return // closed
			}
			continue // an error that came with the bytes comes again
		}
		timedOut := err == nil || errors.Is(err, io.EOF)
		if timedOut && !hungUp {
			continue
		}
		err = cmp.Or(err, io.EOF)
		c.fail("read", err)
		return
	}
}

// fail ends the connection for good, unless it has been closed.
func (c *serialConn) fail(op string, err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	if c.failed == nil {
		c.failed = &instrument.Error{Op: op, Channel: c.address, Kind: instrument.KindUnreachable,
			Err:    fmt.Errorf("the serial port was lost: %w", err),
			Advice: "check the cable and the adapter's power, then open the port again"}
		c.in.closeWrite(c.failed)
		c.changed.Broadcast()
	}
	return c.failed
}

func (c *serialConn) Read(p []byte) (int, error) { return c.in.read(p) }

func (c *serialConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	c.writeBy.at = t
	c.changed.Broadcast()
	c.mu.Unlock()
	c.in.setReadDeadline(t)
	return nil
}

func (c *serialConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.await(func() bool { return c.sending == nil }); err != nil {
		return 0, err
	}
	if len(p) == 0 {
		return 0, nil
	}
	s := &sending{data: bytes.Clone(p)}
	c.sending = s
	go c.send(s)
	if err := c.await(func() bool { return s.done }); err != nil {
		s.abandoned = true
		return s.sent, err
	}
	return s.sent, s.err
}

// await waits under c.mu until reached holds, the connection ends or the
// deadline passes.
func (c *serialConn) await(reached func() bool) error {
	for {
		switch {
		case c.closed:
			return net.ErrClosed
		case c.failed != nil:
			return c.failed
		case c.writeBy.passed():
			return os.ErrDeadlineExceeded
		case reached():
			return nil
		}
		c.writeBy.wait(&c.changed)
	}
}

// send hands a write to the operating system, chunk by chunk.
func (c *serialConn) send(s *sending) {
	for {
		chunk := s.data[s.sent:min(s.sent+writeChunk, len(s.data))]
		n, err := c.port.Write(chunk)
		// go.bug.st/serial hands out what the system call says: a write that a
		// signal interrupts is short, or fails with EINTR when nothing was
		// taken. Neither is a failure; the loop goes on with the rest.
		switch {
		case errors.Is(err, syscall.EINTR):
			err = nil
		case err == nil && n == 0:
			err = io.ErrNoProgress
		}
		if err != nil {
			err = c.fail("write", err)
		}
		c.mu.Lock()
		s.sent += n
		s.err = err
		if err != nil || s.sent == len(s.data) || s.abandoned || c.closed {
			break
		}
		c.mu.Unlock()
	}
	s.done = true
	c.sending = nil
	c.changed.Broadcast()
	left := c.left
	c.mu.Unlock()
	if left {
		// The last goroutine in the port closes it. An error has nobody to go to:
		// Close has told its caller that a write was still under way.
		_ = c.port.Close()
	}
}

// Close wakes a Read and a Write that are under way. Bytes whose Write has
// returned still leave; of a write that the operating system has not finished
// with, the rest is dropped.
func (c *serialConn) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	c.writeBy.stop()
	c.changed.Broadcast()
	c.mu.Unlock()

	c.in.closeRead()
	err := c.watch.close()
	<-c.pumped

	if stuck, e := c.leavePort(); stuck {
		return errors.Join(err, e)
	}
	return errors.Join(err, c.closePort())
}

// leavePort leaves closing the port to a write that the operating system has
// not given back, and drops its bytes, which is what makes it come back. The
// lock keeps the port from being closed under discard.
func (c *serialConn) leavePort() (stuck bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sending == nil {
		return false, nil
	}
	c.left = true
	if err := c.port.discard(); err != nil && c.failed == nil {
		return true, &instrument.Error{Op: "close", Channel: c.address, Kind: instrument.KindUnreachable,
			Err:    fmt.Errorf("a write is still under way and cannot be dropped: %w", err),
			Advice: "the port is free again when the adapter takes the bytes or is unplugged"}
	}
	return true, nil
}

// closePort closes the port, leaving it to the operating system when that
// takes long.
func (c *serialConn) closePort() error {
	done := make(chan error, 1)
	go func() { done <- c.port.Close() }()
	grace := time.NewTimer(closeGrace)
	defer grace.Stop()
	select {
	case err := <-done:
		return err
	case <-grace.C:
		return &instrument.Error{Op: "close", Channel: c.address, Kind: instrument.KindTimeout,
			Err:    errors.New("the operating system still holds bytes that the adapter does not take"),
			Advice: "the port is free again when they have left, or when the adapter is unplugged"}
	}
}

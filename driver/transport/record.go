package transport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// frameLimit cuts frames of answers without line ends, so that a recording
// does not gather them in memory.
const frameLimit = 64 << 10

// Record returns a connection that does what c does and writes a transcript of
// both directions to w, in the form of the golden frames: what is written is
// one frame per Write, what is read one frame per line, cut where the
// direction changes. How the bytes of an answer happened to arrive leaves no
// trace, so that the same exchanges give the same transcript on every kind of
// connection, the first comment with the address apart. Errors of the
// connection become comments.
//
// A transcript that cannot be written does not disturb the connection: the
// first such error is returned by Close, which closes c too. w stays open.
func Record(c Conn, w io.Writer) Conn {
	r := &recorder{Conn: c, w: w}
	r.comment("recorded from " + c.String())
	return r
}

type recorder struct {
	Conn

	mu     sync.Mutex
	w      io.Writer
	in     []byte // read and not yet a whole frame
	failed error  // first error of w
	closed bool
}

// Pending is that of the connection.
func (r *recorder) Pending() int { return pending(r.Conn) }

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.in = append(r.in, p[:n]...)
	rest := r.in
	for {
		end := bytes.IndexByte(rest, '\n') + 1
		if end == 0 && len(rest) < frameLimit {
			break
		}
		if end == 0 || end > frameLimit {
			end = frameLimit
		}
		r.frame(toHost, rest[:end])
		rest = rest[end:]
	}
	r.in = r.in[:copy(r.in, rest)]
	r.note("read", err)
	return n, err
}

// Write records before it writes: the answer may be read before the
// connection's Write has returned.
func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	r.flush()
	r.frame(toInstrument, p)
	r.mu.Unlock()
	n, err := r.Conn.Write(p)
	if err != nil {
		r.mu.Lock()
		r.note(fmt.Sprintf("write, after %d of %d bytes", n, len(p)), err)
		r.mu.Unlock()
	}
	return n, err
}

func (r *recorder) Close() error {
	err := r.Conn.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flush()
	r.closed = true
	if r.failed != nil {
		err = errors.Join(err, fmt.Errorf("the transcript of %s is not complete: %w", r.Conn, r.failed))
	}
	return err
}

// note leaves a comment about an error, unless it is the end of this side.
func (r *recorder) note(op string, err error) {
	if err == nil || errors.Is(err, net.ErrClosed) {
		return
	}
	r.flush()
	r.comment(op + ": " + err.Error())
}

// flush writes what was read of a line so far.
func (r *recorder) flush() {
	if len(r.in) > 0 {
		r.frame(toHost, r.in)
		r.in = r.in[:0]
	}
}

func (r *recorder) frame(direction string, data []byte) {
	if len(data) > 0 {
		r.put(append(appendFrame([]byte(direction), data), '\n'))
	}
}

func (r *recorder) comment(text string) {
	r.put(append(appendFrame([]byte("# "), []byte(text)), '\n'))
}

func (r *recorder) put(line []byte) {
	if r.failed != nil || r.closed {
		return
	}
	_, r.failed = r.w.Write(line)
}

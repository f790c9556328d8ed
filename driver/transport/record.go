package transport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// flushAfter is how long what was read of a line waits for the rest before it is
// written: many a box ends no line, and what is recorded survives the process.
const flushAfter = 250 * time.Millisecond

// frameLimit cuts frames of answers without line ends, so that a recording
// does not gather them in memory.
const frameLimit = 64 << 10

// Record returns a connection that does what c does and writes a transcript of
// both directions to w, in the form of the golden frames, whole lines in one Write:
// what is written is one frame per Write, what is read one frame per line, cut
// where the direction changes. How the bytes of an answer happened to arrive
// leaves no trace, so that the same exchanges give the same transcript on every
// kind of connection, the name of the section apart, which is the address. Errors
// of the connection, and that it was closed, become comments. With a clock a comment
// in front of what was said tells when, in s: for a frame that was read, when its last
// byte was.
//
// A transcript that cannot be written does not disturb the connection: the
// first such error is returned by Close, which closes c too. w stays open.
func Record(c Conn, w io.Writer, clock func() time.Duration) Conn {
	r := &recorder{Conn: c, w: w, clock: clock}
	r.late = time.AfterFunc(flushAfter, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.flush()
	})
	r.now()
	r.put(append(appendFrame([]byte(section), []byte(c.String())), '\n'))
	return r
}

type recorder struct {
	Conn
	clock func() time.Duration // nil = no times
	late  *time.Timer          // flushes

	mu     sync.Mutex
	w      io.Writer
	in     []byte // read and not yet a whole frame
	at     string // when what is written next was said
	told   string // that was written last
	failed error  // first error of w
	closed bool
}

// Pending is that of the connection.
func (r *recorder) Pending() int { return pending(r.Conn) }

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.mu.Lock()
	defer r.mu.Unlock()
	if n > 0 {
		r.now()
	}
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
	if len(r.in) > 0 {
		r.late.Reset(flushAfter)
	}
	r.note("read", err)
	return n, err
}

// Write records before it writes: the answer may be read before the
// connection's Write has returned.
func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	r.flush()
	r.now()
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
	r.late.Stop()
	r.flush()
	if !r.closed {
		r.now()
		r.put([]byte(Closed + "\n"))
	}
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
	r.now()
	text := op + ": " + err.Error()
	if op == "read" && errors.Is(err, os.ErrDeadlineExceeded) {
		text = late // whatever else the connection says
	}
	r.put(append(appendFrame([]byte("# "), []byte(text)), '\n'))
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

func (r *recorder) put(line []byte) {
	if r.failed != nil || r.closed {
		return
	}
	if r.at != r.told {
		r.told, line = r.at, append([]byte(r.at), line...)
	}
	_, r.failed = r.w.Write(line)
}

// now takes the time of what is written next.
func (r *recorder) now() {
	if r.clock != nil {
		r.at = fmt.Sprintf("# %.6f\n", r.clock().Seconds())
	}
}

package transport

import (
	"cmp"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// queueLimit bounds the bytes that wait in a queue, in each direction of a
// connection. It holds the longest block that an analyzer sends (a two-way
// sweep of 10001 levels on three channels) so that a slow reader does not stall
// the port.
const queueLimit = 2 << 20

// deadline is a moment that goroutines waiting on a condition variable must
// not sleep through. It is guarded by the lock of that variable.
type deadline struct {
	at    time.Time
	armed time.Time // moment the timer is set for; zero when it is not running
	timer *time.Timer
}

func (d *deadline) passed() bool {
	return !d.at.IsZero() && !time.Now().Before(d.at)
}

// wait waits on cond until it is woken, at the latest by the deadline. The
// timer is left running on return: other waiters may rely on it, and waking
// somebody for nothing does no harm, while stopping and starting it would cost
// every exchange.
func (d *deadline) wait(cond *sync.Cond) {
	if !d.at.IsZero() && !d.armed.Equal(d.at) {
		d.armed = d.at
		if d.timer == nil {
			d.timer = time.AfterFunc(time.Until(d.at), func() {
				cond.L.Lock()
				d.armed = time.Time{}
				cond.Broadcast()
				cond.L.Unlock()
			})
		} else {
			d.timer.Reset(time.Until(d.at))
		}
	}
	cond.Wait()
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
	d.armed = time.Time{}
}

// queue is one direction of a connection: a bounded first-in first-out buffer
// whose two ends have a deadline each and can be closed apart.
type queue struct {
	mu       sync.Mutex
	filled   sync.Cond // bytes arrived, the end came, or the reader's deadline changed
	emptied  sync.Cond // room was made, the reader left, or the writer's deadline changed
	buf      []byte    // bytes not yet read are buf[head:]
	head     int
	limit    int
	end      error // what read returns once the bytes are used up; nil while more may come
	refused  error // what write returns; nil while it is open
	readBy   deadline
	writeBy  deadline
	readGone bool // the reading side was closed by its owner
}

func newQueue(limit int) *queue {
	q := &queue{limit: limit}
	q.filled.L, q.emptied.L = &q.mu, &q.mu
	return q
}

// read takes bytes, waiting for the first one.
func (q *queue) read(p []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		switch {
		case q.readGone:
			return 0, net.ErrClosed
		case len(p) == 0:
			return 0, nil
		case q.readBy.passed():
			return 0, os.ErrDeadlineExceeded
		case q.head < len(q.buf):
			n := copy(p, q.buf[q.head:])
			q.head += n
			if q.head == len(q.buf) {
				q.buf, q.head = q.buf[:0], 0
			}
			q.emptied.Broadcast()
			return n, nil
		case q.end != nil:
			return 0, q.end
		}
		q.readBy.wait(&q.filled)
	}
}

// write puts all of p into the queue, waiting for room.
func (q *queue) write(p []byte) (n int, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		switch {
		case q.refused != nil:
			return n, q.refused
		case q.writeBy.passed():
			return n, os.ErrDeadlineExceeded
		case n == len(p):
			return n, nil
		}
		if room := q.limit - (len(q.buf) - q.head); room > 0 {
			k := min(room, len(p)-n)
			q.add(p[n : n+k])
			n += k
			q.filled.Broadcast()
			if n == len(p) {
				return n, nil
			}
			continue
		}
		q.writeBy.wait(&q.emptied)
	}
}

// add appends p, first moving what is left to the front where that saves
// growing the buffer.
func (q *queue) add(p []byte) {
	if q.head > 0 && len(q.buf)+len(p) > cap(q.buf) {
		q.buf = q.buf[:copy(q.buf, q.buf[q.head:])]
		q.head = 0
	}
	q.buf = append(q.buf, p...)
}

// waiting is the number of bytes that a read would find.
func (q *queue) waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.buf) - q.head
}

func (q *queue) setReadDeadline(t time.Time) {
	q.mu.Lock()
	q.readBy.at = t
	q.filled.Broadcast()
	q.mu.Unlock()
}

func (q *queue) setWriteDeadline(t time.Time) {
	q.mu.Lock()
	q.writeBy.at = t
	q.emptied.Broadcast()
	q.mu.Unlock()
}

// closeWrite ends the stream: reads get what is left and then end; writes fail
// with net.ErrClosed. The first end counts.
func (q *queue) closeWrite(end error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.end = cmp.Or(q.end, end)
	q.refused = cmp.Or(q.refused, net.ErrClosed)
	q.writeBy.stop()
	q.filled.Broadcast()
	q.emptied.Broadcast()
}

// closeRead drops what is left: reads fail with net.ErrClosed, writes of the
// other side with io.ErrClosedPipe.
func (q *queue) closeRead() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.readGone = true
	q.buf, q.head = nil, 0
	q.refused = cmp.Or(q.refused, io.ErrClosedPipe)
	q.readBy.stop()
	q.filled.Broadcast()
	q.emptied.Broadcast()
}

// Package transport connects the program to instruments: byte streams with
// deadlines, and the question-and-answer discipline on top of them.
//
// Terms:
//
//   - A connection (Conn) is a stream of bytes in both directions with a
//     deadline: a serial port, a TCP socket, two ends in one process, or a
//     transcript that is played back. All kinds behave alike; one conformance
//     test runs over every kind.
//   - A frame is what is written in one piece, or one line of an answer.
//   - An exchange is one request and the answers to it.
//   - A link (Link) makes exchanges on a connection, one at a time. It is dirty
//     when an exchange did not end as it should: an answer may still be on its
//     way. A dirty link is resynchronised before the next request, so that a
//     late answer is never taken for the answer to another question.
//
// # Goroutines
//
// A serial connection has one goroutine of its own, the pump, which reads the
// port and fills a bounded buffer; Read takes from the buffer. The libraries
// cannot change a time-out under a read, and one of them cannot be closed under
// one; waiting in the buffer can be woken at any moment. A write runs in a
// goroutine for as long as the operating system keeps it. The other kinds of
// connection need no goroutine. After Close none is left, except for a write
// that the operating system does not give back.
package transport

import (
	"io"
	"time"
)

// Conn is a stream of bytes to an instrument.
//
// Read blocks until there is at least one byte, the deadline has passed or the
// connection has ended; it never returns 0, nil for a buffer with room. Write
// blocks until all bytes are handed to the operating system or the peer. One
// Read, one Write, SetDeadline and Close may run at the same time.
//
// Errors, to be told apart with errors.Is:
//
//   - os.ErrDeadlineExceeded: the deadline passed. The connection can be used on.
//     Bytes of a Write that was late may be on their way.
//   - net.ErrClosed: this end was closed.
//   - anything else: the connection is gone and has to be opened again. io.EOF
//     is the ordered end by the peer; a pulled cable, a reset or a failed port is
//     an *instrument.Error of kind unreachable.
//
// Close is idempotent, and wakes a Read or Write that is under way at once.
type Conn interface {
	io.ReadWriteCloser

	// SetDeadline sets the time after which Read and Write fail, those under way
	// included: they are woken at once when the new deadline has passed already.
	// The zero time means no deadline.
	SetDeadline(t time.Time) error

	// String is the address of the connection in the form that Open accepts,
	// where there is one.
	String() string
}

// pender is a connection that can tell how many bytes have arrived and have not
// been read, without waiting.
type pender interface {
	Pending() int
}

// pending is the number of bytes known to wait in c, 0 where c cannot tell.
func pending(c Conn) int {
	if p, ok := c.(pender); ok {
		return p.Pending()
	}
	return 0
}

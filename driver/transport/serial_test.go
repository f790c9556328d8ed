package transport

import (
	"bytes"
	"errors"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"xlab/instrument"
)

// scriptedPort is a serial library that does what an operating system may do.
type scriptedPort struct {
	write func(p []byte) (int, error)
	close func() error
	got   bytes.Buffer
}

func (p *scriptedPort) Read([]byte) (int, error) { select {} }
func (p *scriptedPort) Close() error             { return p.close() }
func (p *scriptedPort) discard() error           { return nil }
func (p *scriptedPort) Write(b []byte) (int, error) {
	n, err := p.write(b)
	p.got.Write(b[:n])
	return n, err
}

// onPort is a connection whose pump does not run.
func onPort(p *scriptedPort) *serialConn {
	c := &serialConn{address: "serial:scripted", port: p, in: newQueue(queueLimit)}
	c.changed.L = &c.mu
	return c
}

// A write that a signal interrupts goes on where it was.
func TestInterruptedWrite(t *testing.T) {
	text := bytes.Repeat([]byte("0123456789"), writeChunk/5) // two chunks
	calls := 0
	p := &scriptedPort{write: func(b []byte) (int, error) {
		switch calls++; {
		case calls%3 == 1:
			return 0, syscall.EINTR
		case calls%3 == 2:
			return min(len(b), 1000), nil
		}
		return len(b), nil
	}}
	if n, err := onPort(p).Write(text); n != len(text) || err != nil {
		t.Fatalf("wrote %d of %d: %v", n, len(text), err)
	}
	if !bytes.Equal(p.got.Bytes(), text) {
		t.Error("the port got something else")
	}
}

func TestFailedWrite(t *testing.T) {
	for _, cause := range []error{syscall.EIO, nil} { // a port that takes nothing fails too
		calls := 0
		c := onPort(&scriptedPort{write: func(b []byte) (int, error) {
			if calls++; calls > 1 {
				return 0, cause
			}
			return len(b), nil
		}})
		n, err := c.Write(make([]byte, 2*writeChunk))
		if n != writeChunk || instrument.KindOf(err) != instrument.KindUnreachable || cause != nil && !errors.Is(err, cause) {
			t.Errorf("got %d, %v; want %d and %v of kind unreachable", n, err, writeChunk, cause)
		}
		if _, err := c.Read(make([]byte, 1)); instrument.KindOf(err) != instrument.KindUnreachable {
			t.Errorf("reading from the failed port gave %v", err)
		}
	}
}

// Of a write whose deadline has passed, nothing leaves after the chunk that the
// operating system has, and the next write comes after it.
func TestAbandonedWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &scriptedPort{}
		p.write = func(b []byte) (int, error) {
			time.Sleep(time.Minute)
			return len(b), nil
		}
		c := onPort(p)
		late := bytes.Repeat([]byte("x"), 3*writeChunk)
		c.SetDeadline(time.Now().Add(time.Second))
		if n, err := c.Write(late); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("got %d, %v", n, err)
		}
		c.SetDeadline(time.Time{})
		start := time.Now()
		if n, err := c.Write([]byte("next")); n != 4 || err != nil {
			t.Fatalf("got %d, %v", n, err)
		}
		if took := time.Since(start); took != time.Minute-time.Second+time.Minute {
			t.Errorf("it took %v", took)
		}
		if got, want := p.got.String(), string(late[:writeChunk])+"next"; got != want {
			t.Errorf("the port got %d bytes, want %d", len(got), len(want))
		}
	})
}

// An adapter that does not take its bytes keeps the operating system in close,
// and nobody else.
func TestCloseIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := onPort(&scriptedPort{close: func() error {
			time.Sleep(30 * time.Second)
			return nil
		}})
		start := time.Now()
		if err := c.closePort(); instrument.KindOf(err) != instrument.KindTimeout {
			t.Errorf("got %v", err)
		}
		if took := time.Since(start); took != closeGrace {
			t.Errorf("it took %v, want %v", took, closeGrace)
		}
		time.Sleep(time.Minute)
	})
}

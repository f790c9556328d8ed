package fault

import (
	"io"
	"sync"
	"time"
)

// Wrap puts the engine between a box's server and a stream to a host. name is
// the link's.
func (e *Engine) Wrap(name string, rw io.ReadWriteCloser) io.ReadWriteCloser {
	e.mu.Lock()
	defer e.mu.Unlock()
	l := e.link(name)
	c := &end{ReadWriteCloser: rw, engine: e, link: l, closed: make(chan struct{})}
	l.ends[c] = true
	return c
}

// end is the server's end of a stream.
type end struct {
	io.ReadWriteCloser
	engine *Engine
	link   *link
	rest   []byte // of a piece that was too long for the reader

	once   sync.Once
	closed chan struct{}
}

// Read gives the server what came of a piece.
func (c *end) Read(p []byte) (int, error) {
	for len(c.rest) == 0 {
		n, err := c.ReadWriteCloser.Read(p)
		if n == 0 {
			return 0, err
		}
		f := c.engine.heard(c.link, p[:n])
		if f.cut {
			// Whoever else is on the same cable loses the connection as well.
			c.engine.pull(c.link)
			return 0, io.EOF
		}
		if !c.wait(f.wait) {
			return 0, io.EOF
		}
		c.rest = append(c.rest[:0], f.bytes...)
		if len(c.rest) == 0 && err != nil {
			return 0, err
		}
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// Write gives the host what came of an answer.
func (c *end) Write(p []byte) (int, error) {
	f := c.engine.answered(c.link, p)
	if len(f.bytes) > 0 && c.wait(f.wait) {
		// A box does not notice that nobody is there; the next Read tells.
		_, _ = c.ReadWriteCloser.Write(f.bytes)
	}
	return len(p), nil
}

// wait waits unless the stream is closed before.
func (c *end) wait(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.closed:
		return false
	}
}

// Close closes the stream.
func (c *end) Close() error {
	c.once.Do(func() { close(c.closed) })
	c.engine.forget(c)
	return c.ReadWriteCloser.Close()
}

func (e *Engine) forget(c *end) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(c.link.ends, c)
}

// pull closes all streams of a link.
func (e *Engine) pull(l *link) {
	e.mu.Lock()
	var all []*end
	for c := range l.ends {
		all = append(all, c)
	}
	e.mu.Unlock()
	for _, c := range all {
		// A stream that cannot be closed has gone already.
		_ = c.Close()
	}
}

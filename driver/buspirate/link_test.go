package buspirate_test

import (
	"bytes"
	"errors"
	"os"
	"time"
)

// link is a box for these tests: it answers at once, and a read without an
// answer is late at once, so that nothing waits. It is a plain state machine
// of its own and knows no chips: a data byte is answered by its complement.
type link struct {
	state   string // "terminal", "bitbang", "spi"
	zeros   int
	bulk    int
	cs      bool // high
	spiName string

	answers  []byte
	writes   [][]byte // every write
	commands []byte   // commands since SPI mode was entered
	frames   [][]byte // data bytes of every chip-select cycle
	frame    []byte

	silent    int // bytes from the host that get lost
	garble    func(answer []byte) []byte
	readErr   error
	writeErr  error
	closeErr  error
	closed    bool
	deadlines []time.Time
}

func newLink() *link { return &link{state: "terminal", spiName: "SPI1", cs: true} }

func (l *link) String() string { return "test" }
func (l *link) Pending() int   { return len(l.answers) }

func (l *link) SetDeadline(t time.Time) error {
	l.deadlines = append(l.deadlines, t)
	return nil
}

func (l *link) Close() error {
	l.closed = true
	return l.closeErr
}

func (l *link) Write(p []byte) (int, error) {
	if l.closed || l.writeErr != nil {
		return 0, errors.Join(l.writeErr)
	}
	l.writes = append(l.writes, bytes.Clone(p))
	var answer []byte
	for _, c := range p {
		if l.silent > 0 {
			l.silent--
			continue
		}
		answer = append(answer, l.take(c)...)
	}
	if l.garble != nil {
		answer = l.garble(answer)
	}
	l.answers = append(l.answers, answer...)
	return len(p), nil
}

func (l *link) Read(p []byte) (int, error) {
	if l.readErr != nil {
		return 0, l.readErr
	}
	if len(l.answers) == 0 {
		return 0, os.ErrDeadlineExceeded
	}
	n := copy(p, l.answers)
	l.answers = l.answers[n:]
	return n, nil
}

// take is what the box does with one byte.
func (l *link) take(c byte) []byte {
	if l.bulk > 0 {
		l.bulk--
		l.frame = append(l.frame, c)
		return []byte{^c}
	}
	switch l.state {
	case "terminal":
		if c == 0 {
			if l.zeros++; l.zeros == 20 {
				l.state, l.zeros = "bitbang", 0
				return []byte("BBIO1")
			}
		}
		return nil
	case "bitbang":
		switch c {
		case 0:
			return []byte("BBIO1")
		case 1:
			l.state, l.commands, l.cs = "spi", nil, true
			return []byte(l.spiName)
		case 0x0f:
			l.state = "terminal"
			return []byte("\x01\r\nBus Pirate\r\nHiZ>")
		}
		return []byte{0}
	}
	if c == 0 {
		l.state = "bitbang"
		return []byte("BBIO1")
	}
	if c == 1 {
		return []byte(l.spiName)
	}
	l.commands = append(l.commands, c)
	switch {
	case c == 2:
		l.cs, l.frame = false, nil
	case c == 3:
		if !l.cs {
			l.frames = append(l.frames, l.frame)
		}
		l.cs = true
	case c>>4 == 1:
		l.bulk = int(c&15) + 1
	case c>>4 == 4, c>>3 == 0x60>>3, c>>4 == 8:
	default:
		return []byte{0}
	}
	return []byte{1}
}

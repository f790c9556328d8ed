package transport

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"xlab/instrument"
)

// Replayer is a connection that answers from a transcript.
type Replayer struct {
	in     *queue
	frames []frame

	mu      sync.Mutex
	next    int   // frame that comes next
	offset  int   // bytes of it that were written already
	diff    error // first difference
	writeBy deadline
	closed  bool
}

type frame struct {
	line int  // in the transcript, from 1
	out  bool // from the host to the instrument
	late bool // no frame: a read got nothing up to its deadline
	data []byte
}

// DifferenceError tells where what was written first differs from a transcript.
type DifferenceError struct {
	Line int    // of the transcript, from 1; 0 when it had ended
	Want []byte // frame of that line; nil when the transcript had ended
	Got  []byte // what was written in its place, from the beginning of the frame; nil when nothing was any more
}

func (e *DifferenceError) Error() string {
	switch {
	case e.Got == nil:
		return fmt.Sprintf("the transcript was left at line %d, %q", e.Line, excerpt(e.Want))
	case e.Want == nil:
		return fmt.Sprintf("the transcript has ended, and %q was written", excerpt(e.Got))
	}
	return fmt.Sprintf("line %d of the transcript has %q, and %q was written", e.Line, e.Want, excerpt(e.Got))
}

// Replay reads a transcript, as Record writes it or from a section of golden
// frames, and returns a connection that plays the instrument's part. Comments
// and names of sections are skipped.
//
// What is written is compared with the recorded frames as one stream of bytes:
// how it is cut into calls of Write does not matter. When all that comes
// before an answer has been written, the answer can be read. Once the
// transcript is used up, Read returns io.EOF. A difference makes the Write in
// which it is found fail, and everything after it, with an *instrument.Error of
// kind protocol that holds a *DifferenceError.
//
// A transcript that does not parse is an error that names the line.
func Replay(r io.Reader) (*Replayer, error) {
	p := &Replayer{in: newQueue(0)}
	lines := bufio.NewReader(r)
	for number := 1; ; number++ {
		text, err := lines.ReadString('\n')
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("transcript, line %d: %w", number, err)
		}
		f, parseErr := parseLine(strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r"))
		if parseErr != nil {
			return nil, fmt.Errorf("transcript, line %d: %w", number, parseErr)
		}
		if len(f.data) > 0 || f.late {
			f.line = number
			p.frames = append(p.frames, f)
			p.in.limit += len(f.data) // room for every answer, so that play never waits
		}
		if err == io.EOF {
			break
		}
	}
	p.play()
	return p, nil
}

func parseLine(text string) (f frame, err error) {
	switch {
	case text == "# "+late:
		return frame{late: true}, nil
	case text == "", strings.HasPrefix(text, "#"), strings.HasPrefix(text, "=="):
		return frame{}, nil
	case strings.HasPrefix(text, toInstrument):
		f.out = true
	case strings.HasPrefix(text, toHost):
	default:
		return frame{}, fmt.Errorf("%q is no frame: it must begin with %q, %q, \"#\" or \"==\"", text, toInstrument, toHost)
	}
	f.data, err = parseFrame(text[2:])
	return f, err
}

// play lets everything be read that comes before the next frame to be written.
func (p *Replayer) play() {
	for ; p.next < len(p.frames) && !p.frames[p.next].out && !p.frames[p.next].late; p.next++ {
		if _, err := p.in.write(p.frames[p.next].data); err != nil {
			return // closed
		}
	}
	if p.next == len(p.frames) {
		p.in.closeWrite(io.EOF)
	}
}

// pass goes on behind reads that got nothing, at most so many.
func (p *Replayer) pass(most int) {
	for ; most > 0 && p.next < len(p.frames) && p.frames[p.next].late; most-- {
		p.next++
		p.play()
	}
}

// Read returns what the instrument answered.
func (p *Replayer) Read(b []byte) (int, error) {
	n, err := p.in.read(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.pass(1)
	}
	return n, err
}

// Write compares b with the transcript.
func (p *Replayer) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return 0, net.ErrClosed
	case p.writeBy.passed():
		return 0, os.ErrDeadlineExceeded
	}
	for n := 0; n < len(b); {
		if p.diff != nil {
			return n, p.diff
		}
		p.pass(len(p.frames))
		if p.next == len(p.frames) {
			return n, p.differ(&DifferenceError{Got: bytes.Clone(b[n:])})
		}
		f := p.frames[p.next]
		want := f.data[p.offset:]
		k := min(len(want), len(b)-n)
		if !bytes.Equal(want[:k], b[n:n+k]) {
			got := append(bytes.Clone(f.data[:p.offset]), b[n:]...)
			return n, p.differ(&DifferenceError{Line: f.line, Want: f.data, Got: got})
		}
		n += k
		p.offset += k
		if p.offset == len(f.data) {
			p.next, p.offset = p.next+1, 0
			p.play()
		}
	}
	if p.diff != nil {
		return 0, p.diff
	}
	return len(b), nil
}

func (p *Replayer) differ(d *DifferenceError) error {
	p.diff = &instrument.Error{Op: "replay", Kind: instrument.KindProtocol, Err: d,
		Advice: "the program does something else than when the transcript was recorded"}
	p.in.closeWrite(p.diff)
	return p.diff
}

// Check returns the first difference, or a *DifferenceError that names the first line of
// the transcript which was not reached, or nil when all of it was played.
// Answers that nobody read do not count.
func (p *Replayer) Check() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.diff != nil {
		return p.diff
	}
	p.pass(len(p.frames))
	if p.next < len(p.frames) {
		f := p.frames[p.next]
		return &DifferenceError{Line: f.line, Want: f.data[p.offset:]}
	}
	return nil
}

// Played is the number of frames that were played so far.
func (p *Replayer) Played() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next
}

// SetDeadline sets the time after which Read and Write fail.
func (p *Replayer) SetDeadline(t time.Time) error {
	p.mu.Lock()
	p.writeBy.at = t
	p.mu.Unlock()
	p.in.setReadDeadline(t)
	return nil
}

// Close ends the playing. Check can still be asked.
func (p *Replayer) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.in.closeRead()
	return nil
}

func (p *Replayer) String() string { return "transcript" }

// Pending is the number of bytes that could be read now.
func (p *Replayer) Pending() int { return p.in.waiting() }

// excerpt bounds what an error quotes.
func excerpt(b []byte) []byte {
	const limit = 80
	if len(b) <= limit {
		return b
	}
	return append(bytes.Clone(b[:limit]), "..."...)
}

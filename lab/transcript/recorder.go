// Package transcript keeps what is said on the links of a bench and plays it again.
//
// A transcript is a directory with one file per link, in the form of the golden
// frames (driver/transport). Its first line is the version of the program and the
// command; every opening of the link is a section; a comment in front of what was
// said tells when. hwdocs/transcripts.md shows it to people.
package transcript

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"xlab/driver/transport"
	"xlab/run"
	"xlab/run/atomicfile"
)

// Directory is the name of the transcript in a run's directory, of the segment that
// is counted from 1.
func Directory(segment int) string {
	if segment == 1 {
		return "transcript"
	}
	return fmt.Sprintf("transcript-%04d", segment)
}

const (
	extension    = ".txt"
	firstWords   = "# xlab "
	notConnected = "not connected: " // in the place of an address
)

// fileOf is the file of a link, whose name is that in messages.
func fileOf(link string) string {
	return unfit.ReplaceAllString(link, "-") + extension
}

// unfit is what not every system has in the name of a file.
var unfit = regexp.MustCompile(`[^\pL\pN]+`)

// Open opens a link, at first or once more.
type Open func(ctx context.Context) (transport.Conn, error)

// Recorder writes a transcript. Nothing that goes wrong with that touches the links:
// it is said once, and the transcript ends there. A nil recorder records nothing.
type Recorder struct {
	head  []byte
	began time.Time
	say   func(text string)

	mu     sync.Mutex
	dir    string // "" until Into
	files  []*file
	failed error
}

// NewRecorder makes a recorder of a command. What is said before Into says where to is
// held in memory. say shows a person what goes wrong.
func NewRecorder(arguments []string, say func(text string)) *Recorder {
	words, err := json.Marshal(run.RedactArguments(arguments))
	if err != nil {
		words = []byte("[]") // words can be encoded
	}
	r := &Recorder{began: time.Now(), say: say}
	r.head = fmt.Appendf(nil, "%s%s %s\n# times are in s since %s\n", firstWords, run.Program(), words,
		r.began.UTC().Format(time.RFC3339Nano))
	return r
}

// Into says in which directory the transcript is; it is made. Files that are there are
// not replaced.
func (r *Recorder) Into(dir string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dir = dir
	err := os.MkdirAll(dir, atomicfile.PrivateDir)
	for _, f := range r.files {
		if err == nil {
			err = f.open()
		}
	}
	r.fail(err)
}

// Err tells why the transcript has ended early, or nil.
func (r *Recorder) Err() error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// Close ends the transcript. It never fails.
func (r *Recorder) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.files {
		if f.to != nil {
			r.fail(f.to.Close())
		}
	}
	if r.dir == "" && len(r.files) > 0 && r.failed == nil {
		r.say("no run was begun, so that no transcript is kept: `xlab doctor --transcript DIR` keeps one of how the " +
			"bench is opened")
	}
	r.files = nil
	if r.failed == nil {
		r.failed = os.ErrClosed // what hung may still say something
	}
	return nil
}

// fail ends the transcript with an error, if there is one. The caller has the lock.
func (r *Recorder) fail(err error) {
	if err == nil || r.failed != nil {
		return
	}
	r.failed = err
	r.say(fmt.Sprintf("warning: the transcript of the links ends here: %v; the command goes on without it", err))
}

// Line is open with a record of all that is said on the link.
func (r *Recorder) Line(link string, open Open) Open {
	if r == nil {
		return open
	}
	f := r.file(link)
	return func(ctx context.Context) (transport.Conn, error) {
		c, err := open(ctx)
		if err != nil {
			return nil, f.refused(err)
		}
		return transport.Record(c, f, r.clock), nil
	}
}

// clock is the time of the transcript, the same in all files.
func (r *Recorder) clock() time.Duration { return time.Since(r.began) }

// file begins the file of a link.
func (r *Recorder) file(link string) *file {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := &file{of: r, name: fileOf(link)}
	r.files = append(r.files, f)
	if r.dir != "" && r.failed == nil {
		r.fail(f.open())
	}
	return f
}

// file is that of one link.
type file struct {
	of   *Recorder
	name string
	held []byte   // until there is a file
	to   *os.File // nil before
}

// refused keeps why the link could not be opened, and gives it back.
func (f *file) refused(err error) error {
	fmt.Fprintf(f, "# %.6f\n== %s%q\n", f.of.clock().Seconds(), notConnected, err)
	return err
}

func (f *file) open() (err error) {
	f.to, err = os.OpenFile(filepath.Join(f.of.dir, f.name), os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND,
		atomicfile.Private)
	if err == nil {
		_, err = f.to.Write(append(f.of.head, f.held...))
	}
	f.held = nil
	return err
}

// Write takes whole lines. It never fails.
func (f *file) Write(lines []byte) (int, error) {
	f.of.mu.Lock()
	defer f.of.mu.Unlock()
	switch {
	case f.of.failed != nil:
	case f.to == nil:
		f.held = append(f.held, lines...)
	default:
		_, err := f.to.Write(lines)
		f.of.fail(err)
	}
	return len(lines), nil
}

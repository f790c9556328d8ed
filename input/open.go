// Package input opens the files that people name. Each is read up to a bound,
// so that a wrong name (a device, a core dump, last year's data) costs a
// message and not the computer's memory. Pipes are files like others. It knows
// nothing else of the project, and everybody may use it.
package input

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Limits of what is read from one file, in bytes.
const (
	// Text is for what people write: configurations, plans, wiring maps,
	// targets, cases, networks, scripts.
	Text = 16 << 20
	// Record is for what the program writes and reads again: chips, defect maps,
	// results of runs.
	Record = 128 << 20
	// Data is for data sets, whose readers also count the values.
	Data = 1 << 30
)

// TooLargeError is a file that goes on beyond the limit of its kind.
type TooLargeError struct {
	Name  string
	Limit int64 // bytes
}

func (e *TooLargeError) Error() string {
	size := fmt.Sprintf("%d MiB", e.Limit>>20)
	if e.Limit < 1<<20 {
		size = fmt.Sprintf("%d bytes", e.Limit)
	}
	return fmt.Sprintf("%s is larger than %s, the most that is read of a file of this kind: is it the right file?",
		e.Name, size)
}

// Open opens a file or pipe of which at most limit bytes are read. One that is
// longer is a *TooLargeError: at once where its size is known, and else from
// Read when the limit is passed.
func Open(name string, limit int64) (io.ReadCloser, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = fmt.Errorf("%s is a directory, not a file", name)
	case info.Mode().IsRegular() && info.Size() > limit:
		err = &TooLargeError{name, limit}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &bounded{Closer: f, r: f, left: limit, err: &TooLargeError{name, limit}}, nil
}

// bounded gives an error instead of the first byte behind the limit.
type bounded struct {
	io.Closer
	r    io.Reader
	left int64
	err  error
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, b.err
	}
	// One byte more than allowed tells a file that ends at the limit from a
	// longer one.
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n - 1, b.err
	}
	return n, err
}

// ReadFile reads a whole file or pipe of at most limit bytes.
func ReadFile(name string, limit int64) ([]byte, error) {
	f, err := Open(name, limit)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return b, nil
}

// ReadText reads a file that a person wrote, without the byte order mark that
// some editors put in front.
func ReadText(name string) ([]byte, error) {
	f, err := Open(name, Text)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(Decode(f, name))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return b, nil
}

// Decode makes UTF-8 without a byte order mark of a text in UTF-8 or, where
// such a mark says so, UTF-16. Bytes that are no text, or a line longer than Text,
// are an error that names the line.
func Decode(r io.Reader, name string) io.Reader {
	return &text{r: transform.NewReader(r, unicode.BOMOverride(transform.Nop)), name: name, line: 1}
}

// text checks that what passes is text.
type text struct {
	r    io.Reader
	name string
	line int
	size int    // of the line so far
	part []byte // of a character, at the end of the last piece
	err  error
}

func (t *text) Read(p []byte) (int, error) {
	if t.err != nil {
		return 0, t.err
	}
	n, err := t.r.Read(p)
	piece := p[:n]
	if t.part != nil {
		piece, t.part = append(t.part, piece...), nil
	}
	for len(piece) > 0 {
		// What is plain in one go: the rest of the work is for odd characters.
		c, size := rune(piece[0]), 1
		if c >= utf8.RuneSelf {
			if !utf8.FullRune(piece) && err == nil {
				t.part = bytes.Clone(piece)
				break
			}
			c, size = utf8.DecodeRune(piece)
		}
		switch {
		case c == '\n':
			t.line++
			t.size = 0
		case t.size > Text:
			t.err = fmt.Errorf("%s:%d: the line is longer than %d MiB: this is no text", t.name, t.line, Text>>20)
		case c == 0:
			t.err = fmt.Errorf("%s:%d: there is a byte of value 0: this is no text, or UTF-16 without its byte order mark; "+
				"save it as UTF-8", t.name, t.line)
		case c == utf8.RuneError:
			t.err = fmt.Errorf("%s:%d: a character is not UTF-8: this is no text, or in an older encoding; save it as UTF-8",
				t.name, t.line)
		}
		if t.err != nil {
			return 0, t.err
		}
		piece = piece[size:]
		t.size += size
	}
	t.err = err
	return n, err
}

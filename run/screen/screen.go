// Package screen is what a person reads on: a terminal with a width, colours and
// letters of its own, or a log. All text for people passes a Screen, which shows
// what a terminal would act on, fits lines to the width, and writes units in ASCII
// where there are no other letters.
package screen

import (
	"io"
	"os"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/term"
)

// A terminal narrower than narrowest columns is taken for not telling its width, and
// to have the usual one.
const (
	narrowest = 20
	usual     = 80
)

// Options say what is known of a screen.
type Options struct {
	Getenv func(key string) string // for NO_COLOR, TERM and the locale; default os.Getenv
}

// Screen is an io.Writer for text that people read. Its methods may be called by
// several goroutines.
type Screen struct {
	to       io.Writer
	terminal *os.File // nil elsewhere
	plain    bool     // a terminal that cannot draw over what it has shown
	colour   bool
	ascii    bool

	mu      sync.Mutex
	rest    []byte // the beginning of a letter whose end is still to come
	column  int    // of the cursor, from 0
	indent  int    // of the lines that the present one is broken into
	started bool   // the present line has letters
}

// New makes a screen that writes to w. A screen is used as it is.
func New(w io.Writer, o Options) *Screen {
	if s, ok := w.(*Screen); ok {
		return s
	}
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	s := &Screen{to: w, ascii: !UTF8(o.Getenv)}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		s.terminal = f
		s.plain = o.Getenv("TERM") == "dumb"
		s.colour = !s.plain && o.Getenv("NO_COLOR") == ""
	}
	return s
}

// Terminal tells whether a person sits in front of the screen.
func (s *Screen) Terminal() bool { return s.terminal != nil }

// Redraws tells whether a line on the screen can be drawn over.
func (s *Screen) Redraws() bool { return s.terminal != nil && !s.plain }

// Coloured tells whether the screen has colours, and they are wanted.
func (s *Screen) Coloured() bool { return s.colour }

// Width is the number of columns of a terminal as it is now, 0 elsewhere: a log
// has no width.
func (s *Screen) Width() int {
	if s.terminal == nil {
		return 0
	}
	width, _, err := term.GetSize(int(s.terminal.Fd()))
	if err != nil || width < narrowest {
		return usual
	}
	return width
}

// Write shows text: lines are broken between words where the terminal ends. What a
// terminal acts on is made visible also on the way into a pipe, behind which there is
// a terminal most of the time.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := io.WriteString(s.to, s.wrap(s.spelt(Visible(s.finished(p))), s.Width())); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Styled writes text of the program itself that may hold colours and moves of the
// cursor. What is foreign in it has passed Visible.
func (s *Screen) Styled(text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.column, s.started = 0, false
	_, err := io.WriteString(s.to, s.spelt(text))
	return err
}

// Data is where data for other programs goes: it is never broken or spelt
// otherwise, and goes to anything but a terminal as it is.
func (s *Screen) Data() io.Writer {
	if s.terminal == nil {
		return s.to
	}
	return data{s}
}

// Text is foreign text as the screen shows it, on one line.
func (s *Screen) Text(text string) string { return s.spelt(Line(text)) }

func (s *Screen) spelt(text string) string {
	if s.ascii {
		return ASCII(text)
	}
	return text
}

type data struct{ s *Screen }

func (d data) Write(p []byte) (int, error) {
	d.s.mu.Lock()
	defer d.s.mu.Unlock()
	if _, err := io.WriteString(d.s.to, Visible(d.s.finished(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// finished is what can be shown once p has come: all but the beginning of a letter
// whose end is still to come. Under mu.
func (s *Screen) finished(p []byte) string {
	text := string(s.rest) + string(p)
	cut := unfinished(text)
	s.rest = []byte(text[cut:])
	return text[:cut]
}

// unfinished is where the last letter begins if its end is missing, and the
// text's length otherwise.
func unfinished(text string) int {
	for i := len(text) - 1; i >= 0 && i > len(text)-utf8.UTFMax; i-- {
		if !utf8.RuneStart(text[i]) {
			continue
		}
		if !utf8.FullRuneInString(text[i:]) {
			return i
		}
		break
	}
	return len(text)
}

// hanging is by how many columns more than its own a broken line goes on.
const hanging = 2

// wrap breaks lines between words where they would be longer than width columns;
// 0 breaks none. A word that is longer, such as the name of a file, stays whole.
func (s *Screen) wrap(text string, width int) string {
	if width == 0 {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		switch n := strings.IndexFunc(text, func(r rune) bool { return r != ' ' }); {
		case text[0] == '\n':
			b.WriteByte('\n')
			s.column, s.indent, s.started = 0, 0, false
			text = text[1:]
		case n != 0: // blanks
			if n < 0 {
				n = len(text)
			}
			if !s.started {
				s.indent = s.column + n + hanging
			} else if n >= gap && s.column+n < width/2 {
				s.indent = s.column + n // a column of text goes on below itself
			}
			// Blanks before a word that does not fit end the line.
			word := wordWidth(text[n:])
			if s.started && s.column+n+word > width && s.indent+word <= width && n < len(text) && text[n] != '\n' {
				b.WriteString("\n" + strings.Repeat(" ", s.indent))
				s.column = s.indent
			} else {
				b.WriteString(text[:n])
				s.column += n
			}
			text = text[n:]
		default:
			end := strings.IndexAny(text, " \n")
			if end < 0 {
				end = len(text)
			}
			b.WriteString(text[:end])
			if s.column += Width(text[:end]); !s.started {
				s.started, s.indent = true, min(max(s.indent, hanging), width/2)
			}
			text = text[end:]
		}
	}
	return b.String()
}

// wordWidth is the width in columns of the word that text begins with.
func wordWidth(text string) int {
	if end := strings.IndexAny(text, " \n"); end >= 0 {
		text = text[:end]
	}
	return Width(text)
}

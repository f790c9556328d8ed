package transcript

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"xlab/driver/transport"
	"xlab/input"
	"xlab/instrument"
	"xlab/run"
)

// Player plays the instruments' part of a transcript.
type Player struct {
	Program   string   // version that recorded it
	Arguments []string // of the command

	links []*played

	mu   sync.Mutex
	stop func(error)
	end  *End
}

// played is the file of a link.
type played struct {
	file     string
	sections []*section
	whole    bool // its end is the end of what was said
	next     int  // section that is opened next
}

// section is what was said from one opening of the link to the next.
type section struct {
	line     int // it begins at, from 1
	replayer *transport.Replayer
	failed   string // why it could not be opened; "" = it was
}

// End is where a transcript could not be played on.
type End struct {
	File     string `json:"file"`
	Line     int    `json:"line"`          // from 1; 0 = behind the last one
	Recorded string `json:"recorded"`      // what should have been sent there
	Sent     string `json:"sent"`          // what was
	Cut      bool   `json:"cut,omitempty"` // the recording was cut off there: it is no difference
}

func (e *End) Error() string {
	if e.Cut {
		return fmt.Sprintf("%s ends at line %d, in the middle of what was said", e.File, e.Line)
	}
	return fmt.Sprintf("%s:%d: something else is sent than recorded\n  recorded: %s\n  now:      %s", e.File, e.Line,
		e.Recorded, e.Sent)
}

// Load reads the transcript in a directory. Errors are of kind usage and name the place.
func Load(dir string) (*Player, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*"+extension))
	if err != nil || len(files) == 0 {
		return nil, run.Usage(fmt.Errorf("there is no transcript in %s: it is recorded with --transcript", dir))
	}
	var p *Player
	var first string
	for _, file := range files { // in the order of their names
		text, err := input.ReadFile(file, input.Data)
		if err != nil {
			return nil, run.Usage(err)
		}
		head, _, _ := strings.Cut(string(text), "\n")
		if p == nil {
			first, p = head, &Player{stop: func(error) {}}
			program, words, _ := strings.Cut(strings.TrimPrefix(head, firstWords), " ")
			if p.Program = program; !strings.HasPrefix(head, firstWords) || json.Unmarshal([]byte(words), &p.Arguments) != nil {
				return nil, run.Usage(fmt.Errorf("%s:1: this is no transcript: its first line is not %q with a version and "+
					"a command", file, firstWords))
			}
		}
		if head != first {
			return nil, run.Usage(fmt.Errorf("%s:1: it is of another command or version than %s beside it: put together the "+
				"files of one command", file, filepath.Base(files[0])))
		}
		l, err := parse(filepath.Base(file), text)
		if err != nil {
			return nil, run.Usage(fmt.Errorf("%s: %w", file, err))
		}
		p.links = append(p.links, l)
	}
	return p, nil
}

func parse(file string, text []byte) (*played, error) {
	text = text[:bytes.LastIndexByte(text, '\n')+1] // a line that was not written to its end is none
	l := &played{file: file, whole: bytes.HasSuffix(text, []byte("\n"+transport.Closed+"\n"))}
	begin, number := 0, 1
	cut := func(end, line int) (err error) {
		s := &section{line: number}
		if words, failed := bytes.CutPrefix(text[begin:end], []byte(notConnected)); failed {
			words, _, _ = bytes.Cut(words, []byte{'\n'})
			if s.failed, err = strconv.Unquote(string(words)); err != nil {
				return fmt.Errorf("line %d: %w", number, err)
			}
		}
		// Empty lines in front keep the numbers those of the file.
		s.replayer, err = transport.Replay(io.MultiReader(strings.NewReader(strings.Repeat("\n", number-1)),
			bytes.NewReader(text[begin:end])))
		l.sections = append(l.sections, s)
		begin, number = end, line
		return err
	}
	at, line := 0, 1
	for text := range bytes.Lines(text) {
		if bytes.HasPrefix(text, []byte("== ")) {
			if begin == 0 { // what is in front of the first section
				begin, number = at, line
			} else if err := cut(at, line); err != nil {
				return nil, err
			}
		}
		at, line = at+len(text), line+1
	}
	return l, cut(at, line)
}

// Play says who is told, once, that the transcript cannot be played on: what is under
// way has to end then.
func (p *Player) Play(stop func(error)) { p.stop = stop }

// Line opens a link of the transcript, as often as it was opened in the recording.
func (p *Player) Line(link string) Open {
	return func(context.Context) (transport.Conn, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.end != nil {
			return nil, ended(p.end)
		}
		for _, l := range p.links {
			if l.file == fileOf(link) {
				return p.open(l)
			}
		}
		return nil, p.finish(&End{File: fileOf(link), Recorded: "no such link", Sent: "its opening"})
	}
}

// open opens the next section; the caller has the lock.
func (p *Player) open(l *played) (transport.Conn, error) {
	last := l.sections[len(l.sections)-1]
	if l.next == len(l.sections) {
		return nil, p.finish(&End{File: l.file, Line: last.line, Recorded: "the last opening of the link",
			Sent: "one more", Cut: !l.whole})
	}
	s := l.sections[l.next]
	l.next++
	if s.failed != "" {
		return nil, &instrument.Error{Op: "open", Channel: l.file, Kind: instrument.KindUnreachable,
			Err: errors.New(s.failed)}
	}
	return &conversation{Replayer: s.replayer, player: p, link: l, cut: s == last && !l.whole}, nil
}

// finish ends the playing; the caller has the lock.
func (p *Player) finish(e *End) error {
	p.end = e
	p.stop(e)
	return ended(e)
}

// ended is an error that no recovery tries to help with.
func ended(e *End) error {
	return &instrument.Error{Op: "replay", Kind: instrument.KindUsage, Err: e}
}

// conversation is an open link.
type conversation struct {
	*transport.Replayer
	player *Player
	link   *played
	cut    bool // its end is not the end of what was said
}

func (c *conversation) Read(b []byte) (int, error) {
	n, err := c.Replayer.Read(b)
	if err == io.EOF && c.cut {
		err = c.judge(&transport.DifferenceError{})
	}
	return n, err
}

func (c *conversation) Write(b []byte) (int, error) {
	n, err := c.Replayer.Write(b)
	var d *transport.DifferenceError
	if errors.As(err, &d) {
		err = c.judge(d)
	}
	return n, err
}

func (c *conversation) judge(d *transport.DifferenceError) error {
	c.player.mu.Lock()
	defer c.player.mu.Unlock()
	if c.player.end != nil {
		return ended(c.player.end)
	}
	e := &End{File: c.link.file, Line: d.Line, Recorded: strconv.Quote(string(d.Want)), Sent: strconv.Quote(string(d.Got))}
	if d.Want == nil {
		e.Line, e.Recorded, e.Cut = c.Last(), "the end of the connection", c.cut
	}
	return c.player.finish(e)
}

// End tells where the transcript could not be played on, or what is left of it once
// the command has ended; nil = all was played.
func (p *Player) End() *End {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.links {
		for i, s := range l.sections {
			var left *transport.LeftError
			if p.end == nil && (i >= l.next && s.failed != "" || errors.As(s.replayer.Check(), &left)) {
				e := &End{File: l.file, Line: s.line, Recorded: "an opening of the link", Sent: "the end"}
				if left != nil {
					e.Line, e.Recorded = left.Line, strconv.Quote(string(left.Want))
				}
				return e
			}
		}
	}
	return p.end
}

// Frames is how many frames were played.
func (p *Player) Frames() (n int) {
	for _, l := range p.links {
		for _, s := range l.sections {
			n += s.replayer.Played()
		}
	}
	return n
}

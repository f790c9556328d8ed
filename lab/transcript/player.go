package transcript

import (
	"bytes"
	"cmp"
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

	links    map[string][]*section // by file, those that have not been opened; the last one stays
	sections []*section            // of all links

	mu   sync.Mutex
	stop func(error)
	end  *End
}

// section is what was said from one opening of a link to the next, and the link while
// that is played.
type section struct {
	*transport.Replayer
	player *Player
	file   string
	line   int    // its last one, from 1
	cut    bool   // its end is not the end of what was said
	failed string // why the link could not be opened; "" = it was
	opened bool
}

// End is where a transcript could not be played on.
type End struct {
	File     string `json:"file"`
	Line     int    `json:"line"`          // from 1
	Recorded string `json:"recorded"`      // what was sent there
	Sent     string `json:"sent"`          // what is sent now
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
	p := &Player{links: make(map[string][]*section), stop: func(error) {}}
	first := ""
	for _, file := range files { // in the order of their names
		text, err := input.ReadFile(file, input.Data)
		if err != nil {
			return nil, run.Usage(err)
		}
		head, _, _ := strings.Cut(string(text), "\n")
		program, words, _ := strings.Cut(strings.TrimPrefix(head, firstWords), " ")
		switch first = cmp.Or(first, head); {
		case head != first:
			err = fmt.Errorf("%s:1: it is of another command or version than %s beside it: put together the files of one "+
				"command", file, filepath.Base(files[0]))
		case !strings.HasPrefix(head, firstWords) || json.Unmarshal([]byte(words), &p.Arguments) != nil:
			err = fmt.Errorf("%s:1: this is no transcript: its first line is not %q with a version and a command", file,
				firstWords)
		default:
			p.Program = program
			err = p.parse(file, text)
		}
		if err != nil {
			return nil, run.Usage(err)
		}
	}
	return p, nil
}

// parse takes the file of a link apart.
func (p *Player) parse(file string, text []byte) error {
	const begin = "== "
	text = text[:bytes.LastIndexByte(text, '\n')+1] // a line that was not written to its end is none
	s := &section{}
	// The first part is the head.
	for _, part := range bytes.SplitAfter(text, []byte("\n"+begin)) {
		before := s.line
		s = &section{player: p, file: filepath.Base(file), line: before + bytes.Count(part, []byte{'\n'})}
		if words, failed := bytes.CutPrefix(part, []byte(notConnected)); failed {
			words, _, _ = bytes.Cut(words, []byte{'\n'})
			s.failed = string(words)
		}
		// The numbers of the lines are those of the file, with the section's name as a comment.
		var err error
		s.Replayer, err = transport.Replay(io.MultiReader(strings.NewReader(strings.Repeat("\n", before)+"# "),
			bytes.NewReader(bytes.TrimSuffix(part, []byte(begin)))))
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if before > 0 {
			p.links[s.file] = append(p.links[s.file], s)
			p.sections = append(p.sections, s)
		}
	}
	s.cut = !bytes.HasSuffix(text, []byte("\n"+transport.Closed+"\n"))
	return nil
}

// Play says who is told, once, that the transcript cannot be played on: what is under
// way has to end then.
func (p *Player) Play(stop func(error)) { p.stop = stop }

// Line opens a link of the transcript, as often as it was opened in the recording.
func (p *Player) Line(link string) Open {
	return func(context.Context) (transport.Conn, error) {
		left := p.links[fileOf(link)]
		if len(left) == 0 {
			return nil, p.finish(&End{File: fileOf(link), Line: 1, Recorded: "no such link", Sent: "its opening"})
		}
		s := left[0]
		switch {
		case s.opened:
			return nil, p.finish(&End{File: s.file, Line: s.line, Recorded: "the end", Sent: "one more opening of the link",
				Cut: s.cut})
		case len(left) > 1:
			p.links[s.file] = left[1:]
		}
		s.opened = true
		if s.failed != "" {
			return nil, &instrument.Error{Op: "open", Channel: s.file, Kind: instrument.KindUnreachable,
				Err: errors.New(s.failed)}
		}
		return s, nil
	}
}

// finish ends the playing, unless it has ended. Its error is one that no recovery tries
// to help with.
func (p *Player) finish(e *End) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.end == nil {
		p.end = e
		p.stop(e)
	}
	return &instrument.Error{Op: "replay", Kind: instrument.KindUsage, Err: p.end}
}

// Read plays what was read.
func (s *section) Read(b []byte) (int, error) {
	n, err := s.Replayer.Read(b)
	if err == io.EOF && s.cut {
		err = s.player.finish(s.end(&transport.DifferenceError{}))
	}
	return n, err
}

// Write compares what is written.
func (s *section) Write(b []byte) (int, error) {
	n, err := s.Replayer.Write(b)
	if d, ok := errors.AsType[*transport.DifferenceError](err); ok {
		err = s.player.finish(s.end(d))
	}
	return n, err
}

// end is a difference as the end of playing.
func (s *section) end(d *transport.DifferenceError) *End {
	e := &End{File: s.file, Line: cmp.Or(d.Line, s.line), Recorded: "the end", Sent: "the end",
		Cut: s.cut && d.Want == nil}
	if d.Want != nil {
		e.Recorded = strconv.Quote(string(d.Want))
	}
	if d.Got != nil {
		e.Sent = strconv.Quote(string(d.Got))
	}
	return e
}

// End tells where the transcript could not be played on, or what is left of it once
// the command has ended; nil = all was played.
func (p *Player) End() *End {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.sections {
		if d, ok := errors.AsType[*transport.DifferenceError](s.Check()); ok && p.end == nil {
			return s.end(d)
		}
	}
	return p.end
}

// Frames is how many frames were played, and openings of links that failed.
func (p *Player) Frames() (n int) {
	for _, s := range p.sections {
		if n += s.Played(); s.opened && s.failed != "" {
			n++
		}
	}
	return n
}

package run

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"xlab/instrument"
)

// ProgressOptions say how progress is shown. The zero value fits a command.
type ProgressOptions struct {
	Output  io.Writer               // default os.Stderr; never stdout, which is for data
	Label   string                  // what is going on: "form A"
	Already int                     // devices done by earlier segments of the run
	Now     func() time.Time        // wall clock
	Getenv  func(key string) string // for NO_COLOR and TERM; default os.Getenv
}

const (
	redrawEvery = 100 * time.Millisecond // on a terminal
	sparseEvery = time.Minute            // elsewhere, at the latest
	sparseParts = 10                     // elsewhere: one line per so many parts of the whole
	narrowest   = 20                     // columns below which a terminal is taken for not telling its width
)

// Progress shows how far a run is: on a terminal as one line that is drawn
// over, elsewhere as a line now and then, so that a log stays readable. It is a
// harmless observer of events with a total. Failures to write are of no
// consequence and are dropped.
type Progress struct {
	options  ProgressOptions
	terminal *os.File // nil elsewhere
	colour   bool

	mu        sync.Mutex
	began     time.Time
	wall      *Meter
	bench     *Meter             // nil while the bench's time has not been told
	benchTime instrument.Seconds // as last told
	benchZero instrument.Seconds // as first told
	note      string
	drawn     time.Time
	part      int  // of sparseParts that was printed last; -1 before the first
	drawing   bool // an unfinished line stands on the terminal
}

var _ Observer = (*Progress)(nil)

// NewProgress makes a progress display. It writes nothing yet.
func NewProgress(o ProgressOptions) *Progress {
	if o.Output == nil {
		o.Output = os.Stderr
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	p := &Progress{options: o, began: o.Now(), part: -1}
	if f, ok := o.Output.(*os.File); ok && term.IsTerminal(int(f.Fd())) && o.Getenv("TERM") != "dumb" {
		p.terminal = f
		p.colour = o.Getenv("NO_COLOR") == ""
	}
	return p
}

// Observe takes in an event and shows it when it is time to.
func (p *Progress) Observe(e Event) {
	if e.Total <= 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.options.Now()
	seconds := instrument.Seconds(now.Sub(p.began).Seconds())
	if p.wall == nil {
		p.wall = NewMeter(e.Total, p.options.Already, 0)
	}
	p.wall.Advance(e.Done, e.Total, seconds)
	if e.Bench != 0 {
		p.benchTime = e.Bench
		if p.bench == nil {
			// The first device's bench time is lost: when it began is not known.
			p.bench, p.benchZero = NewMeter(e.Total, e.Done, e.Bench), e.Bench
		}
		p.bench.Advance(e.Done, e.Total, e.Bench)
	}
	if e.Note != "" {
		p.note = e.Note
	}
	if p.terminal != nil {
		if e.Done >= e.Total || now.Sub(p.drawn) >= redrawEvery {
			p.draw(now)
		}
		return
	}
	if part := e.Done * sparseParts / e.Total; part != p.part || now.Sub(p.drawn) >= sparseEvery {
		p.part, p.drawn = part, now
		p.print(p.text(now) + "\n")
	}
}

// Message shows a line of text above the progress.
func (p *Progress) Message(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
	p.print(strings.TrimRight(text, "\n") + "\n")
	if p.terminal != nil && p.wall != nil {
		p.draw(p.options.Now())
	}
}

// Close ends the display; what it showed last stays.
func (p *Progress) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drawing {
		p.draw(p.options.Now())
		p.print("\n")
		p.drawing = false
	}
}

func (p *Progress) draw(now time.Time) {
	p.drawn = now
	line := p.text(now)
	width, _, err := term.GetSize(int(p.terminal.Fd()))
	if err != nil || width < narrowest {
		width = 80
	}
	line = cut(line, width-1) // the last column makes some terminals wrap
	if p.colour {
		line = highlight(line, p.options.Label)
	}
	p.print("\r" + line + "\x1b[K")
	p.drawing = true
}

// wipe clears the line that stands on the terminal.
func (p *Progress) wipe() {
	if p.drawing {
		p.print("\r\x1b[K")
		p.drawing = false
	}
}

func (p *Progress) print(text string) {
	// There is nobody to tell that nobody can be told.
	_, _ = io.WriteString(p.options.Output, text)
}

// text is "form A 123/400 (30 %), 4 min 10 s left, bench time 1 h 02 min: r6c2 formed".
func (p *Progress) text(now time.Time) string {
	done, total := p.wall.Done()
	var b strings.Builder
	if p.options.Label != "" {
		b.WriteString(p.options.Label + " ")
	}
	fmt.Fprintf(&b, "%d/%d (%d %%)", done, total, done*100/total)
	seconds := instrument.Seconds(now.Sub(p.began).Seconds())
	if done >= total {
		b.WriteString(", done in " + FormatDuration(seconds))
	} else if left, ok := p.wall.Remaining(seconds); ok {
		b.WriteString(", " + FormatDuration(left) + " left")
	}
	if p.bench != nil {
		b.WriteString(", bench time " + FormatDuration(p.benchTime-p.benchZero))
		if left, ok := p.bench.Remaining(p.benchTime); ok && done < total {
			b.WriteString(" + " + FormatDuration(left))
		}
	}
	if p.note != "" {
		b.WriteString(": " + p.note)
	}
	return b.String()
}

// cut shortens text to at most n characters and leaves out what a terminal
// would act on.
func cut(text string, n int) string {
	var b strings.Builder
	for _, r := range text {
		if r < ' ' || r == 0x7f {
			r = ' '
		}
		if n--; n < 0 {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}

// highlight puts the label in bold type.
func highlight(line, label string) string {
	if label == "" || !strings.HasPrefix(line, label) {
		return line
	}
	return "\x1b[1m" + label + "\x1b[0m" + line[len(label):]
}

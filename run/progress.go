package run

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"xlab/instrument"
	"xlab/run/screen"
)

// ProgressOptions say how progress is shown. The zero value fits a command.
type ProgressOptions struct {
	Output io.Writer               // default os.Stderr; never stdout, which is for data
	Label  string                  // what is going on: "form"
	Quiet  bool                    // until Resume: what is told of was done by earlier segments of the run
	Now    func() time.Time        // wall clock; with one of its own nothing is shown by itself
	Getenv func(key string) string // for NO_COLOR and TERM; default os.Getenv
}

const (
	redrawEvery = 100 * time.Millisecond // on a terminal, at most
	countEvery  = time.Second            // on a terminal, while nothing is told
	lineEvery   = 10 * time.Second       // elsewhere
)

// Progress shows how far a run is, where it is and how long all of it still takes:
// on a terminal as one line that is drawn over, elsewhere as a line every ten
// seconds, so that a log stays readable. It observes events with a
// total. Failures to write are of no consequence and are dropped. Close ends it.
type Progress struct {
	options ProgressOptions
	screen  *screen.Screen
	live    bool // the clock goes on by itself

	mu      sync.Mutex
	began   time.Time
	meter   *Meter
	last    Event // zero before the first
	shown   time.Time
	current bool // what was told last has been shown
	drawing bool // an unfinished line stands on the terminal
	closed  bool
	timer   *time.Timer // shows what is going on while nothing is told
}

var _ Observer = (*Progress)(nil)

// NewProgress makes a progress display. It writes nothing yet.
func NewProgress(o ProgressOptions) *Progress {
	if o.Output == nil {
		o.Output = os.Stderr
	}
	p := &Progress{options: o, screen: screen.New(o.Output, screen.Options{Getenv: o.Getenv})}
	if p.live = o.Now == nil; p.live {
		p.options.Now = time.Now
	}
	p.restart()
	return p
}

// restart lets the time count from now.
func (p *Progress) restart() {
	p.began = p.options.Now()
	p.shown = p.began
	if p.meter == nil {
		p.meter = NewMeter(0)
	}
}

// Observe takes in an event and shows it when it is time to.
func (p *Progress) Observe(e Event) {
	if e.Total <= 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.options.Now()
	kind, steps := e.Kind, e.Done
	if len(e.Ahead) > 0 {
		kind = e.Ahead[0].Kind
	} else {
		e.Ahead = []Work{{Kind: kind, Steps: e.Total - e.Done, Each: 1}}
	}
	// A count that begins again is that of another part of the run.
	if e.Steps > 0 {
		steps = e.Steps
	} else if p.last.Total > 0 && p.last.Phase == e.Phase && p.last.Array == e.Array && e.Done >= p.last.Done {
		steps -= p.last.Done
	}
	p.last = e
	if p.options.Quiet {
		p.meter.Skip(kind, steps, e.Ahead, 0)
		return
	}
	p.meter.Advance(kind, steps, e.Ahead, p.elapsed(now))
	p.current = false
	if p.timer == nil && p.live {
		p.timer = time.AfterFunc(p.every(), p.tick)
	}
	if p.due(now) {
		p.show(now)
	}
}

func (p *Progress) every() time.Duration {
	if p.screen.Redraws() {
		return countEvery
	}
	return lineEvery
}

// due tells whether an event is worth showing.
func (p *Progress) due(now time.Time) bool {
	if p.screen.Redraws() {
		return !p.drawing || p.last.Done >= p.last.Total || now.Sub(p.shown) >= redrawEvery
	}
	return now.Sub(p.shown) >= lineEvery
}

// tick shows what is going on though nothing was told.
func (p *Progress) tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	now := p.options.Now()
	if now.Sub(p.shown) >= p.every() {
		p.show(now)
	}
	p.timer.Reset(max(p.every()-now.Sub(p.shown), redrawEvery))
}

// Resume ends Quiet: from here the run does something, and its time counts. It
// gives what was told last.
func (p *Progress) Resume() Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.options.Quiet = false
	p.restart()
	return p.last
}

// Message shows a line of text above the progress.
func (p *Progress) Message(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	drawn := p.drawing
	p.wipe()
	// There is nobody to tell that nobody can be told.
	_, _ = io.WriteString(p.screen, strings.TrimRight(text, "\n")+"\n")
	if drawn {
		p.show(p.options.Now())
	}
}

// Close ends the display; what it showed last stays.
func (p *Progress) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.closed = true
	if p.timer != nil {
		p.timer.Stop()
	}
	switch now := p.options.Now(); {
	case p.drawing:
		p.show(now)
		_ = p.screen.Styled("\n")
		p.drawing = false
	case !p.current && p.last.Total > 0 && !p.options.Quiet:
		p.show(now)
	}
}

// show draws the line, or prints one.
func (p *Progress) show(now time.Time) {
	p.shown, p.current = now, true
	line := p.screen.Text(p.text(now))
	if !p.screen.Redraws() {
		_, _ = io.WriteString(p.screen, line+"\n")
		return
	}
	line = screen.Cut(line, p.screen.Width()-1) // the last column makes some terminals wrap
	if p.screen.Coloured() {
		line = highlight(line, p.label())
	}
	_ = p.screen.Styled("\r" + line + "\x1b[K")
	p.drawing = true
}

// wipe clears the line that stands on the terminal.
func (p *Progress) wipe() {
	if p.drawing {
		_ = p.screen.Styled("\r\x1b[K")
		p.drawing = false
	}
}

func (p *Progress) elapsed(now time.Time) instrument.Seconds {
	return instrument.Seconds(now.Sub(p.began).Seconds())
}

func (p *Progress) label() string { return strings.TrimSpace(p.options.Label + " " + p.last.Array) }

// text is "form A 123/400 (30 %), 4 min 10 s left: r6c2 formed" or, of a run with
// several parts, "tune A 61 %, 1 min 05 s left: fine 120/238, pass 2". The time that
// is left is always that of the whole run.
func (p *Progress) text(now time.Time) string {
	e := p.last
	var b strings.Builder
	if label := p.label(); label != "" {
		b.WriteString(label + " ")
	}
	count := fmt.Sprintf("%d/%d", e.Done, e.Total)
	left, known := p.meter.Remaining(p.elapsed(now))
	over := known && left == 0
	if e.Phase == "" {
		fmt.Fprintf(&b, "%s (%d %%)", count, e.Done*100/e.Total)
	} else {
		fmt.Fprintf(&b, "%.0f %%", 100*p.meter.Share())
	}
	switch {
	case over:
		b.WriteString(", done in " + FormatDuration(p.elapsed(now)))
	case p.closed:
		b.WriteString(", ended after " + FormatDuration(p.elapsed(now)))
	case known:
		b.WriteString(", " + FormatDuration(left) + " left")
	}
	note := e.Note
	if e.Phase != "" {
		note = strings.TrimSuffix(e.Phase+" "+count+", "+note, ", ")
	}
	if note != "" {
		b.WriteString(": " + note)
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

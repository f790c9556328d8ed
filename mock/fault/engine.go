package fault

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Options of an engine.
type Options struct {
	Devices map[string]Device
	// Do runs acts under the bench's lock, and Now is the bench time in s, which
	// is called under it.
	Do  func(func())
	Now func() float64
	// Tell hears of every fault that happens; nil = nobody.
	Tell func(Happened)
}

// Happened is a fault that has happened.
type Happened struct {
	Fault Fault
	Index int // of the fault in its script
	Piece int // of its link
}

// Engine carries a script out. It is safe for use by the servers of several
// links.
type Engine struct {
	o Options

	mu       sync.Mutex
	rules    []*rule
	links    map[string]*link
	happened []Happened
	err      error // first act that failed
}

// rule is a fault with what has become of it.
type rule struct {
	Fault
	index   int
	chance  *rand.Rand
	matches int  // messages with its text so far
	count   int  // how often it has happened
	until   int  // piece with which it ends, 0 = it is not under way
	over    bool // cannot happen again
}

// link is what is known of the byte stream to a box.
type link struct {
	name   string
	pieces int
	passed [2]int // bytes in each direction
	answer []*rule
	tail   []byte // end of what came, for texts that come in two pieces
	out    bool   // the cable is pulled
	refuse int    // attempts to connect that still fail
	ends   map[*end]bool
}

const (
	inward  = iota // toward the instrument
	outward        // toward the host
)

// New makes an engine of a script that has been checked against the devices;
// it is checked again.
func New(s *Script, o Options) (*Engine, error) {
	if err := s.Check(o.Devices); err != nil {
		return nil, err
	}
	e := &Engine{o: o, links: make(map[string]*link)}
	for i, f := range s.Faults {
		e.rules = append(e.rules, &rule{Fault: f, index: i, chance: rand.New(rand.NewPCG(s.Seed, uint64(i)))})
	}
	return e, nil
}

// Happened lists the faults so far.
func (e *Engine) Happened() []Happened {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.happened)
}

// Err is the first fault that could not be done, nil for none.
func (e *Engine) Err() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err
}

// ErrUnplugged is why a box cannot be connected to.
var ErrUnplugged = errors.New("the cable is not plugged in")

// touch is a piece without bytes: something that a device without a link does,
// such as a disk that is written to.
func (e *Engine) touch(name string) {
	e.mu.Lock()
	l := e.link(name)
	e.mu.Unlock()
	e.heard(l, nil)
}

// Connect tells whether a box can be connected to: with the cable pulled it
// cannot, until as many attempts have failed as the fault says.
func (e *Engine) Connect(name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	l := e.link(name)
	if !l.out {
		return nil
	}
	if l.refuse == 0 {
		l.out = false
		return nil
	}
	l.refuse--
	return ErrUnplugged
}

func (e *Engine) link(name string) *link {
	l := e.links[name]
	if l == nil {
		l = &link{name: name, ends: make(map[*end]bool)}
		e.links[name] = l
	}
	return l
}

// fate is what becomes of some bytes.
type fate struct {
	bytes []byte
	wait  time.Duration
	cut   bool
}

// heard lets faults happen to a piece from the host, and decides which will
// happen to the answer.
func (e *Engine) heard(l *link, p []byte) fate {
	// The bench's lock comes before the engine's own.
	var f fate
	e.o.Do(func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		f = e.piece(l, p)
	})
	return f
}

func (e *Engine) piece(l *link, p []byte) fate {
	l.pieces++
	l.answer = l.answer[:0]
	now := e.o.Now()
	f := fate{bytes: p}
	text := append(l.tail, p...)
	for _, r := range e.rules {
		if r.On != l.name {
			continue
		}
		if r.until > 0 && l.pieces >= r.until {
			r.until = 0
			e.keep(r, e.act(r).Undo)
		}
		if r.over || !e.due(r, l, now, text) {
			continue
		}
		switch {
		case onBytes(r.What) && r.Toward == TowardHost:
			l.answer = append(l.answer, r)
		case onBytes(r.What):
			e.note(r, l)
			f.apply(r, l.passed[inward])
		case r.What == Cut:
			e.note(r, l)
			l.out, l.refuse, f.cut = true, r.Attempts, true
		default:
			e.note(r, l)
			e.keep(r, e.act(r).Do)
			if r.Pieces > 0 {
				r.until = l.pieces + r.Pieces
			}
		}
	}
	l.passed[inward] += len(p)
	l.tail = append(l.tail[:0], text[max(0, len(text)-longestCommand+1):]...)
	return f
}

// longestCommand bounds how much of a text is found where it comes in pieces.
const longestCommand = 64

// due tells whether a rule's trigger is there.
func (e *Engine) due(r *rule, l *link, now float64, text []byte) bool {
	switch {
	case r.Piece > 0:
		return l.pieces >= r.Piece && l.pieces < r.Piece+max(1, r.Times)
	case r.Time > 0:
		return now >= r.Time
	case r.Rate > 0:
		return r.chance.Float64() < r.Rate
	case r.Command != "":
		// What was in the tail already has been counted with it.
		before := bytes.Count(l.tail, []byte(r.Command))
		n := bytes.Count(text, []byte(r.Command)) - before
		if n <= 0 {
			return false
		}
		first := r.matches + 1
		r.matches += n
		return r.matches >= max(1, r.Number) && first < max(1, r.Number)+max(1, r.Times)
	}
	// A byte toward the host is looked for in the answer, which is yet to come.
	return r.Toward == TowardHost || r.Byte-1 < l.passed[inward]+len(text)-len(l.tail)
}

// answered lets faults happen to what a box gives the host.
func (e *Engine) answered(l *link, p []byte) fate {
	e.mu.Lock()
	defer e.mu.Unlock()
	f := fate{bytes: p}
	kept := l.answer[:0]
	for _, r := range l.answer {
		if r.over {
			continue
		}
		if r.Byte > 0 && r.Byte-1 >= l.passed[outward]+len(p) {
			kept = append(kept, r)
			continue
		}
		e.note(r, l)
		f.apply(r, l.passed[outward])
	}
	l.answer = kept
	l.passed[outward] += len(p)
	return f
}

// note remembers that a fault happens.
func (e *Engine) note(r *rule, l *link) {
	r.count++
	if most := r.Times; most > 0 && r.count >= most || most == 0 && r.Rate == 0 {
		r.over = true
	}
	h := Happened{Fault: r.Fault, Index: r.index, Piece: l.pieces}
	e.happened = append(e.happened, h)
	if e.o.Tell != nil {
		e.o.Tell(h)
	}
}

func (e *Engine) act(r *rule) Act { return e.o.Devices[r.On].Acts[r.What] }

func (e *Engine) keep(r *rule, do func(Fault) error) {
	if do == nil {
		return
	}
	if err := do(r.Fault); err != nil && e.err == nil {
		at := cmp.Or(r.place, fmt.Sprintf("fault %d", r.index+1))
		e.err = fmt.Errorf("%s: %s: %w", at, r.Fault, err)
	}
}

// apply does to bytes what a rule says; passed is how many came before them.
func (f *fate) apply(r *rule, passed int) {
	n := len(f.bytes)
	if r.What == Delay {
		f.wait += r.For
		return
	}
	if n == 0 {
		return
	}
	at := r.chance.IntN(n)
	if r.Byte > 0 {
		at = min(max(r.Byte-1-passed, 0), n-1)
	}
	count := max(1, r.Bytes)
	switch r.Bytes {
	case All:
		at, count = 0, n
	case Rest:
		count = n - at
	}
	end := min(at+count, n)
	b := slices.Clone(f.bytes[:at])
	switch some := f.bytes[at:end]; r.What {
	case Lose:
	case Duplicate:
		b = append(append(b, some...), some...)
	default:
		for _, c := range some {
			if r.What == Garble {
				b = append(b, garbled(c, r.chance))
			} else {
				b = append(b, altered(c, r.chance))
			}
		}
	}
	f.bytes = append(b, f.bytes[end:]...)
}

// garbled is a byte after a framing error: the bits of its neighbours are in it,
// and the eighth, which is not set in text, is.
func garbled(c byte, chance *rand.Rand) byte {
	for {
		if other := byte(0x80 | chance.IntN(0x80)); other != c {
			return other
		}
	}
}

// altered is another byte of the same class, which no parser can tell from the
// right one.
func altered(c byte, chance *rand.Rand) byte {
	class := func(low, high byte) byte {
		return low + byte((int(c-low)+1+chance.IntN(int(high-low)))%(int(high-low)+1))
	}
	switch {
	case c >= '0' && c <= '9':
		return class('0', '9')
	case c >= 'A' && c <= 'Z':
		return class('A', 'Z')
	case c == '+':
		return '-'
	case c == '-':
		return '+'
	}
	return c ^ 1<<chance.IntN(7)
}

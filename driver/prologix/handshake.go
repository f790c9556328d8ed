package prologix

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/bits"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"xlab/driver/transport"
	"xlab/instrument"
)

// unrecognised is how the adapter answers a command that it does not know.
const unrecognised = "Unrecognized command"

// attempts is how often a handshake is tried.
func (a *Adapter) attempts() int {
	if !a.opened || a.fresh {
		return 3 // opening the port may have reset the adapter, which is deaf for a second or two
	}
	return 2
}

// stuck is how long the adapter may still be busy with answers that instruments
// do not give.
func (a *Adapter) stuck() time.Duration { return time.Duration(a.reads) * a.o.ReadTimeout }

// patience bounds a handshake with all its attempts, and with the answers to a
// few handshakes that were given up.
func (a *Adapter) patience() time.Duration {
	return time.Duration(a.attempts()+5)*a.o.AnswerTimeout + a.stuck()
}

// setup is what the adapter is told before it is used.
//
// Its first line may be swallowed: an earlier program, or a write that was cut
// off, may have left half a line in the adapter. That half becomes a message
// with ++savecfg in it, which no instrument understands; a bare line end would
// have completed it to a command, perhaps with a number cut short.
func (a *Adapter) setup() []byte {
	const always = "++savecfg 0\n++savecfg 0\n++mode 1\n++auto 0\n++eoi 1\n++eos 2\n++eot_enable 0\n"
	return appendReadTimeout([]byte(always), a.o.ReadTimeout)
}

// greeting is what a handshake sends ahead of its question.
func (a *Adapter) greeting(again bool) []byte {
	b := a.setup()
	if again {
		b = append(b, "++ifc\n"...)
	}
	for rest := a.suspects; rest != 0; rest &= rest - 1 {
		b = fmt.Appendf(b, "++addr %d\n++clr\n", bits.TrailingZeros32(rest))
	}
	return b
}

// Probes follow a greeting after firstProbe, and one another at intervals that
// double up to longestProbe.
const (
	firstProbe   = 50 * time.Millisecond
	longestProbe = 500 * time.Millisecond
)

// handshake brings host and adapter into step. The adapter does one thing
// after the other, so that the answers to a handshake come after everything
// that was asked before: they are the mark from which answers count.
//
// The mark is the version followed by a number that is another one each time.
// The number tells this handshake from one that was cut off and is answered late.
// The version comes first, so that of a late mark it is the version which is met
// in the place of an instrument's answer, where check refuses it; the number
// alone could pass for an answer.
//
// While no answer comes, probes with marks of their own are sent. The mark of a
// probe without that of the greeting before it tells that the greeting was lost:
// it is sent again at once. Where both come the greeting was only late, and host
// and adapter are in step behind the last probe.
func (a *Adapter) handshake(ctx context.Context, w *transport.Wire) error {
	var heard, version string
	end := time.Now().Add(a.patience())
	for attempt := range a.attempts() {
		by := time.Now().Add(a.o.AnswerTimeout)
		if attempt == 0 {
			by = by.Add(a.stuck())
		}
		g := greeted{adapter: a, again: attempt > 0}
		if err := g.greet(w, by); err != nil {
			return err
		}
		named := false // the last line was the version
		for {
			until := by
			if !g.next.IsZero() && g.next.Before(by) {
				until = g.next
			}
			line, err := w.Line(until)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				if !time.Now().Before(by) {
					break
				}
				if err := g.probe(w, by); err != nil {
					return err
				}
				continue
			}
			if err != nil {
				return err
			}
			if v := versionText(line); v != "" {
				// It lives, and may have earlier handshakes to answer first.
				if later := time.Now().Add(a.o.AnswerTimeout); later.After(by) && later.Before(end) {
					by = later
				}
				version, named = v, true
				g.next = time.Time{} // what was sent is being answered
				continue
			}
			told := stale
			if number, err := strconv.Atoi(string(line)); err == nil && named {
				told = g.take(number)
			}
			named = false
			switch told {
			case inStep:
				a.setVersion(version)
				a.suspects, a.reads, a.fresh = 0, 0, false
				return nil
			case waiting:
				continue
			case greetingLost:
				g.again = true
				if err := g.greet(w, by); err != nil {
					return err
				}
				continue
			}
			w.Discard(len(line))
			if heard == "" && len(line) > 0 {
				heard = string(line[:min(len(line), 60)])
			}
		}
	}
	switch {
	case a.opened || version == "" && heard == "":
		return &instrument.Error{Op: "prologix handshake", Kind: instrument.KindTimeout,
			Err: fmt.Errorf("++ver was not answered, %d attempts", a.attempts()),
			Advice: "check that the adapter has power, that the address and baud rate are right, and that no instrument " +
				"blocks the bus"}
	case version == "":
		return &instrument.Error{Op: "prologix handshake", Kind: instrument.KindIdentity,
			Err:    fmt.Errorf("++ver was answered by %q, which names neither Prologix nor AR488", heard),
			Advice: "check that the address is the adapter's and the baud rate right"}
	}
	return &instrument.Error{Op: "prologix handshake", Kind: instrument.KindIdentity,
		Err: fmt.Errorf("%q answered ++ver, but not ++eot_char with the %d it was set to; heard %q", version, a.mark,
			heard),
		Advice: "the adapter's firmware does not follow the Prologix command set: update it"}
}

// greeted is one greeting and the probes behind it.
type greeted struct {
	adapter *Adapter
	again   bool // it is another attempt, which clears the bus as well
	// marks whose answers have not come, oldest first; the first is the greeting's unless that has been met
	pending []int
	met     bool      // the greeting was answered
	next    time.Time // of the next probe; zero = none
	pause   time.Duration
}

// greet sends the greeting. Nothing that was sent before is waited for any more:
// its answers come before those to the greeting, and are stale.
func (g *greeted) greet(w *transport.Wire, by time.Time) error {
	g.pending, g.met = g.pending[:0], false
	g.pause = min(firstProbe, g.adapter.o.AnswerTimeout/8)
	return g.ask(w, by, g.adapter.greeting(g.again))
}

// probe asks as a greeting does, and sets nothing up. An adapter that was deaf for
// a moment has swallowed the greeting and would be waited for in vain, for as long
// as it might still be busy with reading: seconds, in which the sources are not at
// 0 V.
func (g *greeted) probe(w *transport.Wire, by time.Time) error {
	g.pause = min(2*g.pause, longestProbe, g.adapter.o.AnswerTimeout/2)
	return g.ask(w, by, nil)
}

// ask sends what is ahead and a question: for the version and for the end
// character that it has set before to a new mark, and which is not used otherwise,
// since appending it to answers is switched off.
func (g *greeted) ask(w *transport.Wire, by time.Time, ahead []byte) error {
	a := g.adapter
	a.mark = a.mark%255 + 1
	g.pending = append(g.pending, a.mark)
	g.next = time.Now().Add(g.pause)
	return w.Write(fmt.Appendf(ahead, "++eot_char %d\n++ver\n++eot_char\n", a.mark), by)
}

// What the number behind a version tells.
type verdict int

const (
	stale        verdict = iota // it is of an earlier handshake, or no mark at all
	waiting                     // it is one of this handshake's, and others follow
	inStep                      // nothing more comes
	greetingLost                // a probe was answered and the greeting was not
)

func (g *greeted) take(mark int) verdict {
	at := slices.Index(g.pending, mark)
	switch {
	case at < 0:
		return stale
	case at > 0 && !g.met:
		return greetingLost
	}
	g.met = true
	if g.pending = g.pending[at+1:]; len(g.pending) > 0 {
		return waiting
	}
	return inStep
}

func (a *Adapter) setVersion(version string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.opened && a.version != version && a.o.Logger != nil {
		a.o.Logger.Warn("the adapter names itself differently than before", "address", a.String(), "before", a.version, "now",
			version)
	}
	a.version = version
}

// versionText is the answer to ++ver in a line, or "". Half an answer of an
// instrument may stand before it, which then is not part of it.
func versionText(line []byte) string {
	const longest = 1000 // data of a measurement need not be searched
	if len(line) > longest {
		line = line[len(line)-longest:]
	}
	for _, name := range []string{"Prologix", "AR488"} {
		if at := bytes.Index(line, []byte(name)); at >= 0 {
			return string(line[at:])
		}
	}
	return ""
}

func isAR488(version string) bool { return strings.HasPrefix(version, "AR488") }

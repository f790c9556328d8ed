package blueprint

import (
	"bufio"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"xlab/driver/transport"
	"xlab/instrument"
)

// peer is the other end of the wire: the SM1 with a resistor of 50 kohm from each
// channel to ground. It is written from hwdocs/blueprint.md and shares no code with
// the driver: an encoder that both used would hide its own mistakes.
type peer struct {
	conn transport.Conn

	mu      sync.Mutex
	volts   [5]float64 // at the outputs now, by channel
	highest float64    // largest magnitude ever
	on      bool
	seconds float64
	sent    int           // bytes received so far
	hold    chan struct{} // answers wait while this is open; nil: no waiting
	answer  map[string]string
}

// newPeer starts a box and gives a link to it.
func newPeer(t *testing.T) (*peer, *transport.Link) {
	near, far := transport.Pipe()
	p := &peer{conn: far, answer: map[string]string{}}
	over := make(chan struct{})
	go func() {
		defer close(over)
		p.serve()
	}()
	// A short silence is enough to resynchronise with a peer in this process.
	link := transport.NewLink(near, transport.LinkOptions{Name: "SM1", Quiet: 20 * time.Millisecond})
	t.Cleanup(func() {
		p.release()
		link.Close()
		far.Close()
		<-over
	})
	return p, link
}

func (p *peer) serve() {
	lines := bufio.NewScanner(p.conn)
	for lines.Scan() {
		p.mu.Lock()
		p.sent += len(lines.Text()) + 1
		hold := p.hold
		p.mu.Unlock()
		if hold != nil {
			<-hold
		}
		p.mu.Lock()
		reply := p.obey(lines.Text())
		if changed, is := p.answer[lines.Text()]; is {
			reply = changed
		}
		p.mu.Unlock()
		if _, err := p.conn.Write([]byte(reply + "\n")); err != nil {
			return
		}
	}
}

func (p *peer) obey(command string) string {
	words := strings.Split(command, " ")
	header, rest := words[0], words[1:]
	seconds, err := 0.0, error(nil)
	if header == "WAIT" || header == "CURR?" || header == "PULS" {
		if len(rest) == 0 {
			return "error 1 not understood"
		}
		seconds, err = strconv.ParseFloat(rest[0], 64)
		rest = rest[1:]
	}
	var levels [][3]float64
	for _, word := range rest {
		var l [3]float64
		if n, bad := fmt.Sscanf(word, "%g,%g,%g", &l[0], &l[1], &l[2]); n < 3 || bad != nil {
			err = bad
		}
		levels = append(levels, l)
	}
	force := header == "VOLT" || header == "PULS"
	switch {
	case err != nil, force != (len(levels) > 0):
		return "error 1 not understood"
	case force && !p.on:
		return "error 3 output is off"
	}
	for _, l := range levels {
		p.volts[int(l[0])] = l[1]
		p.highest = math.Max(p.highest, math.Abs(l[1]))
	}
	p.seconds += seconds
	switch header {
	case "*IDN?":
		return "Example,SM1,4711,1.0"
	case "ON", "OFF":
		p.on, p.volts = header == "ON", [5]float64{}
	case "CURR?":
		return p.currents()
	case "PULS":
		reading := p.currents()
		for _, l := range levels {
			p.volts[int(l[0])] = 0
		}
		return reading
	case "TIME?":
		return fmt.Sprint(p.seconds)
	case "VOLT", "WAIT":
	default:
		return "error 1 not understood"
	}
	return "ok"
}

func (p *peer) currents() string {
	var texts []string
	for _, v := range p.volts[1:] {
		texts = append(texts, strconv.FormatFloat(v/50e3, 'g', 7, 64)+",0")
	}
	return strings.Join(texts, " ")
}

// see runs f while the box stands still.
func (p *peer) see(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

func (p *peer) bytes() (n int) {
	p.see(func() { n = p.sent })
	return n
}

// stall makes the box receive and not answer, until release.
func (p *peer) stall() {
	p.see(func() { p.hold = make(chan struct{}) })
}

func (p *peer) release() {
	p.see(func() {
		if p.hold != nil {
			close(p.hold)
			p.hold = nil
		}
	})
}

// says makes the box answer a command with something else.
func (p *peer) says(command, answer string) {
	p.see(func() { p.answer[command] = answer })
}

var limits = instrument.Limits{MinVoltage: -1, MaxVoltage: 2, MaxSpan: 2, MaxCurrent: 1e-3, MaxWidth: 0.1,
	Origin: "test"}

// open gives a device that has been opened, and its far side.
func open(t *testing.T, l instrument.Limits) (*Device, *peer) {
	t.Helper()
	p, link := newPeer(t)
	d := New(link, Options{Limits: l})
	if p.bytes() != 0 {
		t.Fatal("New sent something")
	}
	if err := d.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d, p
}

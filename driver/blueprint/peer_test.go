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

// peer is the other end of the wire: the SM1 with a resistor of 50 kohm to
// ground. It is written from the protocol in doc.go and shares no code with the
// driver: an encoder that both used would hide its own mistakes.
type peer struct {
	conn transport.Conn

	mu      sync.Mutex
	volts   float64 // at the output now
	highest float64 // largest magnitude ever
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
	header, rest, _ := strings.Cut(command, " ")
	var x []float64
	for _, s := range strings.Split(rest, ",") {
		if v, err := strconv.ParseFloat(s, 64); err == nil {
			x = append(x, v)
		}
	}
	is := func(name string, arguments int) bool { return header == name && len(x) == arguments }
	switch {
	case is("*IDN?", 0):
		return "Example,SM1,4711,1.0"
	case is("ON", 0), is("OFF", 0):
		p.on, p.volts = header == "ON", 0
	case is("VOLT", 2):
		if !p.on {
			return "error 3 output is off"
		}
		p.force(x[0])
	case is("WAIT", 1):
		p.seconds += x[0]
	case is("CURR?", 1):
		p.seconds += x[0]
		return p.current()
	case is("PULS", 3):
		p.force(x[0])
		p.seconds += x[2]
		reading := p.current()
		p.force(0)
		return reading
	case is("TIME?", 0):
		return fmt.Sprint(p.seconds)
	default:
		return "error 1 " + command
	}
	return "ok"
}

func (p *peer) force(v float64) {
	p.volts = v
	p.highest = math.Max(p.highest, math.Abs(v))
}

func (p *peer) current() string { return strconv.FormatFloat(p.volts/50e3, 'g', 7, 64) + ",0" }

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

package prologix

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"xlab/driver/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// peer is an adapter with scripted instruments, written from
// hwdocs/prologix.md for these tests. It does one line after the other.
type peer struct {
	conn        transport.Conn
	version     string
	deaf        time.Duration            // since its start, during which it loses what is sent
	before      string                   // is sent ahead of the first answer to ++ver
	instruments map[int]*peerInstrument  // by address
	intercept   func(line string) string // what the adapter says in place of carrying out a line; "" = carry it out

	mu       sync.Mutex
	settings map[string]string // as the ++ commands left them
	seen     []string          // lines in order, unescaped, adapter commands with ++
}

// peerInstrument answers messages. The answers wait until they are read.
type peerInstrument struct {
	answer func(message string) string        // "" = no answer
	delay  func(message string) time.Duration // before the answer is there
	status func() byte

	got    []string
	clears int
	ready  []pendingAnswer
}

type pendingAnswer struct {
	text string
	at   time.Time
}

func newPeer(c transport.Conn) *peer {
	return &peer{
		conn: c, version: "Prologix GPIB-USB Controller version 6.107",
		instruments: map[int]*peerInstrument{}, settings: map[string]string{"auto": "1", "read_tmo_ms": "200"},
	}
}

// echoing answers every message with itself, except for settings.
func echoing() *peerInstrument {
	return &peerInstrument{answer: func(m string) string {
		if strings.HasPrefix(m, "set ") {
			return ""
		}
		return m
	}}
}

func (p *peer) serve() {
	start := time.Now()
	in := make([]byte, 4096)
	var line []byte
	escaped, data := false, false // data: the line does not begin with two bare plus signs
	for {
		n, err := p.conn.Read(in)
		if err != nil {
			return
		}
		if time.Since(start) < p.deaf {
			continue
		}
		for _, c := range in[:n] {
			switch {
			case escaped:
				escaped = false
				data = data || len(line) < 2
				line = append(line, c)
			case c == 0x1b:
				escaped = true
			case c == '\n' || c == '\r':
				if len(line) == 0 {
					continue
				}
				if err := p.do(string(line), data); err != nil {
					return
				}
				line, data = line[:0], false
			default:
				data = data || len(line) < 2 && c != '+'
				line = append(line, c)
			}
		}
	}
}

func (p *peer) do(line string, data bool) error {
	p.mu.Lock()
	p.seen = append(p.seen, line)
	p.mu.Unlock()
	if p.intercept != nil {
		if say := p.intercept(line); say != "" {
			_, err := io.WriteString(p.conn, say)
			return err
		}
	}
	address, _ := strconv.Atoi(p.setting("addr"))
	at := p.instruments[address]
	if data || !strings.HasPrefix(line, "++") {
		if at != nil {
			at.take(line)
		}
		return nil
	}
	name, value, _ := strings.Cut(line[2:], " ")
	switch name {
	case "ver":
		_, err := io.WriteString(p.conn, p.before+p.version+"\r\n")
		p.before = ""
		return err
	case "read":
		text := p.read(at)
		if text == "" {
			return nil
		}
		_, err := io.WriteString(p.conn, text+"\r\n")
		return err
	case "spoll":
		var status byte
		if at != nil && at.status != nil {
			status = at.status()
		}
		_, err := fmt.Fprintf(p.conn, "%d\r\n", status)
		return err
	case "clr":
		if at != nil {
			at.clears++
			at.ready = nil
		}
	case "ifc":
	default:
		if value == "" {
			_, err := io.WriteString(p.conn, p.setting(name)+"\r\n")
			return err
		}
		p.mu.Lock()
		p.settings[name] = value
		p.mu.Unlock()
	}
	return nil
}

func (p *peer) setting(name string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.settings[name]
}

// lines takes the lines seen so far.
func (p *peer) lines() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := strings.Join(p.seen, "|")
	p.seen = nil
	return all
}

func (i *peerInstrument) take(message string) {
	i.got = append(i.got, message)
	text := i.answer(message)
	if text == "" {
		return
	}
	at := time.Now()
	if i.delay != nil {
		at = at.Add(i.delay(message))
	}
	i.ready = append(i.ready, pendingAnswer{text, at})
}

// read waits for an answer as long as ++read_tmo_ms says.
func (p *peer) read(i *peerInstrument) string {
	ms, _ := strconv.Atoi(p.setting("read_tmo_ms"))
	limit := time.Duration(ms) * time.Millisecond
	if i == nil || len(i.ready) == 0 || time.Until(i.ready[0].at) > limit {
		time.Sleep(limit)
		return ""
	}
	time.Sleep(time.Until(i.ready[0].at))
	text := i.ready[0].text
	i.ready = i.ready[1:]
	return text
}

// withPeer runs a test in virtual time against a peer that prepare has set up.
func withPeer(t *testing.T, prepare func(p *peer), test func(t *testing.T, c transport.Conn, p *peer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		// What still sleeps in the peer finds its connection closed.
		defer time.Sleep(24 * time.Hour)
		near, far := transport.Pipe()
		defer near.Close()
		defer far.Close()
		p := newPeer(far)
		if prepare != nil {
			prepare(p)
		}
		go p.serve()
		test(t, near, p)
	})
}

// withAdapter is withPeer with an adapter that was opened.
func withAdapter(t *testing.T, o Options, prepare func(p *peer), test func(t *testing.T, a *Adapter, p *peer)) {
	t.Helper()
	withPeer(t, prepare, func(t *testing.T, c transport.Conn, p *peer) {
		a, err := Open(t.Context(), c, o)
		if err != nil {
			t.Fatal(err)
		}
		p.lines()
		test(t, a, p)
	})
}

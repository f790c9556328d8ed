package scpi

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"xlab/driver/transport"
	"xlab/instrument"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// peer is a small SCPI instrument: VALUE? counts up, so that no two answers are
// alike, and the rest is IEEE 488.2.
type peer struct {
	conn transport.Conn

	mu     sync.Mutex
	value  int
	ese    string
	queue  []string
	idn    string
	silent bool    // answers are dropped
	said   *string // said once in place of a value, as it is
	last   string  // value that was said last
	hold   chan struct{}
	writes [][]byte
}

// watched notes what is written in one piece.
type watched struct {
	transport.Conn
	peer *peer
}

func (w watched) Write(p []byte) (int, error) {
	w.peer.see(func() { w.peer.writes = append(w.peer.writes, bytes.Clone(p)) })
	return w.Conn.Write(p)
}

func newPeer(t *testing.T, o Options) (*Instrument, *peer) {
	near, far := transport.Pipe()
	p := &peer{conn: far, idn: "Example,SM1,4711,1.0", ese: "0"}
	over := make(chan struct{})
	go func() {
		defer close(over)
		p.serve()
	}()
	i := New(watched{near, p}, o)
	t.Cleanup(func() {
		p.resume()
		i.Close()
		far.Close()
		<-over
	})
	return i, p
}

func (p *peer) see(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

func (p *peer) stall() { p.see(func() { p.hold = make(chan struct{}) }) }
func (p *peer) resume() {
	p.see(func() {
		if p.hold != nil {
			close(p.hold)
			p.hold = nil
		}
	})
}

func (p *peer) serve() {
	lines := bufio.NewScanner(p.conn)
	for lines.Scan() {
		var answer string
		var hold chan struct{}
		var raw *string
		p.see(func() {
			answer = p.obey(lines.Text())
			if lines.Text() == "VALUE?" {
				raw, p.said = p.said, nil
			}
			hold = p.hold
			if p.silent {
				answer = ""
			}
		})
		if hold != nil {
			<-hold
		}
		if raw != nil {
			if _, err := p.conn.Write([]byte(*raw)); err != nil {
				return
			}
			continue
		}
		if answer != "" {
			if _, err := p.conn.Write([]byte(answer + "\r\n")); err != nil {
				return
			}
		}
	}
}

func (p *peer) obey(line string) string {
	header, rest, _ := strings.Cut(line, " ")
	switch header {
	case "":
	case "*IDN?":
		return p.idn
	case "*ESE":
		p.ese = rest
	case "*ESE?":
		return p.ese
	case "VALUE?":
		p.value++
		p.last = strconv.Itoa(p.value)
		return p.last
	case queueQuery:
		if len(p.queue) == 0 {
			return `0,"No error"`
		}
		first := p.queue[0]
		p.queue = p.queue[1:]
		return first
	default:
		p.queue = append(p.queue, `-113,"Undefined header;`+line+`"`)
	}
	return ""
}

func opened(t *testing.T, o Options) (*Instrument, *peer) {
	t.Helper()
	i, p := newPeer(t, o)
	if _, err := i.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return i, p
}

func TestOneWrite(t *testing.T) {
	i, p := opened(t, Options{})
	p.see(func() { p.writes = nil })
	answers, err := i.Converse(t.Context(), 0, 0, "VALUE?", "*ESE 7", "*ESE?", "VALUE?")
	if err != nil || strings.Join(answers, " ") != "1 7 2" {
		t.Errorf("%q, %v", answers, err)
	}
	p.see(func() {
		if len(p.writes) != 1 || string(p.writes[0]) != "VALUE?\n*ESE 7\n*ESE?\nVALUE?\nSYST:ERR?\n" {
			t.Errorf("written: %q", p.writes)
		}
	})
}

func TestErrorQueue(t *testing.T) {
	i, p := opened(t, Options{Name: "box"})
	p.see(func() { p.queue = []string{`-222,"Data out of range;FOO ""9"""`} })
	answers, err := i.Converse(t.Context(), 0, 0, "NONSENSE", "VALUE?")
	var q *QueueError
	if instrument.KindOf(err) != instrument.KindInstrument || !errors.As(err, &q) || len(q.Entries) != 2 ||
		len(answers) != 1 {
		t.Fatalf("%q, %v", answers, err)
	}
	if q.Entries[0] != (Entry{-222, `Data out of range;FOO "9"`}) || q.Entries[1].Detail() != "NONSENSE" {
		t.Errorf("%+v", q.Entries)
	}
	if !strings.HasPrefix(err.Error(), "box [") || !strings.Contains(err.Error(), "cannot carry it out") {
		t.Errorf("%v", err)
	}
	if answers, err := i.Converse(t.Context(), 0, 0, "VALUE?"); err != nil || answers[0] != "2" {
		t.Errorf("afterwards: %q, %v", answers, err)
	}
}

func TestQueueThatIsNeverEmpty(t *testing.T) {
	i, p := opened(t, Options{})
	p.see(func() {
		for range 2 * longestQueue {
			p.queue = append(p.queue, `-350,"Queue overflow"`)
		}
	})
	if _, err := i.Converse(t.Context(), 0, 0, "VALUE?"); instrument.KindOf(err) != instrument.KindInstrument ||
		!strings.Contains(err.Error(), "not empty after") {
		t.Errorf("%v", err)
	}
}

func TestErrorsFromBefore(t *testing.T) {
	var log bytes.Buffer
	i, p := newPeer(t, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	p.see(func() { p.queue = []string{`-100,"Command error"`, `7,"Too hot"`} })
	left, err := i.Open(t.Context())
	if err != nil || len(left) != 2 || left[1] != (Entry{7, "Too hot"}) || !strings.Contains(log.String(), "Too hot") {
		t.Errorf("%v, %v, %s", left, err, log.String())
	}
}

func TestOneMessagePerLine(t *testing.T) {
	i, p := opened(t, Options{})
	p.see(func() { p.writes = nil })
	for _, messages := range [][]string{nil, {""}, {" "}, {"VALUE?\nVALUE?"}, {"*ESE 1;VALUE?"}, {"VALUE?", "*CLS\r"}} {
		if _, err := i.Converse(t.Context(), 0, 0, messages...); instrument.KindOf(err) != instrument.KindUsage {
			t.Errorf("%q: %v", messages, err)
		}
	}
	p.see(func() {
		if len(p.writes) != 0 {
			t.Errorf("written: %q", p.writes)
		}
	})
}

// A late answer is never taken for the answer to the next question, however
// often that happens and whoever gives up first.
func TestLateAnswers(t *testing.T) {
	i, p := opened(t, Options{Answer: 15 * time.Millisecond})
	for round := range 8 {
		p.stall()
		ctx, cancel := context.WithCancel(t.Context())
		if round%2 == 0 {
			cancel = func() {} // the time runs out instead
		} else {
			time.AfterFunc(5*time.Millisecond, cancel)
		}
		answers, err := i.Converse(ctx, 0, 0, "VALUE?")
		cancel()
		if kind := instrument.KindOf(err); kind != instrument.KindTimeout && kind != instrument.KindCancelled ||
			answers != nil {
			t.Fatalf("round %d: %q, %v", round, answers, err)
		}
		if round%3 == 2 { // the handshake is given up as well
			if _, err := i.Converse(t.Context(), 0, 0, "VALUE?"); instrument.KindOf(err) != instrument.KindTimeout {
				t.Fatalf("round %d: %v", round, err)
			}
		}
		p.resume()
		var want int
		for { // a slow machine may need another attempt
			answers, err = i.Converse(t.Context(), time.Second, 0, "VALUE?")
			if err == nil || instrument.KindOf(err) != instrument.KindTimeout {
				break
			}
		}
		p.see(func() { want = p.value })
		if err != nil || answers[0] != strconv.Itoa(want) {
			t.Fatalf("round %d: %q, %v; the last answer was %d", round, answers, err, want)
		}
	}
}

func TestOutOfStep(t *testing.T) {
	i, p := opened(t, Options{})
	cause := errors.New("that is no value")
	if err := i.OutOfStep(t.Context(), cause); instrument.KindOf(err) != instrument.KindProtocol ||
		!errors.Is(err, cause) {
		t.Errorf("%v", err)
	}
	p.see(func() { p.writes = nil })
	if answers, err := i.Converse(t.Context(), 0, 0, "VALUE?"); err != nil || answers[0] != "1" {
		t.Errorf("%q, %v", answers, err)
	}
	p.see(func() {
		if len(p.writes) != 2 || !strings.HasPrefix(string(p.writes[0]), "\n*IDN?\n*ESE?\n*ESE ") {
			t.Errorf("no handshake: %q", p.writes)
		}
	})
}

func TestHandshakeFailures(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*peer)
		kind   instrument.Kind
		text   string
	}{
		"silent":        {func(p *peer) { p.silent = true }, instrument.KindTimeout, "not answered, 3 attempts"},
		"not SCPI":      {func(p *peer) { p.idn = "login:" }, instrument.KindIdentity, `"login:", which is no identity`},
		"four readings": {func(p *peer) { p.idn = "+1E0,2,3,4" }, instrument.KindIdentity, "which is no identity"},
	} {
		// Only who has to run into the time-out has a short one.
		o := Options{Answer: 300 * time.Millisecond}
		if c.kind == instrument.KindTimeout {
			o.Answer = 15 * time.Millisecond
		}
		i, p := newPeer(t, o)
		p.see(func() { c.change(p) })
		if _, err := i.Open(t.Context()); instrument.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v of kind %q", name, err, instrument.KindOf(err))
		}
	}
	// A register that does not keep its number cannot mark anything.
	i, _ := newPeer(t, Options{Answer: 300 * time.Millisecond, Register: "VALUE", Lowest: 100, Highest: 200})
	if _, err := i.Open(t.Context()); instrument.KindOf(err) != instrument.KindIdentity ||
		!strings.Contains(err.Error(), "and not VALUE?") {
		t.Errorf("%v", err)
	}
}

// Half a line that an earlier program left in the instrument does no harm.
func TestHalfALineFromBefore(t *testing.T) {
	i, p := newPeer(t, Options{})
	if _, err := i.link.Exchange(t.Context(), []byte("VAL"), 0, time.Second); err != nil {
		t.Fatal(err)
	}
	left, err := i.Open(t.Context())
	if err != nil || len(left) > 1 {
		t.Errorf("%v, %v", left, err)
	}
	p.see(func() {
		if p.value != 0 {
			t.Error("half a query was completed")
		}
	})
}

// An instrument that was switched off and on has forgotten its mark.
func TestRestarted(t *testing.T) {
	i, p := opened(t, Options{})
	for round, off := range []bool{false, true, false} {
		if err := i.OutOfStep(t.Context(), errors.New("x")); err == nil {
			t.Fatal("no error")
		}
		if off {
			p.see(func() { p.ese = "0" })
		}
		if _, err := i.Converse(t.Context(), 0, 0, "VALUE?"); err != nil {
			t.Fatal(err)
		}
		if was, err := i.Restarted(t.Context()); err != nil || was != off {
			t.Errorf("round %d: %v, %v", round, was, err)
		}
	}
}

// The same where its line stayed up, which a question for the mark finds out.
func TestVerify(t *testing.T) {
	i, p := opened(t, Options{})
	restarted := func() bool {
		t.Helper()
		was, err := i.Restarted(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return was
	}
	verify := func() error { return i.Verify(t.Context()) }
	if err := verify(); err != nil || restarted() {
		t.Errorf("nothing has happened: %v", err)
	}
	p.see(func() { p.ese = "0" })
	if err := verify(); err != nil || !restarted() {
		t.Errorf("switched off and on: %v", err)
	}
	if err := verify(); err != nil || restarted() {
		t.Errorf("told twice: %v", err)
	}
	for _, other := range []string{"77", "x"} { // a late answer, perhaps
		p.see(func() { p.ese = other })
		if err := verify(); instrument.KindOf(err) != instrument.KindProtocol || restarted() {
			t.Errorf("mark %s: %v", other, err)
		}
		if err := verify(); err != nil {
			t.Errorf("in step again: %v", err)
		}
	}
	if err := i.Resynchronise(t.Context()); err != nil || restarted() {
		t.Errorf("%v", err)
	}
	p.see(func() { p.ese = "0" })
	if err := i.Resynchronise(t.Context()); err != nil || !restarted() {
		t.Errorf("switched off and on: %v", err)
	}
	if err := i.Reopen(t.Context()); instrument.KindOf(err) != instrument.KindUsage {
		t.Errorf("%v", err)
	}
}

func TestClosed(t *testing.T) {
	i, _ := opened(t, Options{})
	if err := i.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := i.Converse(t.Context(), 0, 0, "VALUE?"); instrument.KindOf(err) != instrument.KindUnreachable {
		t.Errorf("%v", err)
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]float64{"0": 0, "+1.234500E-01": 0.12345, "-2.5": -2.5, ".5": 0.5, "7.": 7,
		"1e3": 1000, "+9.8E37": 9.8e37} {
		if x, err := Number(text); err != nil || x != want {
			t.Errorf("%q: %v, %v", text, x, err)
		}
	}
	for text, want := range map[string]error{
		"+9.900000E+37": ErrOverRange, "-9.9E37": ErrOverRange, "9.91E37": ErrNoValue, "1E99": ErrOverRange,
		"": ErrForm, "NaN": ErrForm, "Inf": ErrForm, "0x10": ErrForm, "1_0": ErrForm, "1 ": ErrForm, "1E": ErrForm,
		"--1": ErrForm, "1E999": ErrForm, ".": ErrForm,
	} {
		if x, err := Number(text); !errors.Is(err, want) {
			t.Errorf("%q: %v, %v, want %v", text, x, err, want)
		}
	}
	if _, err := Numbers("1,2,9.9E37", 3); err == nil {
		t.Error("over range passed")
	} else if place := (*PlaceError)(nil); !errors.As(err, &place) || place.Index != 2 || !errors.Is(err, ErrOverRange) {
		t.Errorf("%v", err)
	}
	if _, err := Numbers("1,2", 3); !errors.Is(err, ErrForm) {
		t.Errorf("%v", err)
	}
}

// What is written in any of the three forms is read back, as the same number.
func TestNumberRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64Range(-9.8e37, 9.8e37).Draw(t, "x")
		for _, text := range []string{strconv.FormatFloat(x, 'E', -1, 64), strconv.FormatFloat(x, 'f', -1, 64)} {
			if got, err := Number(text); err != nil || got != x {
				t.Fatalf("%q: %v, %v", text, got, err)
			}
		}
	})
}

func TestParseEntry(t *testing.T) {
	for _, text := range []string{"", "0", "0,No error", `x,"No error"`, `-1,"`, `1.5,"a"`, `"No error"`} {
		if e, err := parseEntry(text); !errors.Is(err, ErrForm) {
			t.Errorf("%q: %v, %v", text, e, err)
		}
	}
}

func ExampleNumbers() {
	values, err := Numbers("+1.234500E-01,-2.5,0", 3)
	fmt.Println(values, err)
	_, err = Numbers("+1.234500E-01,+9.900000E+37,0", 3)
	fmt.Println(err)
	// Output:
	// [0.12345 -2.5 0] <nil>
	// value 2: over range: +9.900000E+37
}

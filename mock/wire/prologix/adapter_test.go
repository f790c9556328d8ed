package prologix

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"xlab/mock/bench"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeBench is a clock under a lock. What is not overridden here is not used.
type fakeBench struct {
	bench.Terminals
	mu     sync.Mutex
	inside bool
	clock  float64
}

func (f *fakeBench) Do(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inside = true
	do()
	f.inside = false
}

func (f *fakeBench) Hold(seconds float64) {
	if !f.inside || !(seconds >= 0) {
		panic(fmt.Sprintf("hold of %g s, inside Do: %v", seconds, f.inside))
	}
	f.clock += seconds
}

func (f *fakeBench) Now() float64 { return f.clock }

// device answers what it was told to answer and takes its time.
type scripted struct {
	bench   *fakeBench
	got     []string
	answers map[string]string // by message without its line end
	takes   map[string]float64
	waiting []string
	status  byte
	clears  int
	trigger int
}

func (s *scripted) Write(message []byte) {
	s.got = append(s.got, string(message))
	m := strings.TrimRight(string(message), "\r\n")
	s.bench.Hold(s.takes[m])
	if answer, ok := s.answers[m]; ok {
		s.waiting = append(s.waiting, answer)
	}
}

func (s *scripted) Read() ([]byte, bool) {
	if len(s.waiting) == 0 {
		return nil, false
	}
	answer := s.waiting[0]
	s.waiting = s.waiting[1:]
	return []byte(answer), true
}

func (s *scripted) StatusByte() byte      { return s.status }
func (s *scripted) BusyStatusByte() byte  { return s.status &^ 17 }
func (s *scripted) DeviceClear()          { s.clears++; s.waiting = nil }
func (s *scripted) Trigger()              { s.trigger++ }
func (s *scripted) RequestsService() bool { return s.status&64 != 0 }

// rig is an adapter with instruments at 17 and 5.
type rig struct {
	*Adapter
	bench *fakeBench
	at17  *scripted
	at5   *scripted
}

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{bench: &fakeBench{}}
	a, err := New(r.bench, DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	r.Adapter = a
	r.at17 = &scripted{bench: r.bench, status: 17, takes: map[string]float64{}, answers: map[string]string{
		"*IDN?":  "Agilent Technologies,B1500A,0,A.06.01.2016.0902\r\n",
		"ERRX?":  "+0,\"No Error.\"\r\n",
		"TI 1,0": "000AI+1.00000E-06\r\n",
	}}
	r.at5 = &scripted{bench: r.bench, answers: map[string]string{}}
	for address, in := range map[int]Instrument{17: r.at17, 5: r.at5} {
		if err := a.Attach(address, in); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// host is a stream that gives its text in pieces and collects what it is told.
type host struct {
	text  string
	piece int
	out   bytes.Buffer
}

func (h *host) Read(p []byte) (int, error) {
	if h.text == "" {
		return 0, io.EOF
	}
	n := min(len(h.text), h.piece, len(p))
	copy(p, h.text[:n])
	h.text = h.text[n:]
	return n, nil
}

func (h *host) Write(p []byte) (int, error) { return h.out.Write(p) }
func (h *host) Close() error                { return nil }

// say serves a host that says text and returns what it is told.
func (r *rig) say(t testing.TB, text string) string {
	t.Helper()
	h := &host{text: text, piece: 1 << 20}
	if err := r.Serve(context.Background(), h); err != nil {
		t.Fatal(err)
	}
	return h.out.String()
}

// took is the virtual time of an exchange.
func (r *rig) took(t testing.TB, text string) float64 {
	t.Helper()
	before := r.bench.clock
	r.say(t, text)
	return r.bench.clock - before
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-12 }

func TestControllerLines(t *testing.T) {
	for _, c := range []struct{ say, want string }{
		{"++ver\n", "Prologix GPIB-USB Controller version 6.107\r\n"},
		{"++addr 17\n++addr\n", "17\r\n"},
		{"++addr 9 96\r\n++addr\r\n", "9 96\r\n"},
		{"++addr 31\n++addr\n", "Unrecognized command\r\n0\r\n"},
		{"++auto 1\n++auto\n", "1\r\n"},
		{"++eos 3\n++eos\n", "3\r\n"},
		{"++eos 4\n", "Unrecognized command\r\n"},
		{"++eoi\n", "1\r\n"},
		{"++eot_enable 1\n++eot_enable\n++eot_char 42\n++eot_char\n", "1\r\n42\r\n"},
		{"++mode\n++mode 0\n++mode\n", "1\r\n0\r\n"},
		{"++read_tmo_ms 3000\n++read_tmo_ms\n++read_tmo_ms 3001\n++read_tmo_ms 0\n",
			"3000\r\nUnrecognized command\r\nUnrecognized command\r\n"},
		{"++savecfg\n++savecfg 1\n++savecfg\n", "0\r\n1\r\n"},
		{"++addr 17\n++spoll\n++spoll 5\n++spoll 30\n++spoll 31\n", "17\r\n0\r\n0\r\nUnrecognized command\r\n"},
		{"++srq\n", "0\r\n"},
		{"++loc\n++llo\n++ifc\n++lon 0\n", ""},
		{"++nonsense\n", "Unrecognized command\r\n"},
		{"++\n", "Unrecognized command\r\n"},
		{"++read nonsense\n", "Unrecognized command\r\n"},
		{"\n\r\n\r", ""},
		{"   \n", ""},
		{"++trg 5 99\n", "Unrecognized command\r\n"},
	} {
		if got := newRig(t).say(t, c.say); got != c.want {
			t.Errorf("%q: got %q, want %q", c.say, got, c.want)
		}
	}
	if help := newRig(t).say(t, "++help\n"); strings.Count(help, "++") != 22 {
		t.Errorf("help: %q", help)
	}
}

func TestDataLines(t *testing.T) {
	for _, c := range []struct {
		say  string
		want []string
	}{
		{"++eos 0\nA\n", []string{"A\r\n"}},
		{"++eos 1\nA\n", []string{"A\r"}},
		{"++eos 2\nA\rB\n", []string{"A\n", "B\n"}},
		{"++eos 3\nA\n", []string{"A"}},
		// Without EOI and a line end the message goes on.
		{"++eos 3\n++eoi 0\nA\nB\n++eos 2\nC\n", []string{"ABC\n"}},
		{"++eos 1\n++eoi 0\nA\n++ifc\n++eos 2\nC\n", []string{"C\n"}},
		{"++eos 2\n1+2\x1b+3\n", []string{"12+3\n"}},
		{"++eos 2\n+7\n", []string{"7\n"}},
		{"++eos 2\n\x1b+\x1b+ver\n", []string{"++ver\n"}},
		{"++eos 2\na\x1b\nb\x1b\rc\x1b\x1bd\n", []string{"a\nb\rc\x1bd\n"}},
		{"++mode 0\nA\n", nil},
		{"++eos 2\n" + strings.Repeat("x", longestLine+1) + "\nA\n", []string{"A\n"}},
	} {
		r := newRig(t)
		if got := r.say(t, "++addr 17\n"+c.say); got != "" {
			t.Errorf("%.60q answered %q", c.say, got)
		}
		if fmt.Sprintf("%q", r.at17.got) != fmt.Sprintf("%q", c.want) {
			t.Errorf("%.60q: instrument got %.60q, want %q", c.say, r.at17.got, c.want)
		}
	}
}

func TestReading(t *testing.T) {
	const two = "++eos 2\n++addr 17\nERRX?\nTI 1,0\n"
	for _, c := range []struct{ say, want string }{
		{two + "++read eoi\n++read eoi\n", "+0,\"No Error.\"\r\n000AI+1.00000E-06\r\n"},
		{two + "++read\n", "+0,\"No Error.\"\r\n000AI+1.00000E-06\r\n"},
		{two + "++read 44\n++read 44\n++read eoi\n", "+0,\"No Error.\"\r\n000AI+1.00000E-06\r\n"},
		{two + "++read 44\n++clr\n++read eoi\n", "+0,"},
		{two + "++read 44\n++ifc\n++read eoi\n", "+0,000AI+1.00000E-06\r\n"},
		{two + "++read 10\n", "+0,\"No Error.\"\r\n"},
		{two + "++read 13\n++read 10\n", "+0,\"No Error.\"\r\n"},
		{"++auto 1\n++addr 17\nERRX?\nDZ\nTI 1,0\n", "+0,\"No Error.\"\r\n000AI+1.00000E-06\r\n"},
		{"++eot_enable 1\n++eot_char 64\n" + two + "++read eoi\n", "+0,\"No Error.\"\r\n@"},
		{"++addr 17\n++read eoi\n", ""},
		{"++addr 20\nERRX?\n++read eoi\n", ""},
	} {
		if got := newRig(t).say(t, c.say); got != c.want {
			t.Errorf("%q: got %q, want %q", c.say, got, c.want)
		}
	}
}

func TestBusCommands(t *testing.T) {
	r := newRig(t)
	r.at17.status = 80
	if got := r.say(t, "++addr 17\n++clr\n++trg\n++trg 5 17\n++srq\n"); got != "1\r\n" {
		t.Errorf("got %q", got)
	}
	if r.at17.clears != 1 || r.at5.clears != 0 || r.at17.trigger != 2 || r.at5.trigger != 1 {
		t.Errorf("clears %d and %d, triggers %d and %d", r.at17.clears, r.at5.clears, r.at17.trigger, r.at5.trigger)
	}
}

// TestLatency checks the time model: one round trip at ++addr, here three
// answers free, then a round trip each; 10 us a transfer and 1 us a byte.
func TestLatency(t *testing.T) {
	r := newRig(t)
	r.options.Latency = Latency{RoundTrip: 2e-3, Block: 10e-6, Byte: 1e-6, FreeAnswers: 3}
	r.say(t, "++eos 2\n++read_tmo_ms 3000\n")
	const answer, question = 16, 6 // bytes of the answer and of ERRX? with their ends
	one := 2*10e-6 + (answer+question)*1e-6
	ask := "ERRX?\n++read eoi\n"
	if len("+0,\"No Error.\"\r\n") != answer {
		t.Fatal("wrong length in this test")
	}
	for n, want := range []float64{2e-3, 2e-3 + one, 2e-3 + 2*one, 2e-3 + 3*one, 4e-3 + 4*one, 6e-3 + 5*one} {
		if got := r.took(t, "++addr 17\n"+strings.Repeat(ask, n)); !near(got, want) {
			t.Errorf("%d answers: %g s, want %g s", n, got, want)
		}
	}
	if got, want := r.took(t, "++addr 17\n++read eoi\n"), 2e-3+3; !near(got, want) {
		t.Errorf("read time-out: %g s, want %g s", got, want)
	}
	if got, want := r.took(t, "++addr 17\nERRX?\n++read\n"), 2e-3+one+3; !near(got, want) {
		t.Errorf("read until time-out: %g s, want %g s", got, want)
	}
}

// TestBusyInstrument: an instrument at work is polled as busy, keeps a short
// read waiting and times a long one out, and what the adapter does meanwhile
// takes no time of its own.
func TestBusyInstrument(t *testing.T) {
	r := newRig(t)
	r.say(t, "++eos 2\n++read_tmo_ms 3000\n++addr 17\n")
	r.at17.takes["XE"] = 2
	r.at17.answers["XE"] = "data\r\n"
	before := r.bench.clock
	if got := r.say(t, "XE\n++spoll\n++spoll\n++read eoi\n"); got != "0\r\n17\r\ndata\r\n" {
		t.Errorf("polled: %q", got)
	}
	// XE and its bytes, then all but the second poll and the answer's bytes are
	// within the two seconds.
	if got, want := r.bench.clock-before, (10e-6+3e-6)+2+(10e-6+1e-6)+(10e-6+6e-6); !near(got, want) {
		t.Errorf("took %.9f s, want %.9f s", got, want)
	}

	before = r.bench.clock
	if got := r.say(t, "++addr 17\nXE\n++read eoi\n"); got != "data\r\n" {
		t.Errorf("short wait: %q", got)
	}
	if got, want := r.bench.clock-before, 2e-3+13e-6+2+16e-6; !near(got, want) {
		t.Errorf("took %.9f s, want %.9f s", got, want)
	}

	r.at17.takes["XE"] = 7
	before = r.bench.clock
	if got := r.say(t, "++addr 17\nXE\n++read eoi\n++read eoi\n"); got != "" {
		t.Errorf("a read of 3 s gave %q of a measurement of 7 s", got)
	}
	if got, want := r.bench.clock-before, 2e-3+13e-6+7; !near(got, want) {
		t.Errorf("took %.9f s, want %.9f s: the time-outs lie within the measurement", got, want)
	}
	if got := r.say(t, "++read eoi\n"); got != "data\r\n" {
		t.Errorf("third read: %q", got)
	}
}

func TestFaults(t *testing.T) {
	r := newRig(t)
	r.say(t, "++savecfg 1\n++eos 2\n++savecfg 0\n++addr 17\n++auto 1\n")
	r.bench.Do(func() { r.Silence(true) })
	if got := r.say(t, "++ver\nERRX?\n"); got != "" || len(r.at17.got) != 0 {
		t.Errorf("silent adapter said %q, instrument got %q", got, r.at17.got)
	}
	r.bench.Do(r.PowerCycle)
	if got := r.say(t, "++eos\n++auto\n++addr\n++savecfg\n"); got != "2\r\n0\r\n0\r\n0\r\n" {
		t.Errorf("after the power cycle: %q", got)
	}
}

// A bus that stands still lets nothing through, and every way of clearing it
// helps.
func TestHangingBus(t *testing.T) {
	for _, clear := range []string{"++clr\n", "++ifc\n", "++rst\n++addr 17\n", ""} {
		r := newRig(t)
		r.say(t, "++addr 17\n++eos 2\n")
		r.bench.Do(r.Hang)
		r.at17.answers["B"] = "data\r\n"
		if got := r.say(t, "A\n++read eoi\n++spoll\n++eos\n"); got != "0\r\n2\r\n" || len(r.at17.got) != 0 {
			t.Errorf("hanging bus: the host got %q, the instrument %q", got, r.at17.got)
		}
		if clear == "" {
			r.bench.Do(r.PowerCycle)
			clear = "++addr 17\n"
		}
		if got := r.say(t, clear+"B\n++read eoi\n"); got != "data\r\n" ||
			strings.TrimSpace(r.at17.got[len(r.at17.got)-1]) != "B" {
			t.Errorf("after %q: the host got %q, the instrument %q", clear, got, r.at17.got)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	if _, err := New(nil, DefaultOptions()); err == nil {
		t.Error("no bench was accepted")
	}
	if _, err := New(&fakeBench{}, Options{}); err == nil {
		t.Error("empty options were accepted")
	}
	o := DefaultOptions()
	o.Latency.Byte = math.NaN()
	if _, err := New(&fakeBench{}, o); err == nil {
		t.Error("a latency of NaN was accepted")
	}
	r := newRig(t)
	for address, in := range map[int]Instrument{17: r.at5, 31: r.at5, -1: r.at5, 4: nil} {
		if err := r.Attach(address, in); err == nil {
			t.Errorf("address %d was accepted", address)
		}
	}
}

// TestSeveralHosts: one host after the other and two at once, with the settings
// kept and half lines forgotten.
func TestSeveralHosts(t *testing.T) {
	r := newRig(t)
	r.say(t, "++addr 17\n++eos 2\nhalf a li")
	if got := r.say(t, "ERRX?\n++read eoi\n"); got != "+0,\"No Error.\"\r\n" {
		t.Errorf("second host: %q", got)
	}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for range 50 {
				if got := r.say(t, "++spoll 17\n"); got != "17\r\n" {
					t.Errorf("got %q", got)
				}
			}
		})
	}
	wg.Wait()
}

// TestPieces: how the stream is cut changes neither answers nor time.
func TestPieces(t *testing.T) {
	text := "++eos 2\n++addr 17\nTI 1,0\n++read eoi\nA\x1b\nB\nERRX?\n++read eoi\n++spoll\n"
	var first string
	var clock float64
	for _, piece := range []int{1 << 20, 1, 2, 7, 16} {
		r := newRig(t)
		h := &host{text: text, piece: piece}
		if err := r.Serve(context.Background(), h); err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first, clock = h.out.String(), r.bench.clock
		}
		if h.out.String() != first || r.bench.clock != clock {
			t.Errorf("in pieces of %d: %q at %g s, want %q at %g s", piece, h.out.String(), r.bench.clock, first, clock)
		}
	}
}

func TestServeEnds(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(context.Background())
	ours, theirs := net.Pipe()
	done := make(chan error)
	go func() { done <- r.Serve(ctx, ours) }()
	if _, err := theirs.Write([]byte("++ver\n")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 8)
	if _, err := io.ReadFull(theirs, b); err != nil || string(b) != "Prologix" {
		t.Fatalf("%q, %v", b, err)
	}
	cancel() // while the rest of the answer waits to be read
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Serve did not end with its context")
	}
	if _, err := theirs.Read(b); err == nil {
		t.Error("the stream is still open")
	}
	theirs.Close()

	if err := r.Serve(context.Background(), &broken{}); err == nil || !strings.Contains(err.Error(), "cable") {
		t.Errorf("a broken stream ended with %v", err)
	}
	if err := r.Serve(context.Background(), &broken{quiet: true}); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a stream that gives nothing ended with %v", err)
	}
}

// broken is a stream that fails or gives nothing at all.
type broken struct {
	host
	quiet bool
}

func (b *broken) Read([]byte) (int, error) {
	if b.quiet {
		return 0, nil
	}
	return 0, errors.New("cable pulled")
}

package transport

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"testing"
	"time"

	"github.com/creack/pty"
	"go.uber.org/goleak"

	"xlab/instrument"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen before it calls it a
// hang. No test asserts how long something takes.
const patience = time.Minute

// far is the instrument's end of a connection under test.
type far interface {
	io.ReadWriteCloser
}

// kinds are all kinds of connection that two ends can be had of. orderly says
// that what was written before the far end closed is still delivered; a
// pseudo-terminal drops it when it hangs up, as a pulled cable does.
var kinds = []struct {
	name    string
	orderly bool
	open    func(t *testing.T) (Conn, far)
}{
	{"pipe", true, openPipe},
	{"tcp", true, openLoopback},
	{"serial-bugst", false, func(t *testing.T) (Conn, far) { return openPTY(t, "?library=bugst") }},
	{"serial-tarm", false, func(t *testing.T) (Conn, far) { return openPTY(t, "?library=tarm") }},
	{"recorded", true, func(t *testing.T) (Conn, far) {
		c, f := openPipe(t)
		return Record(c, io.Discard, nil), f
	}},
}

func openPipe(t *testing.T) (Conn, far) {
	a, b := Pipe()
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func openLoopback(t *testing.T) (Conn, far) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
		}
		accepted <- c
	}()
	c, err := open(t.Context(), "tcp:"+l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	f := <-accepted
	t.Cleanup(func() { c.Close(); f.Close() })
	return c, f
}

func openPTY(t *testing.T, options string) (Conn, far) {
	master, slave, err := pty.Open()
	if errors.Is(err, pty.ErrUnsupported) {
		t.Skip("this operating system has no pseudo-terminals")
	}
	if err != nil {
		t.Fatal(err)
	}
	c, err := open(t.Context(), "serial:"+slave.Name()+options)
	if err != nil {
		t.Fatal(err)
	}
	// Only now: a master without any slave open reads as an error.
	if err := slave.Close(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); master.Close() })
	return c, master
}

// result is what a Read or Write gave.
type result struct {
	n   int
	err error
}

func reading(c io.Reader) <-chan result {
	done := make(chan result, 1)
	go func() {
		n, err := c.Read(make([]byte, 16))
		done <- result{n, err}
	}()
	return done
}

func await(t *testing.T, what string, done <-chan result) result {
	t.Helper()
	select {
	case r := <-done:
		return r
	case <-time.After(patience):
		t.Fatalf("%s hangs", what)
		return result{}
	}
}

// letBlock gives a goroutine the time to get stuck where the test wants it; the
// test holds, and only shows less, when it was not enough.
func letBlock() { time.Sleep(20 * time.Millisecond) }

func mustRead(t *testing.T, r io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	done := make(chan result, 1)
	go func() {
		n, err := io.ReadFull(r, got)
		done <- result{n, err}
	}()
	if res := await(t, "reading", done); res.err != nil || string(got) != want {
		t.Fatalf("read %q, %v; want %q", got[:res.n], res.err, want)
	}
}

func mustWrite(t *testing.T, w io.Writer, s string) {
	t.Helper()
	if n, err := w.Write([]byte(s)); n != len(s) || err != nil {
		t.Fatalf("wrote %d of %d bytes: %v", n, len(s), err)
	}
}

func wantLate(t *testing.T, r result) {
	t.Helper()
	if r.n != 0 || !errors.Is(r.err, os.ErrDeadlineExceeded) {
		t.Fatalf("got %d, %v; want 0 and os.ErrDeadlineExceeded", r.n, r.err)
	}
}

// TestConformance holds every kind of connection to the contract of Conn.
func TestConformance(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			for name, test := range map[string]func(*testing.T, Conn, far, bool){
				"both ways":                   testBothWays,
				"every byte value":            testEveryByte,
				"deadline in the past":        testPastDeadline,
				"deadline passes":             testDeadlinePasses,
				"deadline moved under a read": testDeadlineMoved,
				"late answer is not lost":     testLateAnswer,
				"close under a read":          testCloseUnderRead,
				"close twice":                 testCloseTwice,
				"far end goes under a read":   testFarEndGoes,
				"write deadline":              testWriteDeadline,
				"close under a write":         testCloseUnderWrite,
				"big transfer":                testBigTransfer,
				"order at the end":            testOrderAtTheEnd,
				"pending":                     testPending,
				"empty buffers":               testEmptyBuffers,
			} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					c, f := kind.open(t)
					test(t, c, f, kind.orderly)
				})
			}
		})
	}
}

func testBothWays(t *testing.T, c Conn, f far, _ bool) {
	for range 3 {
		mustWrite(t, c, "*IDN?\n")
		mustRead(t, f, "*IDN?\n")
		mustWrite(t, f, "ACME,1\r\n")
		mustRead(t, c, "ACME,1\r\n")
	}
	if c.String() == "" {
		t.Error("the connection has no name")
	}
}

// Nothing between the ends may interpret bytes: no echo, no flow control
// characters, no line ends translated.
func testEveryByte(t *testing.T, c Conn, f far, _ bool) {
	var all []byte
	for b := range 256 {
		all = append(all, byte(b))
	}
	mustWrite(t, c, string(all))
	mustRead(t, f, string(all))
	mustWrite(t, f, string(all))
	mustRead(t, c, string(all))
}

func testPastDeadline(t *testing.T, c Conn, f far, _ bool) {
	if err := c.SetDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	wantLate(t, await(t, "reading late", reading(c)))
	n, err := c.Write([]byte("x"))
	wantLate(t, result{n, err})
	if err := c.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	testBothWays(t, c, f, true)
}

func testDeadlinePasses(t *testing.T, c Conn, f far, _ bool) {
	for range 3 {
		if err := c.SetDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		wantLate(t, await(t, "reading with a deadline", reading(c)))
		wantLate(t, await(t, "reading after the deadline", reading(c)))
	}
	c.SetDeadline(time.Now().Add(patience))
	testBothWays(t, c, f, true)
}

func testDeadlineMoved(t *testing.T, c Conn, f far, _ bool) {
	// From none, from far away, and from near to far and back.
	for _, before := range []time.Time{{}, time.Now().Add(time.Hour)} {
		c.SetDeadline(before)
		done := reading(c)
		letBlock()
		c.SetDeadline(time.Unix(1, 0))
		wantLate(t, await(t, "a read whose deadline was moved to the past", done))
	}
	c.SetDeadline(time.Now().Add(time.Hour))
	done := reading(c)
	letBlock()
	c.SetDeadline(time.Now().Add(time.Millisecond))
	wantLate(t, await(t, "a read whose deadline was moved nearer", done))

	c.SetDeadline(time.Now().Add(50 * time.Millisecond))
	done = reading(c)
	c.SetDeadline(time.Now().Add(time.Hour))
	time.Sleep(60 * time.Millisecond)
	mustWrite(t, f, "in time")
	if r := await(t, "a read whose deadline was moved away", done); r.err != nil || r.n == 0 {
		t.Fatalf("a read whose deadline was moved away gave %d, %v", r.n, r.err)
	}
}

// A read that was late takes nothing with it: what comes afterwards is there
// for the next read.
func testLateAnswer(t *testing.T, c Conn, f far, _ bool) {
	for range 20 {
		c.SetDeadline(time.Now().Add(time.Millisecond))
		wantLate(t, await(t, "reading", reading(c)))
		mustWrite(t, f, "late answer\n")
		c.SetDeadline(time.Time{})
		mustRead(t, c, "late answer\n")
	}
}

func testCloseUnderRead(t *testing.T, c Conn, f far, _ bool) {
	done := reading(c)
	letBlock()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if r := await(t, "a read whose connection was closed", done); !errors.Is(r.err, net.ErrClosed) {
		t.Fatalf("got %v, want net.ErrClosed", r.err)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("reading after Close gave %v, want net.ErrClosed", err)
	}
	if _, err := c.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("writing after Close gave %v, want net.ErrClosed", err)
	}
	// The far end notices.
	if r := await(t, "the far end of a closed connection", reading(f)); r.n != 0 || r.err == nil {
		t.Fatalf("the far end read %d, %v", r.n, r.err)
	}
}

func testCloseTwice(t *testing.T, c Conn, _ far, _ bool) {
	for range 2 {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func testFarEndGoes(t *testing.T, c Conn, f far, _ bool) {
	done := reading(c)
	letBlock()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	gone := func(what string, r result) {
		t.Helper()
		if r.n != 0 || r.err == nil || errors.Is(r.err, os.ErrDeadlineExceeded) || errors.Is(r.err, net.ErrClosed) {
			t.Fatalf("%s gave %d, %v", what, r.n, r.err)
		}
		if !errors.Is(r.err, io.EOF) && instrument.KindOf(r.err) != instrument.KindUnreachable {
			t.Fatalf("%s gave %v, neither io.EOF nor of kind unreachable", what, r.err)
		}
	}
	gone("a read whose far end went", await(t, "a read whose far end went", done))
	gone("a read after the far end went", await(t, "a read after the far end went", reading(c)))

	// A write may still be taken by the operating system, but not for ever.
	c.SetDeadline(time.Now().Add(patience))
	for {
		n, err := c.Write([]byte("anybody there?\n"))
		if err == nil {
			continue
		}
		if n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("a write after the far end went gave %d, %v", n, err)
		}
		break
	}
}

// flood writes until the connection takes no more.
func flood(c Conn) <-chan result {
	done := make(chan result, 1)
	go func() {
		block := make([]byte, 256<<10)
		for {
			if n, err := c.Write(block); err != nil {
				done <- result{n, err}
				return
			}
		}
	}()
	return done
}

func testWriteDeadline(t *testing.T, c Conn, f far, _ bool) {
	c.SetDeadline(time.Now().Add(50 * time.Millisecond))
	r := await(t, "a write that nobody reads", flood(c))
	if !errors.Is(r.err, os.ErrDeadlineExceeded) {
		t.Fatalf("a write that nobody reads gave %v", r.err)
	}
	c.SetDeadline(time.Time{})
	done := flood(c)
	letBlock()
	c.SetDeadline(time.Unix(1, 0))
	if r := await(t, "a write whose deadline was moved to the past", done); !errors.Is(r.err, os.ErrDeadlineExceeded) {
		t.Fatalf("a write whose deadline was moved to the past gave %v", r.err)
	}
	// The other direction is not touched by a stuck write.
	c.SetDeadline(time.Time{})
	mustWrite(t, f, "still here\n")
	mustRead(t, c, "still here\n")
}

func testCloseUnderWrite(t *testing.T, c Conn, _ far, _ bool) {
	done := flood(c)
	letBlock()
	closed := make(chan result, 1)
	go func() { closed <- result{0, c.Close()} }()
	if r := await(t, "closing under a write", closed); r.err != nil {
		t.Fatal(r.err)
	}
	if r := await(t, "a write whose connection was closed", done); !errors.Is(r.err, net.ErrClosed) {
		t.Fatalf("a write whose connection was closed gave %v, want net.ErrClosed", r.err)
	}
}

// Both directions at once, more than any buffer holds.
func testBigTransfer(t *testing.T, c Conn, f far, _ bool) {
	const size = 3 << 20
	there, back := make([]byte, size), make([]byte, size)
	random := rand.NewChaCha8([32]byte{1})
	random.Read(there)
	random.Read(back)
	done := make(chan result, 4)
	move := func(f func() (int, error)) { go func() { n, err := f(); done <- result{n, err} }() }
	gotThere, gotBack := make([]byte, size), make([]byte, size)
	c.SetDeadline(time.Now().Add(patience))
	move(func() (int, error) { return c.Write(there) })
	move(func() (int, error) { return f.Write(back) })
	move(func() (int, error) { return io.ReadFull(f, gotThere) })
	move(func() (int, error) { return io.ReadFull(c, gotBack) })
	for range 4 {
		if r := await(t, "a big transfer", done); r.n != size || r.err != nil {
			t.Fatalf("moved %d bytes: %v", r.n, r.err)
		}
	}
	if !bytes.Equal(there, gotThere) || !bytes.Equal(back, gotBack) {
		t.Fatal("the bytes changed on their way")
	}
}

func testOrderAtTheEnd(t *testing.T, c Conn, f far, orderly bool) {
	if !orderly {
		t.Skip("a hang-up drops what was not read")
	}
	mustWrite(t, f, "last words")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(c)
	if string(all) != "last words" || err != nil {
		t.Fatalf("read %q, %v", all, err)
	}
}

func testPending(t *testing.T, c Conn, f far, _ bool) {
	if n := pending(c); n != 0 {
		t.Fatalf("%d bytes are pending on a new connection", n)
	}
	mustWrite(t, f, "unasked")
	for start := time.Now(); pending(c) != len("unasked"); time.Sleep(time.Millisecond) {
		if time.Since(start) > patience {
			t.Fatalf("%d bytes are pending", pending(c))
		}
	}
	mustRead(t, c, "unasked")
	if n := pending(c); n != 0 {
		t.Fatalf("%d bytes are pending after all were read", n)
	}
}

func testEmptyBuffers(t *testing.T, c Conn, f far, _ bool) {
	for _, buffer := range [][]byte{nil, {}} {
		if n, err := c.Write(buffer); n != 0 || err != nil {
			t.Fatalf("writing nothing gave %d, %v", n, err)
		}
	}
	testBothWays(t, c, f, true)
}

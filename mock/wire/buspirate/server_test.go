package buspirate

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"xlab/mock/bench"
	"xlab/mock/wire/adg1438"
)

// fakeBench keeps time and the switches, and whether it was used under its
// lock.
type fakeBench struct {
	mu      sync.Mutex
	locked  bool
	outside int // calls outside of Do
	now     float64
	closed  []uint8
	changes int
}

func (b *fakeBench) Do(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.locked = true
	f()
	b.locked = false
}

func (b *fakeBench) check() {
	if !b.locked {
		b.outside++
	}
}

func (b *fakeBench) Units() int                      { return 4 }
func (b *fakeBench) SetOutputs(map[int]bench.Output) { panic("a switch board has no outputs") }
func (b *fakeBench) Sample(float64, []float64) []bench.Sample {
	panic("a switch board measures nothing")
}
func (b *fakeBench) InterlockOpen() bool { return false }
func (b *fakeBench) Now() float64        { return b.now }
func (b *fakeBench) Hold(t float64)      { b.check(); b.now += t }
func (b *fakeBench) Switch(_ string, closed []uint8) {
	b.check()
	b.closed = closed
	b.changes++
}

func newServer(t testing.TB, chips int, timing Timing) (*fakeBench, *adg1438.Chain, *Server) {
	t.Helper()
	b := &fakeBench{}
	c, err := adg1438.New(b, "A", chips)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(b, c, timing)
	if err != nil {
		t.Fatal(err)
	}
	return b, c, s
}

// talk sends bytes and returns all answers.
func talk(s *Server, request ...byte) []byte { return s.box.feed(request, nil) }

// toSPIMode brings a new box into SPI mode 1 at 1 MHz.
func toSPIMode(t testing.TB, s *Server) {
	t.Helper()
	talk(s, make([]byte, 20)...)
	if got := talk(s, 0x01, 0x63, 0x88); string(got) != "SPI1\x01\x01" {
		t.Fatalf("%q", got)
	}
}

// frame is the request of one chip-select cycle.
func frame(data ...byte) []byte {
	out := []byte{0x02}
	for chunk := range slices.Chunk(data, 16) {
		out = append(append(out, 0x10|byte(len(chunk)-1)), chunk...)
	}
	return append(out, 0x03)
}

func TestServeOverAConnection(t *testing.T) {
	defer goleak.VerifyNone(t)
	b, _, s := newServer(t, 2, DefaultTiming())
	host, box := net.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(context.Background(), box) }()
	ask := func(request []byte, answer string) {
		t.Helper()
		if _, err := host.Write(request); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(answer))
		if _, err := io.ReadFull(host, got); err != nil || string(got) != answer {
			t.Fatalf("%q %v, want %q", got, err, answer)
		}
	}
	ask(make([]byte, 20), "BBIO1")
	ask([]byte{1}, "SPI1")
	ask([]byte{0x63, 0x88}, "\x01\x01")
	ask(frame(0x80, 0x01), "\x01\x01\x00\x00\x01")
	host.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if !bytes.Equal(b.closed, []byte{0x01, 0x80}) || b.outside != 0 {
		t.Errorf("switches % x, %d calls outside of the lock", b.closed, b.outside)
	}
	// The box keeps its state for the next connection.
	host, box = net.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	go func() { ended <- s.Serve(ctx, box) }()
	ask(frame(0x80, 0x01), "\x01\x01\x80\x01\x01")
	cancel() // wakes the read
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := host.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is still open after the server ended")
	}
}

type brokenLink struct{ read, write error }

func (l brokenLink) Read(p []byte) (int, error) {
	if l.read != nil {
		return 0, l.read
	}
	return copy(p, make([]byte, 20)), nil
}
func (l brokenLink) Write([]byte) (int, error) { return 0, l.write }
func (l brokenLink) Close() error              { return nil }

type emptyLink struct{ brokenLink }

func (emptyLink) Read([]byte) (int, error) { return 0, nil }

func TestServeReportsABrokenConnection(t *testing.T) {
	_, _, s := newServer(t, 1, Timing{})
	broken := errors.New("electrical fire")
	if err := s.Serve(context.Background(), brokenLink{read: broken}); !errors.Is(err, broken) {
		t.Errorf("read: %v", err)
	}
	if err := s.Serve(context.Background(), brokenLink{write: broken}); !errors.Is(err, broken) {
		t.Errorf("write: %v", err)
	}
	if err := s.Serve(context.Background(), emptyLink{}); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a stream that gives nothing and no error: %v", err)
	}
}

// One chip-select cycle costs the cycle and eight clocks per byte, and the
// switches change after it.
func TestTiming(t *testing.T) {
	for _, tc := range []struct {
		name   string
		speed  byte
		timing Timing
		bytes  int
		want   float64
	}{
		{"1 MHz, 40 chips", 0x63, DefaultTiming(), 40, 1e-3 + 40*8e-6},
		{"8 MHz", 0x67, DefaultTiming(), 40, 1e-3 + 40*1e-6},
		{"30 kHz", 0x60, DefaultTiming(), 2, 1e-3 + 2*8/30e3},
		{"no latency", 0x63, Timing{}, 3, 3 * 8e-6},
		{"serial line of 115200 baud", 0x64, Timing{Cycle: 1e-3, Byte: 86.8e-6}, 40, 1e-3 + 40*(4e-6+86.8e-6)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b, _, s := newServer(t, tc.bytes, tc.timing)
			toSPIMode(t, s)
			talk(s, tc.speed)
			before := b.now
			data := make([]byte, tc.bytes)
			data[0] = 1
			talk(s, frame(data...)...)
			if got := b.now - before; math.Abs(got-tc.want) > 1e-12 {
				t.Errorf("%g s, want %g s", got, tc.want)
			}
			if b.changes != 1 {
				t.Errorf("%d changes of the switches", b.changes)
			}
		})
	}
}

func TestTimesMustBeSensible(t *testing.T) {
	b := &fakeBench{}
	for _, bad := range []Timing{{Cycle: -1}, {Byte: -1e-9}, {Cycle: math.NaN()}, {Byte: math.Inf(1)}} {
		if _, err := New(b, nil, bad); err == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
}

func TestTerminalAndModes(t *testing.T) {
	_, _, s := newServer(t, 1, Timing{})
	for _, step := range []struct {
		request []byte
		want    string
	}{
		{[]byte("\r"), prompt},
		{[]byte("x"), "x"},
		{[]byte{7}, ""},
		{[]byte("#"), "#" + banner},
		{make([]byte, 19), ""},
		{make([]byte, 1), "BBIO1"},
		{make([]byte, 2), "BBIO1BBIO1"},
		{[]byte{0x02}, "\x00"}, // a mode that is not simulated
		{[]byte{0x01}, "SPI1"},
		{[]byte{0x01}, "SPI1"},
		{[]byte{0x0f}, "\x00"}, // no reset from here
		{[]byte{0x04, 0xff}, "\x00\x00"},
		{[]byte{0x00}, "BBIO1"},
		{[]byte{0x0f}, "\x01" + banner},
		{make([]byte, 20), "BBIO1"},
	} {
		if got := talk(s, step.request...); string(got) != step.want {
			t.Fatalf("% x: %q, want %q", step.request, got, step.want)
		}
	}
}

// The box clocks what the pins allow, and CS does what the firmware does.
func TestPins(t *testing.T) {
	t.Run("as entered: open drain without pull-ups", func(t *testing.T) {
		b, _, s := newServer(t, 1, Timing{})
		talk(s, make([]byte, 20)...)
		talk(s, 0x01)
		if got := talk(s, frame(0x02)...); got[2] != 0xff || b.changes != 0 {
			t.Errorf("% x, %d changes: nothing can be clocked", got, b.changes)
		}
	})
	t.Run("open drain with pull-ups", func(t *testing.T) {
		b, _, s := newServer(t, 1, Timing{})
		talk(s, make([]byte, 20)...)
		talk(s, 0x01, 0x47, 0x63, 0x80)
		if talk(s, frame(0x02)...); !bytes.Equal(b.closed, []byte{2}) {
			t.Errorf("% x", b.closed)
		}
	})
	t.Run("open drain, peripherals last: CS is an input", func(t *testing.T) {
		b, _, s := newServer(t, 1, Timing{})
		talk(s, make([]byte, 20)...)
		talk(s, 0x01, 0x63, 0x80, 0x47)
		if talk(s, frame(0x02)...); b.changes != 0 {
			t.Errorf("% x although CS cannot go low", b.closed)
		}
	})
	t.Run("another mode samples late", func(t *testing.T) {
		for _, config := range []byte{0x8a, 0x8c, 0x8e} {
			_, _, s := newServer(t, 1, Timing{})
			toSPIMode(t, s)
			talk(s, frame(0x81)...)
			talk(s, config)
			if got := talk(s, frame(0x81)...); got[2] != 0x40 {
				t.Errorf("configuration %#x reads %#x, want 0x81 one bit late", config, got[2])
			}
		}
	})
	t.Run("leaving with CS low latches what was shifted", func(t *testing.T) {
		b, _, s := newServer(t, 2, Timing{})
		toSPIMode(t, s)
		talk(s, frame(1, 2)...)
		talk(s, 0x02, 0x10, 0x04) // half a frame
		talk(s, 0x00)
		if !bytes.Equal(b.closed, []byte{4, 2}) {
			t.Errorf("% x", b.closed)
		}
	})
	t.Run("unplugged with CS low", func(t *testing.T) {
		b, _, s := newServer(t, 2, Timing{})
		toSPIMode(t, s)
		talk(s, 0x02, 0x1f, 0x04) // in the middle of a bulk transfer
		s.Unplug()
		if !bytes.Equal(b.closed, []byte{4, 0}) {
			t.Errorf("% x", b.closed)
		}
		if got := talk(s, make([]byte, 20)...); string(got) != "BBIO1" {
			t.Errorf("after plugging in: %q", got)
		}
	})
}

// A request in any pieces gives the answers of the request in one piece, and
// twenty zeros more than a bulk transfer lead out of everything.
func TestPiecesAndRecovery(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		request := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "request")
		cut := rapid.IntRange(0, len(request)).Draw(t, "cut")
		whole, pieces := &fakeBench{}, &fakeBench{}
		var answers [2][]byte
		var servers [2]*Server
		for i, b := range []*fakeBench{whole, pieces} {
			c, err := adg1438.New(b, "A", 3)
			if err != nil {
				t.Fatal(err)
			}
			if servers[i], err = New(b, c, DefaultTiming()); err != nil {
				t.Fatal(err)
			}
			talk(servers[i], make([]byte, 20)...)
			talk(servers[i], 0x01, 0x63, 0x88)
		}
		answers[0] = talk(servers[0], request...)
		answers[1] = servers[1].box.feed(request[cut:], servers[1].box.feed(request[:cut], nil))
		if !bytes.Equal(answers[0], answers[1]) || whole.now != pieces.now || !bytes.Equal(whole.closed, pieces.closed) {
			t.Fatalf("% x in one piece gives % x, cut at %d % x", request, answers[0], cut, answers[1])
		}
		got := talk(servers[0], make([]byte, 37)...)
		if !bytes.HasSuffix(got, []byte("BBIO1")) {
			t.Fatalf("zeros after % x end with %q", request, got)
		}
	})
}

func BenchmarkFrame40(b *testing.B) {
	_, _, s := newServer(b, 40, DefaultTiming())
	toSPIMode(b, s)
	request := frame(make([]byte, 40)...)
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		out = s.box.feed(request, out[:0])
	}
	if len(out) != len(request) {
		b.Fatal(len(out))
	}
}

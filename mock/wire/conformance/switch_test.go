package conformance_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	driver "xlab/driver/adg1438"
	"xlab/driver/buspirate"
	"xlab/driver/transport"
	"xlab/instrument"
	"xlab/instrument/instrumenttest"
	"xlab/mock/bench"
	chips "xlab/mock/wire/adg1438"
	box "xlab/mock/wire/buspirate"
)

// switchBench is a bench of switches and a clock only.
type switchBench struct {
	mu      sync.Mutex
	now     float64
	closed  []uint8
	changes int
}

func (b *switchBench) Do(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}
func (b *switchBench) Units() int                               { return 0 }
func (b *switchBench) SetOutputs(map[int]bench.Output)          {}
func (b *switchBench) Sample(float64, []float64) []bench.Sample { return nil }
func (b *switchBench) InterlockOpen() bool                      { return false }
func (b *switchBench) Now() float64                             { return b.now }
func (b *switchBench) Hold(t float64)                           { b.now += t }
func (b *switchBench) Switch(_ string, closed []uint8) {
	b.closed = slices.Clone(closed)
	b.changes++
}

// switchBoard is a board with a driver at one end and chips at the other.
type switchBoard struct {
	bench  *switchBench
	chips  *chips.Chain
	box    *box.Server
	port   *buspirate.Port
	driver *driver.Chain
}

// options of a joint test.
type switchOptions struct {
	chips int                                 // chips really there
	lines int                                 // lines the driver believes in, 0 = chips
	mode  spi.Mode                            // 0 = as the driver connects
	link  func(transport.Conn) buspirate.Link // what is in the way, nil = nothing
	port  buspirate.Options
}

func newSwitchBoard(t testing.TB, o switchOptions) *switchBoard {
	t.Helper()
	s := &switchBoard{bench: &switchBench{closed: make([]uint8, o.chips)}}
	var err error
	if s.chips, err = chips.New(s.bench, "A", o.chips); err != nil {
		t.Fatal(err)
	}
	if s.box, err = box.New(s.bench, s.chips, box.DefaultTiming()); err != nil {
		t.Fatal(err)
	}
	host, device := transport.Pipe()
	served := make(chan error, 1)
	go func() { served <- s.box.Serve(context.Background(), device) }()
	var link buspirate.Link = host
	if o.link != nil {
		link = o.link(host)
	}
	s.port = buspirate.New(link, o.port)
	t.Cleanup(func() {
		_ = s.port.Close() // a test that broke the link has its error already
		host.Close()
		if err := <-served; err != nil {
			t.Errorf("server: %v", err)
		}
	})
	var conn spi.Conn
	if o.mode == 0 {
		conn, err = driver.Connect(s.port, physic.MegaHertz)
	} else {
		conn, err = s.port.Connect(physic.MegaHertz, o.mode&^spi.LSBFirst, 8)
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := o.lines
	if lines == 0 {
		lines = o.chips
	}
	s.driver = driver.New(conn, driver.Options{Chips: lines, Name: "A"})
	return s
}

// state is what the switches do and the bench's time.
func (s *switchBoard) state() (closed []uint8, now float64) {
	s.bench.Do(func() { closed, now = slices.Clone(s.bench.closed), s.bench.now })
	return closed, now
}

// wrong does something to the chips under the bench's lock.
func (s *switchBoard) wrong(t testing.TB, f func() error) {
	t.Helper()
	var err error
	s.bench.Do(func() { err = f() })
	if err != nil {
		t.Fatal(err)
	}
}

// randomRouting is a legal setting of n lines.
func randomRouting(r *rand.Rand, n int) []instrument.Switches {
	lines := make([]instrument.Switches, n)
	for i := range lines {
		if k := r.IntN(9); k < 8 {
			lines[i] = 1 << k
		}
	}
	return lines
}

func bytesOf(lines []instrument.Switches) []uint8 {
	out := make([]uint8, len(lines))
	for i, s := range lines {
		out[i] = uint8(s)
	}
	return out
}

// counter counts what the host writes.
type counter struct {
	transport.Conn
	mu   sync.Mutex
	sent int
}

func (c *counter) Write(p []byte) (int, error) {
	c.mu.Lock()
	c.sent += len(p)
	c.mu.Unlock()
	return c.Conn.Write(p)
}

func (c *counter) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent
}

// The switch board has every property that package instrument promises.
func TestSwitchConformance(t *testing.T) {
	for _, n := range []int{2, 40} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Run("Router", func(t *testing.T) {
				instrumenttest.TestRouter(t, instrumenttest.RouterFixture{Lines: n, Open: func(t *testing.T) instrumenttest.Board {
					var host *counter
					s := newSwitchBoard(t, switchOptions{chips: n, link: func(c transport.Conn) buspirate.Link {
						host = &counter{Conn: c}
						return host
					}})
					return instrumenttest.Board{
						Router: s.driver,
						Sent:   host.count,
						Closed: func() []instrument.Switches {
							closed, _ := s.state()
							lines := make([]instrument.Switches, len(closed))
							for i, c := range closed {
								lines[i] = instrument.Switches(c)
							}
							return lines
						},
						Break: func() func() {
							s.wrong(t, func() error { return s.chips.Break(n/2, true) })
							return func() { s.wrong(t, func() error { s.chips.Repair(); return nil }) }
						},
					}
				}})
			})
			t.Run("Safer", func(t *testing.T) {
				instrumenttest.TestSafer(t, instrumenttest.SaferFixture{Open: func(t *testing.T) instrumenttest.Safed {
					s := newSwitchBoard(t, switchOptions{chips: n})
					return instrumenttest.Safed{
						Safer: s.driver,
						Disturb: func(t *testing.T) {
							if err := s.driver.Route(t.Context(), slices.Repeat([]instrument.Switches{1 << 4}, n)); err != nil {
								t.Fatal(err)
							}
						},
						IsSafe: func() bool {
							closed, _ := s.state()
							return bytes.Equal(closed, make([]uint8, n))
						},
					}
				}})
			})
		})
	}
}

// What is routed is what the chips close, for any length of chain, at the cost
// of one chip-select cycle and twice the chain's bytes of bench time: SYNC stays
// low after the verifying frame, whose time counts with the next cycle.
func TestSwitchRouting(t *testing.T) {
	defer goleak.VerifyNone(t)
	for _, n := range []int{1, 2, 3, 40, 512} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, uint64(n)))
			s := newSwitchBoard(t, switchOptions{chips: n})
			for i := range 10 {
				lines := randomRouting(r, n)
				lines[0] = 1 // not all open, which costs one byte more
				_, before := s.state()
				if err := s.driver.Route(context.Background(), lines); err != nil {
					t.Fatal(err)
				}
				closed, now := s.state()
				if !bytes.Equal(closed, bytesOf(lines)) {
					t.Fatalf("closed % x, routed % x", closed, bytesOf(lines))
				}
				want := 1e-3 + 2*float64(n)*8e-6
				if cost := now - before; i > 0 && (cost < 0.999*want || cost > 1.001*want) {
					t.Errorf("%g s of bench time, want %g s", cost, want)
				}
			}
			if err := s.driver.Safe(context.Background()); err != nil {
				t.Fatal(err)
			}
			if closed, _ := s.state(); !bytes.Equal(closed, make([]uint8, n)) {
				t.Errorf("safe left % x", closed)
			}
		})
	}
}

// Every wire of the chain, open or stuck at either level, is found where it is.
func TestSwitchInterruptions(t *testing.T) {
	const n = 5
	before := []instrument.Switches{1, 2, 4, 8, 16}
	for after := 0; after <= n; after++ {
		for _, high := range []bool{false, true} {
			t.Run(fmt.Sprintf("behind chip %d, %v", after, high), func(t *testing.T) {
				s := newSwitchBoard(t, switchOptions{chips: n})
				if err := s.driver.Route(context.Background(), before); err != nil {
					t.Fatal(err)
				}
				s.wrong(t, func() error { return s.chips.Break(after, high) })
				err := s.driver.Route(context.Background(), []instrument.Switches{2, 4, 8, 16, 32})
				from, to := fmt.Sprintf("chip %d", after), fmt.Sprintf("chip %d", after+1)
				switch after {
				case 0:
					from = "the controller's MOSI"
				case n:
					to = "the controller's MISO"
				}
				if instrument.KindOf(err) != instrument.KindChain || !strings.Contains(err.Error(), "between "+from+" and "+to) {
					t.Errorf("%v", err)
				}
				if err := s.driver.Safe(context.Background()); instrument.KindOf(err) != instrument.KindChain {
					t.Errorf("a broken chain was called safe: %v", err)
				}
				// Mended, it is made safe and works.
				s.wrong(t, func() error { s.chips.Repair(); return nil })
				if err := s.driver.Safe(context.Background()); err != nil {
					t.Fatal(err)
				}
				if closed, _ := s.state(); !bytes.Equal(closed, make([]uint8, n)) {
					t.Errorf("% x", closed)
				}
				if err := s.driver.Route(context.Background(), before); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func TestSwitchFaults(t *testing.T) {
	ctx := context.Background()
	lines := []instrument.Switches{1, 2, 4, 8}
	t.Run("supply lost between two routings", func(t *testing.T) {
		s := newSwitchBoard(t, switchOptions{chips: 4})
		if err := s.driver.Route(ctx, lines); err != nil {
			t.Fatal(err)
		}
		s.wrong(t, func() error { s.chips.PowerCycle(); return nil })
		err := s.driver.Route(ctx, lines)
		var m *driver.Mismatch
		if !errors.As(err, &m) || !m.Lost || instrument.KindOf(err) != instrument.KindChain {
			t.Errorf("%v", err)
		}
		if err := s.driver.Route(ctx, lines); err != nil {
			t.Errorf("after the report: %v", err)
		}
	})
	t.Run("a bit upset", func(t *testing.T) {
		s := newSwitchBoard(t, switchOptions{chips: 4})
		if err := s.driver.Route(ctx, lines); err != nil {
			t.Fatal(err)
		}
		s.wrong(t, func() error { return s.chips.Upset(3, 6) })
		err := s.driver.Route(ctx, lines)
		var e *instrument.Error
		if !errors.As(err, &e) || e.Kind != instrument.KindChain || e.Channel != "chip 3" ||
			!strings.Contains(err.Error(), "S7") {
			t.Errorf("%v", err)
		}
	})
	t.Run("a chip more than configured", func(t *testing.T) {
		s := newSwitchBoard(t, switchOptions{chips: 5, lines: 4})
		if err := s.driver.Route(ctx, lines); err == nil || !strings.Contains(err.Error(), "5 chips instead of 4") {
			t.Errorf("%v", err)
		}
	})
	t.Run("a chip less than configured", func(t *testing.T) {
		s := newSwitchBoard(t, switchOptions{chips: 3, lines: 4})
		if err := s.driver.Safe(ctx); err == nil || !strings.Contains(err.Error(), "3 chips instead of 4") {
			t.Errorf("%v", err)
		}
	})
	t.Run("another SPI mode", func(t *testing.T) {
		s := newSwitchBoard(t, switchOptions{chips: 4, mode: spi.Mode3})
		if err := s.driver.Route(ctx, lines); err == nil || !strings.Contains(err.Error(), "1 bit(s) late") {
			t.Errorf("%v", err)
		}
	})
	t.Run("open drain without pull-ups", func(t *testing.T) {
		s := newSwitchBoard(t, switchOptions{chips: 4, port: buspirate.Options{OpenDrain: true}})
		if err := s.driver.Route(ctx, lines); instrument.KindOf(err) != instrument.KindChain {
			t.Errorf("%v", err)
		}
	})
	t.Run("open drain with pull-ups", func(t *testing.T) {
		s := newSwitchBoard(t, switchOptions{chips: 4, port: buspirate.Options{OpenDrain: true, PullUps: true}})
		if err := s.driver.Route(ctx, lines); err != nil {
			t.Error(err)
		}
	})
	t.Run("the box lost its supply", func(t *testing.T) {
		s := newSwitchBoard(t, switchOptions{chips: 4, port: buspirate.Options{Timeout: 100 * time.Millisecond}})
		if err := s.driver.Route(ctx, lines); err != nil {
			t.Fatal(err)
		}
		s.wrong(t, func() error { s.box.Unplug(); return nil })
		if err := s.driver.Route(ctx, lines); instrument.KindOf(err) != instrument.KindTimeout {
			t.Errorf("%v", err)
		}
		if err := s.driver.Safe(ctx); err != nil {
			t.Errorf("the box is back, but: %v", err)
		}
		if closed, _ := s.state(); !bytes.Equal(closed, make([]uint8, 4)) {
			t.Errorf("% x", closed)
		}
	})
}

// badCable loses, doubles and changes bytes in both directions while it is bad.
type badCable struct {
	transport.Conn
	mu   sync.Mutex
	rand *rand.Rand
	left int // bytes until the fault, counted in both directions; < 0 = none to come
}

// arm spoils one of the next bytes, or none for 0. One at a time, because two
// faults may cancel each other, and the protocol has no checksum against that.
func (c *badCable) arm(within int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = -1
	if within > 0 {
		c.left = c.rand.IntN(within)
	}
}

func (c *badCable) spoil(p []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []byte
	for _, b := range p {
		c.left--
		if c.left != -1 {
			out = append(out, b)
			continue
		}
		switch c.rand.IntN(3) {
		case 0: // lost
		case 1:
			out = append(out, b, b)
		case 2:
			out = append(out, b^1<<c.rand.IntN(8))
		}
	}
	return out
}

func (c *badCable) Write(p []byte) (int, error) {
	if _, err := c.Conn.Write(c.spoil(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Read spoils only what leaves room for a doubled byte.
func (c *badCable) Read(p []byte) (int, error) {
	buf := make([]byte, (len(p)+1)/2)
	n, err := c.Conn.Read(buf)
	return copy(p, c.spoil(buf[:n])), err
}

// Over a bad cable with one fault per routing, a routing either is an error or is what the chips do, and
// once the cable is good the board can be made safe.
func TestSwitchOverABadCable(t *testing.T) {
	const n = 8
	failures, routed := 0, 0
	for seed := range uint64(6) {
		var cable *badCable
		s := newSwitchBoard(t, switchOptions{
			chips: n,
			port:  buspirate.Options{Timeout: 20 * time.Millisecond, Quiet: 2 * time.Millisecond},
			link: func(c transport.Conn) buspirate.Link {
				cable = &badCable{Conn: c, rand: rand.New(rand.NewPCG(seed, 2)), left: -1}
				return cable
			},
		})
		r := rand.New(rand.NewPCG(seed, 3))
		for range 15 {
			cable.arm([]int{0, 100}[r.IntN(2)])
			lines := randomRouting(r, n)
			if err := s.driver.Route(context.Background(), lines); err != nil {
				if kind := instrument.KindOf(err); kind == instrument.KindUnknown {
					t.Errorf("an error without a kind: %v", err)
				}
				failures++
				continue
			}
			routed++
			if closed, _ := s.state(); !bytes.Equal(closed, bytesOf(lines)) {
				t.Fatalf("seed %d: no error, routed % x, closed % x", seed, bytesOf(lines), closed)
			}
		}
		cable.arm(0)
		var err error
		for range 20 { // the machine may be slow, so a short deadline may pass
			if err = s.driver.Safe(context.Background()); err == nil {
				break
			}
		}
		if err != nil {
			t.Fatalf("seed %d: the cable is good, but %v", seed, err)
		}
		if closed, _ := s.state(); !bytes.Equal(closed, make([]uint8, n)) {
			t.Fatalf("seed %d: safe left % x", seed, closed)
		}
	}
	if failures == 0 || routed == 0 {
		t.Errorf("%d failures and %d routings: the cable was not what the test needs", failures, routed)
	}
}

func BenchmarkSwitchRoute40(b *testing.B) {
	s := newSwitchBoard(b, switchOptions{chips: 40})
	lines := make([]instrument.Switches, 40)
	i := 0
	for b.Loop() {
		lines[i%40] = 0
		i++
		lines[i%40] = 1
		if err := s.driver.Route(context.Background(), lines); err != nil {
			b.Fatal(err)
		}
	}
}

// What befalls the registers after the last frame reaches no switch, also when
// the port is closed or a program starts anew on it, both of which let SYNC go.
func TestUpsetAfterSafeReachesNoSwitch(t *testing.T) {
	for name, next := range map[string]func(s *switchBoard) error{
		"port closed": func(s *switchBoard) error { return s.port.Close() },
		"adapter started anew": func(s *switchBoard) error {
			if err := s.port.LimitSpeed(500 * physic.KiloHertz); err != nil { // another speed is set up from the start
				return err
			}
			return s.driver.Safe(t.Context())
		},
		"adapter's plug out": func(s *switchBoard) error {
			s.bench.Do(s.box.Unplug)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSwitchBoard(t, switchOptions{chips: 4})
			if err := s.driver.Route(t.Context(), []instrument.Switches{1, 2, 4, 8}); err != nil {
				t.Fatal(err)
			}
			if err := s.driver.Safe(t.Context()); err != nil {
				t.Fatal(err)
			}
			changes := 0
			s.wrong(t, func() error { changes = s.bench.changes; return s.chips.Upset(3, 4) })
			if err := next(s); err != nil {
				t.Error(err)
			}
			s.bench.Do(func() {
				if s.bench.changes != changes || !slices.Equal(s.bench.closed, make([]uint8, 4)) {
					t.Errorf("% x closed after %d changes", s.bench.closed, s.bench.changes-changes)
				}
			})
		})
	}
}

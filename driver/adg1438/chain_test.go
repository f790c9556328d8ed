package adg1438_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"

	"periph.io/x/conn/v3"
	"periph.io/x/conn/v3/spi"
	"pgregory.net/rapid"

	"xlab/driver/adg1438"
	"xlab/instrument"
)

var ctx = context.Background()

func routing(t *rapid.T, chips int) []instrument.Switches {
	return rapid.SliceOfN(rapid.SampledFrom([]instrument.Switches{0, 1, 2, 4, 8, 16, 32, 64, 128}), chips, chips).Draw(t,
		"lines")
}

// Whatever is routed, every chip ends with its own line's switch, in two
// transfers of the same bytes, and can be opened again.
func TestRouteReachesEveryChip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		chips := rapid.IntRange(1, 64).Draw(t, "chips")
		b := newBoard(chips)
		for i := range b.queue {
			b.queue[i] = rapid.Byte().Draw(t, "before")
		}
		c := adg1438.New(b, adg1438.Options{Chips: chips})
		if c.Lines() != chips {
			t.Fatalf("%d lines", c.Lines())
		}
		for range 3 {
			lines := routing(t, chips)
			b.sent = nil
			if err := c.Route(ctx, lines); err != nil {
				t.Fatal(err)
			}
			for i, s := range lines {
				if b.closed()[i] != byte(s) {
					t.Fatalf("chip %d holds %#x, line %d wants %#x", i+1, b.closed()[i], i, s)
				}
			}
			if len(b.sent) != 2 || !bytes.Equal(b.sent[0], b.sent[1]) {
				t.Fatalf("sent % x, want the same frame twice", b.sent)
			}
		}
		if err := c.Safe(ctx); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b.closed(), make([]byte, chips)) {
			t.Fatalf("safe left % x", b.closed())
		}
	})
}

func TestRefusedBeforeAByteLeaves(t *testing.T) {
	cases := []struct {
		name  string
		chips int
		lines []instrument.Switches
		setup func(*board)
		kind  instrument.Kind
		text  []string
	}{
		{"two buses", 4, []instrument.Switches{1, 2, 0, 0x11}, nil, instrument.KindRouting, []string{"line 3", "S1 and S5"}},
		{"all buses", 2, []instrument.Switches{0xff, 0}, nil, instrument.KindRouting,
			[]string{"line 0", "S1, S2, S3, S4, S5, S6, S7 and S8"}},
		{"too few lines", 4, []instrument.Switches{1, 2, 0}, nil, instrument.KindUsage, []string{"3 lines", "board of 4"}},
		{"too many lines", 1, []instrument.Switches{1, 2}, nil, instrument.KindUsage, []string{"2 lines"}},
		{"no chips", 0, nil, nil, instrument.KindUsage, []string{"no chips"}},
		{"negative chips", -3, nil, nil, instrument.KindUsage, []string{"no chips"}},
		{"half duplex", 1, []instrument.Switches{1}, func(b *board) { b.duplex = conn.Half }, instrument.KindUsage,
			[]string{"half duplex"}},
		{"small port", 40, make([]instrument.Switches, 40), func(b *board) { b.most = 40 }, instrument.KindUsage,
			[]string{"41 bytes", "chain of 40", "at most 40"}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			b := newBoard(max(tc.chips, 0))
			if tc.setup != nil {
				tc.setup(b)
			}
			err := adg1438.New(b, adg1438.Options{Chips: tc.chips, Name: "A"}).Route(ctx, tc.lines)
			if instrument.KindOf(err) != tc.kind {
				t.Fatalf("kind %q of %v", instrument.KindOf(err), err)
			}
			for _, want := range append(tc.text, "adg1438 route A") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if len(b.sent) != 0 {
				t.Errorf("% x was sent", b.sent)
			}
		})
	}
}

func TestEndedContext(t *testing.T) {
	ended, cancel := context.WithCancel(ctx)
	cancel()
	b := newBoard(2)
	c := adg1438.New(b, adg1438.Options{Chips: 2})
	if err := c.Route(ended, []instrument.Switches{1, 2}); instrument.KindOf(err) != instrument.KindCancelled ||
		!errors.Is(err, context.Canceled) {
		t.Errorf("route with an ended context: %v", err)
	}
	if len(b.sent) != 0 {
		t.Errorf("% x was sent", b.sent)
	}
	b.queue = []byte{1, 2}
	if err := c.Safe(ended); err != nil {
		t.Errorf("safe must not need a living context: %v", err)
	}
	if b.closed()[0]|b.closed()[1] != 0 {
		t.Errorf("safe left % x", b.closed())
	}
}

func TestConnectionErrorsKeepTheirKind(t *testing.T) {
	late := &instrument.Error{Op: "buspirate transfer", Kind: instrument.KindTimeout, Err: os.ErrDeadlineExceeded}
	for _, tc := range []struct {
		err  error
		kind instrument.Kind
	}{{late, instrument.KindTimeout}, {io.ErrClosedPipe, instrument.KindUnreachable}} {
		b := newBoard(1)
		b.fail = []error{nil, tc.err}
		c := adg1438.New(b, adg1438.Options{Chips: 1})
		err := c.Route(ctx, []instrument.Switches{1})
		if instrument.KindOf(err) != tc.kind || !errors.Is(err, tc.err) {
			t.Errorf("%v became %v", tc.err, err)
		}
		// What the chip held is unknown now, so the next routing must not
		// compare it with anything.
		b.queue[0] = 0x55
		if err := c.Route(ctx, []instrument.Switches{2}); err != nil {
			t.Errorf("after a failed transfer: %v", err)
		}
	}
}

func TestSafeIsTriedTwice(t *testing.T) {
	b := newBoard(2)
	b.queue = []byte{4, 4}
	b.fail = []error{io.ErrUnexpectedEOF}
	c := adg1438.New(b, adg1438.Options{Chips: 2, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err := c.Safe(ctx); err != nil || b.closed()[0] != 0 {
		t.Fatalf("one failed transfer: %v, % x", err, b.closed())
	}
	b.fail = []error{io.ErrUnexpectedEOF, io.ErrUnexpectedEOF}
	err := c.Safe(ctx)
	if instrument.KindOf(err) != instrument.KindUnreachable || !errors.Is(err, io.ErrUnexpectedEOF) ||
		!strings.Contains(err.Error(), "0 V") {
		t.Fatalf("two failed transfers: %v", err)
	}
}

// A dead line reads zeros, as an open board does. The marker tells them apart.
func TestDeadBoardIsNotSafe(t *testing.T) {
	for _, level := range []byte{0x00, 0xff} {
		b := newBoard(3)
		b.broken, b.level = 3, level
		c := adg1438.New(b, adg1438.Options{Chips: 3})
		if err := c.Safe(ctx); instrument.KindOf(err) != instrument.KindChain {
			t.Errorf("MISO stuck at %#x: %v", level, err)
		}
		if err := c.Route(ctx, make([]instrument.Switches, 3)); instrument.KindOf(err) != instrument.KindChain {
			t.Errorf("MISO stuck at %#x, all open: %v", level, err)
		}
	}
}

// An interruption is found between the right chips whenever what the chips
// held before is known and cannot be mistaken for the level.
func TestInterruptionIsLocated(t *testing.T) {
	const chips = 6
	for after := 0; after <= chips; after++ {
		for _, level := range []byte{0xff, 0x00} {
			b := newBoard(chips)
			c := adg1438.New(b, adg1438.Options{Chips: chips})
			if err := c.Route(ctx, []instrument.Switches{1, 2, 4, 8, 16, 32}); err != nil {
				t.Fatal(err)
			}
			b.broken, b.level = after, level
			err := c.Route(ctx, []instrument.Switches{2, 4, 8, 16, 32, 64})
			var m *adg1438.Mismatch
			if instrument.KindOf(err) != instrument.KindChain || !errors.As(err, &m) {
				t.Fatalf("break after chip %d, level %#x: %v", after, level, err)
			}
			var from, to = fmt.Sprintf("chip %d", after), fmt.Sprintf("chip %d", after+1)
			if after == 0 {
				from = "the controller's MOSI"
			}
			if after == chips {
				to = "the controller's MISO"
			}
			if want := "between " + from + " and " + to; !strings.Contains(m.Cause, want) {
				t.Errorf("level %#x: %q does not say %q", level, m.Cause, want)
			}
			if !strings.Contains(err.Error(), "opening all switches failed too") || !strings.Contains(err.Error(), "0 V") {
				t.Errorf("%q does not say that the switches could not be opened", err)
			}
			if len(b.sent) != 6 {
				t.Errorf("%d transfers, want routing twice (2), routing (2), one attempt to open (2)", len(b.sent))
			}
		}
	}
}

// With open lines among the old contents and a line stuck at zero, only a
// range can be named; it contains the break.
func TestInterruptionRange(t *testing.T) {
	b := newBoard(4)
	c := adg1438.New(b, adg1438.Options{Chips: 4})
	if err := c.Route(ctx, []instrument.Switches{1, 0, 4, 8}); err != nil {
		t.Fatal(err)
	}
	b.broken, b.level = 2, 0
	err := c.Route(ctx, []instrument.Switches{1, 1, 1, 1})
	if err == nil || !strings.Contains(err.Error(), "between chip 1 and chip 3") {
		t.Errorf("break after chip 2 with chip 2 open before: %v", err)
	}
}

func TestDiagnosis(t *testing.T) {
	shift := func(by int) func([]byte) {
		return func(r []byte) {
			out := make([]byte, len(r))
			for i := range 8 * len(r) {
				if from := i - by; from >= 0 && from < 8*len(r) && r[from/8]>>(7-from%8)&1 == 1 {
					out[i/8] |= 1 << (7 - i%8)
				}
			}
			copy(r, out)
		}
	}
	cases := []struct {
		name  string
		lines []instrument.Switches
		real  int // chips really there, 0 = as configured
		wrong func([]byte)
		text  string
	}{
		{"chain longer", []instrument.Switches{1, 2, 4, 8}, 5, nil, "chain of 5 chips instead of 4"},
		{"chain shorter", []instrument.Switches{1, 2, 4, 8}, 3, nil, "chain of 3 chips instead of 4"},
		{"chain longer, open", make([]instrument.Switches, 4), 6, nil, "chain of 6 chips instead of 4"},
		{"chain shorter, open", make([]instrument.Switches, 4), 2, nil, "chain of 2 chips instead of 4"},
		{"one bit late", []instrument.Switches{1, 2, 4, 8}, 0, shift(1), "1 bit(s) late"},
		{"two bits early", []instrument.Switches{1, 2, 4, 8}, 0, shift(-2), "2 bit(s) early"},
		{"bit always 1", []instrument.Switches{1, 2, 4, 8}, 0, func(r []byte) {
			for i := range r {
				r[i] |= 0x40
			}
		}, "bit 6 of every byte reads 1"},
		{"bit always 0", []instrument.Switches{1, 2, 1, 8}, 0, func(r []byte) {
			for i := range r {
				r[i] &^= 0x01
			}
		}, "bit 0 of every byte reads 0"},
		{"single bit raised", []instrument.Switches{1, 2, 4, 8}, 0, func(r []byte) { r[1] |= 0x80 }, "from 0 to 1"},
		{"single bit lowered", []instrument.Switches{1, 2, 4, 8}, 0, func(r []byte) { r[1] = 0 }, "from 1 to 0"},
		{"both ways", []instrument.Switches{1, 2, 4, 8}, 0, func(r []byte) { r[1] = 0x80; r[2] = 0x11 }, "no pattern"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			b := newBoard(max(tc.real, 0))
			if tc.real == 0 {
				b = newBoard(len(tc.lines))
			}
			b.wrong = tc.wrong
			err := adg1438.New(b, adg1438.Options{Chips: len(tc.lines)}).Route(ctx, tc.lines)
			if instrument.KindOf(err) != instrument.KindChain || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("%v does not say %q", err, tc.text)
			}
		})
	}
}

func TestSingleChipIsNamed(t *testing.T) {
	b := newBoard(4)
	b.wrong = func(r []byte) {
		if r[1] == 4 {
			r[1] = 0x0c
		}
	}
	err := adg1438.New(b, adg1438.Options{Chips: 4}).Route(ctx, []instrument.Switches{1, 2, 4, 8})
	var e *instrument.Error
	var m *adg1438.Mismatch
	if !errors.As(err, &e) || e.Channel != "chip 3" || !errors.As(err, &m) || len(m.Chips) != 1 {
		t.Fatalf("%v", err)
	}
	if d := m.Chips[0]; d.Chip != 3 || d.Sent != 4 || d.Received != 0x0c ||
		!strings.Contains(err.Error(), "switches S4 differ") {
		t.Errorf("%+v: %v", d, err)
	}
	if !strings.Contains(err.Error(), "all switches were opened") || !bytes.Equal(b.closed(), make([]byte, 4)) {
		t.Errorf("%v with % x closed", err, b.closed())
	}
}

// A board that lost its supply between two routings is reported and opened,
// and the routing after that works again.
func TestLostRoutingIsNoticed(t *testing.T) {
	b := newBoard(3)
	c := adg1438.New(b, adg1438.Options{Chips: 3})
	if err := c.Route(ctx, []instrument.Switches{1, 2, 4}); err != nil {
		t.Fatal(err)
	}
	b.queue = make([]byte, 3)
	err := c.Route(ctx, []instrument.Switches{1, 2, 8})
	var m *adg1438.Mismatch
	if !errors.As(err, &m) || !m.Lost || instrument.KindOf(err) != instrument.KindChain ||
		!strings.Contains(err.Error(), "supply") {
		t.Fatalf("lost routing: %v", err)
	}
	if !bytes.Equal(b.closed(), make([]byte, 3)) {
		t.Errorf("% x left closed", b.closed())
	}
	if err := c.Route(ctx, []instrument.Switches{1, 2, 8}); err != nil {
		t.Errorf("after the report: %v", err)
	}
	// Safe only wants the switches open; how they came to change is logged.
	b.queue = []byte{1, 1, 1}
	var log bytes.Buffer
	c = adg1438.New(b, adg1438.Options{Chips: 3, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err := c.Route(ctx, []instrument.Switches{1, 2, 8}); err != nil {
		t.Fatal(err)
	}
	b.queue = []byte{1, 1, 1}
	if err := c.Safe(ctx); err != nil || !strings.Contains(log.String(), "changed by themselves") {
		t.Errorf("safe after a change: %v, log %q", err, log.String())
	}
}

// MOSI bridged to MISO gives every frame back at once. The first routing cannot
// tell it from a chain that held the same before; opening and the next can.
func TestBridgedData(t *testing.T) {
	c := adg1438.New(bridge{newBoard(3)}, adg1438.Options{Chips: 3})
	if err := c.Safe(ctx); instrument.KindOf(err) != instrument.KindChain || !strings.Contains(err.Error(), "bridged") {
		t.Errorf("safe: %v", err)
	}
	c = adg1438.New(bridge{newBoard(3)}, adg1438.Options{Chips: 3})
	if err := c.Route(ctx, []instrument.Switches{1, 2, 4}); err != nil {
		t.Fatal(err)
	}
	if err := c.Route(ctx, []instrument.Switches{4, 2, 1}); instrument.KindOf(err) != instrument.KindChain ||
		!strings.Contains(err.Error(), "bridged") {
		t.Errorf("second routing: %v", err)
	}
}

type bridge struct{ *board }

func (b bridge) Tx(w, r []byte) error {
	copy(r, w)
	return nil
}

// parking is a board whose port can leave SYNC low.
type parking struct {
	*board
	packets  []spi.Packet
	restarts int
}

func (p *parking) Restart() { p.restarts++ }

func (p *parking) KeepsCS() bool { return true }
func (p *parking) Tx(w, r []byte) error {
	panic("a port that keeps CS is used by packets")
}
func (p *parking) TxPackets(packets []spi.Packet) error {
	p.packets = append([]spi.Packet(nil), packets...)
	for _, k := range packets {
		if err := p.board.Tx(k.W, k.R); err != nil {
			return err
		}
	}
	return nil
}

// Where SYNC can stay low it does not rise after the frame that verifies, and
// both frames are one exchange.
func TestVerificationIsNotLatched(t *testing.T) {
	b := &parking{board: newBoard(3)}
	c := adg1438.New(b, adg1438.Options{Chips: 3})
	if err := c.Route(ctx, []instrument.Switches{1, 2, 4}); err != nil {
		t.Fatal(err)
	}
	if len(b.packets) != 2 || b.packets[0].KeepCS || !b.packets[1].KeepCS || !bytes.Equal(b.packets[0].W, b.packets[1].W) {
		t.Errorf("packets %+v", b.packets)
	}
	b.most = 7 // four bytes twice is what opening needs
	if err := c.Route(ctx, []instrument.Switches{1, 2, 4}); instrument.KindOf(err) != instrument.KindUsage ||
		!strings.Contains(err.Error(), "8 bytes") {
		t.Errorf("port of 7 bytes: %v", err)
	}
	b.most = 8
	if err := c.Safe(ctx); err != nil {
		t.Error(err)
	}
	// Opening is the last that is sent: nothing shall be left to rise later.
	if len(b.packets) != 2 || b.packets[0].KeepCS || b.packets[1].KeepCS {
		t.Errorf("after opening all switches SYNC stays low: %+v", b.packets)
	}
	b.fail = []error{nil, io.ErrClosedPipe}
	if err := c.Route(ctx, []instrument.Switches{1, 2, 4}); instrument.KindOf(err) != instrument.KindUnreachable {
		t.Errorf("%v", err)
	}
	if b.restarts != 0 {
		t.Errorf("%d restarts without a mismatch", b.restarts)
	}
	b.wrong = func(r []byte) { r[0] ^= 1 }
	if err := c.Route(ctx, []instrument.Switches{1, 2, 4}); instrument.KindOf(err) != instrument.KindChain ||
		b.restarts != 1 {
		t.Errorf("%d restarts, want one before opening: %v", b.restarts, err)
	}
	if err := c.Safe(ctx); err == nil || b.restarts != 2 {
		t.Errorf("%d restarts, want one before the second attempt: %v", b.restarts, err)
	}
}

// Route must not cost the heap anything: it is made before every device.
func TestRouteDoesNotAllocate(t *testing.T) {
	b := newBoard(40)
	c := adg1438.New(quiet{b}, adg1438.Options{Chips: 40})
	lines := make([]instrument.Switches, 40)
	lines[7] = 1
	if n := testing.AllocsPerRun(100, func() {
		if err := c.Route(ctx, lines); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations per routing", n)
	}
}

// quiet is an intact board that keeps no record.
type quiet struct{ *board }

func (q quiet) Tx(w, r []byte) error {
	copy(r, q.queue)
	copy(q.queue, w)
	return nil
}

func ExampleChain_Route() {
	b := newBoard(3) // a periph spi.Conn, as Connect returns it
	chain := adg1438.New(b, adg1438.Options{Chips: 3, Name: "A"})

	fmt.Println(chain.Route(context.Background(), []instrument.Switches{1, 0, 1 << 4})) // S1, none, S5
	fmt.Println(chain.Route(context.Background(), []instrument.Switches{1, 0, 1<<4 | 1}))
	fmt.Printf("frame on the wire: % x\n", b.sent[0])
	// Output:
	// <nil>
	// adg1438 route A [line 2]: line 2 would be connected to S1 and S5 at once, which joins those buses; no frame was sent; close one switch per line, or none
	// frame on the wire: 10 00 01
}

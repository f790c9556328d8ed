package buspirate_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"periph.io/x/conn/v3"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
	"pgregory.net/rapid"

	"xlab/driver/buspirate"
	"xlab/instrument"
)

func connect(t testing.TB, l *link, o buspirate.Options) (*buspirate.Port, spi.Conn) {
	t.Helper()
	p := buspirate.New(l, o)
	c, err := p.Connect(physic.MegaHertz, spi.Mode1, 8)
	if err != nil {
		t.Fatal(err)
	}
	return p, c
}

// Whatever state a program before left the box in, Connect gets it into SPI
// mode.
func TestConnectFromAnyState(t *testing.T) {
	for _, tc := range []struct {
		name string
		set  func(*link)
	}{
		{"terminal", func(*link) {}},
		{"terminal, zeros counted before", func(l *link) { l.zeros = 13 }},
		{"terminal with text on its way", func(l *link) { l.answers = []byte("\r\nHiZ>") }},
		{"bitbang", func(l *link) { l.state = "bitbang" }},
		{"bitbang with names on their way", func(l *link) { l.state = "bitbang"; l.answers = []byte("BBIO1BBIO1BB") }},
		{"SPI", func(l *link) { l.state = "spi" }},
		{"in the middle of a bulk transfer", func(l *link) { l.state, l.bulk, l.cs = "spi", 16, false }},
		{"answers of another session", func(l *link) { l.state = "spi"; l.answers = bytes.Repeat([]byte{1}, 300) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := newLink()
			tc.set(l)
			_, c := connect(t, l, buspirate.Options{})
			if l.state != "spi" || !l.cs {
				t.Errorf("state %q, CS high %v", l.state, l.cs)
			}
			r := make([]byte, 2)
			if err := c.Tx([]byte{1, 2}, r); err != nil || !bytes.Equal(r, []byte{0xfe, 0xfd}) {
				t.Errorf("% x %v", r, err)
			}
		})
	}
}

func TestConfiguration(t *testing.T) {
	for _, tc := range []struct {
		name  string
		clock physic.Frequency
		limit physic.Frequency
		mode  spi.Mode
		o     buspirate.Options
		want  []byte
	}{
		{"board", physic.MegaHertz, 0, spi.Mode1, buspirate.Options{}, []byte{0x43, 0x63, 0x88, 3}},
		{"mode 0", physic.MegaHertz, 0, spi.Mode0, buspirate.Options{}, []byte{0x43, 0x63, 0x8a, 3}},
		{"mode 2", physic.MegaHertz, 0, spi.Mode2, buspirate.Options{}, []byte{0x43, 0x63, 0x8e, 3}},
		{"mode 3", physic.MegaHertz, 0, spi.Mode3, buspirate.Options{}, []byte{0x43, 0x63, 0x8c, 3}},
		{"open drain", physic.MegaHertz, 0, spi.Mode1, buspirate.Options{OpenDrain: true, PullUps: true},
			[]byte{0x47, 0x63, 0x80, 3}},
		{"powered", physic.MegaHertz, 0, spi.Mode1, buspirate.Options{Power: true}, []byte{0x4b, 0x63, 0x88, 3}},
		{"30 kHz", 100 * physic.KiloHertz, 0, spi.Mode1, buspirate.Options{}, []byte{0x43, 0x60, 0x88, 3}},
		{"125 kHz", 249 * physic.KiloHertz, 0, spi.Mode1, buspirate.Options{}, []byte{0x43, 0x61, 0x88, 3}},
		{"250 kHz", 999 * physic.KiloHertz, 0, spi.Mode1, buspirate.Options{}, []byte{0x43, 0x62, 0x88, 3}},
		{"2 MHz, as 2.67 is above 2.6", 2600 * physic.KiloHertz, 0, spi.Mode1, buspirate.Options{},
			[]byte{0x43, 0x64, 0x88, 3}},
		{"2.67 MHz", 2700 * physic.KiloHertz, 0, spi.Mode1, buspirate.Options{}, []byte{0x43, 0x65, 0x88, 3}},
		{"4 MHz", 20 * physic.MegaHertz, 5 * physic.MegaHertz, spi.Mode1, buspirate.Options{}, []byte{0x43, 0x66, 0x88, 3}},
		{"anything", 0, 0, spi.Mode1, buspirate.Options{}, []byte{0x43, 0x67, 0x88, 3}},
		{"only the wires' limit", 0, physic.MegaHertz, spi.Mode1, buspirate.Options{}, []byte{0x43, 0x63, 0x88, 3}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := newLink()
			p := buspirate.New(l, tc.o)
			if tc.limit != 0 {
				if err := p.LimitSpeed(tc.limit); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := p.Connect(tc.clock, tc.mode, 8); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(l.commands, tc.want) {
				t.Errorf("% x, want % x", l.commands, tc.want)
			}
		})
	}
}

func TestConnectRefusesWithoutTouchingTheBox(t *testing.T) {
	for _, tc := range []struct {
		clock physic.Frequency
		mode  spi.Mode
		bits  int
		text  string
	}{
		{physic.MegaHertz, spi.Mode1 | spi.HalfDuplex, 8, "HalfDuplex"},
		{physic.MegaHertz, spi.Mode1 | spi.NoCS, 8, "NoCS"},
		{physic.MegaHertz, spi.Mode1 | spi.LSBFirst, 8, "mode"},
		{physic.MegaHertz, spi.Mode1, 16, "16 bits"},
		{physic.MegaHertz, spi.Mode1, 0, "0 bits"},
		{29 * physic.KiloHertz, spi.Mode1, 8, "30kHz"},
	} {
		l := newLink()
		_, err := buspirate.New(l, buspirate.Options{}).Connect(tc.clock, tc.mode, tc.bits)
		if instrument.KindOf(err) != instrument.KindUsage || !strings.Contains(err.Error(), tc.text) || len(l.writes) != 0 {
			t.Errorf("%+v: %v, wrote % x", tc, err, l.writes)
		}
	}
	l := newLink()
	p, _ := connect(t, l, buspirate.Options{})
	if _, err := p.Connect(physic.MegaHertz, spi.Mode1, 8); instrument.KindOf(err) != instrument.KindUsage {
		t.Errorf("second Connect: %v", err)
	}
	for _, f := range []physic.Frequency{0, -1, physic.Hertz} {
		if err := p.LimitSpeed(f); instrument.KindOf(err) != instrument.KindUsage {
			t.Errorf("limit %s: %v", f, err)
		}
	}
}

// One transfer is one write of chip select, data in pieces of 16, chip select
// and the end, and its data come back in order.
func TestTransferIsOneWrite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLink()
		p := buspirate.New(l, buspirate.Options{})
		c, err := p.Connect(physic.MegaHertz, spi.Mode1, 8)
		if err != nil {
			t.Fatal(err)
		}
		w := rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "w")
		r := make([]byte, len(w))
		before := len(l.writes)
		if err := c.Tx(w, r); err != nil {
			t.Fatal(err)
		}
		if len(l.writes) != before+1 {
			t.Fatalf("%d writes", len(l.writes)-before)
		}
		if got := l.frames[len(l.frames)-1]; !bytes.Equal(got, w) {
			t.Fatalf("clocked % x", got)
		}
		for i := range w {
			if r[i] != ^w[i] {
				t.Fatalf("read % x for % x", r, w)
			}
		}
	})
}

// The box cannot follow a whole frame at 30 kHz: no more than its four bytes
// of buffer are under way.
func TestSlowClockIsPaced(t *testing.T) {
	l := newLink()
	c, err := buspirate.New(l, buspirate.Options{}).Connect(30*physic.KiloHertz, spi.Mode1, 8)
	if err != nil {
		t.Fatal(err)
	}
	before := len(l.writes)
	if err := c.Tx(make([]byte, 40), nil); err != nil {
		t.Fatal(err)
	}
	for _, w := range l.writes[before:] {
		if len(w) > 4 {
			t.Errorf("%d bytes at once", len(w))
		}
	}
	if len(l.frames) != 1 || len(l.frames[0]) != 40 {
		t.Errorf("%d frames", len(l.frames))
	}
}

func TestHalvesOfATransfer(t *testing.T) {
	l := newLink()
	_, c := connect(t, l, buspirate.Options{})
	r := make([]byte, 3)
	if err := c.Tx(nil, r); err != nil || !bytes.Equal(r, []byte{0xff, 0xff, 0xff}) {
		t.Errorf("read only: % x %v", r, err)
	}
	if err := c.Tx([]byte{1, 2}, nil); err != nil || !bytes.Equal(l.frames[1], []byte{1, 2}) {
		t.Errorf("write only: % x %v", l.frames[1], err)
	}
	if c.Duplex() != conn.Full || c.(conn.Limits).MaxTxSize() < 513 || c.String() != "Bus Pirate at test" {
		t.Errorf("%v %d %s", c.Duplex(), c.(conn.Limits).MaxTxSize(), c)
	}
}

func TestPackets(t *testing.T) {
	l := newLink()
	_, c := connect(t, l, buspirate.Options{})
	before := len(l.writes)
	r := make([]byte, 1)
	if err := c.TxPackets([]spi.Packet{
		{W: []byte{1}, KeepCS: true}, {R: r, KeepCS: false}, {W: []byte{3, 4}, KeepCS: true},
	}); err != nil {
		t.Fatal(err)
	}
	if len(l.writes) != before+1 || l.cs || r[0] != 0xff {
		t.Errorf("%d writes, CS high %v, read % x", len(l.writes)-before, l.cs, r)
	}
	if err := c.Tx([]byte{5}, nil); err != nil { // CS is still low
		t.Fatal(err)
	}
	want := [][]byte{{1, 0}, {3, 4, 5}}
	if !slices.EqualFunc(l.frames, want, bytes.Equal) {
		t.Errorf("frames % x, want % x", l.frames, want)
	}
}

func TestTransferRefusals(t *testing.T) {
	l := newLink()
	p, c := connect(t, l, buspirate.Options{})
	before := len(l.writes)
	for name, err := range map[string]error{
		"unequal":   c.Tx(make([]byte, 2), make([]byte, 3)),
		"nothing":   c.Tx(nil, nil),
		"too long":  c.Tx(make([]byte, 2049), nil),
		"16 bits":   c.TxPackets([]spi.Packet{{W: []byte{1, 2}, BitsPerWord: 16}}),
		"no packet": c.TxPackets(nil),
	} {
		if instrument.KindOf(err) != instrument.KindUsage {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(l.writes) != before {
		t.Error("a refused transfer was sent")
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{"tx": c.Tx([]byte{1}, nil),
		"connect": func() error { _, err := p.Connect(physic.MegaHertz, spi.Mode1, 8); return err }()} {
		if instrument.KindOf(err) != instrument.KindUsage || !strings.Contains(err.Error(), "closed") {
			t.Errorf("%s after Close: %v", name, err)
		}
	}
}

// An answer that is late, short or wrong is an error of its kind; the transfer
// after it starts the box anew and gets its own answers.
func TestFaultsOfTheLink(t *testing.T) {
	for _, tc := range []struct {
		name string
		set  func(*link)
		kind instrument.Kind
		text string
	}{
		{"no answer", func(l *link) { l.garble = func([]byte) []byte { return nil } }, instrument.KindTimeout, "0 of 10"},
		{"an answer byte lost", func(l *link) { l.garble = func(a []byte) []byte { return a[1:] } }, instrument.KindTimeout,
			"9 of 10"},
		{"a byte lost on the way out", func(l *link) { l.silent = 1 }, instrument.KindTimeout, "of 10"},
		{"first status wrong", func(l *link) { l.garble = func(a []byte) []byte { a[0] = 0; return a } },
			instrument.KindProtocol, "answer byte 1 of 10, to chip select low, is 0x00"},
		{"bulk status wrong", func(l *link) { l.garble = func(a []byte) []byte { a[1] = 3; return a } },
			instrument.KindProtocol, "answer byte 2 of 10, to a bulk transfer, is 0x03"},
		{"last status wrong", func(l *link) { l.garble = func(a []byte) []byte { a[5] = 0xff; return a } },
			instrument.KindProtocol, "answer byte 6 of 10, to chip select high, is 0xff"},
		{"an answer byte twice", func(l *link) { l.garble = func(a []byte) []byte { return append([]byte{1}, a...) } },
			instrument.KindProtocol, "answer byte 5"},
		{"a data byte answered by 0x01 twice", func(l *link) {
			l.garble = func([]byte) []byte { return []byte{1, 1, 1, 1, 1, 1, 1, 'S', 'P', 'I', '1'} }
		}, instrument.KindProtocol, "ends with"},
		{"another name at the end", func(l *link) { l.garble = func(a []byte) []byte { a[9] = '2'; return a } },
			instrument.KindProtocol, "SPI2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := newLink()
			_, c := connect(t, l, buspirate.Options{})
			tc.set(l)
			r := make([]byte, 2)
			err := c.Tx([]byte{0x10, 0x20}, r)
			if instrument.KindOf(err) != tc.kind || !strings.Contains(err.Error(), tc.text) {
				t.Fatalf("%v", err)
			}
			var e *instrument.Error
			if !errors.As(err, &e) || e.Channel != "Bus Pirate at test" || e.Advice == "" {
				t.Errorf("%+v", e)
			}
			// A late answer of the failed transfer is still on its way.
			l.garble = nil
			l.answers = append(l.answers, 1, 1, 0xaa, 0xbb, 1)
			if err := c.Tx([]byte{0x01, 0x02}, r); err != nil || !bytes.Equal(r, []byte{0xfe, 0xfd}) {
				t.Errorf("the transfer after it: % x %v", r, err)
			}
		})
	}
}

func TestDeadlineOfEveryExchange(t *testing.T) {
	l := newLink()
	_, c := connect(t, l, buspirate.Options{Timeout: time.Minute})
	before := len(l.deadlines)
	if err := c.Tx([]byte{1}, nil); err != nil {
		t.Fatal(err)
	}
	if len(l.deadlines) != before+1 {
		t.Fatalf("%d deadlines set", len(l.deadlines)-before)
	}
	if left := time.Until(l.deadlines[before]); left < 50*time.Second || left > 70*time.Second {
		t.Errorf("deadline in %v", left)
	}
}

func TestLostAndWrongBoxes(t *testing.T) {
	for _, tc := range []struct {
		name string
		set  func(*link)
		kind instrument.Kind
		text string
	}{
		{"nobody there", func(l *link) { l.silent = 1 << 30 }, instrument.KindTimeout, "no answer"},
		{"read fails", func(l *link) { l.readErr = io.ErrUnexpectedEOF }, instrument.KindUnreachable, "lost"},
		{"write fails", func(l *link) { l.writeErr = io.ErrClosedPipe }, instrument.KindUnreachable, "lost"},
		{"write is late", func(l *link) { l.writeErr = fmt.Errorf("port: %w", os.ErrDeadlineExceeded) },
			instrument.KindTimeout, "cable"},
		{"something else", func(l *link) { l.garble = func([]byte) []byte { return []byte("ERROR\r\n") } },
			instrument.KindIdentity, "ERROR"},
		{"never stops talking", func(l *link) { l.garble = func([]byte) []byte { return make([]byte, 5000) } },
			instrument.KindIdentity, "no Bus Pirate"},
		{"another SPI mode", func(l *link) { l.spiName = "SPI2" }, instrument.KindIdentity, "SPI2"},
		{"no SPI mode", func(l *link) { l.spiName = "\x00" }, instrument.KindProtocol, "\\x00"},
		{"no configuration", func(l *link) {
			l.garble = func(a []byte) []byte {
				if len(a) == 4 && a[0] == 1 {
					a[1] = 0
				}
				return a
			}
		}, instrument.KindProtocol, "setting the speed was answered by 0x00"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := newLink()
			tc.set(l)
			p := buspirate.New(l, buspirate.Options{})
			_, err := p.Connect(physic.MegaHertz, spi.Mode1, 8)
			if instrument.KindOf(err) != tc.kind || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("kind %q: %v", instrument.KindOf(err), err)
			}
			if err := p.Close(); err != nil || !l.closed {
				t.Errorf("close of a port that never connected: %v, closed %v", err, l.closed)
			}
		})
	}
}

func TestLimitSpeedWhileConnected(t *testing.T) {
	l := newLink()
	p, c := connect(t, l, buspirate.Options{})
	if err := p.LimitSpeed(200 * physic.KiloHertz); err != nil {
		t.Fatal(err)
	}
	if err := c.Tx([]byte{1}, nil); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(l.commands, []byte{0x61}) || bytes.Contains(l.commands, []byte{0x63}) {
		t.Errorf("commands % x, want speed 0x61", l.commands)
	}
	writes := len(l.writes)
	if err := p.LimitSpeed(249 * physic.KiloHertz); err != nil { // the same clock
		t.Fatal(err)
	}
	if err := c.Tx([]byte{1}, nil); err != nil || len(l.writes) != writes+1 {
		t.Errorf("%v, %d writes", err, len(l.writes)-writes)
	}
}

// A setting that was changed on its way is acknowledged; Restart mends it.
func TestRestart(t *testing.T) {
	l := newLink()
	_, c := connect(t, l, buspirate.Options{})
	c.(*buspirate.Conn).Restart()
	writes := len(l.writes)
	if err := c.Tx([]byte{1}, nil); err != nil {
		t.Fatal(err)
	}
	if len(l.writes) == writes+1 || !bytes.HasPrefix(l.commands, []byte{0x43, 0x63, 0x88, 3}) {
		t.Errorf("%d writes, commands % x: not set up anew", len(l.writes)-writes, l.commands)
	}
	writes = len(l.writes)
	if err := c.Tx([]byte{1}, nil); err != nil || len(l.writes) != writes+1 {
		t.Errorf("set up anew more than once: %v", err)
	}
}

func TestClose(t *testing.T) {
	l := newLink()
	p, _ := connect(t, l, buspirate.Options{})
	if err := p.Close(); err != nil || !l.closed || l.state != "terminal" {
		t.Errorf("%v, closed %v, box in %q", err, l.closed, l.state)
	}
	if err := p.Close(); err != nil {
		t.Errorf("second time: %v", err)
	}

	// The link is closed even if the box does not answer any more, and both
	// errors are told.
	l = newLink()
	p, _ = connect(t, l, buspirate.Options{})
	l.silent, l.closeErr = 1<<30, io.ErrShortWrite
	err := p.Close()
	if !l.closed || !errors.Is(err, os.ErrDeadlineExceeded) || !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("closed %v: %v", l.closed, err)
	}
}

package adg1438

import (
	"bytes"
	"encoding/hex"
	"io/fs"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"xlab/hwdocs"
)

// terminals keeps what the chain told it.
type terminals struct {
	board  string
	closed []uint8
	calls  int
}

func (s *terminals) Switch(board string, closed []uint8) {
	s.board, s.closed = board, closed
	s.calls++
}

func newChain(t testing.TB, chips int) (*terminals, *Chain) {
	t.Helper()
	s := &terminals{}
	c, err := New(s, "A", chips)
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

// send is one SYNC pulse with whole bytes.
func send(c *Chain, mosi ...byte) (miso []byte) {
	miso = make([]byte, len(mosi))
	c.Select(true)
	c.Transfer(mosi, miso)
	c.Select(false)
	return miso
}

// The chips give the golden answers and end with the golden switches.
func TestGoldenFrames(t *testing.T) {
	text, err := fs.ReadFile(hwdocs.FS, "golden/adg1438.txt")
	if err != nil {
		t.Fatal(err)
	}
	sections := strings.Split("\n"+string(text), "\n== ")[1:]
	if len(sections) < 7 {
		t.Fatalf("only %d sections", len(sections))
	}
	for _, section := range sections {
		lines := strings.Split(section, "\n")
		name := lines[0]
		t.Run(name, func(t *testing.T) {
			fields := strings.Fields(name)
			broken := -1
			if fields[0] == "broken" {
				if broken, err = strconv.Atoi(fields[1]); err != nil {
					t.Fatal(err)
				}
				fields = fields[2:]
			}
			// The last step is what must be closed at the end.
			steps := strings.Split(strings.Join(fields[1:], " "), " / ")
			chips := len(unhex(t, steps[0]))
			want := make([]byte, chips)
			if last := steps[len(steps)-1]; last != "safe" {
				want = unhex(t, last)
			}
			for _, slow := range []bool{false, true} {
				_, c := newChain(t, chips)
				if broken >= 0 {
					if err := c.Break(broken, true); err != nil {
						t.Fatal(err)
					}
				}
				var got []byte
				for _, line := range lines[1:] {
					kind, rest, _ := strings.Cut(line, " ")
					switch kind {
					case ">":
						mosi := unhex(t, rest)
						got = make([]byte, len(mosi))
						c.Select(true)
						if slow {
							c.transferBits(mosi, got)
						} else {
							c.Transfer(mosi, got)
						}
						c.Select(false)
					case "<":
						if golden := unhex(t, rest); !bytes.Equal(got, golden) {
							t.Fatalf("% x on MISO, golden % x", got, golden)
						}
					}
				}
				if broken < 0 && !bytes.Equal(c.Closed(), want) {
					t.Errorf("% x closed at the end, want % x", c.Closed(), want)
				}
			}
		})
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The fast way of whole bytes is the chain, bit by bit.
func TestFastPathEqualsBits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		chips := rapid.IntRange(1, 50).Draw(t, "chips")
		fastBoard, slowBoard := &terminals{}, &terminals{}
		fast, err := New(fastBoard, "A", chips)
		if err != nil {
			t.Fatal(err)
		}
		slow, err := New(slowBoard, "A", chips)
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 5).Draw(t, "frames") {
			fast.Select(true)
			slow.Select(true)
			// Odd bits first, so that the bytes are not at the chips' borders.
			for range rapid.IntRange(0, 9).Draw(t, "odd bits") {
				bit := rapid.Bool().Draw(t, "bit")
				if fast.Clock(bit) != slow.Clock(bit) {
					t.Fatal("a single clock differs")
				}
			}
			mosi := rapid.SliceOfN(rapid.Byte(), 0, 120).Draw(t, "mosi")
			a, b := make([]byte, len(mosi)), make([]byte, len(mosi))
			fast.transferBytes(mosi, a)
			slow.transferBits(mosi, b)
			if !bytes.Equal(a, b) || !bytes.Equal(fast.register, slow.register) {
				t.Fatalf("% x: fast % x, bits % x", mosi, a, b)
			}
			fast.Select(false)
			slow.Select(false)
			if !bytes.Equal(fastBoard.closed, slowBoard.closed) || fastBoard.calls != slowBoard.calls {
				t.Fatal("the switches differ")
			}
		}
	})
}

// Clock is checked against the plainest thing there is: one long row of bits.
func TestClockIsOneLongShiftRegister(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		chips := rapid.IntRange(1, 8).Draw(t, "chips")
		board := &terminals{}
		c, err := New(board, "A", chips)
		if err != nil {
			t.Fatal(err)
		}
		row := make([]bool, 8*chips) // index 0 = bit 0 of chip 1
		c.Select(true)
		for range rapid.IntRange(0, 100).Draw(t, "clocks") {
			bit := rapid.Bool().Draw(t, "bit")
			if got := c.Clock(bit); got != row[len(row)-1] {
				t.Fatalf("MISO is %v", got)
			}
			row = append([]bool{bit}, row[:len(row)-1]...)
		}
		c.Select(false)
		for i, closed := range c.Closed() {
			for bit := range 8 {
				if closed>>bit&1 == 1 != row[8*i+bit] {
					t.Fatalf("S%d of chip %d is %08b", bit+1, i+1, closed)
				}
			}
		}
	})
}

// A frame that is not a multiple of eight bits leaves the last bits.
func TestOddFrame(t *testing.T) {
	s, c := newChain(t, 1)
	c.Select(true)
	for _, bit := range []bool{true, false, true, true, false, false, false, false, true, true, false} {
		c.Clock(bit)
	}
	if s.calls != 0 {
		t.Error("switches moved before SYNC rose")
	}
	c.Select(false)
	if want := byte(0b1000_0110); s.closed[0] != want || s.board != "A" {
		t.Errorf("%08b, want the last eight bits %08b", s.closed[0], want)
	}
}

func TestSync(t *testing.T) {
	s, c := newChain(t, 2)
	if !c.Clock(true) || c.register[0] != 0 {
		t.Error("a clock while SYNC is high must do nothing and read the pull-up")
	}
	miso := make([]byte, 1)
	if c.Transfer([]byte{0x55}, miso); miso[0] != 0xff || c.register[0] != 0 {
		t.Errorf("a byte while SYNC is high: % x", miso)
	}
	send(c, 1, 2)
	send(c, 1, 2)
	if s.calls != 1 {
		t.Errorf("%d calls for one change", s.calls)
	}
	c.Select(false)
	c.Select(true)
	c.Select(true)
	c.Select(false)
	if s.calls != 1 || !bytes.Equal(c.Closed(), []byte{2, 1}) {
		t.Errorf("SYNC alone changed % x, %d calls", c.Closed(), s.calls)
	}
}

func TestPowerCycle(t *testing.T) {
	s, c := newChain(t, 3)
	send(c, 4, 2, 1)
	c.PowerCycle()
	if !bytes.Equal(s.closed, make([]byte, 3)) || s.calls != 2 {
		t.Errorf("% x closed, %d calls", s.closed, s.calls)
	}
	if got := send(c, 4, 2, 1); !bytes.Equal(got, make([]byte, 3)) {
		t.Errorf("registers held % x after power-up", got)
	}
}

func TestFaults(t *testing.T) {
	for _, tc := range []struct {
		name   string
		set    func(*Chain) error
		closed []byte // chip 1 first, after a frame that gives every chip 0x10
		second []byte // MISO the second time
	}{
		{"SDO of chip 2 high", func(c *Chain) error { return c.StickSDO(2, true) }, []byte{0x10, 0x10, 0xff},
			[]byte{0xff, 0xff, 0xff}},
		{"SDO of chip 2 low", func(c *Chain) error { return c.StickSDO(2, false) }, []byte{0x10, 0x10, 0}, []byte{0, 0, 0}},
		{"DIN of chip 2 low", func(c *Chain) error { return c.StickDIN(2, false) }, []byte{0x10, 0, 0}, []byte{0, 0, 0}},
		{"DIN of chip 1 high", func(c *Chain) error { return c.StickDIN(1, true) }, []byte{0xff, 0xff, 0xff},
			[]byte{0xff, 0xff, 0xff}},
		{"SDO of the last chip low", func(c *Chain) error { return c.StickSDO(3, false) }, []byte{0x10, 0x10, 0x10},
			[]byte{0, 0, 0}},
		{"open MOSI", func(c *Chain) error { return c.Break(0, false) }, []byte{0, 0, 0}, []byte{0, 0, 0}},
		{"open behind chip 1", func(c *Chain) error { return c.Break(1, true) }, []byte{0x10, 0xff, 0xff},
			[]byte{0xff, 0xff, 0xff}},
		{"open MISO", func(c *Chain) error { return c.Break(3, true) }, []byte{0x10, 0x10, 0x10}, []byte{0xff, 0xff, 0xff}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, c := newChain(t, 3)
			if err := tc.set(c); err != nil {
				t.Fatal(err)
			}
			send(c, 0x10, 0x10, 0x10)
			if !bytes.Equal(c.Closed(), tc.closed) {
				t.Errorf("% x closed, want % x", c.Closed(), tc.closed)
			}
			if got := send(c, 0x10, 0x10, 0x10); !bytes.Equal(got, tc.second) {
				t.Errorf("% x on MISO, want % x", got, tc.second)
			}
			c.Repair()
			send(c, 1, 2, 3)
			if got := send(c, 1, 2, 3); !bytes.Equal(got, []byte{1, 2, 3}) || c.faults != 0 {
				t.Errorf("after the repair % x", got)
			}
		})
	}
}

func TestUpset(t *testing.T) {
	s, c := newChain(t, 2)
	send(c, 1, 2)
	if err := c.Upset(2, 7); err != nil {
		t.Fatal(err)
	}
	if s.calls != 1 {
		t.Error("the switches followed before SYNC rose")
	}
	if got := send(c, 1, 2); !bytes.Equal(got, []byte{0x81, 2}) {
		t.Errorf("% x", got)
	}
}

func TestRefusals(t *testing.T) {
	if _, err := New(&terminals{}, "A", 0); err == nil {
		t.Error("a chain without chips was made")
	}
	_, c := newChain(t, 3)
	for name, err := range map[string]error{
		"SDO of chip 0": c.StickSDO(0, true), "SDO of chip 4": c.StickSDO(4, true),
		"DIN of chip 0": c.StickDIN(0, true), "DIN of chip 4": c.StickDIN(4, true),
		"wire behind chip 4": c.Break(4, true), "wire behind chip -1": c.Break(-1, true),
		"bit 8": c.Upset(1, 8), "chip 0": c.Upset(0, 1), "chip 4": c.Upset(4, 1), "bit -1": c.Upset(1, -1),
	} {
		if err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if c.faults != 0 {
		t.Error("a refused fault was set")
	}
}

func BenchmarkTransfer(b *testing.B) {
	for _, chips := range []int{40, 512} {
		for name, bits := range map[string]bool{"bytes": false, "bits": true} {
			b.Run(name+"/"+strconv.Itoa(chips), func(b *testing.B) {
				_, c := newChain(b, chips)
				mosi, miso := make([]byte, chips), make([]byte, chips)
				b.ReportAllocs()
				for b.Loop() {
					c.Select(true)
					if bits {
						c.transferBits(mosi, miso)
					} else {
						c.transferBytes(mosi, miso)
					}
					c.Select(false)
				}
			})
		}
	}
}

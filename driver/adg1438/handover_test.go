package adg1438_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"xlab/driver/adg1438"
	"xlab/instrument"
)

// Frame is what Route puts onto the wire, and does not put it there.
func TestFrameIsThatOfRoute(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		chips := rapid.IntRange(1, 64).Draw(t, "chips")
		b := newBoard(chips)
		c := adg1438.New(b, adg1438.Options{Chips: chips})
		lines := routing(t, chips)
		lines[0] = 1 // not all open
		frame, err := c.Frame(lines)
		if err != nil || len(b.sent) != 0 {
			t.Fatalf("%v, %d frames sent", err, len(b.sent))
		}
		if err := c.Route(ctx, lines); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(frame, b.sent[0]) {
			t.Fatalf("% x, Route sends % x", frame, b.sent[0])
		}
	})
}

func TestFramesThatAreRefused(t *testing.T) {
	b := newBoard(3)
	c := adg1438.New(b, adg1438.Options{Chips: 3})
	for name, x := range map[string]struct {
		lines []instrument.Switches
		kind  instrument.Kind
	}{
		"two buses": {[]instrument.Switches{1, 3, 0}, instrument.KindRouting},
		"too few":   {[]instrument.Switches{1, 2}, instrument.KindUsage},
		"all open":  {[]instrument.Switches{0, 0, 0}, instrument.KindUsage},
	} {
		if frame, err := c.Frame(x.lines); instrument.KindOf(err) != x.kind || frame != nil {
			t.Errorf("%s: % x, %v", name, frame, err)
		}
	}
}

// What another controller does after a release is no surprise to the driver.
func TestRelease(t *testing.T) {
	b := newBoard(4)
	c := adg1438.New(b, adg1438.Options{Chips: 4})
	lines := []instrument.Switches{1, 2, 4, 8}
	if err := c.Route(ctx, lines); err != nil {
		t.Fatal(err)
	}
	if err := c.Release(ctx); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.closed(), make([]byte, 4)) {
		t.Errorf("released with % x closed", b.closed())
	}
	copy(b.queue, []byte{0x80, 0x40, 0x20, 0x10})
	if err := c.Route(ctx, lines); err != nil {
		t.Errorf("taken back: %v", err)
	}
	// Without a release it is one.
	copy(b.queue, []byte{0x80, 0x40, 0x20, 0x10})
	if err := c.Route(ctx, lines); instrument.KindOf(err) != instrument.KindChain {
		t.Errorf("%v", err)
	}

	b.broken = 2
	if err := c.Release(ctx); instrument.KindOf(err) != instrument.KindChain ||
		!strings.Contains(err.Error(), "switch off the board's supplies") {
		t.Errorf("a broken chain was handed over: %v", err)
	}
	b.broken = -1
	ended, cancel := context.WithCancel(ctx)
	cancel()
	sent := len(b.sent)
	if err := c.Release(ended); instrument.KindOf(err) != instrument.KindCancelled || len(b.sent) != sent {
		t.Errorf("%v", err)
	}
}

// A connection that leaves SYNC low raises it for the other controller.
func TestReleaseRaisesSync(t *testing.T) {
	b := &parking{board: newBoard(3)}
	c := adg1438.New(b, adg1438.Options{Chips: 3})
	if err := c.Release(ctx); err != nil {
		t.Fatal(err)
	}
	if last := b.packets[len(b.packets)-1]; last.KeepCS || !bytes.Equal(b.closed(), make([]byte, 3)) {
		t.Errorf("SYNC stays low: %v, % x closed", last.KeepCS, b.closed())
	}
}

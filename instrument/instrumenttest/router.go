package instrumenttest

import (
	"slices"
	"testing"

	"xlab/instrument"
)

// Board is a switch board that has been opened, seen from both sides.
type Board struct {
	Router instrument.Router
	// Sent is the number of bytes that the host has written so far. It must be
	// set.
	Sent func() int
	// Closed are the switches closed on each line, as the far side sees them;
	// nil where they cannot be seen.
	Closed func() []instrument.Switches
	// Break interrupts the chain until repair is called; nil where it cannot
	// be interrupted.
	Break func() (repair func())
}

// RouterFixture describes a switch board.
type RouterFixture struct {
	// Open makes a new board, ready to route. It cleans up with t.Cleanup.
	Open func(t *testing.T) Board
	// Lines is how many lines the board has.
	Lines int
}

// TestRouter runs the suite of instrument.Router.
func TestRouter(t *testing.T, f RouterFixture) {
	if f.Lines < 2 || f.Open == nil {
		t.Fatal("the fixture is incomplete: Open and at least two Lines are needed")
	}
	t.Run("Lines", func(t *testing.T) {
		if n := f.Open(t).Router.Lines(); n != f.Lines {
			t.Errorf("%d lines, want %d", n, f.Lines)
		}
	})
	runSubtests(t, []subtest{
		{"Routes", f.routes},
		{"WrongLength", f.wrongLength},
		{"TwoBusesOnOneLine", f.twoBuses},
		{"EndedContext", f.ended},
		{"BrokenChain", f.broken},
	})
}

// patterns are settings that tell lines, switches and their order apart.
func (f RouterFixture) patterns() [][]instrument.Switches {
	var out [][]instrument.Switches
	for s := range 8 { // each switch on all lines
		out = append(out, slices.Repeat([]instrument.Switches{1 << s}, f.Lines))
	}
	for _, at := range []int{0, 1, f.Lines / 2, f.Lines - 1} { // one line alone
		lines := make([]instrument.Switches, f.Lines)
		lines[at] = 1 << (at % 8)
		out = append(out, lines)
	}
	mixed := make([]instrument.Switches, f.Lines)
	for i := range mixed {
		if i%3 != 2 {
			mixed[i] = 1 << ((5*i + 1) % 8)
		}
	}
	return append(out, mixed, make([]instrument.Switches, f.Lines))
}

func (b Board) route(t *testing.T, lines []instrument.Switches) {
	t.Helper()
	given := slices.Clone(lines)
	if err := b.Router.Route(t.Context(), lines); err != nil {
		t.Fatalf("%v: %v", lines, err)
	}
	if !slices.Equal(given, lines) {
		t.Errorf("the caller's lines were changed from %v to %v", given, lines)
	}
	b.shows(t, lines)
}

func (b Board) shows(t *testing.T, lines []instrument.Switches) {
	t.Helper()
	if b.Closed == nil {
		return
	}
	if closed := b.Closed(); !slices.Equal(closed, lines) {
		t.Errorf("closed are %v, want %v", closed, lines)
	}
}

func (f RouterFixture) routes(t *testing.T) {
	b := f.Open(t)
	for _, lines := range f.patterns() {
		b.route(t, lines)
		b.route(t, lines) // again: nothing changes
	}
}

// refused checks that a setting is refused before a byte and changes nothing.
func (b Board) refused(t *testing.T, lines, before []instrument.Switches, kinds ...instrument.Kind) {
	t.Helper()
	sent := b.Sent()
	err := b.Router.Route(t.Context(), lines)
	if err == nil || !slices.Contains(kinds, instrument.KindOf(err)) {
		t.Errorf("%v: error %v of kind %q, want %q", lines, err, instrument.KindOf(err), kinds)
	}
	if b.Sent() != sent {
		t.Errorf("%v: %d bytes were sent", lines, b.Sent()-sent)
	}
	b.shows(t, before)
}

func (f RouterFixture) wrongLength(t *testing.T) {
	b := f.Open(t)
	before := f.patterns()[0]
	b.route(t, before)
	for _, n := range []int{0, 1, f.Lines - 1, f.Lines + 1, 2 * f.Lines} {
		if n != f.Lines {
			b.refused(t, make([]instrument.Switches, n), before, instrument.KindUsage, instrument.KindRouting)
		}
	}
	b.refused(t, nil, before, instrument.KindUsage, instrument.KindRouting)
}

func (f RouterFixture) twoBuses(t *testing.T) {
	b := f.Open(t)
	before := f.patterns()[0]
	b.route(t, before)
	for _, at := range []int{0, f.Lines / 2, f.Lines - 1} {
		for _, two := range []instrument.Switches{0b11, 0b10000001, 0b00010100, 0xff} {
			lines := slices.Clone(before)
			lines[at] = two
			b.refused(t, lines, before, instrument.KindRouting)
		}
	}
	b.route(t, before) // refusing is no failure
}

func (f RouterFixture) ended(t *testing.T) {
	b := f.Open(t)
	before := f.patterns()[0]
	b.route(t, before)
	for _, ctx := range endedContexts(t) {
		sent := b.Sent()
		if err := b.Router.Route(ctx, make([]instrument.Switches, f.Lines)); !isContextKind(err) || b.Sent() != sent {
			t.Errorf("with a context that has ended: %v, %d bytes sent", err, b.Sent()-sent)
		}
		b.shows(t, before)
	}
}

func (f RouterFixture) broken(t *testing.T) {
	b := f.Open(t)
	if b.Break == nil {
		t.Skip("the fixture cannot interrupt the chain")
	}
	b.route(t, f.patterns()[0])
	repair := b.Break()
	if err := b.Router.Route(t.Context(), f.patterns()[1]); instrument.KindOf(err) != instrument.KindChain {
		t.Errorf("through a broken chain: %v of kind %q", err, instrument.KindOf(err))
	}
	repair()
	b.route(t, f.patterns()[2])
}

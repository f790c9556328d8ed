package instrumenttest

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"xlab/instrument"
)

// Safed is an instrument with a safe state, seen from both sides.
type Safed struct {
	Safer instrument.Safer
	// Disturb brings the instrument out of its safe state through its own
	// driver, opening it again if that is needed.
	Disturb func(t *testing.T)
	// IsSafe asks the far side whether all outputs are at 0 V and disconnected,
	// or all switches open.
	IsSafe func() bool
}

// SaferFixture describes an instrument with a safe state.
type SaferFixture struct {
	// Open makes a new instrument. It cleans up with t.Cleanup.
	Open func(t *testing.T) Safed
}

// TestSafer runs the suite of instrument.Safer.
func TestSafer(t *testing.T, f SaferFixture) {
	safe := func(t *testing.T, s Safed, when string) {
		t.Helper()
		if err := s.Safer.Safe(t.Context()); err != nil {
			t.Errorf("%s: %v", when, err)
		}
		if !s.IsSafe() {
			t.Errorf("%s: the instrument is not in its safe state", when)
		}
	}
	t.Run("Fresh", func(t *testing.T) { safe(t, f.Open(t), "right after opening") })
	t.Run("Idempotent", func(t *testing.T) {
		s := f.Open(t)
		s.Disturb(t)
		if s.IsSafe() {
			t.Fatal("the fixture's Disturb does not bring the instrument out of its safe state")
		}
		safe(t, s, "once")
		safe(t, s, "twice")
		safe(t, s, "three times")
	})
	t.Run("AgainAfterUse", func(t *testing.T) {
		s := f.Open(t)
		for range 2 {
			s.Disturb(t)
			safe(t, s, "after use")
		}
	})
	t.Run("EndedContext", func(t *testing.T) {
		s := f.Open(t)
		s.Disturb(t)
		for _, ctx := range endedContexts(t) {
			// It may have done its work all the same; it may not claim it falsely.
			if err := s.Safer.Safe(ctx); err == nil && !s.IsSafe() {
				t.Error("with a context that has ended it claims to be safe and is not")
			} else if err != nil && !isContextKind(err) {
				t.Errorf("with a context that has ended: %v of kind %q", err, instrument.KindOf(err))
			}
		}
		safe(t, s, "with a fresh context after one that had ended")
	})
}

// IdentifierFixture describes an instrument that says who it is.
type IdentifierFixture struct {
	// Open makes a new instrument. It cleans up with t.Cleanup.
	Open func(t *testing.T) instrument.Identifier
	// Model must be contained in what it says.
	Model string
}

// TestIdentifier runs the suite of instrument.Identifier.
func TestIdentifier(t *testing.T, f IdentifierFixture) {
	if f.Model == "" {
		t.Fatal("the fixture is incomplete: Model is needed")
	}
	id := f.Open(t)
	first, err := id.Identify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(first.Model, f.Model) {
		t.Errorf("model %q, want %q in it", first.Model, f.Model)
	}
	if again, err := id.Identify(t.Context()); err != nil || !reflect.DeepEqual(again, first) {
		t.Errorf("the second time it is %+v (%v), the first time it was %+v", again, err, first)
	}
	for _, ctx := range endedContexts(t) {
		if _, err := id.Identify(ctx); !isContextKind(err) {
			t.Errorf("with a context that has ended: %v", err)
		}
	}
	if _, err := id.Identify(t.Context()); err != nil {
		t.Errorf("after a context that had ended: %v", err)
	}
}

// Timed is an instrument with a clock.
type Timed struct {
	Clock instrument.Clock
	// Advance lets at least this much bench time pass; nil where it cannot.
	Advance func(t *testing.T, by instrument.Seconds)
}

// ClockFixture describes an instrument with a clock.
type ClockFixture struct {
	// Open makes a new instrument. It cleans up with t.Cleanup.
	Open func(t *testing.T) Timed
	// Resolution of the clock.
	Resolution instrument.Seconds
}

// TestClock runs the suite of instrument.Clock.
func TestClock(t *testing.T, f ClockFixture) {
	c := f.Open(t)
	now := func() instrument.Seconds {
		t.Helper()
		s, err := c.Clock.BenchTime(t.Context())
		if err != nil || math.IsNaN(float64(s)) || math.IsInf(float64(s), 0) {
			t.Fatalf("bench time %v, %v", s, err)
		}
		return s
	}
	last := now()
	for range 5 {
		next := now()
		if next < last {
			t.Errorf("the clock went back from %v to %v", last, next)
		}
		last = next
	}
	if c.Advance != nil {
		c.Advance(t, 1)
		if next := now(); next-last < 1-2*f.Resolution {
			t.Errorf("1 s passed and the clock went from %v to %v", last, next)
		}
	}
	for _, ctx := range endedContexts(t) {
		if _, err := c.Clock.BenchTime(ctx); !isContextKind(err) {
			t.Errorf("with a context that has ended: %v", err)
		}
	}
}

package neuron

import (
	"context"
	"errors"
	"strings"
	"testing"

	"xlab/driver/transport"
	"xlab/instrument"
)

// powerCut switches the box off and on: what it was set to is gone, its line is not.
func (b *box) powerCut() {
	b.see(func() { b.ese, b.average, b.settle, b.queue, b.memory = 0, 1, 5, nil, nil })
}

// A board that was switched off and on is told once: by Check always, and by a
// reading where trims were lost with the supply.
func TestRestartIsTold(t *testing.T) {
	b, far := open(t, nil)
	told := func(what string, err error, want bool) {
		t.Helper()
		switch {
		case !want && err != nil:
			t.Errorf("%s: %v", what, err)
		case want && (!errors.Is(err, instrument.ErrRestarted) ||
			instrument.KindOf(err) != instrument.KindInstrument || Finding(err)):
			t.Errorf("%s: %v of kind %q, want a restart", what, err, instrument.KindOf(err))
		}
	}
	told("as opened", b.Check(t.Context()), false)
	far.powerCut()
	told("power cut", b.Check(t.Context()), true)
	told("told before", b.Check(t.Context()), false)

	// Without trims nothing is lost that a reading needs.
	b, far = open(t, func(o *Options) { o.Retries = 1 })
	far.powerCut()
	far.see(func() { far.garble = 1 }) // the line is brought into step, which finds it out
	_, err := b.Outputs(t.Context())
	told("a reading without trims", err, false)
	told("asked behind it", b.Check(t.Context()), true)

	if _, _, err := b.Trim(t.Context()); err != nil {
		t.Fatal(err)
	}
	far.powerCut()
	far.see(func() { far.garble = 1 })
	_, err = b.Outputs(t.Context())
	told("a reading with trims that are gone", err, true)
	if err == nil || !strings.Contains(err.Error(), "trim again") {
		t.Errorf("%v does not say what to do", err)
	}
	_, err = b.Outputs(t.Context())
	told("told before", err, false)

	// A burst is measured with the trims too.
	if _, _, err := b.Trim(t.Context()); err != nil {
		t.Fatal(err)
	}
	far.powerCut()
	if err := b.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = b.Burst(t.Context(), [][]byte{{1}}, true)
	told("a burst with trims that are gone", err, true)

	// Trimming again makes up for it.
	far.powerCut()
	if err := b.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Trim(t.Context()); err != nil {
		t.Fatal(err)
	}
	told("trimmed again", b.Check(t.Context()), false)
}

func TestResume(t *testing.T) {
	b, far := open(t, nil)
	far.see(func() { far.garble = 1 })
	if _, err := b.Outputs(t.Context()); instrument.KindOf(err) != instrument.KindProtocol {
		t.Fatalf("%v", err)
	}
	if err := b.Resume(t.Context()); err != nil {
		t.Errorf("after an answer that was garbled: %v", err)
	}
	far.see(func() { far.serial = "NB-2" })
	if err := b.Resume(t.Context()); instrument.KindOf(err) != instrument.KindIdentity ||
		!strings.Contains(err.Error(), "NB-2 answers") {
		t.Errorf("another board: %v", err)
	}
	far.conn.Close()
	if err := b.Resume(t.Context()); instrument.KindOf(err) != instrument.KindUnreachable {
		t.Errorf("no line: %v", err)
	}
}

// A board that hangs is reached over its port opened anew, and one that is
// another board then is refused.
func TestReopen(t *testing.T) {
	var next transport.Conn
	opened := 0
	b, _ := open(t, func(o *Options) {
		o.Reopen = func(context.Context) (transport.Conn, error) {
			opened++
			return next, nil
		}
	})
	var far *box
	far, next = newBox(t)
	far.see(func() { far.outputs = []instrument.Volts{1, 2, 3, 4} })
	if err := b.Reopen(t.Context()); err != nil || opened != 0 {
		t.Fatalf("%v, opened %d times before anything was asked", err, opened)
	}
	v, err := b.Outputs(t.Context())
	if err != nil || opened != 1 {
		t.Fatalf("%v, opened %d times", err, opened)
	}
	equal(t, "over the new port", v, 1, 2, 3, 4)

	far, next = newBox(t)
	far.see(func() { far.serial = "NB-9" })
	if err := b.Reopen(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.Resume(t.Context()); instrument.KindOf(err) != instrument.KindIdentity {
		t.Errorf("another board: %v", err)
	}

	b, _ = open(t, nil)
	if err := b.Reopen(t.Context()); instrument.KindOf(err) != instrument.KindUsage {
		t.Errorf("without a way to open the port: %v", err)
	}
}

// Whatever is asked of a board that is closed, not open, or for a caller that has
// given up, nothing is sent.
func TestNothingIsSent(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	calls := map[string]func(context.Context, *Board) error{
		"resume":  func(ctx context.Context, b *Board) error { return b.Resume(ctx) },
		"check":   func(ctx context.Context, b *Board) error { return b.Check(ctx) },
		"outputs": func(ctx context.Context, b *Board) error { _, err := b.Outputs(ctx); return err },
		"hidden":  func(ctx context.Context, b *Board) error { _, err := b.Hidden(ctx); return err },
		"trim":    func(ctx context.Context, b *Board) error { _, _, err := b.Trim(ctx); return err },
		"burst":   func(ctx context.Context, b *Board) error { _, err := b.Burst(ctx, [][]byte{{1}}, false); return err },
	}
	for name, call := range calls {
		far, conn := newBox(t)
		closed := New(conn, Options{Hidden: 10, Outputs: 4})
		if err := call(t.Context(), closed); instrument.KindOf(err) != instrument.KindUsage {
			t.Errorf("%s, not open: %v", name, err)
		}
		far.see(func() {
			if len(far.heard) > 0 {
				t.Errorf("%s, not open: %q", name, far.heard)
			}
		})
		b, far := open(t, nil)
		if err := call(over, b); instrument.KindOf(err) != instrument.KindCancelled {
			t.Errorf("%s, given up: %v", name, err)
		}
		// Somebody else has the board, and the caller gives up waiting.
		if err := b.turn.Acquire(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		waiting, stop := context.WithCancel(t.Context())
		gone := make(chan error)
		go func() { gone <- call(waiting, b) }()
		stop()
		if err := <-gone; instrument.KindOf(err) != instrument.KindCancelled {
			t.Errorf("%s, tired of waiting: %v", name, err)
		}
		b.give()
		far.see(func() {
			if len(far.heard) > 0 {
				t.Errorf("%s, given up: %q", name, far.heard)
			}
		})
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if err := call(t.Context(), b); instrument.KindOf(err) != instrument.KindUnreachable {
			t.Errorf("%s, closed: %v of kind %q", name, err, instrument.KindOf(err))
		}
	}
	for name, call := range map[string]func(context.Context, *Board) error{
		"open":     func(ctx context.Context, b *Board) error { return b.Open(ctx) },
		"identify": func(ctx context.Context, b *Board) error { _, err := b.Identify(ctx); return err },
	} {
		b, _ := open(t, nil)
		if err := call(over, b); instrument.KindOf(err) != instrument.KindCancelled {
			t.Errorf("%s, given up: %v", name, err)
		}
	}
}

// What the board has found out about itself is told from an answer that was lost:
// it would say it again.
func TestFinding(t *testing.T) {
	b, far := open(t, nil)
	far.see(func() { far.overRange = 1 })
	if _, err := b.Outputs(t.Context()); !Finding(err) {
		t.Errorf("over range: %v", err)
	}
	far.see(func() { far.overRange, far.garble = -1, 1 })
	if _, err := b.Outputs(t.Context()); err == nil || Finding(err) {
		t.Errorf("garbled: %v", err)
	}
	far.see(func() { far.queue = []string{`-240,"Hardware error;trim of H3 out of reach"`} })
	if _, _, err := b.Trim(t.Context()); !Finding(err) || !strings.Contains(err.Error(), "[H3]") {
		t.Errorf("out of reach: %v", err)
	}
	if Finding(nil) {
		t.Error("no error is a finding")
	}
}

func TestTrimAnswers(t *testing.T) {
	value, values := "+1.0E-03", strings.Repeat("+1.0E-03,", 13)
	for name, tc := range map[string]struct {
		answer, queue string
		kind          instrument.Kind
	}{
		"a word":                     {answer: values + "x", kind: instrument.KindProtocol},
		"one missing":                {answer: strings.TrimSuffix(values, ","), kind: instrument.KindProtocol},
		"a hidden neuron is garbled": {answer: strings.Replace(values, "E", "#", 1) + value, kind: instrument.KindProtocol},
		"an output is garbled":       {answer: values + "+1.0#-03", kind: instrument.KindProtocol},
		"an output beyond its rail":  {answer: values + "+9.900000E+37", kind: instrument.KindInstrument},
		"the board reports a fault": {answer: values + value, queue: `-240,"Hardware error;switch chain"`,
			kind: instrument.KindChain},
		"its queue has overflown": {answer: values + value, queue: `-350,"Queue overflow"`,
			kind: instrument.KindInstrument},
	} {
		b, far := open(t, nil)
		far.see(func() {
			far.says["CAL:OFFS?"] = tc.answer
			if tc.queue != "" {
				far.queue = []string{tc.queue}
			}
		})
		if _, _, err := b.Trim(t.Context()); instrument.KindOf(err) != tc.kind {
			t.Errorf("%s: %v of kind %q, want %q", name, err, instrument.KindOf(err), tc.kind)
		}
		far.see(func() { clear(far.says) })
		if _, err := b.Outputs(t.Context()); err != nil {
			t.Errorf("%s: afterwards: %v", name, err)
		}
		if b.trimmed {
			t.Errorf("%s: counts as trimmed", name)
		}
	}
}

// Frames that the board did not take are not run, and what it says of a burst
// counts as much as its values.
func TestBurstIsRefused(t *testing.T) {
	row := "+1.0E-01,+1.0E-01,+1.0E-01,+1.0E-01"
	for name, tc := range map[string]struct {
		change func(far *box)
		kind   instrument.Kind
		played bool
	}{
		"the count is garbled": {func(far *box) { far.says["BURS:COUN?"] = "x" }, instrument.KindProtocol, false},
		"the memory complains": {func(far *box) { far.queue = []string{`-321,"Out of memory;BURS:FRAM"`} },
			instrument.KindInstrument, false},
		"the converter was over range": {func(far *box) { far.says["BURS:RUN?"], far.says[conditionQuery] = row, "2" },
			instrument.KindInstrument, true},
		"the chain was broken": {func(far *box) { far.says["BURS:RUN?"], far.says[conditionQuery] = row, "4" },
			instrument.KindChain, true},
	} {
		b, far := open(t, nil)
		far.see(func() { tc.change(far) })
		if _, err := b.Burst(t.Context(), [][]byte{{1}}, false); instrument.KindOf(err) != tc.kind {
			t.Errorf("%s: %v of kind %q, want %q", name, err, instrument.KindOf(err), tc.kind)
		}
		far.see(func() {
			if ran := strings.Contains(strings.Join(far.heard, "\n"), "BURS:RUN?"); ran != tc.played {
				t.Errorf("%s: run: %v", name, ran)
			}
		})
	}
}

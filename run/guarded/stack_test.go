package guarded_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"

	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/run"
	"xlab/run/guarded"
	"xlab/run/guarded/trip"
	"xlab/run/recovery"
	"xlab/run/replay"
)

// log is what happened, in order. It is a journal and a condition too.
type log struct {
	lines []string
	trip  error
}

func (l *log) add(format string, a ...any) { l.lines = append(l.lines, fmt.Sprintf(format, a...)) }

func (l *log) Intent(any) (uint64, error)     { l.add("intent"); return 1, nil }
func (l *log) Part(uint64, any) error         { l.add("part"); return nil }
func (l *log) Result(uint64, any) error       { l.add("result"); return nil }
func (l *log) Event(kind string, _ any) error { l.add("event %s", kind); return nil }

func (l *log) Check(context.Context) error { l.add("condition"); return l.trip }

// is compares what happened since it was called last.
func (l *log) is(t *testing.T, what string, want ...string) {
	t.Helper()
	if !slices.Equal(l.lines, want) {
		t.Errorf("%s:\n%q, want\n%q", what, l.lines, want)
	}
	l.lines = nil
}

// bar is an array and its switch board. fail fails as many uses; open the opening
// of its switches.
type bar struct {
	name string
	log  *log
	fail int
	open error
}

func (b *bar) Size() (rows, cols int) { return 2, 2 }
func (b *bar) Forget()                { b.log.add("%s forgets", b.name) }

func (b *bar) Safe(context.Context) error { b.log.add("%s opens", b.name); return b.open }

func (b *bar) failing() error {
	if b.fail == 0 {
		return nil
	}
	b.fail--
	return &instrument.Error{Kind: instrument.KindTimeout, Err: errors.New("no answer")}
}

func (b *bar) Do(_ context.Context, _ array.Cell, steps ...array.Step) ([]array.Result, error) {
	for _, s := range steps {
		b.log.add("%s %s", b.name, map[bool]string{false: "reads", true: "pulses"}[s.Stress()])
	}
	if err := b.failing(); err != nil {
		return nil, err
	}
	return slices.Repeat([]array.Result{{Levels: []array.Level{{Voltage: 0.2, Current: 1e-6}}, Busy: 1}}, len(steps)), nil
}

func (b *bar) Leakage(context.Context, instrument.Volts, instrument.Amps, instrument.Seconds) (array.Leakage, error) {
	b.log.add("%s leaks", b.name)
	return array.Leakage{}, b.failing()
}

var (
	cell  = array.Cell{}
	pulse = array.Pulse{Voltage: 1, Width: 1e-3, Scheme: array.HalfVoltage, Compliance: 1e-3}
	read  = array.Read{Voltage: 0.2, Compliance: 1e-3, Aperture: 1e-3}
	names = []run.ArrayHeader{{Name: "A", Rows: 2, Cols: 2}, {Name: "B", Rows: 2, Cols: 2}}
)

// stacked is a full stack over two arrays. leakageEvery 0 leaves the leakage
// unwatched.
func stacked(t *testing.T, l *log, leakageEvery int, records iter.Seq2[run.Record, error]) (a, b *bar,
	s *guarded.Stack) {
	t.Helper()
	tape, err := replay.New(records, replay.Options{Journal: l, Read: read})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tape.Close)
	o := trip.Options{Conditions: []trip.Condition{l}, Journal: l.Event}
	if leakageEvery > 0 {
		o.Leakage = &trip.LeakageOptions{Factor: 10, Every: leakageEvery, Compliance: 1e-3}
	}
	a, b = &bar{name: "A", log: l}, &bar{name: "B", log: l}
	var turns guarded.Turns
	turns.Add("A", a, a)
	turns.Add("B", b, b)
	return a, b, guarded.New(guarded.Options{Arrays: names, Turns: &turns, Tape: tape, Watch: trip.New(o),
		Ladder: recovery.New(recovery.Options{Journal: l.Event, Read: read,
			Restore: func(context.Context, bool) error { l.add("bench is brought back"); return nil },
			Check:   func(context.Context) error { l.add("instruments"); return nil },
		})})
}

func TestOrder(t *testing.T) {
	var l log
	a, b, s := stacked(t, &l, 0, nil)
	do := func(name string, steps ...array.Step) error {
		_, err := s.Crossbar(name).Do(t.Context(), cell, steps...)
		return err
	}
	if err := do("A", pulse); err != nil {
		t.Error(err)
	}
	l.is(t, "a pulse", "intent", "condition", "instruments", "A pulses", "result")
	if err := do("b", read); err != nil {
		t.Error(err)
	}
	l.is(t, "a read of the other array", "A opens", "A forgets", "B reads", "event read")

	a.fail = 1
	if err := do("A", read); err != nil {
		t.Error(err)
	}
	l.is(t, "a read that is repeated", "B opens", "B forgets", "A reads", "bench is brought back", "event recovery",
		"A reads", "event read")
	b.fail = 1
	if err := do("B", pulse, read); err != nil {
		t.Error(err)
	}
	l.is(t, "stress whose answer is lost", "intent", "condition", "instruments", "A opens", "A forgets", "B pulses",
		"B reads", "bench is brought back", "event recovery", "B reads", "result")

	b.open = errors.New("it is stuck")
	if err := do("A", pulse); !errors.Is(err, array.ErrNotBegun) || !errors.Is(err, b.open) {
		t.Errorf("%v", err)
	}
	l.is(t, "a board that does not open", "intent", "condition", "instruments", "B opens", "part")

	l.trip = errors.New("it is too hot")
	if err := do("A", pulse); run.ExitCode(err) != run.ExitTrip || !errors.Is(err, array.ErrNotBegun) {
		t.Errorf("%v", err)
	}
	l.is(t, "a trip", "intent", "condition", "event trip", "part")
	if busy := s.Busy(); busy != 4 {
		t.Errorf("the instruments were busy for %v", busy)
	}
}

// The leakage is measured on the same way as steps are done: in the array's turn,
// and again when the link was lost.
func TestLeakageTakesTurns(t *testing.T) {
	var l log
	_, b, s := stacked(t, &l, 1, nil)
	if _, err := s.Crossbar("A").Do(t.Context(), cell, read); err != nil {
		t.Error(err)
	}
	l.lines = nil
	b.fail = 1
	if _, err := s.Crossbar("B").Do(t.Context(), cell, pulse); err != nil {
		t.Error(err)
	}
	l.is(t, "a pulse", "intent", "condition", "A opens", "A forgets", "B leaks", "bench is brought back",
		"event recovery", "B leaks", "event leakage", "instruments", "B pulses", "result")
}

// What the record answers reaches no layer below the tape.
func TestRecordAnswers(t *testing.T) {
	asked := []array.Step{pulse}
	record := func(yield func(run.Record, error) bool) {
		_ = yield(run.Record{Seq: 1, Type: run.TypeIntent, Data: text(t, array.Intent{Array: "A", Steps: asked})}, nil) &&
			yield(run.Record{Seq: 2, Type: run.TypeResult, Of: 1,
				Data: text(t, array.Done{Array: "A", Steps: asked, Results: []array.Result{{Busy: 3}}})}, nil)
	}
	var l log
	_, _, s := stacked(t, &l, 1, record)
	if _, err := s.Crossbar("A").Do(t.Context(), cell, pulse); err != nil {
		t.Error(err)
	}
	l.is(t, "a pulse on record")
	if _, err := s.Crossbar("A").Do(t.Context(), cell, read); err != nil {
		t.Error(err)
	}
	l.is(t, "a read behind it", "event resume", "A reads", "event read")
}

// Without a tape nothing is kept, and nothing stands in front of the turns but the
// bounds of a group.
func TestUnrecorded(t *testing.T) {
	var l log
	a, b := &bar{name: "A", log: &l}, &bar{name: "B", log: &l}
	var turns guarded.Turns
	turns.Add("B", b, b)
	turns.Add("A", a, a)
	for range 2 { // whose turn it is, is known to the bench and not to the stack
		s := guarded.New(guarded.Options{Turns: &turns})
		for _, name := range []string{"A", "A", "B"} {
			if _, err := s.Crossbar(name).Do(t.Context(), cell, pulse); err != nil {
				t.Error(err)
			}
		}
	}
	if busy := guarded.New(guarded.Options{}).Busy(); busy != 0 {
		t.Errorf("without any array the instruments were busy for %v", busy)
	}
	l.is(t, "two stacks", "A pulses", "A pulses", "A opens", "A forgets", "B pulses",
		"B opens", "B forgets", "A pulses", "A pulses", "A opens", "A forgets", "B pulses")
}

// text is data as the journal holds it.
func text(t *testing.T, data any) []byte {
	t.Helper()
	b, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

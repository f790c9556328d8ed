package array_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"xlab/instrument"
	"xlab/instrument/array"
)

// fakeJournal keeps what is written, as JSON: a record that cannot be encoded
// is none.
type fakeJournal struct {
	lines  []string // kind, id, data
	open   map[uint64]string
	next   uint64
	broken func(kind string) error
}

func (j *fakeJournal) write(kind string, id uint64, data any) error {
	if j.broken != nil {
		if err := j.broken(kind); err != nil {
			return err
		}
	}
	b, err := json.Marshal(data)
	if err != nil {
		return err
	}
	j.lines = append(j.lines, fmt.Sprintf("%s %d %s", kind, id, b))
	return nil
}

func (j *fakeJournal) Intent(data any) (uint64, error) {
	if err := j.write("intent", j.next+1, data); err != nil {
		return 0, err
	}
	j.next++
	if j.open == nil {
		j.open = make(map[uint64]string)
	}
	j.open[j.next] = j.lines[len(j.lines)-1]
	return j.next, nil
}

func (j *fakeJournal) Part(id uint64, data any) error {
	if j.open[id] == "" {
		return fmt.Errorf("intent %d is not open", id)
	}
	return j.write("part", id, data)
}

func (j *fakeJournal) Result(id uint64, data any) error {
	if j.open[id] == "" {
		return fmt.Errorf("intent %d is not open", id)
	}
	delete(j.open, id)
	return j.write("result", id, data)
}

func (j *fakeJournal) Event(kind string, data any) error { return j.write("event:"+kind, 0, data) }

// kinds is the journal without its contents.
func (j *fakeJournal) kinds() string {
	var list []string
	for _, line := range j.lines {
		kind, _, _ := strings.Cut(line, " {")
		kind, _, _ = strings.Cut(kind, " null")
		list = append(list, strings.TrimSuffix(kind, " 0"))
	}
	return strings.Join(list, ", ")
}

// fakeCrossbar performs everything and notes it.
type fakeCrossbar struct {
	did  []string
	fail error
	done int                            // steps confirmed before it fails
	hook func(array.Cell, []array.Step) // before anything is done
}

func (f *fakeCrossbar) Size() (int, int) { return 20, 20 }

func (f *fakeCrossbar) Do(_ context.Context, cell array.Cell, steps ...array.Step) ([]array.Result, error) {
	if f.hook != nil {
		f.hook(cell, steps)
	}
	f.did = append(f.did, cell.String())
	results := make([]array.Result, len(steps))
	for i := range results {
		results[i] = array.Result{Levels: []array.Level{{Voltage: 0.1, Current: 1e-6}}, Busy: 0.5}
	}
	if f.fail != nil {
		return results[:f.done], f.fail
	}
	return results, nil
}

func newJournaled() (*array.Journaled, *fakeCrossbar, *fakeJournal) {
	c, j := &fakeCrossbar{}, &fakeJournal{}
	return array.NewJournaled(c, "A", j), c, j
}

func bounds(steps int) array.Bounds {
	return array.Bounds{Steps: steps, MinVoltage: -2, MaxVoltage: 2, MaxCurrent: 1e-3}
}

func TestJournalOrder(t *testing.T) {
	cell, other := array.Cell{Row: 1, Col: 2}, array.Cell{Row: 2, Col: 1}
	pulse := aPulse(1, array.HalfVoltage)
	for _, c := range []struct {
		name string
		do   func(t *testing.T, j *array.Journaled)
		want string
	}{
		{"a read is an event", func(t *testing.T, j *array.Journaled) { must(t, j, cell, aRead()) }, "event:read"},
		{"a pulse alone", func(t *testing.T, j *array.Journaled) { must(t, j, cell, pulse) }, "intent 1, result 1"},
		{"pulse and verifying read", func(t *testing.T, j *array.Journaled) { must(t, j, cell, pulse, aRead()) },
			"intent 1, result 1"},
		{"one intent for a group", func(t *testing.T, j *array.Journaled) {
			expect(t, j, cell, bounds(3))
			must(t, j, cell, pulse, aRead())
			must(t, j, cell, aRead())
			must(t, j, cell, pulse, pulse, aRead())
			settle(t, j)
		}, "intent 1, part 1, event:read, part 1, result 1"},
		{"more steps than expected", func(t *testing.T, j *array.Journaled) {
			expect(t, j, cell, bounds(2))
			must(t, j, cell, pulse)
			must(t, j, cell, pulse, pulse) // one too many: both need an intent
			must(t, j, cell, pulse)
		}, "intent 1, part 1, result 1, intent 2, result 2, intent 3, result 3"},
		{"counted by step, not by call", func(t *testing.T, j *array.Journaled) {
			expect(t, j, cell, bounds(3))
			must(t, j, cell, pulse, pulse)
			must(t, j, cell, pulse, pulse)
		}, "intent 1, part 1, result 1, intent 2, result 2"},
		{"beyond the bounds", func(t *testing.T, j *array.Journaled) {
			expect(t, j, cell, bounds(9))
			must(t, j, cell, aPulse(2.5, array.HalfVoltage))
		}, "intent 1, result 1, intent 2, result 2"},
		{"beyond them downwards", func(t *testing.T, j *array.Journaled) {
			expect(t, j, cell, bounds(9))
			must(t, j, cell, aPulse(-2.5, array.HalfVoltage))
		}, "intent 1, result 1, intent 2, result 2"},
		{"one of two steps beyond", func(t *testing.T, j *array.Journaled) {
			expect(t, j, cell, bounds(9))
			must(t, j, cell, pulse, aPulse(-2.5, array.HalfVoltage))
		}, "intent 1, result 1, intent 2, result 2"},
		{"the weaker end of a sweep beyond", func(t *testing.T, j *array.Journaled) {
			b := bounds(9)
			b.MinVoltage = -0.5
			expect(t, j, cell, b)
			must(t, j, cell, array.Sweep{Kind: instrument.SweepVoltage, Start: -1, Stop: 2, Steps: 2, Compliance: 1e-3,
				Return: 1e-3, Scheme: array.HalfVoltage})
		}, "intent 1, result 1, intent 2, result 2"},
		{"the column's compliance beyond", func(t *testing.T, j *array.Journaled) {
			expect(t, j, cell, bounds(9))
			must(t, j, cell, array.Sweep{Kind: instrument.SweepVoltage, Stop: 2, Steps: 2, Compliance: 1e-3, Return: 5e-3,
				Scheme: array.HalfVoltage})
		}, "intent 1, result 1, intent 2, result 2"},
		{"a current beyond", func(t *testing.T, j *array.Journaled) {
			expect(t, j, cell, bounds(9))
			must(t, j, cell, array.Sweep{Kind: instrument.SweepCurrent, Start: 2e-3, Stop: 1e-6, Steps: 2, Compliance: 2,
				Return: 1e-3, Scheme: array.Floating})
		}, "intent 1, result 1, intent 2, result 2"},
		{"sweeps within", func(t *testing.T, j *array.Journaled) {
			expect(t, j, cell, bounds(9))
			must(t, j, cell, array.Sweep{Kind: instrument.SweepCurrent, Start: -1e-3, Stop: 1e-3, Steps: 2, Compliance: 2,
				Return: 1e-3, Scheme: array.Floating},
				array.Sweep{Kind: instrument.SweepVoltage, Start: -2, Stop: 2, Steps: 2, Compliance: 1e-3, Return: 1e-3,
					Scheme: array.HalfVoltage})
		}, "intent 1, part 1"},
		{"another device", func(t *testing.T, j *array.Journaled) {
			expect(t, j, cell, bounds(9))
			must(t, j, other, pulse)
			must(t, j, cell, pulse)
		}, "intent 1, result 1, intent 2, result 2, intent 3, result 3"},
		{"a read of another device leaves the group", func(t *testing.T, j *array.Journaled) {
			expect(t, j, cell, bounds(9))
			must(t, j, other, aRead())
			must(t, j, cell, pulse)
		}, "intent 1, event:read, part 1"},
		{"the next group ends this one", func(t *testing.T, j *array.Journaled) {
			expect(t, j, cell, bounds(9))
			expect(t, j, other, bounds(9))
			must(t, j, other, pulse)
			settle(t, j)
			settle(t, j) // nothing is open any more
		}, "intent 1, result 1, intent 2, part 2, result 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			j, _, journal := newJournaled()
			c.do(t, j)
			if got := journal.kinds(); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func must(t *testing.T, j *array.Journaled, cell array.Cell, steps ...array.Step) {
	t.Helper()
	if r, err := j.Do(ctx, cell, steps...); err != nil || len(r) != len(steps) {
		t.Fatalf("%d results, %v", len(r), err)
	}
}

func expect(t *testing.T, j *array.Journaled, cell array.Cell, b array.Bounds) {
	t.Helper()
	if err := j.Expect(cell, b); err != nil {
		t.Fatal(err)
	}
}

func settle(t *testing.T, j *array.Journaled) {
	t.Helper()
	if err := j.Settle(map[string]string{"became": "of it"}); err != nil {
		t.Fatal(err)
	}
}

// What happened during an error is not known: the intent stays open, with what
// was confirmed, and later steps do not rest on it.
func TestErrorLeavesTheIntentOpen(t *testing.T) {
	cell := array.Cell{Row: 1, Col: 2}
	for _, grouped := range []bool{false, true} {
		j, c, journal := newJournaled()
		if grouped {
			expect(t, j, cell, bounds(9))
		}
		c.fail, c.done = errBroken, 1
		results, err := j.Do(ctx, cell, aRead(), aPulse(1, array.HalfVoltage))
		if !errors.Is(err, errBroken) || len(results) != 1 || j.Busy() != 0.5 {
			t.Fatalf("%d results, %v, busy %v", len(results), err, j.Busy())
		}
		if got := journal.kinds(); got != "intent 1, part 1" || len(journal.open) != 1 {
			t.Errorf("journal: %s", got)
		}
		if part := journal.lines[1]; !strings.Contains(part, errBroken.Error()) || !strings.Contains(part, `"op":"pulse"`) {
			t.Errorf("the part says %s", part)
		}
		c.fail = nil
		settle(t, j) // ends nothing: the intent stays open for good
		must(t, j, cell, aPulse(1, array.HalfVoltage))
		if got := journal.kinds(); got != "intent 1, part 1, intent 2, result 2" || len(journal.open) != 1 {
			t.Errorf("journal: %s", got)
		}
	}
	// A read that failed is an event with the error, and needs no resolving.
	j, c, journal := newJournaled()
	c.fail = errBroken
	if _, err := j.Do(ctx, cell, aRead()); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
	if journal.kinds() != "event:read" || !strings.Contains(journal.lines[0], errBroken.Error()) {
		t.Errorf("journal: %v", journal.lines)
	}
}

// Without an intent on disk nothing is done; a result that cannot be recorded
// is an error although the step was done.
func TestJournalFailures(t *testing.T) {
	cell := array.Cell{Row: 1, Col: 2}
	for _, failing := range []string{"intent", "part", "result", "event:read"} {
		j, c, journal := newJournaled()
		var err error
		journal.broken = func(kind string) error {
			if kind == failing {
				return errBroken
			}
			return nil
		}
		if failing == "part" {
			expect(t, j, cell, bounds(9))
		}
		step := array.Step(aPulse(1, array.HalfVoltage))
		if failing == "event:read" {
			step = aRead()
		}
		results, err := j.Do(ctx, cell, step)
		if !errors.Is(err, errBroken) {
			t.Errorf("%s: got %v", failing, err)
		}
		if did := len(c.did); did != len(results) || (did == 0) != (failing == "intent") {
			t.Errorf("%s: the crossbar did %v, %d results", failing, c.did, len(results))
		}
	}
	// An intent that cannot be written also keeps Expect from succeeding, and a
	// group that cannot be ended keeps the next from beginning.
	j, c, journal := newJournaled()
	journal.broken = func(kind string) error {
		if kind == "result" {
			return errBroken
		}
		return nil
	}
	expect(t, j, cell, bounds(9))
	if err := j.Expect(array.Cell{}, bounds(9)); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
	journal.broken = func(string) error { return errBroken }
	if err := j.Expect(cell, bounds(9)); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
	if _, err := j.Do(ctx, cell, aPulse(1, array.HalfVoltage)); !errors.Is(err, errBroken) || len(c.did) != 0 {
		t.Errorf("the crossbar did %v, %v", c.did, err)
	}
}

func TestNothingBegunUnderAnEndedContext(t *testing.T) {
	ended, cancel := context.WithCancelCause(ctx)
	cancel(errBroken)
	j, c, journal := newJournaled()
	if _, err := j.Do(ended, array.Cell{}, aPulse(1, array.HalfVoltage)); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
	if len(c.did)+len(journal.lines) != 0 {
		t.Errorf("the crossbar did %v, the journal has %v", c.did, journal.lines)
	}
	plain, stop := context.WithCancel(ctx)
	stop()
	if _, err := j.Do(plain, array.Cell{}, aRead()); instrument.KindOf(err) != instrument.KindCancelled {
		t.Errorf("got %v", err)
	}
}

// covers tells from an intent's text whether it covers a stressing step, by
// rules of its own.
func covers(text string, cell array.Cell, step array.Step) bool {
	var intent struct {
		Array  string
		Cell   array.Cell
		Bounds *array.Bounds
		Steps  []json.RawMessage
	}
	_, data, _ := strings.Cut(text, "{")
	if json.Unmarshal([]byte("{"+data), &intent) != nil || intent.Array != "A" || intent.Cell != cell {
		return false
	}
	for _, raw := range intent.Steps {
		if s, err := array.StepKinds().Step(raw); err == nil && s == step {
			return true
		}
	}
	b := intent.Bounds
	if b == nil {
		return false
	}
	volts := func(list ...float64) bool {
		for _, v := range list {
			if v < float64(b.MinVoltage) || v > float64(b.MaxVoltage) {
				return false
			}
		}
		return true
	}
	amps := func(list ...float64) bool {
		for _, i := range list {
			if i > float64(b.MaxCurrent) || -i > float64(b.MaxCurrent) {
				return false
			}
		}
		return true
	}
	switch s := step.(type) {
	case array.Pulse:
		return volts(float64(s.Voltage)) && amps(float64(s.Compliance))
	case array.Sweep:
		if s.Kind == instrument.SweepVoltage {
			return volts(s.Start, s.Stop) && amps(s.Compliance, float64(s.Return))
		}
		return (s.Start <= 0 && s.Stop <= 0 || volts(s.Compliance)) &&
			(s.Start >= 0 && s.Stop >= 0 || volts(-s.Compliance)) && amps(s.Start, s.Stop, float64(s.Return))
	}
	return false
}

// For any sequence of Do, Expect and Settle, with failures in between, no step
// that stresses reaches the crossbar without an open intent, written before,
// that covers it; and no group carries more stressing steps than it says.
func TestNoStressWithoutAnIntent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j, c, journal := newJournaled()
		used := make(map[uint64]int)    // stressing steps by intent
		said := make(map[uint64]string) // what the intents say
		var what string
		c.hook = func(cell array.Cell, steps []array.Step) {
			for _, s := range steps {
				if !s.Stress() {
					continue
				}
				// Older ones are open too, after an error; the newest counts.
				var covered uint64
				for id, text := range journal.open {
					if covers(text, cell, s) {
						covered = max(covered, id)
					}
				}
				if covered == 0 {
					t.Fatalf("%s: %s %+v was not covered by any of %v", what, cell, s, journal.open)
				}
				used[covered]++
				said[covered] = journal.open[covered]
			}
		}
		journal.broken = func(string) error {
			if rapid.IntRange(0, 30).Draw(t, "disk") == 0 {
				return errBroken
			}
			return nil
		}
		cells := []array.Cell{{Row: 0, Col: 0}, {Row: 0, Col: 1}, {Row: 3, Col: 7}}
		for range rapid.IntRange(1, 25).Draw(t, "calls") {
			cell := rapid.SampledFrom(cells).Draw(t, "cell")
			switch rapid.IntRange(0, 5).Draw(t, "call") {
			case 0:
				what = "after Expect"
				b := bounds(rapid.IntRange(0, 5).Draw(t, "steps"))
				b.MinVoltage = instrument.Volts(rapid.Float64Range(-3, 0).Draw(t, "min"))
				_ = j.Expect(cell, b) // may fail: then nothing is open
			case 1:
				what = "after Settle"
				_ = j.Settle(nil)
			default:
				var steps []array.Step
				for range rapid.IntRange(1, 4).Draw(t, "n") {
					step := array.Step(aPulse(1, array.HalfVoltage)) // within most groups
					if rapid.Bool().Draw(t, "any") {
						step = drawStep(t)
					}
					steps = append(steps, step)
				}
				c.fail, c.done = nil, 0
				if rapid.IntRange(0, 8).Draw(t, "fails") == 0 {
					c.fail = errBroken
				}
				what = "Do"
				_, _ = j.Do(ctx, cell, steps...) // failures are part of the game
			}
		}
		for id, n := range used {
			_, text, group := strings.Cut(said[id], `"bounds":`)
			var b array.Bounds
			if group {
				if err := json.NewDecoder(strings.NewReader(text)).Decode(&b); err != nil {
					t.Fatal(err)
				}
			} else {
				b.Steps = strings.Count(said[id], `"op":"pulse"`) + strings.Count(said[id], `"op":"sweep"`)
			}
			if n > b.Steps {
				t.Fatalf("%d stressing steps on the strength of %s", n, said[id])
			}
		}
	})
}

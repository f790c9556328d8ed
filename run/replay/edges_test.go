package replay_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"xlab/instrument/array"
	"xlab/run"
	"xlab/run/record"
	"xlab/run/replay"
)

// notebook is a journal in memory.
type notebook struct {
	lines []string
	fail  string // what cannot be written: the beginning of a line
}

var errFull = errors.New("no space left")

func (n *notebook) write(line string) error {
	if n.fail != "" && strings.HasPrefix(line, n.fail) {
		return errFull
	}
	n.lines = append(n.lines, line)
	return nil
}

func (n *notebook) Intent(data any) (uint64, error) {
	return uint64(len(n.lines) + 1), n.write("intent")
}
func (n *notebook) Part(of uint64, data any) error    { return n.write(fmt.Sprint("part of ", of)) }
func (n *notebook) Result(of uint64, data any) error  { return n.write(fmt.Sprint("result of ", of)) }
func (n *notebook) Event(kind string, data any) error { return n.write("event " + kind) }
func (n *notebook) String() string                    { return strings.Join(n.lines, ", ") }

// bench performs steps as it is told.
type bench func(steps []array.Step) ([]array.Result, error)

func (bench) Size() (int, int) { return rows, cols }

func (b bench) Do(_ context.Context, _ array.Cell, steps ...array.Step) ([]array.Result, error) {
	return b(steps)
}

func asTold(steps []array.Step) ([]array.Result, error) { return make([]array.Result, len(steps)), nil }

// tape makes a tape of records as (type, of, kind, data); seq and place follow.
func tapeOf(t *testing.T, o replay.Options, records ...run.Record) *replay.Tape {
	t.Helper()
	tape, err := replay.New(sequence(records, nil), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tape.Close)
	return tape
}

// sequence numbers the records; the error comes behind them.
func sequence(records []run.Record, end error) iter.Seq2[run.Record, error] {
	return func(yield func(run.Record, error) bool) {
		for i, r := range records {
			r.Seq, r.File, r.Line = uint64(i+1), "journal.jsonl", i+1
			if !yield(r, nil) {
				return
			}
		}
		if end != nil {
			yield(run.Record{}, end)
		}
	}
}

func intentOf(t *testing.T, steps ...array.Step) run.Record {
	t.Helper()
	text, err := json.Marshal(array.Intent{Array: "A", Steps: steps})
	if err != nil {
		t.Fatal(err)
	}
	return run.Record{Type: run.TypeIntent, Data: text}
}

func doneOf(t *testing.T, kind run.Type, of uint64, d array.Done) run.Record {
	t.Helper()
	d.Array = "A"
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	r := run.Record{Type: kind, Of: of, Data: text}
	if kind == run.TypeEvent {
		r.Kind = array.EventRead
	}
	return r
}

func recallOf(text string) run.Record {
	return run.Record{Type: run.TypeEvent, Kind: record.Recall, Data: json.RawMessage(text)}
}

// TestRecall: what was asked and answered, or went wrong, is given again, and what
// cannot be given is said with its place.
func TestRecall(t *testing.T) {
	var answer float64
	never := func() error { t.Error("the bench is asked"); return nil }

	tape := tapeOf(t, replay.Options{}, recallOf(`{"what":"t","asked":1,"answer":20.5}`),
		recallOf(`{"what":"t","asked":2,"answer":null,"error":"no sensor"}`),
		recallOf(`{"what":"t","asked":3,"answer":"warm"}`))
	if err := tape.Recall("t", 1, &answer, never); err != nil || answer != 20.5 {
		t.Errorf("%v, %v", answer, err)
	}
	if err := tape.Recall("t", 2, &answer, never); err == nil || err.Error() != "no sensor" {
		t.Errorf("the recorded error is %v", err)
	}
	if err := tape.Recall("t", 3, &answer, never); err == nil ||
		!strings.Contains(err.Error(), "journal.jsonl:3 (record 3): the answer of t cannot be understood") {
		t.Error(err)
	}
	if err := tape.Recall("t", make(chan int), &answer, never); err == nil {
		t.Error("a question that is no JSON")
	}

	other := tapeOf(t, replay.Options{}, recallOf(`{"what":"humidity","asked":1,"answer":1}`))
	if err := other.Recall("t", 1, &answer, never); err == nil || !strings.Contains(err.Error(), "a recall") {
		t.Errorf("another question: %v", err)
	}

	// Behind the record the bench is asked, and what cannot be journaled is an
	// error beside that of the bench.
	book := &notebook{}
	tape = tapeOf(t, replay.Options{Journal: book})
	if err := tape.Recall("t", 1, &answer, func() error { answer = 3; return nil }); err != nil ||
		book.String() != "event recall" {
		t.Errorf("%v, journal: %s", err, book)
	}
	lost := errors.New("lost")
	if err := tape.Recall("t", 2, &answer, func() error { return lost }); !errors.Is(err, lost) {
		t.Error(err)
	}
	if err := tape.Recall("t", 3, make(chan int), func() error { return nil }); err == nil {
		t.Error("an answer that is no JSON")
	}
	book.fail = "event"
	if err := tape.Recall("t", 4, &answer, func() error { return lost }); !errors.Is(err, lost) ||
		!errors.Is(err, errFull) {
		t.Error(err)
	}
}

// TestGoingLive: a journal that cannot be written where the run goes live, or what
// has to be done there and fails, ends it before the bench is touched.
func TestGoingLive(t *testing.T) {
	failed := errors.New("the chuck does not heat")
	for name, c := range map[string]struct {
		book *notebook
		live error
		want error
	}{
		"journal": {&notebook{fail: "event resume"}, nil, errFull},
		"live":    {&notebook{}, failed, failed},
	} {
		t.Run(name, func(t *testing.T) {
			read := doneOf(t, run.TypeEvent, 0, array.Done{Steps: []array.Step{look}, Results: make([]array.Result, 1)})
			tape := tapeOf(t, replay.Options{Journal: c.book, Live: func() error { return c.live }}, read)
			bar := array.NewJournaled(tape.Crossbar("A", rows, cols, bench(func([]array.Step) ([]array.Result, error) {
				t.Error("the bench is touched")
				return nil, nil
			})), "A", tape)
			if r, n := bar.Size(); r != rows || n != cols {
				t.Errorf("%d x %d", r, n)
			}
			if _, err := bar.Do(t.Context(), array.Cell{}, look); err != nil || tape.Live() {
				t.Fatalf("%v, live %t", err, tape.Live())
			}
			for range 2 {
				if _, err := bar.Do(t.Context(), array.Cell{}, look); !errors.Is(err, c.want) {
					t.Errorf("%v, want %v", err, c.want)
				}
				if _, err := bar.Do(t.Context(), array.Cell{}, shot); !errors.Is(err, c.want) {
					t.Errorf("%v, want %v", err, c.want)
				}
			}
		})
	}
}

// TestUnresolved: what the bench or the journal does not do when a pulse of unknown
// effect is to be resolved.
func TestUnresolved(t *testing.T) {
	lost := errors.New("lost")
	for name, c := range map[string]struct {
		bench bench
		book  *notebook
		steps []array.Step
		words string
	}{
		"too few answers": {func([]array.Step) ([]array.Result, error) { return nil, nil }, &notebook{},
			[]array.Step{shot, look}, "the bench gave 0 results for 1 reads"},
		"no answer": {func([]array.Step) ([]array.Result, error) { return nil, lost }, &notebook{},
			[]array.Step{shot, look}, "lost"},
		"no answer to a look": {func([]array.Step) ([]array.Result, error) { return nil, lost }, &notebook{},
			[]array.Step{shot}, "lost"},
		"a look without a journal": {asTold, &notebook{fail: "event resolve"}, []array.Step{shot}, errFull.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			tape := tapeOf(t, replay.Options{Journal: c.book, Read: look}, intentOf(t, c.steps...))
			bar := array.NewJournaled(tape.Crossbar("A", rows, cols, c.bench), "A", tape)
			if _, err := bar.Do(t.Context(), array.Cell{}, c.steps...); err == nil || !strings.Contains(err.Error(), c.words) {
				t.Errorf("%v, want %q", err, c.words)
			}
			if strings.Contains(c.book.String(), "result") {
				t.Errorf("the intent is closed: %s", c.book)
			}
		})
	}
}

// TestStrict: of conclusions and of the kind of what is recorded, a strict tape
// takes no other.
func TestStrict(t *testing.T) {
	long := strings.Repeat("x", 2000)
	settled := func(text string) run.Record {
		return run.Record{Type: run.TypeResult, Of: 1, Data: json.RawMessage(text)}
	}
	reads := array.Done{Steps: []array.Step{look}, Results: make([]array.Result, 1)}
	for name, c := range map[string]struct {
		records []run.Record
		do      func(tape *replay.Tape) error
		words   []string
	}{
		"another conclusion": {[]run.Record{intentOf(t, shot), settled(`{"note":"` + long + `"}`)},
			func(tape *replay.Tape) error {
				return tape.Result(1, map[string]string{"note": long + "y"})
			}, []string{"a result of intent 1", "xxx ... xxx", "journal.jsonl:2 (record 2)"}},
		"a conclusion that is no JSON": {[]run.Record{intentOf(t, shot), settled(`{}`)}, func(tape *replay.Tape) error {
			return tape.Result(1, make(chan int))
		}, []string{"unsupported type"}},
		"an event instead of a result": {[]run.Record{intentOf(t, shot), settled(`{}`)}, func(tape *replay.Tape) error {
			return tape.Event("read", reads)
		}, []string{"now:      an event read"}},
		"steps instead of a conclusion": {[]run.Record{intentOf(t, shot), doneOf(t, run.TypeResult, 1, reads)},
			func(tape *replay.Tape) error {
				return tape.Result(1, map[string]int{"a": 1})
			}, []string{`now:      a result of intent 1 {"a":1}`}},
		"a conclusion instead of steps": {[]run.Record{intentOf(t, shot), settled(`{"a":1}`)}, func(tape *replay.Tape) error {
			return tape.Result(1, reads)
		}, []string{`recorded: a result of intent 1 {"a":1}`}},
		"an intent instead of a result": {[]run.Record{intentOf(t, shot), settled(`{}`)}, func(tape *replay.Tape) error {
			_, err := tape.Intent("again")
			return err
		}, []string{`now:      an intent "again"`}},
	} {
		t.Run(name, func(t *testing.T) {
			tape := tapeOf(t, replay.Options{Strict: true}, c.records...)
			if _, err := tape.Intent(array.Intent{Array: "A", Steps: []array.Step{shot}}); err != nil {
				t.Fatal(err)
			}
			err := c.do(tape)
			for _, w := range c.words {
				if err == nil || !strings.Contains(err.Error(), w) {
					t.Errorf("%v, want %q", err, w)
				}
			}
			if again := tape.Part(1, reads); !errors.Is(again, err) {
				t.Errorf("after it: %v", again)
			}
		})
	}
}

// TestUnreadableRecords: what is on the tape and cannot be understood ends it.
func TestUnreadableRecords(t *testing.T) {
	broken := errors.New("the disk is broken")
	part := run.Record{Type: run.TypePart, Of: 1, Data: json.RawMessage(`{"array":"A","cell":[0,0]}`)}
	unknown := run.Record{Type: run.TypeEvent, Kind: "magic", Data: json.RawMessage(`{}`)}
	intent := intentOf(t, shot)
	for name, c := range map[string]struct {
		records []run.Record
		end     error
		words   string
	}{
		"a part without steps": {[]run.Record{part}, nil, "journal.jsonl:1 (record 1) cannot be understood: the steps"},
		"a recall of no form":  {[]run.Record{recallOf(`[]`)}, nil, "journal.jsonl:1 (record 1) cannot be understood"},
		"an unknown kind": {[]run.Record{unknown}, nil,
			`journal.jsonl:1 (record 1) cannot be understood: event "magic"`},
		"the disk": {nil, broken, "the disk is broken"},
	} {
		if _, err := replay.New(sequence(c.records, c.end), replay.Options{}); err == nil ||
			!strings.Contains(err.Error(), c.words) {
			t.Errorf("%s at the beginning: %v", name, err)
		}
		tape, err := replay.New(sequence(append([]run.Record{intent, intent}, c.records...), c.end), replay.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer tape.Close()
		if _, err := tape.Intent(array.Intent{Array: "A", Steps: []array.Step{shot}}); err == nil ||
			!strings.Contains(err.Error(), strings.Replace(c.words, ":1 (record 1)", ":3 (record 3)", 1)) {
			t.Errorf("%s later: %v", name, err)
		}
	}
	// What the algorithm concluded may look like steps.
	tape := tapeOf(t, replay.Options{}, intent, run.Record{Type: run.TypeResult, Of: 1, Data: part.Data})
	if d := tape.Surplus(); d == nil || d.Line != 1 || !strings.Contains(d.Error(), "now:      the end") {
		t.Errorf("surplus %v", d)
	}
	if _, err := tape.Intent(array.Intent{Array: "A", Steps: []array.Step{shot}}); err != nil {
		t.Fatal(err)
	}
	if err := tape.Result(1, map[string]any{"array": "A", "cell": [2]int{}}); err != nil {
		t.Error(err)
	}
	if d := tape.Surplus(); d != nil || tape.Rest() || tape.Used() != 2 {
		t.Errorf("surplus %v after %d entries", d, tape.Used())
	}
}

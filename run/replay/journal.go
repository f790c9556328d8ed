package replay

import (
	"encoding/json"
	"errors"
	"fmt"

	"xlab/instrument/array"
	"xlab/run"
	"xlab/run/record"
)

// Intent compares an intent with the record, or writes it.
func (t *Tape) Intent(data any) (uint64, error) {
	e, err := t.peek()
	if err != nil {
		return 0, err
	}
	if e == nil {
		if err := t.goLive(); err != nil {
			return 0, err
		}
		return t.options.Journal.Intent(data)
	}
	if e.Type != run.TypeIntent {
		return 0, t.differ(e, "an intent", data)
	}
	if same, err := t.same(e.Data, data); err != nil || !same {
		return 0, t.differs(err, e, "an intent", data)
	}
	return e.Seq, t.take()
}

// Part compares what came of some steps with the record, or writes it.
func (t *Tape) Part(intent uint64, data any) error { return t.outcome(run.TypePart, intent, "", data) }

// Result compares what closes an intent with the record, or writes it.
func (t *Tape) Result(intent uint64, data any) error {
	return t.outcome(run.TypeResult, intent, "", data)
}

// Event compares a read with the record, or writes an event.
func (t *Tape) Event(kind string, data any) error { return t.outcome(run.TypeEvent, 0, kind, data) }

func (t *Tape) outcome(kind run.Type, of uint64, event string, data any) error {
	e, err := t.peek()
	if err != nil {
		return err
	}
	if e == nil {
		if err := t.goLive(); err != nil {
			return err
		}
		switch kind {
		case run.TypePart:
			return t.options.Journal.Part(of, data)
		case run.TypeResult:
			return t.options.Journal.Result(of, data)
		}
		return t.options.Journal.Event(event, data)
	}
	what := fmt.Sprintf("a %s of intent %d", kind, of)
	if kind == run.TypeEvent {
		what = "an event " + event
	}
	if e.Type != kind || e.Of != of || e.Kind != event {
		return t.differ(e, what, data)
	}
	// What was done was compared when it was asked for.
	if _, isDone := data.(array.Done); isDone {
		if e.done == nil {
			return t.differ(e, what, data)
		}
		return t.take()
	}
	if e.done != nil {
		return t.differ(e, what, data)
	}
	if t.options.Strict {
		if same, err := t.same(e.Data, data); err != nil || !same {
			return t.differs(err, e, what, data)
		}
	}
	return t.take()
}

// Recall gives what is measured without a crossbar: it fills answer, a pointer,
// from the record, or calls do, which has to fill it, and writes what was asked
// and answered to the journal. An error of do is recorded and returned.
func (t *Tape) Recall(kind string, asked, answer any, do func() error) error {
	question, err := json.Marshal(asked)
	if err != nil {
		return fmt.Errorf("journal: what was asked of %s: %w", kind, err)
	}
	for t.broken() && t.ahead[0].answer != nil {
		if err := t.drop(); err != nil {
			return err
		}
	}
	e, err := t.peek()
	if err != nil {
		return err
	}
	if e == nil {
		return t.ask(kind, question, answer, do)
	}
	var r record.Answer
	if e.answer != nil {
		r = *e.answer
	}
	if r.What != kind || !SameJSON(r.Asked, question) {
		return t.differ(e, "a recall", record.Answer{What: kind, Asked: question})
	}
	if r.Error != "" {
		if err := t.take(); err != nil {
			return err
		}
		return errors.New(r.Error)
	}
	if err := json.Unmarshal(r.Answer, answer); err != nil {
		return t.end(fmt.Errorf("%s:%d (record %d): the answer of %s cannot be understood: %w", e.File, e.Line, e.Seq, kind,
			err))
	}
	return t.take()
}

// ask is Recall behind the end of the record.
func (t *Tape) ask(kind string, question json.RawMessage, answer any, do func() error) error {
	if err := t.goLive(); err != nil {
		return err
	}
	r := record.Answer{What: kind, Asked: question}
	cause := do()
	if cause != nil {
		r.Answer, r.Error = json.RawMessage("null"), cause.Error()
	} else if text, err := json.Marshal(answer); err != nil {
		return fmt.Errorf("journal: the answer of %s: %w", kind, err)
	} else {
		r.Answer = text
	}
	if err := t.options.Journal.Event(record.Recall, r); err != nil {
		return errors.Join(cause, err)
	}
	return cause
}

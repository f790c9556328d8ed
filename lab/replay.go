package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"xlab/lab/config"
	"xlab/lab/procedure"
	"xlab/run"
	"xlab/run/guarded"
	"xlab/run/replay"
)

// Replayed is what `xlab replay --json` prints.
type Replayed struct {
	Run     string `json:"run"`
	Command string `json:"command"`
	Records int    `json:"records"` // of what was asked and answered
	// the algorithm came to its end; false where the run was cut off
	Ended bool `json:"ended"`
	// record at which the journal has a hole, where the replay ends
	Missing    uint64             `json:"missing,omitempty"`
	Difference *replay.Difference `json:"difference"` // the first; null for none
}

// Replay runs a job again over its record, in which nothing is touched. An error is
// of a record that cannot be replayed, of an interrupt or of a bug; that the run
// goes another way than recorded is in what is returned.
func (l *Lab) Replay(ctx context.Context, s *run.Stored, accept bool) (*Replayed, error) {
	var skips replay.Skips
	report, err := run.ScanJournal(s.Dir, func(r run.Record) error { skips.See(r); return nil })
	if err != nil {
		return nil, err
	}
	if err := l.CheckRecord(s.Dir, report, accept); err != nil {
		return nil, err
	}
	h := report.Header
	if h.ID == "" {
		return nil, run.Usage(fmt.Errorf("the journal in %s has no readable header", s.Dir))
	}
	j, err := l.Rebuild(&h)
	if err != nil {
		return nil, err
	}
	r := &Run{lab: l, header: h, began: time.Now(),
		progress: newDisplay(run.ProgressOptions{Output: l.Messages, Quiet: true})}
	r.past.records = run.Records(s.Dir)
	if r.tape, err = replay.New(r.past.records, replay.Options{Strict: true, Skip: skips.Spans()}); err != nil {
		return nil, err
	}
	defer r.tape.Close()
	if err := r.connectTape(l.Config, j); err != nil {
		return nil, err
	}
	// There is nothing to make safe: the guard is there for interrupts and for
	// bugs.
	err = run.Guard(ctx, run.GuardOptions{Signals: l.Signals}, func(ctx context.Context) error { return j.Work(ctx, r) })
	result := &Replayed{Run: r.ID(), Command: j.Command(), Records: r.tape.Used(), Missing: r.tape.Missing()}
	var panicked *run.PanicError
	switch {
	case errors.As(err, &result.Difference):
	case errors.Is(err, replay.ErrEnd):
	case errors.As(err, &panicked), run.OutcomeOf(err) == run.OutcomeInterrupted:
		return nil, err
	default:
		result.Ended = true
		result.Difference = r.compareEnd(j, s, err)
	}
	return result, nil
}

// connectTape puts the tape in front of arrays that are not there.
func (r *Run) connectTape(c *config.Config, j procedure.Job) error {
	if len(r.header.Arrays) == 0 { // an old journal: the sizes are those of the bench
		for _, name := range j.Arrays() {
			w, err := c.Wiring(name)
			if err != nil {
				return err
			}
			r.header.Arrays = append(r.header.Arrays, run.ArrayHeader{Name: w.Array, Rows: w.Rows, Cols: w.Cols})
		}
	}
	r.stack = guarded.New(guarded.Options{Arrays: r.header.Arrays, Tape: r.tape})
	return nil
}

// compareEnd compares how the work ended with how the run ended.
func (r *Run) compareEnd(j procedure.Job, s *run.Stored, err error) *replay.Difference {
	if r.tape.Rest() {
		return r.tape.Surplus()
	}
	if s.Result == nil {
		return nil // killed after the last step, before its end was written
	}
	d := &replay.Difference{File: "result.json", Line: 1, Recorded: "outcome " + string(s.Result.Outcome),
		Asked: "outcome " + string(run.OutcomeOf(err))}
	if d.Recorded != d.Asked {
		return d
	}
	var kept struct {
		procedure.Figures
		Nested *procedure.Figures `json:"figures"`
	}
	// Times are not the algorithm's: they are taken as they are.
	if json.Unmarshal(s.Result.Summary, &kept) == nil && kept.Nested != nil {
		kept.Figures = *kept.Nested
	}
	text, err := json.Marshal(j.Summary(r, kept.Figures))
	if err != nil || !replay.SameJSON(computed(s.Result.Summary), computed(text)) {
		d.Recorded, d.Asked = string(s.Result.Summary), string(text)
		return d
	}
	return nil
}

// computed is what the algorithm has found, of a summary. What sets figures beside
// published ones is worded for people, and may be worded otherwise than when the
// run was recorded; what is not defined was a zero in earlier versions.
func computed(summary json.RawMessage) json.RawMessage {
	var values map[string]any
	if json.Unmarshal(summary, &values) != nil {
		return summary
	}
	delete(values, "comparison")
	for key, value := range values {
		if value == nil {
			values[key] = 0
		}
	}
	text, err := json.Marshal(values)
	if err != nil {
		return summary
	}
	return text
}

package main

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

	"github.com/spf13/cobra"
)

// replayResult is what `xlab replay --json` prints.
type replayResult struct {
	Run     string `json:"run"`
	Command string `json:"command"`
	Records int    `json:"records"` // of what was asked and answered
	// the algorithm came to its end; false where the run was cut off
	Ended bool `json:"ended"`
	// record at which the journal has a hole, where the replay ends
	Missing    uint64             `json:"missing,omitempty"`
	Difference *replay.Difference `json:"difference"` // the first; null for none
}

func (a *app) replayCommand() *cobra.Command {
	var accept bool
	command := &cobra.Command{
		Use:   "replay RUN",
		Short: "Run a recorded run's algorithm again over its record and show the first difference",
		Long: `Feeds what a run has recorded to the algorithm once more and compares what it asks
for, what it concludes and what comes out with the record, to the last bit. No
bench is touched; the run's directory is all that is needed. A difference is shown
with its place, and the exit code is 3. A damaged record is refused with the places;
--accept runs it up to the first line that is missing.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.configure()
			if err != nil {
				return err
			}
			s, err := run.Load(c.Runs, args[0])
			if err != nil {
				return run.Usage(err)
			}
			return a.replay(cmd.Context(), s, accept)
		},
	}
	command.Flags().BoolVar(&accept, "accept", false, "replay a run although its record is damaged")
	return command
}

// replay runs a job again over its record.
func (a *app) replay(ctx context.Context, s *run.Stored, accept bool) error {
	var skips replay.Skips
	report, err := run.ScanJournal(s.Dir, func(r run.Record) error { skips.See(r); return nil })
	if err != nil {
		return err
	}
	if err := a.checkRecord(s.Dir, report, accept); err != nil {
		return err
	}
	h := report.Header
	if h.ID == "" {
		return run.Usage(fmt.Errorf("the journal in %s has no readable header", s.Dir))
	}
	j, err := a.rebuild(&h)
	if err != nil {
		return err
	}
	r := &recorded{lab: &a.Lab, header: h, began: time.Now(), progress: newDisplay(run.ProgressOptions{Output: a.Messages, Quiet: true})}
	r.past.records = run.Records(s.Dir)
	if r.tape, err = replay.New(r.past.records, replay.Options{Strict: true, Skip: skips.Spans()}); err != nil {
		return err
	}
	defer r.tape.Close()
	if err := r.connectTape(a.Config, j); err != nil {
		return err
	}
	// There is nothing to make safe: the guard is there for interrupts and for
	// bugs.
	err = run.Guard(ctx, run.GuardOptions{Signals: a.Signals}, func(ctx context.Context) error { return j.Work(ctx, r) })
	return a.reportReplay(r, j, s, err)
}

// connectTape puts the tape in front of arrays that are not there.
func (r *recorded) connectTape(c *config.Config, j procedure.Job) error {
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

// reportReplay says how a replay ended; err is what the work returned.
func (a *app) reportReplay(r *recorded, j procedure.Job, s *run.Stored, err error) error {
	result := replayResult{Run: r.ID(), Command: j.Command(), Records: r.tape.Used(), Missing: r.tape.Missing()}
	var panicked *run.PanicError
	switch {
	case errors.As(err, &result.Difference):
	case errors.Is(err, replay.ErrEnd):
	case errors.As(err, &panicked), run.OutcomeOf(err) == run.OutcomeInterrupted:
		return err
	default:
		result.Ended = true
		result.Difference = r.compareEnd(j, s, err)
	}
	if a.json {
		if err := a.writeJSON(result); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(a.out, "run %s: %d records of what was asked and answered were used\n", result.Run, result.Records)
		switch {
		case result.Difference != nil:
			fmt.Fprintln(a.out, result.Difference)
		case result.Ended:
			fmt.Fprintln(a.out, "no difference, to the end of the run and its result")
		case result.Missing > 0:
			fmt.Fprintf(a.out, "no difference up to the hole in the journal at record %d\n", result.Missing)
		default:
			fmt.Fprintln(a.out, "no difference up to where the run was cut off")
		}
	}
	switch {
	case result.Difference != nil:
		return &run.Ended{Outcome: run.OutcomeOutside, Err: errors.New("the run goes another way than recorded")}
	case result.Missing > 0:
		return &run.Ended{Outcome: run.OutcomePartial, Err: fmt.Errorf("the journal has a hole at record %d", result.Missing)}
	}
	return nil
}

// compareEnd compares how the work ended with how the run ended.
func (r *recorded) compareEnd(j procedure.Job, s *run.Stored, err error) *replay.Difference {
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

package index

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"xlab/run"
)

// Entry is what the index knows of a run.
type Entry struct {
	run.Summary
	Arguments []string `json:"arguments,omitempty"` // as given, without the program's name
	Program   string   `json:"program,omitempty"`   // version of the program
	Place     string   `json:"bench,omitempty"`     // the bench, in words
	Chip      string   `json:"chip,omitempty"`
	Simulated bool     `json:"simulated"`
	Seed      uint64   `json:"seed"`
	Resumable bool     `json:"resumable"` // it was interrupted, or its process ended without a word
}

// entryOf takes an entry out of a run read from its directory.
func entryOf(s *run.Stored) Entry {
	e := Entry{Summary: s.Summary, Arguments: s.Header.Arguments, Program: s.Header.Program, Place: s.Header.Bench,
		Chip: s.Header.Chip, Simulated: s.Header.Simulated, Seed: s.Header.Seed}
	e.Resumable = resumable(e.Outcome)
	var compact bytes.Buffer
	if json.Compact(&compact, e.Summary.Summary) == nil {
		e.Summary.Summary = compact.Bytes()
	}
	return e
}

func resumable(o run.Outcome) bool {
	return o == run.OutcomeInterrupted || o == run.OutcomeUnknown
}

// alive puts an entry of a run without an end right: whether its process still
// lives is in no file.
func (e *Entry) alive(yes bool) (changed bool) {
	outcome, cause := run.OutcomeUnknown, "its process ended without a word: killed, or a power cut"
	if yes {
		outcome, cause = run.OutcomeRunning, ""
	}
	if e.Outcome == outcome {
		return false
	}
	e.Outcome, e.Cause, e.Resumable = outcome, cause, resumable(outcome)
	return true
}

// Query says which runs are wanted. Empty fields do not matter; upper and lower
// case are the same.
type Query struct {
	Command  string        // the command or its beginning up to a hyphen: characterize finds characterize-iv
	Array    string        // name of the array
	Chip     string        // part of the chip's name
	Outcomes []run.Outcome // one of them
	Since    time.Time     // started then or later
	Until    time.Time     // started before
	Text     []string      // all of them occur in the run's ID or its arguments
	Limit    int           // only the newest so many; 0 = all
}

// Validate refuses what cannot find anything.
func (q Query) Validate() error {
	for _, o := range q.Outcomes {
		if !slices.Contains(outcomes, o) {
			return fmt.Errorf("there is no outcome %q; outcomes are: %s", o, strings.Join(Outcomes(), ", "))
		}
	}
	if !q.Since.IsZero() && !q.Until.IsZero() && !q.Since.Before(q.Until) {
		return fmt.Errorf("nothing can have started since %s and before %s", q.Since.Format(time.DateTime),
			q.Until.Format(time.DateTime))
	}
	if q.Limit < 0 {
		return fmt.Errorf("a limit of %d runs; it must be 0 or more", q.Limit)
	}
	return nil
}

var outcomes = []run.Outcome{run.OutcomeComplete, run.OutcomePartial, run.OutcomeOutside, run.OutcomeTripped,
	run.OutcomeInterrupted, run.OutcomeFailed, run.OutcomeRunning, run.OutcomeUnknown, run.OutcomeBroken}

// Outcomes are how runs end, and are found.
func Outcomes() (names []string) {
	for _, o := range outcomes {
		names = append(names, string(o))
	}
	return names
}

// words is what Text is searched in.
func (e *Entry) words() string { return strings.ToLower(e.ID + " " + strings.Join(e.Arguments, " ")) }

// matches is the query as it is asked of a directory; statement is the same as
// it is asked of the database.
func (q Query) matches(e *Entry) bool {
	command, array := strings.ToLower(q.Command), strings.ToLower(q.Array)
	words := e.words()
	switch c := strings.ToLower(e.Command); {
	case command != "" && c != command && !strings.HasPrefix(c, command+"-"):
	case array != "" && array != strings.ToLower(e.Array):
	case !strings.Contains(strings.ToLower(e.Chip), strings.ToLower(q.Chip)):
	case len(q.Outcomes) > 0 && !slices.Contains(q.Outcomes, e.Outcome):
	case !q.Since.IsZero() && e.Started.Before(q.Since):
	case !q.Until.IsZero() && !e.Started.Before(q.Until):
	case slices.ContainsFunc(q.Text, func(t string) bool { return !strings.Contains(words, strings.ToLower(t)) }):
	default:
		return true
	}
	return false
}

// statement is the query in SQL, newest first.
func (q Query) statement() (text string, arguments []any) {
	var where []string
	add := func(condition string, values ...any) {
		where = append(where, condition)
		arguments = append(arguments, values...)
	}
	if c := strings.ToLower(q.Command); c != "" {
		add("(command = ? OR substr(command, 1, ?) = ?)", c, len([]rune(c))+1, c+"-")
	}
	if q.Array != "" {
		add("array = ?", strings.ToLower(q.Array))
	}
	if q.Chip != "" {
		add("instr(chip, ?) > 0", strings.ToLower(q.Chip))
	}
	if len(q.Outcomes) > 0 {
		var values []any
		for _, o := range q.Outcomes {
			values = append(values, string(o))
		}
		add("outcome IN (?"+strings.Repeat(", ?", len(values)-1)+")", values...)
	}
	if !q.Since.IsZero() {
		add("started >= ?", stamp(q.Since))
	}
	if !q.Until.IsZero() {
		add("started < ?", stamp(q.Until))
	}
	for _, t := range q.Text {
		if t != "" {
			add("instr(words, ?) > 0", strings.ToLower(t))
		}
	}
	text = "SELECT entry FROM runs"
	if len(where) > 0 {
		text += " WHERE " + strings.Join(where, " AND ")
	}
	text += " ORDER BY started DESC, id DESC"
	if q.Limit > 0 {
		text += fmt.Sprintf(" LIMIT %d", q.Limit)
	}
	return text, arguments
}

// stamp is a time as text that sorts as time does, to the nanosecond.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000Z") }

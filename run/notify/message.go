package notify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"xlab/instrument"
	"xlab/run"
)

// Kind is what happened to a run.
type Kind string

const (
	Done        Kind = "done"        // complete
	Partial     Kind = "partial"     // done, but not on all devices, or outside of what was asked for
	Trip        Kind = "trip"        // a watched condition ended it, or the bench could not be made safe
	Stall       Kind = "stall"       // nothing has been heard of it for too long; it may still go on
	Failure     Kind = "failure"     // an error ended it
	Interrupted Kind = "interrupted" // somebody, or a link that did not come back, ended it; it can be taken up again
)

// Kinds lists what can be told.
func Kinds() []Kind { return []Kind{Done, Partial, Trip, Stall, Failure, Interrupted} }

// ParseKind reads a kind.
func ParseKind(text string) (Kind, error) {
	k := Kind(strings.ToLower(strings.TrimSpace(text)))
	if !slices.Contains(Kinds(), k) {
		return "", fmt.Errorf("%q cannot be notified of; the kinds are %v", text, Kinds())
	}
	return k, nil
}

// KindOf is the kind of message for a run that ended so.
func KindOf(o run.Outcome) Kind {
	return cmp.Or(map[run.Outcome]Kind{run.OutcomeComplete: Done, run.OutcomePartial: Partial,
		run.OutcomeOutside: Partial, run.OutcomeTripped: Trip, run.OutcomeInterrupted: Interrupted}[o], Failure)
}

// Message is what is sent.
type Message struct {
	Kind      Kind               `json:"event"`
	Text      string             `json:"text"` // a sentence for a person; filled in by Send where it is empty
	Time      time.Time          `json:"time"`
	Host      string             `json:"host,omitempty"`
	Program   string             `json:"program,omitempty"`
	Bench     string             `json:"bench,omitempty"`
	Run       string             `json:"run,omitempty"`
	Directory string             `json:"directory,omitempty"`
	Command   string             `json:"command,omitempty"`
	Array     string             `json:"array,omitempty"`
	Outcome   run.Outcome        `json:"outcome,omitempty"`
	Cause     string             `json:"cause,omitempty"`
	Done      int                `json:"done"`
	Total     int                `json:"total"`
	Idle      instrument.Seconds `json:"idle_seconds,omitempty"` // of a stall: since progress was last heard of
	Summary   any                `json:"summary,omitempty"`      // the run's key figures
}

// sentence says it for a person.
func (m Message) sentence() string {
	var b strings.Builder
	b.WriteString("xlab")
	if what := strings.TrimSpace(m.Command + " " + m.Array); what != "" {
		b.WriteString(" " + what)
	}
	if m.Host != "" {
		b.WriteString(" on " + m.Host)
	}
	switch {
	case m.Kind == Stall:
		fmt.Fprintf(&b, ": no progress for %s", run.FormatDuration(m.Idle))
	case m.Outcome != "":
		b.WriteString(": " + string(m.Outcome))
	default:
		b.WriteString(": " + string(m.Kind))
	}
	// Of a complete run it would be the count of its last part alone.
	if m.Total > 0 && m.Outcome != run.OutcomeComplete {
		fmt.Fprintf(&b, " (%d of %d)", m.Done, m.Total)
	}
	if m.Cause != "" {
		b.WriteString(": " + m.Cause)
	}
	if m.Run != "" {
		b.WriteString("; run " + m.Run)
	}
	return b.String()
}

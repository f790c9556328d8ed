package instrument

import (
	"context"
	"errors"
	"os"
	"strings"
)

// Kind sorts errors by what a person or a program has to do about them.
type Kind string

const (
	KindUnknown     Kind = ""            // not an instrument's error
	KindLimit       Kind = "limit"       // refused before a byte left
	KindRouting     Kind = "routing"     // a switch setting that must never be made, such as two buses on one line
	KindUsage       Kind = "usage"       // a request that cannot be carried out as it stands
	KindUnreachable Kind = "unreachable" // no such port, host or adapter, or the link was lost
	KindTimeout     Kind = "timeout"     // no answer within the deadline
	KindProtocol    Kind = "protocol"    // an answer that does not parse: garbled, late or out of order
	KindIdentity    Kind = "identity"    // another instrument or module answered than the one configured
	KindInstrument  Kind = "instrument"  // the instrument's own error queue
	KindInterlock   Kind = "interlock"   // the interlock is open
	KindChain       Kind = "chain"       // the switch chain's read-back differs from what was sent
	KindCompliance  Kind = "compliance"  // compliance reached where it must not be
	KindTrip        Kind = "trip"        // a watched condition failed
	KindBusy        Kind = "busy"        // somebody else owns the bench
	KindCancelled   Kind = "cancelled"   // the caller's context ended
)

// ErrNotSent is in the chain of an error when not one byte of what was asked for
// left: it did not happen, and may be asked for again. Without it nobody knows.
var ErrNotSent = errors.New("nothing was sent")

// Error carries what was being done, on which channel, of what kind the
// failure is, and its cause, which is never dropped.
type Error struct {
	Op      string // operation and instrument: "b1500 pulse"
	Channel string // channel, line or address; "" where there is none
	Kind    Kind
	Err     error  // cause
	Advice  string // what to do next; "" where the cause says it
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Channel != "" {
		b.WriteString(" [" + e.Channel + "]")
	}
	switch {
	case e.Err != nil:
		b.WriteString(": " + e.Err.Error())
	case e.Kind != KindUnknown:
		b.WriteString(": " + string(e.Kind))
	default:
		b.WriteString(": failed")
	}
	if e.Advice != "" {
		b.WriteString("; " + e.Advice)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf finds the kind of the outermost instrument error in err's chain that
// has one; among joined errors the first counts. A bare *LimitError counts as
// KindLimit, a context's end as KindCancelled and a passed deadline as
// KindTimeout.
func KindOf(err error) Kind {
	if kind := kindInChain(err); kind != KindUnknown {
		return kind
	}
	var l *LimitError
	switch {
	case errors.As(err, &l):
		return KindLimit
	case errors.Is(err, context.Canceled):
		return KindCancelled
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return KindTimeout
	}
	return KindUnknown
}

// kindInChain goes on where errors.As would stop: an error without a kind of
// its own does not hide the kind of its cause.
func kindInChain(err error) Kind {
	if e, ok := err.(*Error); ok && e.Kind != KindUnknown {
		return e.Kind
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		if cause := e.Unwrap(); cause != nil {
			return kindInChain(cause)
		}
	case interface{ Unwrap() []error }:
		for _, cause := range e.Unwrap() {
			if kind := kindInChain(cause); kind != KindUnknown {
				return kind
			}
		}
	}
	return KindUnknown
}

package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"xlab/instrument"
)

// Outcome says how a run ended.
type Outcome string

const (
	OutcomeComplete    Outcome = "complete"    // everything was done
	OutcomePartial     Outcome = "partial"     // done, but not on every device that was asked for
	OutcomeOutside     Outcome = "outside"     // done, and the result is outside the limits it was checked against
	OutcomeTripped     Outcome = "tripped"     // a watched condition ended it
	OutcomeInterrupted Outcome = "interrupted" // somebody ended it; it can be taken up again
	OutcomeFailed      Outcome = "failed"      // an error ended it

	// The following are never written, only found when runs are listed.

	OutcomeRunning Outcome = "running" // its process is alive
	OutcomeUnknown Outcome = "unknown" // its process ended without a word: killed, or a power cut
	OutcomeBroken  Outcome = "broken"  // its directory cannot be understood
)

// Ended is the error of a run that did not end as complete, where the outcome
// is more than what the error's kind says.
type Ended struct {
	Outcome Outcome
	Err     error // cause; may be nil
}

func (e *Ended) Error() string {
	switch {
	case e.Err == nil:
		return "the run is " + string(e.Outcome)
	case e.Outcome == OutcomeOutside: // the cause says what is outside
		return e.Err.Error()
	}
	return fmt.Sprintf("the run is %s: %v", e.Outcome, e.Err)
}

func (e *Ended) Unwrap() error { return e.Err }

// ErrUnsafe is in the chain of every error that says that the bench could not
// be made safe. It outweighs whatever else happened.
var ErrUnsafe = errors.New("the bench could not be made safe")

// ErrInterrupted is the cause of a run that was asked to stop.
var ErrInterrupted = errors.New("asked to stop")

// OutcomeOf finds the outcome of a run that ended with err.
func OutcomeOf(err error) Outcome {
	if err == nil {
		return OutcomeComplete
	}
	if errors.Is(err, ErrUnsafe) {
		return OutcomeTripped
	}
	if e, ok := errors.AsType[*Ended](err); ok {
		return e.Outcome
	}
	if errors.Is(err, ErrInterrupted) || diskFull(err) {
		return OutcomeInterrupted
	}
	switch instrument.KindOf(err) {
	case instrument.KindTrip, instrument.KindInterlock, instrument.KindCompliance:
		return OutcomeTripped
	case instrument.KindCancelled:
		return OutcomeInterrupted
	}
	return OutcomeFailed
}

// Exit codes of every command.
const (
	ExitDone        = 0
	ExitInternal    = 1 // a bug, or something nobody thought of
	ExitUsage       = 2 // usage or configuration, and requests beyond the configured limits
	ExitOutside     = 3 // the result is outside limits
	ExitUnreachable = 4 // an instrument is unreachable, another one, or does not do as told
	ExitTrip        = 5 // safety trip; the bench is safe
	ExitBusy        = 6 // somebody else owns the bench
	ExitInterrupted = 7 // interrupted, also by a full disk; a run that was begun can be taken up again
	ExitPartial     = 8
	ExitUnsafe      = 9 // the bench could not be made safe; wins over every other one
)

// ErrUsage marks errors of the command line, the configuration or a file that a
// person has written; see Usage.
var ErrUsage = errors.New("usage")

// Usage marks err as one of usage, and leaves its words as they are.
func Usage(err error) error { return fmt.Errorf("%w%w", hidden{ErrUsage}, err) }

// hidden wraps a marker without adding words to the message.
type hidden struct{ error }

func (hidden) Error() string   { return "" }
func (h hidden) Unwrap() error { return h.error }

// exitOfOutcome are the exit codes of runs that have not failed; exitOfKind are
// those of the errors of the others.
var (
	exitOfOutcome = map[Outcome]int{OutcomeComplete: ExitDone, OutcomePartial: ExitPartial, OutcomeOutside: ExitOutside,
		OutcomeTripped: ExitTrip, OutcomeInterrupted: ExitInterrupted}
	exitOfKind = map[instrument.Kind]int{
		instrument.KindLimit: ExitUsage, instrument.KindRouting: ExitUsage, instrument.KindUsage: ExitUsage,
		instrument.KindUnreachable: ExitUnreachable, instrument.KindTimeout: ExitUnreachable,
		instrument.KindProtocol: ExitUnreachable, instrument.KindIdentity: ExitUnreachable,
		instrument.KindInstrument: ExitUnreachable, instrument.KindChain: ExitUnreachable,
		instrument.KindTrip: ExitTrip, instrument.KindInterlock: ExitTrip, instrument.KindCompliance: ExitTrip,
		instrument.KindBusy: ExitBusy, instrument.KindCancelled: ExitInterrupted}
)

// ExitCode is the exit code of a command that ended with err.
func ExitCode(err error) int {
	switch {
	case errors.Is(err, ErrUnsafe):
		return ExitUnsafe
	case errors.Is(err, ErrUsage):
		return ExitUsage
	}
	if code, known := exitOfOutcome[OutcomeOf(err)]; known {
		return code
	}
	if code, known := exitOfKind[instrument.KindOf(err)]; known {
		return code
	}
	return ExitInternal
}

// UnsafeLine is the last word on a bench that could not be made safe: one line
// that names what could not be reached and what to do. "" for any other error.
func UnsafeLine(err error) string {
	if !errors.Is(err, ErrUnsafe) {
		return ""
	}
	which := ""
	if names := unsafeInstruments(err, nil); len(names) > 0 {
		which = " (" + strings.Join(names, ", ") + ")"
	}
	return "!!! THE BENCH IS NOT SAFE" + which +
		": switch the sources off by hand NOW, before anything is touched or plugged !!!"
}

// unsafeInstruments adds the instruments that an error says could not be made safe.
func unsafeInstruments(err error, names []string) []string {
	switch e := err.(type) {
	case *instrument.Error:
		if e.Op == opMakeSafe && !slices.Contains(names, e.Channel) {
			names = append(names, e.Channel)
		}
		return unsafeInstruments(e.Err, names)
	case interface{ Unwrap() []error }:
		for _, part := range e.Unwrap() {
			names = unsafeInstruments(part, names)
		}
		return names
	case interface{ Unwrap() error }:
		return unsafeInstruments(e.Unwrap(), names)
	}
	return names
}

// isCancellation tells whether err is what a piece of work returns that was
// told to stop.
func isCancellation(err error) bool {
	return errors.Is(err, ErrInterrupted) || errors.Is(err, context.Canceled) ||
		instrument.KindOf(err) == instrument.KindCancelled
}

const opMakeSafe = "make the bench safe"

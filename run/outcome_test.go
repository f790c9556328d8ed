package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"

	"xlab/instrument"
)

func TestExitCode(t *testing.T) {
	of := func(k instrument.Kind) error {
		return fmt.Errorf("device r3c7: %w", &instrument.Error{Op: "x", Kind: k, Err: errors.New("y")})
	}
	unsafe := fmt.Errorf("%w: no answer", ErrUnsafe)
	for _, c := range []struct {
		name    string
		err     error
		exit    int
		outcome Outcome
	}{
		{"done", nil, 0, OutcomeComplete},
		{"unheard of", io.EOF, 1, OutcomeFailed},
		{"panic", &PanicError{Value: "x"}, 1, OutcomeFailed},
		{"limit", of(instrument.KindLimit), 2, OutcomeFailed},
		{"bare limit", &instrument.LimitError{}, 2, OutcomeFailed},
		{"routing", of(instrument.KindRouting), 2, OutcomeFailed},
		{"usage", of(instrument.KindUsage), 2, OutcomeFailed},
		{"outside", &Ended{OutcomeOutside, nil}, 3, OutcomeOutside},
		{"unreachable", of(instrument.KindUnreachable), 4, OutcomeFailed},
		{"timeout", of(instrument.KindTimeout), 4, OutcomeFailed},
		{"deadline", os.ErrDeadlineExceeded, 4, OutcomeFailed},
		{"protocol", of(instrument.KindProtocol), 4, OutcomeFailed},
		{"identity", of(instrument.KindIdentity), 4, OutcomeFailed},
		{"instrument", of(instrument.KindInstrument), 4, OutcomeFailed},
		{"chain", of(instrument.KindChain), 4, OutcomeFailed},
		{"interlock", of(instrument.KindInterlock), 5, OutcomeTripped},
		{"compliance", of(instrument.KindCompliance), 5, OutcomeTripped},
		{"trip", of(instrument.KindTrip), 5, OutcomeTripped},
		{"busy", of(instrument.KindBusy), 6, OutcomeFailed},
		{"cancelled", of(instrument.KindCancelled), 7, OutcomeInterrupted},
		{"context", context.Canceled, 7, OutcomeInterrupted},
		{"asked to stop", ErrInterrupted, 7, OutcomeInterrupted},
		{"interrupted", &Ended{OutcomeInterrupted, of(instrument.KindTimeout)}, 7, OutcomeInterrupted},
		{"partial", &Ended{OutcomePartial, nil}, 8, OutcomePartial},
		{"partial, wrapped", fmt.Errorf("form: %w", &Ended{OutcomePartial, of(instrument.KindTimeout)}), 8, OutcomePartial},
		{"failed, with its cause", &Ended{OutcomeFailed, of(instrument.KindBusy)}, 6, OutcomeFailed},
		{"failed, without", &Ended{OutcomeFailed, nil}, 1, OutcomeFailed},
		{"unsafe outweighs interrupted", errors.Join(&Ended{OutcomeInterrupted, nil}, unsafe), 9, OutcomeTripped},
		{"unsafe outweighs partial", &Ended{OutcomePartial, unsafe}, 9, OutcomeTripped},
		{"unsafe outweighs unreachable", errors.Join(of(instrument.KindUnreachable), unsafe), 9, OutcomeTripped},
		{"full disk", fmt.Errorf("journal: %w", &instrument.Error{Kind: instrument.KindTrip, Err: syscall.ENOSPC}), 7,
			OutcomeInterrupted},
		{"quota", &os.PathError{Op: "write", Err: syscall.EDQUOT}, 7, OutcomeInterrupted},
		{"broken disk", &instrument.Error{Kind: instrument.KindTrip, Err: syscall.EIO}, 5, OutcomeTripped},
	} {
		if exit, outcome := ExitCode(c.err), OutcomeOf(c.err); exit != c.exit || outcome != c.outcome {
			t.Errorf("%s: exit code %d, %s; want %d, %s", c.name, exit, outcome, c.exit, c.outcome)
		}
	}
}

func TestEndedSaysItsCause(t *testing.T) {
	if s := (&Ended{Outcome: OutcomePartial}).Error(); s != "the run is partial" {
		t.Error(s)
	}
	if s := (&Ended{Outcome: OutcomeInterrupted, Err: ErrInterrupted}).Error(); s != "the run is interrupted: asked to "+
		"stop" {
		t.Error(s)
	}
}

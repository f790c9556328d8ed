package instrument_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"xlab/instrument"
)

func TestKindOf(t *testing.T) {
	timeout := &instrument.Error{Op: "b1500 spot", Channel: "SMU1", Kind: instrument.KindTimeout,
		Err: os.ErrDeadlineExceeded}
	trip := &instrument.Error{Op: "watch", Kind: instrument.KindTrip, Err: timeout}
	limit := &instrument.LimitError{Quantity: "voltage"}
	for _, c := range []struct {
		name string
		err  error
		want instrument.Kind
	}{
		{"nil", nil, instrument.KindUnknown},
		{"foreign", io.EOF, instrument.KindUnknown},
		{"plain", timeout, instrument.KindTimeout},
		{"outermost counts", trip, instrument.KindTrip},
		{"wrapped", fmt.Errorf("device r3c7: %w", trip), instrument.KindTrip},
		{"first of joined", errors.Join(io.EOF, timeout, trip), instrument.KindTimeout},
		{"joined and wrapped", fmt.Errorf("%w and %w", io.EOF, errors.Join(trip)), instrument.KindTrip},
		{"one without a kind does not hide its cause", &instrument.Error{Op: "form", Err: fmt.Errorf("device: %w", timeout)},
			instrument.KindTimeout},
		{"nor do joined ones", errors.Join(&instrument.Error{Op: "form"}, trip), instrument.KindTrip},
		{"one without kind or cause", &instrument.Error{Op: "form"}, instrument.KindUnknown},
		{"bare limit", fmt.Errorf("pulse: %w", limit), instrument.KindLimit},
		{"limit in an error of another kind", &instrument.Error{Op: "x", Kind: instrument.KindUsage, Err: limit},
			instrument.KindUsage},
		{"limit in an error without kind", &instrument.Error{Op: "x", Err: limit}, instrument.KindLimit},
		{"cancelled", fmt.Errorf("read: %w", context.Canceled), instrument.KindCancelled},
		{"deadline of a context", context.DeadlineExceeded, instrument.KindTimeout},
		{"deadline of a connection", fmt.Errorf("read: %w", os.ErrDeadlineExceeded), instrument.KindTimeout},
	} {
		if got := instrument.KindOf(c.err); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestErrorText(t *testing.T) {
	for _, c := range []struct {
		err  *instrument.Error
		want string
	}{
		{&instrument.Error{Op: "b1500 pulse", Channel: "SMU2", Kind: instrument.KindInterlock,
			Err: errors.New("the interlock is open"), Advice: "close the lid"},
			"b1500 pulse [SMU2]: the interlock is open; close the lid"},
		{&instrument.Error{Op: "b1500 pulse", Kind: instrument.KindTimeout}, "b1500 pulse: timeout"},
		{&instrument.Error{Op: "b1500 pulse"}, "b1500 pulse: failed"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestErrorKeepsItsCause(t *testing.T) {
	err := fmt.Errorf("outer: %w", &instrument.Error{Op: "x", Kind: instrument.KindProtocol,
		Err: fmt.Errorf("reply: %w", io.ErrUnexpectedEOF)})
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("the cause is gone")
	}
	var e *instrument.Error
	if !errors.As(err, &e) || e.Op != "x" {
		t.Error("the error itself is gone")
	}
}

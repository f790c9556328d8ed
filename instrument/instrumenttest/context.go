package instrumenttest

import (
	"context"
	"testing"
	"time"

	"xlab/instrument"
)

// endedContexts are one that was cancelled and one whose deadline has passed.
func endedContexts(t *testing.T) []context.Context {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
	t.Cleanup(cancel)
	return []context.Context{cancelled, late}
}

// isContextKind tells whether err says that the caller's context ended.
func isContextKind(err error) bool {
	kind := instrument.KindOf(err)
	return kind == instrument.KindCancelled || kind == instrument.KindTimeout
}

// cancelSoon is a context that is cancelled while an instrument that does not
// answer is waited for.
func cancelSoon(t *testing.T) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	return ctx, cancel
}

// subtest is one of a suite.
type subtest struct {
	name string
	run  func(t *testing.T)
}

func runSubtests(t *testing.T, suite []subtest) {
	for _, s := range suite {
		t.Run(s.name, s.run)
	}
}

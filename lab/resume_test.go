package lab

import (
	"strings"
	"testing"

	"xlab/run"
)

// A run of a newer program is left out of the list with its reason, and does not keep
// the others from being listed.
func TestForeignRecordIsListed(t *testing.T) {
	l := New()
	dir := t.TempDir()
	if err := l.ReadConfig("", []string{"analyzer.address=sim", "runs=" + dir, "simulation.chip=none"}); err != nil {
		t.Fatal(err)
	}
	r, err := run.Create(dir, run.Header{Command: "read", Simulated: true}, run.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Journal().Event("magic", struct{}{}); err != nil {
		t.Fatal(err)
	}
	if err := r.End(run.ErrInterrupted, nil); err == nil {
		t.Fatal("an interrupted run ended well")
	}
	s, err := run.Load(dir, r.ID())
	if err != nil {
		t.Fatal(err)
	}
	if why, err := l.NeedsAccepting(s); err != nil || !strings.Contains(why, "cannot understand") {
		t.Errorf("%q, %v", why, err)
	}
}

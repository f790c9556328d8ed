package study

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"xlab/lab"
	"xlab/lab/procedure"
	"xlab/lab/sim"
	"xlab/run"
)

// ending is a job that does nothing and ends so.
type ending struct{ err error }

func (ending) Command() string                                { return "test" }
func (ending) Arrays() []string                               { return []string{"A"} }
func (ending) Spec() any                                      { return nil }
func (e ending) Work(context.Context, procedure.Bench) error  { return e.err }
func (ending) Summary(procedure.Bench, procedure.Figures) any { return nil }
func (ending) Files(procedure.Bench) error                    { return nil }

// What a job reached is studied although it is less than it was to reach; any other end
// is the study's.
func TestVerdicts(t *testing.T) {
	l := lab.New()
	if err := l.ReadConfig("", []string{"analyzer.address=sim", "simulation.chip=none", "runs=none"}); err != nil {
		t.Fatal(err)
	}
	pristine, err := sim.NewChip(l.Config, 1)
	if err != nil {
		t.Fatal(err)
	}
	chip := &Chip{Seed: 1, lab: l}
	if chip.state, err = json.Marshal(pristine); err != nil {
		t.Fatal(err)
	}
	partial := &run.Ended{Outcome: run.OutcomePartial, Err: errors.New("half")}
	for _, c := range []struct {
		err   error
		words string // "" = none
	}{
		{nil, ""}, {partial, ""}, {&run.Ended{Outcome: run.OutcomeOutside}, ""},
		{errors.Join(partial, errors.New("lost")), "lost"}, {run.ErrInterrupted, "asked to stop"},
	} {
		f, err := chip.Timed(t.Context(), ending{c.err})
		if c.words == "" && (err != nil || f.BenchSeconds <= 0) || c.words != "" && (err == nil ||
			!strings.Contains(err.Error(), c.words)) {
			t.Errorf("%v became %v, %+v", c.err, err, f)
		}
	}
	if err := chip.Do(t.Context(), ending{partial}); !errors.Is(err, partial) {
		t.Errorf("a forming or a measurement that is not whole became %v", err)
	}
}

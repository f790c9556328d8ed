package plan

import (
	"fmt"
	"strings"

	"xlab/instrument"
	"xlab/lab"
	"xlab/run"
)

// LeftOut counts runs that were cut off and are not offered, by reason.
type LeftOut map[string]int

// Resumable lists the runs of the laboratory's bench that can be taken up, oldest
// first; tasks of a plan that goes on go on with it.
func Resumable(l *lab.Lab) (found []*run.Stored, left LeftOut, err error) {
	all, err := run.All(l.Config.Runs)
	if err != nil {
		return nil, nil, err
	}
	chip, err := l.Chip()
	if err != nil {
		return nil, nil, err
	}
	left = make(LeftOut)
	owners := Owners(all)
	for _, s := range all {
		if !s.Resumable() {
			continue
		}
		owner := owners[s.ID]
		if why := neverResumable(l, chip, s); why != "" {
			left[why]++
		} else if owner != nil && (owner.Resumable() || owner.Outcome == run.OutcomeRunning) {
			left["going on with their plan"]++
		} else {
			found = append(found, s)
		}
	}
	return found, left, nil
}

// neverResumable says why a run that was cut off can only fail again on this
// bench, in words that go behind a number of runs; "" where it may go on.
func neverResumable(l *lab.Lab, chip string, s *run.Stored) string {
	h := s.Header
	switch {
	case h.ID == "":
		return "without a readable header"
	case h.Simulated != l.Config.Simulated() || h.Simulated && h.Chip != chip ||
		!h.Simulated && !strings.HasPrefix(h.Bench, l.Config.Bench+" ("):
		return "of another bench or chip"
	}
	var err error
	if h.Command == Command {
		_, err = specOf(&h)
	} else {
		_, err = l.Rebuild(&h)
	}
	if err != nil {
		return "whose job this program cannot rebuild from the record"
	}
	if s.Result != nil && h.Command != Command && h.Limits == l.Config.DeviceLimits() {
		switch s.Result.Kind {
		case instrument.KindLimit, instrument.KindRouting, instrument.KindUsage:
			return "that failed at a step which would be refused again"
		}
	}
	return ""
}

// Find finds the run to take up: name may be shortened, or "" for the newest one of
// the bench. When that run is a task of a plan, Find gives the plan's run.
func Find(l *lab.Lab, name string) (*run.Stored, error) {
	if name == "" {
		candidates, _, err := Resumable(l)
		if err != nil {
			return nil, err
		}
		if len(candidates) == 0 {
			return nil, run.Usage(fmt.Errorf("no run of this bench in %s was cut off; `xlab runs` lists all", l.Config.Runs))
		}
		return candidates[len(candidates)-1], nil
	}
	s, err := run.Load(l.Config.Runs, name)
	if err != nil {
		return nil, run.Usage(err)
	}
	all, err := run.All(l.Config.Runs)
	if err != nil {
		return nil, err
	}
	switch owner := Owners(all)[s.ID]; {
	case owner != nil && owner.Outcome == run.OutcomeRunning:
		return nil, lab.RefuseToResume(owner)
	case owner != nil && owner.Resumable():
		fmt.Fprintf(l.Messages, "run %s is a task of a plan; the plan's run %s is taken up instead\n", s.ID, owner.ID)
		return owner, nil
	}
	return s, lab.RefuseToResume(s)
}

// NeedsAccepting says why a run is not taken up without --accept, as far as that
// can be told without its bench; "" for no such reason.
func NeedsAccepting(l *lab.Lab, s *run.Stored) (string, error) {
	if s.Header.Command != Command {
		return l.NeedsAccepting(s)
	}
	report, err := run.ScanJournal(s.Dir, func(run.Record) error { return nil })
	if err == nil && run.Check(s.Dir, report) != nil {
		return "with a damaged record", nil
	}
	return "", err
}

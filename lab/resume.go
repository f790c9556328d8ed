package lab

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"xlab/instrument"
	"xlab/lab/procedure"
	"xlab/lab/transcript"
	"xlab/run"
	"xlab/run/record"
)

// RefuseToResume says why a run cannot be taken up; nil when it can.
func RefuseToResume(s *run.Stored) error {
	switch {
	case s.Resumable():
		return nil
	case s.Outcome == run.OutcomeRunning:
		return &instrument.Error{Op: "resume", Channel: s.ID, Kind: instrument.KindBusy,
			Err:    errors.New("its process is still at work"),
			Advice: "wait until it has ended, or interrupt it"}
	case s.Outcome == run.OutcomeBroken:
		return run.Usage(fmt.Errorf("run %s cannot be understood: %s", s.ID, strings.Join(s.Problems, "; ")))
	}
	return run.Usage(fmt.Errorf("run %s is %s: there is nothing left to do", s.ID, s.Outcome))
}

// NeedsAccepting says why a run is not taken up without --accept, as far as that
// can be told without its bench; "" for no such reason.
func (l *Lab) NeedsAccepting(s *run.Stored) (string, error) {
	c, k := l.Config, newKnowledge(l.Steps, 0, l.Config.Settings.Profile)
	var foreign error // of a record that this program does not know
	report, err := run.ScanJournal(s.Dir, func(r run.Record) error {
		foreign = k.see(r)
		return foreign
	})
	switch {
	case foreign != nil:
		return "with a record that this program cannot understand", nil
	case err != nil:
		return "", err
	}
	if run.Check(s.Dir, report) != nil {
		return "with a damaged record", nil
	}
	now := run.Header{Simulated: c.Simulated(), Chip: k.header.Chip, Limits: c.DeviceLimits(),
		Profile: c.Settings.Profile.String()}
	for _, h := range k.header.Arrays {
		w, err := c.Wiring(h.Name)
		if err != nil {
			return "of arrays that the bench does not have", nil
		}
		now.Arrays = append(now.Arrays, run.ArrayHeader{Name: h.Name, Rows: w.Rows, Cols: w.Cols, Wiring: wiringChecksum(w)})
	}
	if len(compareBench(k.header, now)) > 0 {
		return "made with other limits, another device profile or other wiring", nil
	}
	later, err := laterRuns(c, s.Header, k.header)
	if len(later) > 0 {
		return "on arrays that were worked on since", err
	}
	return "", err
}

// Resume takes up the run in dir and gives it with its job; the run is nil where it
// was not taken up. Until the bench has been compared with the one that the run
// began on, nothing is written.
func (l *Lab) Resume(ctx context.Context, dir string, accept bool) (r *Run, j procedure.Job, err error) {
	known := newKnowledge(l.Steps, l.Config.Simulation.Temperature, l.Config.Settings.Profile)
	claim, err := run.NewClaim(dir, known.see)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, claim.Release()) }()
	l.CutOff = claim.Header.ID
	known.forget(claim.Unknown)
	if err := l.CheckRecord(dir, &claim.Report, accept); err != nil {
		return nil, nil, err
	}
	l.AskWhomToTell(&claim.Header)
	if j, err = l.Rebuild(&claim.Header); err != nil {
		return nil, nil, err
	}
	r, err = l.onBench(ctx, j, func(r *Run) error {
		r.past = pastOf(claim, known, r.session.Sim != nil)
		later, err := laterRuns(l.Config, claim.Header, known.header)
		if err != nil {
			return err
		}
		return l.acceptable(claim.Header.ID, append(compareBench(known.header, r.header), later...), accept)
	}, func(ctx context.Context, r *Run) (err error) {
		looks, err := known.look(ctx, r.session, l.Say)
		if err != nil {
			return fmt.Errorf("before the run is taken up: %w", err)
		}
		if err := l.acceptable(claim.Header.ID, compareReads(looks), accept); err != nil {
			return err
		}
		if r.Run, err = claim.Continue(r.header, l.Kept(r.session.Options())); err != nil {
			return err
		}
		r.header = r.Run.Header()
		l.Transcript.Into(filepath.Join(r.Dir(), transcript.Directory(claim.Segments+1)))
		l.begun(ctx, r)
		if err := l.watchOver(r); err != nil {
			return err
		}
		return r.Journal().Event(record.Check, map[string]any{"reads": looks, "accepted": accept})
	})
	return r, j, err
}

// Rebuild makes the job of a run from its header.
func (l *Lab) Rebuild(h *run.Header) (procedure.Job, error) {
	p, known := l.Procedures.Of(h.Command)
	if !known || p.Rebuild == nil {
		return nil, run.Usage(fmt.Errorf("run %s is of the command %q, which this program cannot take up; the program "+
			"that began it is version %s", h.ID, h.Command, h.Program))
	}
	return p.Rebuild(l, h)
}

// pastOf says what the earlier segments leave to the next one.
func pastOf(claim *run.Claim, known *knowledge, virtual bool) past {
	p := past{records: claim.Records(), skip: known.skips.Spans(), wall: claim.Wall, clock: claim.Bench,
		cutOff: claim.CutOff}
	if !virtual {
		p.gap = known.gap(claim.Written)
	}
	return p
}

// CheckRecord refuses a damaged record, unless that was accepted: what was done
// behind the first fault is then taken for not done.
func (l *Lab) CheckRecord(dir string, report *run.Report, accept bool) error {
	if p := report.Header.Program; p != "" && p != run.Program() {
		fmt.Fprintf(l.Messages, "the run was begun by version %s of the program, this is version %s\n", p, run.Program())
	}
	err := run.Check(dir, report)
	switch {
	case err == nil:
		return nil
	case accept:
		fmt.Fprintf(l.Messages, "accepted: %v\n", err)
		return nil
	}
	return fmt.Errorf("%w; --accept uses the record up to the first fault, "+
		"and treats what is recorded after it as not done", err)
}

package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"xlab/lab/procedure"
	"xlab/lab/transcript"
	"xlab/run"
	"xlab/run/replay"
)

// RecordLinks keeps what is said on the links of the bench that the command opens: in
// dir, or for "" in the directory of its run.
func (l *Lab) RecordLinks(dir string) error {
	if l.Played != nil {
		return nil
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return run.Usage(fmt.Errorf("--transcript %s: the directory is not empty, and a transcript replaces nothing", dir))
	}
	l.Transcript = transcript.NewRecorder(l.Arguments, l.Say)
	if dir != "" {
		l.Transcript.Into(dir)
	}
	return nil
}

// Told is a transcript that can be played.
type Told struct {
	*transcript.Player
	Directory string
	Run       *run.Stored // whose first segment it is of; nil = of none
}

// OpenTranscript reads the transcript of a run, which is given by its ID or its
// directory, or one that is in a directory of its own.
func (l *Lab) OpenTranscript(name string) (t *Told, err error) {
	t = &Told{Directory: name}
	if _, err := os.Stat(filepath.Join(name, transcript.Directory(1))); err == nil {
		t.Run = run.Read(name)
	} else if info, err := os.Stat(name); err != nil || !info.IsDir() {
		if t.Run, err = run.Load(l.Config.Runs, name); err != nil {
			return nil, run.Usage(err)
		}
	}
	if t.Run != nil {
		t.Directory = filepath.Join(t.Run.Dir, transcript.Directory(1))
	}
	if t.Player, err = transcript.Load(t.Directory); err != nil {
		return nil, err
	}
	if t.Run != nil && !slices.Equal(t.Run.Header.Arguments, t.Arguments) {
		return nil, run.Usage(fmt.Errorf("the transcript in %s is of the command %q, and the run of %q: it belongs to "+
			"another run", t.Directory, t.Arguments, t.Run.Header.Arguments))
	}
	if t.Program != run.Program() {
		l.Say(fmt.Sprintf("the transcript was recorded by version %s of the program, this is version %s: a difference may "+
			"be what has changed between them", t.Program, run.Program()))
	}
	return t, nil
}

// Retold is what `xlab replay --transcript --json` prints.
type Retold struct {
	Transcript string   `json:"transcript"` // directory
	Run        string   `json:"run,omitempty"`
	Command    []string `json:"command"`
	Frames     int      `json:"frames"`  // that were said again
	Records    int      `json:"records"` // of the journal, from the first on, that came out the same
	// partial: the recording or the run was cut off; outside: there is a difference
	Outcome run.Outcome `json:"outcome"`
	// the first frame that is another one, or where the comparison ends before the command; null for neither
	Frame *transcript.End `json:"frame"`
	// the first of the journal and the result; null for none
	Difference *replay.Difference `json:"difference"`
}

// Retell carries the command of a transcript out again, with the transcript in the
// place of all instruments: work does, in this laboratory, and gives the run, if it
// was one. Runs are kept in l.Config.Runs. An error is of a command that could not be
// carried out at all, or of a record that cannot be read.
func (l *Lab) Retell(ctx context.Context, t *Told,
	work func(ctx context.Context) (*Run, procedure.Job, error)) (*Retold, error) {
	result := &Retold{Transcript: t.Directory, Command: t.Arguments, Outcome: run.OutcomeComplete}
	if t.Run != nil {
		result.Run = t.Run.Header.ID
		var err error
		if l.recorded, err = replay.New(run.Records(t.Run.Dir), replay.Options{Recalls: beside}); err != nil {
			return nil, err
		}
		defer l.recorded.Close()
	}
	playing, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	t.Play(cancel)
	r, j, err := work(playing)
	if ctx.Err() != nil || errors.Is(err, run.ErrInterrupted) {
		return nil, err // by somebody, now
	}
	result.Frame, result.Frames = t.End(), t.Frames()
	begun := r != nil && r.Run != nil
	if err != nil && result.Frame == nil && !begun && (t.Run != nil || result.Frames == 0) {
		return nil, err
	}
	stopped := result.Frame != nil && result.Frame.Cut
	if begun {
		interrupted, err := l.compareRuns(t.Run, r, j, result)
		if err != nil {
			return nil, err
		}
		stopped = stopped || interrupted
	}
	switch {
	case result.Difference != nil, result.Frame != nil && !stopped:
		result.Outcome = run.OutcomeOutside
	case stopped:
		result.Outcome = run.OutcomePartial
	}
	return result, nil
}

// compareRuns compares what a run has left with what was left where its transcript
// comes from, and tells whether what is said differs where that was interrupted.
func (l *Lab) compareRuns(s *run.Stored, r *Run, j procedure.Job, result *Retold) (interrupted bool, err error) {
	compared, err := replay.Compare(run.Records(s.Dir), run.Records(r.Dir()))
	if err != nil {
		return false, err
	}
	result.Records = compared.Same
	whole := s.Result != nil && s.Result.Segments == 1 // no later segment has gone on with it
	switch {
	case compared.First != nil && !(compared.Short && result.Frame != nil):
		result.Difference = compared.First
	case result.Frame != nil:
		// What is asked for behind an interrupt is not in the record, and the way out is
		// not said again.
		return !whole || s.Outcome == run.OutcomeInterrupted || s.Outcome == run.OutcomeTripped, nil
	case whole:
		// Closing the links comes behind the end of the run.
		now := run.Read(r.Dir())
		result.Difference = r.compareEnd(j, s, &run.Ended{Outcome: now.Outcome, Err: errors.New(now.Cause)})
	}
	return false, nil
}

// beside are the kinds of what is asked for in a run and comes over no link.
var beside = []string{recallWait, recallTemperature, procedure.RecallLine, "classification wall time"}

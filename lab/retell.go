package lab

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"xlab/lab/procedure"
	"xlab/lab/transcript"
	"xlab/run"
	"xlab/run/record"
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
		return nil, run.Usage(fmt.Errorf("the transcript in %s is of the command %q, and the run of %q: it belongs to another "+
			"run", t.Directory, t.Arguments, t.Run.Header.Arguments))
	}
	if t.Program != run.Program() {
		l.Say(fmt.Sprintf("the transcript was recorded by version %s of the program, this is version %s: a difference may be "+
			"what has changed between them", t.Program, run.Program()))
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
	// the first frame that is another one, or where the recording was cut off; null for neither
	Frame *transcript.End `json:"frame"`
	// the run was interrupted there
	Interrupted bool               `json:"interrupted,omitempty"`
	Difference  *replay.Difference `json:"difference"` // the first of the journal and the result; null for none
}

// Differs gives what is not as recorded, or nil. Up to where the recording or the run
// was cut off nothing may be.
func (r *Retold) Differs() error {
	switch {
	case r.Frame != nil && !r.CutOff():
		return r.Frame
	case r.Difference != nil:
		return r.Difference
	}
	return nil
}

// CutOff tells whether the comparison ends before the command did.
func (r *Retold) CutOff() bool { return r.Frame != nil && (r.Frame.Cut || r.Interrupted) }

// Retell carries the command of a transcript out again, with the transcript in the
// place of all instruments: work does, in this laboratory, and gives the run, if it
// was one. Runs are kept in l.Config.Runs. An error is of a command that could not be
// carried out at all, or of a record that cannot be read.
func (l *Lab) Retell(ctx context.Context, t *Told, work func(ctx context.Context) (*Run, procedure.Job, error)) (*Retold,
	error) {
	result := &Retold{Transcript: t.Directory, Command: t.Arguments}
	l.recorded = &told{answers: make(map[string][]record.Answer)}
	if t.Run != nil {
		result.Run = t.Run.ID
		if _, err := run.ScanJournal(t.Run.Dir, l.recorded.see); err != nil {
			return nil, err
		}
	}
	playing, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	t.Play(cancel)
	r, j, err := work(playing)
	if ctx.Err() != nil {
		return nil, err
	}
	result.Frame, result.Frames = t.End(), t.Frames()
	if result.Frames == 0 && err != nil {
		return nil, err
	}
	if t.Run == nil {
		return result, nil
	}
	if r == nil || r.Run == nil {
		if result.Frame == nil {
			return nil, err
		}
		return result, nil
	}
	compared, failed := replay.Compare(run.Records(t.Run.Dir), run.Records(r.Dir()))
	if failed != nil {
		return nil, failed
	}
	result.Records = compared.Same
	// What was asked for behind an interrupt is not in the record, and the bytes of the
	// way out are not said again.
	stopped := l.recorded.outcome == run.OutcomeInterrupted || l.recorded.outcome == run.OutcomeTripped
	result.Interrupted = stopped && result.Frame != nil && (compared.First == nil || compared.Short)
	switch {
	case compared.First != nil && !(compared.Short && result.Frame != nil):
		result.Difference = compared.First
	case result.Frame == nil && t.Run.Result != nil && t.Run.Result.Segments == 1:
		result.Difference = r.compareEnd(j, t.Run, err)
	}
	return result, nil
}

// besideLinks are the kinds of what is asked for in a run and comes over no link.
var besideLinks = []string{recallWait, recallTemperature, "classification wall time"}

// told is what the first segment of a record tells of that, in its order.
type told struct {
	segment string // its file
	answers map[string][]record.Answer
	outcome run.Outcome // that it ended with; "" = its process was killed
}

func (t *told) see(r run.Record) error {
	t.segment = cmp.Or(t.segment, r.File)
	if r.File != t.segment {
		return nil
	}
	switch {
	case r.Type == run.TypeEnd:
		var end run.End
		err := json.Unmarshal(r.Data, &end)
		t.outcome = end.Outcome
		return err
	case r.Kind == record.Recall:
		value, err := record.Of(r)
		if a, ok := value.(record.Answer); ok && slices.Contains(besideLinks, a.What) {
			t.answers[a.What] = append(t.answers[a.What], a)
		}
		return err
	}
	return nil
}

// answer gives the next one of a kind.
func (t *told) answer(kind string, to any) error {
	list := t.answers[kind]
	if len(list) == 0 {
		return fmt.Errorf("the record has no more of %q", kind)
	}
	t.answers[kind] = list[1:]
	if list[0].Error != "" {
		return errors.New(list[0].Error)
	}
	return json.Unmarshal(list[0].Answer, to)
}

package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"xlab/instrument"
	"xlab/run/atomicfile"
	"xlab/run/filelock"
)

// Run is a run under way: its directory and its journal. Its owner calls End
// or Finish on every way out.
type Run struct {
	header  Header
	dir     string
	journal *Journal
	options Options
	mark    *os.File // marks the run as alive while it is open
	began   time.Time

	segment     int     // number of this one
	earlierWall float64 // s, of the segments before it

	mu       sync.Mutex
	finished bool
}

// Create makes a directory for a new run below root, with the specification
// and a journal that is on disk when it returns. root is made if necessary.
// o replaces parts.
func Create(root string, h Header, o Options) (*Run, error) {
	o = o.withDefaults()
	r := &Run{options: o, began: o.Now(), segment: 1}
	if h.Started.IsZero() {
		h.Started = r.began
	}
	h.Started = h.Started.UTC().Round(0)
	if h.Command == "" {
		return nil, &instrument.Error{Op: "start run", Kind: instrument.KindUsage,
			Err: errors.New("a run needs the name of its command")}
	}
	spec, err := json.Marshal(h.Spec)
	if err != nil {
		return nil, fmt.Errorf("start run: the specification cannot be written as JSON: %w", err)
	}
	spec = RedactSpec(spec)
	h.Spec = json.RawMessage(spec)
	h.Arguments = RedactArguments(h.Arguments)
	if err := os.MkdirAll(root, atomicfile.PrivateDir); err != nil {
		return nil, cannotStart(root, err)
	}
	if err := checkFree(o.Free, root, o.Reserve); err != nil {
		return nil, err
	}
	if h.ID, r.dir, err = makeDirectory(root, h, o.Announce); err != nil {
		return nil, cannotStart(root, err)
	}
	r.header = h
	if err := r.fill(root, spec); err != nil {
		// Nothing has been done to any device: half a directory is of no use.
		return nil, errors.Join(err, r.unmark(), os.RemoveAll(r.dir))
	}
	return r, nil
}

func (r *Run) fill(root string, spec []byte) error {
	indented, err := indent(spec)
	if err != nil {
		return fmt.Errorf("start run: the specification: %w", err)
	}
	if err := atomicfile.WriteFile(filepath.Join(r.dir, specFile), atomicfile.Private, indented); err != nil {
		return cannotStart(r.dir, err)
	}
	if r.journal, err = openJournal(r.dir, 1, 0, nil, r.header, r.options); err != nil {
		return err
	}
	err = atomicfile.SyncDir(root)
	if err == nil {
		r.mark, err = markAlive(r.dir)
	}
	if err != nil {
		return errors.Join(cannotStart(r.dir, err), r.journal.Close())
	}
	return nil
}

// makeDirectory finds the first free ID for a run that starts now. Each one that
// is tried is announced before there is a directory.
func makeDirectory(root string, h Header, announce func(id string) error) (id, dir string, err error) {
	stem := h.Started.Format("20060102T150405Z") + "-" + slug(h.Command)
	if h.Array != "" {
		stem += "-" + slug(h.Array)
	}
	first := int(int64(h.Started.Nanosecond()) << 16 / int64(time.Second))
	for i := range 1 << 16 {
		id = fmt.Sprintf("%s-%04x", stem, (first+i)&0xffff)
		dir = filepath.Join(root, id)
		if announce != nil {
			if _, err := os.Lstat(dir); err == nil {
				continue
			}
			if err := announce(id); err != nil {
				return "", "", err
			}
		}
		err = os.Mkdir(dir, atomicfile.PrivateDir)
		if !errors.Is(err, fs.ErrExist) {
			return id, dir, err
		}
	}
	return "", "", err
}

// Begun tells whether the run that was announced with an ID below root has come
// to be: its header is on disk. Before that nothing is done to any device, so
// that a directory in which there is nothing yet, left by a process that ended
// in between, is removed.
func Begun(root, id string) (bool, error) {
	if id != filepath.Base(id) || !filepath.IsLocal(id) {
		return false, fmt.Errorf("%q is not the ID of a run", id)
	}
	dir := filepath.Join(root, id)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, notRun(dir, err)
	}
	for _, e := range entries {
		switch name := e.Name(); {
		case name == firstSegment:
			report, err := ScanJournal(dir, nil)
			if err != nil || report.Records > 0 || slices.ContainsFunc(report.Damage, func(d Damage) bool { return !d.Torn }) {
				return true, err
			}
		case name != specFile && !atomicfile.Unfinished(name):
			return true, nil
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return false, notRun(dir, err)
	}
	return false, atomicfile.SyncDir(root)
}

// slug makes text fit for a file name on every system.
func slug(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '_'
	}, text)
}

func cannotStart(dir string, cause error) error {
	return &instrument.Error{Op: "start run", Channel: dir, Kind: instrument.KindUsage, Err: cause,
		Advice: "choose a directory for runs that can be written to"}
}

// ID names the run. It is the name of its directory.
func (r *Run) ID() string { return r.header.ID }

// Dir is the run's directory.
func (r *Run) Dir() string { return r.dir }

// Header says what the run is.
func (r *Run) Header() Header { return r.header }

// Journal is the run's journal. Finish closes it.
func (r *Run) Journal() *Journal { return r.journal }

// WriteFile puts a data file into the run directory, atomically and on disk,
// replacing one of the same name. name has no directory and is none of the
// run's own files.
func (r *Run) WriteFile(name string, data []byte) error {
	if _, isSegment := segmentNumber(name); isSegment || name == specFile || name == resultFile ||
		name != filepath.Base(name) || !filepath.IsLocal(name) || strings.HasPrefix(name, ".") ||
		strings.ContainsAny(name, `/\:`) {
		return fmt.Errorf("data file %q: the name must be a plain file name and none of the run's own files", name)
	}
	if err := atomicfile.WriteFile(filepath.Join(r.dir, name), atomicfile.Private, data); err != nil {
		return &instrument.Error{Op: "write data file", Channel: r.dir, Kind: instrument.KindTrip, Err: err,
			Advice: "check the directory and its disk"}
	}
	return nil
}

// Finish ends the run with an outcome and its key figures (any JSON): the
// journal's end line and result.json are on disk when it returns. It is called
// once; a second call is an error and changes nothing. A run that does not end
// as complete has a cause and is better ended by End.
func (r *Run) Finish(outcome Outcome, summary any) error { return r.finish(outcome, nil, summary) }

// End ends the run with the error that its work ended with, nil for none: the
// outcome is OutcomeOf(err), the cause its text. It returns err, joined with
// what went wrong while ending, so that
//
//	defer func() { err = r.End(err, summary) }()
//
// leaves a complete directory on every way out.
func (r *Run) End(err error, summary any) error {
	ferr := r.finish(OutcomeOf(err), err, summary)
	switch {
	case ferr == nil:
		return err
	case err == nil:
		return ferr
	}
	return errors.Join(err, ferr)
}

func (r *Run) finish(outcome Outcome, cause error, summary any) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.finished {
		return fmt.Errorf("run %s has been ended already", r.header.ID)
	}
	r.finished = true

	var errs []error
	figures, err := json.Marshal(summary)
	if err != nil {
		figures = []byte("null")
		errs = append(errs, fmt.Errorf("run %s: its key figures cannot be written as JSON: %w", r.header.ID, err))
	}
	// A run whose last results did not reach the disk is not complete.
	jerr := r.journal.Flush()
	if jerr != nil && cause == nil {
		outcome, cause = OutcomeOf(jerr), jerr
	}
	finished := r.options.Now()
	res := Result{Version: Version, ID: r.header.ID, Command: r.header.Command, Array: r.header.Array,
		Started: r.header.Started, Finished: finished.UTC().Round(0), Outcome: outcome,
		Wall: r.earlierWall + max(finished.Sub(r.began).Seconds(), 0), Segments: r.segment, Summary: figures}
	if cause != nil {
		res.Cause, res.Kind, res.Exit = cause.Error(), instrument.KindOf(cause), ExitCode(cause)
	} else {
		res.Exit = ExitCode(endedAs(outcome))
	}
	if t, ok := r.journal.benchTime(); ok {
		res.Bench = &t
	}
	// The journal is the record, so it comes first. It tries the end line even
	// after a failure; a failure that stays is reported once.
	_, eerr := r.journal.append(line{kind: TypeEnd, data: End{Outcome: res.Outcome, Cause: res.Cause, Kind: res.Kind,
		Wall: res.Wall - r.earlierWall}})
	if cerr := r.journal.Close(); jerr == nil {
		jerr = errors.Join(eerr, cerr)
	}
	if jerr != nil {
		errs = append(errs, jerr)
	}
	text, err := json.MarshalIndent(res, "", "  ")
	if err == nil {
		err = atomicfile.WriteFile(filepath.Join(r.dir, resultFile), atomicfile.Private, append(text, '\n'))
	}
	if err != nil {
		errs = append(errs, &instrument.Error{Op: "end run", Channel: r.dir, Kind: instrument.KindTrip,
			Err: fmt.Errorf("%s cannot be written: %w", resultFile, err), Advice: "the journal has everything up to its last " +
				"line; check the disk"})
	}
	if err := r.unmark(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func endedAs(o Outcome) error {
	if o == OutcomeComplete {
		return nil
	}
	return &Ended{Outcome: o}
}

func (r *Run) unmark() error {
	if r.mark == nil {
		return nil
	}
	return r.mark.Close()
}

// markAlive marks the run as being written by a living process. Where the
// system or the file system knows no locks, there is no mark.
func markAlive(dir string) (*os.File, error) {
	f, err := os.Open(filepath.Join(dir, firstSegment))
	if err != nil {
		return nil, err
	}
	if err := filelock.Lock(f); err != nil {
		return nil, f.Close()
	}
	return f, nil
}

func indent(text []byte) ([]byte, error) {
	var v json.RawMessage = text
	b, err := json.MarshalIndent(v, "", "  ")
	return append(b, '\n'), err
}

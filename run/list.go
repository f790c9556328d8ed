package run

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"xlab/input"
	"xlab/instrument"
	"xlab/run/filelock"
)

// Summary is one line of a list of runs.
type Summary struct {
	ID       string              `json:"run"`
	Command  string              `json:"command"`
	Array    string              `json:"array,omitempty"`
	Started  time.Time           `json:"started"`
	Wall     float64             `json:"wall_seconds"`  // duration; of a run without a result: up to its last line
	Bench    *instrument.Seconds `json:"bench_seconds"` // duration in bench time; null where it is not known
	Outcome  Outcome             `json:"outcome"`
	Cause    string              `json:"cause,omitempty"`
	Summary  json.RawMessage     `json:"summary,omitempty"` // key figures, by command; absent before the end
	Problems []string            `json:"problems,omitempty"`
}

// Resumable tells whether the run can be taken up: it ended before it was done, or
// its process did before its result was on disk.
func (s *Summary) Resumable() bool {
	switch s.Outcome {
	case OutcomeInterrupted, OutcomeUnknown, OutcomeFailed, OutcomeTripped:
		return true
	case OutcomeComplete, OutcomePartial, OutcomeOutside:
		return s.Summary == nil
	}
	return false
}

// Stored is a run read back from its directory.
type Stored struct {
	Summary
	Dir    string
	Header Header          // Header.ID is "" where the journal has no readable header
	Spec   json.RawMessage // specification as given; nil where it cannot be read
	Result *Result         // nil before the end, and where it cannot be read
}

// List summarises all runs below root, oldest first. A directory that cannot
// be understood is listed as broken, with the reason; it is no error. A root
// that does not exist has no runs.
func List(root string) ([]Summary, error) {
	all, err := All(root)
	if err != nil {
		return nil, err
	}
	list := make([]Summary, 0, len(all))
	for _, s := range all {
		list = append(list, s.Summary)
	}
	return list, nil
}

// All is List with what else is known of each run.
func All(root string) ([]*Stored, error) {
	names, err := directories(root)
	if err != nil {
		return nil, err
	}
	list := make([]*Stored, 0, len(names))
	for _, name := range names {
		list = append(list, Read(filepath.Join(root, name)))
	}
	slices.SortStableFunc(list, func(a, b *Stored) int {
		return cmp.Or(a.Started.Compare(b.Started), strings.Compare(a.ID, b.ID))
	})
	return list, nil
}

// Load reads the run below root whose ID is, or as the only one starts with,
// idOrPrefix. "last" is the run that was started last, of those that are no task of
// a plan. A broken run is loaded
// as far as it can be read; an unknown or ambiguous ID is an error of kind
// instrument.KindUsage.
func Load(root, idOrPrefix string) (*Stored, error) {
	if idOrPrefix == "last" {
		all, err := All(root)
		if err != nil {
			return nil, err
		}
		if len(all) == 0 {
			return nil, unknownRun(root, idOrPrefix, "there are no runs yet")
		}
		return newest(all), nil
	}
	names, err := directories(root)
	if err != nil {
		return nil, err
	}
	var matches []string
	for _, name := range names {
		if name == idOrPrefix {
			return Read(filepath.Join(root, name)), nil
		}
		if idOrPrefix != "" && strings.HasPrefix(name, idOrPrefix) {
			matches = append(matches, name)
		}
	}
	switch len(matches) {
	case 1:
		return Read(filepath.Join(root, matches[0])), nil
	case 0:
		return nil, unknownRun(root, idOrPrefix, "no run has this ID or starts with it")
	}
	const shown = 5
	text := strings.Join(matches[:min(shown, len(matches))], ", ")
	if len(matches) > shown {
		text += fmt.Sprintf(" and %d more", len(matches)-shown)
	}
	return nil, unknownRun(root, idOrPrefix, "several runs start with it: "+text)
}

// newest is the newest run that is no part of a plan: after a plan that is the plan.
// Where there are only parts of plans it is the newest of them.
func newest(all []*Stored) *Stored {
	// The tasks' own headers have not always said whose they are.
	parts := make(map[string]bool)
	for _, s := range all {
		var summary struct{ Tasks []struct{ Run string } }
		if json.Unmarshal(s.Summary.Summary, &summary) == nil {
			for _, task := range summary.Tasks {
				parts[task.Run] = true
			}
		}
	}
	for _, s := range slices.Backward(all) {
		if !parts[s.ID] && s.Header.Task == nil {
			return s
		}
	}
	return all[len(all)-1]
}

func unknownRun(root, id, why string) error {
	return &instrument.Error{Op: "find run", Channel: id, Kind: instrument.KindUsage, Err: errors.New(why),
		Advice: "`xlab runs` lists the runs in " + root}
}

// directories lists what may be a run below root. Files and hidden directories
// are something else.
func directories(root string) ([]string, error) {
	entries, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, &instrument.Error{Op: "list runs", Channel: root, Kind: instrument.KindUsage, Err: err,
			Advice: "check the directory's permissions"}
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Read reads the run directory dir as far as that goes. What cannot be
// understood is in Problems; it is no error.
func Read(dir string) *Stored {
	s := &Stored{Dir: dir, Summary: Summary{ID: filepath.Base(dir)}}
	s.readSpec()
	s.readResult()
	if s.Result != nil {
		s.fromResult()
		// The first line is enough here: the result says the rest.
		if h, err := readHeader(dir); err != nil {
			s.problem(err)
		} else {
			s.Header = h
		}
	} else {
		s.fromJournal()
	}
	if s.Started.IsZero() {
		// The order of a list shall not depend on damage.
		if stamp, _, ok := strings.Cut(s.ID, "-"); ok {
			if t, err := time.Parse("20060102T150405Z", stamp); err == nil {
				s.Started = t
			}
		}
	}
	return s
}

func (s *Stored) problem(err error) { s.Problems = append(s.Problems, err.Error()) }

func (s *Stored) readSpec() {
	text, err := input.ReadFile(filepath.Join(s.Dir, specFile), input.Record)
	switch {
	case err != nil:
		s.problem(err)
	case !json.Valid(text):
		s.problem(fmt.Errorf("%s is not JSON", specFile))
	default:
		s.Spec = RedactSpec(text)
	}
}

func (s *Stored) readResult() {
	path := filepath.Join(s.Dir, resultFile)
	text, err := input.ReadFile(path, input.Record)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		s.problem(err)
		return
	}
	var res Result
	if err := json.Unmarshal(text, &res); err != nil {
		s.problem(fmt.Errorf("%s cannot be understood: %w", resultFile, err))
		return
	}
	if res.Version > Version {
		s.problem(&VersionError{Path: path, Found: res.Version})
		return
	}
	s.Result = &res
}

func (s *Stored) fromResult() {
	r := s.Result
	s.Command, s.Array, s.Started = r.Command, r.Array, r.Started
	s.Wall, s.Bench, s.Outcome, s.Cause, s.Summary.Summary = r.Wall, r.Bench, r.Outcome, r.Cause, r.Summary
}

// fromJournal summarises a run that has no result (yet) from its journal.
func (s *Stored) fromJournal() {
	report, err := ScanJournal(s.Dir, nil)
	if err != nil {
		s.Outcome = OutcomeBroken
		s.problem(err)
		return
	}
	s.Header = report.Header
	s.Command, s.Array, s.Started = report.Header.Command, report.Header.Array, report.Header.Started
	if report.HasBench {
		t := report.Bench
		s.Bench = &t
	}
	alive, err := Alive(s.Dir)
	if err != nil && !errors.Is(err, filelock.ErrUnsupported) {
		s.problem(err)
	}
	switch {
	case report.End != nil:
		s.Outcome, s.Cause = report.End.Outcome, report.End.Cause
	case report.Header.ID == "":
		s.Outcome = OutcomeBroken
		s.Cause = "the journal has no readable header"
	case alive:
		s.Outcome = OutcomeRunning
	default:
		s.Outcome = OutcomeUnknown
		s.Cause = "its process ended without a word: killed, or a power cut"
	}
	for _, d := range report.Damage {
		if !alive || !d.Torn { // the last line of a living run may be half written
			s.Problems = append(s.Problems, d.String())
		}
	}
	if s.Outcome != OutcomeBroken {
		s.Wall = report.Wall
	}
}

// readHeader reads the first readable line, which is to be the header.
func readHeader(dir string) (h Header, err error) {
	for r, err := range Records(dir) {
		if err == nil && r.Type == TypeHeader {
			if err = json.Unmarshal(r.Data, &h); err != nil {
				err = fmt.Errorf("%s:%d: the header's data cannot be understood: %w", r.File, r.Line, err)
			}
		}
		if err != nil {
			return h, err
		}
		break
	}
	if h.ID == "" {
		return h, fmt.Errorf("%s:1: the header cannot be read", firstSegment)
	}
	return h, nil
}

// Alive tells whether the process that writes the run in dir is still there. It
// is false with filelock.ErrUnsupported where the system or the file system knows
// no locks.
func Alive(dir string) (alive bool, err error) {
	f, err := os.Open(filepath.Join(dir, firstSegment))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	err = filelock.TryShare(f)
	if errors.Is(err, filelock.ErrHeld) {
		return true, nil
	}
	return false, err
}

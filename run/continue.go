package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"time"

	"xlab/instrument"
	"xlab/run/atomicfile"
	"xlab/run/filelock"
)

// Claim is a run that ended before it was complete and that this process, and
// no other, is about to take up again. Nothing has been changed yet. Its owner
// calls either Continue or Release.
type Claim struct {
	Report
	dir  string
	last int // number of the last segment
	mark *os.File
}

// NewClaim claims the run directory dir and reads its journal, handing every
// record to visit like ScanJournal (nil = nobody wants them). A run that is still
// being written is refused with an error of kind instrument.KindBusy, one
// without a readable header with instrument.KindUsage.
func NewClaim(dir string, visit func(Record) error) (*Claim, error) {
	numbers, err := segments(dir)
	if err != nil {
		return nil, err
	}
	if numbers[0] != 1 {
		return nil, notRun(dir, fmt.Errorf("its first segment, %s, is missing", firstSegment))
	}
	c := &Claim{dir: dir}
	if c.mark, err = claimMark(dir); err != nil {
		return nil, err
	}
	// Once more: another process may have written a segment before it ended.
	if numbers, err = segments(dir); err != nil {
		return nil, errors.Join(err, c.Release())
	}
	c.last = numbers[len(numbers)-1]
	report, err := ScanJournal(dir, visit)
	if err == nil && report.Header.ID == "" {
		err = &instrument.Error{Op: "take up run", Channel: dir, Kind: instrument.KindUsage,
			Err:    errors.New("its journal has no readable header"),
			Advice: "only the header says what the run was to do; start a new run"}
	}
	if err != nil {
		return nil, errors.Join(err, c.Release())
	}
	c.Report = *report
	return c, nil
}

// claimMark marks the run in dir as this process's own. A list of runs that is
// being made just now holds the mark for a moment, so that it is tried for a
// while.
func claimMark(dir string) (*os.File, error) {
	f, err := os.Open(filepath.Join(dir, firstSegment))
	if err != nil {
		return nil, notRun(dir, err)
	}
	const tries, pause = 20, 25 * time.Millisecond
	for try := range tries {
		err = filelock.TryLock(f)
		if errors.Is(err, filelock.ErrUnsupported) {
			return nil, f.Close() // there is no mark, as in markAlive
		}
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, filelock.ErrHeld) {
			break
		}
		if try < tries-1 {
			time.Sleep(pause)
		}
	}
	if errors.Is(err, filelock.ErrHeld) {
		err = &instrument.Error{Op: "take up run", Channel: dir, Kind: instrument.KindBusy,
			Err:    errors.New("another process is writing this run"),
			Advice: "wait until it has ended, or interrupt it"}
	}
	return nil, errors.Join(err, f.Close())
}

// Records reads the journal as it was when the run was claimed, one record after
// the other, as often as it is asked to. An error ends it and comes with a zero
// Record.
func (c *Claim) Records() iter.Seq2[Record, error] { return records(c.dir, c.last) }

// Release gives the claim up. Nothing has been changed.
func (c *Claim) Release() error {
	if c.mark == nil {
		return nil
	}
	mark := c.mark
	c.mark = nil
	return mark.Close()
}

// Continue begins the run's next segment with a header of its own, on disk when
// it returns. What identifies the run (ID, command, array, start, specification,
// task of a plan) is taken from its first header, whatever h says. The
// interrupted segment's result.json is gone from then on: the run has not ended.
// The claim is used up, also after an error.
func (c *Claim) Continue(h Header, o Options) (*Run, error) {
	o = o.withDefaults()
	first := c.Header
	h.ID, h.Command, h.Array, h.Started, h.Spec, h.Task = first.ID, first.Command, first.Array, first.Started,
		first.Spec, first.Task
	h.Arguments = RedactArguments(h.Arguments)
	r := &Run{header: h, dir: c.dir, options: o, began: o.Now(), mark: c.mark,
		segment: c.last + 1, earlierWall: c.Wall}
	c.mark = nil
	now := r.began.UTC().Round(0)
	r.header.Resumed = &now
	if r.header.Spec == nil {
		r.header.Spec = json.RawMessage("null")
	}
	open := slices.Clone(c.cutOff)
	for _, u := range c.Unknown {
		open = append(open, u.Seq)
	}
	var err error
	if r.journal, err = openJournal(c.dir, r.segment, c.LastSeq, open, r.header, o); err != nil {
		return nil, errors.Join(err, r.unmark())
	}
	if c.HasBench {
		r.journal.SetBenchTime(c.Bench)
	}
	// After the segment: a crash in between leaves a segment without an end,
	// which counts.
	if err = os.Remove(filepath.Join(c.dir, resultFile)); errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	if err == nil {
		err = atomicfile.SyncDir(c.dir)
	}
	if err != nil {
		return nil, errors.Join(&instrument.Error{Op: "take up run", Channel: c.dir, Kind: instrument.KindUsage, Err: err,
			Advice: "check the directory's permissions and its disk; nothing was sent"}, r.journal.Close(), r.unmark())
	}
	return r, nil
}

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"xlab/lab/study/shard"
	"xlab/run"
	"xlab/run/screen"
)

const (
	mostTries   = 3 // a task that computes no chip is submitted so often
	mostReasons = 5 // a person gets so many of a kind at once
)

// Watch says how a study on a cluster is watched.
type Watch struct {
	Place
	Submit   bool          // what is missing and not in the queue is submitted
	Poll     time.Duration // after which queue and files are looked at again; 0 = they are looked at once
	Messages io.Writer     // gets the progress and what a person has to know
}

// watch is a Watch under way.
type watch struct {
	*Study
	Watch
	progress *run.Progress
	lock     *os.File // held by who submits; nil = by somebody else, or nobody
	tasks    []task

	asked     bool   // the queue has answered
	submitted bool   // something was
	told      bool   // that another process submits
	refusal   string // why nothing was submitted when that was tried last
}

// task is what is known of one.
type task struct {
	chips int  // that are there
	whole bool // the shard is complete

	out   bool   // was submitted, and not seen to end since
	tries int    // submitted so often since it last computed a chip
	had   int    // chips when it was submitted
	wrote int64  // bytes of its log then
	why   string // why it ended; "" = it was not seen to
}

// Watch waits until the study is complete and shows how far it is. What it submits goes
// on without it: the same call, in another process too, goes on watching. Of several
// that submit, one does, and the others follow when it has ended. A task that leaves
// the queue before its shard is complete is submitted again, unless it did not compute
// a single chip for several times.
//
// An error of usage is that the cluster does not take the job. A *run.Ended is a study
// that will not be complete by waiting, with the reasons; or, where it is looked at
// once, one that is not complete. The end of ctx is its cause.
func (s *Study) Watch(ctx context.Context, o Watch) error {
	w := &watch{Study: s, Watch: o, tasks: make([]task, len(s.Shards)),
		progress: run.NewProgress(run.ProgressOptions{Output: o.Messages, Label: "study", Quiet: true})}
	defer w.progress.Close()
	defer func() {
		if w.lock != nil {
			_ = w.lock.Close() // nothing was written to it
		}
	}()
	if o.Submit {
		if err := w.claim(); err != nil {
			return err
		}
	}
	if w.lock != nil { // who asks for it anew wants what was cancelled
		if err := os.Remove(filepath.Join(s.dir, cancelledName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for looks := 0; ; looks++ {
		if over, err := w.look(ctx); over || err != nil {
			return err
		}
		if looks == 0 {
			w.progress.Resume()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; the tasks go on: `xlab study collect %s --watch` watches them, --cancel ends them",
				context.Cause(ctx), screen.ShellLine(s.dir))
		case <-time.After(w.Poll):
		}
	}
}

// look compares files and queue, and submits what is in neither. The lock comes before
// the queue, so that nobody else submits meanwhile; the queue before the files, because
// a task that has left the queue does not write any more.
func (w *watch) look(ctx context.Context) (over bool, err error) {
	if w.Submit {
		if err := w.claim(); err != nil {
			return false, err
		}
	}
	entries, failed := queue(ctx, w.Job)
	if ctx.Err() != nil {
		return false, nil
	}
	if err := w.count(); err != nil {
		return false, err
	}
	var lost []int
	queued, unknown := false, false
	for i, t := range w.tasks {
		active := entries[i].active()
		queued = queued || active
		if !t.whole && !active {
			lost = append(lost, i)
			unknown = unknown || entries[i].state == "" && (t.out || t.why == "")
		}
	}
	if unknown && failed == nil {
		accounts(ctx, w.Job, entries)
	}
	w.show(entries, failed)
	switch {
	case w.complete():
		return true, nil
	case w.cancelled() && w.lock != nil: // it may have submitted since
		return true, errors.Join(w.incomplete(entries, "it was cancelled"), w.Cancel(ctx))
	case w.cancelled() && !queued:
		return true, w.incomplete(entries, "it was cancelled")
	case failed != nil && w.Submit && !w.asked:
		return true, run.Usage(fmt.Errorf("nothing was submitted: %w; where Slurm is not, or is submitted to by hand, "+
			"--print gives what computes the same shards (%s)", failed, strings.Join(Kinds(), ", ")))
	case w.Poll == 0:
		return true, w.incomplete(entries, "")
	case failed != nil:
		return false, nil // it may answer again, and the files go on telling
	}
	w.asked = true
	if w.lock != nil {
		tried, err := w.again(ctx, lost, entries)
		if tried || err != nil {
			return false, err
		}
	}
	if queued || w.Submit && w.lock == nil {
		return false, nil
	}
	if err := w.claim(); err == nil && w.lock == nil {
		return false, nil // whoever submits has not done so yet
	}
	return true, w.incomplete(entries, "")
}

// again submits lost tasks, unless they were tried too often, and tells whether there
// were any.
func (w *watch) again(ctx context.Context, lost []int, entries map[int]entry) (bool, error) {
	var list []int
	var reasons []string
	for _, i := range lost {
		t := &w.tasks[i]
		if t.out {
			t.out, t.why = false, w.reason(i, entries[i])
			reasons = append(reasons, t.why)
			if t.chips > t.had {
				t.tries = 0
			}
		}
		if t.tries < mostTries {
			list = append(list, i)
		}
	}
	for _, text := range reasons[:min(len(reasons), mostReasons)] {
		w.progress.Message(text)
	}
	if more := len(reasons) - mostReasons; more > 0 {
		w.progress.Message(fmt.Sprintf("and %s more", screen.Count(more, "task")))
	}
	if len(list) == 0 {
		return false, nil
	}
	for _, i := range list { // before they begin to write
		t := &w.tasks[i]
		t.tries, t.had, t.wrote = t.tries+1, t.chips, w.logged(i)
	}
	// Who ends the watching does not want half a submission.
	job, err := w.submit(context.WithoutCancel(ctx), w.Place, list)
	if err != nil && !w.submitted {
		return false, err
	}
	for _, i := range list {
		t := &w.tasks[i]
		if t.out = err == nil; !t.out { // what was not submitted was not tried
			t.tries, t.why = t.tries-1, w.name(i)+" was not submitted again"
		}
	}
	if err != nil {
		if text := err.Error(); text != w.refusal { // the cluster may take it again
			w.refusal = text
			w.progress.Message(text)
		}
		return true, nil
	}
	w.submitted, w.refusal = true, ""
	w.progress.Message(fmt.Sprintf("job %s: %s submitted", job, screen.Count(len(list), "task")))
	return true, nil
}

// count looks into the shards' files. One that cannot be read because it is just being
// written counts as before.
func (w *watch) count() error {
	for i := range w.tasks {
		t := &w.tasks[i]
		if t.whole {
			continue
		}
		s, err := shard.Read(w.File(i))
		t.whole = err == nil
		if errors.Is(err, fs.ErrNotExist) {
			s, err = shard.Read(w.File(i) + shard.Part)
		} else if err != nil {
			return err
		}
		if err == nil {
			t.chips = len(s.Chips)
		}
	}
	return nil
}

func (w *watch) complete() bool {
	return !slices.ContainsFunc(w.tasks, func(t task) bool { return !t.whole })
}

// show tells how far the study is, by the files, and what the cluster is at.
func (w *watch) show(entries map[int]entry, failed error) {
	done, total := w.chips()
	states := make(map[string]int)
	for i, t := range w.tasks {
		if e := entries[i]; !t.whole && e.active() {
			e.node = ""
			states[e.String()]++
		}
	}
	var notes []string
	for _, state := range slices.Sorted(maps.Keys(states)) {
		notes = append(notes, fmt.Sprintf("%d %s", states[state], state))
	}
	if failed != nil {
		notes = append(notes, failed.Error())
	}
	w.progress.Observe(run.Event{Kind: "chip", Done: done, Total: total, Note: strings.Join(notes, ", ")})
}

func (w *watch) chips() (done, total int) {
	for i, t := range w.tasks {
		done, total = done+t.chips, total+len(w.Shards[i])
	}
	return done, total
}

// incomplete is the error of a study of which shards are missing.
func (w *watch) incomplete(entries map[int]entry, why string) error {
	done, total := w.chips()
	text := fmt.Sprintf("%d of %s are there", done, screen.Count(total, "chip"))
	if why != "" {
		text += "; " + why
	}
	missing := 0
	for i, t := range w.tasks {
		if t.whole {
			continue
		}
		if missing++; missing > mostReasons {
			continue
		}
		if t.why == "" {
			t.why = w.reason(i, entries[i])
		}
		text += "\n" + t.why
	}
	if missing > mostReasons {
		text += fmt.Sprintf("\nand %s more", screen.Count(missing-mostReasons, "shard"))
	}
	return &run.Ended{Outcome: run.OutcomePartial, Err: errors.New(text +
		"\nthe command that began the study submits what is missing again")}
}

// name is "shard 3 (seeds 7-9)".
func (w *watch) name(i int) string { return fmt.Sprintf("shard %d (seeds %s)", i, w.Shards[i]) }

// reason says why a task's shard is not complete.
func (w *watch) reason(i int, e entry) string {
	text := w.name(i) + ": " + e.String()
	if e.active() {
		return text
	}
	switch line, err := lastWords(w.log(i), w.tasks[i].wrote); {
	case err != nil:
		return text + "; its log: " + err.Error()
	case line == "" && e.state == "FAILED":
		return fmt.Sprintf("%s; it wrote nothing into its log: is %s on a disk that the node has?", text,
			screen.Line(w.dir))
	case line == "":
		return text
	default:
		return text + ": " + line
	}
}

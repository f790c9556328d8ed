package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"xlab/figure"
	"xlab/instrument"
	"xlab/instrument/array"
	"xlab/lab/procedure"
	"xlab/lab/session"
	"xlab/lab/sim"
	"xlab/lab/transcript"
	"xlab/run"
	"xlab/run/guarded"
	"xlab/run/replay"
)

// Run is a run on an open bench: its directory, and the arrays with the
// journal in front of them.
type Run struct {
	*run.Run            // nil while a resumed run is being checked, and in a replay
	header   run.Header // of this segment
	lab      *Lab
	session  *session.Session // nil in a replay
	events   *run.Mailbox     // in front of the progress, while there is work
	stack    *guarded.Stack   // nil until the work begins
	tape     *replay.Tape     // what earlier segments recorded
	past     past
	progress *display
	began    time.Time
	hung     bool // the work did not return: what it has its hands on must not be touched
	summary  any  // key figures, once the run has ended
	alarm    atomic.Pointer[Alarm]

	start instrument.Seconds // analyzer's time at the beginning of this segment
	base  instrument.Seconds // bench time that was known last, since the run began
	busy  instrument.Seconds // what the instruments had needed by then
	told  instrument.Seconds // what the bench's clock said last, recorded or live

	live     bool               // the record of earlier segments has ended, or there is none
	liveBase instrument.Seconds // bench time then
	liveBusy instrument.Seconds // what the instruments had needed by then

	// whenLive is what has to be done before the first thing that a resumed run does
	// itself: bringing back what the earlier segments had brought about and the end
	// of their process has undone.
	whenLive []func(ctx context.Context) error
}

// past is what is known of a run's earlier segments; zero for a new run.
type past struct {
	records iter.Seq2[run.Record, error]
	skip    []replay.Span
	wall    float64            // s that they took
	clock   instrument.Seconds // bench time at the end of the last: what they took
	cutOff  instrument.Seconds // part of it of which the overhead is not known (run.Report.CutOff)
	gap     instrument.Seconds // between its end and now, on a bench whose clock went on
}

// Header implements procedure.Bench.
func (r *Run) Header() run.Header { return r.header }

// ID names the run.
func (r *Run) ID() string { return r.header.ID }

// WriteFile puts a data file into the run's directory. In a replay there is none.
func (r *Run) WriteFile(name string, data []byte) error {
	if r.Run == nil {
		return nil
	}
	return r.Run.WriteFile(name, data)
}

// Crossbar implements procedure.Bench.
func (r *Run) Crossbar(name string) *array.Journaled { return r.stack.Crossbar(name) }

// Recall implements procedure.Bench.
func (r *Run) Recall(kind string, asked, answer any, do func() error) error {
	if r.tape == nil { // nothing is kept
		return do()
	}
	if r.lab.Played != nil && slices.Contains(beside, kind) {
		do = func() error { return r.lab.recorded.Recall(kind, asked, answer, nil) }
	}
	return r.tape.Recall(kind, asked, answer, do)
}

// Conversation implements procedure.Bench.
func (r *Run) Conversation() (in io.Reader, out io.Writer) {
	if r.session == nil || r.lab.recorded != nil {
		return nil, io.Discard
	}
	return r.lab.In, r.lab.Out
}

// CarryOut carries a job out as a new run: directory, journal, safe exit. The run is
// nil where none was begun. Without arrays nothing is opened.
func (l *Lab) CarryOut(ctx context.Context, j procedure.Job) (*Run, error) {
	if len(j.Arrays()) == 0 {
		if l.Transcript != nil {
			return nil, run.Usage(errors.New("--transcript: the command opens no bench, so there is nothing to record"))
		}
		return l.withoutBench(ctx, j)
	}
	return l.onBench(ctx, j, func(r *Run) (err error) {
		o := l.Kept(r.session.Options())
		r.header.Task, o.Announce = l.Task, l.Announce
		if r.Run, err = run.Create(l.Config.Runs, r.header, o); err == nil {
			r.header = r.Run.Header()
			l.Transcript.Into(filepath.Join(r.Dir(), transcript.Directory(1)))
		}
		return err
	}, nil)
}

// withoutBench carries out a job that has no arrays. There is no journal of steps, and
// nothing to make safe.
func (l *Lab) withoutBench(ctx context.Context, j procedure.Job) (*Run, error) {
	ctx, release := l.interruptible(ctx)
	defer release()
	chip, err := l.Chip()
	if err != nil {
		return nil, err
	}
	r := &Run{lab: l, began: time.Now()}
	r.Run, err = run.Create(l.Config.Runs, run.Header{Command: j.Command(), Arguments: l.Arguments,
		Program: run.Program(), Bench: "none: trained in software", Chip: chip, Profile: l.Settings().Profile.String(),
		Spec: j.Spec()}, l.Kept(run.Options{}))
	if err != nil {
		return nil, err
	}
	r.header = r.Run.Header()
	err = j.Work(ctx, r)
	r.summary = j.Summary(r, procedure.Figures{Run: r.ID(), WallSeconds: time.Since(r.began).Seconds()})
	return r, r.End(errors.Join(err, j.Files(r)), r.summary)
}

// onBench opens the bench for a job and carries it out there. prepare makes the
// run before anything can be stressed; what it refuses leaves no run. takeUp, if
// not nil, is the beginning of the work, with the bench guarded.
func (l *Lab) onBench(ctx context.Context, j procedure.Job, prepare func(r *Run) error,
	takeUp func(ctx context.Context, r *Run) error) (begun *Run, err error) {
	if err := l.CheckNotify(); err != nil {
		return nil, err
	}
	names, err := l.boards(j)
	if err != nil {
		return nil, err
	}
	// Guard catches interrupts from where something can be stressed; opening
	// must not be cut off in the middle either.
	opening, release := l.interruptible(ctx)
	defer release()
	var r *Run
	// People are told when everything else is over: it may take a while.
	defer func() {
		if r != nil {
			r.tell(err)
		}
	}()
	s, err := l.Open(opening, names...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	r = &Run{lab: l, header: l.header(s, j, names), session: s, began: time.Now()}
	if err := prepare(r); err != nil {
		return nil, errors.Join(err, s.MakeSafe(ctx))
	}
	if r.Run != nil {
		l.begun(ctx, r)
	}
	defer func() {
		if !r.hung && r.Run != nil {
			l.noteRun(ctx, r.ID())
		}
	}()
	r.progress = newDisplay(run.ProgressOptions{Output: l.Messages, Label: strings.ReplaceAll(j.Command(), "-", " "),
		Quiet: r.past.records != nil})
	if len(names) == 1 {
		r.progress.array = r.header.Array
	}
	if r.Run != nil {
		if err := l.watchOver(r); err != nil {
			r.progress.Close()
			return r, r.End(errors.Join(err, s.MakeSafe(ctx)), nil)
		}
	}
	err = l.guard(ctx, opening, r, j, takeUp)
	return r, err
}

// boards are the names that the bench has for a job's arrays.
func (l *Lab) boards(j procedure.Job) (names []string, err error) {
	for _, name := range j.Arrays() {
		board, err := l.Config.Board(name)
		if err != nil {
			return nil, err
		}
		names = append(names, board.Name)
	}
	return names, nil
}

// header says what a run is that the job is done in on the open bench.
func (l *Lab) header(s *session.Session, j procedure.Job, names []string) run.Header {
	h := run.Header{Command: j.Command(), Arguments: l.Arguments, Program: run.Program(), Bench: s.Describe(),
		Simulated: s.Sim != nil, Instruments: map[string]instrument.Identity{"analyzer": s.Identity},
		Limits: l.Config.DeviceLimits(), Profile: l.Settings().Profile.String(), Spec: j.Spec()}
	for _, name := range names {
		w := s.Wirings[name]
		h.Arrays = append(h.Arrays, run.ArrayHeader{Name: name, Rows: w.Rows, Cols: w.Cols, Wiring: wiringChecksum(w)})
	}
	if len(names) > 0 {
		h.Array = names[0]
	}
	if s.Neurons != nil {
		h.Instruments["neurons"] = s.NeuronIdentity
	}
	if s.Sim != nil {
		h.Chip, h.Seed = sim.Identity(s.Sim.File, s.Sim.Chip.Seed), s.Sim.Chip.Seed
	}
	return h
}

// guard does a job's work and leaves the bench safe and the run's directory
// complete on every way out. opening is the context that the bench was opened
// under.
func (l *Lab) guard(ctx, opening context.Context, r *Run, j procedure.Job,
	takeUp func(ctx context.Context, r *Run) error) error {
	var end procedure.Figures
	// Work that hangs is left behind, with all that it has its hands on: what
	// it writes may be read only once it has returned.
	var returned atomic.Bool
	var begun lateJournal
	begun.run.Store(r.Run)
	return run.Guard(ctx, run.GuardOptions{
		Safers: r.session.Safers(), Timeout: r.session.SafeTimeout(), Journal: &begun, Signals: l.Signals,
		GoOn:   func(ctx context.Context) error { return r.session.GoOn(ctx, begun.Event, r.progress.Message) },
		Stacks: begun.stacks,
		Notify: func(text string) { r.progress.Message(text) },
		Finish: func(err error) error {
			r.progress.Close()
			written := begun.run.Load()
			if lost := l.Transcript.Err(); lost != nil && written != nil {
				// A journal that cannot be written says so by itself.
				_ = written.Journal().Note("the transcript of the links ends early: " + lost.Error())
			}
			switch r.hung = !returned.Load(); {
			case written == nil:
				return err // refused before the run was taken up
			case r.hung:
				r.summary = procedure.Figures{Run: written.ID(), WallSeconds: r.past.wall + time.Since(r.began).Seconds()}
				return written.End(err, r.summary)
			}
			r.summary = j.Summary(r, end)
			return written.End(errors.Join(err, j.Files(r)), r.summary)
		},
	}, func(ctx context.Context) error {
		defer returned.Store(true)
		if opening.Err() != nil {
			return run.ErrInterrupted // between opening and here
		}
		start, err := r.session.Analyzer.BenchTime(ctx)
		if err != nil {
			return err
		}
		r.start = start
		if takeUp != nil {
			err := takeUp(ctx, r)
			begun.run.Store(r.Run)
			if err != nil {
				return err
			}
		}
		if err := r.begin(ctx, l.Messages); err != nil {
			return err
		}
		defer r.tape.Close()
		r.events = run.NewMailbox(r.progress.Observe)
		defer r.events.Close()
		err = j.Work(ctx, r)
		end = r.figures(ctx, err)
		return err
	})
}

// lateJournal is the journal of a run that may be taken up later, or not at all.
type lateJournal struct{ run atomic.Pointer[run.Run] }

func (l *lateJournal) Event(kind string, data any) error {
	r := l.run.Load()
	if r == nil {
		return nil
	}
	return r.Journal().Event(kind, data)
}

// StacksFile holds what all goroutines were at when a signal such as SIGQUIT came.
const StacksFile = "goroutines.txt"

func (l *lateJournal) stacks(text []byte) error {
	if r := l.run.Load(); r != nil {
		return r.WriteFile(StacksFile, text)
	}
	_, err := os.Stderr.Write(text)
	return err
}

// begin puts the record and the journal in front of the arrays.
func (r *Run) begin(ctx context.Context, messages io.Writer) (err error) {
	if r.past.records == nil {
		r.Journal().SetBenchTime(0)
	} else if _, err := r.benchTime(ctx); err != nil {
		return err
	}
	for _, text := range r.session.Leftovers {
		if err := r.Journal().Note(text); err != nil {
			return err
		}
	}
	r.tape, err = replay.New(r.past.records, replay.Options{Journal: timedJournal{r}, Read: r.session.Config.Read.Step(),
		Skip: r.past.skip,
		Live: func() error { return r.goLive(ctx, messages) }})
	if err != nil {
		return err
	}
	s := r.session
	s.Up = s.Ladder(timedJournal{r}.Event, r.progress.Message)
	r.stack = guarded.New(guarded.Options{Arrays: r.header.Arrays, Turns: &s.Turns, Ladder: s.Up,
		Watch: s.Config.NewWatch(timedJournal{r}.Event), Tape: r.tape})
	return nil
}

// goLive is where the record of earlier segments ends.
func (r *Run) goLive(ctx context.Context, messages io.Writer) error {
	r.live, r.liveBase = true, r.base
	r.busy = r.needed()
	r.liveBusy = r.busy
	if r.past.records == nil {
		return nil
	}
	last := r.progress.goLive()
	fmt.Fprintf(messages, "taking up run %s: %s\n", r.ID(), last)
	for _, f := range r.whenLive {
		if err := f(ctx); err != nil {
			return err
		}
	}
	return nil
}

// timedJournal gives the lines of the journal their bench time. To ask the
// bench would cost an exchange per device; what the instruments needed by
// themselves since it was known last is less than what has really passed, by
// the part of the bench's time that is overhead.
type timedJournal struct{ r *Run }

func (t timedJournal) Intent(data any) (uint64, error) {
	t.r.estimate()
	return t.r.Journal().Intent(data)
}

func (t timedJournal) Part(intent uint64, data any) error {
	t.r.estimate()
	return t.r.Journal().Part(intent, data)
}

func (t timedJournal) Result(intent uint64, data any) error {
	t.r.estimate()
	return t.r.Journal().Result(intent, data)
}

func (t timedJournal) Event(kind string, data any) error {
	t.r.estimate()
	return t.r.Journal().Event(kind, data)
}

func (r *Run) estimate() {
	if r.live { // before, all that the instruments needed is of earlier segments
		r.Journal().SetBenchTime(r.base + r.needed() - r.busy)
	}
}

// needed is the time that the instruments needed by themselves for all that was
// done in the run.
func (r *Run) needed() instrument.Seconds {
	if r.stack == nil {
		return 0
	}
	return r.stack.Busy()
}

// benchTime reads the bench's clock, in s since the run began. The time between
// two segments is not part of it.
func (r *Run) benchTime(ctx context.Context) (instrument.Seconds, error) {
	var now instrument.Seconds
	err := run.AtBench(ctx, func(ctx context.Context) (err error) {
		now, err = r.session.Analyzer.BenchTime(ctx)
		return err
	})
	if err != nil {
		return 0, err
	}
	r.base, r.busy = r.past.clock+now-r.start, r.needed()
	if r.Run != nil {
		r.Journal().SetBenchTime(r.base)
	}
	return r.base, nil
}

// figures reads the bench's clock for the last time. Where the bench no longer
// answers the bench time is 0; what is known not to answer is not asked,
// because waiting for it would keep the bench from being made safe.
func (r *Run) figures(ctx context.Context, err error) procedure.Figures {
	f := procedure.Figures{Run: r.ID(), WallSeconds: r.past.wall + time.Since(r.began).Seconds(),
		BusySeconds: float64(r.needed())}
	switch instrument.KindOf(err) {
	case instrument.KindTimeout, instrument.KindUnreachable:
		return f
	}
	if now, err := r.benchTime(ctx); err == nil {
		r.base = max(now+r.overheadCutOff(now), r.needed())
		r.Journal().SetBenchTime(r.base)
		f.BenchSeconds = float64(r.base)
	}
	if f.BusySeconds > 0 {
		f.Overhead = f.BenchSeconds / f.BusySeconds
	}
	return f
}

// overheadCutOff is what has to be added to the bench time, which is now, for the
// overhead of segments that were cut off: their lines say what the instruments
// needed. The overhead of what this process did is that of the others; where it is
// large, the bench has waited, and the lines say what it waited.
func (r *Run) overheadCutOff(now instrument.Seconds) instrument.Seconds {
	const waits = 0.5
	needed := r.needed() - r.liveBusy
	if !r.live || needed <= 0 {
		return 0
	}
	overhead := (now-r.liveBase)/needed - 1
	if overhead < 0 || overhead > waits {
		return 0
	}
	return r.past.cutOff * overhead
}

// Write implements procedure.Bench.
func (r *Run) Write(name string, write func(w io.Writer) error) error {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	return r.WriteFile(name, b.Bytes())
}

// begun tells of a run that was begun or taken up: the bench's lock names it
// and the index has it. Both are for people, and a failure is of no consequence.
func (l *Lab) begun(ctx context.Context, r *Run) {
	l.CutOff = r.ID()
	held := r.session.Held
	if r.session.Sim != nil {
		held = r.session.Sim.Held
	}
	if err := held.Working(r.ID()); err != nil {
		fmt.Fprintf(l.Messages, "warning: the bench's lock does not name the run: %v\n", err)
	}
	l.noteRun(ctx, r.ID())
}

// Draw implements procedure.Bench.
func (r *Run) Draw(list ...figure.Figure) error {
	_, err := figure.WriteFiles(r.Write, r.Formats(), list...)
	return err
}

// Formats implements procedure.Bench.
func (r *Run) Formats() figure.Formats { return r.lab.Config.Figures }

// ScaleDifference implements procedure.Bench.
func (r *Run) ScaleDifference(by float64) (err error) {
	if r.session != nil && r.session.Sim != nil {
		board := r.session.Sim.Netlist
		board.Do(func() { err = board.ScaleDifference(by) })
	}
	return err
}

// Told tells whether there is an outcome to show: the run was begun, and its work
// has returned.
func (r *Run) Told() bool { return r.Run != nil && !r.hung }

package plan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"xlab/lab"
	"xlab/lab/procedure"
	"xlab/run"
	"xlab/run/screen"
)

// Program carries plans out, on a laboratory's bench.
type Program struct {
	*lab.Lab
	Commands Commands
}

// Commands are the program's command lines, of which a step of a plan is one.
type Commands interface {
	// Flags checks the words and flags of a command line and gives its procedure with
	// its flags.
	Flags(arguments []string) (procedure.Procedure, *pflag.FlagSet, error)
	// Request reads a command line, with the laboratory that it is for, which says on
	// messages what it has to say.
	Request(ctx context.Context, messages io.Writer, arguments []string) (*lab.Lab, *procedure.Request, error)
	// Lab is the laboratory with keys overridden, as key=value; the arguments are what
	// its runs are recorded with.
	Lab(arguments, overrides []string) (*lab.Lab, error)
	// Hold lets what held for a plan that is taken up hold for all command lines.
	Hold(s Spec)
}

// Result is the key figures of a plan's run.
type Result struct {
	Run   string  `json:"run"`
	Plan  string  `json:"plan"`
	Total int     `json:"tasks_planned"`
	Tasks []Entry `json:"tasks"`
}

// Begin carries a plan out as a new run. The result is nil where none was begun.
func (p Program) Begin(ctx context.Context, spec Spec) (*Result, error) {
	c := p.Config
	h := run.Header{Command: Command, Arguments: p.Arguments, Program: run.Program(),
		Bench:     fmt.Sprintf("%s (%s)", c.Bench, c.Analyzer.Address),
		Simulated: c.Simulated(), Limits: c.DeviceLimits(), Spec: spec}
	var err error
	if h.Chip, err = p.Chip(); err != nil {
		return nil, err
	}
	r, err := run.Create(c.Runs, h, p.Kept(run.Options{}))
	if err != nil {
		return nil, err
	}
	return p.carryOut(ctx, r, spec, nil, false)
}

// Resume goes on with the plan whose run is in dir.
func (p Program) Resume(ctx context.Context, dir string, accept bool) (*Result, error) {
	if err := p.CheckNotify(); err != nil {
		return nil, err
	}
	var past Record
	claim, err := run.NewClaim(dir, past.See)
	if err != nil {
		return nil, err
	}
	if err := p.CheckRecord(dir, &claim.Report, accept); err != nil {
		return nil, errors.Join(err, claim.Release())
	}
	p.AskWhomToTell(&claim.Header)
	spec, err := specOf(&claim.Header)
	var all []*run.Stored
	if err == nil {
		all, err = run.All(p.Config.Runs)
	}
	if err != nil {
		return nil, errors.Join(err, claim.Release())
	}
	past.Adopt(claim.Header.ID, all)
	h := claim.Header
	now := time.Now().UTC().Round(0)
	h.Resumed, h.Program, h.Arguments = &now, run.Program(), p.Arguments
	r, err := claim.Continue(h, p.Kept(run.Options{}))
	if err != nil {
		return nil, errors.Join(err, claim.Release())
	}
	p.Commands.Hold(spec)
	return p.carryOut(ctx, r, spec, past.Entries, accept)
}

// Continue looks for earlier runs of a plan on this bench and goes on with the newest
// one. taken is true where nothing is left to be begun.
func (p Program) Continue(ctx context.Context, of *Plan) (result *Result, taken bool, err error) {
	all, err := run.All(p.Config.Runs)
	if err != nil {
		return nil, false, err
	}
	chip, err := p.Chip()
	if err != nil {
		return nil, false, err
	}
	for _, s := range slices.Backward(all) {
		if s.Header.Command != Command {
			continue
		}
		spec, err := specOf(&s.Header)
		if err != nil || spec.Plan.Name != of.Name || s.Header.Chip != chip {
			continue // another plan, or one that cannot be read
		}
		if !s.Resumable() {
			fmt.Fprintf(p.Messages, "plan %s is %s (run %s): nothing is begun; without --continue it begins anew\n", of.Name,
				s.Outcome, s.ID)
			return nil, true, nil
		}
		if !of.same(spec.Plan) {
			return nil, false, run.Usage(fmt.Errorf("run %s of plan %s was cut off, and the file has changed since: `xlab "+
				"resume %s` goes on with the plan as it was; without --continue the changed plan begins anew", s.ID, of.Name, s.ID))
		}
		result, err = p.Resume(ctx, s.Dir, false)
		return result, true, err
	}
	return nil, false, nil
}

// forever is how long a task may take to make its bench safe after a second
// interrupt: the task's own guard has the deadlines.
const forever = 24 * time.Hour

// carryOut does what is left of a plan and ends its run. Tasks are taken up although
// the bench is not as it was if that was accepted.
func (p Program) carryOut(ctx context.Context, r *run.Run, spec Spec, past []Entry, accept bool) (*Result, error) {
	p.CutOff = r.ID()
	show := run.NewProgress(run.ProgressOptions{Output: p.Messages, Label: "plan " + spec.Plan.Name})
	alarm, err := p.NewAlarm(r.Header(), r.Dir(), show.Message)
	if err != nil {
		return nil, errors.Join(err, r.End(err, nil))
	}
	e, err := Begin(spec.Plan, past, Recorder(r.Journal()))
	if err != nil {
		return nil, r.End(err, nil)
	}
	tasks := len(spec.Plan.Tasks())
	var result Result
	// A guard without instruments: every task leaves the bench safe by itself,
	// and an interrupt between two of them ends the plan as well.
	err = run.Guard(ctx, run.GuardOptions{Journal: r.Journal(), Signals: p.Signals, Notify: show.Message, Grace: forever,
		Stacks: func(text []byte) error { return r.WriteFile(lab.StacksFile, text) },
		Finish: func(err error) error {
			show.Close()
			result = Result{Run: r.ID(), Plan: spec.Plan.Name, Tasks: e.Entries(), Total: tasks}
			err = r.End(err, result)
			alarm.End(err, result)
			return err
		},
	}, func(ctx context.Context) error {
		return e.Run(ctx, runner{p, r.ID(), alarm, accept}, func(t Task, x Entry) {
			alarm.Vigil.Observe(run.Event{Kind: "task", Done: e.Done(), Total: tasks})
			show.Message(x.line(e.Done(), tasks))
		})
	})
	return &result, err
}

// line tells of a task; done of all tasks are over.
func (x Entry) line(done, all int) string {
	name := screen.Line(x.Name)
	switch x.State {
	case Begun:
		return fmt.Sprintf("%s: begins, task %d of %d", name, done+1, all)
	case Skipped:
		return name + ": skipped, " + x.Reason
	}
	line := fmt.Sprintf("%s: %s", name, x.Outcome)
	if x.Reason != "" {
		line += ", " + x.Reason
	}
	return line
}

// runner carries tasks out as runs of their own.
type runner struct {
	Program
	id    string // of the plan's run
	alarm *lab.Alarm

	accept bool // of what is taken up
}

var _ Runner = runner{}

// Run carries a task out.
func (r runner) Run(ctx context.Context, t Task, begun func(id string) error) (Report, error) {
	l, request, err := r.Commands.Request(ctx, r.Messages, t.Arguments())
	if err != nil {
		return r.report("", err)
	}
	id := ""
	l.Announce = func(run string) error {
		id = run
		return begun(run)
	}
	r.attend(l, t)
	for _, note := range request.Notes {
		l.Say(note)
	}
	_, err = l.CarryOut(ctx, request.Job)
	return r.report(id, err)
}

// attend lets a task's run belong to the plan, which hears of its progress.
func (r runner) attend(l *lab.Lab, t Task) {
	l.Task, l.Watch = &run.Task{Plan: r.id, Index: t.Index, Name: t.Name()}, r.alarm.Vigil
}

// Resume takes up a task's run.
func (r runner) Resume(ctx context.Context, t Task, id string, begun func(id string) error) (Report, error) {
	if ok, err := run.Begun(r.Config.Runs, id); err != nil {
		return Report{}, err
	} else if !ok {
		return r.Run(ctx, t, begun)
	}
	s, err := run.Load(r.Config.Runs, id)
	if err != nil {
		return Report{}, err
	}
	if s.Result != nil && !s.Resumable() {
		return reportOf(s), nil // it ended before the plan could note it
	}
	if err := lab.RefuseToResume(s); err != nil {
		return Report{}, err
	}
	overrides := t.Step.overrides()
	args := []string{"resume", id}
	for _, text := range overrides {
		args = append(args, "--set="+text)
	}
	if r.accept {
		args = append(args, "--accept")
	}
	l, err := r.Commands.Lab(args, overrides)
	if err == nil {
		r.attend(l, t)
		_, _, err = l.Resume(ctx, s.Dir, r.accept)
	}
	return r.report(id, err)
}

// reportOf reads how a run ended.
func reportOf(s *run.Stored) Report {
	return Report{Outcome: s.Outcome, Cause: s.Cause, Figures: s.Summary.Summary}
}

// report says how a task ended: by its run, if that has a result, else by err. A
// bench that is not safe ends the plan: nothing more may be done on it.
func (r runner) report(id string, err error) (Report, error) {
	if errors.Is(err, run.ErrUnsafe) {
		return Report{}, err
	}
	if id != "" {
		if s, loadErr := run.Load(r.Config.Runs, id); loadErr == nil && s.Result != nil {
			return reportOf(s), nil
		}
	}
	report := Report{Outcome: run.OutcomeOf(err)}
	if err != nil {
		report.Cause = lab.Cause(err)
	}
	return report, nil
}

package plan

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"xlab/run"
)

// State says what an entry of the plan's journal is about.
type State string

const (
	// Begun is on disk before the run's directory is made. Entries of older
	// versions have no run here, and one "running" after it, once there was one.
	Begun   State = "begun"
	Ended   State = "ended"
	Skipped State = "skipped"
)

// Entry is what is known of a task. The plan's journal holds one for every
// change.
type Entry struct {
	Task    int             `json:"task"` // Task.Index
	Name    string          `json:"name"`
	State   State           `json:"state"`
	Run     string          `json:"run,omitempty"` // ID
	Outcome run.Outcome     `json:"outcome,omitempty"`
	Reason  string          `json:"reason,omitempty"` // of skipping, of an outcome that is not complete
	Figures json.RawMessage `json:"figures,omitempty"`
	Action  Action          `json:"action,omitempty"` // what followed
}

// Report is how a task's run ended.
type Report struct {
	Outcome run.Outcome
	Cause   string
	Figures json.RawMessage // key figures; nil = none
}

// Runner carries tasks out. It blocks until the task has ended, also when it
// ended badly: that is a report and no error. An error ends the plan.
type Runner interface {
	// Run carries a task out. It calls begun with the ID of the run before that has
	// a directory, again where the ID turns out to be taken, and begins no run when
	// that fails.
	Run(ctx context.Context, t Task, begun func(id string) error) (Report, error)
	// Resume takes up the run of a task that has begun, or is Run where that run has
	// never come to be.
	Resume(ctx context.Context, t Task, id string, begun func(id string) error) (Report, error)
}

// Execution is a plan under way.
type Execution struct {
	plan    *Plan
	tasks   []Task
	entries []*Entry // last one of each task, nil before it
	record  func(Entry) error
}

// Begin prepares a plan's execution. past are the entries of earlier attempts,
// in order; record keeps an entry and must not return before it is safe.
func Begin(p *Plan, past []Entry, record func(Entry) error) (*Execution, error) {
	e := &Execution{plan: p, tasks: p.Tasks(), record: record}
	e.entries = make([]*Entry, len(e.tasks))
	for _, x := range past {
		if x.Task < 0 || x.Task >= len(e.tasks) || e.tasks[x.Task].Name() != x.Name {
			return nil, fmt.Errorf("the record speaks of a task %q that the plan does not have", x.Name)
		}
		if last := e.entries[x.Task]; last != nil && x.Run == "" {
			x.Run = last.Run
		}
		e.entries[x.Task] = &x
	}
	return e, nil
}

// Entries are the last ones of all tasks that were reached.
func (e *Execution) Entries() []Entry {
	var list []Entry
	for _, x := range e.entries {
		if x != nil {
			list = append(list, *x)
		}
	}
	return list
}

// Done counts the tasks that have ended or were skipped.
func (e *Execution) Done() int {
	n := 0
	for _, x := range e.entries {
		if x != nil && x.over() {
			n++
		}
	}
	return n
}

// over tells whether nothing is left to be done for the task. What ended the plan
// before its time is taken up again: the person who resumes it has seen why.
func (x *Entry) over() bool {
	if x.State != Ended {
		return x.State == Skipped
	}
	switch x.Outcome {
	case run.OutcomeInterrupted, run.OutcomeTripped, run.OutcomeFailed:
		return x.Action != Stop && x.Action != Suspend
	}
	return true
}

func (e *Execution) note(x Entry) error {
	e.entries[x.Task] = &x
	return e.record(x)
}

// Run carries out what is left of the plan. The result is nil when all tasks
// were complete, an *run.Ended otherwise, or the error of the runner or of the
// record. observe is told of every task before and after.
func (e *Execution) Run(ctx context.Context, runner Runner, observe func(t Task, x Entry)) error {
	worst := run.OutcomeComplete
	var causes []string
	skipped := make(map[string]string) // arrays on which nothing more is done, with the reason
	for _, t := range e.tasks {
		x := e.entries[t.Index]
		if x == nil || !x.over() {
			if run.StopRequested(ctx) {
				return &run.Ended{Outcome: run.OutcomeInterrupted, Err: fmt.Errorf("%w before %s", run.ErrInterrupted, t.Name())}
			}
			if err := e.task(ctx, runner, t, skipped, observe); err != nil {
				return err
			}
			x = e.entries[t.Index]
			observe(t, *x)
		}
		if x.State == Skipped {
			continue
		}
		if x.Outcome != run.OutcomeComplete {
			causes = append(causes, fmt.Sprintf("%s is %s: %s", t.Name(), x.Outcome, x.Reason))
		}
		switch x.Action {
		case Stop:
			return &run.Ended{Outcome: x.Outcome, Err: fmt.Errorf("the plan was stopped after %s: %s", t.Name(), x.Reason)}
		case Suspend:
			return &run.Ended{Outcome: run.OutcomeInterrupted, Err: fmt.Errorf("the plan was suspended after %s: %s", t.Name(),
				x.Reason)}
		case SkipArray:
			skipped[strings.ToUpper(t.Array)] = fmt.Sprintf("%s is %s", t.Name(), x.Outcome)
		}
		worst = worse(worst, x.Outcome)
	}
	if worst == run.OutcomeComplete {
		return nil
	}
	return &run.Ended{Outcome: run.OutcomePartial, Err: fmt.Errorf("%s", strings.Join(causes, "; "))}
}

func worse(a, b run.Outcome) run.Outcome {
	if slices.Index(outcomes, b) > slices.Index(outcomes, a) {
		return b
	}
	return a
}

// task carries one task out and leaves its last entry.
func (e *Execution) task(ctx context.Context, runner Runner, t Task, skipped map[string]string,
	observe func(Task, Entry)) error {
	x := Entry{Task: t.Index, Name: t.Name(), State: Begun}
	before := e.entries[t.Index]
	resume := before != nil && before.Run != ""
	if !resume {
		if why, ok := skipped[strings.ToUpper(t.Array)]; ok && t.Array != "" {
			x.State, x.Reason = Skipped, "nothing more is done on this array: "+why
			return e.note(x)
		}
		if why := e.unmet(t); why != "" {
			x.State, x.Reason = Skipped, why
			return e.note(x)
		}
	}
	observe(t, x)
	begun := func(id string) error {
		x.Run = id
		return e.note(x)
	}
	var report Report
	var err error
	if resume {
		x.Run = before.Run
		report, err = runner.Resume(ctx, t, x.Run, begun)
	} else {
		report, err = runner.Run(ctx, t, begun)
	}
	if err != nil {
		return err
	}
	x.State, x.Outcome, x.Reason, x.Figures = Ended, report.Outcome, report.Cause, report.Figures
	if x.Outcome == run.OutcomeComplete || x.Outcome == run.OutcomePartial {
		for _, key := range slices.Sorted(maps.Keys(t.Step.Require)) {
			if why := t.Step.Require[key].check(x.Figures, key); why != "" {
				x.Outcome, x.Reason = run.OutcomeOutside, "required: "+why
			}
		}
	}
	x.Action = t.Step.On[x.Outcome]
	return e.note(x)
}

// unmet says why a task's condition does not hold; "" when it does.
func (e *Execution) unmet(t Task) string {
	c := t.Step.If
	if c == nil {
		return ""
	}
	step := e.plan.step(c.Step)
	same := slices.ContainsFunc(step.Arrays, func(a string) bool { return strings.EqualFold(a, t.Array) })
	for _, other := range e.tasks {
		if other.Step != step || same && !strings.EqualFold(other.Array, t.Array) {
			continue
		}
		x := e.entries[other.Index]
		switch {
		case x == nil || x.State == Skipped:
			return other.Name() + " was not done"
		case !slices.Contains(c.Is, x.Outcome):
			return fmt.Sprintf("%s is %s", other.Name(), x.Outcome)
		}
		for _, key := range slices.Sorted(maps.Keys(c.Where)) {
			if why := c.Where[key].check(x.Figures, key); why != "" {
				return other.Name() + ": " + why
			}
		}
	}
	return ""
}
